"""The command loopstab anisotropy."""

import json
import subprocess
import sys

import pytest


def run(*args):
    return subprocess.run(
        [sys.executable, "-m", "loopstab", "anisotropy", *args],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_json_has_every_published_cell():
    done = run("--n", "10000", "--seed", "0", "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["summary"]["published_cells"] == 40
    assert data["summary"]["equal_to_descent"] == 30
    cells = [cell for row in data["rows"] for cell in row["cells"]]
    assert len(cells) == 40
    assert {cell["recall"] for cell in cells} == {"internal", "external"}


def test_table_for_other_scales_has_no_published_column_values():
    done = run("--n", "2000", "--scales", "0.3", "3")
    assert done.returncode == 0, done.stderr
    assert "descent" in done.stdout
    assert "published cells" not in done.stdout


def test_help_and_wrong_requests():
    assert "Example" in run("--help").stdout
    done = run("--n", "1")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_wrong_projection_is_noticed(monkeypatch, capsys):
    """Exit status 1 when the draws leave their law."""
    from loopstab.numerics.anisotropy import table as module
    from loopstab.paper_figures.commands.anisotropy import anisotropy

    monkeypatch.setattr(module, "nearest_stable", lambda recall, x, y: (x, y))
    assert anisotropy(n=2000, scales=(2.0,), json_=True) == 1
    assert json.loads(capsys.readouterr().out)["n"] == 2000


@pytest.mark.parametrize("words", ["standard errors", "With seed 0"])
def test_documented(words):
    assert words in " ".join(run("--help").stdout.split())
