#!/usr/bin/env bash
# Scans for the GitHub Action: annotations on standard output, SARIF into a file, and both outputs of the step. Everything comes in
# by the environment, so that nothing of it is ever read as a command.
#
#   PLIMSOLL_PATHS        what to scan, one a line          PLIMSOLL_SARIF  where to write SARIF
#   PLIMSOLL_BASELINE, PLIMSOLL_ENVIRONMENT, PLIMSOLL_PARTIAL  as the options of `plimsoll scan`; may be empty
#   PLIMSOLL_FAIL         "false": end well, whatever was found
set -euo pipefail

args=(--quiet)
[ -z "${PLIMSOLL_BASELINE:-}" ] || args+=(--baseline="$PLIMSOLL_BASELINE")
[ -z "${PLIMSOLL_ENVIRONMENT:-}" ] || args+=(--environment="$PLIMSOLL_ENVIRONMENT")
[ "${PLIMSOLL_PARTIAL:-}" != true ] || args+=(--partial)
paths=()
while IFS= read -r path; do
  [ -z "$path" ] || paths+=("$path")
done <<<"${PLIMSOLL_PATHS:-.}"

sarif=${PLIMSOLL_SARIF:-plimsoll.sarif}
sarif=${sarif//$'\n'/}
status=0
plimsoll scan "${args[@]}" --output=sarif -- "${paths[@]}" >"$sarif" || status=$?
if [ ! -s "$sarif" ]; then # the scan could not begin, and has said why
  exit "$status"
fi
plimsoll scan "${args[@]}" --output=github -- "${paths[@]}" || [ $? -eq "$status" ]
{
  echo "exit-code=$status"
  echo "sarif-file=$sarif"
} >>"${GITHUB_OUTPUT:-/dev/null}"
[ "${PLIMSOLL_FAIL:-true}" = false ] || exit "$status"
