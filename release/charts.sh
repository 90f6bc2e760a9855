#!/usr/bin/env bash
# release/charts.sh VERSION FOLDER: packs both charts, with $HELM or the helm on the path.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. release/lib.sh

[ $# -eq 2 ] || die "expected a version and a folder"
mkdir -p "$2"
for chart in charts/*/; do
  "${HELM:-helm}" package "$chart" --version "$1" --app-version "$1" --destination "$2" >/dev/null
  echo "$2/$(basename "$chart")-$1.tgz"
done
