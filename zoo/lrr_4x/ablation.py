"""The ablation of the LRR poster at CamVid's scale: masks, and DE losses.

Three models start from the same backbone and take the same short schedule; each
is scored once on the test images, at all four levels.

Command: python zoo/lrr_4x/ablation.py --out runs/lrr_4x_ablation
"""

import argparse
import dataclasses
import json
import runpy
from functools import partial
from pathlib import Path

import keras

import kerasseg
from kerasseg.metrics import scores

STAGE = runpy.run_path(str(Path(__file__).with_name("recipe.py")))
EPOCHS = 3
VARIANTS = {
    "unmasked": {"mask": False, "dilation_erosion": False},
    "masked": {"mask": True, "dilation_erosion": False},
    "masked+DE": {"mask": True, "dilation_erosion": True},
}
LEVELS = ("32x", "16x", "8x", "4x")
SCORES = ("mean_iou", "pixel_accuracy")


def variant(mask, dilation_erosion):
    """The recipe of LRR-4x without one of its parts, for fewer epochs."""
    recipe = STAGE["recipe"]()
    losses = dict(recipe.head_losses)
    if not dilation_erosion:
        del losses["dilation_erosion"]
    return dataclasses.replace(
        recipe,
        model=partial(STAGE["model"], mask=mask),
        heads=partial(
            kerasseg.models.lrr_heads, dilation_erosion=dilation_erosion
        ),
        head_losses=losses,
        epochs=EPOCHS,
    )


def scores_by_level(trained, split="test"):
    """Scores of the predictions of one model at each of its levels."""
    data = kerasseg.data.camvid(split)
    heads = kerasseg.models.lrr_heads(trained, dilation_erosion=False)
    metrics = {
        level: kerasseg.metrics.ConfusionMatrix(data.labels.num_classes)
        for level in LEVELS
    }
    for image, mask in data:
        outputs = heads.predict_on_batch(image[None].astype("float32"))
        for level, metric in metrics.items():
            logits = outputs["logits" if level == "4x" else level]
            # Coarser maps are of the padded image, at a stride of 8, 4, 2.
            factor = int(level[:-1]) // 4
            logits = keras.layers.UpSampling2D(
                factor, interpolation="bilinear"
            )(logits)
            metric.update_state(
                mask[None], logits[:, : mask.shape[0], : mask.shape[1]]
            )
    return {
        f"4x({level})": {name: scores(metric.matrix())[name] for name in SCORES}
        for level, metric in metrics.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    out = parser.parse_args().out
    table = {}
    for name, options in VARIANTS.items():
        model = kerasseg.training.fit(variant(**options), out / name, verbose=2)
        table[name] = scores_by_level(model)
        content = {"epochs": EPOCHS, "split": "camvid test", "scores": table}
        (out / "ablation.json").write_text(json.dumps(content, indent=2))


if __name__ == "__main__":
    main()
