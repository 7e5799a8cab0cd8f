"""Chess puzzles in the format of the Lichess database: find the first move of the solution."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....support.errors import UsageError
from ....support.printable import printable
from ..layout import Column, Form
from ..table import MARK, Table, split_levels
from ..table_source import Malformed, Row, rows, sample, sha256, whole
from .board import MoveTask, encode

FORM = Form(
    columns=tuple(Column(name, (name,)) for name in ("fen", "moves", "rating")),
    bare=({"fen": 1, "moves": 2, "rating": 3},),
    is_row=lambda fields: fields["fen"].count("/") == 7,
    example="fen=Position,moves=Line,rating=Elo",
)
"""What a file can look like; without a header it begins with PuzzleId,FEN,Moves,Rating."""
EASY_RATING, HARD_RATING = 1600, 2000
"""The greatest ratings of easy and of hard puzzles."""


class ChessTask(MoveTask):
    """Chess puzzles of a prepared file, which is read without the chess package.

    Unless the file was prepared otherwise, train and easy are rated up to 1600, hard 1601 to 2000.
    """

    name = "chess"
    kind = "chess"
    needs_file = True


class Puzzle(NamedTuple):
    """The position that the solver sees: squares (64,) as in `board`, whether Black is to move, and
    the squares from and to of the answer.
    """

    squares: NDArray[np.uint8]
    black: bool
    move: tuple[int, int]


def read(
    path: str | Path,
    size: int | None = None,
    easy_rating: int = EASY_RATING,
    hard_rating: int = HARD_RATING,
    seed: int = 0,
    progress: bool = False,
    columns: str | None = None,
) -> Table:
    """Read a CSV file with the columns FEN, Moves, Rating and any further ones, in any order, or
    without a header in the order PuzzleId, FEN, Moves, Rating.

    FEN is the position before the opponent's move, which is the first of Moves; the second is the
    answer. The legality of all moves is checked with the `chess` package. Malformed rows are
    skipped. Equal positions are on the same side of the split.

    Args:
        path: the file, plain or compressed.
        size: number of rows of a uniform sample; by default all rows are used.
        easy_rating: greatest rating of train and easy.
        hard_rating: greatest rating of hard; rows rated above are left out.
        seed: seed of the sample and of the split.
        progress: whether to show a progress bar.
        columns: which columns hold `fen`, `moves` and `rating`, where their names do not tell.

    Returns:
        The table.

    Raises:
        UsageError: there is no such file, a column is not found, more than 1 % of its rows are
            malformed, a level is empty, or the `chess` package is not installed.
        LoopstabError: the file is damaged.
    """
    path = Path(path)
    if not easy_rating < hard_rating:
        raise UsageError(
            f"the easy rating must lie below the hard one, not {easy_rating} and {hard_rating}"
        )
    _rules()
    malformed, above, read_rows = Malformed(path), 0, 0
    _, stream = rows(path, FORM, columns)

    def wanted() -> Iterator[Row]:
        nonlocal above
        for line, fields in stream:
            if not isinstance(fields, str) and (whole(fields["rating"]) or 0) > hard_rating:
                above += 1
            else:
                yield line, fields

    squares, black, moves = bytearray(), bytearray(), bytearray()
    lines, ratings = array("I"), array("H")
    for line, fields in sample(wanted(), size, seed, progress):
        read_rows += 1
        try:
            if isinstance(fields, str):
                raise ValueError(fields)
            rating = whole(fields["rating"])
            if rating is None:
                raise ValueError(
                    f"the rating is {fields['rating']!r}, not a whole number from 0 to 65535"
                )
            found = puzzle(fields["fen"], fields["moves"])
        except ValueError as error:
            malformed.add(line, str(error))
            continue
        squares += found.squares.tobytes()
        black.append(found.black)
        moves += bytes(found.move)
        lines.append(line)
        ratings.append(rating)
    if not read_rows and above:
        raise UsageError(
            f"{path} holds no puzzle rated {hard_rating} or less ({above} are rated above): raise"
            " --hard-rating"
        )
    account = malformed.judge(read_rows)
    cells, view = encode(
        np.frombuffer(squares, dtype=np.uint8).reshape(-1, 64),
        np.frombuffer(black, dtype=np.bool_),
        np.frombuffer(moves, dtype=np.uint8).reshape(-1, 2).astype(np.int64),
    )
    _, position = np.unique(cells % MARK, axis=0, return_inverse=True)
    meta = {
        "kind": "chess",
        "source": printable(path.name, kept=frozenset()),
        "sha256": sha256(path),
        **account,
        "sampled": size,
        "seed": seed,
        "unit": "rating",
        "cut": easy_rating,
        "hard_rating": hard_rating,
        "positions": int(position.max()) + 1,
        "left_out": above,
    }
    return Table.build(
        cells,
        np.array(ratings),
        split_levels(np.array(ratings) > easy_rating, position, seed),
        np.array(lines),
        meta,
        view,
    )


def puzzle(fen: str, moves: str) -> Puzzle:
    """The position after the opponent's move, and the answer; all moves are checked.

    `ValueError` says what is wrong with them. The `chess` package is needed.
    """
    chess = _rules()
    line = moves.split()
    if len(line) < 2:
        raise ValueError(f"{len(line)} moves, and two are needed: the opponent's and the answer")
    try:
        board = chess.Board(fen)
    except ValueError as error:
        raise ValueError(f"illegal FEN: {error}") from None
    if not board.is_valid():
        raise ValueError(f"illegal FEN: {fen!r} is not a legal position ({board.status()!r})")
    squares, black, answer = np.zeros(0, dtype=np.uint8), False, (0, 0)
    for i, uci in enumerate(line):
        try:
            move = board.parse_uci(uci)
        except ValueError:
            move = None
        if not move:
            raise ValueError(f"illegal move {uci!r} (number {i + 1} of {moves!r})")
        if i == 1:
            squares, black, answer = (
                _squares(board),
                not board.turn,
                (move.from_square, move.to_square),
            )
        if i + 1 < len(line):
            board.push(move)
    return Puzzle(squares, black, answer)


def _rules() -> Any:
    try:
        import chess
    except ImportError:
        raise UsageError(
            "chess puzzles are checked with the chess package: pip install 'loopstab[chess]'"
        ) from None
    return chess


def _squares(board: Any) -> NDArray[np.uint8]:
    out = np.zeros(64, dtype=np.uint8)
    for square, piece in board.piece_map().items():
        out[square] = piece.piece_type + (0 if piece.color else 6)
    return out
