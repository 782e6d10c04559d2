"""Videos read frame by frame, through PyAV."""

import os
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

# How much of the length that a file states may be missing at its end: streams
# end at different times, and lengths are rounded.
_TOLERANCE = 0.5
# The containers whose length is written in them, and not guessed.
_STATING = ("matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "avi")


class VideoError(ValueError):
    """A video that is broken, or none."""


def require_av() -> Any:
    """The package PyAV.

    Returns:
        The module.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise ImportError(
            "Videos need PyAV: pip install 'kerasseg[video]'"
        ) from error
    return av


class VideoReader:
    """A video file that is being read.

    Args:
        path: Path of the file.

    Attributes:
        stream: The video stream of PyAV.
        audio: The first audio stream, or `None`.
        rate: Frames per second on average, a `Fraction`.
        total: About how many frames there are, or `None` if the file says
            nothing of it.

    Raises:
        VideoError: If it is no video, or has no video stream.
        OSError: If it cannot be read.
        ImportError: If PyAV is not installed.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        av = require_av()
        self.path = path
        self._error = av.FFmpegError
        try:
            self._container = av.open(os.fspath(path))
        except OSError:
            raise
        except av.FFmpegError as error:
            raise VideoError(
                f"{path} is no video that FFmpeg reads: {error.strerror}"
            ) from error
        try:
            self.stream = self._find_stream(av)
        except BaseException:
            self._container.close()
            raise
        # A decoder would hide what is missing otherwise.
        self.stream.codec_context.options = {"err_detect": "explode"}
        self.stream.thread_type = "AUTO"
        self.audio = next(iter(self._container.streams.audio), None)
        self.rate = (
            self.stream.average_rate or self.stream.guessed_rate or Fraction(25)
        )
        self.total = self.stream.frames or self._estimated_frames()

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(self, *error) -> None:
        self._container.close()

    def read(self) -> Iterator[tuple[str, Any]]:
        """Goes through the file once.

        Yields:
            `("frame", frame)` for each frame of PyAV, with a time stamp, and
            `("audio", packet)` for each packet of the audio stream.

        Raises:
            VideoError: If the file is broken: a frame or a packet is damaged,
                or the end is missing.
        """
        frames, end, time = 0, 0.0, 0.0
        try:
            for packet in self._container.demux():
                if packet.stream is self.audio and packet.dts is not None:
                    yield "audio", packet
                if packet.pts is not None:
                    last = packet.pts + (packet.duration or 0)
                    end = max(end, float(last * packet.time_base))
                if packet.stream is not self.stream:
                    continue
                for frame in packet.decode():
                    if packet.is_corrupt or frame.is_corrupt:
                        raise self._broken(frames, time, "damaged data")
                    self._stamp(frame, frames)
                    time = frame.time
                    yield "frame", frame
                    frames += 1
        except self._error as error:
            raise self._broken(frames, time, error.strerror) from error
        self._check_end(frames, time, end)

    def _find_stream(self, av):
        covers = av.stream.Disposition.attached_pic
        for stream in self._container.streams.video:
            if not stream.disposition & covers:
                return stream
        kinds = sorted({stream.type for stream in self._container.streams})
        raise VideoError(
            f"{self.path} has no video stream. It holds: "
            f"{', '.join(kinds) or 'nothing'}"
        )

    def _estimated_frames(self):
        seconds = self._seconds()
        return None if seconds is None else round(seconds * float(self.rate))

    def _seconds(self):
        """The length that the file states."""
        stated = self._container.duration
        return None if stated is None else stated / 1_000_000

    def _stamp(self, frame, index):
        if frame.pts is None:
            frame.time_base = 1 / self.rate
            frame.pts = index

    def _check_end(self, frames, time, end):
        if not frames:
            raise VideoError(f"{self.path} has no frames")
        stated = self._seconds()
        if stated is None or self._container.format.name not in _STATING:
            return
        end -= (self._container.start_time or 0) / 1_000_000
        if end < stated - max(_TOLERANCE, 2 / float(self.rate)):
            raise self._broken(
                frames,
                time,
                f"the end is missing, {end:.1f} of {stated:.1f} s are there",
            )

    def _broken(self, frames, time, cause):
        return VideoError(
            f"{self.path} is broken after frame {frames} ({time:.1f} s): "
            f"{cause}. Make a copy that plays to its end, for instance by "
            "encoding it anew with FFmpeg"
        )


def upright(frame, channels: int) -> np.ndarray:
    """The pixels of a frame as they are shown.

    Args:
        frame: The frame of PyAV.
        channels: 3 for RGB, 1 for gray.

    Returns:
        `uint8` array `(height, width, channels)`, turned by the rotation that
        the file states.
    """
    form = "gray" if channels == 1 else "rgb24"
    pixels = frame.to_ndarray(format=form)
    pixels = pixels.reshape(*pixels.shape[:2], channels)
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))
