#!/usr/bin/env bash
# release/sbom.sh FOLDER: the software bill of materials (CycloneDX) of the binary, from the lock file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. release/lib.sh

[ $# -eq 1 ] || die "expected a folder"
cargo cyclonedx --format json --describe binaries --manifest-path operator/cli/Cargo.toml
mkdir -p "$1"
mv operator/cli/*.cdx.json "$1/plimsoll.cdx.json"
find operator -name '*.cdx.json' -delete # those of the libraries, which the binary's covers
echo "$1/plimsoll.cdx.json"
