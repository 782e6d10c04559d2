"""The table of entries in README.md, from the `metrics.json` of each.

    python zoo/table.py            prints it
    python zoo/table.py --write    puts it into README.md
"""

import argparse
import json
import sys
from pathlib import Path

from kerasseg import zoo

EVIDENCE = Path(__file__).parent
README = EVIDENCE.parent / "README.md"
BEGIN = "<!-- made by `make table` from zoo/*/metrics.json -->\n"
END = "<!-- end of the table -->\n"


def metrics(name):
    """What was measured of an entry; empty where nothing is recorded yet."""
    path = EVIDENCE / name / "metrics.json"
    if not path.exists():
        return {}
    return json.loads(path.read_text(encoding="utf-8"))


def table():
    """The table in Markdown."""
    lines = [
        "| entry | what it is | parameters | scored on | mean IoU | "
        "pixel accuracy |",
        "| --- | --- | ---: | --- | ---: | ---: |",
    ]
    for name in zoo.names():
        entry, measured = zoo.info(name), metrics(name)
        cells = [
            f"`{name}`",
            entry.title,
            _count(measured.get("parameters") or entry.parameters),
            _scored_on(measured),
            _percent(measured.get("mean_iou")),
            _percent(measured.get("pixel_accuracy")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def with_table(text):
    """The text of README.md with the table of today in its place."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}{table()}{END}{tail}"


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
    if parser.parse_args().write:
        text = README.read_text(encoding="utf-8")
        README.write_text(with_table(text), encoding="utf-8")
    else:
        sys.stdout.write(table())


if __name__ == "__main__":
    main()
