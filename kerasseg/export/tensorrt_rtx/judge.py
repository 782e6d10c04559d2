"""What NVIDIA's builder says of an ONNX file."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kerasseg.export.errors import ExportError
from kerasseg.export.quantization import layer_name
from kerasseg.export.tensorrt_rtx import builder
from kerasseg.export.tensorrt_rtx import library

TIME_LIMIT = 600
SCRIPT = Path(builder.__file__)
MAX_ERRORS = 3
_OUT_OF_MEMORY = ("bad_alloc", "out of memory", "failed to map segment")


@dataclasses.dataclass(frozen=True)
class Judgment:
    """A file that NVIDIA's builder made an engine of.

    Args:
        version: Version of TensorRT for RTX.
        layers: Number of layers of the parsed network.
        bytes: Size of the engine.
        seconds: Time of parsing and building, with the start of a process.
    """

    version: str
    layers: int
    bytes: int
    seconds: float

    def __str__(self):
        return (
            f"Built by NVIDIA's TensorRT for RTX {self.version}, not run: "
            f"{self.layers} layers, an engine of {self.bytes / 1e6:.1f} MB "
            f"for GPUs of compute capability {library.CAPABILITIES}, in "
            f"{self.seconds:.1f} s."
        )


def judge(
    graph,
    layers=(),
    engine=None,
    seconds: float | None = None,
    memory: int | None = None,
) -> Judgment:
    """Has NVIDIA's parser and builder try an ONNX file.

    They run in a process of their own, without a GPU. The engine is built,
    not run.

    Args:
        graph: Path of the `.onnx` file.
        layers: Names of the layers of the Keras model, to name the one that
            a refused node comes from. Defaults to none.
        engine: Path of the engine to write, or `None` to write none.
            Defaults to `None`.
        seconds: Time that it may take, or `None` for ten minutes. Defaults
            to `None`.
        memory: Bytes of memory that it may take, or `None` for those of the
            machine. Defaults to `None`.

    Returns:
        A `Judgment`.

    Raises:
        ImportError: If the libraries are missing, of another version, or for
            other machines.
        ExportError: If NVIDIA's code refuses the file, fails, or takes too
            long.
    """
    found = library.find()
    if found.folder is None:
        raise ImportError(found.reason)
    seconds = TIME_LIMIT if seconds is None else seconds
    start = time.perf_counter()
    answer = _answer(found.folder, graph, engine, seconds, memory)
    if answer["status"] == builder.WRONG_VERSION:
        raise ImportError(library.wrong_version(_spoken(answer["found"])))
    if answer["status"] == builder.REFUSED:
        raise ExportError(_refusal(answer["errors"], graph, layers))
    return Judgment(
        version=library.VERSION,
        layers=answer["layers"],
        bytes=answer["bytes"],
        seconds=time.perf_counter() - start,
    )


def _answer(folder, graph, engine, seconds, memory):
    """Runs the builder and reads what it wrote."""
    with tempfile.TemporaryDirectory(prefix="kerasseg-tensorrt-") as scratch:
        result = Path(scratch) / "result.json"
        order = {
            "folder": str(folder),
            "graph": str(graph),
            "engine": str(engine) if engine else None,
            "result": str(result),
            "memory": memory or _memory(),
        }
        command = [sys.executable, "-I", str(SCRIPT), json.dumps(order)]
        try:
            ended = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ExportError(
                f"NVIDIA's builder gave no answer on {Path(graph).name} in "
                f"{seconds:g} s and was ended."
            ) from error
        if ended.returncode == 0 and result.exists():
            return json.loads(result.read_text(encoding="utf-8"))
    raise ExportError(_failure(ended, graph))


def _memory():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _failure(ended, graph):
    """Says how the process ended that gave no answer."""
    output = (ended.stderr or ended.stdout).decode("utf-8", "replace")
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    tail = f" Its last words: {lines[-1][:300]}" if lines else ""
    if _is_memory(output):
        return f"NVIDIA's builder ran out of memory on {Path(graph).name}."
    if ended.returncode >= 0:
        return (
            f"NVIDIA's builder failed on {Path(graph).name} with exit code "
            f"{ended.returncode}.{tail}"
        )
    name = _signal(-ended.returncode)
    hint = ", perhaps for lack of memory" if name == "SIGKILL" else ""
    return (
        f"NVIDIA's builder crashed on {Path(graph).name} ({name}{hint}).{tail}"
    )


def _signal(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _is_memory(text):
    return any(words in text for words in _OUT_OF_MEMORY)


def _refusal(errors, graph, layers):
    if any(_is_memory(error["text"]) for error in errors):
        return f"NVIDIA's builder ran out of memory on {Path(graph).name}."
    nodes = _nodes(graph)
    shown = errors[:MAX_ERRORS]
    messages = [_described(error, nodes, layers) for error in shown]
    rest = len(errors) - len(messages)
    more = f"; and {rest} more" if rest > 0 else ""
    return (
        f"NVIDIA's TensorRT for RTX {library.VERSION} refuses the graph: "
        f"{'; '.join(messages) or 'it does not say why'}{more}"
    )


def _described(error, nodes, layers):
    """An error with its node, and the layer that the node comes from."""
    node = error.get("node") or _named_in(error["text"], nodes)
    if not node:
        return error["text"]
    kind = error.get("operator") or nodes.get(node, "node")
    layer = layer_name(node, layers)
    origin = f" of the layer {layer!r}" if layer in layers else ""
    return f"{kind} {node!r}{origin}: {error['text']}"


def _nodes(graph):
    """Dictionary from names of nodes and tensors to operators."""
    import onnx

    try:
        found = onnx.load(str(graph), load_external_data=False).graph
    except Exception:  # What is no ONNX file has no nodes to name.
        return {}
    names = {tensor.name: "constant" for tensor in found.initializer}
    for node in found.node:
        names.update({name: node.op_type for name in node.output if name})
    names.update({n.name: n.op_type for n in found.node if n.name})
    return names


def _named_in(text, nodes):
    """The longest name of a node that a text contains."""
    return max((name for name in nodes if name in text), key=len, default="")


def _spoken(number):
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"
