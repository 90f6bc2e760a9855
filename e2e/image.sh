#!/usr/bin/env bash
# `make image`: the image that the chart names, with whichever builder there is, and as an archive (as `docker save` writes
# it) in target/images. The program is built here, where Rust and musl are; else by the Dockerfile, which takes Docker or
# Podman and the network.
#
# IMAGE             its name (default: as in the chart's values, with the chart's appVersion)
# PLIMSOLL_BINARY   a static binary that is built already
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. e2e/lib.sh

LIMIT=$((25 * 1000 * 1000)) # bytes, all layers uncompressed

value() { sed -n "s/^ *$1: *\"\{0,1\}\([^\"]*\)\"\{0,1\}$/\1/p" "$2" | head -n 1; }
IMAGE=${IMAGE:-$(value registry charts/plimsoll/values.yaml)/$(value repository charts/plimsoll/values.yaml):$(value appVersion charts/plimsoll/Chart.yaml)}
target=$(uname -m)-unknown-linux-musl
images=$(target_dir)/images
context=$(target_dir)/image-context
trap '[ -z "$patient_pid" ] || kill "$patient_pid" 2>/dev/null || true; rm -rf "$context"' EXIT
trap 'exit 130' INT TERM

mkdir -p "$images"
# Until the image is there; e2e/tests/tests/node waits for it.
exec 9>"$images/lock"
! command -v flock >/dev/null || flock 9
rm -f "$images/plimsoll.tar"

has_musl() {
  command -v cargo >/dev/null && command -v rustup >/dev/null && command -v musl-gcc >/dev/null &&
    { rustup target list --installed | grep -qx "$target" || rustup target add "$target" >/dev/null 2>&1; }
}

image_builder >/dev/null || need_programs buildah:buildah
[ -n "${PLIMSOLL_BINARY:-}" ] || [ "$(image_builder)" != buildah ] || need_programs musl-gcc:musl-tools # without a daemon the Dockerfile's first stage is hard
if [ -n "${PLIMSOLL_BINARY:-}" ] || has_musl; then
  binary=${PLIMSOLL_BINARY:-$(target_dir)/$target/image/plimsoll}
  mkdir -p "$context"
  [ -n "${PLIMSOLL_BINARY:-}" ] || patiently "building the static program" "$images/build.log" \
    cargo build --profile image --locked --package plimsoll --target "$target" || { tail -n 40 "$images/build.log" >&2; exit 1; }
  install -m 0755 "$binary" "$context/plimsoll"
  build_image "$IMAGE" "$images/plimsoll.tar" Dockerfile "$context" --target prebuilt
else
  build_image "$IMAGE" "$images/plimsoll.tar" Dockerfile .
fi
size=$(wc -c <"$images/plimsoll.tar")
say "image: $IMAGE, $((size / 1000)) kB, in $images/plimsoll.tar"
[ "$size" -le "$LIMIT" ] || die "that is more than $((LIMIT / 1000)) kB"
echo "$IMAGE"
