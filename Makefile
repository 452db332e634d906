# Everything lives in .venv; every target installs what it needs.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test ci bench trials studies lint types wheel clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# torch first and pinned: another package's open range would fetch whatever is newest
$(INSTALLED): Makefile pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,sweep,dashboard]'
	@touch $@

install: $(INSTALLED) ## install dbexp and its tools into .venv

demo: $(INSTALLED) ## the whole job on two CPU cores, no download: the bundled model learns a drawn backpack
	DBEXP_CACHE=demo/cache $(BIN)/python -m dbexp +experiment=mini_backpack

test: $(INSTALLED) ## run the tests, one process a core
	OMP_NUM_THREADS=1 TRANSFORMERS_VERBOSITY=error $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

ci: $(INSTALLED) ## run the tests that start processes of their own: DDP, the wheel, kills, a browser
	$(BIN)/python -m pytest -m ci

bench: $(INSTALLED) ## time a training step beside a bare loop and the plain recipe
	$(BIN)/python -m dbexp.bench

trials: $(INSTALLED) ## twenty kills at random moments, every method on both bundled models (forty minutes)
	$(BIN)/python -m pytest -m trials -s

studies: $(INSTALLED) ## run the lab book's studies again, or what is missing of them (hours on two cores)
	for run in experiments/*/run; do $$run || exit 1; done

lint: $(INSTALLED) ## check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(INSTALLED) ## check types
	$(BIN)/mypy

wheel: $(INSTALLED) ## build the wheel into dist/
	$(BIN)/python -m build --wheel --outdir dist

clean: ## remove .venv, demo, caches and builds; runs/ stays
	rm -rf .venv demo dist build .pytest_cache .ruff_cache .mypy_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
