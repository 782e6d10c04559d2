import json

import pytest


def test_scores_are_printed_and_written(
    run, channels_entry, brightest_data, tmp_path
):
    out = tmp_path / "new" / "metrics.json"
    result = run(
        "evaluate", channels_entry, "--data", brightest_data, "--out", out
    )
    assert result.code == 0
    assert "channels on" in result.out
    for name in ("red", "green", "blue", "mean iou", "pixel accuracy"):
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
    for name in ("boundary iou", "boundary f1", "40"):
        lines = [x.strip() for x in result.out.splitlines()]
        line = next(x for x in lines if x.startswith(name))
        assert line.split()[-1] == "100.00"
    assert "pixels to boundary  mean IoU %" in result.out
    record = json.loads(out.read_text())
    assert record["boundary_iou"] == record["boundary_f1"] == 1.0
    widths = ("1", "2", "3", "5", "10", "20", "40")
    assert record["trimap_iou"] == dict.fromkeys(widths, 1.0)


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
        (("--data", "{data}", "--scales", "1", "0"), "--scales must be above"),
    ],
)
def test_mistakes_are_one_line(
    run, channels_entry, brightest_data, options, message
):
    options = [option.format(data=brightest_data) for option in options]
    result = run("evaluate", channels_entry, *options)
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1


def test_other_classes_are_a_mistake(run, channels_entry, brightest_data):
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
