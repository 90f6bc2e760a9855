#!/usr/bin/env bash
# release/krew.sh VERSION FOLDER: the manifest of the kubectl plugin `kubectl plimsoll`, from the archives in FOLDER.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. release/lib.sh

[ $# -eq 2 ] || die "expected a version and the folder of the archives"
version=$1 folder=$2
cat <<HEAD
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: plimsoll
spec:
  version: v$version
  homepage: https://github.com/plimsoll-dev/plimsoll
  shortDescription: Measure a cluster against security baselines
  description: |
    Judges workloads, networks, volumes, rights and backups against a security
    baseline: from files, from the cluster, or from the Plimsoll operator in it.
  platforms:
HEAD
for platform in linux:amd64:x86_64-unknown-linux-musl linux:arm64:aarch64-unknown-linux-musl \
  darwin:amd64:x86_64-apple-darwin darwin:arm64:aarch64-apple-darwin; do
  IFS=: read -r os arch target <<<"$platform"
  archive=plimsoll-$target.tar.gz
  [ -f "$folder/$archive" ] || die "$folder/$archive is missing"
  cat <<PLATFORM
  - selector:
      matchLabels:
        os: $os
        arch: $arch
    uri: https://github.com/plimsoll-dev/plimsoll/releases/download/v$version/$archive
    sha256: $(sha256 "$folder/$archive")
    bin: plimsoll
PLATFORM
done
