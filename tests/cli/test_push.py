import json

import hub_server
import pytest

from kerasseg import zoo

pytestmark = [
    pytest.mark.one_backend,
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with hub_server.stand_in(monkeypatch, tmp_path / "cache") as hub:
        yield hub


@pytest.fixture
def metrics(tmp_path, channels_entry):
    path = tmp_path / "metrics.json"
    content = {
        "data": "camvid",
        "split": "test",
        "images": 3,
        "mean_iou": 0.75,
        "per_class_iou": {"red": 0.5},
        "boundary_f1": None,
        "weights_sha256": zoo.info(channels_entry).sha256,
    }
    path.write_text(json.dumps(content))
    return path


def test_push_info_and_predict(
    run, hub, channels_entry, metrics, image_folder, tmp_path
):
    result = run(
        *("push", channels_entry, "hf://me/channels", "--license", "mit"),
        *("--metrics", metrics, "--title", "Channels", "--private"),
    )
    assert result.code == 0, result.err
    _, commit = hub.files("me/channels")
    assert f"hf://me/channels@{commit}" in result.out
    shown = run("info", "hf://me/channels").out
    assert "mean IoU: 75.00 %" in " ".join(shown.split())
    assert f"hf://me/channels@{commit}" in shown
    out = tmp_path / "masks"
    result = run(
        "predict", "hf://me/channels", image_folder, "--mask", "--out", out
    )
    assert result.code == 0, result.err
    assert sorted(p.name for p in out.iterdir()) == [
        "a_mask.png",
        "b_mask.png",
    ]


def test_usage_errors(run, hub, channels_entry, metrics, tmp_path):
    target = (channels_entry, "hf://me/channels")
    result = run("push", channels_entry, "me", "--license", "mit")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "must be USER/NAME, " in result.err
    assert result.err.endswith("repository='me'\n")
    metrics.write_text("[]")
    result = run("push", *target, "--metrics", metrics)
    assert "a file of `kerasseg evaluate --out`" in result.err
    metrics.write_text('{"mean_iou": 0.5, "weights_sha256": "0"}')
    result = run("push", *target, "--metrics", metrics)
    assert (result.code, hub.commits) == (2, {})
    assert "scores of other weights" in result.err
    for option in ("--license", "--title", "--message"):
        result = run("push", *target, option, "")
        assert f"{option}: must be a text, not ''" in result.err
    result = run("push", *target, "--branch", "a..b")
    assert "`branch` must be the name of a branch" in result.err
    assert (result.code, result.err.count("\n"), hub.asked) == (2, 1, [])
    result = run("predict", "hf://me/none", tmp_path / "a.png")
    assert result.code == 2
