# shellcheck shell=bash
# What the release scripts share. Source it from the checkout's root.

die() { echo "${0##*/}: $*" >&2; exit 1; }

# The version of the crates, which the charts and a tag have to agree with.
crate_version() { sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml; }

sha256() { if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1; }

# Bit for bit the same from the same files: sorted names, one time, no owner.
tarball() { # OUTPUT FOLDER NAME...
  local output=$1 folder=$2
  shift 2
  if tar --version 2>/dev/null | grep -q GNU; then
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$folder" -cf - "$@"
  else
    tar -C "$folder" -cf - "$@"
  fi | gzip -n -9 >"$output"
}
