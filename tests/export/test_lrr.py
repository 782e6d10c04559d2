"""The project's own model, quantized; `test_every_entry` has the rest."""

import keras
import numpy as np
import pytest

from kerasseg.export import Gate
from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.models import lrr

pytestmark = [pytest.mark.slow, pytest.mark.export]


@pytest.fixture(scope="module")
def lively(make_backbone):
    """An `lrr` whose logits vary although it was never trained."""
    keras.utils.set_random_seed(1)
    model = lrr(3, make_backbone())
    generator = np.random.default_rng(1)
    for variable in model.variables:
        values = np.asarray(variable)
        if "moving_variance" in variable.path:
            variable.assign(generator.uniform(0.05, 0.2, values.shape))
        elif values.ndim == 4 and not values.any():
            variable.assign(generator.normal(0, 0.1, values.shape))
    return model


def test_int8_litert_computes_in_integers(lively, tmp_path, rng):
    images = rng.integers(0, 256, (2, 70, 100, 3), "uint8")
    report = to_litert(
        lively,
        tmp_path / "x.tflite",
        image_shape=(70, 100),
        precision="int8",
        calibration=images,
        gate=Gate(mask_agreement=0.5),
    )
    assert report.input_quantization == {"scale": 1.0, "zero_point": 0}
    assert report.notes == ()


@pytest.mark.by_day(1)
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_onnx_runs_in_half_precision(lively, tmp_path, layout):
    import onnx

    path = tmp_path / "x.onnx"
    report = to_onnx(
        lively,
        path,
        image_shape=(70, 100),
        precision="float16",
        layout=layout,
        gate=Gate(mask_agreement=0.5),
    )
    assert report.relative_error < 0.05
    # ONNX Runtime fails to reorder the axes of regions of interest.
    nodes = onnx.load(path).graph.node
    resizes = [node for node in nodes if node.op_type == "Resize"]
    assert len(resizes) == 6
    assert {node.input[1] for node in resizes} == {""}
