"""Which entries NVIDIA's builder makes an engine of: a part of docs/export.md.

`export_matrix.py` calls this; a cell is the engine of an entry in a precision.
"""

from stores import markdown

PRECISIONS = ("float32", "float16", "int8")
FORM = "tensorrt_rtx"
# NVIDIA's verdict does not depend on the images; those of a proof take longer.
IMAGES = 8
TITLE = "TensorRT for RTX builds it"

ABOUT = """\
## TensorRT for RTX builds it

**Built by NVIDIA's builder, not run**: what `--to tensorrt-rtx` writes without
a GPU, with {version}. The size is that of the engine; behind it, the
part of the pixels that keep their class in the ONNX file that it is built from,
on {n} test images in ONNX Runtime. Builds on other GPUs or with TensorRT itself
may end otherwise. "refused": NVIDIA's words are below the table.
"""


def stamp(mark):
    """What a cell depends on, given what the others of the entry do."""
    from kerasseg.export.tensorrt_rtx import library

    return {**mark, "images": IMAGES, "builder": library.PACKAGE_VERSION}


def missing(store, name, mark, again=False):
    """The precisions that are not done, or with other weights."""
    cells = {p: store.get(name, FORM, p) for p in PRECISIONS}
    return [
        precision
        for precision, cell in cells.items()
        if again or cell.get("stamp") != mark or cell["status"] == "failed"
    ]


def build_all(args, store, entry, mark, export_one):
    """Builds the engines of an entry that are missing or stale.

    Args:
        args: The arguments of the command.
        store: The `Store`.
        entry: The entry of the zoo.
        mark: The stamp of the entry's other cells.
        export_one: Function from a precision and options to a cell.
    """
    from kerasseg import export
    from kerasseg.export.tensorrt_rtx import library

    reason = library.find().reason
    if reason:
        print(f"{entry.name}: no engines: {reason}", flush=True)
        return
    mark = stamp(mark)
    # Accuracy is what the other tables are about.
    gate = export.Gate(miou_loss=1.0, mask_agreement=0.0)
    for precision in missing(store, entry.name, mark, args.again):
        print(f"{entry.name}: {FORM} {precision}", flush=True)
        options = {} if precision == "float32" else {"gate": gate}
        cell = {"stamp": mark, **export_one(precision, **options)}
        store.put(entry.name, FORM, precision, cell=cell)
        if cell["reason"]:
            print(f"  {cell['status']}: {cell['reason']}", flush=True)


def section(content, names):
    """The part of the page: the table and the reasons; empty without cells."""
    rows, reasons, versions = [], [], set()
    for name in names:
        cells = [content["cells"][name].get(f"{FORM} {p}") for p in PRECISIONS]
        if not any(cells):
            continue
        rows.append([f"`{name}`", *map(_text, cells)])
        for precision, cell in zip(PRECISIONS, cells, strict=True):
            if cell and cell["reason"]:
                reasons.append(f"- `{name}` {precision}: {cell['reason']}\n")
            versions.add(_version(cell))
    if not rows:
        return []
    version = " and ".join(sorted(versions - {""})) or "no version"
    about = ABOUT.format(version=f"TensorRT for RTX {version}", n=IMAGES)
    header = ["entry", *(f"{precision}:" for precision in PRECISIONS)]
    table = markdown(header, rows)
    return [about, table, *(["".join(reasons)] if reasons else [])]


def _version(cell):
    versions = ((cell or {}).get("report") or {}).get("versions", {})
    return versions.get("tensorrt_rtx", "")


def _text(cell):
    if cell is None:
        return "-"
    if cell["status"] != "verified":
        return cell["status"]
    report = cell["report"]
    size, agreement = report["bytes"] / 1e6, 100 * report["mask_agreement"]
    return f"{size:.1f} MB, {agreement:.2f} %"
