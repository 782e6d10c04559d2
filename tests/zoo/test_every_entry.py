"""Every entry loads, predicts, exports with proof, and learns new classes.

The files of two ONNX exporters agree for each.
"""

import json

import arithmetic
import keras
import numpy as np
import pytest

from kerasseg import zoo
from kerasseg.inference import predict_mask
from kerasseg.layers import LaplacianReconstruction
from kerasseg.losses import SegmentationLoss
from kerasseg.zoo.architecture import rebuild

pytestmark = pytest.mark.slow

# A size that most entries pad inside.
HEIGHT, WIDTH = 50, 70
FEWER = 3
# Parameters from which on an entry is tested with fewer channels.
LARGE = 10_000_000
THINNER = 16
# Arguments of layers that count channels.
CHANNELS = {
    "filters",
    "guidance_filters",
    "reduction",
    "bottleneck_filters",
}

# Operators that move values about: LiteRT's layout is the model's, dilated
# convolutions stay whole, and sizes are constants.
SHUFFLES = {
    "TRANSPOSE",
    "SPACE_TO_BATCH_ND",
    "SHAPE",
    "SpaceToDepth",
    "Shape",
}
# What every SavedModel takes besides pixels.
SERVING = "serving_encoded"


@pytest.fixture(scope="module", params=zoo.names())
def entry(request):
    """The record of each entry in turn."""
    return zoo.info(request.param)


@pytest.fixture(scope="module")
def model(entry):
    """The model of an entry; where no weights exist, a lively new one.

    That one has fewer classes already, and where it is large, a sixteenth of
    the channels: with all of them, a conversion takes gigabytes.
    """
    if entry.is_trained:
        return zoo.load(entry.name)
    if entry.parameters < LARGE:
        model = zoo.load(entry.name, FEWER, weights=None)
    else:
        model = thinner(entry.name)
    arithmetic.unsettle(model, np.random.default_rng(1))
    return model


def thinner(name):
    """An entry with fewer channels, without ever making all of them."""
    with keras.StatelessScope():
        config = json.loads(zoo.load(name, FEWER, weights=None).to_json())
        keras.backend.clear_session()
    pending = [config]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, dict):
            # What layers were built for, which changes with the channels.
            item.pop("build_config", None)
            for key in CHANNELS & set(item):
                if item[key] >= 4 * THINNER:
                    item[key] //= THINNER
            pending.extend(item.values())
    return rebuild(json.dumps(config))


@pytest.fixture
def pictures():
    """Two pictures of large patches, as a batch of pixels."""
    patches = np.random.default_rng(3).integers(0, 256, (2, 5, 7, 3))
    return np.kron(patches, np.ones((1, 10, 10, 1))).astype("uint8")


def test_predicts_a_mask(model, pictures):
    mask = predict_mask(model, pictures[0])
    assert mask.shape == (HEIGHT, WIDTH)
    assert mask.dtype == np.int32
    assert mask.min() >= 0
    assert mask.max() < model.output_shape[-1]


def check_proof(model, report):
    assert report.output_shape == (1, HEIGHT, WIDTH, model.output_shape[-1])
    assert report.logit_range > 1e-3
    assert report.relative_error <= 1e-4
    assert report.mask_agreement >= 0.9999
    assert not [note for note in report.notes if SERVING not in note]
    found = {
        name: count
        for name, count in (report.operators or {}).items()
        if name in SHUFFLES
    }
    # After a convolution with a group per class, they are put side by side.
    grouped = sum(type(x) is LaplacianReconstruction for x in model.layers)
    if report.format == "litert" and grouped:
        assert found == {"TRANSPOSE": grouped}
    else:
        assert not found


@pytest.mark.export
@pytest.mark.parametrize(
    ("exporter", "suffix"), [("to_saved_model", ""), ("to_litert", ".tflite")]
)
def test_exports_with_proof(model, tmp_path, exporter, suffix):
    from kerasseg import export

    report = getattr(export, exporter)(
        model, tmp_path / f"file{suffix}", image_shape=(HEIGHT, WIDTH)
    )
    check_proof(model, report)


@pytest.mark.export
def test_two_onnx_exporters_agree(model, pictures, tmp_path):
    pytest.importorskip("onnxscript")
    from kerasseg import export

    logits = {}
    for exporter in ("tf2onnx", "torch"):
        path = tmp_path / f"{exporter}.onnx"
        report = export.to_onnx(
            model, path, image_shape=(HEIGHT, WIDTH), exporter=exporter
        )
        check_proof(model, report)
        assert exporter in report.versions
        logits[exporter] = export.run_onnx(path, pictures.astype("float32"))
    first, second = logits.values()
    error = np.abs(first - second).max()
    # The bound of each file against Keras: the deepest random networks come
    # to 2e-5, since the two exporters fold and order sums differently.
    assert error <= 1e-4 * (first.max() - first.min())


def test_learns_new_classes(entry, model, pictures):
    if entry.is_trained:
        model = zoo.load(entry.name, num_classes=FEWER)
    assert model.output_shape[-1] == FEWER
    masks = pictures[..., 0] // 100
    model.compile(
        keras.optimizers.SGD(1e-4), SegmentationLoss(), run_eagerly=True
    )
    losses = [model.train_on_batch(pictures, masks) for _ in range(2)]
    assert np.all(np.isfinite(losses))
