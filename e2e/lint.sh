#!/usr/bin/env bash
# `make lint`: everything that can be said without running the code. e2e/lint-tools.sh installs what it uses.
#
# PLIMSOLL_LINT_STRICT   a tool that is not installed fails
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=0
check() {
  local what=$1
  shift
  if "$@"; then echo "ok       $what"; else
    echo "FAILED   $what"
    failed=1
  fi
}
check_with() { # the tool that it takes, then as check
  if command -v "$1" >/dev/null; then check "${@:2}"; elif [ -n "${PLIMSOLL_LINT_STRICT:-}" ]; then check "$2" false; else echo "SKIPPED  $2: $1 is not installed"; fi
}

check rustfmt cargo fmt --all --check
check clippy cargo clippy --quiet --workspace --all-targets -- -D warnings
check_with shellcheck "shell scripts" bash -c "git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck"
check_with actionlint "workflows" actionlint
check_with zizmor "workflows' security" zizmor --offline --quiet .github action.yml
check_with cargo-deny "dependencies" cargo deny --log-level error check
exit "$failed"
