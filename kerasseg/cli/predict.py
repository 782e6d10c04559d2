"""`kerasseg predict`: masks and overlays of images, and of a video."""

import argparse
import contextlib
import errno
import functools
import os
from pathlib import Path

from kerasseg.cli.entry import ENTRY_HELP
from kerasseg.cli.entry import find_entry
from kerasseg.cli.entry import load_model
from kerasseg.cli.errors import UsageError
from kerasseg.cli.errors import is_out_of_memory
from kerasseg.cli.errors import is_usage_error
from kerasseg.cli.errors import one_line
from kerasseg.cli.files import find_images
from kerasseg.cli.files import make_folder
from kerasseg.cli.files import name_argument
from kerasseg.cli.files import path_argument
from kerasseg.cli.files import stems
from kerasseg.cli.output import echo
from kerasseg.cli.progress import progress
from kerasseg.cli.tiles import add_tile_arguments
from kerasseg.cli.tiles import check_bands
from kerasseg.cli.tiles import check_overlap
from kerasseg.cli.tiles import is_tiff
from kerasseg.cli.tiles import is_too_large
from kerasseg.cli.tiles import predict_in_tiles
from kerasseg.cli.tiles import raster_by_rows
from kerasseg.cli.tiles import read_whole
from kerasseg.cli.tiles import segment_by_rows
from kerasseg.cli.tiles import wants_tiles
from kerasseg.cli.video import has_video
from kerasseg.cli.video import segment_video
from kerasseg.files import atomic_file

# What no other image will fare better with.
_NO_MORE_FILES = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

# Images so many times as high and wide as those of the training get a note: on
# three test images of CamVid, enlarged, lrr_4x lost up to 17 points of pixel
# accuracy at 3 times the size, and 17 to 34 at 4 times.
_TOO_LARGE = 3

_EPILOG = """\
examples:
  kerasseg predict lrr_4x street.jpg
  kerasseg predict lrr_4x images --out masks --mask
  kerasseg predict lrr_4x "drive/**/*.png" --out drive_masks --multi-scale
  kerasseg predict lrr_4x aerial.tif --memory 2G
  kerasseg predict lrr_4x drive.mp4 --out masked.mp4

For street.jpg the output folder gets street_mask.png (class ids with the
classes' colors as palette) and street_overlay.jpg (with a legend). Of a TIFF
file that is read by rows the mask is street_mask.tif. Of drive.mp4 one video is
written, by default predictions/drive_overlay.mp4; with --mask, of the classes'
colors alone.
"""


def add_parser(subparsers) -> None:
    """Adds the verb to the command.

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
    parser.add_argument(
        "entry", metavar="ENTRY", type=name_argument, help=ENTRY_HELP
    )
    parser.add_argument(
        "images",
        metavar="IMAGE|FOLDER|GLOB|VIDEO",
        nargs="+",
        type=path_argument,
        help="image files, folders of them, or quoted patterns; or one video "
        "(extra video)",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        default=Path("predictions"),
        type=path_argument,
        help="the folder to write to, or a file for a video (default: "
        "predictions)",
    )
    parser.add_argument(
        "--mask", action="store_true", help="write masks (default: both)"
    )
    parser.add_argument(
        "--overlay", action="store_true", help="write overlays (default: both)"
    )
    parser.add_argument(
        "--file-ids",
        action="store_true",
        help="write the ids that the files of the dataset have, as servers of "
        "benchmarks take them: of Cityscapes 7 for road (default: class ids)",
    )
    parser.add_argument(
        "--multi-scale",
        action="store_true",
        help="fuse the scales 0.6, 0.8 and 1.0 (slower)",
    )
    parser.add_argument(
        "--crf",
        action="store_true",
        help="make masks follow the edges of the image by a dense CRF "
        "(slower; needs SciPy: pip install 'kerasseg[crf]')",
    )
    add_tile_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Segments the images.

    Args:
        args: The parsed arguments.

    Returns:
        0 if all images were segmented, 1 if one could not be.
    """
    ways = {
        "--multi-scale": args.multi_scale,
        "--crf": args.crf,
        "--tiles": wants_tiles(args),
    }
    chosen = [name for name, is_chosen in ways.items() if is_chosen]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} cannot be combined")
    check_overlap(args)
    args.told = set()
    args.tile_bar = False
    if has_video(args.images):
        entry, sizes = segment_video(args)
        _tell_of_sizes(entry.image_shape[:2], sizes)
        return 0
    images, left_out = find_images(args.images)
    entry = find_entry(args.entry)
    check_bands(args, images, entry.image_shape[2])
    kinds = [kind for kind in ("mask", "overlay") if getattr(args, kind)]
    kinds = kinds or ["mask", "overlay"]
    folder = make_folder(args.out)
    targets = {
        path: {kind: folder / _file_name(stem, kind) for kind in kinds}
        for path, stem in stems(images).items()
    }
    _refuse_to_overwrite(images, targets)
    model = load_model(entry.origin or args.entry)
    segment = functools.partial(_segment, model, args, entry.labels)
    errors = {}
    args.sizes = {}
    args.gray = 0
    args.few_bits = {}
    # A single image shows its tiles instead: two bars would not go together.
    args.tile_bar = len(images) == 1
    shown = progress(images, "segmenting", len(images))
    for path in images if args.tile_bar else shown:
        try:
            segment(path, targets[path])
        except Exception as error:
            if getattr(error, "errno", None) in _NO_MORE_FILES:
                raise
            errors[path] = error
    done = len(images) - len(errors)
    echo(f"{done} of {len(images)} images: {' and '.join(kinds)} in {folder}")
    if left_out:
        from kerasseg.ids import listed

        left = listed(left_out, 5)
        echo(f"not images by their names, left out: {left}", error=True)
    _tell_of_sizes(entry.image_shape[:2], args.sizes)
    _tell_of_gray(args.gray, len(images))
    _tell_of_few_bits(args.few_bits)
    _tell(errors)
    return 1 if errors else 0


def _tell_of_sizes(trained, sizes):
    """Says once that images are far larger than those of the training."""
    large = [
        path
        for path, size in sizes.items()
        if all(trained)
        and all(
            side >= _TOO_LARGE * known
            for side, known in zip(size, trained, strict=True)
        )
    ]
    if not large:
        return
    height, width = sizes[large[0]]
    echo(
        f"{len(large)} of the images, such as {large[0]} of {height}x{width} "
        f"pixels, {'is' if len(large) == 1 else 'are'} far larger than the "
        f"{trained[0]}x{trained[1]} that the model was trained at. If things "
        "look larger in them too, masks are poor: shrink the images first",
        error=True,
    )


def _tell_of_gray(count, total):
    """Says once that images in gray went to a model for RGB."""
    if count:
        echo(
            f"{count} of {total} images {'is' if count == 1 else 'are'} gray: "
            "read as RGB with three equal channels, as the model takes them",
            error=True,
        )


def _tell_of_few_bits(found):
    """Says once that images of 16 bits are nearly black as 8 bits."""
    from kerasseg.data.bands import FEW_BITS

    few = {path: n for path, n in found.items() if 0 < n <= FEW_BITS}
    if few:
        path = next(iter(few))
        echo(
            f"{len(few)} of the images, such as {path}, "
            f"{'has' if len(few) == 1 else 'have'} 16 bits, and values of "
            f"{few[path]} bits alone: as 8 bits they are nearly black. "
            "Multiply them so that they fill the 16 bits, or save 8 bits",
            error=True,
        )


def _tell(errors):
    """Prints what became of the images that were not segmented."""
    for path, error in errors.items():
        cause = "out of memory: " if is_out_of_memory(error) else ""
        echo(f"not segmented: {path}: {cause}{one_line(error)}", error=True)
    for error in errors.values():
        if not (is_usage_error(error) or is_out_of_memory(error)):
            raise error


def _file_name(stem, kind):
    return f"{stem}_mask.png" if kind == "mask" else f"{stem}_overlay.jpg"


def _refuse_to_overwrite(images, targets):
    inputs = {os.path.realpath(path) for path in images}
    for path, outputs in targets.items():
        names = list(outputs.values())
        if is_tiff(path) and "mask" in outputs:
            names.append(outputs["mask"].with_suffix(".tif"))
        for output in names:
            if os.path.realpath(output) in inputs:
                raise UsageError(
                    f"{output} is one of the images and would be "
                    "overwritten; choose another folder with --out"
                )


def _predict(model, args, path, image):
    """The mask of an image."""
    from kerasseg import inference

    if args.multi_scale:
        return inference.predict_mask_multi_scale(model, image)
    if args.crf:
        return inference.predict_mask_crf(model, image)
    if wants_tiles(args) or is_too_large(model, image.shape, path):
        return predict_in_tiles(model, args, image)
    return inference.predict_mask(model, image)


def _segment(model, args, labels, path, outputs):
    """Writes the outputs of one image."""
    from kerasseg.channels import RGB
    from kerasseg.data.bands import used_bits
    from kerasseg.data.doctor.scan import is_gray
    from kerasseg.inference import overlay

    for output in outputs.values():
        _check_name(output)
    with raster_by_rows(model, args, path) as raster:
        if raster is not None:
            segment_by_rows(model, args, labels, raster, outputs)
            args.few_bits[path] = raster.used_bits
            return
    image = read_whole(model, args, path)
    args.gray += is_gray(path) and image.shape[2] == RGB
    args.sizes[path] = image.shape[:2]
    args.few_bits[path] = used_bits(path)
    mask = _predict(model, args, path, image)
    if "mask" in outputs:
        if args.file_ids:
            write_ids(outputs["mask"], labels.decode(mask))
        else:
            write_mask(outputs["mask"], mask, labels.palette)
    if "overlay" in outputs:
        with atomic_file(outputs["overlay"]) as part:
            overlay(image, mask, labels).save(part, quality=92, subsampling=0)


def _check_name(output):
    """Refuses an output that no file can have the name of."""
    with contextlib.suppress(FileNotFoundError):
        os.lstat(output)
    if output.is_dir():
        raise UsageError(f"cannot write the file {output}: it is a folder")


def write_mask(path: Path, mask, palette) -> None:
    """Writes class ids, see `kerasseg.inference.mask_file`.

    Args:
        path: The file.
        mask: Integer array `(height, width)` of class ids.
        palette: One `(red, green, blue)` for each class.
    """
    from kerasseg.inference import mask_file

    mask_file.write_mask(path, mask, palette)


def write_ids(path: Path, ids) -> None:
    """Writes ids as a gray PNG file.

    Args:
        path: The file.
        ids: Array `(height, width)` of `uint8` or `uint16`.
    """
    from PIL import Image

    with atomic_file(path) as part:
        Image.fromarray(ids).save(part)
