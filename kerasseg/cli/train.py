"""`kerasseg train`: run a recipe."""

import argparse
import dataclasses
import importlib.util
import logging
import sys
from pathlib import Path

from kerasseg.cli.entry import save_model
from kerasseg.cli.files import make_folder
from kerasseg.cli.mistakes import Failure
from kerasseg.cli.mistakes import UserMistake
from kerasseg.cli.mistakes import user_mistakes

MODEL_FOLDER = "model"

_EPILOG = """\
examples:
  kerasseg train zoo/lrr_4x/recipe.py --out runs/lrr_4x
  kerasseg train zoo/lrr_4x/recipe.py --out runs/lrr_4x --resume
  kerasseg train zoo/lrr_4x/recipe.py --out runs/lrr_4x_1 --seed 1
  kerasseg predict runs/lrr_4x/model street.jpg

A recipe is a Python file with a function `recipe()` that returns a
`kerasseg.training.Recipe`. The trained model is saved to DIR/model, a folder
that the other verbs take in the place of an entry's name.
"""


def add_parser(subparsers) -> None:
    """Add the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "train",
        help="train a model by its recipe",
        description="Train the model of a recipe file.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", metavar="RECIPE.py", help="a recipe file")
    parser.add_argument(
        "--out", metavar="DIR", required=True, help="the folder to write to"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on where a killed training stopped",
    )
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="other than the recipe's"
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="other than the recipe's"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code.

    Raises:
        Failure: If the loss is no longer a number.
        UserMistake: If the recipe or the folder cannot be used.
    """
    from kerasseg import training
    from kerasseg.training.fit import CHECKPOINT

    recipe = load_recipe(args.recipe)
    given = {"epochs": args.epochs, "seed": args.seed}
    given = {k: v for k, v in given.items() if v is not None}
    with user_mistakes():
        recipe = dataclasses.replace(recipe, **given)
    folder = make_folder(args.out)
    if (folder / CHECKPOINT).exists() and not args.resume:
        raise UserMistake(
            f"{folder} holds an earlier run; add --resume to go on with it, "
            "or choose another folder with --out"
        )
    logging.getLogger("kerasseg").setLevel(logging.INFO)
    labels = []
    recipe = dataclasses.replace(recipe, train=_noting(recipe.train, labels))
    try:
        with user_mistakes():
            model = training.fit(recipe, folder, resume=args.resume)
    except FloatingPointError as error:
        raise Failure(str(error)) from error
    save_model(model, folder / MODEL_FOLDER, labels[0])
    print(f"trained: {folder / MODEL_FOLDER}")
    return 0


def load_recipe(path: str):
    """The recipe that a recipe file describes.

    Args:
        path: A Python file with a function `recipe()`.

    Returns:
        `kerasseg.training.Recipe`.

    Raises:
        UserMistake: If there is no such file or it defines no `recipe()`.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise UserMistake(f"no such recipe file: {path}")
    spec = importlib.util.spec_from_file_location("_kerasseg_recipe", file)
    if spec is None:
        raise UserMistake(f"a recipe must be a .py file: {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with user_mistakes((SyntaxError,)):
        spec.loader.exec_module(module)
    if not callable(getattr(module, "recipe", None)):
        raise UserMistake(f"{path} defines no function recipe()")
    with user_mistakes():
        return module.recipe()


def _noting(load, labels):
    """`load` that notes the labels of the data it returns."""

    def noting():
        dataset = load()
        labels.append(getattr(dataset, "labels", None))
        return dataset

    return noting
