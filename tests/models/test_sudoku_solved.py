"""What our solver says of the puzzles of a file, and what it gives where the file has none."""

import json

import numpy as np
import pytest
from sudoku_sheet import COUNT, PUZZLES, sheet

from loopstab.models.tasks.sudoku import solved, sudoku_file
from loopstab.models.tasks.sudoku.solver import solve
from loopstab.models.tasks.table import Table
from loopstab.paper_figures.cli import main
from loopstab.support.errors import UsageError

TWO_SOLUTIONS = "12344321........"
"""By hand: the lower half may be 2143 3412 or 3412 2143."""
NO_SOLUTION = "1.......1......."


@pytest.mark.parametrize(
    ("puzzle", "name", "reason"),
    [
        (TWO_SOLUTIONS, "several", "the puzzle has more than one solution"),
        (NO_SOLUTION, "none", "the puzzle has no solution"),
    ],
)
def test_puzzles_without_one_solution(tmp_path, puzzle, name, reason):
    path = tmp_path / "s.txt"
    lines = [q for q, _, _ in PUZZLES] * 3
    path.write_text("\n".join([*lines[:4], puzzle, *lines[4:]]))
    table = sudoku_file.read(path)
    assert table.meta["malformed_lines"] == [[5, reason]]
    assert (table.meta["solver"][name], table.meta["solver"]["unique"]) == (1, 3 * COUNT)
    path.write_text("\n".join([puzzle, *lines[:20]]))
    with pytest.raises(UsageError, match=f"s.txt:1: {reason}; 1 of 21 rows are malformed"):
        sudoku_file.read(path)


def test_an_answer_that_is_another_solution(tmp_path):
    """The grid is valid and has the clues, but the puzzle has two solutions."""
    answer = TWO_SOLUTIONS[:8] + "21433412"
    assert [*map(int, answer)] in solve([int(c) if c != "." else 0 for c in TWO_SOLUTIONS], 2).grids
    path = tmp_path / "s.csv"
    rows = [f"{q},{a}" for q, a, _ in PUZZLES] * 2
    path.write_text("\n".join(["puzzle,solution", *rows, f"{TWO_SOLUTIONS},{answer}"]))
    assert sudoku_file.read(path).meta["malformed_lines"] == [
        [2 * COUNT + 2, "the puzzle has more than one solution"]
    ]


def test_the_solver_gives_up(monkeypatch):
    """Norvig's grid without a solution, which a search finds out after an hour."""
    grid = ".....5.8....6.1.43..........1.5........1.6...3.......553.....61........4........."
    monkeypatch.setattr(solved, "MOST_GUESSES", 50)
    question = np.array([[int(c) if c != "." else 0 for c in grid]])
    found = solved.Solved.of(question, 3)
    assert (found.solutions.tolist(), found.guesses.tolist()) == ([-1], [50])
    malformed = sudoku_file.Malformed("s")
    assert not found.good(np.array([3]), malformed).any()
    assert malformed.first == [(3, "the puzzle is not solved after 50 guesses")]


def test_guesses_go_before_rounds():
    counts = np.array([[1, 1, 1, 2], [0, 3, 0, 9], [5, 6, 70_000, 8]])
    found = solved.Solved(np.zeros((4, 16), np.uint8), *counts)
    values, unit = found.difficulty(np.array([True, True, True, False]))
    assert (values.tolist(), unit) == ([0, 3, 0, 9], "guesses")
    values, unit = found.difficulty(np.array([True, False, True, False]))
    assert (values.tolist(), unit) == ([5, 6, 65_535, 8], "rounds of singles")


def test_the_command_says_what_was_solved(tmp_path, capsys):
    source, out = tmp_path / "s.csv", tmp_path / "s.safetensors"
    source.write_text(sheet("{q};9", "board;level"))
    args = ["data", "prepare", "sudoku", str(source), "--out", str(out)]
    args += ["--columns", "puzzle=board,rating=level"]
    for flags in ([], ["--json"]):
        with pytest.raises(SystemExit) as stop:
            main([*args, *flags])
        assert not stop.value.code
        text = capsys.readouterr().out
        if flags:
            assert json.loads(text)["solver"]["gives"] == {
                "answer": "the file has none",
                "difficulty": "the file has the same rating everywhere",
            }
        else:
            assert f"our solver: {COUNT} puzzles with one solution, 0 with several" in text
            assert "it gives the difficulty: the file has the same rating everywhere" in text
            assert "rounds of singles: easy up to" in text
    assert Table.load(out).meta["solver"]["unique"] == COUNT
