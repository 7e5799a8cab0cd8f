"""What the cells of prepared puzzles must be, checked on whole columns in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from .sudoku.symmetry import complete

MARK = 16
"""Added to a cell whose digit is a clue (sudoku) or whose square is part of the move (chess)."""
CONTENT = MARK - 1
"""The bits of a cell that hold its digit or piece."""
CELLS = {"sudoku": (16, 81), "chess": (64,), "endgames": (64,)}
"""The kinds of puzzles, with the numbers of cells that they can have."""
CHUNK = 1 << 13
"""Rows that are checked at a time."""
PAWN, ROOK, QUEEN, KING, BLACK_PAWN, BLACK_KING = 1, 4, 5, 6, 7, 12
"""Pieces as `chess.board` numbers them."""

Rows = Mapping[str, NDArray]
"""Some rows of every column by its name; the cells are transposed, (cells, rows)."""
Found = tuple[str, NDArray[np.bool_], str]
"""A column, which of the rows keep a rule, and what is wrong with the others."""


def first_wrong_row(
    kind: str, columns: Mapping[str, NDArray], cut: int | Mapping[str, int]
) -> tuple[str, int, str] | None:
    """The first row that no maker of such puzzles writes.

    Sudoku: the cells are a complete grid that keeps the rules, so that all clues agree with it.
    Chess: one king of each side, the white one on the files e to h, no pawn on the first or last
    rank, and two marked squares, one with a white piece and one without, which is not the black
    king. Endgames: the same with three pieces, the third a queen or rook, at the places that the
    line says. Easy rows are at most as difficult as the cut, hard ones more. That a move is the
    best one, or a solution the only one, is not checked.

    Args:
        kind: a key of `CELLS`.
        columns: the columns of a table by name.
        cut: the greatest difficulty of easy rows, for all or for each endgame.

    Returns:
        The column, the row (counted from 0) and what is wrong; None if all rows are right.
    """
    for start in range(0, len(columns["cells"]), CHUNK):
        rows = {name: values[start : start + CHUNK] for name, values in columns.items()}
        rows["cells"] = np.ascontiguousarray(rows["cells"].T)
        for column, good, problem in _rules(kind, rows, cut):
            if not good.all():
                return column, start + int(good.argmin()), problem
    return None


def _rules(kind: str, rows: Rows, cut: int | Mapping[str, int]) -> Iterator[Found]:
    yield "split", rows["split"] <= 2, "it is none of the three levels"
    views = 4 if kind == "chess" else 1
    yield "view", rows["view"] < views, "it is no way in which such a board is turned"
    yield from _BY_KIND[kind](rows)
    if kind == "endgames" and isinstance(cut, Mapping):
        known = np.isin(["KQK", "KRK"], list(cut))
        queen = ((rows["cells"] & CONTENT) == QUEEN).any(0)
        yield "cells", np.where(queen, *known), "the metadata have no cut for its endgame"
    for chosen, most in _cuts(kind, rows, cut):
        hard = rows["difficulty"] > most
        good = (hard == (rows["split"] == 2)) | ~chosen
        yield "difficulty", good, f"it is on the wrong side of the cut {most} for its level"


def _cuts(
    kind: str, rows: Rows, cut: int | Mapping[str, int]
) -> Iterator[tuple[NDArray[np.bool_], int]]:
    """Which rows have a cut, and the cut."""
    if not isinstance(cut, Mapping):
        yield np.ones(len(rows["split"]), bool), cut
    elif kind == "endgames":
        for name, most in cut.items():
            yield _count((rows["cells"] & CONTENT) == (QUEEN if name == "KQK" else ROOK)) == 1, most


def _count(which: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return which.sum(0, dtype=np.uint8)


def _sudoku(rows: Rows) -> Iterator[Found]:
    cells = rows["cells"]
    box = round(len(cells) ** 0.25)
    yield "cells", np.all(cells < 2 * MARK, 0), "a cell holds more than a digit and the mark"
    good = complete((cells & CONTENT).T, box)
    yield "cells", good, "it is no complete grid that keeps the rules of sudoku"


def _chess(rows: Rows) -> Iterator[Found]:
    cells = rows["cells"]
    piece = cells & CONTENT
    marked = cells >= MARK
    known = (cells < 2 * MARK) & (piece <= BLACK_KING)
    yield "cells", np.all(known, 0), "a square holds more than a piece and the mark"
    white_king = piece == KING
    for king in (white_king, piece == BLACK_KING):
        yield "cells", _count(king) == 1, "a side does not have one king"
    left = white_king.reshape(8, 8, -1)[:, :4].any((0, 1))
    yield "cells", ~left, "the white king is not on the files e to h"
    ends = piece.reshape(8, 8, -1)[[0, 7]]
    pawn = (ends == PAWN) | (ends == BLACK_PAWN)
    yield "cells", ~pawn.any((0, 1)), "a pawn is on the first or last rank"
    own = (piece >= PAWN) & (piece <= KING)
    good = (_count(marked & own) == 1) & (_count(marked & ~own & (piece < BLACK_KING)) == 1)
    good &= _count(marked) == 2
    yield "cells", good, "the marked squares are not those of a move"


def _endgames(rows: Rows) -> Iterator[Found]:
    yield from _chess(rows)
    piece = rows["cells"] & CONTENT
    third = (piece == QUEEN) | (piece == ROOK)
    good = (_count(third) == 1) & (_count(piece > 0) == 3)
    yield "cells", good, "it is not king and queen, or king and rook, against king"
    yield "difficulty", rows["difficulty"] > 0, "no position to move is 0 moves from mate"
    places = ((piece == KING).argmax(0), third.argmax(0), (piece == BLACK_KING).argmax(0))
    index = places[0] * 4096 + places[1] * 64 + places[2]
    yield "line", rows["line"] == index, "it is not the index of the position in the cells"


_BY_KIND: dict[str, Callable[[Rows], Iterator[Found]]] = {
    "sudoku": _sudoku,
    "chess": _chess,
    "endgames": _endgames,
}
