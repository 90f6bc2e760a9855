#!/usr/bin/env bash
# `make e2e-kind`: the tests of `make e2e-node` in a kind cluster of its own, and what only its CNI shows: NetworkPolicies
# that are enforced. Takes Docker and kind; everything but the cluster is made by the scripts that `make e2e-node` runs.
#
# KIND_NODE_IMAGE   another Kubernetes version, such as kindest/node:v1.36.1
# KIND_KEEP         not empty: leaves the cluster there
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. e2e/lib.sh

need_cargo
for program in docker kind; do
  command -v "$program" >/dev/null || die "missing: $program"
done
docker info >/dev/null 2>&1 || die "missing: Docker's daemon, which does not answer"

e2e/controlplane/build.sh >/dev/null # kubectl and Helm
e2e/controlplane/build.sh --node >/dev/null
e2e/node/images.sh
e2e/image.sh >/dev/null

name=plimsoll-$$
work=$(mktemp -d)
cleanup() {
  [ -n "${KIND_KEEP:-}" ] || kind delete cluster --quiet --name "$name" || true
  [ -n "${KIND_KEEP:-}" ] || rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

node_image=()
[ -z "${KIND_NODE_IMAGE:-}" ] || node_image=(--image "$KIND_NODE_IMAGE")
kind create cluster --quiet --name "$name" --config e2e/kind.yaml --kubeconfig "$work/kubeconfig" --wait 3m "${node_image[@]}"
for archive in "$(target_dir)"/images/*.tar; do
  kind load image-archive --quiet --name "$name" "$archive"
done
export KUBE_TEST_KUBECONFIG=$work/kubeconfig KUBE_TEST_ENFORCING_CNI=1
e2e/node/test.sh "$@"
[ -z "${KIND_KEEP:-}" ] || say "the cluster is left: KUBECONFIG=$work/kubeconfig; kind delete cluster --name $name"
