# make demo: from nothing to a page.  make test: every check, in minutes.  make test-long: all tests with
# coverage, which slows them, and what takes longer by nature.
# All make .venv and install what they need.  make hooks: check each commit before it is made.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test test-long hooks format clean

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(INSTALLED)
	$(BIN)/siftnet run nlgp --out runs/demo

test: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest --doctest-modules src/siftnet
	$(BIN)/pytest -n 2 --durations=5

test-long: $(INSTALLED)
	$(BIN)/pytest -n 2 -m "" --hypothesis-profile=long --hypothesis-seed=0 --durations=5 --cov --cov-report=term:skip-covered

hooks: $(INSTALLED)
	$(BIN)/pre-commit install

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .coverage
