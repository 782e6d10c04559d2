"""Losses against those of segmentation_models.pytorch, run side by side."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from kerasseg.losses import DiceLoss
from kerasseg.losses import FocalLoss
from kerasseg.losses import JaccardLoss
from kerasseg.losses import LovaszSoftmaxLoss
from kerasseg.losses import TverskyLoss

SMP = "segmentation_models_pytorch"


@pytest.fixture(scope="module")
def smp():
    """Its losses alone: its models ask for operators of torchvision's own.

    Those exist for a torch with CUDA, and no loss needs them.
    """
    spec = importlib.util.find_spec(SMP)
    if spec is None or not importlib.util.find_spec("torch"):
        pytest.skip(f"{SMP} is not installed; the extra `test` has it")
    folder = Path(spec.submodule_search_locations[0], "losses")
    spec = importlib.util.spec_from_file_location(
        "smp_losses",
        folder / "__init__.py",
        submodule_search_locations=[str(folder)],
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["smp_losses"] = module
    yield spec.loader.exec_module(module) or module
    for name in [n for n in sys.modules if n.startswith("smp_losses")]:
        del sys.modules[name]


def case(rng, classes):
    """Two images with ignored pixels, and a class that does not occur."""
    labels = rng.integers(0, classes, (2, 5, 7))
    labels[labels == classes - 1] = 0
    labels[rng.random(labels.shape) < 0.2] = 255
    logits = rng.normal(0, 2, (*labels.shape, classes)).astype("float32")
    return labels, logits


def value_and_gradient(loss, labels, logits):
    """Of a loss of theirs, on what is an image of channels last to us."""
    import torch

    logits = torch.tensor(logits, requires_grad=True)
    value = loss(torch.movedim(logits, -1, 1), torch.tensor(labels))
    value.backward()
    return value.item(), logits.grad.numpy()


# Ours, theirs, and what theirs must be multiplied by. Their mean is over all
# classes, absent ones counting 0, ours over the four of five that occur. Their
# `smooth` of Dice is added to half of what ours is added to.
PRESENT = 5 / 4
OVERLAP = {
    "dice": (DiceLoss(), "DiceLoss", {}, PRESENT),
    "dice smooth": (DiceLoss(smooth=6), "DiceLoss", {"smooth": 3}, PRESENT),
    "dice weights": (
        DiceLoss(class_weights=[1, 2, 3, 4, 0]),
        "DiceLoss",
        {"class_weights": [1, 2, 3, 4, 0]},
        1,
    ),
    "jaccard": (JaccardLoss(smooth=3), "JaccardLoss", {"smooth": 3}, PRESENT),
    "tversky": (
        TverskyLoss(0.2, 0.9, smooth=3),
        "TverskyLoss",
        {"alpha": 0.2, "beta": 0.9, "smooth": 3},
        PRESENT,
    ),
    "lovasz": (LovaszSoftmaxLoss(), "LovaszLoss", {}, 1),
}


def test_multiclass_losses(rng, smp):
    labels, logits = case(rng, 5)
    for name, (ours, theirs, arguments, factor) in OVERLAP.items():
        theirs = getattr(smp, theirs)(
            "multiclass", ignore_index=255, **arguments
        )
        value, gradient = value_and_gradient(theirs, labels, logits)
        found = float(ours(labels, logits))
        assert found == pytest.approx(factor * value, abs=1e-6), name
        # The gradient of ours, along that of theirs.
        step = 1e-2 * gradient / np.abs(gradient).max()
        slope = float(ours(labels, logits + step)) - float(
            ours(labels, logits - step)
        )
        expected = 2 * factor * (gradient * step).sum()
        assert slope == pytest.approx(expected, rel=1e-2, abs=1e-6), name


def test_focal_losses(rng, smp):
    # Theirs of one logit is ours of two, `alpha` being the weight of class 1,
    # and divides by the number of pixels, ours by their weights.
    labels, logits = case(rng, 3)
    logits = logits[..., :2]
    valid = labels[labels != 255]
    for alpha in (None, 0.3):
        weights = None if alpha is None else [1 - alpha, alpha]
        theirs = smp.FocalLoss("binary", alpha, 1.5, ignore_index=255)
        one = (logits[..., 1] - logits[..., 0])[..., None]
        value, _ = value_and_gradient(theirs, labels, one)
        found = float(FocalLoss(1.5, class_weights=weights)(labels, logits))
        if weights:
            found *= np.take(weights, valid).mean()
        assert found == pytest.approx(value, rel=1e-5)
    # Their "multiclass" is a sigmoid for each class; this is their softmax.
    import torch

    softmax = sys.modules["smp_losses._functional"]
    labels, logits = case(rng, 5)
    labels[labels == 255] = 0
    value = softmax.softmax_focal_loss_with_logits(
        torch.tensor(np.moveaxis(logits, -1, 1)), torch.tensor(labels)
    )
    assert float(FocalLoss()(labels, logits)) == pytest.approx(
        float(value), rel=1e-5
    )
