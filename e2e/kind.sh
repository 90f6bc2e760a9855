#!/usr/bin/env bash
# `make e2e-kind`: the tests of `make e2e-node` in a kind cluster of its own, and what only its CNI shows: NetworkPolicies
# that are enforced. Takes Docker; everything but the cluster is made by the scripts that `make e2e-node` runs.
#
# KUBERNETES_VERSION   1.37 (default), 1.36 or 1.35
# KIND_KEEP            not empty: leaves the cluster there
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. e2e/lib.sh

KIND=v0.33.0
case ${KUBERNETES_VERSION:=1.37} in # the images that were built for that kind
1.37) node_image=v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5 ;;
1.36) node_image=v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed ;;
1.35) node_image=v1.35.8@sha256:07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0 ;;
*) die "KUBERNETES_VERSION=$KUBERNETES_VERSION: expected 1.37, 1.36 or 1.35" ;;
esac

need_cargo
docker info >/dev/null 2>&1 || die "missing: Docker, with its daemon running"
if ! command -v kind >/dev/null; then
  PATH=$PATH:$(go env GOPATH)/bin
  command -v kind >/dev/null || go install "sigs.k8s.io/kind@$KIND"
fi

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

kind create cluster --quiet --name "$name" --config e2e/kind.yaml --image "kindest/node:$node_image" \
  --kubeconfig "$work/kubeconfig" --wait 3m
for archive in "$(target_dir)"/images/*.tar; do
  kind load image-archive --quiet --name "$name" "$archive"
done
export KUBE_TEST_KUBECONFIG=$work/kubeconfig KUBE_TEST_ENFORCING_CNI=1
e2e/node/test.sh "$@"
[ -z "${KIND_KEEP:-}" ] || say "the cluster is left: KUBECONFIG=$work/kubeconfig; kind delete cluster --name $name"
