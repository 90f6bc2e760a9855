# The commands of this project. `make` or `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help controlplane

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

controlplane: ## Build the control plane the tests run on, once, into a cache (about 10 minutes)
	@e2e/controlplane/build.sh
