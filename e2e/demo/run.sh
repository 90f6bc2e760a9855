#!/usr/bin/env bash
# `make demo`: Plimsoll at work on a real API server, from nothing, explained step by step. Stays until Ctrl-C on a terminal,
# ends by itself otherwise, and leaves nothing behind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. e2e/lib.sh
. e2e/demo/lib.sh
. e2e/demo/steps.sh

need_cargo
command -v curl >/dev/null || die "missing: curl"
[ -n "${EPOCHREALTIME:-}" ] || die "missing: bash 5 or newer, this is $BASH_VERSION"

work=$(mktemp -d "${TMPDIR:-/tmp}/plimsoll-demo.XXXXXX")
trap 'ended $?' EXIT
trap 'exit 130' INT TERM HUP

prepare
started=$SECONDS
a_cluster
the_tenants
a_legacy_server
the_installation
a_prometheus
what_it_sees
what_gets_through
what_it_repairs
what_it_leaves_alone
an_accepted_risk
a_change_noticed
some_metrics
what_prometheus_says
before_it_is_merged
how_to_look_further
