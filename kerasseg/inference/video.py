"""Prediction on a video, one frame at a time."""

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kerasseg.arguments import check_choice
from kerasseg.channels import RGB
from kerasseg.files import VIDEO_SUFFIXES
from kerasseg.files import atomic_file
from kerasseg.inference.ends import input_shape
from kerasseg.inference.overlay import colorize
from kerasseg.inference.overlay import overlay
from kerasseg.inference.video_reader import VideoError
from kerasseg.inference.video_reader import VideoReader
from kerasseg.inference.video_reader import upright
from kerasseg.inference.video_writer import VideoWriter
from kerasseg.inference.whole_image import channels_of
from kerasseg.inference.whole_image import predict_mask

KINDS = ("overlay", "mask")


@dataclasses.dataclass(frozen=True)
class VideoReport:
    """What became of a video.

    Args:
        frames: Number of frames.
        rate: Frames per second of the video, on average.
        size: `(height, width)` of its frames as they are shown.
        seconds: Time that it took.
        model_seconds: Time of that in the model.
        audio: Name of the codec of the audio that was kept, or `None`.
        audio_lost: Name of that which the container does not take, or `None`.
    """

    frames: int
    rate: float
    size: tuple[int, int]
    seconds: float
    model_seconds: float
    audio: str | None
    audio_lost: str | None


def predict_video(
    model,
    video: str | os.PathLike,
    out: str | os.PathLike,
    labels,
    kind: str = "overlay",
    alpha: float = 0.5,
    predict: Callable = predict_mask,
    progress: Callable[[int, int | None], None] | None = None,
) -> VideoReport:
    """Writes a video with the mask of each frame of a video.

    Frames are read, predicted and written one after the other: the memory does
    not grow with the length. Each keeps its time, so that the frame rate is
    that of the source, even where it varies. A frame is shown, and predicted,
    upright, by the rotation in the file. The audio is copied where the
    container of `out` takes it. The first frame is predicted in the time that
    the model takes to be compiled.

    Args:
        model: `keras.Model` from `(batch, height, width, channels)` pixels in
            0..255 to logits, of RGB or gray images.
        video: Path of the video, in any form that FFmpeg reads.
        out: Path of the video to write, which ends in `.mp4`, `.m4v`, `.mov`,
            `.mkv`, `.avi` (all H.264) or `.webm` (VP9). It appears when it is
            complete.
        labels: `kerasseg.data.Labels`: the palette.
        kind: `"overlay"`, the frames with the class colors laid over them, or
            `"mask"`, the class colors alone: in `.mkv` each exactly (FFV1),
            elsewhere as lossy as the video. Defaults to `"overlay"`.
        alpha: Share of the class color in an overlay, in 0..1. Defaults to
            `0.5`.
        predict: Function `(model, image) -> mask`, such as
            `predict_mask_crf`. Defaults to `predict_mask`.
        progress: Function called after each frame with how many are done, and
            about how many there are, or `None`. Defaults to `None`.

    Returns:
        A `VideoReport`.

    Raises:
        VideoError: A `ValueError`: if the video is broken, with the number and
            the time of the frame; or if it is none. Nothing is written then.
        ValueError: If `out` has another ending, or is `video` itself; `kind`
            or `alpha` is out of its range; or the model takes other channels.
        OSError: If a file cannot be read or written.
        ImportError: If PyAV is not installed.

    Example:

    >>> labels = kerasseg.zoo.info("lrr_4x").labels
    >>> predict_video(model, "drive.mp4", "masked.mp4", labels)
    """
    out = Path(out)
    _check(video, out, kind, alpha)
    channels = channels_of(model)
    if channels not in (1, RGB):
        raise ValueError(
            "`model` must take RGB or gray images, as videos have. Received: a "
            f"model with input_shape={input_shape(model)}"
        )
    began, spent, frames, size = time.perf_counter(), 0.0, 0, None
    lossless = kind == "mask" and out.suffix.lower() == ".mkv"
    with (
        VideoReader(video) as source,
        atomic_file(out) as temporary,
        VideoWriter(temporary, source, lossless) as target,
    ):
        for what, item in source.read():
            if what == "audio":
                target.write_audio(item)
                continue
            image = upright(item, channels)
            size = size or image.shape[:2]
            _check_size(video, image.shape[:2], size, frames)
            before = time.perf_counter()
            mask = predict(model, image)
            spent += time.perf_counter() - before
            target.write(_shown(item, image, mask, labels, kind, alpha), item)
            frames += 1
            if progress is not None:
                progress(frames, source.total)
    return VideoReport(
        frames=frames,
        rate=float(source.rate),
        size=size,
        seconds=time.perf_counter() - began,
        model_seconds=spent,
        audio=target.audio,
        audio_lost=target.audio_lost,
    )


def _shown(frame, image, mask, labels, kind, alpha):
    """The pixels of a frame of the new video."""
    if kind == "mask":
        return colorize(mask, labels.palette)
    if image.shape[2] != RGB:
        image = upright(frame, RGB)
    return np.asarray(overlay(image, mask, labels, alpha, legend=False))


def _check(video, out, kind, alpha):
    if out.suffix.lower() not in VIDEO_SUFFIXES:
        raise ValueError(
            f"`out` must end in one of {', '.join(VIDEO_SUFFIXES)}. "
            f"Received: out='{out}'"
        )
    if os.path.realpath(video) == os.path.realpath(out):
        raise ValueError(
            f"`out` must not be `video` itself. Received: out='{out}'"
        )
    check_choice("kind", kind, KINDS)
    if not 0 <= alpha <= 1:
        raise ValueError(f"`alpha` must be in 0..1. Received: alpha={alpha}")


def _check_size(video, size, first, frames):
    if size != first:
        raise VideoError(
            f"{video} must have frames of one size. Received: "
            f"{first[0]}x{first[1]} pixels, and {size[0]}x{size[1]} after "
            f"frame {frames}"
        )
