# Everything runs in .venv, which the targets make and fill by themselves.
PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check --quiet
PYTEST_ARGS ?=

# Processes that share the tests, each with one thread for its numbers. What
# is skipped is listed with its reason.
WORKERS ?= 2
PYTEST = TF_NUM_INTRAOP_THREADS=1 OMP_NUM_THREADS=1 \
	$(VENV)/bin/python -m pytest -rs -n $(WORKERS) --dist worksteal

# Everything but what reaches out to the network.
ALL_TESTS = -m "not network"

# The parts that compute the same on every backend.
NEUTRAL = $(wildcard $(addprefix tests/,layers losses metrics backbones \
	models data inference zoo training) tests/test_checks.py \
	tests/test_registration.py)

.PHONY: demo test web lint table clean
.PHONY: test-tensorflow test-jax test-torch test-shapes-jax test-shapes-torch

demo: $(VENV)/.demo-stamp
	$(VENV)/bin/kerasseg demo --out demo

test: test-tensorflow test-jax test-torch test-shapes-torch

test-tensorflow: $(VENV)/.test-stamp
	KERAS_BACKEND=tensorflow $(PYTEST) $(ALL_TESTS) $(PYTEST_ARGS)

# JAX spends most of its time on compiling what a test runs once.
test-jax test-shapes-jax: export JAX_DISABLE_MOST_OPTIMIZATIONS = 1

test-jax test-torch: test-%: $(VENV)/.test-stamp
	KERAS_BACKEND=$* $(PYTEST) $(PYTEST_ARGS) $(NEUTRAL)

# Each layer on 200 random shapes. JAX compiles each operation anew for each of
# them, a quarter of an hour long: `make test` leaves that out.
test-shapes-jax test-shapes-torch: test-shapes-%: $(VENV)/.test-stamp
	KERAS_BACKEND=$* $(PYTEST) $(PYTEST_ARGS) -m slow tests/layers

# onnxruntime-web, without which the test of the page in export/web skips.
web: export/web/node_modules/.package-lock.json

export/web/node_modules/.package-lock.json: export/web/package-lock.json
	npm --prefix export/web ci --ignore-scripts

lint: $(VENV)/.lint-stamp
	$(VENV)/bin/ruff check .

# The table of entries in README.md, from zoo/*/metrics.json.
table: $(VENV)/.demo-stamp
	$(VENV)/bin/python zoo/table.py --write

clean:
	rm -rf $(VENV) build dist demo .pytest_cache .ruff_cache .hypothesis

# The stamps are made last, so an installation that was cut off is repeated.
$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo-stamp: EXTRAS = litert,onnx,train
$(VENV)/.test-stamp: EXTRAS = test
$(VENV)/.lint-stamp: EXTRAS = lint
$(VENV)/.%-stamp: setup.cfg pyproject.toml | $(VENV)/bin/python
	@echo "Installing kerasseg[$(EXTRAS)] into $(VENV) ..."
	$(PIP) install --editable ".[$(EXTRAS)]"
	@touch $@
