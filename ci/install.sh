#!/usr/bin/env bash
# Installs plimsoll for the GitHub Action: the release that is asked for, checked against its checksums, onto the PATH of the
# steps that follow. Where none is asked for, a plimsoll that is on the PATH is taken as it is.
#
#   PLIMSOLL_VERSION     the release, with or without v; empty: see above
#   PLIMSOLL_ACTION_REF  the ref of the action, taken for the release where nothing else says
#   PLIMSOLL_RELEASES    where releases are
set -euo pipefail

releases=${PLIMSOLL_RELEASES:-https://github.com/plimsoll-dev/plimsoll/releases/download}
version=${PLIMSOLL_VERSION:-}
if [ -z "$version" ]; then
  if command -v plimsoll >/dev/null; then
    plimsoll --version
    exit
  fi
  version=${PLIMSOLL_ACTION_REF:-}
fi
version=${version#v}
if ! [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]]; then
  echo "::error title=plimsoll::no release is named: give the input version, such as 0.1.0, or use the action by the tag of a release" >&2
  exit 2
fi

case $(uname -sm) in
"Linux x86_64") target=x86_64-unknown-linux-musl ;;
"Linux aarch64" | "Linux arm64") target=aarch64-unknown-linux-musl ;;
"Darwin x86_64") target=x86_64-apple-darwin ;;
"Darwin arm64") target=aarch64-apple-darwin ;;
*) echo "::error title=plimsoll::there is no release for $(uname -sm)" >&2; exit 2 ;;
esac

folder=${RUNNER_TEMP:-$(mktemp -d)}/plimsoll-$version
mkdir -p "$folder"
cd "$folder"
archive=plimsoll-$target.tar.gz
for file in "$archive" checksums.txt; do
  curl --fail --silent --show-error --location --retry 3 --output "$file" "$releases/v$version/$file"
done
# Exactly one line is about the archive, and it holds.
grep -E "^[0-9a-f]{64} [ *]$archive\$" checksums.txt >expected
if command -v sha256sum >/dev/null; then sha256sum --check --quiet expected; else shasum -a 256 --check --quiet expected; fi
tar -xzf "$archive" plimsoll
./plimsoll --version
echo "$folder" >>"${GITHUB_PATH:?}"
