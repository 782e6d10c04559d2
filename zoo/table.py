"""The tables of README.md, of the page of entries and of the cards.

Scores are from zoo/*/metrics.json, formats from docs/export.json. The scores
that `kerasseg list` and `info` show are written too, into the package.

python zoo/table.py            prints the table of all entries
python zoo/table.py --write    puts all tables and scores into their files
"""

import argparse
import functools
import json
import sys
import textwrap
from pathlib import Path

from kerasseg import zoo
from kerasseg.files import json_text
from kerasseg.formats import FORMATS
from kerasseg.score_titles import score_title
from kerasseg.zoo.entries import SCORES

EVIDENCE = Path(__file__).parent
README = EVIDENCE.parent / "README.md"
PAGE = EVIDENCE.parent / "docs" / "entries.md"
BEGIN = "<!-- made by `make table` from zoo/*/metrics.json -->\n"
END = "<!-- end of the table -->\n"
EXPORTS = EVIDENCE.parent / "docs" / "export.json"
# What README.md shows: the best of each kind.
BEST = (
    "lrr_4x_efficientnet_lite0",
    "lrr_4x",
    "ipixel_dcl",
    "fcn_8s",
    "lrr_4x_nuclei",
    "lrr_4x_idd",
    "lrr_4x_animals",
)

SUMMARY = (
    "mean_iou",
    "mean_accuracy",
    "pixel_accuracy",
    "frequency_weighted_iou",
    "boundary_iou",
    "boundary_f1",
)
# What the package tells of each entry.
PACKAGED = ("mean_iou", "boundary_f1", "pixel_accuracy")


def measurements(name, file="metrics.json"):
    """What was measured of an entry; empty where nothing is recorded yet."""
    path = EVIDENCE / name / file
    if not path.exists():
        return {}
    return json.loads(path.read_text(encoding="utf-8"))


@functools.cache
def exported():
    """What became of each exported file that was run, by entry."""
    if not EXPORTS.exists():
        return {}
    entries = json.loads(EXPORTS.read_text(encoding="utf-8"))["cells"]
    ran = {
        name: {
            cell: result
            for cell, result in cells.items()
            # Engines are built there and not run.
            if not FORMATS[cell.partition(" ")[0]].needs_gpu
        }
        for name, cells in entries.items()
    }
    return {name: cells for name, cells in ran.items() if cells}


def table(names=None, home="zoo", terms=False):
    """The table of some entries in Markdown; of all, if none are named.

    `home` is the folder of the cards, from the page; `terms` adds a column.
    """
    rows = []
    for name in names or zoo.names():
        entry, measured = zoo.info(name), measurements(name)
        rows.append(
            (
                f"[`{name}`]({home}/{name}/README.md)"
                if measured
                else f"`{name}`",
                entry.title,
                _count(entry.parameters),
                _scored_on(measured),
                _percent(measured.get("mean_iou")),
                _percent(measured.get("boundary_f1")),
                _percent(measured.get("pixel_accuracy")),
                *([entry.terms or "-"] if terms else []),
            )
        )
    return _markdown(
        (
            "entry",
            "what it is",
            "trainable parameters:",
            "scored on",
            "mean IoU:",
            "boundary F1:",
            "pixel accuracy:",
            *(["terms of the training data"] if terms else []),
        ),
        rows,
    )


def card_tables(name):
    """The tables of the card of an entry: scores, classes, ablation."""
    measured = measurements(name)
    parts = [
        f"{_scored_on(measured)}; {measured['protocol']}. Command: "
        f"`{measured['command']}`.\n",
        _markdown(
            ("score", "%:"),
            [(score_title(k), _percent(measured[k])) for k in SUMMARY],
        ),
        _markdown(
            ("class", "IoU:"),
            [(k, _percent(v)) for k, v in measured["per_class_iou"].items()],
        ),
        "Mean IoU near true boundaries, by the distance in pixels:\n",
        _markdown(
            ("within", *(f"{width}:" for width in measured["trimap_iou"])),
            [("mean IoU", *map(_percent, measured["trimap_iou"].values()))],
        ),
    ]
    several = measurements(name, "multi_scale.json")
    if several:
        parts.append(_several_scales(several))
    if name in exported():
        parts.append(_formats(exported()[name]))
    ablation = measurements(name, "ablation.json")
    if ablation:
        parts += [
            f"Ablation, mean IoU on {ablation['split']} after "
            f"{ablation['epochs']} epochs each:\n",
            _ablation_table(ablation["scores"]),
        ]
    return "\n".join(parts)


def _several_scales(measured):
    """The scores at several scales, in a sentence, and their command."""
    text = (
        f"At several scales ({measured['protocol']}): mean IoU "
        f"{_percent(measured['mean_iou'])}, boundary F1 "
        f"{_percent(measured['boundary_f1'])}. Command: "
    )
    text = textwrap.fill(text, 79, break_on_hyphens=False)
    return f"{text}\n`{measured['command']}`.\n"


def _formats(cells):
    """Which of the formats were tried, and which are not recommended."""
    refused = [cell for cell in cells if cells[cell]["status"] != "verified"]
    slower = [cell for cell in cells if _is_slower(cell, cells)]
    verdict = [
        f"Not recommended: {_formats_listed(refused)}, refused for what "
        "quantization loses."
        if refused
        else "All are verified."
    ]
    if slower:
        verdict.append(
            f"{_formats_listed(slower)} is not faster than float32 on the "
            "processor measured."
        )
    titles = dict.fromkeys(FORMATS[c.partition(" ")[0]].title for c in cells)
    text = (
        f"Exported as {len(cells)} files in {len(titles)} formats "
        f"({', '.join(titles)}), with scores and times: [The exported files, "
        f"measured](../../docs/export.md). {' '.join(verdict)}"
    )
    return textwrap.fill(text, 79, break_on_hyphens=False) + "\n"


def _is_slower(cell, cells):
    """Whether an int8 file takes as long as the float32 file of its format."""
    form, _, precision = cell.partition(" ")
    times = [
        (cells.get(f"{form} {other}", {}).get("timing") or {}).get("median_ms")
        for other in (precision, "float32")
    ]
    return precision == "int8" and None not in times and times[0] >= times[1]


def _formats_listed(cells):
    parts = (cell.partition(" ") for cell in cells)
    return ", ".join(
        f"{FORMATS[form].title} {number}" for form, _, number in parts
    )


def _ablation_table(scores):
    levels = next(iter(scores.values()))
    rows = [
        (level, *(_percent(s[level]["mean_iou"]) for s in scores.values()))
        for level in levels
    ]
    return _markdown(("prediction", *(f"{name}:" for name in scores)), rows)


def with_tables(text, tables):
    """A text with the tables of today between its two markers."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}{tables}{END}{tail}"


def packaged_scores():
    """The scores that the package tells of each entry, in JSON."""
    scores = {
        name: {key: measured[key] for key in PACKAGED}
        for name in zoo.names()
        if (measured := measurements(name))
    }
    return json_text(scores)


def files():
    """Each file with tables, and the tables it is to hold."""
    found = {README: table(BEST), PAGE: table(home="../zoo", terms=True)}
    for name in zoo.names():
        if measurements(name):
            found[EVIDENCE / name / "README.md"] = card_tables(name)
    return found


def _markdown(header, rows):
    """A Markdown table; a header ending in a colon is a column of numbers."""
    rules = ["---:" if cell.endswith(":") else "---" for cell in header]
    lines = [[cell.rstrip(":") for cell in header], rules, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _count(value):
    return "-" if value is None else f"{value / 1e6:.2f} M"


def _percent(value):
    return "-" if value is None else f"{100 * value:.1f} %"


def _scored_on(measured):
    if not measured:
        return "architecture only"
    return "{data}, {split} ({images} images)".format(**measured)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true")
    if not parser.parse_args().write:
        sys.stdout.write(table())
        return
    for path, tables in files().items():
        text = path.read_text(encoding="utf-8")
        path.write_text(with_tables(text, tables), encoding="utf-8")
    SCORES.write_text(packaged_scores(), encoding="utf-8")


if __name__ == "__main__":
    main()
