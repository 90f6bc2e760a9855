#!/usr/bin/env bash
# `make image`: the image that the chart names, with whichever builder there is.
#
# IMAGE   its name (default: as in the chart's values, with the chart's appVersion)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

value() { sed -n "s/^ *$1: *\"\{0,1\}\([^\"]*\)\"\{0,1\}$/\1/p" "$2" | head -n 1; }
IMAGE=${IMAGE:-$(value repository charts/plimsoll/values.yaml):$(value appVersion charts/plimsoll/Chart.yaml)}

# Docker's client alone builds nothing: its daemon has to answer.
if command -v docker >/dev/null && docker info >/dev/null 2>&1; then set -- docker build
elif command -v podman >/dev/null; then set -- podman build
elif command -v buildah >/dev/null; then set -- buildah build
else
  echo "image: needs Docker (with its daemon running), Podman or Buildah; none was found" >&2
  exit 1
fi
"$@" --tag "$IMAGE" .
echo "$IMAGE"
