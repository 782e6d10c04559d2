"""The notebooks: without outputs, of code that exists, and run at night."""

import os
import subprocess
import sys

import pages
import pytest
from source import ROOT

nbformat = pytest.importorskip("nbformat")

pytestmark = pytest.mark.one_backend

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# In a process of its own: a kernel warns of what our tests know nothing of.
EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=1800, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


def _code(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_three():
    assert len(NOTEBOOKS) == 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_are_clean_and_name_what_exists(path):
    first, *rest = cells = _code(path)
    assert not any(cell.outputs or cell.execution_count for cell in cells)
    lines = first.source.splitlines()
    assert all(line.startswith("#") for line in lines)
    pages.check_extras(first.source)
    assert "pip install" in first.source
    given = set()
    for cell in rest:
        pages.check_code(cell.source)
        unknown, given = pages.unknown_names(cell.source, given)
        assert not unknown


@pytest.mark.nightly
@pytest.mark.export
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs(path, tmp_path):
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    out = tmp_path / "out.ipynb"
    subprocess.run(
        [sys.executable, "-c", EXECUTE, str(path), str(out)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    shown = [output for cell in _code(out) for output in cell.outputs]
    assert any("image/png" in getattr(o, "data", {}) for o in shown)
    assert not any(o.output_type == "error" for o in shown)
