"""Engines from a stand-in for TensorRT, and the ONNX files from the real one.

No GPU takes part: see `tensorrt_stand_ins`.
"""

import importlib.util
import re
import shlex
import sys
import types

import numpy as np
import onnx
import pytest
from tensorrt_stand_ins import BUILDER
from tensorrt_stand_ins import CUDA
from tensorrt_stand_ins import TENSORRT

from kerasseg.export import ExportError
from kerasseg.export import Gate
from kerasseg.export import read_sidecar
from kerasseg.export import to_onnx
from kerasseg.export import to_tensorrt
from kerasseg.export.tensorrt.check import check_for_tensorrt
from kerasseg.export.tensorrt.engine import open_tensorrt
from kerasseg.export.tensorrt_rtx import library

SHAPE = (32, 48)
export = pytest.mark.export


def module(name, text, monkeypatch):
    made = types.ModuleType(name)
    made.__spec__ = importlib.util.spec_from_loader(name, None)
    monkeypatch.setitem(sys.modules, name, made)
    exec(text, vars(made))
    return made


@pytest.fixture
def stand_in(monkeypatch):
    """Function from a version to a module that passes for TensorRT."""

    def install(version):
        cuda = module("cuda", "", monkeypatch)
        cuda.bindings = module("cuda.bindings", "", monkeypatch)
        cuda.bindings.runtime = module(
            "cuda.bindings.runtime", CUDA, monkeypatch
        )
        text = TENSORRT + BUILDER.replace("VERSION", version)
        return module("tensorrt", text, monkeypatch)

    return install


@pytest.fixture
def absent(monkeypatch):
    """TensorRT is not installed, even where it is."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "tensorrt" else find(name, *more),
    )


@pytest.fixture
def unjudged(monkeypatch):
    """NVIDIA's builder is not installed, even where it is."""
    found = library.Library(None, "It is not here.")
    monkeypatch.setattr(library, "find", lambda: found)


def images_of(rng):
    return rng.integers(0, 256, (6, *SHAPE, 3), "uint8")


@export
@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_without_tensorrt_the_command_is_reported(
    absent, unjudged, tiny, tmp_path, precision, rng
):
    path = tmp_path / "my street.engine"
    report = to_tensorrt(
        tiny,
        path,
        image_shape=SHAPE,
        precision=precision,
        calibration=images_of(rng) if precision == "int8" else None,
        gate=Gate(mask_agreement=0),
        output="mask",
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "my street.onnx",
        "my street.onnx.json",
    ]
    assert report.format == "onnx"
    checked, told, untested = report.notes
    assert "TensorRT for RTX 1.7.1 took" in checked
    assert checked.endswith("builder did not judge the file: It is not here.")
    words = shlex.split(re.search(r"trtexec .*--noTF32", told)[0])
    graph = tmp_path / "my street.onnx"
    assert words == [
        "trtexec",
        f"--onnx={graph}",
        f"--saveEngine={path}",
        "--noTF32",
    ]
    flag = {"float32": None, "float16": "--fp16", "int8": "--int8"}[precision]
    assert flag is None or f"TensorRT 10 needs {flag} as well" in told
    assert "untested on a GPU" in untested


installed = pytest.mark.skipif(
    bool(library.find().reason), reason=library.find().reason or "installed"
)


@export
@installed
@pytest.mark.parametrize("precision", ["float32", "float16", "int8", "mixed"])
def test_nvidias_builder_takes_each_precision(
    absent, tiny, tmp_path, precision, rng
):
    report = to_tensorrt(
        tiny,
        tmp_path / "x.engine",
        image_shape=SHAPE,
        precision=precision,
        calibration=images_of(rng) if "float" not in precision else None,
        gate=Gate(mask_agreement=0) if precision != "float32" else None,
    )
    (judged,) = (note for note in report.notes if "Built by NVIDIA" in note)
    assert "not run" in judged


@export
def test_a_refusal_of_the_builder_leaves_nothing(
    absent, tiny, tmp_path, monkeypatch
):
    def refuse(path, layers):
        assert "stem" in layers
        raise ExportError("refused for a test")

    exporter = "kerasseg.export.tensorrt.exporter"
    monkeypatch.setattr(library, "find", lambda: library.Library(tmp_path))
    monkeypatch.setattr(f"{exporter}.judge", refuse)
    with pytest.raises(ExportError, match="refused for a test"):
        to_tensorrt(tiny, tmp_path / "x.engine", image_shape=SHAPE)
    assert not list(tmp_path.iterdir())


@export
def test_int8_leaves_all_but_heavy_products_in_float(
    absent, unjudged, tiny, tmp_path, rng
):
    to_tensorrt(
        tiny,
        tmp_path / "x.engine",
        image_shape=SHAPE,
        precision="int8",
        calibration=images_of(rng),
        gate=Gate(mask_agreement=0),
    )
    graph = onnx.load(tmp_path / "x.onnx").graph
    users = [
        (user.op_type, place)
        for node in graph.node
        if node.op_type == "DequantizeLinear"
        for user in graph.node
        for place, name in enumerate(user.input)
        if name == node.output[0]
    ]
    assert set(users) == {("Conv", 0), ("Conv", 1)}
    groups = {
        next((a.i for a in node.attribute if a.name == "group"), 1)
        for node in graph.node
        if node.op_type == "Conv" and node.input[1].endswith("Linear_Output")
    }
    assert groups == {1}


@export
def test_int8_has_zero_points_of_zero(absent, tiny, tmp_path, rng):
    to_tensorrt(
        tiny,
        tmp_path / "x.engine",
        image_shape=SHAPE,
        precision="int8",
        calibration=images_of(rng),
        gate=Gate(mask_agreement=0),
    )
    proto = onnx.load(tmp_path / "x.onnx")
    values = {
        t.name: onnx.numpy_helper.to_array(t) for t in proto.graph.initializer
    }
    kinds = ("QuantizeLinear", "DequantizeLinear")
    nodes = [node for node in proto.graph.node if node.op_type in kinds]
    assert len(nodes) == 3
    for node in nodes:
        zero_point = values[node.input[2]]
        assert zero_point.dtype == np.int8
        assert not zero_point.any()


@export
def test_the_usual_int8_file_is_not_for_tensorrt(tiny, tmp_path, rng):
    to_onnx(
        tiny,
        tmp_path / "x.onnx",
        image_shape=SHAPE,
        precision="int8",
        calibration=images_of(rng),
        gate=Gate(mask_agreement=0),
    )
    with pytest.raises(ExportError, match="zero point other than 0"):
        check_for_tensorrt(onnx.load(tmp_path / "x.onnx"))


@pytest.mark.by_day(2)
@export
@pytest.mark.parametrize(
    ("version", "precision", "flags"),
    [
        ("10.15.1", "float32", []),
        ("10.15.1", "float16", ["FP16"]),
        ("10.15.1", "int8", ["INT8"]),
        ("11.4.0", "float16", []),
        ("11.4.0", "int8", []),
    ],
)
def test_an_engine_is_built_and_verified(
    stand_in, tiny, tmp_path, version, precision, flags, rng
):
    tensorrt = stand_in(version)
    report = to_tensorrt(
        tiny,
        tmp_path / "x.engine",
        image_shape=SHAPE,
        precision=precision,
        calibration=images_of(rng) if precision == "int8" else None,
        gate=Gate(mask_agreement=0),
        layout="NCHW",
    )
    assert flags == tensorrt.FLAGS
    assert report.format == "tensorrt"
    assert report.output_shape == (1, 4, *SHAPE)
    assert any("Built from x.onnx" in note for note in report.notes)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "x.engine",
        "x.engine.json",
        "x.onnx",
        "x.onnx.json",
    ]
    assert read_sidecar(tmp_path / "x.engine")["format"] == "tensorrt"


@export
@pytest.mark.parametrize("fails", [False, True])
def test_what_an_engine_held_is_given_back(
    stand_in, tiny, tmp_path, fails, monkeypatch
):
    stand_in("11.4.0")
    cuda = sys.modules["cuda.bindings.runtime"]
    to_onnx(tiny, tmp_path / "x.onnx", image_shape=SHAPE, layout="NCHW")
    if fails:
        answers = [cuda.cudaMalloc(1), (cuda.cudaError_t(1), None)]
        monkeypatch.setattr(cuda, "cudaMalloc", lambda size: answers.pop(0))
        with pytest.raises(ExportError, match="CUDA failed"):
            open_tensorrt(tmp_path / "x.onnx")
    else:
        engine = open_tensorrt(tmp_path / "x.onnx")
        engine(np.zeros((1, 3, *SHAPE), "float32"))
        assert len(cuda.MEMORY) == 2
        assert len(cuda.STREAMS) == 1
        del engine
    assert not cuda.MEMORY
    assert not cuda.STREAMS


@export
@pytest.mark.parametrize(
    ("failure", "message"),
    [
        ("parse", "refuses x.onnx: no importer for this operator"),
        ("build", "could not build an engine from x.onnx"),
    ],
)
def test_a_failure_leaves_the_onnx_file(
    stand_in, tiny, tmp_path, failure, message
):
    stand_in("11.4.0").FAILS.append(failure)
    with pytest.raises(ExportError, match=message):
        to_tensorrt(tiny, tmp_path / "x.engine", image_shape=SHAPE)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "x.onnx",
        "x.onnx.json",
    ]


def test_another_end_is_refused(model, tmp_path):
    with pytest.raises(ValueError, match="`path` must end with '.engine'"):
        to_tensorrt(model, tmp_path / "x.onnx", image_shape=SHAPE)
