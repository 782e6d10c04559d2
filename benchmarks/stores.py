"""Results of long sweeps: cells in a JSON file, and a page made of them."""

import json
from pathlib import Path

ZOO = Path(__file__).parents[1] / "zoo"


def recorded(name, file):
    """The scores in a JSON file of an entry, empty where there is none."""
    path = ZOO / name / f"{file}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


class Store:
    """The cells that are done, in a JSON file."""

    def __init__(self, path):
        self.path = path
        self.content = {"machine": None, "cells": {}}
        self.read()

    def read(self):
        """Reads the file again, where there is one."""
        if self.path.exists():
            text = self.path.read_text(encoding="utf-8")
            self.content = json.loads(text)

    def get(self, row, *column):
        """The cell, or an empty dictionary."""
        return self.content["cells"].get(row, {}).get(" ".join(column), {})

    def put(self, row, *column, cell):
        """Adds or replaces a cell, and saves all."""
        cells = self.content["cells"].setdefault(row, {})
        cells[" ".join(column)] = cell
        self.save()

    def save(self):
        """Writes the JSON file, whole or not at all."""
        from kerasseg.files import atomic_json

        atomic_json(self.path, self.content)


def markdown(header, rows):
    """A Markdown table; a header ending in a colon is a column of numbers."""
    rules = ["---:" if cell.endswith(":") else "---" for cell in header]
    lines = [[cell.rstrip(":") for cell in header], rules, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write_page(store, render):
    """Writes the page that `render` makes of the content, beside the file."""
    page = store.path.with_suffix(".md")
    part = page.with_name(f".{page.name}")
    part.write_text(render(store.content), encoding="utf-8")
    part.replace(page)
    return page
