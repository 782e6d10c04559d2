"""Files of models for gray and multi-band images."""

import json

import keras
import numpy as np
import pytest
from stand_ins import randomize

from kerasseg import export
from kerasseg.data import Labels
from kerasseg.export import read_sidecar
from kerasseg.export import verify_file
from kerasseg.export.tensorrt_rtx import library
from kerasseg.formats import FORMATS

pytestmark = [pytest.mark.slow, pytest.mark.export]

SIZE = (32, 48)
NAMES = {1: ["gray"], 5: [f"band {n}" for n in range(1, 6)]}
LABELS = Labels(("road", "sky", "tree", "car"))
GATE = export.Gate(mask_agreement=0.9)


@pytest.fixture(scope="module", params=[1, 5])
def channels(request):
    return request.param


@pytest.fixture(scope="module")
def model_of(build_once):
    """A tiny segmenter for images of so many channels."""

    def make(channels, size=(None, None)):
        return randomize(build_once((*size, channels)))

    return make


@pytest.fixture
def images(rng, channels):
    return [
        rng.integers(0, 256, (*SIZE, channels), dtype="uint8") for _ in range(4)
    ]


def exported(form, model, folder, **arguments):
    path = folder / f"net{FORMATS[form].suffix}"
    report = getattr(export, f"to_{form}")(
        model, path, image_shape=SIZE, labels=LABELS, **arguments
    )
    return path, report


@pytest.mark.parametrize("form", ["litert", "onnx"])
def test_a_file_and_its_sidecar(model_of, tmp_path, channels, images, form):
    model = model_of(channels)
    path, report = exported(form, model, tmp_path, verify_on=images)
    assert report.input_shape == (1, *SIZE, channels)
    assert report.relative_error <= 1e-4
    content = read_sidecar(path)
    assert content["input"]["channels"] == NAMES[channels]
    assert content["input"]["range"] == [0, 255]
    np.testing.assert_allclose(
        getattr(export, f"run_{form}")(path, np.stack(images)),
        model(np.stack(images).astype("float32"), training=False),
        atol=1e-4,
    )
    again = verify_file(path, model, data=images, labels=LABELS)
    assert again.proof.mask_agreement > 0.999


NIGHTLY = [
    ("saved_model", {}),
    ("litert", {"precision": "int8"}),
    ("litert", {"precision": "float16", "output": "mask"}),
    ("onnx", {"precision": "int8"}),
    ("onnx", {"precision": "float16"}),
    ("onnx", {"layout": "NCHW", "output": "mask"}),
    ("openvino", {}),
    ("openvino", {"precision": "int8", "layout": "NCHW"}),
    ("tensorrt", {}),
    ("tensorrt", {"precision": "int8"}),
    ("tensorrt_rtx", {}),
    ("tensorrt_rtx", {"precision": "int8"}),
]


@pytest.mark.nightly
@pytest.mark.parametrize(("form", "arguments"), NIGHTLY)
def test_every_format(model_of, tmp_path, channels, images, form, arguments):
    if form == "openvino":
        pytest.importorskip("openvino")
    if form == "tensorrt_rtx" and library.find().reason:
        pytest.skip(library.find().reason)
    arguments = dict(arguments)
    if arguments.get("precision") == "int8":
        arguments["calibration"] = images
    if "precision" in arguments:
        arguments["gate"] = GATE
    path, report = exported(form, model_of(channels), tmp_path, **arguments)
    if form == "tensorrt":
        path = path.with_suffix(".onnx")
    content = read_sidecar(path)
    assert content["input"]["channels"] == NAMES[channels]
    shape = report.input_shape
    assert shape[1 if arguments.get("layout") == "NCHW" else 3] == channels


def test_images_from_files(model_of, tmp_path, channels, images):
    paths = []
    for index, image in enumerate(images):
        np.save(tmp_path / f"{index}.npy", image)
        paths.append(tmp_path / f"{index}.npy")
    _, report = exported("onnx", model_of(channels), tmp_path, verify_on=paths)
    assert report.proof.images == 4


@pytest.mark.parametrize("argument", ["verify_on", "calibration"])
def test_images_of_other_channels(model_of, tmp_path, argument, rng, channels):
    wrong = rng.integers(0, 256, (4, *SIZE, 3), dtype="uint8")
    precision = "int8" if argument == "calibration" else "float32"
    match = rf"`{argument}` must hold images .* {channels}\). .*\(32, 48, 3\)"
    with pytest.raises(ValueError, match=match):
        exported(
            "onnx",
            model_of(channels),
            tmp_path,
            precision=precision,
            **{argument: list(wrong)},
        )
    assert list(tmp_path.iterdir()) == []


def test_names_of_channels(model_of, tmp_path):
    names = ("red", "green", "blue", "near infrared", "height")
    path, _ = exported("onnx", model_of(5), tmp_path, channels=names)
    assert read_sidecar(path)["input"]["channels"] == list(names)
    path, _ = exported("onnx", model_of(3), tmp_path, channels=names[:3])
    assert read_sidecar(path)["input"]["channels"] == list(names[:3])
    path, _ = exported("onnx", model_of(3), tmp_path)
    assert read_sidecar(path)["input"]["channels"] == "RGB"


@pytest.mark.parametrize(
    "names", [("a", "b"), "abcde", ("a", "b", "c", "d", ""), (1, 2, 3, 4, 5)]
)
def test_other_names_than_channels(model_of, tmp_path, names):
    with pytest.raises(ValueError, match="list of 5 printable names.*Received"):
        exported("onnx", model_of(5), tmp_path, channels=names)


def test_more_channels_than_a_sidecar_can_name(tmp_path):
    images = keras.Input((*SIZE, 17))
    model = keras.Model(images, keras.layers.Conv2D(4, 1)(images))
    with pytest.raises(ValueError, match="from 1 to 16. Received: .*=17"):
        exported("onnx", model, tmp_path)


def test_a_file_of_other_channels_than_the_model(model_of, tmp_path):
    path, _ = exported("onnx", model_of(5), tmp_path)
    with pytest.raises(export.ExportError, match="not the one that the file"):
        verify_file(path, model_of(3))


def test_the_command_line(tmp_path, capsys):
    from kerasseg import zoo
    from kerasseg.cli.main import main

    images = keras.Input((None, None, 5))
    model = keras.Model(images, keras.layers.Conv2D(4, 3, 1, "same")(images))
    zoo.save(model, tmp_path / "five", labels=LABELS)
    argv = ["export", str(tmp_path / "five"), "--to", "onnx"]
    argv += ["--image-shape", "32x48", "--out", str(tmp_path / "five.onnx")]
    assert main([*argv, "--channels", "b, g,r,nir,swir"]) == 0
    content = json.loads((tmp_path / "five.onnx.json").read_text())
    assert content["input"]["channels"] == ["b", "g", "r", "nir", "swir"]
    assert main([*argv, "--channels", "b,g"]) == 2
    assert "a list of 5 printable names" in capsys.readouterr().err
