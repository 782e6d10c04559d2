"""The sweep over Keras' layers: it is complete, and its page is made of it."""

import json
import subprocess
import sys

import pytest
from source import ROOT

FAMILIES = (
    *("activations", "attention", "convolutional", "core", "functions"),
    *("merging", "normalization", "pooling", "preprocessing"),
    *("regularization", "reshaping", "rnn", "ConvNeXt", "DenseNet"),
    *("EfficientNet", "EfficientNetV2", "InceptionResNetV2", "InceptionV3"),
    *("MobileNet", "MobileNetV2", "MobileNetV3", "NASNet", "ResNet"),
    *("ResNetV2", "VGG", "Xception"),
)
pytestmark = pytest.mark.one_backend


@pytest.fixture
def nets(script):
    return script("nets")


@pytest.fixture
def page(script):
    return script("operators_page")


def test_every_layer_is_in_a_net_or_left_out_with_a_reason(nets):
    in_nets = {title.partition("(")[0] for title in nets.LAYERS}
    assert not in_nets & set(nets.LEFT_OUT)
    assert in_nets | set(nets.LEFT_OUT) == set(nets.layer_names())
    assert all(nets.LEFT_OUT.values())


def test_every_activation_and_family_of_backbones_is_in_a_net(nets):
    families = nets.families()
    assert set(families) == set(FAMILIES)
    assert families["functions"] == nets.activation_names()
    assert {"gelu", "celu", "sparsemax"} <= set(families["functions"])
    for builder in nets.backbone_names():
        assert any(builder.startswith(name) for name in nets.BACKBONES)


def test_titles_are_unique(nets):
    titles = [t for found in nets.families().values() for t in found]
    assert len(titles) == len(set(titles)) > 150


@pytest.mark.parametrize("title", ["PReLU", "Conv3D", "Embedding", "threshold"])
def test_a_net_is_the_same_every_time_and_returns_logits(nets, title):
    first, second = nets.build(title), nets.build(title)
    assert first.output_shape == (1, 36, 52, 5)
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        assert (a == b).all()
        # Zeros or ones would hide what a layer does.
        assert a.size == 1 or a.std() > 0


def cells(page, **statuses):
    return {
        target: {
            "stamp": 0,
            "status": status,
            "reason": None if status == page.VERIFIED else f"no {target}",
        }
        for target, status in statuses.items()
    }


def test_the_page_numbers_the_reasons(page, nets):
    content = {
        "versions": [{"keras": "3.15.1", "torch": None}],
        "cells": {
            "ReLU": cells(page, zoo="verified", onnx="refused"),
            "ELU": cells(page, litert="failed", onnx="refused"),
        }
    }
    text = page.render(content)
    assert "Verified: 1 of 4 cells, 25.0 %." in text
    assert "Versions: keras 3.15.1." in text
    assert "| `ReLU` | yes | - | - | 2 | - | - | - |" in text
    assert "| `ELU` | - | - | failed 1 | 2 | - | - | - |" in text
    assert "1. no litert\n2. no onnx\n" in text
    assert all(f"`{name}`" in text for name in nets.LEFT_OUT)


STORED = json.loads((ROOT / "docs" / "operators.json").read_text())
# A cell of each column, which has failed once.
FEW = (
    ("RNN", "zoo"),
    ("Conv2D(groups=2)", "saved_model"),
    ("RandomHue", "litert"),
    ("Resizing(interpolation='bicubic')", "litert"),
    ("GlobalAveragePooling2D", "onnx"),
    ("GRU(return_sequences=False)", "openvino"),
    ("Resizing(interpolation='nearest')", "tensorrt"),
    ("Lambda", "zoo"),
)


def test_the_page_is_made_of_what_is_stored(page):
    written = (ROOT / "docs" / "operators.md").read_text()
    assert written == page.render(STORED)


def test_every_layer_and_activation_is_on_the_page(nets, page):
    titles = [t for found in nets.families().values() for t in found]
    assert set(STORED["cells"]) <= set(titles)
    for title in set(titles) - set(nets.BACKBONES):
        assert set(STORED["cells"][title]) == set(page.TARGETS), title


def test_nearly_all_is_verified_and_the_rest_says_why(page):
    found = [c for row in STORED["cells"].values() for c in row.values()]
    verified = [cell for cell in found if cell["status"] == page.VERIFIED]
    assert len(verified) >= 0.95 * len(found)
    for cell in found:
        assert cell["status"] in (page.VERIFIED, page.REFUSED), cell
        assert (cell["status"] == page.VERIFIED) == (cell["reason"] is None)


@pytest.mark.by_day(4)
@pytest.mark.export
@pytest.mark.parametrize(("title", "target"), FEW)
def test_a_few_cells_are_as_stored(script, nets, tmp_path, title, target):
    cell = script("operators").export_net(nets.build(title), target, tmp_path)
    assert cell["status"] == STORED["cells"][title][target]["status"], cell


@pytest.mark.nightly
@pytest.mark.export
@pytest.mark.parametrize("family", FAMILIES)
def test_all_cells_are_as_stored(tmp_path, family):
    path = tmp_path / "operators.json"
    program = str(ROOT / "benchmarks" / "operators.py")
    command = [sys.executable, program, "--json", str(path)]
    subprocess.run([*command, "--families", family], check=True)
    found = json.loads(path.read_text())["cells"]
    assert found
    for title, cells in found.items():
        for target, cell in cells.items():
            stored = STORED["cells"].get(title, {}).get(target)
            # A backbone that was not swept yet must be verified, or refused.
            allowed = [stored["status"]] if stored else ["verified", "refused"]
            assert cell["status"] in allowed, (title, target, cell)
