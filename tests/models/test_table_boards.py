"""Prepared boards: chess and endgames that are accepted, and those that no game has."""

import numpy as np
import pytest
from prepared_file import File, at, meta

from loopstab.models.tasks.cell_rules import MARK, first_wrong_row
from loopstab.models.tasks.chess.board import PIECES, encode
from loopstab.models.tasks.chess.endgames import table
from loopstab.models.tasks.registry import make_task
from loopstab.models.tasks.table import Table
from loopstab.support.errors import LoopstabError


def chess_table():
    """Endgames as puzzles, some of them turned."""
    small = table(("Q",))
    pick = np.arange(0, len(small.cells), 97)
    views = (np.arange(len(pick)) % 4).astype(np.uint8)
    meta = {**small.meta, "kind": "chess", "cut": small.meta["cut"]["KQK"], "unit": "rating"}
    columns = (small.cells[pick], small.difficulty[pick], small.split[pick], small.line[pick])
    return Table.build(*columns, meta, views)


def endgames():
    small = table(("R", "Q"))
    pick = np.arange(0, len(small.cells), 97)
    columns = (small.cells[pick], small.difficulty[pick], small.split[pick], small.line[pick])
    return Table.build(*columns, small.meta)


def squares(row, change):
    """Change the squares of a row, which are cells without marks."""

    def apply(file):
        change(file.columns["cells"][row])

    return apply


def put(piece, on):
    """Put a piece on the first blank square without a mark of these squares."""

    def change(cells):
        cells[next(s for s in on if cells[s] == 0)] = PIECES.index(piece)

    return change


def marks(count):
    def change(cells):
        cells &= MARK - 1
        cells[:count] += MARK

    return change


def two_own(cells):
    """Both marks on white pieces."""
    cells &= MARK - 1
    cells[np.flatnonzero((cells > 0) & (cells <= 6))[:2]] += MARK


def without_piece(piece):
    def change(cells):
        cells[(cells & 15) == PIECES.index(piece)] &= MARK

    return change


def on_the_left(cells):
    cells[:] = cells.reshape(8, 8)[:, ::-1].ravel()


BOARDS = {
    "valid": (lambda file: None, None, None),
    "a third king": (squares(5, put("K", range(64))), "one king", "one king"),
    "no black king": (squares(5, without_piece("k")), "one king", "one king"),
    "a piece 13": (at("cells", (5, 0), 13), "more than a piece", "more than a piece"),
    "a high bit": (at("cells", (5, 0), 64), "more than a piece", "more than a piece"),
    "one mark": (squares(5, marks(1)), "not those of a move", "not those of a move"),
    "three marks": (squares(5, marks(3)), "not those of a move", "not those of a move"),
    "two own": (squares(5, two_own), "not those of a move", "not those of a move"),
    "king on the left": (squares(5, on_the_left), "files e to h", "files e to h"),
    "a pawn at the end": (squares(5, put("p", range(56, 64))), "a pawn", "a pawn"),
    "a pawn within": (squares(5, put("P", range(8, 56))), None, "it is not king and queen"),
    "two queens": (squares(5, put("Q", range(64))), None, "it is not king and queen"),
    "view 4": (at("view", 5, 4), "column view", "column view"),
    "view 3": (at("view", 5, 3), None, "column view"),
    "line": (at("line", 5, 1), None, "column line, row 5"),
    "no cut for a piece": (meta(cut={"KQK": 6}), None, "no cut for its endgame"),
    "cut a number": (meta(cut=6), None, "cut must be an object"),
    "mate in 0": (at("difficulty", 5, 0), None, "column difficulty, row 5"),
}


@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("kind", ["chess", "endgames"])
def test_boards(kind, name, tmp_path):
    change, *messages = BOARDS[name]
    message = messages[kind == "endgames"]
    if kind == "chess" and name == "line":
        message = None
    file = File(chess_table() if kind == "chess" else endgames())
    change(file)
    (tmp_path / "t.safetensors").write_bytes(file.bytes())
    if message is None:
        task = make_task(kind, data=tmp_path / "t.safetensors")
        assert (task.take("hard", 0, 50).target.sum(1) == 2).all()
        return
    with pytest.raises(LoopstabError, match=message):
        Table.load(tmp_path / "t.safetensors")


def test_castling_and_captures_are_moves():
    """White castles (the target is blank) and Black, seen turned, captures."""
    squares = np.zeros((2, 64), np.uint8)
    squares[0, [4, 7, 60]] = [PIECES.index(p) for p in "KRk"]
    squares[1, [0, 60, 40, 33]] = [PIECES.index(p) for p in "KkrN"]
    cells, view = encode(squares, np.array([False, True]), np.array([[4, 6], [40, 33]]))
    columns = {
        "cells": cells,
        "view": view,
        "split": np.array([0, 2], np.uint8),
        "difficulty": np.array([1, 9]),
        "line": np.array([1, 2]),
    }
    assert first_wrong_row("chess", columns, 5) is None
