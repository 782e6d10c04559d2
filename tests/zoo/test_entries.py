import functools
import math

import keras
import pytest

from kerasseg import zoo
from kerasseg.zoo import fetch
from kerasseg.zoo.entries import ENTRIES

NAMES = zoo.names()
LEVELS = ["lrr_32x", "lrr_16x", "lrr_8x", "lrr_4x"]


build = functools.lru_cache(maxsize=5)(zoo.build)


def test_published_names():
    assert [entry.name for entry in ENTRIES.values()] == NAMES
    assert len(set(NAMES)) == len(NAMES)
    assert NAMES[:4] == LEVELS


@pytest.mark.parametrize("name", NAMES)
def test_records_are_complete(name):
    entry = zoo.info(name)
    assert entry.title
    assert entry.dataset
    assert entry.provenance
    assert "https://" in entry.paper
    assert None not in entry.image_shape
    assert zoo.Entry.from_json(entry.to_json()) == entry
    if entry.weights is not None:
        assert entry.license_weights
        assert entry.license_data


@pytest.mark.parametrize("name", NAMES)
def test_packaged_weights_have_the_hash(name):
    entry = zoo.info(name)
    if entry.is_trained and not entry.is_remote:
        assert fetch.weights_path(entry).stat().st_size < 20_000_000


@pytest.mark.parametrize("level", ["32x", "16x", "8x", "4x"])
def test_the_four_levels_share_one_file(level):
    entry, finest = zoo.info(f"lrr_{level}"), zoo.info("lrr_4x")
    assert (entry.weights, entry.sha256) == (finest.weights, finest.sha256)
    assert entry.subset == (level != "4x")


def _is_large(name):
    return zoo.info(name).parameters > 50_000_000


@pytest.mark.by_day(8)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if _is_large(name) else name
        for name in NAMES
    ],
)
def test_architecture(name):
    entry = zoo.info(name)
    model = zoo.build(name) if _is_large(name) else build(name)
    assert model.name == name
    assert model.input_shape == (None, None, None, 3)
    assert model.output_shape == (None, None, None, entry.num_classes)
    trainable = sum(math.prod(v.shape) for v in model.trainable_variables)
    assert trainable == entry.parameters


def test_coarser_levels_are_part_of_the_finer_ones():
    shapes = [
        {v.path: tuple(v.shape) for v in build(name).weights} for name in LEVELS
    ]
    for coarse, fine in zip(shapes, shapes[1:], strict=False):
        assert len(coarse) < len(fine)
        assert coarse.items() <= fine.items()


@pytest.mark.by_day(1)
@pytest.mark.parametrize("size", ["32s", "16s", "8s"])
def test_fcn_subtracts_the_means_of_its_authors(size):
    with keras.StatelessScope():
        model = zoo.build(f"fcn_{size}_vgg16")
        keras.backend.clear_session()
    _check_means(model)


def test_gdn_subtracts_the_means_of_its_authors():
    _check_means(build("gdn_vgg16"))


def _check_means(model):
    offsets = [
        layer.offset
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.Rescaling)
    ]
    assert len(offsets) == 1
    # Blue, green and red.
    expected = (-104.00699, -116.66877, -122.67892)
    assert offsets[0][::-1] == pytest.approx(expected, abs=1e-5)
