"""Seed, data and log level for all tests."""

import collections
import contextlib
import gc
import os
import random
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
from hypothesis import settings

SEED = 20160

# Examples of a test of properties that does not say how many it needs: the
# same few each time, or with `--hypothesis-profile=nightly` many new ones. JAX
# compiles each operation anew for each shape.
FEW = 3 if os.environ.get("KERAS_BACKEND") == "jax" else 25
settings.register_profile(
    "few", max_examples=FEW, deadline=None, derandomize=True
)
settings.register_profile("nightly", max_examples=200, deadline=None)
settings.load_profile("few")

# Its failures should show their values, as those of a test do.
pytest.register_assert_rewrite("checks")


@pytest.fixture(autouse=True)
def _seed():
    _set_seed()


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef):
    # Made before `_seed` of the test that wants it, it would depend on the
    # tests that ran before.
    if fixturedef.scope != "function":
        _set_seed()


def _set_seed():
    # Tests that never touch keras should not pay for importing it.
    if "keras" in sys.modules:
        import keras

        keras.utils.set_random_seed(SEED)
    else:
        random.seed(SEED)


@pytest.fixture(autouse=True, scope="module")
def _forget_compiled():
    """Keeps what JAX has compiled for one file of tests only: gigabytes."""
    yield
    if os.environ.get("KERAS_BACKEND") == "jax" and "jax" in sys.modules:
        sys.modules["jax"].clear_caches()


@pytest.fixture
def rng():
    """A seeded NumPy generator."""
    return np.random.default_rng(SEED)


@pytest.fixture
def data_root():
    """The folder that holds the datasets; the test skips where it is unset."""
    root = os.environ.get("KERASSEG_DATA")
    if not root:
        pytest.skip("KERASSEG_DATA is not set")
    return Path(root)


@pytest.fixture
def file_size_limit():
    """Lets no file grow beyond some bytes, as a full disk does."""
    resource = pytest.importorskip("resource", reason="a POSIX module")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    # Only around the call: pytest itself may be writing to a file.
    @contextlib.contextmanager
    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limit


# What a layer, a loss, a metric or a model promises, and what it computes: the
# first case of a test of such a name needs no marker of its own.
SHARED = ("test_contract", "_definition")
# JAX compiles a model for a quarter of a minute: the project's own by day.
ON_JAX = "test_lrr.py"


def pytest_collection_modifyitems(items):
    _leave_to_the_night(items)
    marked = set()
    for item in items:
        test = item.path, item.originalname
        shared = any(part in item.originalname for part in SHARED)
        if shared and test not in marked and not _at_night(item):
            item.add_marker("every_backend")
            marked.add(test)


def pytest_collection_finish():
    # What was imported stays: the garbage collector, which Keras and the
    # exporters call often, need not look through it each time.
    gc.collect()
    gc.freeze()


def _leave_to_the_night(items):
    """Marks `nightly` all but a few cases, evenly spread, of some tests."""
    cases = collections.defaultdict(list)
    for item in items:
        if item.get_closest_marker("by_day"):
            cases[item.path, item.cls, item.originalname].append(item)
    for test in cases.values():
        few = test[0].get_closest_marker("by_day").args[0]
        by_day = {number * len(test) // few for number in range(few)}
        for number, item in enumerate(test):
            if number not in by_day:
                item.add_marker("nightly")


def _at_night(item):
    on_jax = os.environ.get("KERAS_BACKEND") == "jax"
    if on_jax and item.path.parent.name == "models":
        return item.path.name != ON_JAX
    return any(item.get_closest_marker(n) for n in ("slow", "nightly"))


def pytest_runtest_setup(item):
    marker = item.get_closest_marker("needs_data")
    if marker is None:
        return
    names = ", ".join(marker.args) or "datasets"
    root = os.environ.get("KERASSEG_DATA")
    if not root:
        pytest.skip(f"needs {names}, and KERASSEG_DATA is not set")
    missing = [n for n in marker.args or ("",) if not Path(root, n).is_dir()]
    if missing:
        pytest.fail(
            f"KERASSEG_DATA={root} holds no {', '.join(missing) or 'folder'}",
            pytrace=False,
        )
