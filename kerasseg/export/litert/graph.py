"""Reading, writing and naming LiteRT graphs."""

from kerasseg.export.errors import require


def parse(content):
    """Reads the bytes of a file.

    Args:
        content: Bytes of the file.

    Returns:
        `ModelT`, which can be changed.
    """
    return _schema().ModelT.InitFromPackedBuf(content, 0)


def pack(graph) -> bytes:
    """Writes the bytes of a file.

    Args:
        graph: `ModelT`.

    Returns:
        Bytes of the file.
    """
    import flatbuffers

    builder = flatbuffers.Builder(0)
    builder.Finish(graph.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def operator_name(graph, op) -> str:
    """Names an operator, as in `"CONV_2D"` or the name of a custom one.

    Args:
        graph: `ModelT` that holds it.
        op: `OperatorT`.

    Returns:
        The name.
    """
    code = graph.operatorCodes[op.opcodeIndex]
    if code.customCode:
        return code.customCode.decode()
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    names = vars(_schema().BuiltinOperator).items()
    return next(name for name, value in names if value == number)


def lowest(tensor) -> int:
    """The lowest integer of a quantized tensor.

    Args:
        tensor: `TensorT` of 8 bits.

    Returns:
        -128 or 0.
    """
    return -128 if tensor.type == _schema().TensorType.INT8 else 0


def with_signature(content, output) -> bytes:
    """Adds the signature `serving_default` to a graph of one input and output.

    Args:
        content: Bytes of the file.
        output: Name of the output; the input is `images`.

    Returns:
        Bytes of the file.
    """
    schema = _schema()
    graph = parse(content)
    # The others are the bodies of loops.
    main = graph.subgraphs[0]
    ends = []
    for name, tensors in (("images", main.inputs), (output, main.outputs)):
        end = schema.TensorMapT()
        end.name = name
        (end.tensorIndex,) = (int(index) for index in tensors)
        ends.append([end])
    signature = schema.SignatureDefT()
    signature.signatureKey = "serving_default"
    signature.inputs, signature.outputs = ends
    graph.signatureDefs = [signature]
    return pack(graph)


def _schema():
    return require("ai_edge_litert.schema_py_generated", "litert")
