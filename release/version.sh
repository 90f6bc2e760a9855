#!/usr/bin/env bash
# release/version.sh TAG: fails unless the tag, the crates, both charts and the changelog say the same version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. release/lib.sh

[ $# -eq 1 ] || die "expected a tag such as v1.2.3"
version=${1#v}
[ "$1" != "$version" ] || die "tag $1: expected a leading v"
[ "$(crate_version)" = "$version" ] || die "Cargo.toml has version $(crate_version), the tag $version"
for chart in charts/*/Chart.yaml; do
  for field in version appVersion; do
    found=$(sed -n "s/^$field: *\"\{0,1\}\([^\"]*\)\"\{0,1\}$/\1/p" "$chart")
    [ -z "$found" ] && [ "$field" = appVersion ] && continue
    [ "$found" = "$version" ] || die "$chart has $field $found, the tag $version"
  done
done
grep -q "^## \[$version\]" CHANGELOG.md || die "CHANGELOG.md has no section [$version]"
echo "$version"
