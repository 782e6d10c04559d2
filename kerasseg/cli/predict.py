"""`kerasseg predict`: masks and overlays of images."""

import argparse
import sys
from pathlib import Path

from kerasseg.atomic import atomic_file
from kerasseg.cli.entry import ENTRY_HELP
from kerasseg.cli.entry import find_entry
from kerasseg.cli.entry import load_model
from kerasseg.cli.files import find_images
from kerasseg.cli.files import make_folder
from kerasseg.cli.files import stems
from kerasseg.cli.mistakes import UserMistake
from kerasseg.cli.mistakes import one_line
from kerasseg.cli.progress import progress

_EPILOG = """\
examples:
  kerasseg predict lrr_4x street.jpg
  kerasseg predict lrr_4x photographs --out masks --mask
  kerasseg predict lrr_4x "drive/**/*.png" --out drive_masks --multi-scale

For street.jpg the output folder gets street_mask.png (class ids with the
classes' colours as palette) and street_overlay.jpg (with a legend).
"""


def add_parser(subparsers) -> None:
    """Add the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "predict",
        help="masks and overlays of images",
        description="Segment images and write masks and overlays.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("entry", metavar="ENTRY", help=ENTRY_HELP)
    parser.add_argument(
        "images",
        metavar="IMAGE|FOLDER|GLOB",
        nargs="+",
        help="image files, folders of them, or quoted patterns",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        default="predictions",
        help="the folder to write to (default: predictions)",
    )
    parser.add_argument(
        "--mask", action="store_true", help="write masks (default: both)"
    )
    parser.add_argument(
        "--overlay", action="store_true", help="write overlays (default: both)"
    )
    parser.add_argument(
        "--multi-scale",
        action="store_true",
        help="fuse scales 0.6, 0.8, 1.0 and their mirror images (slower)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Segment the images.

    Args:
        args: The parsed arguments.

    Returns:
        0 if all images were segmented, 1 if one could not be read.
    """
    images, left_out = find_images(args.images)
    entry = find_entry(args.entry)
    model = load_model(args.entry)
    folder = make_folder(args.out)
    kinds = [kind for kind in ("mask", "overlay") if getattr(args, kind)]
    kinds = kinds or ["mask", "overlay"]
    targets = {
        path: {kind: folder / _file_name(stem, kind) for kind in kinds}
        for path, stem in stems(images).items()
    }
    _refuse_to_overwrite(images, targets)
    broken = []
    for path in progress(images, "segmenting", len(images)):
        cause = _segment(model, path, targets[path], entry.labels, args)
        if cause:
            broken.append((path, cause))
    done = len(images) - len(broken)
    print(f"{done} of {len(images)} images: {' and '.join(kinds)} in {folder}")
    if left_out:
        print(
            f"not images by their names, left out: {_some(left_out)}",
            file=sys.stderr,
        )
    for path, cause in broken:
        print(f"broken: {path}: {cause}", file=sys.stderr)
    return 1 if broken else 0


def _file_name(stem, kind):
    return f"{stem}_mask.png" if kind == "mask" else f"{stem}_overlay.jpg"


def _refuse_to_overwrite(images, targets):
    inputs = {path.resolve() for path in images}
    for outputs in targets.values():
        for output in outputs.values():
            if output.resolve() in inputs:
                raise UserMistake(
                    f"{output} is one of the images and would be "
                    "overwritten; choose another folder with --out"
                )


def _segment(model, path, outputs, labels, args):
    """Write the outputs of one image; the cause if it cannot be read."""
    from kerasseg.data.image import read_image
    from kerasseg.inference import predict_mask
    from kerasseg.inference import predict_mask_multi_scale
    from kerasseg.inference import whole_image

    try:
        image = read_image(path)
        whole_image.read_pixels(image)
    except (ValueError, OSError) as error:
        return one_line(error)
    predict = predict_mask_multi_scale if args.multi_scale else predict_mask
    mask = predict(model, image)
    try:
        _write(image, mask, outputs, labels)
    except OSError as error:
        raise UserMistake(
            f"cannot write {', '.join(map(str, outputs.values()))}: {error}"
        ) from error
    return None


def _write(image, mask, outputs, labels):
    from kerasseg.inference import overlay

    if "mask" in outputs:
        write_mask(outputs["mask"], mask, labels.palette)
    if "overlay" in outputs:
        with atomic_file(outputs["overlay"]) as part:
            overlay(image, mask, labels).save(part, quality=92, subsampling=0)


def write_mask(path: Path, mask, palette) -> None:
    """Write class ids as a PNG file with the classes' colours.

    Args:
        path: The file.
        mask: Integer array `(height, width)` of ids in 0..255.
        palette: One `(red, green, blue)` for each class.
    """
    import numpy as np
    from PIL import Image

    picture = Image.fromarray(np.asarray(mask, dtype="uint8"))
    picture.putpalette([value for colour in palette for value in colour])
    with atomic_file(path) as part:
        picture.save(part)


def _some(paths, most=5):
    names = ", ".join(str(path) for path in paths[:most])
    rest = len(paths) - most
    return f"{names} and {rest} more" if rest > 0 else names
