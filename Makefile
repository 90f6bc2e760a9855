# The commands of this project. `make` or `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help controlplane demo test e2e-node e2e-kind lint bench fuzz image generate

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

controlplane: ## Build the control plane the tests run on, once, into a cache (about 10 minutes)
	@e2e/controlplane/build.sh

demo: ## Plimsoll at work on a real API server, explained step by step (no Docker, no cluster needed)
	@e2e/demo/run.sh

test: ## Run every test: units, properties, charts and the operator on a real API server
	@e2e/test.sh

e2e-node: ## The operator's own image in real containers (root on Linux, no Docker; builds what a node takes)
	@e2e/node/run.sh

e2e-kind: ## The same in a kind cluster, whose network enforces policies (needs Docker and kind)
	@e2e/kind.sh

lint: ## Formatting, clippy, and where installed shellcheck and cargo-deny
	@e2e/lint.sh

bench: ## Measure speed and memory against the targets
	@cargo build --release --quiet -p plimsoll
	@cargo run --release --quiet -p plimsoll-bench -- "$${CARGO_TARGET_DIR:-target}/release/plimsoll"

fuzz: ## Feed every fuzz target for a minute (SECONDS_EACH=…; installs cargo-fuzz and a nightly compiler)
	@e2e/fuzz/run.sh

image: ## Build the image that the chart names, 25 MB at most (Docker, Podman or Buildah)
	@e2e/image.sh

generate: ## Write the generated files: CRDs, rights, admission rules, lists of controls
	@UPDATE=1 cargo test --quiet -p plimsoll --test generated
