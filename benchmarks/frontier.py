"""Accuracy over time: the packaged entries beside other libraries' decoders.

    python benchmarks/peers.py --peers build/peers-onnx --json peers.json
    python benchmarks/frontier.py --times peers.json
    python benchmarks/upsamplers.py --quick

The first measures all in one run. This keeps of it what docs/upsamplers.md
shows, in docs/frontier.json, and draws the plot; the last writes the page.
"""

import argparse
import json
from pathlib import Path

import point_names
from stores import markdown
from stores import recorded

from kerasseg.figures import new_figure
from kerasseg.figures import save_figure

ROOT = Path(__file__).parents[1]
STORE = ROOT / "docs" / "frontier.json"
PLOT = ROOT / "docs" / "upsamplers_frontier.png"
SCORES = {"mean_iou": "mean IoU, %", "boundary_f1": "boundary F1, %"}
HEADER = (
    *("model", *(f"{title}:" for title in SCORES.values())),
    *("time:", "milliseconds:"),
)
TICKS = (1, 1.5, 2, 3, 4, 5, 7)
SECTION = """\
## The packaged weights, beside other libraries' decoders

Here every packaged entry for CamVid has the weights that come with it, however
they were trained, and its own backbone. The time is relative to that of
{baseline} alone, in ONNX Runtime, one image of 352 x 480; all were measured in
one run on one machine ({processor}, {cores} cores). The models of
segmentation_models.pytorch have MobileNetV2 too. Only their times are shown:
weights of theirs for these classes are not available.

{table}
![Accuracy over time, with other libraries](upsamplers_frontier.png)

"""


def reduced(report):
    """What is kept of a report of `peers.py`.

    Args:
        report: Its JSON.

    Returns:
        The machine, the baseline, and ratio and median of each model.
    """
    return {
        "machine": report["machine"],
        "baseline": report["baseline"],
        "models": {
            result["name"]: {
                "ratio": round(result["ratio"], 3),
                "median_ms": round(result["median_ms"], 2),
            }
            for result in report["results"]
        },
    }


def section(record):
    """The part of the page, from the fastest model to the slowest.

    Args:
        record: What `reduced` returned.

    Returns:
        Markdown.
    """
    rows = []
    for name, times in by_time(record):
        scores = recorded(name, "metrics")
        cells = [
            f"`{name}`" if scores else name,
            *(f"{100 * scores[s]:.1f}" if scores else "-" for s in SCORES),
            f"{times['ratio']:.2f}",
            f"{times['median_ms']:.1f}",
        ]
        rows.append(cells)
    machine = record["machine"]
    return SECTION.format(
        baseline=record["baseline"],
        processor=machine["processor"],
        cores=machine["cores"],
        table=markdown(HEADER, rows),
    )


def by_time(record):
    """Names and times of all models but the baseline, the fastest first."""
    found = record["models"].items()
    others = [item for item in found if item[0] != record["baseline"]]
    return sorted(others, key=lambda item: item[1]["ratio"])


def plot(record, path):
    """Draws mean IoU and boundary F1 over the time.

    Args:
        record: What `reduced` returned.
        path: PNG file to write.
    """
    figure = new_figure((9, 9))
    shown = []
    for axes, (score, title) in zip(
        figure.subplots(2, sharex=True), SCORES.items(), strict=True
    ):
        points = []
        shown.append((axes, points))
        for name, times in by_time(record):
            scores, x = recorded(name, "metrics"), times["ratio"]
            if not scores:
                axes.axvline(x, color="gray", linestyle=":", linewidth=1)
                axes.text(
                    *(x, 0.02, f"{name} "),
                    transform=axes.get_xaxis_transform(),
                    rotation=90,
                    ha="right",
                    fontsize=7,
                    color="gray",
                )
                continue
            y = 100 * scores[score]
            axes.plot(x, y, "o")
            points.append((x, y, name))
        axes.set(ylabel=title)
        axes.set_xscale("log")
        axes.set_xticks(TICKS, labels=TICKS)
        axes.minorticks_off()
        axes.margins(0.12)
    baseline = record["baseline"]
    axes.set(xlabel=f"time in ONNX Runtime, relative to {baseline}")
    for axes, points in shown:
        point_names.write(axes, points, fontsize=7)
    save_figure(figure, path)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--times", type=Path, metavar="JSON")
    args = parser.parse_args()
    if args.times:
        report = json.loads(args.times.read_text(encoding="utf-8"))
        text = json.dumps(reduced(report), indent=1) + "\n"
        STORE.write_text(text, encoding="utf-8")
    plot(json.loads(STORE.read_text(encoding="utf-8")), PLOT)


if __name__ == "__main__":
    main()
