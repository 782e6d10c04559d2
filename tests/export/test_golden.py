"""Files that earlier releases exported run, and are verified again."""

import numpy as np
import pytest
from source import ROOT

from kerasseg import export
from kerasseg import zoo
from kerasseg.data.image import read_image

pytestmark = pytest.mark.export

GOLDEN = sorted(p.parent for p in ROOT.glob("tests/golden/*/model"))
RUNTIMES = {
    "saved_model": export.run_saved_model,
    "float32.tflite": export.run_litert,
    "int8.tflite": export.run_litert,
    "float32.onnx": export.run_onnx,
    "mask.onnx": export.run_onnx,
    "float32.xml": export.run_openvino,
}
FILES = [
    pytest.param(folder / sidecar.stem, id=f"{folder.name}/{sidecar.stem}")
    for folder in GOLDEN
    for sidecar in sorted(folder.glob("*.json"))
]


@pytest.fixture(scope="module", params=FILES)
def path(request):
    """Each artifact of each release in turn."""
    if request.param.suffix == ".xml":
        pytest.importorskip("openvino")
    return request.param


@pytest.fixture(scope="module")
def pixels(path):
    """The image of the release, as a batch."""
    return read_image(path.parent / "image.png")[None].astype("float32")


def test_every_format_is_there():
    found = [file.values[0] for file in FILES]
    assert {path.name for path in found} == set(RUNTIMES)


def test_the_file_computes_what_it_did(path, pixels):
    with np.load(path.parent / "expected.npz") as expected:
        logits = expected["logits"]
    found = RUNTIMES[path.name](path, pixels)[0]
    if found.ndim == logits.ndim and not path.name.startswith("int8"):
        np.testing.assert_allclose(found, logits, atol=1e-4 * np.ptp(logits))
    mask = found if path.name.startswith("mask") else found.argmax(-1)
    share = 0.9 if path.name.startswith("int8") else 0.999
    assert np.mean(mask == logits.argmax(-1)) > share


def test_the_sidecar_can_be_read(path):
    content = export.read_sidecar(path)
    assert content["schema"] == 1
    assert content["file"] == path.name
    assert content["class_names"] == ["ground", "water", "sky"]


@pytest.mark.by_day(2)
def test_the_file_is_verified_again(path, pixels):
    model = zoo.load(path.parent / "model")
    gate = export.Gate(mask_agreement=0.9) if "int8" in path.name else None
    report = export.verify_file(path, model, data=list(pixels), gate=gate)
    assert report.mask_agreement > 0.9
