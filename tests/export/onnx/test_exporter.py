import json
import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
from keras import layers

from kerasseg.export import ExportError
from kerasseg.export import Gate
from kerasseg.export import run_onnx
from kerasseg.export import to_onnx

SHAPE = (32, 48)


def test_the_file_computes_what_the_model_computes(model, tmp_path, rng):
    import onnx

    path = tmp_path / "tiny.onnx"
    report = to_onnx(model, path, image_shape=SHAPE)
    images = rng.uniform(0, 255, (2, 32, 48, 3)).astype("float32")
    expected = model(images, training=False)
    np.testing.assert_allclose(run_onnx(path, images), expected, atol=1e-5)
    assert report.format == "onnx"
    assert report.relative_error <= 1e-4
    assert report.operators["DepthToSpace"] == 1
    proto = onnx.load(path)
    assert [(o.domain, o.version) for o in proto.opset_import] == [("", 18)]
    assert [t.name for t in proto.graph.input] == ["images"]
    assert [t.name for t in proto.graph.output] == ["logits"]
    sizes = proto.graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_value for d in sizes] == [1, 32, 48, 3]
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "tiny.onnx",
        "tiny.onnx.json",
    ]


def test_another_opset(model, tmp_path):
    import onnx

    to_onnx(model, tmp_path / "x.onnx", image_shape=SHAPE, opset=15)
    proto = onnx.load(tmp_path / "x.onnx")
    assert proto.opset_import[0].version == 15


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_repeated_pixels_take_the_mode_with_a_fast_path(tmp_path, layout):
    import onnx

    images = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, 2, "same")(layers.Rescaling(1 / 255)(images))
    x = layers.Resizing(*SHAPE, interpolation="nearest")(x)
    model = keras.Model(images, layers.Conv2D(3, 1)(x))
    path = tmp_path / "x.onnx"
    report = to_onnx(model, path, image_shape=SHAPE, layout=layout)
    assert report.relative_error <= 1e-4
    (resize,) = (n for n in onnx.load(path).graph.node if n.op_type == "Resize")
    modes = {a.name: a.s for a in resize.attribute}
    assert modes["coordinate_transformation_mode"] == b"asymmetric"
    assert modes["nearest_mode"] == b"floor"


def test_an_optimizer_that_fails_is_left_out(model, tmp_path, monkeypatch):
    from tf2onnx.optimizer import MergeDuplicatedNodesOptimizer

    setting = "TF2ONNX_CATCH_ERRORS"
    monkeypatch.delenv(setting, raising=False)
    seen = []

    def fail(optimizer, graph, iteration):
        seen.append(os.environ.get(setting))
        raise RuntimeError("stand-in")

    monkeypatch.setattr(MergeDuplicatedNodesOptimizer, "optimize", fail)
    report = to_onnx(model, tmp_path / "x.onnx", image_shape=SHAPE)
    assert report.relative_error <= 1e-4
    assert seen[0] == "FALSE"
    assert set(seen[1:]) == {None}
    assert setting not in os.environ


@pytest.mark.parametrize("opset", [12, 99, 18.0, "18"])
def test_an_unknown_opset_is_refused(model, tmp_path, opset):
    with pytest.raises(ValueError, match="`opset` must be an integer from 13"):
        to_onnx(model, tmp_path / "x.onnx", image_shape=SHAPE, opset=opset)


def test_batch_normalization_in_training_mode_is_found(trapped_model, tmp_path):
    with pytest.raises(ExportError, match="updates 2 variables .*moving_mean"):
        to_onnx(trapped_model, tmp_path / "x.onnx", image_shape=SHAPE)
    assert not list(tmp_path.iterdir())


@keras.saving.register_keras_serializable("kerasseg-tests")
class Table(layers.Layer):
    """Keeps a tensor that is no variable."""

    def build(self, input_shape):
        rows = np.linspace(1, 2, input_shape[1], dtype="float32")
        self.table = keras.ops.convert_to_tensor(rows[:, None, None])

    def call(self, inputs):
        return inputs * self.table


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_tensors_that_layers_keep(tmp_path, rng, precision):
    images = keras.Input((*SHAPE, 3))
    x = layers.Conv2D(8, 3, 2, "same")(Table()(images))
    x = layers.UpSampling2D(2, interpolation="bilinear")(Table()(x))
    model = keras.Model(images, layers.Conv2D(3, 1)(x))
    path = tmp_path / "x.onnx"
    calibration = rng.uniform(0, 255, (4, *SHAPE, 3)).astype("float32")
    to_onnx(
        model,
        path,
        precision=precision,
        calibration=calibration if precision == "int8" else None,
        gate=Gate(mask_agreement=0.9),
    )
    agreement = np.argmax(run_onnx(path, calibration), axis=-1) == np.argmax(
        model(calibration), axis=-1
    )
    assert agreement.mean() > 0.9


def test_functions_that_xla_compiles_are_refused(tmp_path):
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def compiled(images):
        return 2 * images

    class Compiled(layers.Layer):
        def call(self, inputs):
            return compiled(inputs)

    images = keras.Input((None, None, 3))
    model = keras.Model(images, layers.Conv2D(3, 1)(Compiled()(images)))
    with pytest.raises(ExportError, match="StatefulPartitionedCall.*XLA"):
        to_onnx(model, tmp_path / "x.onnx", image_shape=SHAPE)
    assert not list(tmp_path.iterdir())


OTHER_BACKEND = textwrap.dedent("""
    import json
    import sys

    import keras
    from keras import layers

    from kerasseg import export

    images = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, padding="same")(images)
    x = layers.BatchNormalization()(x)
    model = keras.Model(images, layers.Conv2D(3, 1)(x))
    name, path, options = sys.argv[1:]
    options = {"image_shape": (32, 48), **json.loads(options)}
    try:
        report = getattr(export, name)(model, path, **options)
        print("exported", report.backend, report.mask_agreement)
    except (ImportError, ValueError, export.ExportError) as error:
        print(type(error).__name__, error)
""")


def on_backend(backend, exporter, path, **options):
    """What the export of a small model on another backend prints."""
    arguments = (exporter, path, json.dumps(options))
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", OTHER_BACKEND, *arguments],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout


@pytest.mark.nightly
@pytest.mark.export
def test_torch_exports_through_its_own_exporter(tmp_path):
    pytest.importorskip("torch")
    path = tmp_path / "x.onnx"
    text = on_backend("torch", "to_onnx", str(path))
    assert "exported torch 1.0" in text
    images = np.zeros((1, 32, 48, 3), "float32")
    assert run_onnx(path, images).shape == (1, 32, 48, 3)


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.export
def test_torch_exports_class_ids_with_channels_first(tmp_path):
    pytest.importorskip("torch")
    path = tmp_path / "x.onnx"
    ends = {"layout": "NCHW", "output": "mask"}
    text = on_backend("torch", "to_onnx", str(path), **ends)
    assert "exported torch 1.0" in text
    images = np.zeros((1, 32, 48, 3), "float32")
    assert run_onnx(path, images).shape == (1, 32, 48)
    assert run_onnx(path, images).dtype == np.uint8


@pytest.mark.slow
@pytest.mark.export
@pytest.mark.parametrize(
    ("exporter", "suffix"),
    [
        ("to_litert", ".tflite"),
        pytest.param("to_saved_model", "", marks=pytest.mark.nightly),
    ],
)
def test_other_backends_are_sent_to_tensorflow(tmp_path, exporter, suffix):
    pytest.importorskip("torch")
    text = on_backend("torch", exporter, str(tmp_path / ("x" + suffix)))
    assert "ValueError" in text
    assert "must run on the Keras backend tensorflow" in text
    assert 'pip install "kerasseg[' in text
    assert not list(tmp_path.iterdir())
