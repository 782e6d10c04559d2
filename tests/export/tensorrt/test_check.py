"""The table for machines without NVIDIA's builder, and that builder."""

import json
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from tensorrt_small_graphs import one
from tensorrt_small_graphs import small_graphs

from kerasseg.export import ExportError
from kerasseg.export.tensorrt import operators
from kerasseg.export.tensorrt.check import check_for_tensorrt
from kerasseg.export.tensorrt_rtx import library

GRAPHS = small_graphs()
# One of each kind, for the day.
FEW = (
    *("Conv", "Resize linear", "Loop", "MatMul of integers", "cubic"),
    *("antialias", "tf floor", "dilated maximum", "zero point 3", "unsigned"),
    *("bytes inside", "no such operator", "AveragePool of lines", "half"),
)
# One process judges all: its start takes longer than a small graph.
JUDGING = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import builder
for path in sys.argv[3:]:
    status = builder.run(sys.argv[2], path)["status"]
    print("judged", json.dumps([path, status]), flush=True)
os._exit(0)
"""


def nvidia(names, folder):
    """What NVIDIA's builder says of some graphs: dictionary by name."""
    found = library.find()
    if found.reason:
        pytest.skip(found.reason)
    paths = {str(folder / f"{i}.onnx"): name for i, name in enumerate(names)}
    for path, name in paths.items():
        onnx.save(GRAPHS[name], path)
    scripts = str(Path(library.builder.__file__).parent)
    command = [sys.executable, "-c", JUDGING, scripts, str(found.folder)]
    ended = subprocess.run(
        [*command, *paths], capture_output=True, text=True, check=True
    )
    lines = [x for x in ended.stdout.splitlines() if x.startswith("judged ")]
    judged = dict(json.loads(x.removeprefix("judged ")) for x in lines)
    return {name: judged[path] for path, name in paths.items()}


def ours(names):
    """What our table says of them."""
    judged = {}
    for name in names:
        try:
            check_for_tensorrt(GRAPHS[name])
            judged[name] = library.builder.BUILT
        except ExportError:
            judged[name] = library.builder.REFUSED
    return judged


def test_a_few_graphs_are_judged_alike(tmp_path):
    judged = ours(FEW)
    assert set(judged.values()) == {"built", "refused"}
    assert nvidia(FEW, tmp_path) == judged


@pytest.mark.nightly
def test_all_graphs_are_judged_alike(tmp_path):
    assert nvidia(list(GRAPHS), tmp_path) == ours(GRAPHS)


def test_every_operator_of_the_table_is_in_a_graph_that_passes():
    passed = [n for n, verdict in ours(GRAPHS).items() if verdict == "built"]
    found = {x.op_type for name in passed for x in GRAPHS[name].graph.node}
    assert found == operators.OPERATORS
    assert operators.FLOAT_ONLY < operators.OPERATORS


def test_the_table_is_for_the_version_that_is_called():
    assert library.VERSION == operators.VERSION


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no such operator", "no operator Det"),
        ("antialias", "Resize with antialias=1"),
        ("tf floor", "Resize with nearest_mode='floor' and tf_half_pixel"),
        ("dilated maximum", r"MaxPool with dilations=\[2, 2\]"),
        ("maximum with places", "MaxPool with a second output"),
        ("MatMul of integers", "MatMul of int32"),
        ("zero point 3", "QuantizeLinear with a zero point other than 0"),
        ("unsigned around 128", "Linear with a zero point other than 0"),
        ("bytes inside", r"uint8 inside the graph \(b\)"),
        ("TopK of many", "TopK of more than 3840"),
        ("ReduceSum along a computed axis", "ReduceSum with an input 1"),
    ],
)
def test_what_tensorrt_does_not_take_is_named(name, message):
    with pytest.raises(ExportError, match=message):
        check_for_tensorrt(GRAPHS[name])


def test_what_it_takes_is_counted():
    assert "(1 operators)" in check_for_tensorrt(one("Relu"))
