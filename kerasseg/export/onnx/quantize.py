"""ONNX graphs in half precision and in int8."""

import numpy as np

from kerasseg.export.onnx import graph as graphs
from kerasseg.export.onnx import probe as probes
from kerasseg.export.onnx import ranges as learning
from kerasseg.export.quantization import MEASURED_IMAGES
from kerasseg.export.quantization import SCALED_IMAGES
from kerasseg.export.quantization import Conversion
from kerasseg.export.quantization import LayerError
from kerasseg.export.quantization import check_finite
from kerasseg.export.quantization import kept_in_float
from kerasseg.export.quantization import layer_name
from kerasseg.export.quantization import layers_of
from kerasseg.export.runtime import available_threads

_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
# Options of ONNX Runtime for TensorRT, which fuses what follows a weighted
# operator: an integer between the two would be in its way.
SYMMETRIC = {"ActivationSymmetric": True, "QuantizeBias": False}
INPUTS_ONLY = {
    **SYMMETRIC,
    "OpTypesToExcludeOutputQuantization": list(_WEIGHTED),
}
# Weighted operators with fewer input channels a group stay in float: for each
# channel of a depthwise int8 convolution TensorRT stores kilobytes.
MIN_CHANNELS = 8
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
# Operators that scale and normalize what goes into a maximum.
_SCALING = ("Div", "Mul", "Neg", "Softmax")


def to_float16(proto, path):
    """Types the tensors of a graph as float16, all but its ends.

    Args:
        proto: `onnx.ModelProto` in float32.
        path: Path of the artifact; intermediate files lie beside it.

    Returns:
        `onnx.ModelProto` that casts its pixels to float16 and its logits
        back.
    """
    from onnxruntime.transformers import float16

    proto = float16.convert_float_to_float16(
        graphs.folded(proto, path), keep_io_types=True, op_block_list=[]
    )
    graphs.sort_nodes(proto.graph)
    return proto


def to_int8(
    proto, frozen, path, symmetric=False, learned=None, weight_bits=8
):
    """Puts quantizing and dequantizing nodes around the operators.

    Weights get one scale for each filter, activations one for each tensor.
    In mixed precision the layers that lose most by it stay as they are.

    Args:
        proto: `onnx.ModelProto` in float32.
        frozen: The `FrozenModel` with the calibration images.
        path: Path of the artifact; intermediate files lie beside it.
        symmetric: Whether activations are `int8` with the zero point 0, and
            biases and everything but the inputs and weights of convolutions
            and matrix products in float, as TensorRT wants them.
            Defaults to `False`: activations are `uint8`.
        learned: Dictionary from the name of a tensor to a range that holds
            instead of that of the calibration images. Defaults to none.
        weight_bits: 8, or 7 for weights in -64..64. Defaults to 8.

    Returns:
        `onnx.ModelProto` with `QuantizeLinear` and `DequantizeLinear` nodes,
        and a `Conversion` without a file in float32.
    """
    folded = graphs.folded(proto, path)
    quantizer = OnnxQuantizer(
        folded, frozen, symmetric, learned, weight_bits
    )
    batches = frozen.calibration_batches(MEASURED_IMAGES)
    layers = quantizer.layers(batches)
    kept = []
    if frozen.options.precision == "mixed":
        kept = kept_in_float(layers, quantizer.logits)
    return quantizer.proto(kept), Conversion.of(
        layers, kept, None, quantizer.learned
    )


class OnnxQuantizer:
    """An ONNX graph that is ready to be quantized, once or many times.

    The range of a tensor goes from the mean of the smallest to the mean of
    the largest values on the calibration images, as in `LiteRTQuantizer`.

    Args:
        proto: `onnx.ModelProto` in float32, whose constants are folded.
        frozen: The `FrozenModel` with the calibration images.
        symmetric: See `to_int8`.
        learned: See `to_int8`. Defaults to none.
        weight_bits: See `to_int8`. Defaults to 8.
    """

    def __init__(self, proto, frozen, symmetric, learned=None, weight_bits=8):
        import onnx

        self._float = onnx.shape_inference.infer_shapes(proto)
        self._names = frozen.layer_names
        self._symmetric = symmetric
        self._weight_bits = weight_bits
        self._ranges = _ranges(
            self._float, frozen.calibration_batches(SCALED_IMAGES)
        )
        self.learned = self._learn(learned or {})
        self._whole = self._quantized()

    def _learn(self, learned):
        """Takes learned ranges where their tensors still are; how many."""
        if self._symmetric:
            learned = learning.symmetric(learned)
        found = {
            name: (np.float32(low), np.float32(high))
            for name, (low, high) in learned.items()
            if name in self._ranges
        }
        self._ranges.update(found)
        return len(found)

    def proto(self, kept=()):
        """Quantizes the graph.

        Args:
            kept: Sequence of `LayerError` that stay in float. Defaults to none.

        Returns:
            `onnx.ModelProto`.
        """
        return self._quantized(kept) if kept else self._whole

    def _quantized(self, kept=(), everywhere=False):
        import onnx
        from onnxruntime import quantization

        kinds, options, exact = self._settings(everywhere)
        model = onnx.ModelProto()
        model.CopyFrom(self._float)
        method = quantization.CalibrationMethod.MinMax
        types = quantization.QuantType
        quantizer = quantization.QDQQuantizer(
            model,
            per_channel=True,
            reduce_range=self._weight_bits == 7,
            weight_qType=types.QInt8,
            activation_qType=types.QInt8 if self._symmetric else types.QUInt8,
            tensors_range=quantization.TensorsData(method, self._ranges),
            nodes_to_quantize=[],
            nodes_to_exclude=[
                *exact,
                *(node for layer in kept for node in layer.nodes),
            ],
            op_types_to_quantize=kinds,
            extra_options=options,
        )
        quantizer.quantize_model()
        quantized = quantizer.model.model
        graphs.sort_nodes(quantized.graph)
        return quantized

    def _settings(self, everywhere):
        """Operators to quantize, options, and nodes that stay in float."""
        from onnxruntime.quantization import registry

        if self._symmetric and not everywhere:
            exact = light_products(self._float.graph)
            return list(_WEIGHTED), INPUTS_ONLY, exact
        kinds = {*registry.QDQRegistry, *registry.QLinearOpsRegistry}
        options = SYMMETRIC if self._symmetric else {}
        return sorted(kinds), options, max_poolings(self._float.graph)

    def layers(self, batches) -> list[LayerError]:
        """Measures what each layer loses, given what it takes is exact.

        Args:
            batches: Batches of one image.

        Returns:
            List of `LayerError`, largest error first.
        """
        whole = self._whole
        if self._symmetric:
            # An error can be measured where the output is quantized.
            whole = self._quantized(everywhere=True)
        probe, probed = probes.build(self._float, whole)
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
    def logits(self) -> str:
        """Name of the operator that computes the logits."""
        graph = self._float.graph
        makers = {name: node for node in graph.node for name in node.output}
        node = makers[graph.output[0].name]
        while node.op_type in _MOVING:
            node = makers[node.input[0]]
        return node.name


def light_products(graph) -> list[str]:
    """Names the convolutions and matrix products that are cheap in float.

    Those are products of two computed tensors, and those with few input
    channels a group, such as depthwise convolutions.

    Args:
        graph: `onnx.GraphProto`.

    Returns:
        List of names of nodes.
    """
    shapes = {tensor.name: tensor.dims for tensor in graph.initializer}
    # Position of the input channels in the shape of the weights.
    positions = {"Conv": 1, "ConvTranspose": 0, "Gemm": 0, "MatMul": -2}
    return [
        node.name
        for node in graph.node
        if node.op_type in _WEIGHTED
        and not _is_heavy(shapes.get(node.input[1]), positions[node.op_type])
    ]


def _is_heavy(shape, position):
    return (
        shape is not None and len(shape) > 1 and shape[position] >= MIN_CHANNELS
    )


def max_poolings(graph) -> list[str]:
    """Names the max poolings, and the operators next to them.

    Those are the sums and products of max poolings, and what scales, normalizes
    or moves the numbers that go in. They stay float: ONNX Runtime takes several
    times as long for a maximum over integers, and has it see the integers where
    a `DequantizeLinear` comes just before.

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
    """Pairs of smallest and largest value of each float tensor."""
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
            probes.tap(tapped.graph, kind, name, outputs[-1])
    session = _session(tapped)
    rows = [session.run(outputs, {"images": batch}) for batch in batches]
    means = np.mean(rows, axis=0, dtype="float32").reshape(-1, 2)
    check_finite(means)
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
