"""Checks and small changes of ONNX graphs."""

from pathlib import Path

import numpy as np

from kerasseg.export.errors import ExportError

STANDARD_DOMAINS = ("", "ai.onnx")


def refuse_foreign(proto) -> None:
    """Refuses operators outside the standard.

    Args:
        proto: `onnx.ModelProto`.

    Raises:
        ExportError: If there are any; they are named.
    """
    foreign = sorted(
        {
            f"{node.domain or 'standard'}:{node.op_type}"
            for node in proto.graph.node
            if node.domain not in STANDARD_DOMAINS
            or not _is_standard(node.op_type)
        }
    )
    if foreign:
        hint = (
            " A StatefulPartitionedCall is a function that XLA was to compile."
            if any("PartitionedCall" in name for name in foreign)
            else " Another exporter may have a form for them: "
            '`exporter="torch"` of `to_onnx`, on the command line '
            "`--exporter torch`."
        )
        raise ExportError(
            f"The ONNX graph holds operators that no runtime knows: "
            f"{', '.join(foreign)}.{hint}"
        )


def name_ends(graph, output: str) -> None:
    """Calls the input `images` and the output as the sidecar does.

    Args:
        graph: `onnx.GraphProto`, which is changed.
        output: Name of the output.

    Raises:
        ExportError: If there is more than one input or output.
    """
    if len(graph.input) != 1 or len(graph.output) != 1:
        raise ExportError(
            f"The ONNX graph must have one input and one output. Found "
            f"{len(graph.input)} and {len(graph.output)}."
        )
    names = {graph.input[0].name: "images", graph.output[0].name: output}
    for node in graph.node:
        for tensors in (node.input, node.output):
            for index, name in enumerate(tensors):
                tensors[index] = names.get(name, name)
    graph.input[0].name = "images"
    graph.output[0].name = output


def embed(graph, constants) -> None:
    """Makes inputs with known values part of the graph.

    Args:
        graph: `onnx.GraphProto`, which is changed.
        constants: Arrays by the names of inputs.
    """
    from onnx import numpy_helper

    for tensor in list(graph.input):
        if tensor.name in constants:
            graph.input.remove(tensor)
            graph.initializer.append(
                numpy_helper.from_array(constants[tensor.name], tensor.name)
            )


def repeat_plainly(graph) -> None:
    """Writes nearest-neighbor resizes as later versions of ONNX have them.

    tf2onnx takes a mode that they dropped, for which ONNX Runtime has no fast
    path and TensorRT no rounding. For whole factors, each value is repeated;
    for others, the value is taken whose half-pixel center is the nearest.

    Args:
        graph: `onnx.GraphProto`, which is changed.
    """
    from onnx import numpy_helper

    factors = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in graph.initializer
    }
    for node in graph.node:
        attributes = {attribute.name: attribute for attribute in node.attribute}
        mode = attributes.get("coordinate_transformation_mode")
        if node.op_type != "Resize" or mode.s != b"tf_half_pixel_for_nn":
            continue
        scales = factors.get(node.input[2])
        if scales is not None and scales.size and not (scales % 1).any():
            mode.s = b"asymmetric"
        else:
            mode.s = b"half_pixel"
            attributes["nearest_mode"].s = b"round_prefer_ceil"


def name_sizes(proto) -> None:
    """States the size of what a resize by a fraction returns.

    tf2onnx writes the factor alone, in float32, and the product with the size
    of the input may be a little less than the whole number that was meant.

    Args:
        proto: `onnx.ModelProto`, which is changed.
    """
    from onnx import numpy_helper

    factors = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in proto.graph.initializer
    }
    for node in proto.graph.node:
        scales = factors.get((*node.input[2:], "")[0])
        if node.op_type != "Resize" or scales is None or len(node.input) > 3:
            continue
        if not (scales % 1).any():
            continue
        shape = _shape_of(proto, node.input[0])
        sizes = np.round(np.multiply(shape, scales, dtype="float64"))
        # Runtimes multiply in one or the other.
        products = [
            np.multiply(shape, scales, dtype=kind)
            for kind in ("float32", "float64")
        ]
        if (np.floor(products) != sizes).any():
            name = f"{node.output[0]}/sizes"
            value = numpy_helper.from_array(sizes.astype("int64"), name)
            proto.graph.initializer.append(value)
            node.input[2] = ""
            node.input.append(name)


def _shape_of(proto, name):
    """The shape of a tensor, known from the nodes before it."""
    import onnx

    graph = onnx.shape_inference.infer_shapes(proto).graph
    found = {value.name: value for value in (*graph.value_info, *graph.input)}
    axes = found[name].type.tensor_type.shape.dim
    return [axis.dim_value for axis in axes]


def drop_regions(graph) -> None:
    """Takes the empty regions of interest from resizes.

    tf2onnx writes them, and no mode that it uses reads them. In half precision
    ONNX Runtime would reorder their axes, which they do not have.

    Args:
        graph: `onnx.GraphProto`, which is changed.
    """
    empty = {t.name for t in graph.initializer if 0 in t.dims}
    for node in graph.node:
        if node.op_type == "Resize" and empty.intersection(node.input[1:2]):
            node.input[1] = ""
    _drop_unused(graph, empty)


def _drop_unused(graph, names):
    """Takes constants of these names from a graph where nothing reads them."""
    used = set(_read_names(graph))
    for tensor in list(graph.initializer):
        if tensor.name in names and tensor.name not in used:
            graph.initializer.remove(tensor)


def _read_names(graph):
    """Names of the tensors that a graph, or a branch in it, reads."""
    yield from (value.name for value in graph.output)
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            yield from _read_names(attribute.g)


def add_negatives(graph) -> None:
    """Adds the negative of a constant where it is subtracted.

    PyTorch's exporter subtracts the means of batch normalization. ONNX Runtime
    merges sums and products into the convolution before them, but no
    differences, nor what comes after one.

    Args:
        graph: `onnx.GraphProto`, which is changed.
    """
    from onnx import numpy_helper

    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        tensor = constants.get((*node.input[1:], "")[0])
        if node.op_type != "Sub" or tensor is None:
            continue
        values = -numpy_helper.to_array(tensor)
        node.op_type = "Add"
        node.input[1] = f"{node.output[0]}/negative"
        graph.initializer.append(numpy_helper.from_array(values, node.input[1]))
    _drop_unused(graph, constants)


def folded(proto, path):
    """Merges constants, scales and biases into convolutions.

    Batch normalization after a depthwise convolution reaches us as a product
    and a sum. Quantized one by one, they would cost points of mean IoU.

    Args:
        proto: `onnx.ModelProto` in float32.
        path: Path of the artifact; the intermediate file lies beside it.

    Returns:
        `onnx.ModelProto` of standard operators that computes the same.
    """
    import onnx
    import onnxruntime

    target = Path(path).with_suffix(".folded.onnx")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # The basic level knows only operators of the standard.
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    )
    options.optimized_model_filepath = str(target)
    onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    merged = onnx.load(str(target))
    _drop_stale_shapes(merged.graph)
    return merged


def _drop_stale_shapes(graph):
    """Forgets merged tensors, whose shapes ONNX Runtime goes on listing."""
    made = {name for node in graph.node for name in node.output}
    known = [value for value in graph.value_info if value.name in made]
    del graph.value_info[:]
    graph.value_info.extend(known)


def sort_nodes(graph) -> None:
    """Puts every node after the nodes whose results it takes.

    Args:
        graph: `onnx.GraphProto`, which is changed.

    Raises:
        ExportError: If the graph has a circle.
    """
    known = {"", *(tensor.name for tensor in graph.input)}
    known.update(tensor.name for tensor in graph.initializer)
    waiting, ordered = list(graph.node), []
    while waiting:
        later = []
        for node in waiting:
            if known.issuperset(node.input):
                known.update(node.output)
                ordered.append(node)
            else:
                later.append(node)
        if len(later) == len(waiting):
            raise ExportError("The ONNX graph has a circle.")
        waiting = later
    del graph.node[:]
    graph.node.extend(ordered)


def _is_standard(op_type):
    import onnx

    return onnx.defs.has(op_type)
