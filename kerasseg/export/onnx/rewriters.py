"""What tf2onnx makes of TensorFlow's graph and ONNX cannot say, put right."""

# Convolution of TensorFlow -> its inputs, the bias included.
_INPUTS = {"Conv2D": 3, "Conv2DBackpropInput": 4}


def split_biases(graph, nodes):
    """Gives each convolution one bias, and adds the others after it.

    Keras adds a vector of channels as a bias too, and tf2onnx takes any bias
    after a convolution as an input of it, a second one as a fourth input.

    Args:
        graph: `tf2onnx.graph.Graph`, which is changed.
        nodes: Its nodes.

    Returns:
        The nodes of the graph, for the next rewriter.
    """
    for node in nodes:
        most = _INPUTS.get(node.type)
        if most is not None and len(node.input) > most:
            _split(graph, node, most)
    return graph.get_nodes()


def _split(graph, node, most):
    inputs, outputs = list(node.input), list(node.output)
    kind = {
        "shapes": [graph.get_shape(outputs[0])],
        "dtypes": [graph.get_dtype(outputs[0])],
        "skip_conversion": False,
    }
    graph.remove_node(node.name)
    name = f"{node.name}/convolution"
    last = graph.make_node(
        node.type, inputs[:most], attr=node.attr, name=name, **kind
    )
    biases = inputs[most:]
    for index, bias in enumerate(biases, 1):
        end = {"outputs": outputs} if index == len(biases) else {}
        name = f"{node.name}/bias_{index}"
        last = graph.make_node(
            "Add", [last.output[0], bias], name=name, **end, **kind
        )


REWRITERS = [split_biases]
