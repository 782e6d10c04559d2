"""Guided DUC + DLC through the exporters, at a size that needs padding."""

import numpy as np
import pytest
from stand_ins import randomize

from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.export import to_saved_model
from kerasseg.models import guided_duc_dlc

pytestmark = [pytest.mark.slow, pytest.mark.export]


def lively(backbone, **arguments):
    """A model whose logits vary although it was never trained."""
    model = guided_duc_dlc(3, backbone, **arguments)
    randomize(model, np.random.default_rng(1))
    return model


def check(report):
    assert report.output_shape == (1, 70, 100, 3)
    assert report.logit_range > 1e-3
    assert report.relative_error < 1e-4
    assert report.mask_agreement >= 0.9999
    # An untrained model may find one class alone.
    expected = ("serving_encoded", "one class alone")
    assert not [x for x in report.notes if not any(e in x for e in expected)]
    # Dilated convolutions stay whole.
    operators = report.operators or {}
    assert not {"SPACE_TO_BATCH_ND", "SpaceToDepth"} & set(operators)
    assert "TRANSPOSE" not in operators
    assert operators.get("Transpose", 0) <= 3


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("exporter", "suffix"),
    [(to_saved_model, ""), (to_litert, ".tflite"), (to_onnx, ".onnx")],
)
def test_light(tmp_path, make_backbone, exporter, suffix):
    model = lively(make_backbone())
    check(exporter(model, tmp_path / f"x{suffix}", image_shape=(70, 100)))
