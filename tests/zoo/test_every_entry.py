"""Every entry loads, predicts, exports, is verified, and learns new classes.

The files of two ONNX exporters agree for each. `make test` takes one format,
and the entries with weights of their own: tests/export exports each family of
models to every format, with few channels.
"""

import itertools
import json

import keras
import numpy as np
import pytest
from stand_ins import randomize

from kerasseg import zoo
from kerasseg.export.tensorrt_rtx import library
from kerasseg.inference import predict_mask
from kerasseg.layers import LaplacianReconstruction
from kerasseg.losses import SegmentationLoss
from kerasseg.training import freeze_batch_normalization
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


def entries(chosen):
    """The chosen entries, and the others at night."""
    return pytest.mark.parametrize(
        "entry",
        [
            pytest.param(
                name, marks=() if name in chosen else pytest.mark.nightly
            )
            for name in zoo.names()
        ],
        indirect=True,
    )


@pytest.fixture(scope="module")
def entry(request):
    """The record of an entry."""
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
    randomize(model, np.random.default_rng(1))
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
def images():
    """Two images of large patches, as a batch of pixels."""
    patches = np.random.default_rng(3).integers(0, 256, (2, 5, 7, 3))
    return np.kron(patches, np.ones((1, 10, 10, 1))).astype("uint8")


@entries(["fcn_8s", "gdn", "lrr_4x"])
def test_predicts_a_mask(model, images):
    mask = predict_mask(model, images[0])
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


# By day, tests/export has a small model of each kind in each format.
@pytest.mark.export
@entries(["fcn_8s", "lrr_4x"])
def test_litert_with_proof(model, tmp_path):
    from kerasseg import export

    report = export.to_litert(
        model, tmp_path / "file.tflite", image_shape=(HEIGHT, WIDTH)
    )
    check_proof(model, report)


@pytest.mark.export
@entries([])
def test_saved_model_with_proof(model, tmp_path):
    from kerasseg import export

    report = export.to_saved_model(
        model, tmp_path / "file", image_shape=(HEIGHT, WIDTH)
    )
    check_proof(model, report)


@pytest.mark.export
@entries([])
def test_two_onnx_exporters_agree(model, images, tmp_path):
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
        logits[exporter] = export.run_onnx(path, images.astype("float32"))
    first, second = logits.values()
    error = np.abs(first - second).max()
    # The bound of each file against Keras: the deepest random networks come
    # to 2e-5, since the two exporters fold and order sums differently.
    assert error <= 1e-4 * (first.max() - first.min())


# What NVIDIA's builder makes an engine of in `make test`; at night the rest.
BUILT = {("lrr_4x", "int8"), ("gdn", "float16")}


@pytest.mark.export
@pytest.mark.skipif(
    bool(library.find().reason), reason=library.find().reason or "installed"
)
@pytest.mark.parametrize(
    ("entry", "precision"),
    [
        pytest.param(*case, marks=() if case in BUILT else pytest.mark.nightly)
        for case in itertools.product(
            zoo.names(), ("float32", "float16", "int8")
        )
    ],
    indirect=["entry"],
)
def test_nvidias_builder_takes_it(model, precision, images, tmp_path):
    from kerasseg import export

    lossy = precision != "float32"
    report = export.to_tensorrt_rtx(
        model,
        tmp_path / "file.engine",
        image_shape=(HEIGHT, WIDTH),
        precision=precision,
        calibration=images if precision == "int8" else None,
        # Two images of noise say nothing of what a precision costs.
        gate=export.Gate(mask_agreement=0) if lossy else None,
    )
    assert report.bytes > 100_000
    (judged,) = (note for note in report.notes if "Built by NVIDIA" in note)
    assert "an engine of" in judged


@entries(["gdn", "lrr_4x"])
def test_learns_new_classes(entry, model, images):
    if entry.is_trained:
        model = zoo.load(entry.name, num_classes=FEWER)
    assert model.output_shape[-1] == FEWER
    masks = images[..., 0] // 100
    model.compile(
        keras.optimizers.SGD(1e-4), SegmentationLoss(), run_eagerly=True
    )
    losses = [model.train_on_batch(images, masks) for _ in range(2)]
    assert np.all(np.isfinite(losses))


# This one has layers with normalizations inside.
@entries(["guided_duc_dlc"])
def test_frozen_statistics_stay(model, images):
    moving = [w for w in model.weights if w.name.startswith("moving_")]
    frozen = freeze_batch_normalization(model)
    # A mean and a variance for each layer, wherever it is.
    assert len(moving) == 2 * frozen
    before = [np.array(w) for w in moving]
    model.compile(
        keras.optimizers.SGD(1e-4), SegmentationLoss(), run_eagerly=True
    )
    masks = images[..., 0] // 100 % model.output_shape[-1]
    model.fit(images, masks, verbose=0)
    for old, new in zip(before, moving, strict=True):
        np.testing.assert_array_equal(np.array(new), old)
