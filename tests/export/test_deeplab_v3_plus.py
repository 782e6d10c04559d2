"""DeepLabV3+ through the exporters, at a size that needs padding."""

import keras
import numpy as np
import pytest

from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.export import to_saved_model
from kerasseg.models import deeplab_v3_plus

pytestmark = [pytest.mark.slow, pytest.mark.export]


def lively(backbone, level):
    """A new DeepLabV3+ whose logits vary from pixel to pixel."""
    keras.utils.set_random_seed(1)
    model = deeplab_v3_plus(3, backbone, level=level, filters=16)
    generator = np.random.default_rng(1)
    for variable in model.variables:
        if "moving_variance" in variable.path:
            variable.assign(generator.uniform(0.05, 0.2, variable.shape))
    return model


@pytest.mark.by_day(2)
@pytest.mark.parametrize(
    ("exporter", "suffix"),
    [(to_saved_model, ""), (to_litert, ".tflite"), (to_onnx, ".onnx")],
)
@pytest.mark.parametrize("level", ["P4", "P5"])
def test_deeplab_v3_plus(tmp_path, make_backbone, level, exporter, suffix):
    path = tmp_path / ("deeplab" + suffix)
    model = lively(make_backbone(), level)
    report = exporter(model, path, image_shape=(70, 100))
    assert report.output_shape == (1, 70, 100, 3)
    assert report.logit_range > 1e-3
    assert report.relative_error < 1e-4
    assert report.mask_agreement >= 0.9999
    assert not [x for x in report.notes if "serving_encoded" not in x]
    # TensorFlow cuts dilated convolutions into spaces and batches; the
    # converters undo that.
    operators = report.operators or {}
    assert not {"SPACE_TO_BATCH_ND", "SpaceToDepth"} & set(operators)
    assert "TRANSPOSE" not in operators
    assert operators.get("Transpose", 0) <= 2
