# Everything is done in .venv, made here from git, make, python3 and python3-venv alone.

PYTHON ?= python3
VENV ?= .venv
TIME ?= 60
ARGS ?=
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test check bench proof interop fix docs dist deb lock clean

help:
	@echo "make demo      a working server on loopback: no root, no domain, no DNS (ARGS=...)"
	@echo "make test      install what the tests need and run them all, on all cores (ARGS=...)"
	@echo "make check     format, lint, types, layers"
	@echo "make interop   real clients and peers from Debian packages (root)"
	@echo "make proof     crash, fault and fuzz rigs (TIME=seconds)"
	@echo "make bench     the budgets, measured beside a peer"
	@echo "make fix       let ruff put right what it can"
	@echo "make docs      print the generated pages of docs/ anew"
	@echo "make dist      the packages for release, in dist/"
	@echo "make deb       the package for Debian or Ubuntu, in dist/"
	@echo "make lock      pin the newest versions of all dependencies"
	@echo "make clean     remove .venv, caches and what was built"

demo: $(VENV)/.run
	@$(BIN)/python -m compileall -q src || true # it only starts sooner with it
	@$(BIN)/postroom demo $(ARGS)

test: $(VENV)/.dev
	@tools/packages.sh test
	@$(BIN)/pytest -n auto --dist loadfile $(ARGS)

check: $(VENV)/.dev
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.dev
	@$(call need,bench/accept.py)
	@tools/packages.sh bench
	@$(BIN)/python -m bench.accept
	@$(BIN)/python -m bench.relay
	@$(BIN)/python -m bench.queue
	@$(BIN)/python -m bench.imap
	@$(BIN)/python -m bench.spam

proof: $(VENV)/.dev
	@$(call need,proof/run.py)
	@$(BIN)/python -m proof.run --time $(TIME) $(ARGS)

interop: $(VENV)/.dev
	@$(call need,interop)
	@tools/packages.sh interop
	@$(BIN)/pytest interop -p no:randomly -n auto --dist loadfile $(ARGS)

fix: $(VENV)/.dev
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

docs: $(VENV)/.dev
	@$(BIN)/python tools/docs.py

dist: $(VENV)/.dev
	@rm -rf build dist
	@$(BIN)/python -m build --no-isolation --outdir dist .

deb: dist
	@tools/deb.sh $(VENV)

lock: $(VENV)/.dev
	@tools/lock.sh

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# A target whose scripts are not in this checkout fails instead of doing nothing.
need = test -e $(1) || { echo "$(1) is not part of this version" >&2; exit 2; }

# The stamps: .run has what the server needs, .dev also what tests and checks need.
$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	@echo "Installing what tests and checks need ..."
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.run: $(BIN)/python requirements/build.txt requirements/run.txt pyproject.toml
	@echo "Installing Postroom into $(VENV) ..."
	@$(INSTALL) --require-hashes -r requirements/build.txt -r requirements/run.txt
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || \
	    { echo "$(PYTHON) is missing: apt-get install python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Postroom needs Python 3.11 or newer; choose one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "python3-venv is missing: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
