# A bare Debian 12 or Ubuntu with make, python3 (3.11 or newer) and its venv module is enough.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Compiled modules are kept, whatever the shell says: without them each process of a hub compiles
# the whole application again, which makes a start four times slower.
export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= python3
BIN := .venv/bin
# Each of the two processes has its own PostgreSQL and Valkey; a file's tests stay together.
PYTEST_OPTIONS ?= --numprocesses 2 --dist loadfile
BOOTSTRAP := $(PYTHON) hub/supervisor/bootstrap.py

.PHONY: help run test lint bench bench-large lock clean

help:
	@echo "make run    start a hub with sample people (CAREHUB_PORT, CAREHUB_HOME)"
	@echo "make test   install what the tests need and run everything"
	@echo "make lint   style, types and import contracts only"
	@echo "make bench  load the FHIR API and compare it with its ceiling (docs/adr/0005)"
	@echo "make bench-large  the same over 330,000 people: half an hour, and 23 GB of disk"
	@echo "make lock   make the lock files again from pyproject.toml"
	@echo "make clean  remove what was installed; the data folder stays"

run:
	@$(BOOTSTRAP) run
	@exec $(BIN)/carehub up

lint:
	@$(BOOTSTRAP) test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/carehub migrate --check
	$(BIN)/pytest $(PYTEST_OPTIONS)

bench:
	@$(BOOTSTRAP) test
	$(BIN)/python -m tests.bench

bench-large:
	@$(BOOTSTRAP) test
	$(BIN)/python -m tests.bench.large

# The files carry versions and hashes, and no address of any registry.
lock:
	@$(BOOTSTRAP) test
	.venv/uv/bin/uv pip compile --universal --generate-hashes --no-header --quiet \
	  --python-version 3.11 --extra embedded --extra checkout \
	  --output-file requirements/run.txt pyproject.toml
	.venv/uv/bin/uv pip compile --universal --generate-hashes --no-header --quiet \
	  --python-version 3.11 --extra embedded --extra checkout --extra dev \
	  --output-file requirements/test.txt pyproject.toml

clean:
	rm -rf .venv node_modules hub/web/static/vendor
