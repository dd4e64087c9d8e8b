# Each target does its own set-up in .venv, once. ARGS passes options on: make train ARGS="--data mnist --epochs 3"
# PYTHON names the Python to use, 3.11 or newer: make test PYTHON=python3.13

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help train test test-all install check bench docs clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  Options follow in ARGS: make test ARGS="tests/ops -k matmul". PYTHON names the Python to use.'

train:  ## train a network on real handwritten digits, and evaluate it
	@scripts/train $(ARGS)

test:  ## run the tests
	@scripts/test $(ARGS)

test-all:  ## run the tests, and the trainings whole, on real data
	@scripts/test --long $(ARGS)

install:  ## install everything a developer needs into .venv
	@scripts/setup dev all >/dev/null && echo 'Ready. To work in it: source .venv/bin/activate'

check:  ## format, lint, types, architecture and a tour of the library
	@scripts/check

bench:  ## measure speed beside PyTorch, JAX, autograd, MyGrad and plain NumPy
	@scripts/bench $(ARGS)

docs:  ## check the links of the documentation and run its examples
	@scripts/docs

clean:  ## remove .venv, caches and builds; runs/ stays
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
