import argparse
import json
import re

import numpy as np
import pytest
from PIL import Image

from kerasseg.cli import evaluate


def test_scores_are_printed_and_written(
    run, channels_entry, brightest_data, tmp_path
):
    out = tmp_path / "new" / "metrics.json"
    result = run(
        "evaluate", channels_entry, "--data", brightest_data, "--out", out
    )
    assert result.code == 0
    assert "channels on" in result.out
    for name in ("red", "green", "blue", "mean IoU", "pixel accuracy"):
        line = next(x for x in result.out.splitlines() if x.startswith(name))
        assert line.split()[-1] == "100.00"
    record = json.loads(out.read_text())
    assert record["images"] == 3
    assert record["split"] == "test"
    assert record["mean_iou"] == 1.0
    assert record["per_class_iou"] == {"red": 1.0, "green": 1.0, "blue": 1.0}
    assert record["command"].startswith("kerasseg evaluate ")
    assert set(record) >= {"commit", "date", "versions", "parameters"}
    assert "boundary" not in result.out
    assert "boundary_f1" not in record


def test_boundaries_are_scored_on_request(
    run, channels_entry, brightest_data, tmp_path
):
    out = tmp_path / "metrics.json"
    options = ("--data", brightest_data, "--boundaries", "--out", out)
    result = run("evaluate", channels_entry, *options)
    assert result.code == 0
    for name in ("boundary IoU", "boundary F1", "40"):
        lines = [x.strip() for x in result.out.splitlines()]
        line = next(x for x in lines if x.startswith(name))
        assert line.split()[-1] == "100.00"
    assert "pixels to boundary  mean IoU %" in result.out
    record = json.loads(out.read_text())
    assert record["boundary_iou"] == record["boundary_f1"] == 1.0
    widths = ("1", "2", "3", "5", "10", "20", "40")
    assert record["trimap_iou"] == dict.fromkeys(widths, 1.0)


def test_outlines_of_void_are_filled_and_recorded(
    run, channels_entry, brightest_data, tmp_path
):
    out = tmp_path / "metrics.json"
    options = ("--data", brightest_data, "--boundaries", "--out", out)
    assert run("evaluate", channels_entry, *options).code == 0
    assert "outlines" not in json.loads(out.read_text())["protocol"]
    result = run("evaluate", channels_entry, *options, "--void-outline", 5)
    assert result.code == 0, result.err
    record = json.loads(out.read_text())
    end = "; for boundaries, void outlines of 5 pixels filled"
    assert record["protocol"].endswith(end)
    assert record["boundary_f1"] == 1.0


def test_datasets_say_how_they_are_outlined():
    from kerasseg.data import SOURCES

    outlined = {n for n, s in SOURCES.items() if s.void_outline}
    assert outlined == {"voc", "animals"}
    args = argparse.Namespace(
        boundaries=True, void_outline=None, data="animals"
    )
    assert evaluate._void_outline(args) == 7


def test_scales_are_averaged_and_recorded(
    run, channels_entry, brightest_data, tmp_path, monkeypatch
):
    from kerasseg import inference

    seen = []
    exact = inference.predict_mask_multi_scale

    def spy(model, image, **arguments):
        seen.append(arguments)
        return exact(model, image, **arguments)

    monkeypatch.setattr(inference, "predict_mask_multi_scale", spy)
    out = tmp_path / "metrics.json"
    options = ("--data", brightest_data, "--scales", "0.75", "1", "--out", out)
    result = run("evaluate", channels_entry, *options)
    assert result.code == 0
    assert seen == 3 * [{"scales": [0.75, 1.0], "fuse": "mean"}]
    record = json.loads(out.read_text())
    assert "averaged over the scales 0.75, 1 with mirror" in record["protocol"]
    assert record["protocol"] in result.out
    assert record["mean_iou"] > 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--data", "camvdi"), "camvid"),
        (("--data", "{data}", "--split", "val"), "`split` must be one of"),
        (("--data", "{data}", "--scales", "1", "0"), "--scales: must be a fac"),
        (("--data", "{data}", "--scales", "inf"), "--scales: must be a factor"),
        (("--data", "{data}", "--scales", "nan"), "--scales: must be a factor"),
        (("--data", "{data}", "--scales", "0.75", "x"), "--scales: must be a"),
        (("--data", ""), "--data: must be a path"),
        (("--data", "{data}", "--split", ""), "--split: must be a text"),
        (("--data", "{data}", "--out", ""), "--out: must be a path"),
        (("--data", "{data}", "--out", "{data}"), "it is a folder"),
        (("--data", "{data}", "--out", "/proc/a.json"), "cannot write to the"),
        (("--data", "{data}", "--void-outline", "5"), "is for --boundaries"),
        (
            ("--data", "{data}", "--boundaries", "--void-outline", "-1"),
            "--void-outline: must be 0 or more pixels, not -1",
        ),
    ],
)
def test_usage_errors_are_one_line(
    run, channels_entry, brightest_data, monkeypatch, options, message
):
    monkeypatch.setattr(
        evaluate, "load_model", None
    )  # All of it is known before.
    options = [option.format(data=brightest_data) for option in options]
    result = run("evaluate", channels_entry, *options)
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1


def test_scores_that_are_no_numbers_are_null(
    run, channels_entry, brightest_data, tmp_path
):
    from PIL import Image

    for index in range(3):
        for kind, value in (("images", (255, 0, 0)), ("masks", 0)):
            path = brightest_data / kind / "test" / f"{index}.png"
            Image.new("RGB" if kind == "images" else "L", (47, 33), value).save(
                path
            )
    out = tmp_path / "metrics.json"
    options = ("--data", brightest_data, "--out", out)
    assert run("evaluate", channels_entry, *options).code == 0
    assert "NaN" not in out.read_text()
    assert json.loads(out.read_text())["per_class_iou"]["blue"] is None


def test_masks_of_0_and_255_are_reported(
    run, channels_entry, brightest_data, tmp_path, caplog
):
    for path in (brightest_data / "masks" / "test").iterdir():
        mask = np.asarray(Image.open(path))
        Image.fromarray(np.where(mask == 0, 0, 255).astype("uint8")).save(path)
    out = tmp_path / "metrics.json"
    options = ("--data", brightest_data, "--out", out)
    result = run("evaluate", channels_entry, *options)
    assert result.code == 0
    told = f"in the masks of {brightest_data / 'masks' / 'test'}, while 255"
    assert f"green, blue never occur {told}" in caplog.text
    assert re.search("mean IoU +100.00  1 of 3 classes\n", result.out)
    record = json.loads(out.read_text())
    assert record["mean_over"]["mean_iou"] == "1 of 3 classes"
    assert "green, blue never occur" in record["notes"][0]


def test_published_rows_stand_beside_the_scores(
    run, channels_entry, brightest_data, tmp_path
):
    out = tmp_path / "metrics.json"
    options = ("--protocol", "ade20k", "--split", "test", "--out", out)
    data = ("--data", brightest_data)
    result = run("evaluate", channels_entry, *data, *options)
    assert result.code == 0
    assert re.search("final score +100.00", result.out)
    row = "guided DUC \\+ DLC, ResNet-50 +43.82 +81.23 +62.53"
    assert re.search(row, result.out)
    assert "10.3390/s21062170" in result.out
    assert json.loads(out.read_text())["final_score"] == 1.0


def test_a_protocol_names_the_data(run, channels_entry, monkeypatch, tmp_path):
    monkeypatch.setenv("KERASSEG_DATA", str(tmp_path))
    result = run("evaluate", channels_entry, "--protocol", "camvid")
    assert result.code == 2
    assert f"The dataset 'camvid' is not in {tmp_path / 'camvid'}" in result.err
    result = run("evaluate", channels_entry)
    assert result.code == 2
    assert "give the data with --data, or a --protocol" in result.err


def test_two_parts_are_a_protocol(
    run, channels_entry, brightest_data, tmp_path
):
    for path in (brightest_data / "images" / "test").iterdir():
        mask = brightest_data / "masks" / "test" / path.name
        for each in (path, mask):
            image = Image.open(each)
            image.resize((94, 66), Image.Resampling.NEAREST).save(each)
    protocol = ("--protocol", "cityscapes_lrr", "--split", "test")
    evaluate = ("evaluate", channels_entry, "--data", brightest_data)
    result = run(*evaluate, *protocol)
    assert result.code == 0
    assert "left and right part apart" in result.out
    assert re.search("mean IoU +100.00", result.out)
    result = run(*evaluate, *protocol, "--scales", "1")
    assert result.code == 2
    told = "--scales and --protocol cityscapes_lrr cannot be combined"
    assert told in result.err


def test_scores_are_drawn(run, channels_entry, brightest_data, tmp_path):
    plot = tmp_path / "new" / "scores.png"
    evaluate = ("evaluate", channels_entry, "--data", brightest_data)
    sizes = []
    for options in ((), ("--boundaries",)):
        result = run(*evaluate, "--plot", plot, *options)
        assert result.code == 0
        pixels = np.asarray(Image.open(plot).convert("RGB"))
        # The diagonal of a perfect matrix is the end of the color map.
        assert (pixels == (253, 231, 36)).all(-1).sum() > 500
        sizes.append(pixels.shape[1])
    assert sizes[1] > sizes[0]
    result = run(*evaluate, "--plot", tmp_path / "scores.gif")
    assert result.code == 2
    assert "scores.gif: its name must end in .png" in result.err


def test_the_largest_of_scales(run, channels_entry, brightest_data):
    evaluate = ("evaluate", channels_entry, "--data", brightest_data)
    result = run(*evaluate, "--scales", "1", "--fuse", "max")
    assert result.code == 0
    assert "the largest softmax over the scales 1, no flip" in result.out
    assert re.search("mean IoU +100.00", result.out)
    result = run(*evaluate, "--fuse", "max")
    assert result.code == 2
    assert "--fuse needs --scales" in result.err


def test_a_dense_crf_has_parameters(
    run, channels_entry, brightest_data, tmp_path
):
    out = tmp_path / "metrics.json"
    evaluate = ("evaluate", channels_entry, "--data", brightest_data)
    options = ("--crf", "appearance=0", "smoothness=0", "steps=2")
    result = run(*evaluate, *options, "--out", out)
    assert result.code == 0
    assert re.search("mean IoU +100.00", result.out)
    protocol = json.loads(out.read_text())["protocol"]
    assert "DenseCRF(appearance=0.0, appearance_xy=49.0" in protocol
    assert "steps=2)" in protocol
    smoothed = run(*evaluate, "--crf")
    assert smoothed.code == 0
    assert not re.search("mean IoU +100.00", smoothed.out)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--crf", "apearance=3"), "NAME=VALUE with numbers for appearance,"),
        (("--crf", "steps"), "not 'steps'"),
        (("--crf", "steps=2.5"), "not 'steps=2.5'"),
        (("--crf", "steps=0"), "--crf: `steps` must be an integer of 1 or"),
        (("--crf", "steps=0"), "`steps` must be an integer"),
        (("--crf", "--scales", "1"), "--scales and --crf cannot be combined"),
    ],
)
def test_a_crf_that_is_none(
    run, channels_entry, brightest_data, options, message
):
    data = ("--data", brightest_data)
    result = run("evaluate", channels_entry, *data, *options)
    assert result.code == 2
    assert message in result.err


def test_which_way_up_is_said(
    run, channels_entry, brightest_data, tmp_path, caplog
):
    exif = Image.Exif()
    exif[0x0112] = 3
    for path in (brightest_data / "images" / "test").iterdir():
        Image.open(path).save(path, exif=exif)
    evaluate = ("evaluate", channels_entry, "--data", brightest_data)
    turned = run(*evaluate)
    assert "`kerasseg evaluate --orientation`" in caplog.text
    caplog.clear()
    stored = run(*evaluate, "--orientation", "stored")
    assert re.search("mean IoU +100.00", stored.out)
    assert not re.search("mean IoU +100.00", turned.out)
    assert "EXIF" not in caplog.text


def test_ids_that_the_saved_model_ignores_are_not_scored(
    run, channels_entry, brightest_data, tmp_path
):
    from kerasseg import zoo
    from kerasseg.data import Labels

    names = ("red", "green", "blue")
    labels = Labels(names, ignore_classes=(1, 255))
    entry, out = tmp_path / "entry", tmp_path / "metrics.json"
    zoo.save(zoo.load(channels_entry), entry, labels=labels)
    for own in (None, {"class_names": names, "ignore_classes": [255]}):
        if own:
            (brightest_data / "labels.json").write_text(json.dumps(own))
        result = run("evaluate", entry, "--data", brightest_data, "--out", out)
        assert result.code == 0, result.err
        record = json.loads(out.read_text())
        assert record["per_class_iou"]["green"] is None
        assert not any(record["confusion_matrix"][1])


def test_other_classes_are_a_usage_error(run, channels_entry, brightest_data):
    labels = {"class_names": ["sky", "road"]}
    (brightest_data / "labels.json").write_text(json.dumps(labels))
    result = run("evaluate", channels_entry, "--data", brightest_data)
    assert result.code == 2
    assert "differ in their classes" in result.err


def test_a_mask_with_unknown_ids_is_named(run, channels_entry, brightest_data):
    from PIL import Image

    mask = brightest_data / "masks" / "test" / "1.png"
    Image.new("L", (47, 33), 7).save(mask)
    result = run("evaluate", channels_entry, "--data", brightest_data)
    assert result.code == 2
    assert "1.png" in result.err
    assert "7" in result.err


@pytest.mark.needs_data("camvid")
def test_the_splits_of_camvid_are_known(run, channels_entry):
    result = run("evaluate", channels_entry, "--data", "camvid")
    assert result.code == 2
    assert "red, green, blue and Sky, Building" in result.err


def test_ids_that_the_data_ignores_are_not_scored(
    run, channels_entry, brightest_data, tmp_path
):
    """The labels of the data ignore id 7, those of the model do not."""
    labels = {"class_names": ["red", "green", "blue"], "ignore_classes": [7]}
    (brightest_data / "labels.json").write_text(json.dumps(labels))
    for path in (brightest_data / "masks" / "test").iterdir():
        mask = np.asarray(Image.open(path)).copy()
        mask[mask == 255] = 7
        Image.fromarray(mask).save(path)
    out = tmp_path / "metrics.json"
    result = run(
        "evaluate", channels_entry, "--data", brightest_data, "--out", out
    )
    assert result.code == 0, result.err
    record = json.loads(out.read_text())
    assert record["mean_iou"] == 1.0
    assert sum(map(sum, record["confusion_matrix"])) == 3 * 29 * 47


def test_the_evaluated_data_has_a_hash(
    run, channels_entry, brightest_data, tmp_path
):
    out = tmp_path / "metrics.json"
    hashes = []
    for changed in (False, False, True):
        if changed:
            path = brightest_data / "masks" / "test" / "1.png"
            mask = np.asarray(Image.open(path)).copy()
            mask[20, 30] = (mask[20, 30] + 1) % 3
            Image.fromarray(mask).save(path)
        run("evaluate", channels_entry, "--data", brightest_data, "--out", out)
        hashes.append(json.loads(out.read_text())["data_sha256"])
    assert re.fullmatch("[0-9a-f]{64}", hashes[0])
    assert hashes[0] == hashes[1] != hashes[2]
