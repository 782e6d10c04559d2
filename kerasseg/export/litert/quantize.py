"""LiteRT graphs in int8, as a whole or but for some layers."""

import collections

import numpy as np

from kerasseg.export.errors import require
from kerasseg.export.litert import graph as graphs
from kerasseg.export.quantization import SCALED_IMAGES
from kerasseg.export.quantization import LayerError
from kerasseg.export.quantization import check_finite
from kerasseg.export.quantization import layers_of
from kerasseg.export.runtime import available_threads

# Operators that hand on numbers as they are, or compare them.
_MOVING = ("ARG_MAX", "CAST", "RESHAPE", "SLICE", "STRIDED_SLICE", "TRANSPOSE")
# Operators with weights as their second input.
_WEIGHTED = (
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "TRANSPOSE_CONV",
)


class LiteRTQuantizer:
    """A LiteRT graph that is ready to be quantized, once or many times.

    The range of a tensor goes from the mean of the smallest to the mean of
    the largest values on the calibration images. An odd image then does not
    widen a range, and all others are quantized better.

    Args:
        content: Bytes of the file in float32.
        frozen: The `FrozenModel` with the calibration images.
        learned: Dictionary from the index of a tensor to a range that holds
            instead. Defaults to none.
    """

    def __init__(self, content, frozen, learned=None):
        self._frozen = frozen
        ranges = _ranges(content, frozen) | (learned or {})
        self._marked = _marked(content, ranges)

    def content(self, kept=()) -> bytes:
        """Writes the graph with integers.

        Args:
            kept: Sequence of `LayerError` that stay in float. Defaults to none.

        Returns:
            Bytes of the file.
        """
        import tensorflow as tf

        options = self._frozen.options
        pixels = tf.as_dtype(options.input_dtype)
        whole = options.precision == "int8" and options.output == "logits"
        nodes = [node for layer in kept for node in layer.nodes]
        return self._quantized(
            input_data_type=pixels,
            output_data_type=pixels if whole else tf.float32,
            denylisted_nodes=nodes or None,
        )

    def layers(self, batches) -> list[LayerError]:
        """Measures what each layer loses, given what it takes is exact.

        Args:
            batches: Batches of one image.

        Returns:
            List of `LayerError`, largest error first.
        """
        graph = graphs.parse(self._quantized(enable_numeric_verify=True))
        (main,) = graph.subgraphs
        probes = [
            (op.outputs[0], *(main.tensors[index] for index in op.inputs))
            for op in main.operators
            if graphs.operator_name(graph, op) == "NumericVerify"
        ]
        interpreter = _open(graph, [difference for difference, _, _ in probes])
        squares = collections.defaultdict(list)
        for batch in batches:
            _run(interpreter, batch)
            for difference, quantized, real in probes:
                steps = interpreter.get_tensor(difference)
                steps /= quantized.quantization.scale[0]
                squares[real.name.decode()].append(np.square(steps).mean())
        errors = {n: float(np.sqrt(np.mean(s))) for n, s in squares.items()}
        return layers_of(self._paths(), errors, self._frozen.layer_names)

    @property
    def logits(self) -> str:
        """Name of the operator that computes the logits."""
        graph = graphs.parse(self._marked)
        (main,) = graph.subgraphs
        makers = {index: op for op in main.operators for index in op.outputs}
        index = main.outputs[0]
        while graphs.operator_name(graph, makers[index]) in _MOVING:
            index = makers[index].inputs[0]
        return main.tensors[index].name.decode()

    def _paths(self):
        """Maps results of operators to the names of their weights, if any.

        The result of merged operators has the name of the last of them, an
        activation or even none; the weights have that of the layer.
        """
        graph = graphs.parse(self._marked)
        (main,) = graph.subgraphs
        names = [tensor.name.decode() for tensor in main.tensors]
        paths = {}
        for op in main.operators:
            weighted = graphs.operator_name(graph, op) in _WEIGHTED
            for index in op.outputs:
                paths[names[index]] = names[op.inputs[1] if weighted else index]
        return paths

    def _quantized(self, **options):
        from tensorflow.lite.python import convert

        return convert.mlir_quantize(self._marked, **options)


def _ranges(content, frozen):
    """Pairs of smallest and largest value of each float tensor."""
    schema = require("ai_edge_litert.schema_py_generated", "litert")
    graph = graphs.parse(content)
    (main,) = graph.subgraphs
    found = [int(index) for op in main.operators for index in op.outputs]
    real = schema.TensorType.FLOAT32
    found = [index for index in found if main.tensors[index].type == real]
    pixels = int(main.inputs[0])
    interpreter = _open(graph, found)
    rows = []
    for batch in frozen.calibration_batches(SCALED_IMAGES):
        _run(interpreter, batch)
        rows.append([_extremes(interpreter.tensor(i)()) for i in found])
    means = np.mean(rows, axis=0).tolist()
    check_finite(means)
    # From 0 to 255, so that a pixel stays the number that it is.
    return dict(zip(found, means, strict=True)) | {pixels: (0.0, 255.0)}


def _extremes(values):
    return float(values.min()), float(values.max())


def _marked(content, ranges):
    """Writes the ranges into a graph, where the quantizer looks for them."""
    schema = require("ai_edge_litert.schema_py_generated", "litert")
    graph = graphs.parse(content)
    for index, (low, high) in ranges.items():
        marks = schema.QuantizationParametersT()
        marks.min, marks.max = [low], [high]
        graph.subgraphs[0].tensors[index].quantization = marks
    return graphs.pack(graph)


def _open(graph, results):
    """Opens a graph that returns these tensors.

    A result outlives its run, as fast kernels let no other tensor do.
    """
    litert = require("ai_edge_litert.interpreter", "litert")
    graph.subgraphs[0].outputs = results
    interpreter = litert.Interpreter(
        model_content=graphs.pack(graph), num_threads=available_threads()
    )
    interpreter.allocate_tensors()
    return interpreter


def _run(interpreter, batch):
    (pixels,) = interpreter.get_input_details()
    interpreter.set_tensor(pixels["index"], batch)
    interpreter.invoke()
