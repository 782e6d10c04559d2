"""`kerasseg import`: published weights as a saved model."""

import argparse
from pathlib import Path

from kerasseg.cli.entry import save_model
from kerasseg.cli.errors import UsageError
from kerasseg.cli.files import make_folder
from kerasseg.cli.files import path_argument
from kerasseg.cli.output import echo
from kerasseg.cli.tables import fields

_SHOWN = 8

_EPILOG = """\
examples:
  kerasseg import fcn8s-heavy-pascal.caffemodel --entry fcn_8s_vgg16
  kerasseg import model.mat --entry lrr_4x_vgg16 --out lrr
  kerasseg import w0_500.npy w1_500.npy --entry gdn_vgg16
  kerasseg import vgg16_weights_tf_dim_ordering_tf_kernels.h5 \\
    --entry fcn_32s_vgg16

FILE is a network of MatConvNet (.mat), of Caffe (.caffemodel), a state
dictionary of PyTorch (.safetensors, .pth), weights of Keras 1 or 2 (.h5), or
the two matrices of GDN (.npy), that for rows first. A classifier of ImageNet
gives its layers; the rest is left as in a new model. Pickles are never run.
"""


def add_parser(subparsers) -> None:
    """Adds the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "import",
        help="published weights of other frameworks as a saved model",
        description="Read published weights into the architecture of an entry.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        type=path_argument,
        help="a file of weights, see below",
    )
    parser.add_argument(
        "--entry",
        metavar="NAME",
        required=True,
        help="an entry with a backbone of VGG-16 or ResNet (see "
        "`kerasseg list --all`)",
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        type=path_argument,
        help="the folder to save the model to (default: the name of FILE "
        "without its suffix, here)",
    )
    parser.add_argument(
        "--mean",
        metavar=("R", "G", "B"),
        type=float,
        nargs=3,
        help="means that are subtracted from pixels in 0..255 (default: those "
        "in the file, else those of the reference implementation)",
    )
    parser.add_argument(
        "--channels",
        choices=("RGB", "BGR"),
        help="what the first convolution in the file reads (default: BGR for "
        "Caffe, Keras and what was converted from Caffe, else RGB); BGR for a "
        "network of Caffe in torchvision's names",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Imports a file.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code.

    Raises:
        UsageError: If the folder cannot be used.
    """
    from kerasseg import importers

    folder = args.out or Path(args.files[0].stem)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; choose a folder with --out")
    found = importers.import_weights(
        args.files, args.entry, args.mean, args.channels
    )
    make_folder(folder)
    save_model(found.model, folder, found.labels)
    echo(
        fields(
            [
                ("file", f"{found.source.format}, {_names(args.files)}"),
                ("entry", args.entry),
                ("read", _names(found.read)),
                ("as in a new model", _names(found.kept)),
                ("left out", _names(found.left_out)),
                ("saved", folder),
            ]
        )
    )
    return 0


def _names(items):
    """A list in a line, the first of many."""
    from kerasseg.ids import listed

    return listed(list(items), _SHOWN) or None
