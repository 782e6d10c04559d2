"""The packaged numbers are those that were trained, bit for bit."""

import hashlib
import json

import pytest
from safetensors.numpy import load_file
from source import ROOT

from kerasseg import zoo
from kerasseg.zoo.fetch import weights_path

BACKBONE = ROOT / "zoo" / "camvid_backbone" / "camvid_backbone.safetensors"
NUMBERS = json.loads(
    ROOT.joinpath("tests", "zoo", "numbers.json").read_text(encoding="utf-8")
)


def file_of(name):
    if name == BACKBONE.stem:
        return BACKBONE
    return weights_path(zoo.info(name))


def digest(arrays):
    """The hash over sorted names, types, shapes and bytes."""
    result = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        line = f"{name} {array.dtype.str} {list(array.shape)}\n"
        result.update(line.encode())
        result.update(array.tobytes())
    return result.hexdigest()


def test_every_trained_entry_has_its_hash():
    trained = {name for name in zoo.names() if zoo.info(name).is_trained}
    assert trained <= set(NUMBERS)


@pytest.mark.parametrize("name", NUMBERS)
def test_packaged_numbers(name):
    assert digest(load_file(file_of(name))) == NUMBERS[name]
