"""How `kerasseg evaluate` predicts an image: scales, parts, a CRF."""

import argparse
import dataclasses
import functools
import math

from kerasseg.cli.errors import UsageError
from kerasseg.cli.errors import one_line

SMALLEST_SCALE, LARGEST_SCALE = 0.1, 10
_FUSED = {
    "mean": "softmax averaged over the scales {} with mirror images",
    "max": "the largest softmax over the scales {}, no flip",
}


def add_prediction_arguments(parser) -> None:
    """Adds the arguments on prediction to the parser of a verb.

    Args:
        parser: The parser.
    """
    parser.add_argument(
        "--scales",
        metavar="FACTOR",
        type=scale,
        nargs="+",
        help="predict at these scales and fuse what comes out (default: the "
        "image as it is, alone)",
    )
    parser.add_argument(
        "--fuse",
        choices=_FUSED,
        help="mean: average over scales and mirror images; max: the largest "
        "probability over scales, as LRR does (default: mean)",
    )
    parser.add_argument(
        "--crf",
        metavar="NAME=VALUE",
        nargs="*",
        help="make masks follow the edges of the image by a dense CRF, with "
        "these parameters of kerasseg.inference.DenseCRF (extra crf)",
    )


def prediction(args: argparse.Namespace, protocol=None):
    """How images are predicted.

    Args:
        args: The parsed arguments.
        protocol: `kerasseg.protocols.Protocol`, or `None`. Defaults to `None`.

    Returns:
        The way in words, and a function `(model, image) -> mask`, or `None`
        for `kerasseg.inference.predict_mask`.

    Raises:
        UsageError: If arguments cannot be combined, or are none.
    """
    ways = {
        "--scales": args.scales is not None,
        "--crf": args.crf is not None,
        f"--protocol {args.protocol}": protocol is not None
        and protocol.halves,
    }
    chosen = [name for name, is_chosen in ways.items() if is_chosen]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} cannot be combined")
    if args.fuse and args.scales is None:
        raise UsageError("--fuse needs --scales")
    from kerasseg import inference

    words, predict = "one scale, no flip", None
    if args.scales is not None:
        fuse = args.fuse or "mean"
        listed = ", ".join(f"{scale:g}" for scale in args.scales)
        words, predict = (
            _FUSED[fuse].format(listed),
            functools.partial(
                inference.predict_mask_multi_scale,
                scales=args.scales,
                fuse=fuse,
            ),
        )
    elif args.crf is not None:
        crf = _crf(args.crf)
        words = f"one scale, no flip, then {crf}"
        predict = functools.partial(inference.predict_mask_crf, crf=crf)
    elif chosen:
        return (
            "left and right part apart, one scale, no flip, void ignored",
            inference.predict_mask_halves,
        )
    return f"whole image, {words}, void ignored", predict


def scale(text: str) -> float:
    """A factor of an image's size from text such as `"0.75"`.

    Args:
        text: A number.

    Returns:
        The number.

    Raises:
        argparse.ArgumentTypeError: If images of that size are no use.
    """
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not SMALLEST_SCALE <= factor <= LARGEST_SCALE:
        raise argparse.ArgumentTypeError(
            f"must be a factor from {SMALLEST_SCALE} to {LARGEST_SCALE}, for "
            f"instance 0.75, not {text!r}"
        )
    return factor


def _crf(assignments):
    """The CRF of the parameters that were given."""
    from kerasseg.inference import DenseCRF

    kinds = {field.name: field.type for field in dataclasses.fields(DenseCRF)}
    values = {}
    for text in assignments:
        name, _, value = text.partition("=")
        try:
            values[name] = kinds[name](value)
        except (KeyError, ValueError) as error:
            raise UsageError(
                f"--crf takes NAME=VALUE with numbers for {', '.join(kinds)}, "
                f"not {text!r}"
            ) from error
    try:
        return DenseCRF(**values)
    except ValueError as error:
        raise UsageError(f"--crf: {one_line(error)}") from error
