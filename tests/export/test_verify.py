"""A file that exists is verified again, and a wrong one is always caught."""

import json
import shutil

import keras
import numpy as np
import pytest
from sidecars import edit

from kerasseg.data import Labels
from kerasseg.export import ExportError
from kerasseg.export import Gate
from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.export import to_openvino
from kerasseg.export import to_saved_model
from kerasseg.export import verify_file
from kerasseg.export.files import sha256
from kerasseg.export.verify import find_format

SHAPE = (32, 48)
LABELS = Labels(("sky", "road", "car", "tree"))
FLOAT_FILES = ("tiny", "tiny.tflite", "tiny.onnx", "tiny.xml")


def _images(count=3):
    rng = np.random.default_rng(5)
    return [
        rng.integers(0, 256, (*SHAPE, 3)).astype("float32")
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def exported(build, tmp_path_factory):
    """The model, and the folder with its files."""
    folder = tmp_path_factory.mktemp("exported")
    keras.utils.set_random_seed(11)
    model = build()
    given = {"image_shape": SHAPE, "labels": LABELS}
    to_saved_model(model, folder / "tiny", **given)
    to_litert(model, folder / "tiny.tflite", **given)
    to_onnx(model, folder / "tiny.onnx", **given)
    to_openvino(model, folder / "tiny.xml", **given)
    to_litert(
        model,
        folder / "int8.tflite",
        precision="int8",
        calibration=_images(),
        gate=Gate(mask_agreement=0.9),
        **given,
    )
    return model, folder


@pytest.fixture
def files(exported, tmp_path):
    """A copy of the files that a test may spoil."""
    shutil.copytree(exported[1], tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def trained(exported):
    """The model that the files were exported from."""
    return exported[0]


def _weights_file(path):
    """The file of an artifact that holds its weights."""
    if path.is_dir():
        return max(path.rglob("variables/*"), key=lambda p: p.stat().st_size)
    return path.with_suffix(".bin") if path.suffix == ".xml" else path


@pytest.mark.by_day(2)
@pytest.mark.parametrize("name", FLOAT_FILES)
def test_a_right_file_is_verified(files, trained, name):
    report = verify_file(files / name, trained, labels=LABELS)
    assert report.max_error <= 1e-4 * report.logit_range
    assert report.images == 4
    assert report.verified_on == "seeded random images"
    assert "4 classes in file and model, with the same names" in str(report)
    report.save(files / "report.json")
    saved = json.loads((files / "report.json").read_text())
    assert saved["mask_agreement"] == report.mask_agreement
    assert saved["against"] == "tiny"


def test_an_int8_file_is_verified_on_data_within_the_gate(files, trained):
    path = files / "int8.tflite"
    images = [(image, np.zeros(SHAPE, "uint8")) for image in _images()]
    gate = Gate(miou_loss=0.5)
    report = verify_file(path, trained, data=images, images=2, gate=gate)
    assert report.images == 2
    assert report.miou_before is not None
    assert "a loss of at most 50.00 points" in report.gate
    with pytest.raises(ValueError, match="`data` must be images like.*=None"):
        verify_file(path, trained)
    with pytest.raises(ExportError, match="loses too much.*Export the model"):
        verify_file(
            path, trained, data=_images(), gate=Gate(mask_agreement=1.0)
        )


@pytest.mark.parametrize("name", FLOAT_FILES)
def test_a_flipped_bit(files, trained, name):
    spoiled = _weights_file(files / name)
    content = bytearray(spoiled.read_bytes())
    content[len(content) // 2] ^= 1
    spoiled.write_bytes(content)
    with pytest.raises(ExportError, match="bytes of it were.*Export it again"):
        verify_file(files / name, trained)


@pytest.mark.parametrize("name", FLOAT_FILES)
def test_a_truncated_file(files, trained, name):
    spoiled = _weights_file(files / name)
    spoiled.write_bytes(spoiled.read_bytes()[:-100])
    with pytest.raises(ExportError, match="it was cut off, or.*copy the file"):
        verify_file(files / name, trained)


def test_another_files_sidecar(files, trained):
    shutil.copy(files / "tiny.tflite.json", files / "tiny.onnx.json")
    with pytest.raises(ExportError, match="another file's or was left from"):
        verify_file(files / "tiny.onnx", trained)


def test_an_old_file_beside_a_new_sidecar(files, trained):
    edit(files / "tiny.onnx", "sha256", to=lambda old: old[::-1])
    with pytest.raises(ExportError, match="SHA-256 .* was left from before"):
        verify_file(files / "tiny.onnx", trained)


@pytest.mark.parametrize("name", FLOAT_FILES)
def test_an_old_file_beside_its_own_sidecar(files, build, name):
    trained_since = build()
    pattern = "differs from the Keras model.*that may be an older one"
    with pytest.raises(ExportError, match=pattern):
        verify_file(files / name, trained_since)


def test_swapped_channels(files, trained):
    import onnx

    path = files / "tiny.onnx"
    proto = onnx.load(str(path))
    (stem,) = (
        tensor
        for tensor in proto.graph.initializer
        if list(tensor.dims) == [8, 3, 3, 3]
    )
    weights = onnx.numpy_helper.to_array(stem)[:, ::-1]
    swapped = np.ascontiguousarray(weights)
    stem.CopyFrom(onnx.numpy_helper.from_array(swapped, stem.name))
    onnx.save_model(proto, str(path))
    edit(path, "sha256", to=lambda _: sha256(path), seal=True)
    edit(path, "bytes", to=lambda _: path.stat().st_size, seal=True)
    with pytest.raises(ExportError, match="given pixels blue, green, red"):
        verify_file(path, trained)


@pytest.mark.parametrize(
    ("name", "keys", "new", "message"),
    [
        ("tiny", "input.shape", [1, 64, 48, 3], "height and width of input"),
        ("tiny", "output.shape", [1, 16, 24, 4], "height and width of input"),
        ("tiny", "num_classes", 1, "a number of classes, two or more, and"),
        ("tiny.tflite", "input.shape", [1, 32, 48], "input.shape must be four"),
        ("tiny.onnx", "input.shape", None, "shape must be four sizes, and"),
        ("tiny.onnx", "input.layout", "NCHW", "name the 32 channels of"),
        ("tiny.onnx", "input.dtype", "uint8", "input.dtype is 'uint8'"),
        ("tiny.onnx", "input.channels", "BGR", "'RGB' or a list of 1 to 16"),
        ("tiny", "input.channels", ["a", "b"], "name the 3 channels of"),
        ("tiny", "input.channels", ["a", "b", ""], "list of 1 to 16 printable"),
        ("tiny.onnx", "input.range", [0, 1], r"must be \[0, 255\], and is"),
        ("int8.tflite", "input.quantization", None, "quantization is None"),
        ("tiny", "output.name", "mask", "'mask', in the file 'logits'"),
        ("tiny.onnx", "output.name", "scores", "output.name must be one of"),
        ("tiny.onnx", "num_classes", 5, "not that of 5 classes"),
        ("tiny.onnx", "class_names", ["a", "b"], "2 items for 4 classes"),
        ("tiny.onnx", "class_names", list("aabc"), "class names are the same"),
        ("tiny.onnx", "palette", [[0, 0, 0]], "palette has 1 items"),
        ("tiny.onnx", "palette", 7, "palette must be a list of col"),
        ("tiny.onnx", "precision", "int8", "the file computes in float32"),
        ("int8.tflite", "precision", "float32", "file computes in int8"),
        ("tiny.onnx", "format", "litert", "format is 'litert'"),
        ("tiny.onnx", "format", ["onnx"], "format must be one of"),
        ("tiny", "signatures", None, "signatures must be names and"),
        ("tiny.onnx", "schema", 0, "schema must be one of 1, 2, and"),
        ("tiny.onnx", "bytes", "many", "bytes must be a number of byt"),
        ("tiny", "signatures", {}, "seal must be that of the other"),
        ("tiny.onnx", "palette", [["0", "0", "0"]] * 4, "palette must be a"),
        ("tiny.onnx", "file", "../../etc/passwd", "file must be the name of"),
        ("tiny.onnx", "proof", None, "proof must be a JSON object"),
        ("tiny.onnx", "class_names", None, "seal must be that of the other"),
        ("tiny.onnx", "notes", "x", "'notes' is no field of a sidecar"),
        ("tiny.onnx", "seal", "0" * 64, "seal must be that of the other"),
        ("tiny.onnx", "schema", 1, "seal must be there in schema 2, and not"),
        ("tiny.onnx", "output", {}, "output.name is missing"),
    ],
)
def test_an_edited_sidecar(files, trained, name, keys, new, message):
    edit(files / name, *keys.split("."), to=lambda _: new)
    with pytest.raises(ExportError, match=f"{message}.*Export it again"):
        verify_file(files / name, trained, data=_images())


def test_edited_class_names(files, trained):
    path = files / "tiny.onnx"
    edit(path, "class_names", to=lambda names: names[::-1])
    with pytest.raises(ExportError, match="class 0 is 'tree' in .* 'sky' in"):
        verify_file(path, trained, labels=LABELS)
    with pytest.raises(ValueError, match="`labels` must name the 4 classes"):
        verify_file(path, trained, labels=Labels(("sky", "road")))


def test_a_sidecar_that_cannot_be_read(files, trained):
    for text in ("", '{"schema": 1', "[]"):
        (files / "tiny.onnx.json").write_text(text)
        with pytest.raises(ExportError, match="sidecar .*Export it again"):
            verify_file(files / "tiny.onnx", trained)


def test_what_is_not_there_or_is_no_file(files, trained):
    (files / "tiny.onnx.json").unlink()
    with pytest.raises(ValueError, match="sidecar tiny.onnx.json beside it"):
        verify_file(files / "tiny.onnx", trained)
    with pytest.raises(ValueError, match="must be an exported file or folder"):
        verify_file(files / "gone.onnx", trained)
    with pytest.raises(ValueError, match="not its sidecar: 'tiny.tflite'"):
        verify_file(files / "tiny.tflite.json", trained)


def test_a_model_of_another_shape_or_other_classes(files, trained, build):
    path = files / "tiny.onnx"
    with pytest.raises(ExportError, match="4 classes, the Keras model 5"):
        verify_file(path, build(num_classes=5))
    with pytest.raises(ExportError, match=r"not the one .*\(64, 96, 3\)"):
        verify_file(path, build((64, 96, 3)))
    with pytest.raises(TypeError, match="`model` must be a keras.Model"):
        verify_file(path, "tiny")


@pytest.mark.parametrize("images", [0, -1, 2.5, True])
def test_a_number_of_images_that_is_none(files, trained, images):
    with pytest.raises(ValueError, match="`images` must be a positive integer"):
        verify_file(files / "tiny", trained, data=_images(), images=images)


def test_a_file_that_lies_about_its_results(files, trained, monkeypatch):
    """What no byte shows: a runtime that computes something else."""
    form = find_format("onnx")
    honest = form.open

    def scaled(path):
        run = honest(path)
        return lambda images: run(images * 255.0)

    monkeypatch.setattr(form, "open", scaled)
    with pytest.raises(ExportError, match="given pixels 0..1 instead"):
        verify_file(files / "tiny.onnx", trained)
