"""What GDN's learned matrices gain over bilinear ones, and where.

Command: python zoo/gdn/matrices.py
Every fourth training image, whole and as a crop of the size GDN was trained
on. Prints mean IoU, of images that the weights have seen: it compares the
matrices, not the models.
"""

import numpy as np

import kerasseg
from kerasseg.data import CAMVID

SIZE = 320


def crop(rng, image, mask):
    top, left = (rng.integers(0, full - SIZE + 1) for full in mask.shape)
    window = slice(top, top + SIZE), slice(left, left + SIZE)
    return image[window], mask[window]


def mean_iou(model, samples):
    score = kerasseg.metrics.MeanIoU(CAMVID.num_classes)
    for image, mask in samples:
        logits = model(image[None].astype("float32"), training=False)
        score.update_state(mask[None], logits)
    return float(score.result())


def main():
    rng = np.random.default_rng(0)
    whole = list(kerasseg.data.camvid("train+val"))[::4]
    crops = [crop(rng, *sample) for sample in whole]
    learned, fixed = (kerasseg.zoo.load("gdn") for _ in range(2))
    for layer, new in zip(
        fixed.layers, kerasseg.zoo.build("gdn").layers, strict=True
    ):
        if isinstance(layer, kerasseg.layers.GlobalInterpolation):
            layer.set_weights(new.get_weights())
    for title, model in (("learned", learned), ("bilinear", fixed)):
        print(
            f"{title} matrices: {100 * mean_iou(model, crops):.1f} % on "
            f"crops, {100 * mean_iou(model, whole):.1f} % on whole images"
        )


if __name__ == "__main__":
    main()
