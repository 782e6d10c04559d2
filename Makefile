# Everything runs in .venv, which the targets make and fill by themselves.
PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check --quiet
PYTEST_ARGS ?=

# Processes that share the tests, each with one thread for its numbers; a file
# of tests stays on one of them, with what its fixtures made. What is skipped
# is listed with its reason, and so is what took longest.
WORKERS ?= 2
PYTEST = TF_NUM_INTRAOP_THREADS=1 OMP_NUM_THREADS=1 \
	$(VENV)/bin/python -m pytest -rs --durations=15 \
	-n $(WORKERS) --dist loadscope

# The parts that compute the same on every backend.
NEUTRAL = $(wildcard $(addprefix tests/,layers losses metrics backbones \
	models data inference zoo training) tests/test_checks.py \
	tests/test_registration.py)

# Nothing of this reaches out to the network.
ON_TENSORFLOW = -m "not network and not nightly"
ON_OTHERS = -m "every_backend and not nightly and not slow and not export"
ALL_ON_TENSORFLOW = -m "not network" --hypothesis-profile=nightly
ALL_ON_OTHERS = -m "not network and not export and not one_backend" \
	--hypothesis-profile=nightly

BACKENDS = tensorflow jax torch

.PHONY: demo test test-all web lint table docs docs-serve clean
.PHONY: $(BACKENDS:%=test-%) $(BACKENDS:%=test-all-%)

demo: $(VENV)/.demo-stamp
	$(VENV)/bin/kerasseg demo --out demo

# Minutes: each rule once, on small models.
test: lint $(BACKENDS:%=test-%)

# Everything, which takes an hour or two: before a release, and at night.
test-all: lint $(BACKENDS:%=test-all-%)

# JAX spends most of its time on compiling what a test runs once.
test-jax test-all-jax: export JAX_DISABLE_MOST_OPTIMIZATIONS = 1

test-tensorflow: $(VENV)/.test-stamp
	KERAS_BACKEND=tensorflow $(PYTEST) $(ON_TENSORFLOW) $(PYTEST_ARGS)

test-all-tensorflow: $(VENV)/.test-stamp
	KERAS_BACKEND=tensorflow $(PYTEST) $(ALL_ON_TENSORFLOW) $(PYTEST_ARGS)

test-jax test-torch: test-%: $(VENV)/.test-stamp
	KERAS_BACKEND=$* $(PYTEST) $(ON_OTHERS) $(PYTEST_ARGS) $(NEUTRAL)

test-all-jax test-all-torch: test-all-%: $(VENV)/.test-stamp
	KERAS_BACKEND=$* $(PYTEST) $(ALL_ON_OTHERS) $(PYTEST_ARGS) $(NEUTRAL)

# onnxruntime-web, without which the tests of the page skip.
web: export/web/node_modules/.package-lock.json

export/web/node_modules/.package-lock.json: export/web/package-lock.json
	npm --prefix export/web ci --ignore-scripts

lint: $(VENV)/.lint-stamp
	$(VENV)/bin/ruff check .

# The tables of entries in README.md and in the docs, from zoo/*/metrics.json.
table: $(VENV)/.demo-stamp
	$(VENV)/bin/python zoo/table.py --write

# The site, into the folder site; a warning fails it, and so does a broken link.
docs: $(VENV)/.docs-stamp
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

# The site at http://127.0.0.1:8000, built anew whenever a page is saved.
docs-serve: $(VENV)/.docs-stamp
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs serve

clean:
	rm -rf $(VENV) build dist demo site .pytest_cache .ruff_cache .hypothesis

# The stamps are made last, so an installation that was cut off is repeated.
$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo-stamp: EXTRAS = litert,onnx,train
$(VENV)/.test-stamp: EXTRAS = test
$(VENV)/.lint-stamp: EXTRAS = lint
$(VENV)/.docs-stamp: EXTRAS = docs
$(VENV)/.%-stamp: setup.cfg pyproject.toml | $(VENV)/bin/python
	@echo "Installing kerasseg[$(EXTRAS)] into $(VENV) ..."
	$(PIP) install --editable ".[$(EXTRAS)]"
	@touch $@
