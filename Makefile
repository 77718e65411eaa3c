# healer from a clone. Everything goes into .venv; nothing but Python 3.11 to 3.13 with venv is needed to run it.

CONFIG ?= deploy/quickstart/healer.yaml
SEEDS ?= 20000
TESTS ?= tests
WORKERS ?= 4

# The first Python on the PATH that healer runs on; `make run PYTHON=...` names another one.
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$each && break; done)

# Tests start healer hundreds of times: where this is set, each start would compile all its modules again, half of the time it takes.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
PYTEST := $(BIN)/python -m pytest

.PHONY: help run test check bench bench-quality drill simulate fuzz chaos lock servers
.DELETE_ON_ERROR:

help:
	@echo "make run [CONFIG=FILE]     install into .venv, then start healer"
	@echo "make test [TESTS=PATH]     install what the tests need, then run them"
	@echo "make check                 format, lint, types, import contracts"
	@echo "make drill [JSON=1]        one rehearsal of the whole loop, on a healer of its own"
	@echo "make bench                 healer beside Alertmanager, on the same alerts"
	@echo "make bench-quality [STORMS=DIR]   how often the root is named, on recorded and generated storms or your own"
	@echo "make simulate [SEEDS=N]    the whole service under faults, in virtual time"
	@echo "make fuzz | chaos          bad input; kill -9 under load, two healers among faults: in full"
	@echo "make lock                  pin the dependencies anew"

run: .venv/run.stamp
	@echo "Starting healer with $(CONFIG). Ctrl-C stops it; from another terminal: $(BIN)/healer doctor"
	@exec $(BIN)/healer serve --config $(CONFIG)

test: .venv/dev.stamp servers
	HEALER_EFFORT=$${HEALER_EFFORT:-ci} $(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0 $(TESTS)
	@echo "All passed. Next: make check"

check: .venv/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	@echo "All clean. To mend the format: $(BIN)/ruff format . && $(BIN)/ruff check --fix ."

bench: .venv/dev.stamp servers
	$(BIN)/python -m bench.compare
	$(BIN)/python -m bench.restart
	$(BIN)/python -m bench.hand_over
	$(BIN)/python -m bench.overhead
	$(BIN)/python -m bench.rules
	$(BIN)/python -m bench.core_switch
	$(BIN)/python -m bench.topology_alerts
	$(BIN)/python -m bench.agents
	@echo "Figures worth keeping go into docs/performance.md, with the command and the machine."

bench-quality: .venv/dev.stamp
	$(BIN)/python -m bench.quality $(if $(STORMS),--storms "$(STORMS)")
	$(if $(STORMS),,$(BIN)/python -m bench.tuning && $(BIN)/python -m bench.reliability)
	@echo "Figures worth keeping go into docs/quality.md, with the command."

drill: .venv/run.stamp
	@$(BIN)/python deploy/drill/drill.py $(if $(JSON),--json)

simulate: .venv/dev.stamp
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --jobs $(WORKERS)
	$(BIN)/python -m tests.simulation --scenario badday --seeds 1

fuzz chaos: .venv/dev.stamp servers
	HEALER_EFFORT=full $(PYTEST) -n $(WORKERS) --dist loadfile -m $@ $(TESTS)
	@echo "Clean. The result goes into docs/testing.md, with the command."

# Both locks hold for every supported Python and platform, with hashes, and name no host. Only this target needs uv.
UV_COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes \
	--python-version 3.11 --no-emit-index-url --no-emit-find-links pyproject.toml --group build

lock: .venv/bin/python
	$(PIP) install --quiet uv
	$(UV_COMPILE) -o requirements/run.lock
	$(UV_COMPILE) --extra apprise --extra otlp --extra pictures --extra postgresql --extra test --extra check -c requirements/run.lock -o requirements/dev.lock
	@echo "Pinned anew. Next: make test && make check, then commit requirements/"

servers:
	@sh tests/servers/debian.sh

# A stamp is older than the lock or pyproject.toml only when something has to be installed anew. The project itself is
# installed without looking for anything else: what it builds with (setuptools) is pinned in the lock as well.
.venv/run.stamp: requirements/run.lock pyproject.toml | .venv/bin/python
	@echo "Installing what healer needs into .venv (once; about a minute)"
	@$(PIP) install --quiet --require-hashes -r requirements/run.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: requirements/dev.lock pyproject.toml | .venv/bin/python
	@echo "Installing what the tests and checks need into .venv (once; about a minute)"
	@$(PIP) install --quiet --require-hashes -r requirements/dev.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@ .venv/run.stamp

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "healer needs Python 3.11, 3.12 or 3.13, and python3 is `python3 --version 2>&1`." \
		"Install one, or name it: make run PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv." \
		"On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv
