# Everything a person or CI runs. uv is used where it is present, a plain virtual environment where it is not.

.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
PYTHON := $(firstword $(foreach python,python3.13 python3.12 python3.11 python3,$(shell command -v $(python) >/dev/null 2>&1 && $(python) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(python))))
JOBS ?= 2
PLAIN_MB := 80
DEV_MB := 280
export CHROMIUM ?= /usr/bin/chromium

.PHONY: help
help: ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

# $(call install,what,extra,megabytes): into $(VENV); in a terminal it says how far it is while it lasts.
define install
@printf 'Installing %s into %s (about %s MB)\n' '$(1)' '$(VENV)' '$(3)'
@($(if $(UV),uv sync --quiet --frozen $(if $(2),--extra $(2)), \
test -n "$(PYTHON)" || { echo "asisso-mcp needs Python 3.11 or newer; none was found." >&2; exit 1; }; \
test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || exit 1; \
$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.$(if $(2),[$(2)])')) & installer=$$!; \
trap 'kill $$installer; exit 130' INT TERM; \
while [ -t 1 ] && kill -0 $$installer 2>/dev/null; do \
	kilobytes=$$(du -sk $(VENV) 2>/dev/null | cut -f1); \
	printf '\r%4d s, %d MB' $$((seconds)) $$(($${kilobytes:-0} / 1024)); \
	sleep 1; seconds=$$((seconds + 1)); \
done; \
[ ! -t 1 ] || printf '\r\033[K'; \
wait $$installer
endef

$(VENV)/.ready: pyproject.toml uv.lock
	$(call install,asisso-mcp with its development tools,dev,$(DEV_MB))
	@touch $(VENV)/.installed $@

$(VENV)/.installed: pyproject.toml uv.lock
	$(call install,asisso-mcp,,$(PLAIN_MB))
	@touch $@

.PHONY: demo
demo: $(VENV)/.installed ## a real MCP client talks to the server over the built-in sandbox
	@$(BIN)/asisso-mcp demo

.PHONY: test
test: $(VENV)/.ready ## the tests, in about two minutes on two cores
	@$(BIN)/pytest -n $(JOBS) -m "not slow"

.PHONY: slow
slow: $(VENV)/.ready ## the other tests: many processes, several servers
	@$(BIN)/pytest -n $(JOBS) -m slow

.PHONY: search
search: $(VENV)/.ready ## a thorough search by Hypothesis, at other examples each time
	@$(BIN)/pytest -n $(JOBS) -m hypothesis --hypothesis-profile=thorough

.PHONY: check
check: $(VENV)/.ready ## format, lint, strict types, published schemas, branch coverage
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/asisso-mcp schemas --check
	@$(BIN)/python -m tests.docs --check
	@$(BIN)/python -m tests.clients.page --check
	@$(BIN)/python -m tests.transcript.page --check

.PHONY: coverage
coverage: $(VENV)/.ready ## branch coverage of what decides and what speaks to the API: at least 95 %
	@$(BIN)/pytest -n $(JOBS) --cov=asisso_mcp.campaigns --cov=asisso_mcp.api --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=95 -m "not slow" tests/api tests/campaigns tests/fuzz

.PHONY: words
words: $(VENV)/.ready ## the quality of the tools' descriptions, by a linter
	@.ci/words

.PHONY: bundle
bundle: $(VENV)/.ready ## the MCPB bundle in dist/, validated and started; checks server.json (needs npx and uv)
	@$(BIN)/python bundle/build.py

.PHONY: clients
clients: $(VENV)/.ready ## real clients from the package index talk to the sandbox; writes docs/clients.md (needs npx)
	@$(BIN)/python -m tests.clients.run

.PHONY: app-test
app-test: $(VENV)/.ready ## the view and the dashboard in a real browser: every screen, WCAG, hostile text (needs npm, chromium)
	@cd tests/app/browser && npm ci --silent --no-audit --no-fund && node --test --test-concurrency=1 --test-reporter=spec $(if $(T),--test-name-pattern="$(T)",)

.PHONY: pictures
pictures: $(VENV)/.ready ## docs/images/, the pictures of the view (needs npm, chromium)
	@cd tests/app/browser && npm ci --silent --no-audit --no-fund && node pictures.mjs

.PHONY: conformance
conformance: $(VENV)/.ready ## the official conformance suite over HTTP, both revisions, with and without its fixtures (needs npx)
	@$(BIN)/python -m tests.conformance

.PHONY: deploy
deploy: $(VENV)/.ready ## Dockerfile, compose, Kubernetes, nginx and Caddy, as far as they run without Docker (needs nginx, caddy)
	@$(BIN)/python deploy/check.py

.PHONY: bench
bench: $(VENV)/.ready ## compare with what people would otherwise use; writes docs/performance.md (ten minutes; Linux, npm)
	@$(BIN)/python -m bench

.PHONY: soak
soak: $(VENV)/.ready ## 20,000 calls with every fault, each statement checked twice; writes docs/reliability.md (20 minutes at most)
	@$(BIN)/python -m tests.soak

.PHONY: docs
docs: $(VENV)/.ready ## write what is generated: tool_schemas/, the cached replies, the marked parts of README.md
	@$(BIN)/asisso-mcp schemas >/dev/null
	@$(BIN)/python -m scripts.cached_replies
	@$(BIN)/python -m tests.docs
	@$(BIN)/python -m tests.clients.page
	@$(BIN)/python -m tests.transcript.page

.PHONY: picture
picture: $(VENV)/.ready ## the first minute as a person sees it; writes docs/first-minute.md (needs tmux)
	@$(BIN)/python -m tests.first_minute

.PHONY: all
all: test slow check coverage demo words clients conformance app-test ## what CI runs

.PHONY: clean
clean: ## remove what these commands made
	@rm -rf $(VENV) tests/app/browser/node_modules .clients .bench build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
