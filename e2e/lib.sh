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

# Where builds and their products go.
target_dir() { printf '%s\n' "${CARGO_TARGET_DIR:-target}"; }

# Makes sure that programs are there, each given as PROGRAM:DEBIAN-PACKAGE (a path counts as a program): what is missing is
# installed where that is possible without a question (root, apt), else named.
need_programs() {
  local pair programs=() packages=()
  for pair in "$@"; do
    if ! command -v "${pair%%:*}" >/dev/null && [ ! -e "${pair%%:*}" ]; then
      programs+=("${pair%%:*}") packages+=("${pair#*:}")
    fi
  done
  [ ${#packages[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    say "installing ${packages[*]}"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${packages[@]}"; } \
      >/dev/null 2>&1 || die "missing: ${programs[*]}, and apt-get install ${packages[*]} failed"
    return 0
  fi
  die "missing: ${programs[*]} (Debian: apt-get install ${packages[*]})"
}

# Who builds images here. Docker's client alone builds nothing: its daemon has to answer.
image_builder() {
  if command -v docker >/dev/null && docker info >/dev/null 2>&1; then echo docker
  elif command -v podman >/dev/null; then echo podman
  elif command -v buildah >/dev/null; then echo buildah
  else return 1; fi
}

# build_image NAME ARCHIVE FILE CONTEXT [ARGUMENT …]: builds it and writes it as `docker save` does.
build_image() {
  local name=$1 archive=$2 builder
  builder=$(image_builder) || die "needs Docker (with its daemon running), Podman or Buildah; none was found"
  mkdir -p "$(dirname "$archive")"
  rm -f "$archive"
  if [ "$builder" = buildah ]; then
    # What needs neither a kernel's overlays nor namespaces: works inside containers too.
    export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot} STORAGE_DRIVER=${STORAGE_DRIVER:-vfs}
  fi
  "$builder" build --quiet --tag "$name" --file "$3" "${@:5}" "$4" >/dev/null
  if [ "$builder" = buildah ]; then
    buildah push --quiet "$name" "docker-archive:$archive:$name"
  else
    "$builder" save --output "$archive" "$name"
  fi
}
