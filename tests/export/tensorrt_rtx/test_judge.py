"""NVIDIA's builder, and what goes wrong around it.

The tests that call NVIDIA's libraries are skipped by name where these are not
installed. Nothing runs on a GPU.
"""

import importlib.util
import os
import platform
import sys
import textwrap

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from onnx import helper
from onnx import numpy_helper

from kerasseg.export import ExportError
from kerasseg.export.tensorrt_rtx import builder
from kerasseg.export.tensorrt_rtx import judge as judges
from kerasseg.export.tensorrt_rtx import library
from kerasseg.export.tensorrt_rtx.judge import judge

installed = pytest.mark.skipif(
    bool(library.find().reason), reason=library.find().reason or "installed"
)


def graph_of(*nodes, constants=(), kind=TensorProto.FLOAT):
    """A graph from `x` `(1, 8, 12, 16)` to `y`."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", kind, (1, 8, 12, 16))],
        [helper.make_tensor_value_info("y", kind, None)],
        [
            numpy_helper.from_array(np.asarray(value), name)
            for name, value in dict(constants).items()
        ],
    )
    opsets = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


@pytest.fixture
def graph(tmp_path, rng):
    """Path of a file with one convolution."""
    weights = rng.normal(size=(8, 8, 3, 3)).astype("float32")
    node = helper.make_node(
        "Conv", ["x", "w"], ["y"], name="net/stem_1/conv", pads=[1] * 4
    )
    path = tmp_path / "conv.onnx"
    onnx.save(graph_of(node, constants={"w": weights}), path)
    return path


@pytest.fixture
def script(monkeypatch, tmp_path):
    """Function that puts another program in the place of the builder."""

    def put(text):
        path = tmp_path / "builder.py"
        path.write_text(textwrap.dedent(text))
        monkeypatch.setattr(judges, "SCRIPT", path)
        found = library.Library(tmp_path)
        monkeypatch.setattr(library, "find", lambda: found)

    return put


@installed
def test_a_file_is_built_without_a_gpu(graph):
    judgment = judge(graph)
    assert judgment.layers == 1
    assert judgment.bytes > 4 * 8 * 8 * 9
    assert "TensorRT for RTX 1.7.1, not run" in str(judgment)
    assert "8.0, 8.6, 8.9, 12.0 and later" in str(judgment)


@installed
def test_the_engine_can_be_written(graph, tmp_path):
    judgment = judge(graph, engine=tmp_path / "conv.engine")
    content = (tmp_path / "conv.engine").read_bytes()
    assert len(content) == judgment.bytes
    assert bytes(builder.VERSION) in content[:64]


@installed
def test_a_refusal_has_nvidias_words_the_node_and_its_layer(tmp_path):
    scale = {"s": np.float32(0.5), "z": np.uint8(3)}
    names = ["x", "s", "z"]
    quantize = helper.make_node("QuantizeLinear", names, ["q"], name="a/q_1")
    restore = helper.make_node(
        "DequantizeLinear", ["q", "s", "z"], ["y"], name="net/stem_1/restore"
    )
    path = tmp_path / "bytes.onnx"
    onnx.save(graph_of(quantize, restore, constants=scale), path)
    with pytest.raises(ExportError, match=r"refuses the graph: ") as caught:
        judge(path, layers={"q", "stem"})
    assert "UINT8" in str(caught.value)
    assert " of the layer " in str(caught.value)


@installed
def test_a_node_in_the_words_of_the_builder_is_found(tmp_path):
    scale = {"s": np.float32(0.5), "z": np.int8(0), "c": np.int8(4)}
    nodes = [
        helper.make_node("DequantizeLinear", ["c", "s", "z"], ["d"]),
        helper.make_node("Add", ["x", "d"], ["y"], name="net/stem_1/add"),
    ]
    path = tmp_path / "constant.onnx"
    constants = {k.replace("c", "net/stem_1/c"): v for k, v in scale.items()}
    nodes[0].input[0] = "net/stem_1/c"
    onnx.save(graph_of(*nodes, constants=constants), path)
    with pytest.raises(ExportError) as caught:
        judge(path, layers={"stem"})
    assert "'net/stem_1/c' of the layer 'stem'" in str(caught.value)
    assert "Quantized constant" in str(caught.value)


@installed
@pytest.mark.parametrize("content", [b"", b"no graph" * 40])
def test_what_is_no_graph_is_refused(tmp_path, content):
    path = tmp_path / "none.onnx"
    path.write_bytes(content)
    with pytest.raises(ExportError, match="refuses the graph: "):
        judge(path)


@installed
def test_want_of_memory_is_reported(graph):
    with pytest.raises(ExportError, match="ran out of memory on conv.onnx"):
        judge(graph, memory=200 << 20)


@installed
def test_a_small_time_limit_ends_the_builder(graph):
    with pytest.raises(ExportError, match=r"no answer on conv.onnx in 0.01 s"):
        judge(graph, seconds=0.01)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import time; time.sleep(60)", "no answer on conv.onnx in 1 s"),
        ("import os; os.abort()", r"crashed on conv.onnx \(SIGABRT\)"),
        (
            "import os; os.kill(os.getpid(), 9)",
            r"\(SIGKILL, perhaps for lack of memory\)",
        ),
        (
            "import ctypes; ctypes.string_at(0)",
            r"crashed on conv.onnx \(SIGSEGV\)",
        ),
        ("raise OSError('no such symbol')", "exit code 1.*no such symbol"),
        ("pass", "failed on conv.onnx with exit code 0"),
        ("raise MemoryError('std::bad_alloc')", "ran out of memory"),
    ],
)
def test_a_builder_that_fails_is_an_error_and_no_crash(
    script, graph, text, message
):
    script(text)
    with pytest.raises(ExportError, match=message):
        judge(graph, seconds=1 if "sleep" in text else 30)


def test_another_library_than_its_name_says_is_not_called(script, graph):
    script("""
        import json, pathlib, sys
        order = json.loads(sys.argv[-1])
        answer = {"status": "wrong version", "found": 10602}
        pathlib.Path(order["result"]).write_text(json.dumps(answer))
    """)
    with pytest.raises(ImportError, match=r"must be version 1.7.1.*1\.6\.2"):
        judge(graph)


def put_library(folder, monkeypatch, *names):
    package = folder / library.MODULE
    package.mkdir()
    for name in ("__init__.py", *names):
        (package / name).write_text("raise AssertionError")
    monkeypatch.setattr(library, "wrong_machine", lambda: "")
    monkeypatch.setattr(sys, "path", [str(folder)])
    importlib.invalidate_caches()


def test_another_version_is_named_and_not_called(tmp_path, monkeypatch, graph):
    put_library(tmp_path, monkeypatch, "libtensorrt_rtx.so.1.6.0")
    with pytest.raises(ImportError, match=r"was not called. Found: 1\.6\.0\."):
        judge(graph)


def test_without_the_package_the_extra_is_named(monkeypatch, graph):
    monkeypatch.setattr(library, "wrong_machine", lambda: "")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'install "kerasseg\[tensorrt-rtx\]'):
        judge(graph)


@pytest.mark.parametrize(
    ("name", "system", "processor"),
    [
        ("linux", "Linux", "aarch64"),
        ("darwin", "Darwin", "arm64"),
        ("darwin", "Darwin", "x86_64"),
        ("win32", "Windows", "AMD64"),
    ],
)
def test_other_machines_are_reported_at_once(
    monkeypatch, graph, name, system, processor
):
    monkeypatch.setattr(sys, "platform", name)
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: processor)
    with pytest.raises(ImportError, match=f"is {processor} {system}"):
        judge(graph)


def test_the_pinned_version_is_that_of_the_extra():
    from source import ROOT

    text = (ROOT / "setup.cfg").read_text()
    assert f"{library.PACKAGE}=={library.PACKAGE_VERSION};" in text


def test_the_builder_imports_nothing_of_kerasseg():
    text = (judges.SCRIPT).read_text()
    assert "kerasseg" not in text.partition('"""')[2].partition('"""')[2]
    assert os.path.samefile(judges.SCRIPT, builder.__file__)
