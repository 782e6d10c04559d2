"""The page of `operators.py`, made from what it stored."""

import dataclasses

from stores import markdown

VERIFIED, REFUSED, FAILED = "verified", "refused", "failed"


@dataclasses.dataclass(frozen=True)
class Target:
    """A column of the table."""

    title: str
    function: str = ""
    suffix: str = ""
    backend: str = "tensorflow"


TARGETS = {
    "zoo": Target("zoo.save"),
    "saved_model": Target("SavedModel", "to_saved_model"),
    "litert": Target("LiteRT", "to_litert", ".tflite"),
    "onnx": Target("ONNX (tf2onnx)", "to_onnx", ".onnx"),
    "onnx_torch": Target("ONNX (torch)", "to_onnx", ".onnx", "torch"),
    "openvino": Target("OpenVINO", "to_openvino", ".xml"),
    "tensorrt": Target("TensorRT", "to_tensorrt", ".engine"),
}
HEAD = """\
# The layers of Keras, exported

<!-- made by benchmarks/operators.py from docs/operators.json -->

Every layer of `keras.layers` that a network from images to logits can have,
every function of `keras.activations`, and the smallest backbone of each family
of `keras.applications` with random weights, each in a small network. "yes": the
network was saved and loaded again with the same logits (`zoo.save`), or
exported, run in its own runtime and compared with the Keras model. A number:
refused, for the reason below the table. "-": not done yet. All are float32.

ONNX (torch): with the model on the PyTorch backend, as `exporter="torch"` has
it. OpenVINO and TensorRT start from the file of tf2onnx. TensorRT: {judge}

{share}

{versions}
"""


def render(content):
    """The page, from the content of the JSON file."""
    import nets

    cells = content["cells"]
    titles = [t for found in nets.families().values() for t in found]
    found = [c for t in titles for c in cells.get(t, {}).values() if c]
    parts = [HEAD.format(**_head(found, content["versions"]))]
    for family, rows in _sections(nets).items():
        parts.append(_section(family, rows, cells))
    parts.append(_left_out(nets))
    return "\n".join(parts)


def _head(found, versions):
    good = sum(cell["status"] == VERIFIED for cell in found)
    share = f"{100 * good / max(len(found), 1):.1f}"
    listed = {}
    for cell in found:
        used = versions[cell["stamp"]]
        listed.update({n: v for n, v in used.items() if v})
    built = any(cell.get("built") for cell in found)
    return {
        "share": f"Verified: {good} of {len(found)} cells, {share} %.",
        "versions": f"Versions: {', '.join(map(' '.join, listed.items()))}.",
        "judge": (
            "built by\nNVIDIA's builder of TensorRT for RTX, not run."
            if built
            else "compared\nwith what its builder took before."
        ),
    }


def _sections(nets):
    """The families, with those of one net each in one section."""
    families = nets.families()
    small = {n: t for n, t in families.items() if n not in nets.BACKBONES}
    return {**small, "backbones": list(nets.BACKBONES)}


def _section(family, titles, cells):
    reasons = []
    rows = []
    for title in titles:
        row = [f"`{title}`"]
        for target in TARGETS:
            cell = cells.get(title, {}).get(target)
            row.append(_mark(cell, reasons))
        rows.append(row)
    header = [family, *(t.title for t in TARGETS.values())]
    listed = "".join(f"{i}. {r}\n" for i, r in enumerate(reasons, 1))
    return f"## {family}\n\n{markdown(header, rows)}\n{listed}"


def _mark(cell, reasons):
    if not cell:
        return "-"
    if cell["status"] == VERIFIED:
        return "yes"
    if cell["reason"] not in reasons:
        reasons.append(cell["reason"])
    failed = "failed " if cell["status"] == FAILED else ""
    return f"{failed}{reasons.index(cell['reason']) + 1}"


def _left_out(nets):
    rows = [[f"`{n}`", reason] for n, reason in sorted(nets.LEFT_OUT.items())]
    return f"## In no network\n\n{markdown(['layer', 'reason'], rows)}"
