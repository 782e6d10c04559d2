"""ONNX graphs in half precision and in int8."""

from pathlib import Path

from kerasseg.export import onnx_graph

# Options of ONNX Runtime for TensorRT.
SYMMETRIC = {"ActivationSymmetric": True, "QuantizeBias": False}


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

    Weights get one scale for each filter, activations one for each tensor,
    from the smallest and the largest value that the calibration images
    cause.

    Args:
        proto: `onnx.ModelProto` in float32.
        source: The `Source` with the calibration images.
        path: Path of the artefact; intermediate files lie beside it.
        symmetric: Whether activations are `int8` with the zero point 0, and
            biases real numbers, as TensorRT wants them. Defaults to `False`:
            activations are `uint8`.

    Returns:
        `onnx.ModelProto` with `QuantizeLinear` and `DequantizeLinear` nodes.
    """
    import onnx
    from onnxruntime import quantization

    proto = onnx_graph.folded(proto, path)
    # What its own preparation leaves behind, so that it does not ask for it.
    onnx.helper.set_model_props(
        proto, {"onnx.quant.pre_process": "onnxruntime.quant"}
    )
    rounded = Path(path).with_suffix(".rounded.onnx")
    quantization.quantize_static(
        proto,
        str(rounded),
        _Reader(source),
        quant_format=quantization.QuantFormat.QDQ,
        per_channel=True,
        activation_type=(
            quantization.QuantType.QInt8
            if symmetric
            else quantization.QuantType.QUInt8
        ),
        weight_type=quantization.QuantType.QInt8,
        nodes_to_exclude=maxima(proto.graph),
        extra_options=SYMMETRIC if symmetric else {},
    )
    return onnx.load(str(rounded))


def maxima(graph) -> list[str]:
    """Names the maxima over windows, and the sums and products of these.

    They stay real numbers: ONNX Runtime takes several times as long for a
    maximum over integers.

    Args:
        graph: `onnx.GraphProto`.

    Returns:
        List of names of nodes.
    """
    pooled = set()
    names = []
    for node in graph.node:
        combines = node.op_type in ("Add", "Mul")
        if node.op_type == "MaxPool":
            pooled.update(node.output)
            names.append(node.name)
        elif combines and pooled.intersection(node.input):
            names.append(node.name)
    return names


class _Reader:
    """Calibration images in the form that ONNX Runtime asks for."""

    def __init__(self, source):
        self._batches = source.calibration_batches()

    def get_next(self):
        batch = next(self._batches, None)
        return None if batch is None else {"images": batch}
