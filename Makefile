# Everything a person or CI runs. uv is used where it is present, a plain virtual environment where it is not.

.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
PYTHON := $(firstword $(foreach python,python3.13 python3.12 python3.11 python3,$(shell command -v $(python) >/dev/null 2>&1 && $(python) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(python))))
JOBS ?= 2

.PHONY: help
help: ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(VENV)/.ready: pyproject.toml uv.lock
ifdef UV
	@uv sync --quiet --frozen --extra dev
else
	@test -n "$(PYTHON)" || { echo "asisso-mcp needs Python 3.11 or newer; none was found." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
endif
	@touch $@

.PHONY: demo
demo: $(VENV)/.ready ## a real MCP client talks to the server over the built-in sandbox
	@$(BIN)/asisso-mcp demo

.PHONY: test
test: $(VENV)/.ready ## the tests, under two minutes
	@$(BIN)/pytest -n $(JOBS)

.PHONY: check
check: $(VENV)/.ready ## format, lint, strict types, published schemas, branch coverage
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/asisso-mcp schemas --check
	@$(BIN)/python -m tests.docs --check

.PHONY: coverage
coverage: $(VENV)/.ready ## branch coverage of what decides and what speaks to the API: at least 95 %
	@$(BIN)/pytest -n $(JOBS) --cov=asisso_mcp.campaigns --cov=asisso_mcp.api --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=95 tests/api tests/campaigns tests/server

.PHONY: docs
docs: $(VENV)/.ready ## write what is generated: tool_schemas/ and the marked parts of README.md
	@$(BIN)/asisso-mcp schemas >/dev/null
	@$(BIN)/python -m tests.docs

.PHONY: all
all: check test coverage demo ## what CI runs

.PHONY: clean
clean: ## remove what these commands made
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
