"""Files in int8 with the ranges that a model has learned."""

import keras
import numpy as np
import pytest
from keras import layers

from kerasseg import export
from kerasseg.export import ExportError
from kerasseg.export import Gate
from kerasseg.layers import BilinearConv2DTranspose
from kerasseg.training import quantization_aware

SHAPE = (32, 48)
LOOSE = Gate(miou_loss=1.0, mask_agreement=0.5)


def net():
    images = keras.Input((*SHAPE, 3), name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="scale")(images)
    x = layers.Conv2D(8, 3, 2, padding="same", use_bias=False, name="stem")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = fine = layers.ReLU(6.0, name="relu")(x)
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.Conv2D(8, 1, activation="relu", name="project")(x)
    x = BilinearConv2DTranspose(2, name="up")(x)
    x = layers.Add(name="sum")([x, fine])
    x = layers.Conv2D(4, 1, name="head")(x)
    x = BilinearConv2DTranspose(2, name="logits")(x)
    return keras.Model(images, x, name="net")


RANGED = ("relu", "depthwise", "project", "up", "sum", "head", "logits")


def learned(images, symmetric=False):
    """A copy that has seen darker images than those of the calibration."""
    keras.utils.set_random_seed(4)
    model = net()
    model.get_layer("norm").set_weights(
        [
            np.random.default_rng(3).uniform(0.5, 2, w.shape)
            for w in model.get_layer("norm").get_weights()
        ]
    )
    copy = quantization_aware(model, symmetric)
    copy.get_layer("norm").trainable = False
    copy(images * 0.6, training=True)
    return copy


@pytest.fixture
def images(rng):
    """Images for calibration: smooth, as real ones are."""
    coarse = rng.uniform(0, 255, (4, 4, 6, 3)).astype("float32")
    return np.asarray(keras.ops.image.resize(coarse, SHAPE), "uint8")


def scales(copy):
    """The scale and the zero point of each range, as `uint8`."""
    found = {}
    for name in RANGED:
        low, high = copy.get_layer(f"{name}_range").bounds()
        scale = (high - low) / 255
        found[name] = (scale, round(-low / scale))
    return found


def kernel_scales(copy, name, axes):
    """Of the kernel with batch normalization folded into it."""
    kernel = np.asarray(copy.get_layer(name).layer.kernel)
    if name == "stem":
        norm = copy.get_layer("norm")
        spread = np.sqrt(np.asarray(norm.moving_variance) + norm.epsilon)
        kernel = kernel * np.asarray(norm.gamma) / spread
    return np.abs(kernel).max(axis=axes).ravel() / 127


KERNELS = {
    "stem": (0, 1, 2),
    "depthwise": (0, 1),
    "project": (0, 1, 2),
    "head": (0, 1, 2),
}


def run_onnx_exactly(path, images):
    """Each operator in float, on the integers of the file.

    On processors without VNNI, ONNX Runtime's own product of `uint8` and
    `int8` overflows.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    session = onnxruntime.InferenceSession(str(path), options)
    outputs = [
        session.run(None, {"images": image[None].astype("float32")})[0]
        for image in images
    ]
    return np.concatenate(outputs)


def check(report, copy, outputs, images, found, kernels):
    """The file has the learned scales, and computes what was trained."""
    for name, (scale, zero) in scales(copy).items():
        near = [z for s, z in found if np.isclose(s, scale, rtol=1e-5)]
        assert zero in near, name
    for name, axes in KERNELS.items():
        expected = kernel_scales(copy, name, axes)
        assert any(
            k.shape == expected.shape and np.allclose(k, expected, rtol=1e-4)
            for k in kernels
        ), name
    assert any("were learned in training" in note for note in report.notes)
    expected = np.asarray(copy(images.astype("float32")))
    apart = np.abs(outputs - expected)
    step = scales(copy)["logits"][0]
    assert apart.mean() < step
    assert apart.max() < 6 * step


@pytest.mark.export
def test_litert(images, tmp_path):
    from kerasseg.export.litert import graph as graphs

    copy, path = learned(images), tmp_path / "small.tflite"
    options = {"precision": "int8", "calibration": images, "gate": LOOSE}
    report = export.to_litert(copy, path, **options)
    (main,) = graphs.parse(path.read_bytes()).subgraphs
    marks = [
        (tensor.quantization, graphs.lowest(tensor))
        for tensor in main.tensors
        if tensor.quantization is not None
        and tensor.quantization.scale is not None
    ]
    found = [
        (float(m.scale[0]), int(m.zeroPoint[0]) - low)
        for m, low in marks
        if len(m.scale) == 1
    ]
    kernels = [m.scale for m, _ in marks if len(m.scale) > 1]
    outputs = export.run_litert(path, images)
    check(report, copy, outputs, images, found, kernels)
    assert not any("Left in float" in note for note in report.notes)


def onnx_scales(path):
    """Scales and zero points of activations, and scales of kernels."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    known = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    found = [
        tuple(float(known[name]) for name in node.input[1:])
        for node in graph.node
        if node.op_type == "QuantizeLinear"
    ]
    return found, [a for a in known.values() if a.ndim == 1 and len(a) > 1]


@pytest.mark.export
def test_onnx(images, tmp_path):
    copy, path = learned(images), tmp_path / "small.onnx"
    options = {"precision": "int8", "calibration": images, "gate": LOOSE}
    report = export.to_onnx(copy, path, **options)
    outputs = run_onnx_exactly(path, images)
    check(report, copy, outputs, images, *onnx_scales(path))
    with pytest.raises(ExportError, match=r"by tf2onnx: .*or on any by `to_on"):
        export.to_onnx(copy, path, exporter="torch", **options)


@pytest.mark.export
@pytest.mark.nightly
def test_tensorrt(images, tmp_path):
    copy = learned(images, symmetric=True)
    report = export.to_tensorrt(
        copy,
        tmp_path / "small.engine",
        precision="int8",
        calibration=images,
        gate=LOOSE,
    )
    assert any("were learned in training" in note for note in report.notes)
    found, _ = onnx_scales(tmp_path / "small.onnx")
    assert {zero for _, zero in found} == {0}
    # The inputs of convolutions; the pooling is within the range of the relu.
    for name in ("depthwise", "sum"):
        scale = scales(copy)[name][0]
        assert any(np.isclose(s, scale, rtol=1e-5) for s, _ in found), name


@pytest.mark.export
@pytest.mark.nightly
@pytest.mark.parametrize("form", ["litert", "onnx"])
def test_masks_of_blocks_and_mixed_precision(images, tmp_path, form):
    copy = learned(images)
    suffix = {"litert": "tflite", "onnx": "onnx"}[form]
    for precision, output in (("int8", "coarse_mask"), ("mixed", "logits")):
        report = getattr(export, f"to_{form}")(
            copy,
            tmp_path / f"small.{suffix}",
            precision=precision,
            output=output,
            calibration=images,
            gate=LOOSE,
        )
        assert any("were learned in" in note for note in report.notes)


@pytest.mark.export
def test_what_is_refused(images, tmp_path):
    copy = learned(images)
    for form, suffix in (("onnx", ".onnx"), ("saved_model", "")):
        with pytest.raises(ValueError, match="must be 'int8' or 'mixed' for"):
            getattr(export, f"to_{form}")(copy, tmp_path / f"model{suffix}")
    with pytest.raises(ValueError, match="'relu_range' has no range"):
        export.to_litert(
            quantization_aware(net()),
            tmp_path / "model.tflite",
            precision="int8",
            calibration=images,
        )
    assert not list(tmp_path.iterdir())
