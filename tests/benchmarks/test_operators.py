"""The sweep over Keras' layers: it is complete, and its page is made of it."""

import pytest

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
    stamp = {"keras": "3.15.1", "torch": None}
    return {
        target: {
            "stamp": stamp,
            "status": status,
            "reason": None if status == page.VERIFIED else f"no {target}",
        }
        for target, status in statuses.items()
    }


def test_the_page_numbers_the_reasons(page, nets):
    content = {
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
