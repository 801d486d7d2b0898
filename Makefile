# Everything a person or CI runs. Needs GNU make and Python 3.11 or newer; the rest goes into .venv.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
NETSUITE := netsuite/node_modules/.ready
# Two tests at a time on a two-core machine, never more than four anywhere.
PYTEST := $(BIN)/pytest -n auto --maxprocesses 4

.DEFAULT_GOAL := help
.PHONY: help demo test check netsuite bench scenarios constraints clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

demo: $(READY) ## run the sandbox story, then serve the web app (HEADLESS=1: only the story)
	@$(BIN)/dunwell demo $(if $(filter-out 0,$(HEADLESS)),--headless)

test: $(READY) ## run the whole test suite on SQLite
	@$(PYTEST) $(ARGS)

check: $(READY) ## all that CI runs: format, lint, types, imports, docs, tests on SQLite and PostgreSQL
	@$(BIN)/python tools/check.py $(if $(filter-out 0,$(SKIP_SQLITE)),--skip-sqlite)

netsuite: $(NETSUITE) ## check and test the SuiteScript for NetSuite; needs Node.js 18.14 or newer and npm
	@cd netsuite && npm test --silent

bench: $(READY) ## measure, as ratios, on SQLite and a private PostgreSQL
	@$(BIN)/python tools/with_postgres.py $(BIN)/python -m benchmarks $(ARGS)

scenarios: $(READY) ## write the golden timelines anew; read the diff
	@$(BIN)/pytest tests/scenarios --regenerate

constraints: ## pin the newest versions that pyproject.toml allows
	@$(PYTHON) tools/pin.py constraints.txt

clean: ## remove .venv and whatever the tools left behind
	rm -rf .venv netsuite/node_modules netsuite/build build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Dunwell needs Python 3.11 or newer; $(PYTHON) is older or missing. Try: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Python's venv module is missing. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing into .venv (about a minute) ..."
	@$(BIN)/python -c pass 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]' >.venv/install.log 2>&1 \
	  || { tail -n 20 .venv/install.log >&2; echo "Installing failed; the whole log is .venv/install.log" >&2; exit 1; }
	@touch $@

$(NETSUITE): netsuite/package.json
	@node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major * 100 + +minor < 1814 ? 1 : 0)' 2>/dev/null \
	  && command -v npm >/dev/null \
	  || { echo "This needs Node.js 18.14 or newer and npm. On Debian or Ubuntu: apt-get install nodejs npm" >&2; exit 1; }
	@echo "Installing into netsuite/node_modules (half a minute) ..."
	@mkdir -p $(@D)
	@cd netsuite && npm install >node_modules/install.log 2>&1 \
	  || { tail -n 20 node_modules/install.log >&2; echo "Installing failed." >&2; exit 1; }
	@touch $@
