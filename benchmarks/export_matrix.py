"""Every trained entry in every format, verified and timed: docs/export.md.

    python benchmarks/export_matrix.py --files build/matrix

Each entry is exported at its own image size, with a proof on test images of
its dataset; int8 is calibrated on the training images. The files of an entry
are timed in turns, each in a process of its own (`kerasseg.benchmark`). What
an exporter refuses is shown with its reason.

A cell of the matrix is stored in docs/export.json as it is done, and done
again only if the weights, the version of kerasseg, or the images have changed
since; its time is kept where only the images have. `--again` does all anew.
NVIDIA's builder makes engines without a GPU, where `kerasseg[tensorrt-rtx]` is
installed; each of these cells is resumed likewise (`benchmarks/engines.py`).
`--rounds 0` exports without timing, for a busy machine: a later call times
what has no time yet. `--render` writes the page from the JSON file alone.
"""

import argparse
import gc
import json
import tempfile
from pathlib import Path

import engines
import timing
from stores import Store
from stores import markdown
from stores import write_page

from kerasseg.formats import FORMATS as FACTS

ROOT = Path(__file__).parents[1]
CELLS = (
    ("saved_model", "float32"),
    ("litert", "float32"),
    ("litert", "float16"),
    ("litert", "int8"),
    ("onnx", "float32"),
    ("onnx", "float16"),
    ("onnx", "int8"),
    ("openvino", "float32"),
)
BASE = ("onnx", "float32")
FORMATS = (*dict.fromkeys(form for form, _ in CELLS), engines.FORM)
# The fall of the mean IoU that is aimed at, in [0, 1].
AIMS = {"float32": 1e-4, "float16": 0.001, "int8": 0.01}
VERIFIED, REFUSED, FAILED = "verified", "refused", "failed"


def stamp(entry, images):
    """What a cell depends on; it is stale where this has changed."""
    import kerasseg

    return {
        "weights_sha256": entry.sha256,
        "kerasseg": kerasseg.__version__,
        "image_shape": list(entry.image_shape),
        "dataset": entry.dataset,
        "images": images,
    }


def file_of(folder, name, form, precision):
    """Where the file of a cell is."""
    return folder / f"{name}_{form}_{precision}{FACTS[form].suffix}"


def images_of(entry, count):
    """Test images, evenly spread over the split; all for a count of 0."""
    from kerasseg import data

    # Some datasets have no public masks for their test images.
    scores = ROOT.joinpath("zoo", entry.name, "metrics.json")
    split = json.loads(scores.read_text(encoding="utf-8"))["split"]
    dataset = data.load(entry.dataset, split)
    step = max(1, len(dataset) // count) if count else 1
    return dataset.subset(dataset.names[::step][: count or None])


def exported(entry, model, path, form, precision, images, **options):
    """Exports one cell: its status, and the report or the reason."""
    from kerasseg import data
    from kerasseg import export

    if form != "saved_model":
        options["precision"] = precision
    try:
        if precision == "int8":
            options["calibration"] = data.load(entry.dataset, "train")
        report = getattr(export, f"to_{form}")(
            model,
            path,
            image_shape=entry.image_shape,
            verify_on=images,
            labels=entry.labels,
            **options,
        )
    except export.ExportError as error:
        return {"status": REFUSED, "reason": " ".join(str(error).split())}
    except Exception as error:  # One cell must not end a night's work.
        text = " ".join(str(error).split())
        return {"status": FAILED, "reason": f"{type(error).__name__}: {text}"}
    figures = report.to_json()
    del figures["path"]
    return {"status": VERIFIED, "reason": None, "report": figures}


def is_done(cell, mark, path, timed):
    """Whether a stored cell holds, with its file if that is yet to be timed."""
    if cell.get("stamp") != mark or cell["status"] == FAILED:
        return False
    waiting = cell["status"] == VERIFIED and timed and not cell.get("timing")
    return path.exists() or not waiting


def export_all(args, store, entry, folder):
    """Exports the cells of an entry that are missing or stale."""
    from kerasseg import zoo

    mark = stamp(entry, args.images)
    wanted = [cell for cell in CELLS if cell[0] in args.formats]
    waiting = wanted and untimed(store, entry, wanted, mark, args.again)
    if args.rounds and waiting:
        # Its file is what the others are compared with.
        wanted = list(dict.fromkeys([BASE, *wanted]))
    model = images = None
    for form, precision in wanted:
        path = file_of(folder, entry.name, form, precision)
        cell = store.get(entry.name, form, precision)
        needed = args.rounds and (form, precision) == BASE
        held = is_done(cell, mark, path, args.rounds)
        if held and not args.again and (path.exists() or not needed):
            continue
        print(f"{entry.name}: {form} {precision}", flush=True)
        if model is None:
            model = zoo.load(entry.name)
            images = images_of(entry, args.images)
        time = {} if args.again else kept_time(cell, mark)
        cell = exported(entry, model, path, form, precision, images)
        if cell["status"] == VERIFIED:
            cell = {**cell, **time}
        cell = {"stamp": mark, **cell}
        store.put(entry.name, form, precision, cell=cell)
        if cell["reason"]:
            print(f"  {cell['status']}: {cell['reason']}", flush=True)


def build_all(args, store, entry, folder):
    """Builds the engines of an entry that are missing or stale."""
    from kerasseg import zoo

    if engines.FORM not in args.formats:
        return
    made = []

    def export_one(precision, **options):
        if not made:
            images = images_of(entry, engines.IMAGES)
            made.extend((zoo.load(entry.name), images))
        path = file_of(folder, entry.name, engines.FORM, precision)
        cell = (engines.FORM, precision)
        return exported(entry, made[0], path, *cell, made[1], **options)

    mark = stamp(entry, args.images)
    engines.build_all(args, store, entry, mark, export_one)


def kept_time(cell, mark):
    """The time of a cell that is only verified anew, on other images."""
    old = {**cell.get("stamp", {}), "images": mark["images"]}
    if old != mark or "timing" not in cell:
        return {}
    return {"timing": cell["timing"]}


def untimed(store, entry, wanted, mark, again=False):
    """Whether some cell has to be exported or timed."""
    cells = [store.get(entry.name, *cell) for cell in wanted]
    return again or any(
        cell.get("stamp") != mark
        or cell["status"] == FAILED
        or (cell["status"] == VERIFIED and not cell.get("timing"))
        for cell in cells
    )


def time_all(args, store, entry, folder):
    """Times the files of an entry that have no time yet, and the baseline."""
    from kerasseg import benchmark

    paths = {
        cell: file_of(folder, entry.name, *cell)
        for cell in CELLS
        if store.get(entry.name, *cell).get("status") == VERIFIED
    }
    todo = [
        cell
        for cell, path in paths.items()
        if path.exists() and not store.get(entry.name, *cell).get("timing")
    ]
    if not todo:
        return
    based = BASE in paths and paths[BASE].exists()
    cells = list(dict.fromkeys([*([BASE] if based else []), *todo]))
    targets = [benchmark.Target.from_file(paths[cell]) for cell in cells]
    machine = {**timing.machine(), "threads": args.threads}
    store.content["machine"] = machine
    timings = benchmark.measure(
        targets, threads=args.threads, rounds=args.rounds
    )
    for cell, taken in zip(cells, timings, strict=True):
        figures = taken.to_json(timings[0] if based else None)
        for key in ("name", "path"):
            del figures[key]
        old = store.get(entry.name, *cell)
        store.put(entry.name, *cell, cell={**old, "timing": figures})


def render(content):
    """The page, from the content of the JSON file."""
    every = sorted(content["cells"])
    own = {" ".join(cell) for cell in CELLS}
    # Of some, engines alone were built.
    names = [name for name in every if own & set(content["cells"][name])]
    parts = [
        HEAD.format(**_conditions(content)),
        _summary(content, names, _change),
        LATENCY,
        _summary(content, names, _latency),
        *engines.section(content, every),
    ]
    parts += [_section(name, content["cells"][name]) for name in names]
    return "\n".join(parts)


HEAD = """\
# The exported files, measured

<!-- made by benchmarks/export_matrix.py from docs/export.json -->

Every trained entry in every format. Before a file appears it is run in its
own runtime on images that the entry is scored on (test, or val where the test
images have no public masks), and compared with the Keras model; a file that
differs too much is refused. The latency ratio is to the ONNX float32 file of
the same entry, in ONNX Runtime, with the files taking turns in processes of
their own.

An exported file takes images of one size, to which these images and masks are
brought first. Where they differ from it in size, as those of nuclei do, the
mean IoU here differs from that in the README and on the entry's card, which
score each image at its own size. The images of CamVid were re-encoded from PNG
to JPEG (quality 95, no chroma subsampling) before.

{conditions}

## Change of the mean IoU, in points

Bold: the score falls by more than the aim (0.01 for float32, 0.1 for float16,
1.0 for int8). "refused": the exporter wrote no file; the reason is below. "-":
not done.
"""

LATENCY = """\
## Latency relative to the ONNX float32 file

Below 1 is faster. Float16 files are for processors that compute in float16;
where one computes in float32 they are smaller, not faster. Entries were timed
on different days: to compare them, use
[Upsamplers, side by side](upsamplers.md), not the milliseconds below.
"""


def _conditions(content):
    machine = content.get("machine") or {}
    own = [" ".join(cell) for cell in CELLS]
    entries = content["cells"].values()
    cells = [cells[k] for cells in entries for k in own if k in cells]
    versions = {}
    for cell in cells:
        versions.update(cell.get("report", {}).get("versions", {}))
    lines = [
        f"Machine: {machine.get('processor', 'not timed yet')}, "
        f"{machine.get('threads', '?')} threads."
    ]
    if versions:
        listed = ", ".join(f"{n} {v}" for n, v in sorted(versions.items()))
        lines.append(f"Versions: {listed}.")
    return {"conditions": "\n".join(lines)}


def _summary(content, names, text):
    """A table of entries and formats, with a text for each cell."""
    header = ["entry", *(f"{_title(*cell)}:" for cell in CELLS)]
    rows = []
    for name in names:
        cells = content["cells"][name]
        found = [cells.get(" ".join(cell), {}) for cell in CELLS]
        rows.append([f"`{name}`", *map(text, found)])
    return markdown(header, rows)


def _section(name, cells):
    own = [cells.get(" ".join(cell)) for cell in CELLS]
    first = next(filter(None, own), next(iter(cells.values())))["stamp"]
    height, width, _ = first["image_shape"]
    count = first["images"] or "all"
    lines = [
        f"## {name}\n",
        f"{height} x {width}, {count} scored images of {first['dataset']}, "
        f"weights `{first['weights_sha256'][:8]}`.\n",
    ]
    header = (
        "file",
        "mask agreement:",
        "mean IoU:",
        "change:",
        "MB:",
        "latency ratio:",
        "ms:",
        "peak MB:",
    )
    rows, reasons = [], []
    for form, precision in CELLS:
        cell = cells.get(f"{form} {precision}")
        if cell is None:
            continue
        rows.append([_title(form, precision), *_figures(cell)])
        error = cell["reason"] or (cell.get("timing") or {}).get("error")
        if error:
            status = cell["status"] if cell["reason"] else "not timed"
            reasons.append(f"- {_title(form, precision)}, {status}: {error}\n")
    return "\n".join([*lines, markdown(header, rows), "".join(reasons)])


def _figures(cell):
    if cell["status"] != VERIFIED:
        return [cell["status"], *["-"] * 6]
    report, taken = cell["report"], cell.get("timing") or {}
    after = report["miou_after"]
    return [
        f"{100 * report['mask_agreement']:.3f} %",
        "-" if after is None else f"{100 * after:.2f} %",
        _change(cell),
        f"{report['bytes'] / 1e6:.2f}",
        _latency(cell),
        _number(taken.get("median_ms"), 1),
        _number((taken.get("peak_bytes") or 0) / 1e6 or None, 0),
    ]


def _change(cell):
    if cell.get("status") != VERIFIED:
        return cell.get("status", "-")
    report = cell["report"]
    if report["miou_before"] is None:
        return "-"
    change = report["miou_after"] - report["miou_before"]
    text = f"{100 * change:+.2f}"
    return f"**{text}**" if -change > AIMS[report["precision"]] else text


def _latency(cell):
    return _number((cell.get("timing") or {}).get("ratio"), 2)


def _title(form, precision):
    return f"{FACTS[form].title} {precision}"


def _number(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def run(args, folder, store):
    """Exports, times and writes, entry by entry."""
    import keras

    from kerasseg import zoo

    for name in args.entries or zoo.names():
        entry = zoo.info(name)
        if not (entry.is_trained and entry.dataset):
            continue
        export_all(args, store, entry, folder)
        build_all(args, store, entry, folder)
        keras.backend.clear_session()
        gc.collect()
        if args.rounds:
            time_all(args, store, entry, folder)
        write_page(store, render)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--entries", nargs="+", metavar="NAME", help="default: all trained"
    )
    parser.add_argument(
        "--formats", nargs="+", choices=FORMATS, default=FORMATS
    )
    parser.add_argument(
        "--images",
        type=int,
        default=48,
        help="test images of a proof, 0 for all; default 48",
    )
    parser.add_argument("--files", type=Path, metavar="DIR")
    parser.add_argument(
        "--json",
        type=Path,
        default=ROOT / "docs" / "export.json",
        help="the store; the page goes beside it; default docs/export.json",
    )
    parser.add_argument("--rounds", type=int, default=20, help="default 20")
    parser.add_argument("--threads", type=int, default=2, help="default 2")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--render", action="store_true")
    args = parser.parse_args()
    store = Store(args.json)
    if not args.render:
        timing.set_up(args.threads)
        with tempfile.TemporaryDirectory() as scratch:
            folder = args.files or Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            run(args, folder, store)
    print(write_page(store, render))


if __name__ == "__main__":
    main()
