#!/usr/bin/env bash
# release/publish.sh REGISTRY VERSION DIGEST FOLDER: pushes the charts, signs everything without keys (Sigstore), attaches the SBOM.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. release/lib.sh

[ $# -eq 4 ] || die "expected a registry, a version, the image's digest and a folder"
registry=$1 version=$2 digest=$3 folder=$4
image=$registry/plimsoll@$digest
cosign sign --yes --recursive "$image"
cosign attest --yes --type cyclonedx --predicate "$folder/plimsoll.cdx.json" "$image"
for chart in plimsoll-crds plimsoll; do
  pushed=$(helm push "$folder/$chart-$version.tgz" "oci://$registry/charts" 2>&1)
  echo "$pushed"
  cosign sign --yes "$registry/charts/$chart@$(sed -n 's/^Digest: //p' <<<"$pushed")"
done
(cd "$folder" && for archive in *.tar.gz *.tgz *.cdx.json; do echo "$(sha256 "$archive")  $archive"; done >checksums.txt)
cosign sign-blob --yes --bundle "$folder/checksums.txt.bundle" "$folder/checksums.txt"
