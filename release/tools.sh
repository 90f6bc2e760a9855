#!/usr/bin/env bash
# release/tools.sh: what a release needs beside what a runner has, pinned.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. release/lib.sh

GOBIN=${GOBIN:-$HOME/.local/bin}
export GOBIN
mkdir -p "$GOBIN"
go install github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3
command -v helm >/dev/null || go -C e2e/controlplane/helm build -o "$GOBIN/helm" helm.sh/helm/v4/cmd/helm
cargo install --quiet --locked cargo-cyclonedx@0.5.9
[ -z "${GITHUB_PATH:-}" ] || echo "$GOBIN" >>"$GITHUB_PATH"
