import errno
import os
import tempfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from kerasseg.cli import predict as predict_verb
from kerasseg.data.image import read_mask


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_gives_masks_and_overlays(
    run, channels_entry, image_folder, tmp_path
):
    out = tmp_path / "out"
    result = run("predict", channels_entry, image_folder, "--out", out)
    assert result.code == 0
    assert listed(out) == [
        "a_mask.png",
        "a_overlay.jpg",
        "b_mask.png",
        "b_overlay.jpg",
    ]
    assert f"2 of 2 images: mask and overlay in {out}" in result.out
    assert "left out: " in result.err
    assert "notes.txt" in result.err
    for name in "ab":
        image = np.asarray(Image.open(image_folder / f"{name}.png"))
        mask = read_mask(out / f"{name}_mask.png")
        np.testing.assert_array_equal(mask, image.argmax(-1))


def test_images_far_larger_than_those_of_the_training_get_one_note(
    run, channels_entry, image_folder, monkeypatch, tmp_path
):
    find = predict_verb.find_entry
    monkeypatch.setattr(
        predict_verb,
        "find_entry",
        lambda name: replace(find(name), image_shape=(11, 14, 3)),
    )
    # 33x47 is 3 times as high and wide, 64x40 is less than 3 times as wide.
    result = run("predict", channels_entry, image_folder, "--out", tmp_path)
    assert result.code == 0
    assert result.err.count("trained at") == 1
    assert "1 of the images, such as" in result.err
    assert "a.png of 33x47 pixels, is far larger than the 11x14" in result.err


def test_the_mask_shows_the_colors_of_the_classes(
    run, channels_entry, image_folder, tmp_path
):
    image = image_folder / "a.png"
    result = run(
        "predict", channels_entry, image, "--mask", "--out", tmp_path / "out"
    )
    assert result.code == 0
    assert listed(tmp_path / "out") == ["a_mask.png"]
    colors = Image.open(tmp_path / "out/a_mask.png").convert("RGB")
    expected = 255 * np.eye(3)[np.asarray(Image.open(image)).argmax(-1)]
    np.testing.assert_array_equal(np.asarray(colors), expected)


def test_images_that_cannot_be_read_are_reported_at_the_end(
    run, channels_entry, image_folder, tmp_path
):
    whole = (image_folder / "a.png").read_bytes()
    (image_folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (image_folder / "text.jpg").write_text("no image")
    Image.new("RGB", (31, 40)).save(image_folder / "tiny.png")
    out = tmp_path / "out"
    result = run(
        "predict", channels_entry, image_folder, "--overlay", "--out", out
    )
    assert result.code == 1
    assert listed(out) == ["a_overlay.jpg", "b_overlay.jpg"]
    assert "2 of 5 images" in result.out
    told = [
        line for line in result.err.splitlines() if "not segmented: " in line
    ]
    assert len(told) == 3
    for name, line in zip(("cut", "text", "tiny"), told, strict=True):
        assert f"{name}." in line
    assert "at least 32 pixels" in told[2]


def test_several_scales(run, channels_entry, image_folder, tmp_path):
    out = tmp_path / "out"
    result = run(
        "predict",
        channels_entry,
        image_folder / "a.png",
        "--multi-scale",
        "--out",
        out,
    )
    assert result.code == 0
    assert read_mask(out / "a_mask.png").shape == (33, 47)


def test_ids_of_files_are_written_for_servers(
    run, channels_entry, image_folder, tmp_path
):
    from kerasseg import zoo
    from kerasseg.data import Labels

    entry = tmp_path / "entry"
    names = zoo.info(channels_entry).labels.class_names
    labels = Labels(names, id_map={7: 0, 8: 1, 11: 2, 0: 255})
    zoo.save(zoo.load(channels_entry), entry, labels=labels)
    predict = ("predict", image_folder / "a.png", "--mask")
    found = []
    for options in ((), ("--file-ids",)):
        out = tmp_path / f"out{len(options)}"
        result = run(*predict[:1], entry, *predict[1:], *options, "--out", out)
        assert result.code == 0
        found.append(Image.open(out / "a_mask.png"))
    assert [image.mode for image in found] == ["P", "L"]
    ids, written = (np.asarray(image) for image in found)
    np.testing.assert_array_equal(np.array([7, 8, 11])[ids], written)


def test_a_dense_crf_smooths_masks(run, channels_entry, rng, tmp_path):
    # Almost gray: of any two pixels the colors are alike.
    image = tmp_path / "a.png"
    noise = rng.integers(99, 102, (40, 57, 3), dtype="uint8")
    Image.fromarray(noise).save(image)
    found = []
    for name, options in (("plain", ()), ("crf", ("--crf",))):
        out = tmp_path / name
        result = run("predict", channels_entry, image, *options, "--out", out)
        assert result.code == 0
        found.append(read_mask(out / "a_mask.png"))
    changes = [(np.diff(mask.astype(int), axis=0) != 0).sum() for mask in found]
    assert changes[1] < changes[0]


def test_an_image_is_never_overwritten(run, channels_entry, image_folder):
    (image_folder / "a.png").rename(image_folder / "b_mask.png")
    result = run("predict", channels_entry, image_folder, "--out", image_folder)
    assert result.code == 2
    assert "b_mask.png is one of the images" in result.err


@pytest.mark.parametrize(
    ("entry", "image", "message"),
    [
        ("lrr_5x", "a.png", "Did you mean"),
        (None, "none.png", "no such file or folder"),
        (None, "*.tif", "no images in the pattern"),
        ("", "a.png", "argument ENTRY: must be a path"),
        ("~nobody-of-that-name/a", "a.png", "the home folder is not known"),
        (256 * "a", "a.png", "too long"),
    ],
)
def test_usage_errors_are_one_line(
    run, channels_entry, image_folder, entry, image, message
):
    entry = channels_entry if entry is None else entry
    result = run("predict", entry, image_folder / image)
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_a_usage_error(
    run, channels_entry, image_folder
):
    out = image_folder / "a.png" / "out"
    result = run("predict", channels_entry, image_folder, "--out", out)
    assert result.code == 2
    assert "a.png/out: Not a directory" in result.err


def test_one_image_never_ends_the_batch(
    run, channels_entry, image_folder, tmp_path, monkeypatch
):
    from kerasseg import inference

    exact = inference.predict_mask

    class ResourceExhaustedError(Exception):
        """As TensorFlow's; the names of the others are tested elsewhere."""

    def predict(model, image):
        if image.shape[0] == 50:
            raise ResourceExhaustedError("failed to allocate memory")
        return exact(model, image)

    monkeypatch.setattr(inference, "predict_mask", predict)
    noise = np.random.default_rng(2).integers(0, 256, (50, 40, 3), "uint8")
    Image.fromarray(noise).save(image_folder / "aa_memory.png")
    Image.fromarray(noise[:40]).save(image_folder / f"{'b' * 243}.png")
    Image.fromarray(noise[:40]).save(image_folder / f"{'c' * 244}.png")
    (tmp_path / "out" / "a_mask.png").mkdir(parents=True)
    out = tmp_path / "out"
    result = run("predict", channels_entry, image_folder, "--out", out)
    assert result.code == 1
    assert "2 of 5 images: mask and overlay" in result.out
    lines = [x for x in result.err.splitlines() if "not segmented: " in x]
    causes = ("it is a folder", "out of memory: failed", "File name too long")
    assert len(lines) == 3
    for line, cause in zip(lines, causes, strict=True):
        assert cause in line
    assert len(listed(out)) == 5


def test_a_fault_at_one_image_is_reported_after_the_batch(
    run, channels_entry, image_folder, tmp_path, monkeypatch
):
    from kerasseg import inference

    exact = inference.predict_mask

    def predict(model, image):
        return exact(model, image) if len(image) == 64 else int("fault")

    monkeypatch.setattr(inference, "predict_mask", predict)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    out = tmp_path / "out"
    result = run("predict", channels_entry, image_folder, "--out", out)
    assert result.code == 3
    assert "1 of 2 images" in result.out
    assert f"not segmented: {image_folder / 'a.png'}: invalid" in result.err
    assert "this is a fault of kerasseg" in result.err
    assert listed(out) == ["b_mask.png", "b_overlay.jpg"]


def test_a_full_disk_ends_the_batch(
    run, channels_entry, image_folder, tmp_path, monkeypatch
):
    def fail(path, *args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(predict_verb, "write_mask", fail)
    out = tmp_path / "out"
    result = run("predict", channels_entry, image_folder, "--out", out)
    assert result.code == 2
    path = out / "a_mask.png"
    assert result.err == f"kerasseg: {path}: No space left on device\n"


def test_more_classes_than_a_palette_has(run, image_folder, tmp_path):
    import keras

    from kerasseg import zoo

    pixels = keras.Input((None, None, 3))
    logits = keras.layers.Conv2D(300, 1, use_bias=False)(pixels)
    model = keras.Model(pixels, logits)
    kernel = np.zeros((1, 1, 3, 300), "float32")
    kernel[0, 0, 0, 299] = 1
    model.set_weights([kernel])
    zoo.save(model, tmp_path / "many")
    out = tmp_path / "out"
    result = run(
        "predict", tmp_path / "many", image_folder / "a.png", "--out", out
    )
    assert result.code == 0, result.err
    red = np.asarray(Image.open(image_folder / "a.png"))[..., 0]
    mask = read_mask(out / "a_mask.png")
    np.testing.assert_array_equal(mask, np.where(red > 0, 299, 0))


def test_escape_codes_in_names_are_not_printed(
    run, channels_entry, image_folder, tmp_path
):
    (image_folder / "\x1b[2Jnotes.txt").touch()
    (image_folder / "\x1b[31m.png").touch()
    result = run(
        "predict", channels_entry, image_folder, "--out", tmp_path / "\x1b[2J"
    )
    assert result.code == 1
    assert "\x1b" not in result.out + result.err
    assert "\\x1b[31m.png" in result.err
