# vectord: start with `make demo`, then `make test`. Requires git, make, gcc and Python 3.12; everything else goes into .venv.
.DEFAULT_GOAL := help
SHELL := /bin/bash
STARTED := $(shell date +%s)

DEV   := .venv/dev/bin/python
SAM   := .venv/sam/bin/sam
CLIENT := $(CURDIR)/.venv/client/bin/python
STAMP  = .venv/$(1)/.stamp
# Searches use it, so every environment that has the engine's libraries needs it.
NATIVE := layers/vectord/vectord/index/kernels/native.abi3.so
# One more than there are processors, because some tests wait for other processes.
TEST_WORKERS = $(shell expr $$(nproc) + 1)
# One BLAS thread: more would compete with the other processes. Bytecode: without it each process compiles every test.
TESTS = env -u PYTHONDONTWRITEBYTECODE OPENBLAS_NUM_THREADS=1 $(DEV) -m pytest -n $(TEST_WORKERS) --dist worksteal

# annoy is released as source, and its setup.py compiles with -march=native: a library built on a new processor crashes
# with an illegal instruction on an older one. tools/native/march.mk has the flags for the processors of Lambda.
# The variable replaces ALL of annoy's flags, so the other flags repeat its defaults.
# -fno-associative-math is added because -ffast-math may reorder sums: it keeps distances equal on every machine.
# -g0 is added because debug information has the path of pip's temporary folder: two builds would never be equal.
include tools/native/march.mk
ANNOY_FLAGS   := -D_CRT_SECURE_NO_WARNINGS -fpermissive $(MARCH_$(shell uname -m)) -O3 -ffast-math -fno-associative-math \
    -DANNOYLIB_MULTITHREADED_BUILD -std=c++14 -g0
empty :=
comma := ,
export ANNOY_COMPILER_ARGS := $(subst $(empty) ,$(comma),$(strip $(ANNOY_FLAGS)))

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: environments ## Run the whole stack on this machine: load 6,340 vectors, search, restart, delete (about 2 minutes)
	@$(DEV) -m tools.demo --started $(STARTED)

.PHONY: local
local: environments ## Run the stack on this machine until Ctrl-C, and print example requests
	@$(DEV) -m tools.stack

.PHONY: test
test: $(call STAMP,dev) ## Unit, contract and integration tests, but the slow ones; no AWS, no Docker
	@$(TESTS)

.PHONY: test-slow
test-slow: $(call STAMP,dev) ## The tests with large inputs, measured recalls, many random cases, new processes, many requests or waits
	@$(TESTS) -m slow

.PHONY: coverage
coverage: $(call STAMP,dev) ## Run the tests and measure the branch coverage of the layer; fails below 95 % (1.8 times as long)
	@$(DEV) -m pytest -m '' --cov --cov-branch --cov-report=term-missing:skip-covered --cov-report=json:.cache/coverage.json
	@$(DEV) -m tools.checks.branches

.PHONY: mutation
mutation: $(call STAMP,dev) ## Mutate an area and list the mutants that survive: make mutation AREA=lhv1 MUTANTS=60 (or service, single, s3)
	@tools/mutation/run.sh $(or $(AREA),lhv1) "$(MUTANTS)" $(or $(SEED),1)

.PHONY: e2e
e2e: build $(call STAMP,stack) $(call STAMP,client) ## End-to-end tests over HTTP, and the contract tests of the store on MiniStack
	@$(DEV) -m tools.stack.ministack $(DEV) -m pytest tests/contract
	@$(DEV) -m pytest tests/e2e

.PHONY: s3vectors
s3vectors: build $(call STAMP,stack) $(call STAMP,clients) ## Clients of Amazon S3 Vectors, unmodified, over HTTP: boto3, moto, LangChain, ...
	@.venv/clients/bin/python -m pytest tests/clients --whole

.PHONY: client
client: $(call STAMP,client) ## The Python client: format, lint, types, and its tests over HTTP and embedded
	@cd clients/python && $(CLIENT) -m ruff format --check . && $(CLIENT) -m ruff check . && $(CLIENT) -m mypy && $(CLIENT) -m mypy hatch_build.py
	@cd clients/python && env OPENBLAS_NUM_THREADS=1 $(CLIENT) -m pytest -n $(TEST_WORKERS) --dist worksteal

.PHONY: reliability
reliability: $(call STAMP,dev) $(call STAMP,stack) ## Faults, races and kills on MiniStack; VECTORD_SEED=... repeats a run
	@$(DEV) -m pytest tests/reliability

.PHONY: reliability-long
reliability-long: $(call STAMP,dev) $(call STAMP,stack) ## The same with full counts, for docs/reliability.md (about 15 minutes)
	@VECTORD_RELIABILITY_LONG=1 $(DEV) -m pytest tests/reliability

.PHONY: check
check: $(call STAMP,dev) $(call STAMP,sam) ## Format, lint, types and the template
	@$(DEV) -m ruff format --check .
	@$(DEV) -m ruff check .
	@$(DEV) -m mypy
	@$(DEV) -m tools.stack.template
	@env SAM_CLI_TELEMETRY=0 $(SAM) validate --lint --region us-east-1
	@env SAM_CLI_TELEMETRY=0 $(SAM) validate --region us-east-1

.PHONY: format
format: $(call STAMP,dev) ## Format the code and apply the linter's fixes
	@$(DEV) -m ruff check --fix-only .
	@$(DEV) -m ruff format .
	@$(DEV) -m ruff check .  # lists what neither could fix

.PHONY: build
build: $(call STAMP,dev) $(call STAMP,sam) ## Build the template with SAM and verify that it runs on Lambda
	@$(DEV) -m tools.build.sam_build

.PHONY: sbom
sbom: build ## Write the bill of materials of the built layers, as CycloneDX: .aws-sam/sbom.cdx.json
	@$(DEV) -m tools.build.sbom

.PHONY: audit
audit: $(call STAMP,dev) ## Look up known vulnerabilities of every pin in OSV, or in a copy of the advisories: ADVISORIES=folder
	@$(DEV) -m tools.checks.audit $(ADVISORIES)

.PHONY: fuzz
fuzz: $(call STAMP,dev) ## Fuzz every parser of outside bytes: make fuzz SECONDS=600 TARGETS="frame lines"
	@$(DEV) -m fuzz.run --seconds $(or $(SECONDS),60) $(TARGETS)

.PHONY: runtime-api
runtime-api: build $(call STAMP,stack) $(call STAMP,runtime) ## Run every built function under Lambda's Runtime API on this machine
	@$(DEV) -m tools.functions.runtime_api

.PHONY: sam-local
sam-local: build $(call STAMP,stack) $(call STAMP,runtime) ## Run every built function in a container, with sam local invoke, start-lambda and start-api
	@$(DEV) -m tools.functions.sam_local

.PHONY: invoke
invoke: build $(call STAMP,stack) $(call STAMP,runtime) ## Run one function in a container with its event: make invoke FN=search
	@$(DEV) -m tools.functions.invoke $(FN)

.PHONY: trace
trace: $(call STAMP,dev) ## Count the calls, modules, module switches and call levels of requests through the real handlers
	@PYTHONPATH=layers/vectord $(DEV) -m tools.checks.trace

.PHONY: openapi
openapi: $(call STAMP,dev) ## Write docs/openapi.json from the code's types
	@PYTHONPATH=layers/vectord $(DEV) -m tools.build.openapi

.PHONY: schemathesis
schemathesis: build $(call STAMP,stack) ## Test every operation of the API with schemathesis for some minutes: EXAMPLES=100 each
	@$(DEV) -m tools.checks.schemathesis $(EXAMPLES)

.PHONY: load
load: build $(call STAMP,stack) ## Load test: searches and adds over 32 connections for SECONDS=60; latencies, errors, memory
	@$(DEV) -m tools.load.run $(SECONDS)

.PHONY: migrate
migrate: $(call STAMP,dev) ## Copy an index of S3 Vectors into vectord: make migrate ARGS="BUCKET/INDEX --to URL" (docs/s3vectors.md)
	@$(DEV) -m tools.migrate $(ARGS)

.PHONY: costs
costs: $(call STAMP,dev) ## Print the cost tables of docs/costs.md and docs/sharding.md
	@$(DEV) -m tools.costs.search && echo && $(DEV) -m tools.costs.writes && echo && $(DEV) -m tools.costs.sharded

.PHONY: bench
bench: $(call STAMP,bench) $(call STAMP,stack) ## Measure vectord alone and in comparison with other libraries; tables, and plots in docs/
	@.venv/bench/bin/python bench/run.py $(ARGS)

.PHONY: environments
environments: ## Create or update the virtual environments under .venv
	@$(MAKE) --silent --jobs=4 $(foreach name,dev sam stack runtime,$(call STAMP,$(name)))
	@$(DEV) -m compileall -q layers/vectord functions  # so that the first start is measured with bytecode

.PHONY: lock
lock: $(call STAMP,uv) ## Update uv.lock and the files exported from it: make lock UPGRADE="numpy boto3" (or all)
	@python=$$(tools/env/find-python.sh) && "$$python" -m tools.env.lock $(UPGRADE)

.PHONY: clean
clean: ## Remove the environments, the build and all caches
	rm -f $(NATIVE)
	rm -rf .venv .aws-sam .cache .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

$(call STAMP,uv): tools/env/uv.txt
$(foreach name,dev sam stack runtime bench clients,$(call STAMP,$(name))): uv.lock $(call STAMP,uv)
$(call STAMP,client): clients/python/uv.lock $(call STAMP,uv)
# Order-only: a newer kernel is compiled, but no environment is made again for it.
$(foreach name,dev bench client,$(call STAMP,$(name))): | $(NATIVE)

$(NATIVE): $(wildcard $(dir $(NATIVE))c/*) tools/native/compiler.py tools/native/march.mk
	@python=$$(tools/env/find-python.sh) && "$$python" -m tools.build.native

.venv/%/.stamp:
	@echo "  .venv/$*: making the environment"
	@python=$$(tools/env/find-python.sh) && "$$python" -m tools.env.venv $*
