"""The ablation of the LRR poster at CamVid's scale: masks, and DE losses.

Three models start from the same stage 1 and take the same short stage 2; each
is scored once on the test images, at all four levels.

Command: python zoo/lrr_4x/ablation.py --out runs/lrr_4x_ablation
"""

import argparse
import importlib.util
import json
from pathlib import Path

import kerasseg

_path = Path(__file__).with_name("recipe.py")
_spec = importlib.util.spec_from_file_location("recipe", _path)
stage_2 = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stage_2)

EPOCHS = 4
VARIANTS = {
    "unmasked": {"mask": False, "dilation_erosion": False},
    "masked": {"mask": True, "dilation_erosion": False},
    "masked+DE": {"mask": True, "dilation_erosion": True},
}
LEVELS = ("32x", "16x", "8x", "4x")
SCORES = ("mean_iou", "pixel_accuracy")


def scores_by_level(trained, mask, split="test"):
    """Scores of the predictions of one model at each of its levels."""
    weights = {variable.path: variable for variable in trained.weights}
    data = kerasseg.data.camvid(split).cached()
    table = {}
    for level in LEVELS:
        model = kerasseg.models.lrr(
            stage_2.stage_1.CLASSES, level=level, mask=mask
        )
        for variable in model.weights:
            variable.assign(weights[variable.path])
        scores = kerasseg.training.evaluate(model, data, data.labels)
        table[f"4x({level})"] = {name: scores[name] for name in SCORES}
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    out = parser.parse_args().out
    table = {}
    for name, options in VARIANTS.items():
        recipe = stage_2.recipe(**options, epochs=EPOCHS)
        model = kerasseg.training.fit(recipe, out / name, verbose=2)
        table[name] = scores_by_level(model, options["mask"])
        content = {"epochs": EPOCHS, "split": "camvid test", "scores": table}
        (out / "ablation.json").write_text(json.dumps(content, indent=2))


if __name__ == "__main__":
    main()
