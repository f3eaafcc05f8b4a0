"""The notebook of the documentation runs and reproduces its stored outputs."""

import copy
import os
import re

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient

PATH = ROOT / "docs" / "notebook.ipynb"


def outputs(notebook):
    """Return what each cell shows: types, and texts without numbers, which differ between processors and clocks."""
    return [
        [(sorted(one.data), re.sub(r"[\d.]+", "#", one.data["text/plain"])) for one in cell.outputs if "data" in one]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.fixture(scope="module")
def kept():
    return nbformat.read(PATH, as_version=4)


def test_the_notebook_runs(kept, tmp_path):
    ran = copy.deepcopy(kept)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    NotebookClient(ran, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute(
        env=environment
    )
    assert outputs(ran) == outputs(kept)
    assert not list(tmp_path.iterdir())


def test_the_notebook_is_kept_as_it_ran(kept):
    assert PATH.stat().st_size < 250_000
    assert sum("image/png" in types for cell in outputs(kept) for types, _ in cell) == 2
    assert "/home/" not in PATH.read_text()
    assert "/tmp/" not in PATH.read_text()
    assert all(one.output_type != "error" for cell in kept.cells for one in cell.get("outputs", []))
