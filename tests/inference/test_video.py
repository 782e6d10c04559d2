"""Videos: what is kept of them, and what is refused."""

import os
import sys
import types
import weakref
from fractions import Fraction
from pathlib import Path

import clips
import keras
import numpy as np
import pytest

from kerasseg.inference import VideoError
from kerasseg.inference import overlay
from kerasseg.inference import predict_mask
from kerasseg.inference import predict_video
from kerasseg.inference.video_reader import VideoReader
from kerasseg.inference.video_writer import VideoWriter
from kerasseg.labels import Labels

pytest.importorskip("av")
pytestmark = pytest.mark.one_backend

PALETTE = ((255, 9, 8), (0, 250, 7), (1, 2, 99))
LABELS = Labels(("red", "green", "blue"), PALETTE)
SIZE = (48, 64)


def make_model(channels=3, classes=3):
    pixels = keras.Input((None, None, channels))
    logits = keras.layers.Conv2D(classes, 1, use_bias=False)(pixels)
    model = keras.Model(pixels, logits)
    kernel = np.eye(channels, classes, dtype="float32")
    model.set_weights([kernel.reshape(1, 1, channels, classes)])
    return model


@pytest.fixture(scope="module")
def brightest():
    """A model whose class is the brightest channel."""
    return make_model()


def colors_of(pixels):
    return np.asarray(LABELS.palette, "uint8")[pixels.argmax(-1)]


def test_times_sound_and_colors_are_kept(tmp_path, brightest):
    source, out = tmp_path / "a.mp4", tmp_path / "new" / "out.mkv"
    # A rate that varies.
    times = [0, 3003, 6006, 12012, 13000, 20000, 23023]
    pixels = clips.frames(len(times), SIZE)
    tick = Fraction(1, 90000)
    clips.write(source, pixels, times, audio="aac", time_base=tick)
    report = predict_video(brightest, source, out, LABELS, "mask")
    shown, seen, sound = clips.read(out)
    stored, expected, before = clips.read(source)
    np.testing.assert_array_equal(shown, colors_of(stored))
    np.testing.assert_array_equal(shown, colors_of(pixels))
    # The sound begins before 0, and all is shifted by that.
    np.testing.assert_allclose(np.subtract(seen, seen[0]), expected, atol=1e-3)
    assert sound == before
    assert (report.frames, report.size, report.audio) == (7, SIZE, "aac")
    assert 0 < report.model_seconds < report.seconds
    assert os.listdir(out.parent) == ["out.mkv"]


def test_overlay_at_the_rate_of_the_source(tmp_path, brightest):
    source, out = tmp_path / "a.mkv", tmp_path / "out.mp4"
    pixels = clips.frames(9, SIZE)
    clips.write(source, pixels)
    calls, alive = [], []

    def predict(model, image):
        # One frame at a time: the others are gone.
        assert sum(ref() is not None for ref in alive) <= 1
        alive.append(weakref.ref(image))
        return predict_mask(model, image)

    report = predict_video(
        brightest,
        source,
        out,
        LABELS,
        alpha=0.25,
        predict=predict,
        progress=lambda *call: calls.append(call),
    )
    assert report.rate == pytest.approx(30000 / 1001)
    assert calls == [(done, 9) for done in range(1, 10)]
    shown, seen, _ = clips.read(out)
    np.testing.assert_allclose(np.diff(seen), 1001 / 30000, atol=1.1e-3)
    for found, one in zip(shown, clips.read(source)[0], strict=True):
        wanted = overlay(one, one.argmax(-1), LABELS, 0.25, legend=False)
        difference = np.abs(found.astype(int) - np.asarray(wanted))
        # Half of the colors' resolution is lost at the edges of the blocks.
        assert np.median(difference) <= 3
        assert difference.mean() < 8


def test_a_video_that_lies_on_its_side_is_predicted_upright(
    tmp_path, brightest
):
    source, out = tmp_path / "a.mp4", tmp_path / "out.mkv"
    pixels = clips.frames(3, SIZE)
    clips.write(source, pixels, rotation=90)
    report = predict_video(brightest, source, out, LABELS, "mask")
    assert report.size == SIZE[::-1]
    shown, _, _ = clips.read(out)
    np.testing.assert_array_equal(
        shown, colors_of(np.rot90(pixels, 1, axes=(1, 2)))
    )


def test_odd_sides_gray_models_and_sound_that_does_not_fit(tmp_path):
    source, out = tmp_path / "a.mkv", tmp_path / "out.webm"
    pixels = clips.frames(2, (33, 47))
    clips.write(source, pixels, audio="aac", pix_fmt="yuv444p")
    report = predict_video(make_model(1, 2), source, out, LABELS)
    assert (report.size, report.audio, report.audio_lost) == (
        (33, 47),
        None,
        "aac",
    )
    assert clips.read(out)[0].shape == (2, 34, 48, 3)


def broken(content, how):
    half = len(content) // 2
    if how == "cut":
        return content[:half]
    middle = bytes(byte ^ 0x5A for byte in content[half : half + 400])
    return content[:half] + middle + content[half + 400 :]


@pytest.mark.parametrize(
    ("suffix", "how", "message"),
    [
        (".mkv", "cut", r"after frame \d\d \(0\..* the end is missing, 0..*of"),
        (".mp4", "cut", "is no video that FFmpeg reads: Invalid data"),
        (".mp4", "hit", r"broken after frame [1-9]\d? \(\d.*Invalid data"),
        (".ts", "hit", r"broken after frame \d+ \(.*(amaged|nvalid) data"),
    ],
)
def test_a_broken_video(tmp_path, brightest, suffix, how, message):
    source, out = tmp_path / f"a{suffix}", tmp_path / "out.mp4"
    clips.write(source, clips.frames(60, SIZE))
    source.write_bytes(broken(source.read_bytes(), how))
    out.write_bytes(b"the one before")
    with pytest.raises(VideoError, match=message):
        predict_video(brightest, source, out, LABELS)
    assert out.read_bytes() == b"the one before"
    assert sorted(os.listdir(tmp_path)) == [source.name, out.name]


def test_no_video(tmp_path, brightest):
    source, out = tmp_path / "a.mp4", tmp_path / "out.mp4"
    for content in (b"", b"hello" * 100):
        source.write_bytes(content)
        with pytest.raises(VideoError, match="is no video that FFmpeg reads"):
            predict_video(brightest, source, out, LABELS)
    clips.write(source, None, audio="aac")
    with pytest.raises(VideoError, match="no video stream. It holds: audio"):
        predict_video(brightest, source, out, LABELS)
    with pytest.raises(FileNotFoundError):
        predict_video(brightest, tmp_path / "none.mp4", out, LABELS)
    assert not out.exists()


def test_arguments(tmp_path, brightest, monkeypatch):
    source, out = tmp_path / "a.mp4", tmp_path / "out.mp4"
    clips.write(source, clips.frames(1, SIZE))
    link = tmp_path / "link.mp4"
    link.symlink_to(source)

    def refused(message, **changes):
        arguments = {"model": brightest, "video": source, "out": out}
        with pytest.raises(ValueError, match=message):
            predict_video(**{**arguments, "labels": LABELS, **changes})

    refused(r"must end in one of \.mp4, .*out='.*out.gif'", out="out.gif")
    refused("`out` must not be `video` itself", out=link)
    refused("`kind` must be one of", kind="ids")
    refused("`alpha` must be in 0..1", alpha=1.5)
    refused("must take RGB or gray images", model=make_model(4))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"pip install 'kerasseg\[video\]'"):
        predict_video(brightest, source, out, LABELS)
    assert not out.exists()


def test_the_file_is_closed_where_the_last_frames_fail(tmp_path):
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("the system does not tell which files are open")
    import av

    def open_files():
        return set(map(os.path.realpath, descriptors.iterdir()))

    def fail(frame=None):
        raise av.FFmpegError(1, "flushed for a test")

    source, out = tmp_path / "a.mp4", tmp_path / "out.mkv"
    clips.write(source, clips.frames(1, SIZE))
    with VideoReader(source) as reader:
        writer = VideoWriter(out, reader, lossless=True)
        frames = [item for what, item in reader.read() if what == "frame"]
        writer.write(np.zeros((*SIZE, 3), "uint8"), frames[0])
        assert str(out) in open_files()
        writer._stream = types.SimpleNamespace(encode=fail)
        with pytest.raises(VideoError, match="flushed for a test"):
            writer.__exit__(None, None, None)
    assert str(out) not in open_files()


def test_a_full_disk(tmp_path, brightest, file_size_limit):
    source, out = tmp_path / "a.mkv", tmp_path / "out.mkv"
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (6, 96, 128, 3), dtype="uint8")
    clips.write(source, noise)
    with file_size_limit(20_000), pytest.raises(OSError, match="too large"):
        predict_video(brightest, source, out, LABELS, "mask")
    assert os.listdir(tmp_path) == [source.name]
