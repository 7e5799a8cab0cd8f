"""Notebooks: a script and an executed notebook with the same cells, and outputs that can be shown.

That the cells run is tested by nbmake (`make test`).
"""

import re
from pathlib import Path

import jupytext
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.py"))
PRINTS = re.compile(r"^\s*print\(|^plt\.show\(\)|\.plot\([^\n]*\)$", re.MULTILINE)
"""A cell with one of these shows something. Definitions that print are called in their own cell."""
MACHINE = re.compile(r"(?:/home|/root|/Users|/tmp|/work|/usr|site-packages|[A-Z]:\\)")
WIDEST = 76
"""Most characters of a line of code or of printed text: longer ones scroll on small screens."""
AGAIN = "run `.venv/bin/python docs/notebook_pages.py notebooks/{}.py`"


def script(name):
    return jupytext.read(ROOT / "notebooks" / f"{name}.py")


def executed(name):
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def lacking(notebook):
    """What a notebook lacks to be shown, one line for each finding."""
    found = []
    for number, cell in enumerate(notebook.cells):
        if cell.metadata:
            found.append(f"cell {number} has metadata, such as the time of its execution")
        if cell.cell_type != "code":
            continue
        printed = [output.get("text", "") for output in cell.outputs]
        for text in (cell.source, *printed):
            if wide := [line for line in text.splitlines() if len(line) > WIDEST]:
                found.append(f"cell {number} has a line of more than {WIDEST}: {wide[0]}")
        if cell.execution_count is None:
            found.append(f"cell {number} was not executed")
        if PRINTS.search(cell.source) and not cell.outputs:
            found.append(f"cell {number} shows something, and its output is lost")
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"cell {number} failed: {output.evalue}")
            elif output.get("name") == "stderr":
                found.append(f"cell {number} wrote a warning or progress: {output.text[:60]}")
            data = output.get("data", {})
            shown = output.get("text", "") + "".join(
                text for kind, text in data.items() if kind.startswith("text/")
            )
            if match := MACHINE.search(shown):
                found.append(f"cell {number} names a path of this machine: {match[0]}")
    return found


def test_there_are_notebooks_and_each_is_a_pair():
    assert len(NAMES) == 8
    assert sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb")) == NAMES
    assert all(f"notebooks/{name}.ipynb" in _index() for name in NAMES)


def _index():
    return (ROOT / "docs" / "notebooks.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_both_have_the_same_cells(name):
    cells = [
        [(cell.cell_type, cell.source) for cell in notebook.cells]
        for notebook in (script(name), executed(name))
    ]
    assert cells[0] == cells[1], AGAIN.format(name)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_kept_and_can_be_shown(name):
    notebook = executed(name)
    assert lacking(notebook) == [], AGAIN.format(name)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1)), AGAIN.format(name)
    assert set(notebook.metadata) == {"jupytext", "kernelspec"}


def _cell(source="x = 1", outputs=(), count=1, metadata=None):
    cell = nbformat.v4.new_code_cell(source, execution_count=count, metadata=metadata or {})
    cell.outputs = [nbformat.v4.new_output(kind, **data) for kind, data in outputs]
    return nbformat.v4.new_notebook(cells=[cell])


@pytest.mark.parametrize(
    ("notebook", "said"),
    [
        (_cell(), None),
        (_cell("print(1)", [("stream", {"text": "1\n"})]), None),
        (_cell("print(1)"), "its output is lost"),
        (_cell("law.plot()"), "its output is lost"),
        (_cell(count=None), "was not executed"),
        (_cell(f"x = {'1' * WIDEST}"), "a line of more than"),
        (_cell("print(x)", [("stream", {"text": "1\n" + "1 " * WIDEST})]), "a line of more than"),
        (_cell(metadata={"execution": {}}), "metadata"),
        (_cell(outputs=[("error", {"evalue": "no"})]), "failed: no"),
        (_cell(outputs=[("stream", {"name": "stderr", "text": "10%"})]), "warning"),
        (_cell(outputs=[("stream", {"text": "in /home/me/x.py"})]), "names a path"),
        (_cell(outputs=[("display_data", {"data": {"text/plain": "/tmp/x"}})]), "names a path"),
    ],
)
def test_what_is_lacking_is_found(notebook, said):
    found = lacking(notebook)
    assert (said is None and not found) or any(said in line for line in found)
