import hashlib
import json

import numpy as np
import pytest

from kerasseg.export import ExportError
from kerasseg.export import Gate
from kerasseg.export import read_sidecar
from kerasseg.export import run_openvino
from kerasseg.export import to_openvino
from kerasseg.export.openvino import exporter
from kerasseg.export.openvino.runtime import time_shares

openvino = pytest.importorskip("openvino")
pytestmark = pytest.mark.export

SHAPE = (32, 48)


def images_of(rng, count=6):
    return rng.integers(0, 256, (count, *SHAPE, 3), "uint8")


@pytest.fixture(scope="module")
def exported(tmp_path_factory, tiny):
    """Folder of a verified file, its report and its model."""
    folder = tmp_path_factory.mktemp("openvino")
    report = to_openvino(tiny, folder / "tiny.xml", image_shape=SHAPE)
    return folder, report


def test_the_files_compute_what_the_model_computes(exported, tiny, rng):
    folder, report = exported
    images = images_of(rng, 2).astype("float32")
    np.testing.assert_allclose(
        run_openvino(folder / "tiny.xml", images),
        tiny(images, training=False),
        atol=1e-5,
    )
    assert report.format == "openvino"
    assert report.relative_error <= 1e-4
    assert report.operators["DepthToSpace"] == 1
    assert "Const" not in report.operators
    assert {"onnx", "openvino", "tf2onnx"} <= set(report.versions)
    assert sum(report.time_shares.values()) == pytest.approx(1)
    assert sorted(p.name for p in folder.iterdir()) == [
        "tiny.bin",
        "tiny.xml",
        "tiny.xml.json",
    ]


def test_size_and_hash_are_those_of_both_files(exported):
    folder, report = exported
    content = b"".join(
        (folder / name).read_bytes() for name in ("tiny.xml", "tiny.bin")
    )
    sidecar = read_sidecar(folder / "tiny.xml")
    assert sidecar["sha256"] == hashlib.sha256(content).hexdigest()
    assert report.bytes == sidecar["bytes"] == len(content)


def test_float16_halves_the_weights(exported, tiny, tmp_path):
    folder, _ = exported
    path = tmp_path / "small.xml"
    report = to_openvino(tiny, path, image_shape=SHAPE, precision="float16")
    assert report.mask_agreement >= 0.98
    halved = (tmp_path / "small.bin").stat().st_size
    assert halved < 0.6 * (folder / "tiny.bin").stat().st_size


def test_int8_class_ids_with_channels_first(tiny, tmp_path, rng):
    report = to_openvino(
        tiny,
        tmp_path / "x.xml",
        image_shape=SHAPE,
        precision="int8",
        calibration=images_of(rng),
        gate=Gate(mask_agreement=0.5),
        output="mask",
        layout="NCHW",
    )
    assert report.input_shape == (1, 3, *SHAPE)
    assert report.output_shape == (1, *SHAPE)
    assert report.operators["FakeQuantize"] > 3
    sidecar = json.loads((tmp_path / "x.xml.json").read_text())
    assert sidecar["output"]["dtype"] == "uint8"
    assert run_openvino(tmp_path / "x.xml", images_of(rng)).dtype == np.uint8


def test_channels_first_are_read_from_the_file(tiny, tmp_path, rng):
    path = tmp_path / "x.xml"
    to_openvino(tiny, path, image_shape=SHAPE, layout="NCHW")
    images = images_of(rng, 1).astype("float32")
    assert run_openvino(path, images).shape == (1, *SHAPE, 4)
    assert time_shares(path, images)


@pytest.mark.parametrize("end", [".xml", ".bin"])
def test_a_file_cut_short_is_an_error(exported, tmp_path, end):
    folder, _ = exported
    for name in ("tiny.xml", "tiny.bin"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    spoilt = tmp_path / f"tiny{end}"
    content = spoilt.read_bytes()
    spoilt.write_bytes(content[: len(content) // 2])
    with pytest.raises(ExportError, match="OpenVINO cannot load"):
        run_openvino(tmp_path / "tiny.xml", np.zeros((1, *SHAPE, 3)))


def test_a_file_that_differs_is_refused(trapped_model, tmp_path):
    with pytest.raises(ExportError, match="differs from the Keras model"):
        to_openvino(trapped_model, tmp_path / "x.xml", image_shape=SHAPE)
    assert not list(tmp_path.iterdir())


def test_weights_of_something_else_are_left_alone(model, tmp_path):
    (tmp_path / "x.bin").write_bytes(b"precious")
    with pytest.raises(ValueError, match="must leave 'x.bin'"):
        to_openvino(model, tmp_path / "x.xml", image_shape=SHAPE)
    assert (tmp_path / "x.bin").read_bytes() == b"precious"


def test_older_files_are_replaced_together(tiny, tmp_path):
    (tmp_path / "x.xml").write_text("old")
    (tmp_path / "x.bin").write_text("old")
    to_openvino(tiny, tmp_path / "x.xml", image_shape=SHAPE)
    assert (tmp_path / "x.xml").stat().st_size > 1000
    assert (tmp_path / "x.bin").stat().st_size > 1000


def test_another_end_is_refused(model, tmp_path):
    with pytest.raises(ValueError, match="`path` must end with '.xml'"):
        to_openvino(model, tmp_path / "x.onnx", image_shape=SHAPE)


def test_a_graph_that_openvino_refuses_is_named_in_its_words(tmp_path):
    from onnx import TensorProto
    from onnx import helper
    from onnx import save

    # Shapes that do not fit, which OpenVINO notices as it reads.
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("a", [1, 2]), ("b", [1, 3]), ("y", None))
    ]
    node = helper.make_node("Concat", ["a", "b"], ["y"], name="sum", axis=0)
    graph = helper.make_graph([node], "test", ends[:2], ends[2:])
    save(helper.make_model(graph), str(tmp_path / "x.onnx"))
    with pytest.raises(ExportError, match="does not take.*Concat") as caught:
        exporter._read(openvino, tmp_path / "x.onnx")
    assert "core.cpp" not in str(caught.value)
