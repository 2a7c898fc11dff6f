# `make run` and `make test` are all that a new machine needs, beside Python 3.11+ and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

.PHONY: run test check bench chaos chaos-mutants install dev lock audit clean

# What is given on the command line (CATALOG=credits) reaches the program as a setting, as make has it.
run: install           ## start the bot; the sandbox when there is no .env. CATALOG=credits chooses the catalog
	@if [ -f .env ]; then exec $(BIN)/python bot.py run $(ARGS); else exec $(BIN)/python bot.py sandbox $(ARGS); fi

test: dev              ## pass every test, two at a time (one: ARGS="-n 0")
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: dev             ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

bench: dev             ## measure the speed (20 minutes; needs wrk), see docs/performance.md
	$(BIN)/python -m benchmarks $(ARGS)

chaos: dev             ## break the program on purpose (10 minutes), see docs/reliability.md
	$(BIN)/python -m chaos $(ARGS)

chaos-mutants: dev     ## break the program in known ways; each must be found (15 minutes)
	$(BIN)/python -m chaos.mutants $(ARGS)

install: $(VENV)/installed       ## .venv with the pinned, hashed dependencies
dev: $(VENV)/installed-dev       ## the same, with what tests need

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements/run.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --retries 10 --require-hashes -r requirements/run.txt
	@touch $@

$(VENV)/installed-dev: requirements/dev.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --retries 10 --require-hashes -r requirements/dev.txt
	@touch $@ $(VENV)/installed

lock: dev              ## renew both requirement files from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml --extra postgres --extra sentry -o requirements/run.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml --extra postgres --extra sentry --group dev -o requirements/dev.txt

audit: dev             ## look for known holes in the dependencies (needs the network)
	$(BIN)/pip-audit --require-hashes --disable-pip -r requirements/run.txt

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
