# shellcheck shell=bash
# What the scripts here share. Source it.

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }

need_cargo() {
  command -v cargo >/dev/null || die "missing: Rust $(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml) (https://rustup.rs)"
}

patient_pid=
# Runs a command with its output in a file, says every half minute that it still does, and returns its exit code.
patiently() {
  local label=$1 output=$2 start=$SECONDS code=0
  shift 2
  "$@" >"$output" 2>&1 &
  patient_pid=$!
  while kill -0 "$patient_pid" 2>/dev/null; do
    sleep 0.2
    if [ $((SECONDS - start)) -ge 30 ] && [ $(((SECONDS - start) % 30)) -eq 0 ]; then
      say "$label: $((SECONDS - start)) s so far"
      sleep 1
    fi
  done
  wait "$patient_pid" || code=$?
  patient_pid=
  return "$code"
}
