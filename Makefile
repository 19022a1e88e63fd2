# The front door. `make` prints what there is. PORT=8081 moves the edge; PORT_BASE=9100 the rest.
.DEFAULT_GOAL := help
.PHONY: help up demo reset setup test unit e2e bench gen gen-check lint format clean node

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: setup ## Start the whole mesh here, make a first payment, run until Ctrl-C
	@node dist/dev/up.js

demo: setup ## Play the payment story against the running mesh
	@node dist/dev/demo.js

reset: setup ## Remove the state of a mesh that is down
	@node dist/dev/reset.js

setup: node ## Install what is missing and compile
	@node dev/setup.mjs

test: node ## Run everything that must pass
	@node dev/test.mjs

unit: setup ## Run the tests of services, edge and tools
	@npm run --silent test:unit

e2e: setup ## Run the tests of the whole mesh
	@npm run --silent test:e2e

bench: setup ## Measure payments a second and what the edge costs (ARGS=--json)
	@node dist/bench/intent.js $(ARGS) && node dist/bench/edge.js $(ARGS)

gen: setup ## Generate gen/, docs/contracts.md and docs/openapi.json
	@npm run --silent gen

gen-check: setup ## Fail when gen/ is not what proto/ says
	@npm run --silent gen-check

lint: setup ## Check the sources and contracts by rule
	@npm run --silent lint && npm run --silent proto-lint

format: setup ## Format the sources
	@npm run --silent format

clean: node ## Remove what was installed and compiled (state stays: make reset)
	@rm -rf dist node_modules .tools

node:
	@command -v node >/dev/null || { echo 'node is missing: Paymesh needs Node 20.19 or newer. Install it from https://nodejs.org.' >&2; exit 1; }
