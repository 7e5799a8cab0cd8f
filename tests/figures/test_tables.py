"""Tables of the commands fit a terminal of 80 columns."""

import pytest

from loopstab.paper_figures.commands.crossvalidate import TABLES
from loopstab.paper_figures.text.tables import print_rows

ROW = {
    "checkpoint": "prefix-sums-external-post-s0",
    "level": "easy",
    "expected": "fixed-point",
    "measured": "fixed-point: 30, aperiodic: 2",
    "decided at loop": "500: 30, 2000: 2",
    "rho(W_x)": 0.987654,
    "rho": 0.912345,
    "loops": 1234.0,
    "predicted": 1234.5,
    "acc 30": 0.98765,
    "acc 500": 0.98765,
    "mismatches": 12,
}


@pytest.mark.parametrize("columns", TABLES.values(), ids=TABLES)
def test_words_of_the_crossvalidation_are_not_broken(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    print_rows([{name: ROW[name] for name in ("checkpoint", *columns)}], "title")
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    words = [
        word
        for name in columns
        for value in (name, ROW[name])
        if isinstance(value, str)
        for word in value.split()
    ]
    assert all(word in text for word in words), text


def test_no_column_is_left_out():
    assert {"checkpoint", *(name for columns in TABLES.values() for name in columns)} == set(ROW)
