# `make` alone lists what there is.
.DEFAULT_GOAL := help
.PHONY: help install system demo test check docs docs-serve conformance benchmark chaos histories lock clean

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */  make \1\t/' | expand -t 20

system: ## Install what the system lacks: PostgreSQL and PostGIS (Debian, Ubuntu)
	@./database/install_system_packages.sh

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

install: system $(VENV)/.installed ## Install the project and its tools into .venv

demo: install ## Harvest a sample archive and serve it (DEMO_ARGS=--once: stop before serving)
	$(BIN)/dinamis demo $(DEMO_ARGS)

test: install ## Run the tests against a real PostgreSQL, PostGIS and pgSTAC
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder $(TEST_ARGS)

check: install ## Run the static checks: ruff, mypy, import-linter, yamllint, codespell, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict collections mkdocs.yml .pre-commit-config.yaml
	$(BIN)/codespell
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs: install ## Build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-serve: install ## Serve the documentation while writing it
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

conformance: install ## Hold the API against stac-api-validator and schemathesis (offline)
	$(BIN)/python tests/conformance/run.py

chaos: install ## Kill 200 harvests and amendments, their server and their network (CHAOS_ARGS=--seed=7: other ones)
	$(BIN)/python -m tests.chaos $(CHAOS_ARGS)

histories: install ## Hold a catalogue to its invariants through 100 random histories (HISTORIES_ARGS=--hypothesis-seed=7: other ones)
	$(BIN)/pytest tests/harvester/histories --histories=50 $(HISTORIES_ARGS)

benchmark: install ## Hold a harvest against the stock loader (BENCHMARK_ARGS='--items 20000 --json')
	$(BIN)/python tests/benchmarks/harvest.py $(BENCHMARK_ARGS)

lock: install ## Write the installed versions into constraints.txt
	@{ echo "# Versions known to work together, on Python 3.11 to 3.13. Refresh with \`make lock\`."; \
	   $(BIN)/pip freeze --exclude-editable; } > constraints.txt

clean: ## Remove what the targets made, but no data
	rm -rf $(VENV) site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
