"""KQK and KRK: known facts, the symmetry of the board, and the chess package's move generator on
random positions.
"""

import numpy as np
import pytest
import torch

from loopstab.models.tasks.chess.board import decode
from loopstab.models.tasks.chess.endgames import (
    NOT_WON,
    EndgameTask,
    attacks,
    king_moves,
    orbits,
    solve,
)
from loopstab.models.tasks.table import MARK
from loopstab.support.errors import UsageError

# longest mate, legal positions with White and with Black to move, checkmates, stalemates
FACTS = {"Q": (10, 144_508, 223_944, 364, 872), "R": (16, 175_168, 223_944, 216, 68)}


@pytest.mark.parametrize("piece", FACTS)
def test_known_facts(piece):
    game = solve(piece)
    found = (
        game.distance.max(),
        game.white.sum(),
        game.black.sum(),
        (game.lost == 0).sum(),
        game.stalemate.sum(),
    )
    assert found == FACTS[piece]
    assert game.black.sum() == 3612 * 62  # pairs of kings apart, and a square for the piece
    assert ((game.distance > 0) == game.white).all()  # White to move always wins
    assert solve(piece) is game


@pytest.mark.parametrize("piece", FACTS)
def test_distances_keep_the_symmetries_of_the_board(piece):
    game = solve(piece)
    for array in (game.distance, game.lost, game.best, game.stalemate):
        mirror = array[np.ix_(*[np.arange(64) ^ 7] * 3)]
        flip = array[np.ix_(*[np.arange(64) ^ 56] * 3)]
        transpose = array[np.ix_(*[np.arange(64) % 8 * 8 + np.arange(64) // 8] * 3)]
        assert all((image == array).all() for image in (mirror, flip, transpose))


@pytest.mark.parametrize("piece", FACTS)
def test_against_a_slow_search(piece):
    """The distance is the number of plies of a plain depth-first search that knows only how pieces
    move (mates in 1 and 2).
    """
    game, king, attack = solve(piece), king_moves(), attacks(piece)

    def mated_within(wk, x, bk, n):  # Black to move
        escapes = [
            s
            for s in np.flatnonzero(king[bk])
            if not king[wk, s] and s != wk and not attack[wk, x, s]
        ]
        if not escapes:
            return bool(attack[wk, x, bk])
        return x not in escapes and n > 0 and all(wins_within(wk, x, s, n) for s in escapes)

    def wins_within(wk, x, bk, n):  # White to move
        by_king = [(s, x) for s in np.flatnonzero(king[wk]) if not king[bk, s] and s not in (x, bk)]
        by_piece = [(wk, s) for s in np.flatnonzero(attack[wk, x])]
        return any(mated_within(w, y, bk, n - 1) for w, y in by_king + by_piece)

    rng = np.random.default_rng(0)
    near = np.argwhere((game.distance > 0) & (game.distance <= 3))
    for wk, x, bk in near[rng.choice(len(near), 60, replace=False)]:
        assert [wins_within(wk, x, bk, n) for n in (1, 2)] == [
            game.distance[wk, x, bk] <= n for n in (1, 2)
        ]


@pytest.mark.parametrize("piece", FACTS)
def test_against_the_chess_package(piece):
    """Legality, checkmate, stalemate, and distance = 1 + best successor, with the moves that the
    chess package generates.
    """
    chess = pytest.importorskip("chess", reason="the extra loopstab[chess] is not installed")
    game = solve(piece)
    kind = chess.Piece.from_symbol(piece)

    def board_of(wk, x, bk, turn):
        board = chess.Board(None)
        board.set_piece_at(wk, chess.Piece.from_symbol("K"))
        board.set_piece_at(x, kind)
        board.set_piece_at(bk, chess.Piece.from_symbol("k"))
        board.turn = turn
        return board

    rng = np.random.default_rng(1)
    seen = 0
    for wk, x, bk in rng.integers(0, 64, (500, 3)).tolist():
        if len({wk, x, bk}) < 3:
            assert not game.white[wk, x, bk]
            assert not game.black[wk, x, bk]
            continue
        board = board_of(wk, x, bk, chess.WHITE)
        assert board.is_valid() == game.white[wk, x, bk]
        if board.is_valid():
            after = {}
            for move in board.legal_moves:
                board.push(move)
                after[move.from_square, move.to_square] = game.lost[
                    board.king(chess.WHITE), _square(board, kind), bk
                ]
                board.pop()
            won = {m: n for m, n in after.items() if n != NOT_WON}
            best = [m for m, n in won.items() if n == min(won.values())]
            assert game.distance[wk, x, bk] == 1 + min(won.values())
            assert game.best[wk, x, bk] == len(best)
            assert tuple(game.move[wk, x, bk].tolist()) in best
            seen += 1
        board = board_of(wk, x, bk, chess.BLACK)
        if game.black[wk, x, bk]:
            assert board.is_checkmate() == (game.lost[wk, x, bk] == 0)
            assert board.is_stalemate() == game.stalemate[wk, x, bk]
            replies = []
            for move in board.legal_moves:
                board.push(move)
                replies.append(
                    NOT_WON
                    if board.is_insufficient_material()
                    else game.distance[wk, x, board.king(chess.BLACK)]
                )
                board.pop()
            if replies:
                assert game.lost[wk, x, bk] == (NOT_WON if NOT_WON in replies else max(replies))
    assert seen > 150


def _square(board, kind):
    return next(s for s, p in board.piece_map().items() if p == kind)


def test_orbits():
    index = np.arange(64**3)
    smallest = orbits(index)
    assert (orbits(smallest) == smallest).all()
    sizes = np.bincount(np.unique(smallest, return_inverse=True)[1])
    assert set(sizes) <= {1, 2, 4, 8}
    game = solve("R")
    assert (game.distance.reshape(-1)[smallest] == game.distance.reshape(-1)).all()


@pytest.mark.parametrize(
    ("pieces", "cut"), [("Q", {"KQK": 6}), ("R", {"KRK": 11}), ("QR", {"KQK": 6, "KRK": 11})]
)
def test_task(pieces, cut):
    task = EndgameTask.generated(pieces)
    table = task.table
    assert EndgameTask.generated(pieces).table is table
    assert table.meta["cut"] == cut
    assert (task.shape.channels, task.shape.classes, task.shape.axes, task.difficulty) == (
        12,
        2,
        2,
        "moves to mate",
    )
    squares, black, moves = decode(table.cells, table.view)
    assert not black.any()
    which = ["Q" if (row == 5).any() else "R" for row in squares]
    for piece in pieces:
        rows = np.flatnonzero(np.array(which) == piece)
        game = solve(piece)
        at = tuple((squares[rows] == code).argmax(1) for code in (6, 5 if piece == "Q" else 4, 12))
        assert len(rows) == ((game.best == 1) & (np.arange(64) % 8 >= 4)[:, None, None]).sum()
        assert (game.best[at] == 1).all()
        assert (game.move[at] == moves[rows]).all()
        assert (game.distance[at] == table.difficulty[rows]).all()
        assert ((table.difficulty[rows] > cut[f"K{piece}K"]) == (table.split[rows] == 2)).all()
    train, rest = (
        {*zip(np.array(which)[side], orbits(table.line[side].astype(int)), strict=True)}
        for side in (table.split == 0, table.split != 0)
    )
    assert not train & rest
    batch = task.batch(32, "easy", torch.Generator().manual_seed(0))
    assert (batch.x.sum((1, 2)) == 3).all()
    assert (batch.target.sum(-1) == 2).all()
    assert (table.cells >= MARK).sum() == 2 * len(table.cells)


def test_bad_requests():
    with pytest.raises(UsageError, match="Q"):
        solve("B")
    with pytest.raises(UsageError, match="at least one piece"):
        EndgameTask.generated("")
