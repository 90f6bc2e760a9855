#!/usr/bin/env bash
# The tests with real containers themselves: on a node of kube-test (KUBE_TEST_NODE=1), or on an existing cluster that has the
# images (KUBE_TEST_KUBECONFIG).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cargo build --quiet --package plimsoll
PLIMSOLL_BIN=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)/debug/plimsoll
export PLIMSOLL_BIN
[ -n "${KUBE_TEST_KUBECONFIG:-}" ] || cargo test --quiet --package kube-test --test it -- real_node
cargo test --quiet --package plimsoll-e2e --test node -- "$@"
