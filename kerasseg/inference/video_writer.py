"""Videos written frame by frame, through PyAV."""

import contextlib
from pathlib import Path

import numpy as np

from kerasseg.inference.video_reader import VideoError
from kerasseg.inference.video_reader import VideoReader
from kerasseg.inference.video_reader import require_av

# The encoder of all containers but these.
_USUAL = "libx264"
_ENCODERS = {".webm": "libvpx-vp9"}
# Nearly without visible loss, at a speed that a model does not wait for.
_SETTINGS = {
    "libx264": {"crf": "18", "preset": "veryfast"},
    "libvpx-vp9": {"crf": "24", "b:v": "0", "deadline": "realtime"},
    "ffv1": {},
}
# BT.709, and both names of BT.601, for which matrices are known.
_MATRICES = {1: 1, 5: 5, 6: 5}


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
        codec = (
            "ffv1" if lossless else _ENCODERS.get(path.suffix.lower(), _USUAL)
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
            # The container closes also where the last frames fail.
            with self._errors(), self._container:
                self._container.mux(self._stream.encode())
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
        codec = self._source.audio.codec_context.codec.canonical_name
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
        if self._container.format.name == "avi":
            # It keeps no times: frames must be stored in their order.
            context.max_b_frames = 0
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
