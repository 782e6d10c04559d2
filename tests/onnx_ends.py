"""Other ends for an ONNX graph from pixels to logits.

Each function changes the graph and returns what its sidecar then says. They
take `onnx.helper` and `onnx.TensorProto`, so that nothing is imported here.
"""


def with_mask(graph, helper, types):
    """Class ids at the end of the graph; what the sidecar says of them."""
    graph.node.append(
        helper.make_node("ArgMax", ["logits"], ["ids"], axis=3, keepdims=0)
    )
    graph.node.append(
        helper.make_node("Cast", ["ids"], ["mask"], to=types.UINT8)
    )
    sizes = [d.dim_value for d in graph.output[0].type.tensor_type.shape.dim]
    del graph.output[:]
    graph.output.append(
        helper.make_tensor_value_info("mask", types.UINT8, sizes[:3])
    )
    spec = {"name": "mask", "shape": sizes[:3], "dtype": "uint8"}
    return {"output": {**spec, "layout": "NHW"}}


def with_channels_first(graph, helper, types):
    """Channels before height and width, at both ends."""
    shape = [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim]
    depth = graph.output[0].type.tensor_type.shape.dim[3].dim_value
    for node in graph.node:
        for names, old in ((node.input, "images"), (node.output, "logits")):
            for i, name in enumerate(names):
                names[i] = f"inner_{old}" if name == old else name
    first = helper.make_node(
        "Transpose", ["images"], ["inner_images"], perm=[0, 2, 3, 1]
    )
    last = helper.make_node(
        "Transpose", ["inner_logits"], ["logits"], perm=[0, 3, 1, 2]
    )
    graph.node.insert(0, first)
    graph.node.append(last)
    ends = {}
    for end, name, channels in (
        ("input", "images", shape[3]),
        ("output", "logits", depth),
    ):
        sizes = [1, channels, *shape[1:3]]
        del getattr(graph, end)[:]
        getattr(graph, end).append(
            helper.make_tensor_value_info(name, types.FLOAT, sizes)
        )
        ends[end] = {"shape": sizes, "layout": "NCHW"}
    return ends


def with_bytes(graph, helper, types):
    """Pixels as `uint8`."""
    shape = [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim]
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = "floats" if name == "images" else name
    graph.node.insert(
        0, helper.make_node("Cast", ["images"], ["floats"], to=types.FLOAT)
    )
    del graph.input[:]
    graph.input.append(
        helper.make_tensor_value_info("images", types.UINT8, shape)
    )
    return {"input": {"dtype": "uint8"}}
