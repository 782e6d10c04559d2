"""`kerasseg predict` of a video."""

import argparse
from collections.abc import Callable
from collections.abc import Iterable
from pathlib import Path

from kerasseg.cli.entry import find_entry
from kerasseg.cli.entry import load_model
from kerasseg.cli.errors import UsageError
from kerasseg.cli.files import make_folder
from kerasseg.cli.files import output_file
from kerasseg.cli.output import echo
from kerasseg.cli.progress import counted
from kerasseg.cli.tiles import is_too_large
from kerasseg.cli.tiles import predict_in_tiles
from kerasseg.cli.tiles import wants_tiles
from kerasseg.files import VIDEO_SUFFIXES

# What is read, besides what is written too.
_READ = (
    *VIDEO_SUFFIXES,
    *(".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".3gp", ".ogv"),
)


def has_video(paths: Iterable[Path]) -> bool:
    """Whether there is a video among paths, by their names.

    Args:
        paths: What the user typed.

    Returns:
        The answer.
    """
    return any(_is_video(path) for path in paths)


def segment_video(args: argparse.Namespace):
    """Writes a video with the masks of a video.

    Args:
        args: The parsed arguments of `kerasseg predict`.

    Returns:
        The record of the entry, and the size of the frames by the video, as
        `(height, width)`.

    Raises:
        UsageError: If the arguments cannot be honored.
    """
    path, kind = _checked(args)
    out = _output(args.out, path, kind)
    entry = find_entry(args.entry)
    from kerasseg.inference import predict_video
    from kerasseg.inference.video_reader import require_av

    require_av()
    model = load_model(entry.origin or args.entry)
    with counted("segmenting") as progress:
        report = predict_video(
            model,
            path,
            out,
            entry.labels,
            kind,
            predict=_predict(args, path),
            progress=progress,
        )
    _tell(report, out, kind)
    return entry, {path: report.size}


def _is_video(path):
    return path.suffix.lower() in _READ and not path.is_dir()


def _checked(args):
    """The video and the kind of the new one."""
    path = next(filter(_is_video, args.images))
    if len(args.images) > 1:
        raise UsageError(
            f"one video at a time, and no images beside it: {path} is one of "
            f"{len(args.images)}"
        )
    if not path.is_file():
        raise UsageError(f"no such file or folder: {path}")
    for name in ("file_ids", "bands"):
        if getattr(args, name):
            option = name.replace("_", "-")
            raise UsageError(f"--{option} is for images, and {path} is a video")
    if args.mask and args.overlay:
        raise UsageError(
            "--mask and --overlay are two videos: write one after the other"
        )
    return path, "mask" if args.mask else "overlay"


def _output(out, path, kind):
    suffix = out.suffix.lower()
    if suffix in VIDEO_SUFFIXES and not out.is_dir():
        if out.exists() and out.samefile(path):
            raise UsageError(
                f"{out} is the video itself and would be overwritten; choose "
                "another name with --out"
            )
        return output_file(out)
    if suffix and not out.is_dir():
        raise UsageError(
            f"--out of a video must be a folder, or end in one of "
            f"{', '.join(VIDEO_SUFFIXES)}, not {out}"
        )
    return output_file(make_folder(out) / f"{path.stem}_{kind}.mp4")


def _predict(args, path) -> Callable:
    """How a frame is predicted: as an image with the same options is."""
    from kerasseg import inference

    if args.multi_scale:
        return inference.predict_mask_multi_scale
    if args.crf:
        return inference.predict_mask_crf

    def tiled(model, image):
        return predict_in_tiles(model, args, image)

    if wants_tiles(args):
        return tiled
    chosen = None

    def predict(model, image):
        nonlocal chosen
        if chosen is None:
            large = is_too_large(model, image.shape, path)
            chosen = tiled if large else inference.predict_mask
        return chosen(model, image)

    return predict


def _tell(report, out, kind):
    height, width = report.size
    sound = f", audio as it was ({report.audio})" if report.audio else ""
    echo(
        f"{report.frames} frames of {height}x{width} pixels at "
        f"{report.rate:.2f} frames/s{sound}: {kind} in {out}"
    )
    echo(
        f"took {report.seconds:.1f} s, {report.frames / report.seconds:.1f} "
        "frames/s; the model alone "
        f"{report.frames / report.model_seconds:.1f} frames/s"
    )
    if report.audio_lost:
        echo(
            f"left out: the audio ({report.audio_lost}), which {out.suffix} "
            "files do not take; .mkv takes nearly all",
            error=True,
        )
