"""`kerasseg train`: run a recipe."""

import argparse
import ast
import contextlib
import dataclasses
import functools
import importlib.util
import logging
import sys
import traceback
from pathlib import Path

from kerasseg.cli import hosts
from kerasseg.cli.entry import ENTRY_HELP
from kerasseg.cli.entry import save_model
from kerasseg.cli.errors import Failure
from kerasseg.cli.errors import UsageError
from kerasseg.cli.errors import one_line
from kerasseg.cli.files import make_folder
from kerasseg.cli.files import name_argument
from kerasseg.cli.files import path_argument
from kerasseg.cli.output import echo

MODEL_FOLDER = "model"

_EPILOG = """\
examples:
  kerasseg train zoo/lrr_4x/recipe.py --out runs/lrr_4x
  kerasseg train zoo/lrr_4x/recipe.py --out runs/lrr_4x --resume
  kerasseg train zoo/lrr_4x/recipe.py --out runs/lrr_4x_1 --seed 1
  kerasseg train zoo/lrr_4x/recipe.py --out runs/lrr_4x_short \\
      --set epochs=20 --set optimizer.learning_rate=1e-4
  kerasseg train zoo/lrr_4x/last_stage.py --start-from runs/lrr_4x/model \\
      --out runs/lrr_4x_last_stage
  kerasseg train zoo/bilinear/recipe.py --teacher lrr_4x --out runs/taught
  kerasseg predict runs/lrr_4x/model street.jpg
  KERAS_BACKEND=jax kerasseg train zoo/lrr_4x/recipe.py --out /shared/lrr_4x \\
      --hosts 10.0.0.1:4321,10.0.0.2:4321 --process-id 0

On several hosts, each runs the same command with its own --process-id. DIR
must be a folder that all can read; the first process writes it.

A recipe is a Python file with a function `recipe()` that returns a
`kerasseg.training.Recipe` with `labels`. The trained model is saved to
DIR/model, a folder that the other verbs take in the place of an entry's name.
"""


def add_parser(subparsers) -> None:
    """Adds the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "train",
        help="train a model by its recipe",
        description="Train a model by a recipe file.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "recipe", metavar="RECIPE.py", type=path_argument, help="a recipe file"
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=path_argument,
        required=True,
        help="the folder to write to",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="resume a training that was stopped",
    )
    parser.add_argument(
        "--allow-changes",
        action="store_true",
        help="with --resume: resume although the recipe has changed; weights, "
        "the state of the optimizer and the number of finished epochs come "
        "from the checkpoint, all else from the recipe",
    )
    parser.add_argument(
        "--start-from",
        metavar="PATH",
        type=name_argument,
        help="the trained weights to start from, in place of the recipe's: "
        f"a weights file, {ENTRY_HELP}",
    )
    parser.add_argument(
        "--teacher",
        metavar="PATH",
        type=name_argument,
        help="a trained model of the same classes, from whose probabilities "
        f"the model learns too: {ENTRY_HELP}",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        metavar="N",
        help="the number of epochs, in place of the recipe's",
    )
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="the seed, in place of the recipe's",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="changes",
        help="another value than the recipe's, such as epochs=20, "
        "optimizer.learning_rate=1e-4 or freeze=('backbone',); may be repeated",
    )
    parser.add_argument(
        "--keep",
        choices=("last", "best"),
        default="last",
        help="which epoch's weights to save: the last one's, or those of the "
        "one with the best mean IoU in the validation (default: last)",
    )
    hosts.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Trains a model by a recipe.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code.

    Raises:
        Failure: If the loss is NaN or infinite, or a host is lost.
        UsageError: If the recipe or the folder cannot be used.
    """
    from kerasseg.training.fit import CHECKPOINT

    if args.allow_changes and not args.resume:
        raise UsageError("--allow-changes is for --resume")
    addresses = hosts.check_arguments(args)
    with hosts.joined(addresses, args, args.out / CHECKPOINT):
        return _run(args)


def _run(args):
    from kerasseg.files import no_empty_folder

    recipe = _changed(load_recipe(args.recipe), args)
    with no_empty_folder(args.out / MODEL_FOLDER):
        return _trained(recipe, args)


def _trained(recipe, args):
    from kerasseg import training
    from kerasseg.training.fit import CHECKPOINT

    folder = make_folder(args.out)
    make_folder(folder / MODEL_FOLDER)
    if (folder / CHECKPOINT).exists() and not args.resume:
        raise UsageError(
            f"{folder} holds an earlier run; add --resume to resume it, "
            "or choose another folder with --out"
        )
    logging.getLogger("kerasseg").setLevel(logging.INFO)
    try:
        with _blamed(args.recipe):
            model = training.fit(
                recipe,
                folder,
                resume=args.resume,
                allow_changes=args.allow_changes,
                keep=args.keep,
            )
    except FloatingPointError as error:
        raise Failure(str(error)) from error
    if args.process_id:
        # The first process writes the model.
        return 0
    _save(model, folder, recipe.labels)
    echo(f"trained: {folder / MODEL_FOLDER}")
    return 0


def _changed(recipe, args):
    """The recipe with what the command line says."""
    if args.start_from is not None and recipe.start_from is None:
        raise UsageError(
            "--start-from is for recipes that start from trained weights; the "
            f"one in {args.recipe} has no start_from"
        )
    given = {
        name: getattr(args, name)
        for name in ("epochs", "seed", "start_from", "teacher")
        if getattr(args, name) is not None
    }
    recipe = dataclasses.replace(recipe, **given)
    recipe = _with_values(recipe, args.changes)
    if recipe.labels is None:
        raise UsageError(
            f"the recipe in {args.recipe} must have labels, "
            "kerasseg.data.Labels of the classes, which are saved with the "
            "model"
        )
    model = functools.partial(_savable, recipe.model, recipe.labels)
    return dataclasses.replace(recipe, model=model)


def _with_values(recipe, changes):
    """The recipe with each `NAME=VALUE`."""
    from kerasseg.training.changes import changed

    for text in changes:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise UsageError(f"--set takes NAME=VALUE, not {text!r}")
        # What is no number, list or other literal is text as it stands.
        with contextlib.suppress(ValueError, SyntaxError):
            value = ast.literal_eval(value)
        try:
            recipe = changed(recipe, {name: value})
        except (TypeError, ValueError) as error:
            raise UsageError(f"--set {text}: {one_line(error)}") from error
    return recipe


def _savable(make, labels, *start):
    """The model of a recipe, refused before it is trained for nothing."""
    from kerasseg.zoo.saving import check_savable

    model = make(*start)
    check_savable(model, labels)
    return model


def _save(model, folder, labels):
    """Saves a trained model; where that fails, its weights alone."""
    from kerasseg import zoo

    try:
        save_model(model, folder / MODEL_FOLDER, labels)
    except (ValueError, OSError) as error:
        weights = folder / "model.safetensors"
        zoo.write_weights(model, weights, dtype="float32")
        raise Failure(
            f"the trained model could not be saved to {folder / MODEL_FOLDER}: "
            f"{one_line(error).rstrip('.')}. Its weights are in {weights}"
        ) from error


def load_recipe(path: str | Path):
    """The recipe that a recipe file describes.

    Args:
        path: A Python file with a function `recipe()`.

    Returns:
        `kerasseg.training.Recipe`.

    Raises:
        UsageError: If there is no such file, or its code fails, or does not
            return a recipe.
    """
    from kerasseg.training import Recipe

    file = Path(path)
    if not file.is_file():
        raise UsageError(f"no such recipe file: {path}")
    spec = importlib.util.spec_from_file_location("_kerasseg_recipe", file)
    if spec is None:
        raise UsageError(f"a recipe must be a .py file: {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with _blamed(file, always=True):
        spec.loader.exec_module(module)
        if not callable(getattr(module, "recipe", None)):
            raise UsageError(f"{path} defines no function recipe()")
        recipe = module.recipe()
    if not isinstance(recipe, Recipe):
        raise UsageError(
            f"recipe() in {path} must return a kerasseg.training.Recipe, not "
            f"{type(recipe).__name__}"
        )
    return recipe


@contextlib.contextmanager
def _blamed(path, always=False):
    """Turns what the code of a recipe raises into usage errors.

    `always` says that there is no other code inside that could raise.
    """
    try:
        yield
    except (UsageError, FloatingPointError):
        raise
    except (Exception, SystemExit) as error:
        text = f"{type(error).__name__}: {one_line(error)}"
        lines = [
            line
            for frame, line in traceback.walk_tb(error.__traceback__)
            if frame.f_code.co_filename == str(path)
        ]
        if not lines and not always:
            raise
        place = f"{path}, line {lines[-1]}" if lines else path
        raise UsageError(f"{place}: {text}") from error
