"""LiteRT graphs in int8, as a whole or but for some layers."""

import collections

import numpy as np

from kerasseg.export.errors import require
from kerasseg.export.rounding import SCALED_IMAGES
from kerasseg.export.rounding import Layer
from kerasseg.export.rounding import layers_of
from kerasseg.export.runtimes import available_threads

# Operators that hand on numbers as they are, or compare them.
_MOVING = ("ARG_MAX", "CAST", "RESHAPE", "SLICE", "STRIDED_SLICE", "TRANSPOSE")
# Operators with weights as their second input.
_WEIGHTED = (
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "TRANSPOSE_CONV",
)


class LitertRounding:
    """A LiteRT graph that is ready to be rounded, once or many times.

    The range of a tensor goes from the mean of the smallest to the mean of
    the largest values on the calibration images. An odd image then does not
    widen a range, and all others are rounded better.

    Args:
        content: Bytes of the file in float32.
        source: The `Source` with the calibration images.
    """

    def __init__(self, content, source):
        self._source = source
        self._marked = _marked(content, _ranges(content, source))

    def content(self, kept=()) -> bytes:
        """Writes the graph with integers.

        Args:
            kept: Sequence of `Layer` that stay in float. Defaults to none.

        Returns:
            Bytes of the file.
        """
        import tensorflow as tf

        variant = self._source.variant
        pixels = tf.as_dtype(variant.input_dtype)
        whole = variant.precision == "int8" and variant.output == "logits"
        nodes = [node for layer in kept for node in layer.nodes]
        return self._rounded(
            input_data_type=pixels,
            output_data_type=pixels if whole else tf.float32,
            denylisted_nodes=nodes or None,
        )

    def layers(self, batches) -> list[Layer]:
        """Measures what each layer loses, given what it takes is exact.

        Args:
            batches: Batches of one image.

        Returns:
            List of `Layer`, largest error first.
        """
        graph = _graph(self._rounded(enable_numeric_verify=True))
        (main,) = graph.subgraphs
        probes = [
            (op.outputs[0], *(main.tensors[index] for index in op.inputs))
            for op in main.operators
            if _operator(graph, op) == "NumericVerify"
        ]
        # Results alone outlive a run, so not all tensors need memory.
        main.outputs = [difference for difference, _, _ in probes]
        interpreter = _open(_packed(graph), keep_all=False)
        squares = collections.defaultdict(list)
        for batch in batches:
            _run(interpreter, batch)
            for difference, rounded, real in probes:
                steps = interpreter.get_tensor(difference)
                steps /= rounded.quantization.scale[0]
                squares[real.name.decode()].append(np.square(steps).mean())
        errors = {n: float(np.sqrt(np.mean(s))) for n, s in squares.items()}
        return layers_of(self._paths(), errors, self._source.layer_names)

    @property
    def scores(self) -> str:
        """Name of the operator that computes the scores."""
        graph = _graph(self._marked)
        (main,) = graph.subgraphs
        makers = {index: op for op in main.operators for index in op.outputs}
        index = main.outputs[0]
        while _operator(graph, makers[index]) in _MOVING:
            index = makers[index].inputs[0]
        return main.tensors[index].name.decode()

    def _paths(self):
        """Maps results of operators to the names of their weights, if any.

        The result of merged operators has the name of the last of them, an
        activation or even none; the weights have that of the layer.
        """
        graph = _graph(self._marked)
        (main,) = graph.subgraphs
        names = [tensor.name.decode() for tensor in main.tensors]
        paths = {}
        for op in main.operators:
            weighted = _operator(graph, op) in _WEIGHTED
            for index in op.outputs:
                paths[names[index]] = names[op.inputs[1] if weighted else index]
        return paths

    def _rounded(self, **options):
        from tensorflow.lite.python import convert

        return convert.mlir_quantize(self._marked, **options)


def _ranges(content, source):
    """Pairs of smallest and largest value of each tensor of real numbers."""
    schema = require("ai_edge_litert.schema_py_generated", "litert")
    (graph,) = _graph(content).subgraphs
    interpreter = _open(content)
    found = [int(index) for op in graph.operators for index in op.outputs]
    real = schema.TensorType.FLOAT32
    found = [index for index in found if graph.tensors[index].type == real]
    rows = []
    for batch in source.calibration_batches(SCALED_IMAGES):
        _run(interpreter, batch)
        rows.append([_extremes(interpreter.tensor(i)()) for i in found])
    means = np.mean(rows, axis=0).tolist()
    # From 0 to 255, so that a pixel stays the number that it is.
    pixels = {int(graph.inputs[0]): (0.0, 255.0)}
    return dict(zip(found, means, strict=True)) | pixels


def _extremes(values):
    return float(values.min()), float(values.max())


def _marked(content, ranges):
    """Writes the ranges into a graph, where the quantiser looks for them."""
    schema = require("ai_edge_litert.schema_py_generated", "litert")
    graph = _graph(content)
    for index, (low, high) in ranges.items():
        marks = schema.QuantizationParametersT()
        marks.min, marks.max = [low], [high]
        graph.subgraphs[0].tensors[index].quantization = marks
    return _packed(graph)


def _graph(content):
    schema = require("ai_edge_litert.schema_py_generated", "litert")
    return schema.ModelT.InitFromPackedBuf(content, 0)


def _packed(graph):
    import flatbuffers

    builder = flatbuffers.Builder(0)
    builder.Finish(graph.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _operator(graph, op):
    schema = require("ai_edge_litert.schema_py_generated", "litert")
    code = graph.operatorCodes[op.opcodeIndex]
    if code.customCode:
        return code.customCode.decode()
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    names = vars(schema.BuiltinOperator).items()
    return next(name for name, value in names if value == number)


def _open(content, keep_all=True):
    """Opens a graph, by default so that a run leaves all its tensors."""
    litert = require("ai_edge_litert.interpreter", "litert")
    plain = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = litert.Interpreter(
        model_content=content,
        num_threads=available_threads(),
        experimental_preserve_all_tensors=keep_all,
        experimental_op_resolver_type=plain,
    )
    interpreter.allocate_tensors()
    return interpreter


def _run(interpreter, batch):
    (pixels,) = interpreter.get_input_details()
    interpreter.set_tensor(pixels["index"], batch)
    interpreter.invoke()
