#!/usr/bin/env bash
# release/notes.sh VERSION: the changelog's section of that version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. release/lib.sh

[ $# -eq 1 ] || die "expected a version"
notes=$(awk -v section="## [$1]" 'index($0, "## [") == 1 { on = index($0, section) == 1; next } on' CHANGELOG.md)
[ -n "$notes" ] || die "CHANGELOG.md has no section [$1]"
printf '%s\n' "$notes"
