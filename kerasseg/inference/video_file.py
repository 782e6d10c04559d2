"""Videos read frame by frame, and written likewise, through PyAV."""

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

# The encoder of all containers but these.
_USUAL = "libx264"
_ENCODERS = {".webm": "libvpx-vp9"}
# Nearly without visible loss, at a speed that a model does not wait for.
_SETTINGS = {
    "libx264": {"crf": "18", "preset": "veryfast"},
    "libvpx-vp9": {"crf": "24", "b:v": "0", "deadline": "realtime"},
    "ffv1": {},
}
# How much of the length that a file states may be missing at its end: streams
# end at different times, and lengths are rounded.
_TOLERANCE = 0.5
# BT.709, and both names of BT.601, for which matrices are known.
_MATRICES = {1: 1, 5: 5, 6: 5}


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
            self.stream.average_rate
            or self.stream.guessed_rate
            or Fraction(25)
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
        frames, end = 0, 0.0
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
                        raise self._broken(frames, "damaged data")
                    self._stamp(frame, frames)
                    yield "frame", frame
                    frames += 1
        except self._error as error:
            raise self._broken(frames, error.strerror) from error
        self._check_end(frames, end)

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

    def _check_end(self, frames, end):
        if not frames:
            raise VideoError(f"{self.path} has no frames")
        stated = self._seconds()
        if stated is None:
            return
        end -= (self._container.start_time or 0) / 1_000_000
        if end < stated - max(_TOLERANCE, 2 / float(self.rate)):
            raise self._broken(
                frames, f"the end is missing, {end:.1f} of {stated:.1f} s"
            )

    def _broken(self, frames, cause):
        seconds = frames / float(self.rate)
        return VideoError(
            f"{self.path} is broken after frame {frames} ({seconds:.1f} s): "
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


class VideoWriter:
    """A video file that is being written.

    It has the frame rate and the time stamps of a source, and its audio where
    the container takes that as it is.

    Args:
        path: Path of the file; its suffix decides the container.
        source: The `VideoReader`.
        lossless: Whether to keep every color, in `.mkv` only.

    Attributes:
        audio: Name of the codec of the audio that is kept, or `None`.
        audio_lost: Name of that which the container does not take, or `None`.

    Raises:
        VideoError: If the frames do not fit the container.
        OSError: If the file cannot be written.
    """

    def __init__(
        self, path: Path, source: VideoReader, lossless: bool = False
    ) -> None:
        av = require_av()
        self._av, self._source = av, source
        codec = "ffv1" if lossless else _ENCODERS.get(
            path.suffix.lower(), _USUAL
        )
        if codec not in av.codecs_available:
            raise VideoError(f"This build of PyAV has no encoder {codec}")
        self._format = "bgr0" if lossless else "yuv420p"
        options = {}
        if path.suffix.lower() in (".mp4", ".m4v", ".mov"):
            # Players can begin before the file is all there.
            options["movflags"] = "+faststart"
        with self._errors():
            self._container = av.open(str(path), "w", options=options)
            self._stream = self._container.add_stream(
                codec, rate=source.rate, options=_SETTINGS[codec]
            )
            self._stream.codec_context.time_base = source.stream.time_base
            self._add_audio()
        # The sound that comes before the first frame.
        self._waiting = []
        self._started = False

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, kind, error, trace) -> None:
        if error is None:
            with self._errors():
                self._container.mux(self._stream.encode())
                self._container.close()
            return
        # What is half-written is deleted: how it closes does not matter.
        with contextlib.suppress(self._av.FFmpegError):
            self._container.close()

    def write(self, pixels: np.ndarray, frame) -> None:
        """Adds a frame.

        Args:
            pixels: `uint8` array `(height, width, 3)`, RGB. Odd sides are made
                even by repeating the last row or column.
            frame: The frame of the source, for the time.
        """
        pixels = _even(pixels) if self._format == "yuv420p" else pixels
        if not self._started:
            self._start(pixels.shape, frame)
        made = self._av.VideoFrame.from_ndarray(pixels, format="rgb24")
        matrix = _MATRICES.get(int(frame.colorspace))
        made = made.reformat(format=self._format, dst_colorspace=matrix)
        made.pts, made.time_base = frame.pts, frame.time_base
        with self._errors():
            self._container.mux(self._stream.encode(made))
            while self._waiting:
                self._container.mux(self._waiting.pop(0))

    def write_audio(self, packet) -> None:
        """Adds a packet of the audio, if it is kept.

        Args:
            packet: The packet of PyAV.
        """
        if self.audio is None:
            return
        packet.stream = self._audio
        if not self._started:
            self._waiting.append(packet)
            return
        with self._errors():
            self._container.mux(packet)

    @contextlib.contextmanager
    def _errors(self):
        """Errors of FFmpeg as those of Python."""
        try:
            yield
        except self._av.FFmpegError as error:
            if isinstance(error, OSError):
                raise OSError(
                    error.errno, error.strerror, error.filename
                ) from error
            raise VideoError(
                f"The new video cannot be written: {error.strerror}"
            ) from error

    def _add_audio(self):
        self.audio = self.audio_lost = self._audio = None
        if self._source.audio is None:
            return
        codec = self._source.audio.codec_context.name
        if codec in self._container.supported_codecs:
            self._audio = self._container.add_stream_from_template(
                self._source.audio
            )
            self.audio = codec
        else:
            self.audio_lost = codec

    def _start(self, shape, frame):
        context, source = self._stream.codec_context, self._source.stream
        self._started = True
        context.height, context.width = shape[:2]
        context.pix_fmt = self._format
        ratio = source.codec_context.sample_aspect_ratio
        if ratio:
            turned = round(frame.rotation / 90) % 2
            context.sample_aspect_ratio = 1 / ratio if turned else ratio
        if self._format == "yuv420p" and int(frame.colorspace) in _MATRICES:
            context.colorspace = frame.colorspace
            context.color_primaries = frame.color_primaries
            context.color_trc = frame.color_trc


def _even(pixels):
    height, width = pixels.shape[:2]
    if not (height % 2 or width % 2):
        return pixels
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
