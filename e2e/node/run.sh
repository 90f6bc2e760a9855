#!/usr/bin/env bash
# `make e2e-node`: the operator's own image, installed by the chart on a real node (containerd, kubelet, kube-proxy) in
# namespaces of its own. Root on Linux; no Docker. Arguments go to the test program, such as the name of a test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

. e2e/lib.sh

need_cargo
e2e/node/prepare.sh
export KUBE_TEST_NODE=1
e2e/node/test.sh "$@"
