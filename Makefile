# `make help` lists the targets. Python 3.11 or newer is all that must be there; Java and Maven are used when present.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help venv demo test unit lint regulation bench lock clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

venv: ## make .venv from the hashed lock (the other targets do it when needed)
	@$(PYTHON) .ci/environment.py

demo: venv ## tell the whole story in the terminal, about a minute
	@$(BIN)/dangan demo $(ARGS)

test: lint ## lint, types, contracts, then every test on real servers
	@$(BIN)/python .ci/broker.py
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

UNIT ?= tests/schemas tests/keys tests/consumers tests/streams tests/store
unit: venv ## the quick tests of the core, without a server; UNIT=tests/ops for the operators' programs
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --hypothesis-profile quick -m "not flow and not fault and not slow" $(ARGS) $(UNIT)

lint: venv ## ruff, mypy --strict and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

regulation: venv ## write docs/regulation.md: clause, code, test; fails on a clause that does not exist
	@$(BIN)/python -m ops.docs.regulation $(ARGS)

bench: venv ## every benchmark row side by side; writes build/bench.json
	@$(BIN)/python -m benchmarks $(ARGS)

# hatchling and editables (in the dev extra) build the package itself, so that nothing is installed without a hash.
# SecantusDB is a pre-release, and named as one in pyproject.toml; no other pre-release is taken.
COMPILE = PATH="$(CURDIR)/$(BIN):$$PATH" uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links --prerelease if-necessary-or-explicit --quiet

lock: venv ## resolve the two locks anew (hashes, no address in them); needs uv
	@$(COMPILE) --extra embedded --extra office --extra dev --output-file requirements.lock >/dev/null
	@$(COMPILE) --constraint requirements.lock --output-file requirements-worker.lock >/dev/null

clean: ## remove the environment, caches and build results
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
