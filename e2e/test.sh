#!/usr/bin/env bash
# `make test`: every test of the workspace. Quiet while green; what failed is shown whole, the complete output is in a log.
# The last line is `N passed, N failed, N skipped`. A test that says "skipped: why" counts as skipped, not as passed.
#
# RUST_TEST_THREADS   tests at a time (default: one more than processors, at most 4: a cluster takes about 600 MB)
# KUBE_TEST_NODE      1: also the tests with real containers (`make e2e-node`), where this is root on Linux
# PLIMSOLL_CORPORA    reference manifests; the tests that need them are skipped without
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. e2e/lib.sh

need_cargo
e2e/controlplane/build.sh >/dev/null
has_node=
if [ "${KUBE_TEST_NODE:-}" = 1 ]; then
  # Without one the tests say what is missing.
  if e2e/node/prepare.sh but-image; then has_node=1; else say "no tests with real containers"; fi
fi

if [ -z "${RUST_TEST_THREADS:-}" ]; then
  # One more than compute: most wait.
  RUST_TEST_THREADS=$(($(getconf _NPROCESSORS_ONLN) + 1))
  [ "$RUST_TEST_THREADS" -le 4 ] || RUST_TEST_THREADS=4
  export RUST_TEST_THREADS
fi
logs=${CARGO_TARGET_DIR:-target}/test-logs
mkdir -p "$logs"
build=$logs/build.log log=$logs/test.log
image_pid=
leave() {
  [ -z "$patient_pid" ] || kill "$patient_pid" 2>/dev/null || true
  [ -z "$image_pid" ] || kill "$image_pid" 2>/dev/null || true
}
trap leave EXIT
trap 'exit 130' INT TERM

count() { # passed, failed and ignored, summed over all test binaries
  awk '/^test result: / { for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i-1)
    if ($i ~ /^failed/) f += $(i-1); if ($i ~ /^ignored/) s += $(i-1) } } END { print p + 0, f + 0, s + 0 }' "$log"
}
# Not tests but processes that tests start.
helpers() { grep -c '^test .* ignored, a part of other tests' "$log" || true; }
gave_up() { grep -ciE '^skipped: ' "$log" || true; }

show_failures() {
  awk '/^failures:$/ { on = 1 } on { print } /^test result: / { on = 0 }' "$log" | head -n 400 >&2
  grep -E '^(error|  process didn)' "$log" | cut -c 1-300 >&2 || true
  say "The complete output: $log"
}

# The report's page is tested in a real browser, where there is one; Debian's is installed where that is possible.
if ! command -v chromedriver >/dev/null && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  patiently "installing a browser" "$logs/browser.log" sh -c \
    'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium chromium-driver' ||
    say "No browser could be installed ($logs/browser.log): the tests of the report's page will be skipped."
fi

code=0
patiently "building the tests" "$build" cargo test --workspace --no-run || {
  grep -E -A 12 '^(error|warning: unused)' "$build" >&2 || tail -n 40 "$build" >&2
  say "The tests do not build: $build"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
}
# What the tests start is what was built just now.
PLIMSOLL_BIN=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)/debug/plimsoll
[ ! -x "$PLIMSOLL_BIN" ] || export PLIMSOLL_BIN
if [ -n "$has_node" ]; then
  # Beside the tests, most of which wait for clusters; those that need it wait for it.
  e2e/image.sh >"$logs/image.log" 2>&1 &
  image_pid=$!
fi
patiently "running the tests" "$log" cargo test --workspace --no-fail-fast -- --show-output || code=$?
if [ -n "$image_pid" ]; then
  wait "$image_pid" || { say "The operator's image could not be built:"; tail -n 20 "$logs/image.log" >&2; }
  image_pid=
fi

read -r passed failed ignored < <(count)
ignored=$((ignored - $(helpers)))
skips=$(gave_up)
# A test binary that crashed counts nothing itself.
if [ "$code" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
if [ "$failed" -ne 0 ]; then show_failures; fi
grep -iE '^skipped: ' "$log" | sort | uniq -c | sed 's/^ *\([0-9]*\) /\1 test(s) /' >&2 || true
echo "$((passed - skips)) passed, $failed failed, $((ignored + skips)) skipped"
[ "$failed" -eq 0 ]
