"""Images per second that the input pipeline makes, over what training takes.

    python benchmarks/input_pipeline.py

`kerasseg.data.batches` with the augmentation, the batch size and the crop of
the recipe of lrr_4x, reading the training images that the recipe names (or as
many random ones, where KERASSEG_DATA is not set), held in memory as the
recipe does. Training is that of the recipe on one fixed batch, so that it
waits for nothing. They take turns: in each, the pipeline starts anew and
prepares a number of batches with nothing else running. The last row adds
every other transform that there is. Goal: at least 3 times what training
takes.
"""

import argparse
import dataclasses
import os
import statistics
from pathlib import Path

import timing

EVERYTHING = {
    "vertical_flip": True,
    "quarter_turns": True,
    "rotation": 20.0,
    "blur": 1.5,
    "holes": 4,
    "class_balance": 0.5,
    "cutmix": 0.5,
}


def dataset_of(recipe):
    """The recipe's training data, or random samples of CamVid's size."""
    import subjects

    if os.environ.get("KERASSEG_DATA"):
        return recipe.train(), "the recipe's"
    size = (360, 480)
    count = 64
    # Whole blocks of 20 pixels, since 360 has no blocks of 16.
    masks = subjects.masks(count, size, cell=20).astype("uint8")
    pairs = zip(subjects.images(count, size), masks, strict=True)
    return list(pairs), "random"


def pipeline(dataset, recipe, workers, count):
    """A function that prepares a number of batches."""
    from kerasseg.data import batches

    def run():
        stream = batches(
            dataset,
            recipe.batch_size,
            augmentation=recipe.augmentation,
            drop_remainder=True,
            workers=workers,
        )
        for _ in stream.take(count):
            pass

    return run


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--recipe", type=Path, metavar="RECIPE.py")
    parser.add_argument(
        "--batches", type=int, default=10, help="batches a turn, default 10"
    )
    timing.add_arguments(parser, rounds=8)
    args = parser.parse_args()
    timing.set_up(args.threads)

    import subjects

    from kerasseg.cli.train import load_recipe

    recipe = load_recipe(args.recipe or subjects.RECIPE)
    dataset, source = dataset_of(recipe)
    richer = dataclasses.replace(recipe.augmentation, **EVERYTHING)
    rich = dataclasses.replace(recipe, augmentation=richer)
    count = min(args.batches, len(dataset) // recipe.batch_size)
    crop = recipe.augmentation.crop_size
    step = subjects.training_step(
        subjects.trainer(recipe), recipe.batch_size, crop
    )
    step()
    before = timing.machine()
    seconds = timing.in_turns(
        {
            "training": step,
            "pipeline, 1 worker": pipeline(dataset, recipe, 1, count),
            "pipeline, 2 workers": pipeline(dataset, recipe, 2, count),
            "all transforms, 2 workers": pipeline(dataset, rich, 2, count),
        },
        args.rounds,
        pause=0.3,
    )
    per_image = {
        name: [
            s / recipe.batch_size / (1 if name == "training" else count)
            for s in taken
        ]
        for name, taken in seconds.items()
    }
    results, rows = [], []
    for name, taken in per_image.items():
        rate = 1 / statistics.median(taken)
        times = timing.ratio(per_image["training"], taken)
        rows.append([name, f"{rate:.1f}", f"{times:.1f}"])
        results.append({"what": name, "images_per_s": rate, "times": times})
    shape = f"{crop[0]} x {crop[1]}"
    timing.print_table(
        [f"{source} images to {shape}", "img/s", "over training"], rows
    )
    timing.write_json(args.json, before, args, results=results)


if __name__ == "__main__":
    main()
