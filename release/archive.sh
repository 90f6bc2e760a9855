#!/usr/bin/env bash
# release/archive.sh TARGET [FOLDER]: builds the command line for a Rust target and packs FOLDER/plimsoll-TARGET.tar.gz
# (default: dist).
# Linux binaries are static (musl). PLIMSOLL_BINARY packs a binary that is already built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. release/lib.sh

[ $# -ge 1 ] || die "expected a Rust target such as x86_64-unknown-linux-musl"
target=$1 output=${2:-dist}
case $target in # the image takes the static binaries
*-musl) profile=image ;;
*) profile=release ;;
esac
binary=${PLIMSOLL_BINARY:-${CARGO_TARGET_DIR:-target}/$target/$profile/plimsoll}
if [ -z "${PLIMSOLL_BINARY:-}" ]; then
  rustup target add "$target" >/dev/null
  case $target in *-musl)
    # ring and mimalloc are C: they need a compiler that knows musl.
    command -v musl-gcc >/dev/null || { sudo apt-get update -qq && sudo apt-get install -qq -y musl-tools; } >/dev/null
    ;;
  esac
  cargo build --profile "$profile" --locked --package plimsoll --target "$target"
fi
mkdir -p "$output"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
install -m 0755 "$binary" "$folder/plimsoll"
install -m 0644 LICENSE README.md "$folder/"
tarball "$output/plimsoll-$target.tar.gz" "$folder" LICENSE README.md plimsoll
echo "$output/plimsoll-$target.tar.gz"
