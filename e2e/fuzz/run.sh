#!/usr/bin/env bash
# `make fuzz`: every fuzz target for SECONDS_EACH (default 60), seeded with the fixtures. Ends with the inputs tried a target;
# an input that breaks one stays in e2e/fuzz/artifacts and fails the run.
#
# SECONDS_EACH   how long for each target
# TARGETS        which ones (default: all)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seconds=${SECONDS_EACH:-60}
targets=${TARGETS:-intake decode evaluate reach texts}
if ! command -v cargo-fuzz >/dev/null; then
  cargo install --quiet --locked cargo-fuzz@0.13.2
fi
if ! rustup toolchain list | grep -q '^nightly'; then
  rustup toolchain install nightly --profile minimal
fi

seed() { # the fixtures of the controls, for the targets that read manifests
  mkdir -p "e2e/fuzz/corpus/$1"
  case $1 in intake | evaluate)
    find operator/controls/src -path '*/fixtures/*.yaml' | while read -r fixture; do
      cp "$fixture" "e2e/fuzz/corpus/$1/$(echo "$fixture" | cksum | cut -d ' ' -f 1)"
    done
    ;;
  esac
}

for target in $targets; do
  seed "$target"
  log=$(mktemp)
  code=0
  cargo +nightly fuzz run --fuzz-dir e2e/fuzz "$target" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 >"$log" 2>&1 || code=$?
  awk -v target="$target" -F ': *' '/stat::number_of_executed_units/ { n = $2 } / cov: / { line = $0 }
    END { match(line, /cov: [0-9]+/); print target ": " n " inputs, " substr(line, RSTART, RLENGTH) }' "$log"
  if [ "$code" -ne 0 ]; then
    tail -n 60 "$log" >&2
    rm -f "$log"
    exit "$code"
  fi
  rm -f "$log"
done
