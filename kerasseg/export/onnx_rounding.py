"""ONNX graphs in half precision and in int8."""

import numpy as np

from kerasseg.export import onnx_graph
from kerasseg.export import onnx_probe
from kerasseg.export.rounding import MEASURED_IMAGES
from kerasseg.export.rounding import SCALED_IMAGES
from kerasseg.export.rounding import Conversion
from kerasseg.export.rounding import Layer
from kerasseg.export.rounding import kept_in_float
from kerasseg.export.rounding import layer_name
from kerasseg.export.rounding import layers_of
from kerasseg.export.runtimes import available_threads

# Options of ONNX Runtime for TensorRT.
SYMMETRIC = {"ActivationSymmetric": True, "QuantizeBias": False}
_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
# Operators that hand on numbers as they are, or compare them.
_MOVING = (
    "ArgMax",
    "Cast",
    "Identity",
    "Reshape",
    "Slice",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
)
# Operators that scale and normalise what goes into a maximum.
_SCALING = ("Div", "Mul", "Neg", "Softmax")


def to_float16(proto, path):
    """Types the tensors of a graph as float16, all but its ends.

    Args:
        proto: `onnx.ModelProto` in float32.
        path: Path of the artefact; intermediate files lie beside it.

    Returns:
        `onnx.ModelProto` that casts its pixels to float16 and its logits
        back.
    """
    from onnxruntime.transformers import float16

    proto = float16.convert_float_to_float16(
        onnx_graph.folded(proto, path), keep_io_types=True, op_block_list=[]
    )
    onnx_graph.sort_nodes(proto.graph)
    return proto


def to_int8(proto, source, path, symmetric=False):
    """Puts quantising and dequantising nodes around the operators.

    Weights get one scale for each filter, activations one for each tensor.
    In mixed precision the layers that lose most by it stay as they are.

    Args:
        proto: `onnx.ModelProto` in float32.
        source: The `Source` with the calibration images.
        path: Path of the artefact; intermediate files lie beside it.
        symmetric: Whether activations are `int8` with the zero point 0, and
            biases real numbers, as TensorRT wants them. Defaults to `False`:
            activations are `uint8`.

    Returns:
        `onnx.ModelProto` with `QuantizeLinear` and `DequantizeLinear` nodes,
        and a `Conversion` without a file in float32.
    """
    rounding = OnnxRounding(onnx_graph.folded(proto, path), source, symmetric)
    batches = source.calibration_batches(MEASURED_IMAGES)
    layers = rounding.layers(batches)
    kept = []
    if source.variant.precision == "mixed":
        kept = kept_in_float(layers, rounding.scores)
    return rounding.proto(kept), Conversion.of(layers, kept, None)


class OnnxRounding:
    """An ONNX graph that is ready to be rounded, once or many times.

    The range of a tensor goes from the mean of the smallest to the mean of
    the largest values on the calibration images, as in `LitertRounding`.

    Args:
        proto: `onnx.ModelProto` in float32, whose constants are folded.
        source: The `Source` with the calibration images.
        symmetric: See `to_int8`.
    """

    def __init__(self, proto, source, symmetric):
        import onnx

        self._float = onnx.shape_inference.infer_shapes(proto)
        self._names = source.layer_names
        self._symmetric = symmetric
        self._ranges = _ranges(
            self._float, source.calibration_batches(SCALED_IMAGES)
        )
        self._whole = self._rounded()

    def proto(self, kept=()):
        """Rounds the graph.

        Args:
            kept: Sequence of `Layer` that stay in float. Defaults to none.

        Returns:
            `onnx.ModelProto`.
        """
        return self._rounded(kept) if kept else self._whole

    def _rounded(self, kept=()):
        import onnx
        from onnxruntime import quantization
        from onnxruntime.quantization import registry

        model = onnx.ModelProto()
        model.CopyFrom(self._float)
        method = quantization.CalibrationMethod.MinMax
        kinds = quantization.QuantType
        quantizer = quantization.QDQQuantizer(
            model,
            per_channel=True,
            reduce_range=False,
            weight_qType=kinds.QInt8,
            activation_qType=kinds.QInt8 if self._symmetric else kinds.QUInt8,
            tensors_range=quantization.TensorsData(method, self._ranges),
            nodes_to_quantize=[],
            nodes_to_exclude=[
                *maxima(self._float.graph),
                *(node for layer in kept for node in layer.nodes),
            ],
            op_types_to_quantize=sorted(
                {*registry.QDQRegistry, *registry.QLinearOpsRegistry}
            ),
            extra_options=SYMMETRIC if self._symmetric else {},
        )
        quantizer.quantize_model()
        rounded = quantizer.model.model
        onnx_graph.sort_nodes(rounded.graph)
        return rounded

    def layers(self, batches) -> list[Layer]:
        """Measures what each layer loses, given what it takes is exact.

        Args:
            batches: Batches of one image.

        Returns:
            List of `Layer`, largest error first.
        """
        probe, probed = onnx_probe.build(self._float, self._whole)
        session = _session(probe)
        outputs = [tensor for tensor, _ in probed.values()]
        rows = [session.run(outputs, {"images": batch}) for batch in batches]
        squares = np.mean(rows, axis=0)
        scales = [scale for _, scale in probed.values()]
        errors = np.sqrt(squares) / scales
        paths = {x.name: self._path(x) for x in self._float.graph.node}
        found = dict(zip(probed, errors.tolist(), strict=True))
        return layers_of(paths, found, self._names)

    def _path(self, node):
        """Finds a name that holds that of a layer, weights first."""
        weights = node.input[1:2] if node.op_type in _WEIGHTED else ()
        for path in (*weights, node.name, *node.output):
            if layer_name(path, self._names) in self._names:
                return path
        return node.name

    @property
    def scores(self) -> str:
        """Name of the operator that computes the scores."""
        graph = self._float.graph
        makers = {name: node for node in graph.node for name in node.output}
        node = makers[graph.output[0].name]
        while node.op_type in _MOVING:
            node = makers[node.input[0]]
        return node.name


def maxima(graph) -> list[str]:
    """Names the maxima over windows, and the operators next to them.

    Those are the sums and products of maxima, and what scales, normalises or
    moves the numbers that go in. They stay real numbers: ONNX Runtime takes
    several times as long for a maximum over integers, and has it see the
    integers where a `DequantizeLinear` comes just before.

    Args:
        graph: `onnx.GraphProto`.

    Returns:
        List of names of nodes.
    """
    makers = {name: node for node in graph.node for name in node.output}
    pooled = set()
    names = []
    for node in graph.node:
        combines = node.op_type in ("Add", "Mul")
        if node.op_type == "MaxPool":
            pooled.update(node.output)
            names.append(node.name)
            names += _before(node, makers)
        elif combines and pooled.intersection(node.input):
            names.append(node.name)
    return list(dict.fromkeys(names))


def _before(node, makers):
    """Names of the scaling and moving nodes that lead to a node."""
    for name in node.input:
        maker = makers.get(name)
        if maker is not None and maker.op_type in (*_SCALING, *_MOVING):
            yield maker.name
            yield from _before(maker, makers)


def _ranges(proto, batches):
    """Pairs of smallest and largest value of each tensor of real numbers."""
    import onnx

    tapped = onnx.ModelProto()
    tapped.CopyFrom(proto)
    names = [
        value.name
        for value in (*proto.graph.value_info, *proto.graph.output)
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    ]
    outputs = []
    # The last output is computed first; this order frees tensors early.
    for name in reversed(names):
        for kind in ("ReduceMin", "ReduceMax"):
            outputs.append(f"{name}/{kind}")
            onnx_probe.tap(tapped.graph, kind, name, outputs[-1])
    session = _session(tapped)
    rows = [session.run(outputs, {"images": batch}) for batch in batches]
    means = np.mean(rows, axis=0, dtype="float32").reshape(-1, 2)
    pairs = zip(reversed(names), means, strict=True)
    ranges = {name: tuple(pair) for name, pair in pairs}
    # From 0 to 255, so that a pixel stays the number that it is.
    return {**ranges, "images": (np.float32(0), np.float32(255))}


def _session(proto):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_threads()
    options.log_severity_level = 3
    # A plan of the memory is made for many runs, and takes more of it.
    options.enable_mem_pattern = False
    # Without its rearranged tensors, each of which would be put back to be
    # looked at.
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    )
    return onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
