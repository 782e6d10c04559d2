"""Each workaround is still needed, and is all that is needed.

A test of the first kind fails once the other library is mended: then the
workaround can go, with its tests.
"""

import ast
import copy
import os
import subprocess
import sys
import types
from pathlib import Path

import keras
import pytest

from kerasseg.export import workarounds

pytestmark = [
    pytest.mark.export,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow",
        reason="TensorFlow, its converters and Keras on top of it",
    ),
]


def traced(layer):
    """The types of the operators that a layer is traced to."""
    import tensorflow as tf

    signature = [tf.TensorSpec((1, 8, 10, 4))]
    function = tf.function(lambda x: layer(x), input_signature=signature)
    graph = function.get_concrete_function().graph
    return [operator.type for operator in graph.get_operations()]


def test_keras_compiles_convolutions_with_groups():
    layer = keras.layers.Conv2D(6, 3, groups=2)
    assert "Conv2D" not in traced(layer)
    assert [x for x in traced(layer) if "Call" in x]


def test_nothing_is_compiled():
    layer = keras.layers.Conv2D(6, 3, groups=2)
    with workarounds.nothing_compiled():
        operators = traced(layer)
    assert "Conv2D" in operators
    assert not [x for x in operators if "Call" in x]


def test_a_bias_is_kept_apart():
    layer = keras.layers.Conv2D(6, 3, groups=2)
    with workarounds.nothing_compiled(apart=True):
        operators = traced(layer)
    first = operators.index("Conv2D")
    assert operators[first + 1] == "EnsureShape"
    assert operators.index("BiasAdd") > first + 1


NO_ONEDNN = """
import tensorflow as tf

@tf.function(input_signature=[tf.TensorSpec((1, 8, 10, 4))])
def convolved(x):
    x = tf.nn.conv2d(x, tf.ones((3, 3, 2, 6)), 1, "SAME")
    return tf.nn.bias_add(x, tf.ones(6))

convolved(tf.ones((1, 8, 10, 4)))
"""


@pytest.mark.nightly
def test_tensorflow_fuses_convolutions_that_it_cannot_run():
    done = subprocess.run(
        [sys.executable, "-c", NO_ONEDNN],
        env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0"},
        capture_output=True,
        text=True,
    )
    assert "does not support grouped convolutions" in done.stderr


@pytest.fixture
def copied(monkeypatch):
    """What tf2onnx copies while it optimizes a graph, and a function to do."""
    import tensorflow as tf
    import tf2onnx
    from tf2onnx import optimizer

    monkeypatch.delenv(workarounds.CATCH_ERRORS, raising=False)
    copies = []

    def deepcopy(value):
        copies.append(type(value))
        return copy.deepcopy(value)

    spy = types.SimpleNamespace(deepcopy=deepcopy)
    monkeypatch.setattr(optimizer, "copy", spy)
    signature = [tf.TensorSpec((2, 3), name="x")]
    function = tf.function(lambda x: x + 1.0, input_signature=signature)

    def convert():
        copies.clear()
        tf2onnx.convert.from_function(function, signature, opset=18)
        return copies.count(tf2onnx.graph.Graph)

    return convert


def test_tf2onnx_copies_the_graph(copied):
    assert copied() > 0
    with workarounds.graph_copies(kept=True):
        assert copied() > 0


def test_nothing_is_copied(copied):
    with workarounds.graph_copies(kept=False):
        assert workarounds.CATCH_ERRORS in os.environ
        assert copied() == 0
    assert workarounds.CATCH_ERRORS not in os.environ


def test_a_setting_of_the_user_stays(monkeypatch):
    monkeypatch.setenv(workarounds.CATCH_ERRORS, "TRUE")
    for kept in (True, False):
        with workarounds.graph_copies(kept):
            assert os.environ[workarounds.CATCH_ERRORS] == "TRUE"
        assert os.environ[workarounds.CATCH_ERRORS] == "TRUE"


def test_tf2onnx_swallows_interruptions():
    import tf2onnx

    handlers = [
        node
        for path in Path(tf2onnx.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert handlers


# It does so once a process.
OPEN = """
import sys
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter(model_path=sys.argv[1])
interpreter.allocate_tensors()
"""


def error_stream(*command):
    """What a Python writes to its error stream where TensorFlow may not."""
    return subprocess.run(
        [sys.executable, "-c", *map(str, command)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=True,
    ).stderr


def test_the_interpreter_writes_to_the_error_stream(tmp_path):
    import tensorflow as tf

    signature = [tf.TensorSpec((1, 8, 10, 4))]
    function = tf.function(lambda x: x + 1.0, input_signature=signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], function
    )
    path = tmp_path / "file.tflite"
    with workarounds.quiet():
        path.write_bytes(converter.convert())
    assert "delegate" in error_stream(OPEN, path)


@pytest.mark.nightly
def test_tensorflow_writes_as_it_is_imported():
    assert error_stream("import tensorflow")
