"""`kerasseg predict --tiles`: images that do not fit into the memory."""

import argparse
import contextlib
import importlib.util
import math
import re
import tempfile
import warnings
from pathlib import Path

from kerasseg.cli.errors import UsageError
from kerasseg.cli.errors import is_usage_error
from kerasseg.cli.errors import one_line
from kerasseg.cli.export import image_size
from kerasseg.cli.output import echo
from kerasseg.cli.progress import progress
from kerasseg.files import atomic_file

_TIFF_SUFFIXES = (".tif", ".tiff")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
# The longer side of an overlay of an image that is read by rows, in pixels.
_OVERLAY = 2048
# What tiles are rounded up to at most: the largest stride of a model.
_STRIDE = 32
# Arguments of Python that are options here, alone and with a value.
_ARGUMENT = "(tile_shape|overlap|memory|bands)"
_NAME = re.compile(f"`{_ARGUMENT}`")
_VALUE = re.compile(rf"(?<= ){_ARGUMENT}=\(?(\d+(?:, \d+)*),?\)?")


def add_tile_arguments(parser) -> None:
    """Adds the arguments on tiles to the parser of a verb.

    Args:
        parser: The parser.
    """
    group = parser.add_argument_group(
        "images of any size",
        "An image that does not fit into the free memory is predicted in "
        "overlapping tiles. TIFF files are then read and written by rows; "
        "so are those with a geographic reference, which the mask keeps. "
        "Needs rasterio: pip install 'kerasseg[tiff]'. --tile-shape, "
        "--overlap and --memory imply --tiles.",
    )
    group.add_argument(
        "--tiles",
        action="store_true",
        help="predict in tiles whether or not the image fits",
    )
    group.add_argument(
        "--tile-shape",
        metavar="HxW",
        type=image_size,
        help="tiles of this size (default: up to 1024x1024)",
    )
    group.add_argument(
        "--overlap",
        metavar="PIXELS",
        type=_overlap,
        help="what two tiles both see (default: 1/16 of a tile)",
    )
    group.add_argument(
        "--memory",
        metavar="SIZE",
        type=memory_size,
        help="what tiles may take, for instance 2G (default: half of what is "
        "free)",
    )
    group.add_argument(
        "--bands",
        metavar="R,G,B",
        type=_bands,
        help="bands of a TIFF file, one for each channel of the model, "
        "counted from 1 (default: all, if it has no others)",
    )


def memory_size(text: str) -> int:
    """Bytes from text such as `"2G"`.

    Args:
        text: A number, with K, M, G or T for powers of 1024.

    Returns:
        The bytes.

    Raises:
        argparse.ArgumentTypeError: If the text is something else.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.lower())
    size = float(match[1]) * _UNITS[match[2]] if match else 0
    if not 1 <= size < math.inf:
        raise argparse.ArgumentTypeError(
            f"must be a size in bytes, such as 500M or 2G, not {text!r}"
        )
    return int(size)


def wants_tiles(args: argparse.Namespace) -> bool:
    """Whether tiles were asked for.

    Args:
        args: The parsed arguments.

    Returns:
        Whether one of the arguments on tiles was given.
    """
    given = (args.tile_shape, args.overlap, args.memory)
    return args.tiles or any(value is not None for value in given)


def check_overlap(args: argparse.Namespace) -> None:
    """Refuses an overlap that no model takes with the tiles that are wanted.

    Args:
        args: The parsed arguments.

    Raises:
        UsageError: If it is more than half a tile.
    """
    if args.tile_shape is None or args.overlap is None:
        return
    # The shorter side may be that of an image which is no higher or wider.
    most = -(-max(args.tile_shape) // _STRIDE) * _STRIDE // 2
    if args.overlap > most:
        raise UsageError(
            f"--overlap must be at most half a tile, {most} pixels, not "
            f"{args.overlap}"
        )


def check_bands(args: argparse.Namespace, images, channels: int) -> None:
    """Refuses bands that are not of TIFF files, or too few or too many.

    Args:
        args: The parsed arguments.
        images: Paths of the images.
        channels: The channels of the images that the model takes.

    Raises:
        UsageError: If the bands cannot be chosen.
    """
    if not args.bands:
        return
    others = [path for path in images if not is_tiff(path)]
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise UsageError(f"--bands is for TIFF files, not {others[0]}{more}")
    if len(args.bands) != channels:
        raise UsageError(
            "--bands must name a band for each channel of the model, which "
            f"has {channels}, not {','.join(map(str, args.bands))}"
        )
    if not _has_rasterio():
        raise UsageError("--bands needs rasterio: pip install 'kerasseg[tiff]'")


def is_too_large(model, shape, path: Path) -> bool:
    """Whether an image does not fit as a whole, which is told.

    Args:
        model: The model.
        shape: `(height, width, channels)` of the image.
        path: The image, for the message.

    Returns:
        The answer; `False` where the free memory is not known, as on a GPU.
    """
    from kerasseg.inference.memory import estimated_bytes
    from kerasseg.inference.memory import free_bytes
    from kerasseg.inference.memory import runs_on_cpu

    free, needed = free_bytes(), estimated_bytes(model, shape)
    if free is None or needed <= free or not runs_on_cpu():
        return False
    echo(
        f"{path}: predicted in tiles, since the whole image takes about "
        f"{needed / 2**30:.1f} GiB and {free / 2**30:.1f} GiB are free",
        error=True,
    )
    return True


def predict_in_tiles(model, args: argparse.Namespace, image, out=None):
    """The mask of an image in tiles, with what to know of it on stderr, once.

    Args:
        model: The model.
        args: The parsed arguments.
        image: The image, as `predict_tiled` takes it.
        out: What takes the rows, or `None` to return the mask.

    Returns:
        The mask, or `None`.
    """
    from kerasseg.inference import predict_tiled

    with _in_options(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        mask = predict_tiled(
            model,
            image,
            out,
            args.tile_shape,
            args.overlap,
            memory=args.memory,
            progress=_tile_bar() if args.tile_bar else None,
        )
    messages = dict.fromkeys(str(warning.message) for warning in caught)
    for message in messages:
        if message not in args.told:
            echo(message, error=True)
    args.told.update(messages)
    return mask


def _tile_bar():
    """A function that shows how many tiles of an image are done."""
    bar = None

    def show(done, total):
        nonlocal bar
        if bar is None:
            bar = progress(range(total), "tiles", total)
            next(bar)
        # One past the last tile ends the bar.
        next(bar, None)

    return show


@contextlib.contextmanager
def raster_by_rows(model, args: argparse.Namespace, path: Path):
    """A TIFF file that is to be read and written by rows.

    Args:
        model: The model.
        args: The parsed arguments.
        path: The image.

    Yields:
        The `kerasseg.inference.Raster`, or `None` for an image that is read
        as a whole.
    """
    if not is_tiff(path) or not _has_rasterio():
        yield None
        return
    from kerasseg.inference import open_raster
    from kerasseg.inference.whole_image import channels_of

    with contextlib.ExitStack() as stack:
        try:
            with _in_options():
                raster = stack.enter_context(
                    open_raster(path, args.bands, channels_of(model))
                )
        except (UsageError, ValueError):
            if args.bands or not _opens_otherwise(path):
                raise
            raster = None
        if raster is not None and not _by_rows(model, args, path, raster):
            _tell_of_reference(args, path, raster)
            raster = None
        yield raster


def read_whole(model, args: argparse.Namespace, path: Path):
    """An image that is not read by rows, of the bands that were chosen.

    Args:
        model: The model.
        args: The parsed arguments.
        path: The image.

    Returns:
        `uint8` array `(height, width, channels)`.
    """
    from kerasseg.data.image import read_image
    from kerasseg.inference import open_raster
    from kerasseg.inference.whole_image import channels_of

    if not args.bands:
        return read_image(path, channels_of(model))
    with open_raster(path, args.bands, channels_of(model)) as raster:
        return raster.read(0, raster.shape[0])


def is_tiff(path: Path) -> bool:
    """Whether a file is a TIFF file by its name.

    Args:
        path: The file.

    Returns:
        The answer.
    """
    return path.suffix.lower() in _TIFF_SUFFIXES


def segment_by_rows(model, args, labels, raster, outputs) -> None:
    """Writes the outputs of an image that is read by rows.

    Args:
        model: The model.
        args: The parsed arguments.
        labels: The classes.
        raster: The open image.
        outputs: Paths by kind, as of the verb; the mask becomes a TIFF file.
    """
    from kerasseg.inference import mask_raster
    from kerasseg.inference import overlay
    from kerasseg.inference.rasters import reduced_mask

    with contextlib.ExitStack() as stack:
        if "mask" in outputs:
            path = outputs["mask"].with_suffix(".tif")
        else:
            beside = outputs["overlay"].parent
            folder = tempfile.TemporaryDirectory(dir=beside)
            path = Path(stack.enter_context(folder), "mask.tif")
        with mask_raster(
            path, raster.shape[:2], labels.palette, raster.reference()
        ) as target:
            predict_in_tiles(model, args, raster, target)
        if "overlay" in outputs:
            small = raster.reduced(_OVERLAY)
            mask = reduced_mask(path, small.shape[:2])
            with atomic_file(outputs["overlay"]) as part:
                overlay(small, mask, labels).save(
                    part, quality=92, subsampling=0
                )


def _by_rows(model, args, path, raster):
    """Whether an open raster is not read as a whole."""
    if _whole_image_option(args):
        return False
    return bool(
        args.bands
        or wants_tiles(args)
        or raster.reference()
        or is_too_large(model, raster.shape, path)
    )


def _whole_image_option(args):
    """The option for which images are read as a whole, if one was given."""
    for option in ("multi_scale", "crf", "file_ids"):
        if getattr(args, option):
            return _option(option)
    return None


def _tell_of_reference(args, path, raster):
    """Says where a mask will lack what those that are read by rows keep."""
    if raster.reference():
        echo(
            f"{path}: its masks have no geographic reference with "
            f"{_whole_image_option(args)}, which reads the whole image",
            error=True,
        )


@contextlib.contextmanager
def _in_options():
    """Has errors of arguments name the options that were typed."""
    try:
        yield
    except ValueError as error:
        if not is_usage_error(error):
            raise
        text = _NAME.sub(lambda found: _option(found[1]), one_line(error))
        raise UsageError(_VALUE.sub(_typed, text)) from error


def _typed(found):
    """An option and its value, as they are typed."""
    name, value = found.groups()
    between = "x" if name == "tile_shape" else ","
    return f"{_option(name)} {value.replace(', ', between)}"


def _option(name):
    return "--" + name.replace("_", "-")


def _has_rasterio():
    return importlib.util.find_spec("rasterio") is not None


def _opens_otherwise(path):
    """Whether Pillow knows the form of a file."""
    from PIL import Image

    try:
        Image.open(path).close()
    except Exception:
        return False
    return True


def _overlap(text):
    if not text.isdigit():
        raise argparse.ArgumentTypeError(
            f"must be a number of pixels, 0 or more, not {text!r}"
        )
    return int(text)


def _bands(text):
    parts = text.split(",")
    if len(parts) > 16 or not all(p.isdigit() and int(p) for p in parts):
        raise argparse.ArgumentTypeError(
            f"must be numbers from 1, such as 4,3,2, not {text!r}"
        )
    return tuple(map(int, parts))
