"""Graphs within the graph: branches and the bodies of loops."""


def inline_decided(graph) -> None:
    """Replaces an `If` whose condition is known by the branch that it takes.

    A layer that asks for the size of its images becomes such a node. Some
    runtimes look at the other branch too, and refuse what would never run.

    Args:
        graph: `onnx.GraphProto`, which is changed.
    """
    from onnx import numpy_helper

    while True:
        known = {t.name: t for t in graph.initializer}
        decided = [
            index
            for index, node in enumerate(graph.node)
            if node.op_type == "If" and node.input[0] in known
        ]
        if not decided:
            return
        nodes, index = list(graph.node), decided[0]
        node = nodes[index]
        taken = bool(numpy_helper.to_array(known[node.input[0]]).item())
        wanted = "then_branch" if taken else "else_branch"
        branch = next(a.g for a in node.attribute if a.name == wanted)
        nodes[index : index + 1] = _inlined(node, branch, graph)
        del graph.node[:]
        graph.node.extend(nodes)


def _inlined(node, branch, graph):
    """The nodes of a branch, under names that are its own."""
    from onnx import helper

    own = {t.name for t in branch.initializer}
    own.update(name for inner in branch.node for name in inner.output if name)
    names = {name: f"{node.name}/{name}" for name in own}
    for tensor in branch.initializer:
        tensor.name = names[tensor.name]
        graph.initializer.append(tensor)
    for inner in branch.node:
        inner.name = f"{node.name}/{inner.name}"
        for tensors in (inner.input, inner.output):
            tensors[:] = [names.get(name, name) for name in tensors]
    ends = [
        helper.make_node(
            "Identity", [names.get(value.name, value.name)], [end], name=end
        )
        for value, end in zip(branch.output, node.output, strict=True)
    ]
    return [*branch.node, *ends]


def part_ends(graph) -> None:
    """Puts a node between what the body of a loop takes and hands on as it is.

    OpenVINO counts such an input twice, and refuses the loop.

    Args:
        graph: `onnx.GraphProto`, which is changed.
    """
    from onnx import helper

    for node in graph.node:
        for attribute in node.attribute:
            if not attribute.HasField("g"):
                continue
            body = attribute.g
            taken = {value.name for value in body.input}
            for value in body.output:
                if value.name in taken:
                    name = f"{value.name}/handed_on"
                    body.node.append(
                        helper.make_node("Identity", [value.name], [name], name)
                    )
                    value.name = name
            part_ends(body)
