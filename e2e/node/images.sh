#!/usr/bin/env bash
# The images that the tests with real containers use besides the operator's, as archives in target/images.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

. e2e/lib.sh

need_programs busybox:busybox-static
image_builder >/dev/null || need_programs buildah:buildah
node_bin=$(e2e/controlplane/build.sh --node --dir)
images=$(target_dir)/images
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

is_newer() { [ -f "$1" ] && [ "$1" -nt "$2" ] && [ "$1" -nt "$3" ]; }

busybox=$(command -v busybox)
if ! is_newer "$images/tools.tar" "$busybox" e2e/node/tools.Dockerfile; then
  mkdir -p "$work/tools/bin"
  cp "$busybox" "$work/tools/busybox"
  "$work/tools/busybox" --list | while read -r program; do
    [ "$program" = busybox ] || ln -s busybox "$work/tools/bin/$program"
  done
  build_image kube-test/tools:1 "$images/tools.tar" e2e/node/tools.Dockerfile "$work/tools"
fi
if ! is_newer "$images/traefik.tar" "$node_bin/traefik" e2e/node/traefik.Dockerfile; then
  mkdir -p "$work/traefik"
  cp "$node_bin/traefik" "$work/traefik/"
  build_image kube-test/traefik:1 "$images/traefik.tar" e2e/node/traefik.Dockerfile "$work/traefik"
fi
