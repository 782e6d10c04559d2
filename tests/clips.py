"""Small videos, made by PyAV."""

from fractions import Fraction

import numpy as np

RATE = Fraction(30000, 1001)


def frames(count, size, seed=7):
    """Smooth frames, whose brightest channel does not hang on a level or two.

    Args:
        count: How many.
        size: `(height, width)`.
        seed: Of the colors.

    Returns:
        `uint8` array `(count, height, width, 3)`.
    """
    height, width = size
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 3, (count, -(-height // 16), -(-width // 16)))
    ids = np.kron(blocks, np.ones((1, 16, 16), int))[:, :height, :width]
    return np.where(np.eye(3, dtype=bool)[ids], 220, 30).astype("uint8")


def write(
    path,
    pixels,
    times=None,
    audio=None,
    codec="libx264",
    rotation=None,
    time_base=None,
    pix_fmt="yuv420p",
):
    """Writes a clip.

    Args:
        path: The file.
        pixels: As of `frames`, or `None` for a file without a video stream.
        times: Time stamps, in units of `time_base`.
        audio: The codec of a tone, or `None`.
        codec: The codec of the video.
        rotation: Degrees that the frames are to be turned when shown.
        time_base: The unit of `times`.
        pix_fmt: The form of the pixels.
    """
    import av

    with av.open(str(path), "w") as container:
        if pixels is not None:
            video = container.add_stream(codec, rate=RATE)
            video.height, video.width = pixels.shape[1:3]
            video.pix_fmt = pix_fmt
            if codec == "libx264":
                video.options = {"g": "5", "crf": "10"}
            if time_base is not None:
                video.codec_context.time_base = time_base
            if rotation is not None:
                video.set_display_rotation(rotation)
        if audio is not None:
            _add_tone(container, audio)
        if pixels is None:
            return
        for index, one in enumerate(pixels):
            frame = av.VideoFrame.from_ndarray(one, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = times[index], time_base
            container.mux(video.encode(frame))
        container.mux(video.encode())


def _add_tone(container, codec):
    import av

    stream = container.add_stream(codec, rate=48000, layout="mono")
    wave = np.sin(np.arange(48000) / 20).astype("float32")[np.newaxis]
    frame = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
    frame.sample_rate, frame.pts = 48000, 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode())


def read(path):
    """Reads a clip.

    Args:
        path: The file.

    Returns:
        The frames as they are stored, their times in seconds, and the bytes of
        the audio.
    """
    import av

    pixels, times, sound = [], [], b""
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.stream.type == "audio":
                sound += bytes(packet)
                continue
            for frame in packet.decode():
                pixels.append(frame.to_ndarray(format="rgb24"))
                times.append(frame.time)
    return np.stack(pixels), times, sound
