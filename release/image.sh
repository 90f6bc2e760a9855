#!/usr/bin/env bash
# release/image.sh REPOSITORY VERSION FOLDER: an image of two architectures from the static binaries in FOLDER's archives, pushed.
# Prints digest=sha256:… (a line for $GITHUB_OUTPUT).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. release/lib.sh

[ $# -eq 3 ] || die "expected a repository, a version and the folder of the archives"
repository=$1 version=$2 folder=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
buildah manifest create "$repository:$version" >&2
for pair in amd64:x86_64 arm64:aarch64; do
  arch=${pair%:*}
  mkdir -p "$work/$arch"
  tar -xzf "$folder/plimsoll-${pair#*:}-unknown-linux-musl.tar.gz" -C "$work/$arch" plimsoll
  # The Dockerfile's last stage, from a binary that is already there.
  container=$(buildah from --arch "$arch" scratch)
  buildah copy --quiet --chmod 0755 "$container" "$work/$arch/plimsoll" /plimsoll >&2
  buildah config --arch "$arch" --user 65532:65532 --entrypoint '["/plimsoll"]' --cmd run \
    --label "org.opencontainers.image.version=$version" \
    --label "org.opencontainers.image.source=https://github.com/plimsoll-dev/plimsoll" \
    --label "org.opencontainers.image.licenses=Apache-2.0" "$container"
  buildah commit --quiet --rm --timestamp 0 --manifest "$repository:$version" "$container" >&2
done
buildah manifest push --all --digestfile "$work/digest" "$repository:$version" "docker://$repository:$version" >&2
echo "digest=$(cat "$work/digest")"
