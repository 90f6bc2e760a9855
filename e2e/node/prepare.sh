#!/usr/bin/env bash
# What tests with real containers need on this machine: programs of the distribution, the control plane and the node from
# their Go modules, the images. Each is made once; what is there is kept. `prepare.sh but-image` leaves the operator's own image
# to its caller: it takes the longest, and is needed last.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

. e2e/lib.sh

[ "$(uname -s)" = Linux ] || die "a real node needs Linux"
[ "$(id -u)" -eq 0 ] || die "a real node needs root"
cni=/usr/lib/cni/ptp
[ ! -e /opt/cni/bin/ptp ] || cni=/opt/cni/bin/ptp
need_programs unshare:util-linux ip:iproute2 nft:nftables runc:runc "$cni:containernetworking-plugins"
e2e/controlplane/build.sh >/dev/null
e2e/controlplane/build.sh --node >/dev/null
e2e/node/images.sh
[ "${1:-}" = but-image ] || e2e/image.sh >/dev/null
