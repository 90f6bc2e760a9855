#!/usr/bin/env bash
# `make fuzz`: every fuzz target for SECONDS_EACH (default 60), seeded with the fixtures and with manifests as nobody writes them.
# Tells of each target how many inputs were tried and what they covered; an input that breaks one, or takes longer than 25
# seconds or 4 GB, stays in e2e/fuzz/artifacts and fails the run.
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

dictionary() {
  case $1 in
    texts) echo e2e/fuzz/texts.dict ;;
    *) echo e2e/fuzz/manifests.dict ;;
  esac
}

for target in $targets; do
  e2e/fuzz/seeds.sh "$target" "e2e/fuzz/corpus/$target"
  log=$(mktemp)
  code=0
  # There is no unsafe code of our own for a sanitizer to watch.
  cargo +nightly fuzz run --fuzz-dir e2e/fuzz --sanitizer none "$target" -- -dict="$(dictionary "$target")" \
    -max_total_time="$seconds" -timeout=25 -rss_limit_mb=4096 -print_final_stats=1 >"$log" 2>&1 || code=$?
  awk -v target="$target" -F ': *' '/stat::number_of_executed_units/ { n = $NF } / cov: / { line = $0 }
    END { match(line, /cov: [0-9]+ ft: [0-9]+/); print target ": " n " inputs, " substr(line, RSTART, RLENGTH) }' "$log"
  if [ "$code" -ne 0 ]; then
    tail -n 60 "$log" >&2
    rm -f "$log"
    exit "$code"
  fi
  rm -f "$log"
done
