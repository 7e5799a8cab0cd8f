"""Boards and moves as cells, seen from the side to move; this module knows no rules of chess.

A square has the number 8 rank + file: a1 = 0, h1 = 7, a8 = 56. The pieces are 0 for a blank, 1 to 6
for a white pawn, knight, bishop, rook, queen and king, and 7 to 12 for the black ones. A board is
encoded so that the side to move is white and at the bottom (ranks are flipped and colours swapped),
and its king stands on the files e to h (files are flipped). Turning the board by half a turn
instead of flipping its ranks would give the same cells, because the files follow the king.

As in the published task, castling rights, the en passant square, and the piece to which a pawn is
promoted are not encoded.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....support.errors import UsageError
from ..table import MARK, Table
from ..table_task import TableTask
from ..task import Batch, Shape

PIECES = ".PNBRQKpnbrqk"
"""The letters of the pieces, at their numbers."""
KING = PIECES.index("K")
FLIPPED, MIRRORED = 1, 2
"""Parts of a view: ranks were flipped and colours swapped; files were flipped."""
SQUARES = np.arange(64)
SHAPE = Shape(channels=12, classes=2, axes=2)


def pieces(placement: str) -> NDArray[np.uint8]:
    """The squares (64,) of the first field of a FEN; `UsageError` unless it describes eight ranks
    of eight squares.
    """
    ranks = placement.split("/")
    wide = ["".join("." * int(c) if c.isdecimal() else c for c in rank) for rank in ranks]
    if len(ranks) != 8 or any(len(rank) != 8 or set(rank) - set(PIECES) for rank in wide):
        raise UsageError(f"{placement!r} is not a piece placement of eight ranks of eight squares")
    return np.array([PIECES.index(c) for rank in reversed(wide) for c in rank], dtype=np.uint8)


def placement(squares: NDArray) -> str:
    """The first field of a FEN, from squares: the inverse of `pieces`."""
    ranks = []
    for rank in np.asarray(squares).reshape(8, 8)[::-1]:
        text = "".join(PIECES[c] for c in rank)
        for blanks in range(8, 0, -1):
            text = text.replace("." * blanks, str(blanks))
        ranks.append(text)
    return "/".join(ranks)


def encode(
    squares: NDArray, black: NDArray, moves: NDArray
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Encode boards with a move each.

    Args:
        squares: (boards, 64), the pieces.
        black: (boards,), whether Black is to move.
        moves: (boards, 2), the squares from and to.

    Returns:
        The cells (boards, 64), where the two squares of the move carry `MARK`, and the views
        (boards,), sums of `FLIPPED` and `MIRRORED`.
    """
    squares = np.where(black[:, None], _swap(squares[:, SQUARES ^ 56]), squares).astype(np.uint8)
    moves = np.where(black[:, None], moves ^ 56, moves)
    mirror = (squares == KING).argmax(1) % 8 < 4
    squares = np.where(mirror[:, None], squares[:, SQUARES ^ 7], squares)
    moves = np.where(mirror[:, None], moves ^ 7, moves)
    squares[np.arange(len(squares))[:, None], moves] += MARK
    return squares, (FLIPPED * black + MIRRORED * mirror).astype(np.uint8)


def decode(
    cells: NDArray, view: NDArray
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.int64]]:
    """Squares, side to move and moves of cells with their views: the inverse of `encode`.

    A move starts on the marked square that holds a piece of the side to move.
    """
    marked = np.argsort(cells < MARK, axis=1, kind="stable")[:, :2]
    squares = cells % MARK
    first = np.take_along_axis(squares, marked[:, :1], 1)
    own = (first > 0) & (first <= KING)
    moves = np.where(own, marked, marked[:, ::-1])
    mirror, black = (view & MIRRORED > 0)[:, None], (view & FLIPPED > 0)[:, None]
    squares = np.where(mirror, squares[:, SQUARES ^ 7], squares)
    moves = np.where(mirror, moves ^ 7, moves)
    squares = np.where(black, _swap(squares[:, SQUARES ^ 56]), squares).astype(np.uint8)
    return squares, black[:, 0], np.where(black, moves ^ 56, moves)


def _swap(squares: NDArray) -> NDArray[np.uint8]:
    return np.where(squares > 0, (squares + 5) % 12 + 1, 0).astype(np.uint8)


class MoveTask(TableTask):
    """Find the move: 12 planes of pieces in, class 1 on the two squares of the move out.

    The move that a model finds is read off as the two squares of the highest scores.
    """

    @staticmethod
    def shape_of(table: Table) -> Shape:
        """12 planes, two classes, a board."""
        return SHAPE

    def _batch(self, cells: Tensor) -> Batch:
        planes = torch.eye(len(PIECES), device=cells.device)[:, 1:]
        return Batch(planes[(cells % MARK).long()], (cells >= MARK).long())

    def correct(self, logits: Tensor, target: Tensor) -> Tensor:
        """Whether both squares of the move score higher than all others, (samples,) bool; a tie
        with another square is wrong.
        """
        score = logits[..., 1] - logits[..., 0]
        move = target == 1
        return score.masked_fill(~move, torch.inf).amin(-1) > score.masked_fill(
            move, -torch.inf
        ).amax(-1)
