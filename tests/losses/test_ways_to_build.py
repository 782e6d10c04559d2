"""Models of every kind are trained with the losses and metrics."""

import numpy as np
import pytest
from ways_to_build import WAYS
from ways_to_build import image

from kerasseg import losses
from kerasseg import metrics

LOSSES = {
    "boundary": losses.BoundaryWeightedLoss,
    "dice": losses.DiceLoss,
    "focal": losses.FocalLoss,
    "segmentation": losses.SegmentationLoss,
}


@pytest.mark.by_day(4)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_lowers_the_loss(way, loss):
    model = WAYS[way]()
    images = np.stack([image(36, 52, seed) for seed in (1, 2)])
    masks = images[..., 0] // 128
    model.compile("adam", LOSSES[loss](), metrics=[metrics.MeanIoU(3)])
    history = model.fit(images, masks, epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert 0 <= history["mean_iou"][-1] <= 1
