import sys

import clips
import numpy as np
import pytest

from kerasseg.inference import tile_plan

pytest.importorskip("av")
pytestmark = pytest.mark.one_backend

COLORS = np.array(((255, 0, 0), (0, 255, 0), (0, 0, 255)), "uint8")


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "drive.mp4"
    clips.write(path, clips.frames(5, (48, 64)), audio="aac")
    return path


@pytest.mark.parametrize("terminal", [False, True])
def test_a_video_named_or_in_a_folder(
    run, channels_entry, clip, tmp_path, monkeypatch, terminal
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    out = tmp_path / "masked.mkv"
    result = run("predict", channels_entry, clip, "--mask", "--out", out)
    assert result.code == 0, result.err
    assert (
        "5 frames of 48x64 pixels at 29.97 frames/s, audio as it was (aac): "
        f"mask in {out}"
    ) in result.out
    assert "frames/s; the model alone" in result.out
    assert ("segmenting" in result.err) == terminal
    np.testing.assert_array_equal(
        clips.read(out)[0], COLORS[clips.frames(5, (48, 64)).argmax(-1)]
    )
    if terminal:
        return
    folder = tmp_path / "out"
    result = run("predict", channels_entry, clip, "--out", folder, "--tiles")
    assert (result.code, result.out.count("drive_overlay.mp4")) == (0, 1)
    assert len(clips.read(folder / "drive_overlay.mp4")[0]) == 5


def test_small_tiles_are_told_once(
    run, channels_entry, clip, tmp_path, monkeypatch
):
    monkeypatch.setattr(tile_plan, "reach", lambda model: 200)
    argv = ("--tile-shape", "32x32", "--out", tmp_path)
    result = run("predict", channels_entry, clip, *argv)
    assert result.code == 0, result.err
    assert result.err == (
        "The tiles of 32 x 32 pixels are smaller than the receptive field of "
        "the model, about 400 pixels: every pixel sees less than in the whole "
        "image.\n"
    )


def test_usage_errors(run, channels_entry, clip, tmp_path, monkeypatch):
    def refused(*arguments):
        result = run("predict", channels_entry, *arguments)
        assert (result.code, result.err.count("\n")) == (2, 1), result.err
        return result.err

    assert "one video at a time" in refused(clip, clip)
    assert "no such file" in refused(tmp_path / "none.mp4")
    assert "--file-ids is for images" in refused(clip, "--file-ids")
    assert "are two videos" in refused(clip, "--mask", "--overlay")
    assert "or end in one of .mp4" in refused(clip, "--out", "masked.gif")
    assert "would be overwritten" in refused(clip, "--out", clip)
    argv = ("--tile-shape", "32x32", "--overlap", "17")
    assert "half a tile, 16 pixels, not 17" in refused(clip, *argv)
    assert "--memory must be at least" in refused(clip, "--memory", "1M")
    clip.write_bytes(clip.read_bytes()[:2000])
    out = tmp_path / "out" / "masked.mp4"
    assert "no video that FFmpeg reads" in refused(clip, "--out", out)
    assert list(out.parent.iterdir()) == []
    monkeypatch.setitem(sys.modules, "av", None)
    assert "pip install 'kerasseg[video]'" in refused(clip)
