"""King and queen, or king and rook, against king, solved exactly by retrograde analysis.

A position is an index [wk, x, bk]: the squares of the white king, of the queen or rook, and of the
black king, numbered as in `board`, with White or Black to move. Distances are counted in moves of
White to mate, with best play of both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ....support.errors import UsageError
from ..table import Table, cut_at, split_levels
from .board import PIECES, MoveTask, encode

QUEEN, ROOK = "Q", "R"
NOT_WON = -1
"""Distance of a position that is illegal or not won."""
EASY_SHARE = 0.8
"""Share of the positions that are easy, as near as whole distances allow."""
STRAIGHT, DIAGONAL = ((0, 1), (0, -1), (1, 0), (-1, 0)), ((1, 1), (1, -1), (-1, 1), (-1, -1))
MOVES = {ROOK: STRAIGHT, QUEEN: STRAIGHT + DIAGONAL}


@dataclass(frozen=True, eq=False)
class Endgame:
    """A solved endgame, as arrays that are indexed [wk, x, bk].

    Attributes:
        white: whether the position is legal with White to move.
        black: whether it is legal with Black to move; a white move need not lead to it.
        distance: moves in which White, to move, mates; else `NOT_WON`.
        lost: further white moves after which Black, to move, is mated (0: checkmate); else
            `NOT_WON`.
        stalemate: whether Black, to move, is stalemated.
        best: number of white moves that keep the distance.
        move: the squares from and to of the first such move, (64, 64, 64, 2).
    """

    white: NDArray[np.bool_]
    black: NDArray[np.bool_]
    distance: NDArray[np.int8]
    lost: NDArray[np.int8]
    stalemate: NDArray[np.bool_]
    best: NDArray[np.int16]
    move: NDArray[np.uint8]


def king_moves() -> NDArray[np.bool_]:
    """Whether a king can move from one square to the other, (64, 64)."""
    file, rank = np.arange(64) % 8, np.arange(64) // 8
    apart = np.maximum(abs(file[:, None] - file), abs(rank[:, None] - rank))
    return apart == 1


def attacks(piece: str) -> NDArray[np.bool_]:
    """Whether the piece on x attacks the square s, [wk, x, s]; s is not that of the white king, the
    only piece that blocks lines.
    """
    out = np.zeros((64, 64, 64), dtype=bool)
    for x in range(64):
        for step_rank, step_file in MOVES[piece]:
            open_for = np.arange(64) != x
            rank, file = x // 8 + step_rank, x % 8 + step_file
            while 0 <= rank < 8 and 0 <= file < 8:
                square = 8 * rank + file
                open_for[square] = False
                out[open_for, x, square] = True
                rank, file = rank + step_rank, file + step_file
    return out


@lru_cache
def solve(piece: str) -> Endgame:
    """Solve the endgame with a queen (Q) or a rook (R), in well under a second; the result is kept
    for the life of the process.
    """
    if piece not in MOVES:
        raise UsageError(
            f"only endgames with one white queen (Q) or rook (R) can be solved, not {piece!r}"
        )
    king, attack = king_moves(), attacks(piece)
    square = np.arange(64)
    wk, x, bk = np.ix_(square, square, square)
    black = (wk != x) & (x != bk) & (wk != bk) & ~king[:, None, :]
    check = attack & black
    white = black & ~check
    step = king.astype(np.float32)

    def black_to(target: NDArray) -> NDArray:
        """The number of moves of the black king into the target, without captures."""
        return np.rint(target.astype(np.float32) @ step)

    replies = black_to(white)
    capture = black & king[None, :, :] & ~king[:, :, None]
    stuck = black & (replies == 0) & ~capture
    distance, lost = (np.full((64, 64, 64), NOT_WON, dtype=np.int8) for _ in range(2))
    lost[stuck & check] = 0
    best, move = np.zeros((64, 64, 64), dtype=np.int16), np.zeros((64, 64, 64, 2), dtype=np.uint8)
    for n in range(1, 64):
        target = (lost == n - 1).astype(np.float32)
        by_king = np.rint(np.tensordot(step, target, 1))
        by_piece = np.rint(attack.astype(np.float32) @ target)
        new = white & (distance == NOT_WON) & (by_king + by_piece > 0)
        if not new.any():
            break
        distance[new] = n
        best[new] = (by_king + by_piece)[new]
        _first_move(move, new, king, attack, target > 0)
        escapes = black_to(white & (distance == NOT_WON))
        lost[black & (lost == NOT_WON) & (replies > 0) & (escapes == 0) & ~capture] = n
    return Endgame(white, black, distance, lost, stuck & ~check, best, move)


def _first_move(
    move: NDArray, new: NDArray, king: NDArray, attack: NDArray, target: NDArray
) -> None:
    """Fill in a best move of each new position: that of the king to its lowest target square, or
    else that of the piece.
    """
    w, x, b = np.nonzero(new)
    by_king = king[w] & target[:, x, b].T
    by_piece = attack[w, x] & target[w, :, b]
    of_king = by_king.any(1)
    move[w, x, b, 0] = np.where(of_king, w, x)
    move[w, x, b, 1] = np.where(of_king, by_king.argmax(1), by_piece.argmax(1))


def orbits(index: NDArray) -> NDArray[np.int64]:
    """The smallest index 4096 wk + 64 x + bk among the eight images of each position under the
    symmetries of the board.
    """
    squares = np.stack((index // 4096, index // 64 % 64, index % 64))
    images = []
    for turn in range(8):
        s = squares ^ (7 * (turn & 1)) ^ (56 * (turn >> 1 & 1))
        if turn & 4:
            s = 8 * (s % 8) + s // 8
        images.append(s[0] * 4096 + s[1] * 64 + s[2])
    return np.min(images, axis=0)


@lru_cache
def table(
    pieces: tuple[str, ...] = (QUEEN, ROOK), easy_share: float = EASY_SHARE, seed: int = 0
) -> Table:
    """All won positions with White to move, exactly one best move, and the white king on the files
    e to h.

    The difficulty is the number of moves to mate. In each endgame, positions are easy up to the
    distance at which their share is nearest to `easy_share`. All images of a position under the
    symmetries of the board are on the same side of the split. The line of a row is the index 4096
    wk + 64 x + bk of its position.
    """
    if not pieces:
        raise UsageError("endgames need at least one piece: Q, R or both")
    cells, distance, line, groups, hard, cut = [], [], [], [], [], {}
    for k, piece in enumerate(sorted(set(pieces))):
        game = solve(piece)
        w, x, b = np.nonzero((game.best == 1) & (np.arange(64) % 8 >= 4)[:, None, None])
        squares = np.zeros((len(w), 64), dtype=np.uint8)
        for at, symbol in ((w, "K"), (x, piece), (b, "k")):
            squares[np.arange(len(w)), at] = PIECES.index(symbol)
        cells.append(
            encode(squares, np.zeros(len(w), dtype=bool), game.move[w, x, b].astype(np.int64))[0]
        )
        distance.append(game.distance[w, x, b])
        line.append(w * 4096 + x * 64 + b)
        groups.append(orbits(line[-1]) + k * 64**3)
        cut[f"K{piece}K"] = cut_at(distance[-1], easy_share)
        hard.append(distance[-1] > cut[f"K{piece}K"])
    meta = {
        "kind": "endgames",
        "source": f"retrograde analysis of {' and '.join(cut)}",
        "seed": seed,
        "unit": "moves to mate",
        "cut": cut,
    }
    split = split_levels(np.concatenate(hard), np.concatenate(groups), seed)
    return Table.build(
        np.concatenate(cells), np.concatenate(distance), split, np.concatenate(line), meta
    )


class EndgameTask(MoveTask):
    """Mate with queen or rook: find the one best move.

    Inputs, targets and shape are those of chess puzzles; White is to move.
    """

    name = "endgames"
    kind = "endgames"
    pieces: ClassVar[tuple[str, ...]] = (QUEEN, ROOK)

    @classmethod
    def misfit(cls, table: Table) -> str | None:
        """Why the endgames do not fit: they have pieces that those of the task do not have."""
        foreign = {*table.meta["cut"]} - {f"K{piece}K" for piece in cls.pieces}
        if not foreign:
            return None
        return f"these are endgames of {', '.join(sorted(foreign))}, and the task is {cls.name}"

    @classmethod
    def embedded(cls) -> Table:
        """The positions with these pieces, solved in under a second."""
        return table(cls.pieces, seed=0)

    @classmethod
    def generated(cls, pieces: Sequence[str] = (QUEEN, ROOK), seed: int = 0) -> Self:
        """The task on the positions with the given pieces, which are solved once per process."""
        return cls(table(tuple(pieces), seed=seed))


class QueenEndgameTask(EndgameTask):
    """King and queen against king."""

    name = "kqk"
    pieces = (QUEEN,)


class RookEndgameTask(EndgameTask):
    """King and rook against king."""

    name = "krk"
    pieces = (ROOK,)
