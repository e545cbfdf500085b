# Every target does its own set-up. Prerequisites: Python 3.11+ and make; npm is optional (photo department of the demo).
PYTHON ?= python3
BIN := .venv/bin
# One process a core, and one thread a process: threads of numpy and torch that wait for one another double the time.
# What is compiled is kept, whatever the machine says otherwise: tests start dozens of processes.
TEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile
# Built apart from what is installed: the pip of Debian 12 would build with setuptools alone, which lacks what they need.
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO_ARGS ?=

.PHONY: demo test check bench clean format

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Shoplens needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .venv

# torch comes first and alone, so that no resolver picks a build with CUDA.
.venv/.run: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) install -q --use-pep517 -c constraints.txt torch
	$(PIP) install -q --use-pep517 -c constraints.txt -e '.[samples]'
	@touch $@

.venv/.dev: .venv/.run
	$(PIP) install -q --use-pep517 -c constraints.txt -e '.[samples,postgres,speech,hub,bench,mlflow,otlp,dev]'
	@touch $@

demo: .venv/.run
	$(BIN)/shoplens demo $(DEMO_ARGS)

test: .venv/.dev
	$(TEST)

check: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(TEST)

bench: .venv/.dev
	$(BIN)/python -m pytest -m slow --timeout 3600
	$(BIN)/python -m benchmarks

format: .venv/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv build dist report demo-shop .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
