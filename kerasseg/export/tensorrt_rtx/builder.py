"""NVIDIA's ONNX parser and builder at work, in a process of its own.

`kerasseg.export.tensorrt_rtx.judge` starts this file as a script, since code
that others compiled may crash, hang or take all memory. It imports nothing of
kerasseg.

The libraries have no Python bindings. Their C++ objects are called through
their virtual tables; `SLOTS` says where a method stands in them, which holds
for `VERSION` alone.
"""

import ctypes
import json
import os
import resource
import sys
from pathlib import Path

VERSION = (1, 7, 1)
PARSER_VERSION = (0, 1, 0)
LIBRARY = "libtensorrt_rtx.so.1.7.1"
PARSER_LIBRARY = "libtensorrt_onnxparser_rtx.so.1.7.1"
# Method of a C++ class -> its place in the virtual table.
SLOTS = {
    "Builder.create_config": 5,
    "Builder.create_network": 6,
    "Builder.build": 11,
    "Config.flags": 7,
    "Config.clear_flag": 8,
    "Config.count_capabilities": 56,
    "Network.count_layers": 12,
    "Memory.address": 2,
    "Memory.size": 3,
    "Parser.parse_file": 1,
    "Parser.count_errors": 3,
    "Parser.error": 4,
    "Error.text": 1,
    "Error.node": 6,
    "Error.operator": 7,
}
# Number formats are those of the ONNX file.
STRONGLY_TYPED = 1 << 0
# A flag that is on by default and rounds factors of float32 to 10 bits.
TF32 = 6
ERROR, WARNING = 1, 2
MAX_LINES = 8
BUILT, REFUSED, WRONG_VERSION = "built", "refused", "wrong version"

_POINTER = ctypes.c_void_p


class Log:
    """An object with the virtual table of NVIDIA's logger.

    It keeps the first errors. What ctypes made for it must live as long.
    """

    def __init__(self):
        self.lines = []
        number = ctypes.CFUNCTYPE(ctypes.c_int32, _POINTER)
        text = ctypes.CFUNCTYPE(_POINTER, _POINTER)
        nothing = ctypes.CFUNCTYPE(None, _POINTER)
        listen = ctypes.CFUNCTYPE(
            None, _POINTER, ctypes.c_int32, ctypes.c_char_p
        )
        self._kind = ctypes.create_string_buffer(b"ILogger")
        kind = ctypes.addressof(self._kind)
        self._methods = (
            number(lambda this: 0),
            text(lambda this: kind),
            nothing(lambda this: None),
            nothing(lambda this: None),
            listen(self._heard),
        )
        places = [ctypes.cast(m, _POINTER).value for m in self._methods]
        self._table = (_POINTER * len(places))(*places)
        self._instance = _POINTER(ctypes.addressof(self._table))
        self.address = _POINTER(ctypes.addressof(self._instance))

    def _heard(self, this, severity, text):
        if severity <= ERROR and len(self.lines) < MAX_LINES:
            self.lines.append(text.decode("utf-8", "replace").strip())


def method(name, instance, result, *arguments):
    """Calls a virtual method.

    Args:
        name: Key of `SLOTS`.
        instance: Address of the object.
        result: Ctypes type of the result.
        *arguments: Ctypes values.

    Returns:
        The result.
    """
    width = ctypes.sizeof(_POINTER)
    table = _POINTER.from_address(instance).value
    place = _POINTER.from_address(table + width * SLOTS[name]).value
    types = [_POINTER, *(type(argument) for argument in arguments)]
    return ctypes.CFUNCTYPE(result, *types)(place)(instance, *arguments)


def implementation(instance):
    """The object that one of NVIDIA's public objects hands its calls to.

    Args:
        instance: Address of the public object.

    Returns:
        Address of the other one, which stands behind its virtual table.
    """
    width = ctypes.sizeof(_POINTER)
    return _POINTER.from_address(instance + width).value


def run(folder, graph, engine=None) -> dict:
    """Parses an ONNX file and builds an engine.

    Args:
        folder: Folder of the libraries.
        graph: Path of the `.onnx` file.
        engine: File to write, or `None`. Defaults to `None`.

    Returns:
        Dictionary with `status` and what belongs to it.
    """
    mode = ctypes.RTLD_GLOBAL
    library = ctypes.CDLL(str(Path(folder) / LIBRARY), mode=mode)
    found = library.getInferLibVersion()
    if found != number(VERSION):
        return {"status": WRONG_VERSION, "found": found}
    parsers = ctypes.CDLL(str(Path(folder) / PARSER_LIBRARY), mode=mode)
    log = Log()
    builder = maker(library.createInferBuilder_INTERNAL, 1)(
        log.address, number(VERSION)
    )
    if not builder:
        return refusal(log)
    builder = implementation(builder)
    network = method(
        "Builder.create_network",
        builder,
        _POINTER,
        ctypes.c_uint32(STRONGLY_TYPED),
    )
    parser = maker(parsers.createNvOnnxParser_INTERNAL, 2)(
        network, log.address, number(PARSER_VERSION)
    )
    name = ctypes.c_char_p(os.fsencode(graph))
    level = ctypes.c_int32(WARNING)
    if not method("Parser.parse_file", parser, ctypes.c_bool, name, level):
        return refusal(log, parser)
    return built(builder, network, engine) or refusal(log)


def maker(function, pointers):
    """Declares one of the functions that make the first objects.

    Args:
        function: The function of a library.
        pointers: Number of addresses that it takes, before a version.

    Returns:
        The function.
    """
    function.restype = _POINTER
    function.argtypes = [*[_POINTER] * pointers, ctypes.c_int32]
    return function


def built(builder, network, engine):
    """Builds an engine of a parsed network.

    Args:
        builder: Address of the builder.
        network: Address of the network.
        engine: File to write, or `None`.

    Returns:
        Dictionary on the engine, or `None` where none came out.
    """
    config = method("Builder.create_config", builder, _POINTER)
    settings = implementation(config)
    method("Config.clear_flag", settings, None, ctypes.c_int32(TF32))
    memory = method(
        "Builder.build", builder, _POINTER, _POINTER(network), _POINTER(config)
    )
    if not memory:
        return None
    memory = implementation(memory)
    size = method("Memory.size", memory, ctypes.c_size_t)
    if engine:
        address = method("Memory.address", memory, _POINTER)
        content = (ctypes.c_char * size).from_address(address)
        Path(engine).write_bytes(content)
    count = method("Config.count_capabilities", settings, ctypes.c_int32)
    return {
        "status": BUILT,
        "layers": method(
            "Network.count_layers", implementation(network), ctypes.c_int32
        ),
        "bytes": size,
        "capabilities": count,
        "flags": method("Config.flags", settings, ctypes.c_uint32),
    }


def refusal(log, parser=None) -> dict:
    """Gathers what NVIDIA's code says against a file.

    Args:
        log: The `Log`.
        parser: Address of the parser that refused it. Defaults to `None`.

    Returns:
        Dictionary with the texts, each with node and operator where known.
    """
    errors = []
    if parser:
        count = method("Parser.count_errors", parser, ctypes.c_int32)
        for index in range(min(count, MAX_LINES)):
            error = method(
                "Parser.error", parser, _POINTER, ctypes.c_int32(index)
            )
            errors.append({k: words(error, k) for k in WORDS})
    if not errors:
        errors = [{"text": line} for line in log.lines]
    return {"status": REFUSED, "errors": errors}


WORDS = ("text", "node", "operator")


def words(error, kind) -> str:
    """Reads a text of a parser's error.

    Args:
        error: Address of the error.
        kind: `"text"`, `"node"` or `"operator"`.

    Returns:
        The text.
    """
    found = method(f"Error.{kind}", error, ctypes.c_char_p) or b""
    return found.decode("utf-8", "replace").strip()


def number(version) -> int:
    """Writes a version as NVIDIA's libraries do.

    Args:
        version: `(major, minor, patch)`.

    Returns:
        An integer.
    """
    major, minor, patch = version
    return 10000 * major + 100 * minor + patch


def main() -> None:
    """Does what the JSON text in the last argument says."""
    order = json.loads(sys.argv[-1])
    if order["memory"]:
        limit = (order["memory"], order["memory"])
        resource.setrlimit(resource.RLIMIT_AS, limit)
    result = run(order["folder"], order["graph"], order["engine"])
    Path(order["result"]).write_text(json.dumps(result), encoding="utf-8")
    # NVIDIA's objects are not taken apart: the process ends with them.
    os._exit(0)


if __name__ == "__main__":
    main()
