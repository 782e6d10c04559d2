"""One table of all decoders trained on CamVid: writes docs/upsamplers.md.

    python benchmarks/upsamplers.py

Scores come from zoo/*/metrics.json (from comparison.json where the packaged
weights were trained on other terms than the rest, and from seed_*.json where
an entry was trained more than once); latency and training speed are measured
now, over the backbone alone, at 352 x 480 with two threads. `--quick` takes
the speeds from the last run, docs/upsamplers.json, and only writes the page
anew.
"""

import argparse
import json
import statistics
import tempfile
import textwrap
from pathlib import Path

import point_names
import timing
from stores import recorded

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SPEEDS = DOCS / "upsamplers.json"
BASELINE = "bilinear"
BATCH = 4
QUICK = 1.5  # Times the backbone alone that a decoder for slow devices takes.
PAGE = """\
# Upsamplers, side by side

How should coarse, deep features become a sharp mask? Here the decoders of the
zoo answer on equal terms: one backbone (MobileNetV2 1.0), one dataset
(CamVid, 360 x 480, 11 classes), one trained backbone to start from
([zoo/camvid_backbone](../zoo/camvid_backbone/README.md)), one schedule fixed in
advance (16 epochs of train + val, the blocks up to stride 4 frozen). The 233
test images were scored once for each; like those for training, they were
re-encoded from PNG to JPEG (quality 95, no chroma subsampling).

{verdict}
{summary}
In parentheses: the difference to `{baseline}`, which learns nothing but a 1x1
classifier. All differences on this page are taken before rounding. "Time" is
that of one image of 352 x 480 relative to the backbone alone, float32, two
threads. Boundary F1 counts boundary pixels that lie near true ones, see
`kerasseg.metrics.BoundaryF1`. Multiply-adds are those of the ONNX file.
"Training" is the rate on the CPU that measured the times
({processor}, {cores} cores), with the blocks up to stride 4 frozen.

{noise}
{other_terms}| entry | what it is | paper |
| --- | --- | --- |
{decoders}
## Near boundaries

Mean IoU of the pixels within a distance of a true boundary:

{trimap}
![Mean IoU near boundaries](upsamplers_trimap.png)

## Time and accuracy

![Accuracy over time](upsamplers_time.png)

{frontier}## By class

{classes}
Made by `python benchmarks/upsamplers.py` from `zoo/*/metrics.json`; do not
edit.
"""


def entries():
    """The trained entries on CamVid that have been scored, best first."""
    from kerasseg import zoo

    found = {}
    for name in zoo.names():
        scores = recorded(name, "comparison") or recorded(name, "metrics")
        if zoo.info(name).dataset == "camvid" and scores:
            found[name] = scores
    return dict(sorted(found.items(), key=lambda item: -item[1]["mean_iou"]))


def other_terms(found):
    """Says which packaged weights differ from those compared."""
    rows = [
        f"`{name}` ({percent(recorded(name, 'metrics')['mean_iou'])})"
        for name in found
        if recorded(name, "comparison")
    ]
    if not rows:
        return ""
    sentences = (
        f"The packaged weights of {', '.join(rows)} differ from those in the "
        "table, with the mean IoU in parentheses: they were trained longer, "
        "see their cards. The table shows a run on the terms of all."
    )
    return textwrap.fill(sentences, 79) + "\n\n"


def seeds(name, score):
    """A score of the runs with other seeds."""
    return [
        json.loads(path.read_text(encoding="utf-8"))[score]
        for path in sorted((ROOT / "zoo" / name).glob("seed_*.json"))
    ]


def multiply_adds(path):
    """Multiplications of the convolutions and products of an ONNX file."""
    import math

    import onnx

    graph = onnx.shape_inference.infer_shapes(onnx.load(path)).graph
    shapes = {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in [*graph.value_info, *graph.input, *graph.output]
    }
    shapes |= {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    total = 0
    for node in graph.node:
        first, *others = (shapes.get(name) for name in node.input[:2])
        output = shapes.get(node.output[0])
        if node.op_type == "Conv":
            total += math.prod(output) * math.prod(others[0][1:])
        elif node.op_type == "ConvTranspose":
            total += math.prod(first) * math.prod(others[0][1:])
        elif node.op_type in ("MatMul", "Gemm"):
            total += math.prod(output) * first[-1]
    return total


def measure(names, args):
    """Speeds of each entry: multiply-adds, time ratios, training rate."""
    import runners
    import subjects

    from kerasseg import export
    from kerasseg import zoo
    from kerasseg.cli.train import load_recipe

    speeds, runs, steps = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name in [None, *names]:
            model = (
                subjects.backbone_alone() if name is None else zoo.load(name)
            )
            stem = Path(folder) / (name or "backbone")
            for suffix, write, run in (
                (".onnx", export.to_onnx, runners.onnx_runner),
                (".tflite", export.to_litert, runners.litert_runner),
            ):
                path = stem.with_suffix(suffix)
                write(model, path, image_shape=subjects.IMAGE_SHAPE)
                runs[suffix, name] = run(path, args.threads)
            if name is None:
                continue
            speeds[name] = {
                "parameters": model.count_params(),
                "multiply_adds": multiply_adds(stem.with_suffix(".onnx")),
            }
            if zoo.info(name).subset:
                continue  # A level of another entry, trained along with it.
            recipe = load_recipe(ROOT / "zoo" / name / "recipe.py")
            steps[name] = subjects.training_step(
                subjects.trainer(recipe, model=subjects.frozen(model)),
                BATCH,
                subjects.IMAGE_SHAPE,
            )
        seconds = timing.in_turns(runs, args.rounds)
    for (suffix, name), taken in seconds.items():
        if name is not None:
            over = timing.ratio(taken, seconds[suffix, None])
            speeds[name][suffix] = over
    for name, taken in timing.in_turns(steps, max(args.rounds // 6, 2)).items():
        speeds[name]["images_per_second"] = BATCH / statistics.median(taken)
    return speeds


def table(header, rows):
    """A Markdown table, the first column of names, the others of numbers."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def percent(value):
    return f"{100 * value:.1f}"


def difference(value, base):
    same = base is None or value == base
    return "" if same else f" ({100 * (value - base):+.1f})"


def summary(found, speeds):
    base = found.get(BASELINE, {})
    rows = []
    for name, scores in found.items():
        speed = speeds[name]
        rows.append(
            [
                f"`{name}`",
                *(
                    percent(scores[score])
                    + difference(scores[score], base.get(score))
                    for score in ("mean_iou", "boundary_f1")
                ),
                f"{speed['parameters'] / 1e6:.2f} M",
                f"{speed['multiply_adds'] / 1e9:.2f} G",
                f"{speed['.onnx']:.2f}",
                f"{speed['.tflite']:.2f}",
                _rate(speed.get("images_per_second")),
            ]
        )
    return table(
        [
            "entry",
            "mean IoU, %",
            "boundary F1, %",
            "parameters",
            "multiply-adds",
            "time, ONNX Runtime",
            "time, LiteRT",
            "training, img/s",
        ],
        rows,
    )


def _rate(value):
    return "-" if value is None else f"{value:.1f}"


def noise(found):
    """How far runs with different seeds differ."""
    rows, furthest = [], {"mean_iou": 0, "boundary_f1": 0}
    for name, scores in found.items():
        if not seeds(name, "mean_iou"):
            continue
        row = [f"`{name}`"]
        for score in furthest:
            values = [scores[score], *seeds(name, score)]
            apart = max(values) - min(values)
            furthest[score] = max(furthest[score], apart)
            row += [", ".join(map(percent, values)), percent(apart)]
        rows.append(row)
    if not rows:
        return (
            "Each entry was trained once: how far two runs with different seeds"
            " differ was\nnot measured, and differences of half a point may be"
            " no more than that.\n"
        )
    sentences = (
        "Runs with different seeds differ by up to "
        f"{percent(furthest['mean_iou'])} points of mean IoU and "
        f"{percent(furthest['boundary_f1'])} of boundary F1: entries nearer to "
        "each other than that are within seed variance."
    )
    return f"{textwrap.fill(sentences, 79)}\n\n" + table(
        ["entry", "mean IoU of each, %", "difference"]
        + ["boundary F1 of each, %", "difference"],
        rows,
    )


def verdict(found, speeds):
    """What to choose, and what does not beat the baseline."""
    best = next(iter(found))
    quick = [n for n in found if speeds[n][".onnx"] <= QUICK]
    sentences = [
        f"The highest mean IoU is that of `{best}`, at "
        f"{speeds[best]['.onnx']:.1f} times the time of the backbone alone "
        "in ONNX Runtime"
    ]
    if quick and quick[0] != best:
        sentences.append(
            f"Of those that take {QUICK} times or less, it is `{quick[0]}`, "
            f"at {speeds[quick[0]]['.onnx']:.1f}"
        )
    base = found.get(BASELINE)
    for score in ("mean_iou", "boundary_f1") if base else ():
        worse = [
            f"`{name}`"
            for name, scores in found.items()
            if name != BASELINE and scores[score] <= base[score]
        ]
        title = score.replace("mean_iou", "mean IoU").replace("_f1", " F1")
        sentences.append(
            f"In {title}, {listed(worse)} did not beat `{BASELINE}`"
            if worse
            else f"In {title}, all beat `{BASELINE}`"
        )
    return textwrap.fill(". ".join(sentences) + ".", 79) + "\n"


def listed(names):
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def frontier_section():
    """What `frontier.py` measured of the packaged weights and of peers."""
    import frontier

    if not frontier.STORE.exists():
        return ""
    return frontier.section(json.loads(frontier.STORE.read_text("utf-8")))


def decoders(found):
    from kerasseg import zoo

    return "".join(
        f"| `{name}` | {zoo.info(name).title} | {zoo.info(name).paper} |\n"
        for name in found
    )


def plots(found, speeds):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for number, (name, scores) in enumerate(found.items()):
        curve = scores["trimap_iou"]
        axes.plot(
            [int(width) for width in curve],
            [100 * value for value in curve.values()],
            # There are ten colors.
            linestyle=("-", "--", ":")[number // 10],
            marker="o",
            markersize=3,
            label=name,
        )
    axes.set_xscale("log")
    widths = [int(width) for width in curve]
    axes.set_xticks(widths, labels=widths)
    axes.minorticks_off()
    axes.set(
        xlabel="distance to a true boundary, pixels",
        ylabel="mean IoU, %",
    )
    axes.legend(fontsize=8)
    figure.savefig(DOCS / "upsamplers_trimap.png", dpi=120)

    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    points = [
        (speeds[name][".onnx"], 100 * scores["mean_iou"], name)
        for name, scores in found.items()
    ]
    for x, y, _ in points:
        axes.plot(x, y, "o")
    axes.set(
        xlabel="time in ONNX Runtime, relative to the backbone alone",
        ylabel="mean IoU, %",
    )
    axes.margins(0.15)
    point_names.write(axes, points, fontsize=8)
    figure.savefig(DOCS / "upsamplers_time.png", dpi=120)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick", action="store_true", help="measure no speeds"
    )
    timing.add_arguments(parser, rounds=30)
    args = parser.parse_args()
    timing.set_up(args.threads)

    found = entries()
    if args.quick:
        record = json.loads(SPEEDS.read_text(encoding="utf-8"))
    else:
        before = timing.machine()
        record = {"machine": before, "speeds": measure(list(found), args)}
        SPEEDS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    speeds, machine = record["speeds"], record["machine"]
    found = {name: scores for name, scores in found.items() if name in speeds}
    names = [f"`{name}`" for name in found]
    widths = next(iter(found.values()))["trimap_iou"]
    classes = next(iter(found.values()))["per_class_iou"]
    page = PAGE.format(
        **machine,
        summary=summary(found, speeds),
        noise=noise(found),
        other_terms=other_terms(found),
        verdict=verdict(found, speeds),
        decoders=decoders(found),
        baseline=BASELINE,
        frontier=frontier_section(),
        trimap=table(
            ["within, pixels", *widths],
            [
                [f"`{name}`", *map(percent, scores["trimap_iou"].values())]
                for name, scores in found.items()
            ],
        ),
        classes=table(
            ["IoU, %", *names],
            [
                [
                    label,
                    *(
                        percent(s["per_class_iou"][label])
                        for s in found.values()
                    ),
                ]
                for label in classes
            ],
        ),
    )
    (DOCS / "upsamplers.md").write_text(page, encoding="utf-8")
    plots(found, speeds)


if __name__ == "__main__":
    main()
