"""Chess puzzles: encoding against known boards, its symmetries, the reader, and every real puzzle
there and back.
"""

import csv
import gzip
import itertools
import subprocess
import sys

import numpy as np
import pytest
import torch

from loopstab.models.tasks.chess import puzzles as chess_puzzles
from loopstab.models.tasks.chess.board import (
    FLIPPED,
    MIRRORED,
    PIECES,
    decode,
    encode,
    pieces,
    placement,
)
from loopstab.models.tasks.chess.endgames import EndgameTask
from loopstab.models.tasks.chess.puzzles import ChessTask, puzzle
from loopstab.models.tasks.table import MARK
from loopstab.support.errors import UsageError

START = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR"


def square(name):
    return 8 * (int(name[1]) - 1) + "abcdefgh".index(name[0])


def encoded(board, black, move):
    moves = np.array([[square(move[:2]), square(move[2:4])]])
    return encode(pieces(board)[None], np.array([black]), moves)


ENCODINGS = [
    # board, black to move, move, board as encoded, move as encoded, view
    (START, False, "e2e4", START, "e2e4", 0),
    (START, True, "e7e5", START, "e2e4", FLIPPED),
    ("8/8/8/8/8/1k6/8/K6Q", False, "h1h2", "8/8/8/8/8/6k1/8/Q6K", "a1a2", MIRRORED),
    ("k6q/8/1K6/8/8/8/8/8", True, "h8h7", "8/8/8/8/8/6k1/8/Q6K", "a1a2", FLIPPED | MIRRORED),
    ("r3k2r/8/8/8/8/8/8/R3K2R", True, "e8c8", "r3k2r/8/8/8/8/8/8/R3K2R", "e1c1", FLIPPED),
    ("8/P6k/8/8/8/8/8/3K4", False, "a7a8", "8/k6P/8/8/8/8/8/4K3", "h7h8", MIRRORED),
]


@pytest.mark.parametrize(("board", "black", "move", "seen", "as_move", "view"), ENCODINGS)
def test_encoding(board, black, move, seen, as_move, view):
    cells, how = encoded(board, black, move)
    assert placement(cells[0] % MARK) == seen
    assert set(np.flatnonzero(cells[0] >= MARK)) == {square(as_move[:2]), square(as_move[2:])}
    assert how.tolist() == [view]
    squares, turn, moves = decode(cells, how)
    assert placement(squares[0]) == board
    assert turn.tolist() == [black]
    assert moves.tolist() == [[square(move[:2]), square(move[2:])]]


def random_boards(count, seed=0):
    rng = np.random.default_rng(seed)
    boards = rng.choice(13, size=(count, 64), p=[0.7, *[0.03] * 5, 0, *[0.03] * 5, 0]).astype(
        np.uint8
    )
    where = np.argsort(rng.random((count, 64)), axis=1)[:, :3]
    at = np.arange(count)
    boards[at, where[:, 0]], boards[at, where[:, 1]] = PIECES.index("K"), PIECES.index("k")
    black = rng.random(count) < 0.5
    start = np.where(
        black, where[:, 1], where[:, 0]
    )  # the king moves: its square is surely occupied by its own side
    boards[at, where[:, 2]] = 0
    return boards, black, np.stack((start, where[:, 2]), 1)


def test_encoding_ignores_how_the_board_is_turned():
    """Colours swapped with ranks flipped, and files flipped: the same puzzle, so the same cells;
    and back without loss.
    """
    boards, black, moves = random_boards(500)
    cells, view = encode(boards, black, moves)
    swapped = np.where(boards == 0, 0, np.where(boards > 6, boards - 6, boards + 6)).astype(
        np.uint8
    )
    turned, _ = encode(
        swapped.reshape(-1, 8, 8)[:, ::-1].reshape(-1, 64), ~black, 8 * (7 - moves // 8) + moves % 8
    )
    mirrored, _ = encode(
        boards.reshape(-1, 8, 8)[:, :, ::-1].reshape(-1, 64),
        black,
        8 * (moves // 8) + 7 - moves % 8,
    )
    assert (turned == cells).all()
    assert (mirrored == cells).all()
    king = (cells % MARK == PIECES.index("K")).argmax(1)
    assert (king % 8 >= 4).all()
    back = decode(cells, view)
    assert all((a == b).all() for a, b in zip(back, (boards, black, moves), strict=True))


@pytest.mark.parametrize(
    "bad", ["", START[:-1], START + "/8", "9/8/8/8/8/8/8/8", "x7/8/8/8/8/8/8/8", "rnbqkbnr"]
)
def test_bad_placement(bad):
    with pytest.raises(UsageError, match="eight ranks"):
        pieces(bad)


# Reader

FEN = "r6k/pp2r2p/4Rp1Q/3p4/8/1N1P2R1/PqP2bPP/7K b - - 0 24"
LINE = "f2g3 e6e7 b2b1 b3c1 b1c1 h6c1"


def csv_of(tmp_path, rows, header="PuzzleId,FEN,Moves,Rating,RatingDeviation"):
    path = tmp_path / "c.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def rows_of(count, ratings=(900, 1600, 1601, 2000)):
    """Different valid rows: two pawns somewhere between the kings, which step aside and back."""
    out = []
    for i, (white, black) in enumerate(
        itertools.islice(itertools.permutations(range(24, 48), 2), count)
    ):
        squares = np.zeros(64, dtype=np.uint8)
        squares[[0, 63, white, black]] = [PIECES.index(c) for c in "KkPp"]
        out.append(
            f"id{i},{placement(squares)} b - - 0 1,h8g8 a1b1 g8h8,{ratings[i % len(ratings)]},80"
        )
    return out


def test_a_puzzle():
    pytest.importorskip("chess", reason="the extra loopstab[chess] is not installed")
    seen = puzzle(FEN, LINE)
    assert placement(seen.squares) == "r6k/pp2r2p/4Rp1Q/3p4/8/1N1P2b1/PqP3PP/7K"
    assert (seen.black, seen.move) == (False, (square("e6"), square("e7")))


def test_rating_split_and_left_out(tmp_path):
    pytest.importorskip("chess", reason="the extra loopstab[chess] is not installed")
    table = chess_puzzles.read(csv_of(tmp_path, rows_of(80, (900, 1600, 1601, 2000, 2001))))
    ratings = {
        level: set(table.difficulty[table.rows(level)].tolist())
        for level in ("train", "easy", "hard")
    }
    assert ratings == {"train": {900, 1600}, "easy": {900, 1600}, "hard": {1601, 2000}}
    assert (table.meta["rows_checked"], table.meta["left_out"], len(table.cells)) == (64, 16, 64)
    positions = {
        level: {p.tobytes() for p in table.cells[table.rows(level)] % MARK}
        for level in ("train", "easy", "hard")
    }
    assert not positions["train"] & (positions["easy"] | positions["hard"])


def test_equal_positions_stay_on_one_side(tmp_path):
    pytest.importorskip("chess", reason="the extra loopstab[chess] is not installed")
    rows = rows_of(60, (900,))
    twins = [r.replace(",900,", ",1700,") for r in rows[:10]]
    table = chess_puzzles.read(csv_of(tmp_path, rows + twins))
    train = {p.tobytes() for p in table.cells[table.rows("train")] % MARK}
    rest = {p.tobytes() for p in table.cells[table.split > 0] % MARK}
    assert len(rest) >= 10
    assert not train & rest


BAD_ROWS = [
    (f"x,{FEN[:-8]} z,{LINE},900,1", "illegal FEN"),
    (f"x,{FEN.replace('7K', '8')},{LINE},900,1", "illegal FEN"),
    (f"x,{FEN.replace('r6k', 'r5kk')},{LINE},900,1", "illegal FEN"),
    (f"x,{FEN},f2g3 e6f7 b2b1,900,1", "illegal move 'e6f7'"),
    (f"x,{FEN},f2g3 e6e9,900,1", "illegal move 'e6e9'"),
    (f"x,{FEN},f2g3 0000,900,1", "illegal move '0000'"),
    (f"x,{FEN},f2g3 e6e7 b2b1 b3c1 b1c1 h6h9,900,1", "illegal move 'h6h9' (number 6"),
    (f"x,{FEN},f2g3,900,1", "1 moves, and two are needed"),
    (f"x,{FEN},{LINE},high,1", "rating is 'high'"),
    (f"x,{FEN}", "2 fields"),
]


@pytest.mark.parametrize(("row", "message"), BAD_ROWS, ids=[m for _, m in BAD_ROWS])
def test_malformed_rows(tmp_path, row, message):
    pytest.importorskip("chess", reason="the extra loopstab[chess] is not installed")
    good = rows_of(110)
    table = chess_puzzles.read(csv_of(tmp_path, [*good[:3], row, *good[3:]]))
    assert table.meta["malformed"] == 1
    assert table.meta["malformed_lines"][0][0] == 5
    assert message in table.meta["malformed_lines"][0][1]
    with pytest.raises(UsageError, match=r"c.csv:3: .*1 of 21 rows are malformed") as error:
        chess_puzzles.read(csv_of(tmp_path, [good[0], row, *good[1:20]]))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (
            "PuzzleId,Position,Moves,Rating",
            rows_of(3),
            "c.csv:1: .* does not say where to find fen: .*--columns fen=Position",
        ),
        ("PuzzleId,FEN,Moves,Rating", [], "holds no rows"),
        ("PuzzleId,FEN,Moves,Rating", rows_of(3, (2500,)), "holds no puzzle rated 2000 or less"),
        ("PuzzleId,FEN,Moves,Rating", rows_of(30, (800,)), "no rows are left for the level hard"),
        ("PuzzleId,FEN,Moves,Rating", rows_of(30, (1800,)), "no rows are left for the level train"),
    ],
)
def test_bad_files(tmp_path, header, rows, message):
    pytest.importorskip("chess", reason="the extra loopstab[chess] is not installed")
    with pytest.raises(UsageError, match=message):
        chess_puzzles.read(csv_of(tmp_path, rows, header))


def test_without_the_chess_package(tmp_path):
    """Reading a CSV says what to install; prepared files and endgames need nothing but torch,
    numpy, tqdm and safetensors.
    """
    csv_of(tmp_path, rows_of(3))
    table = EndgameTask.generated("Q").table
    table.save(tmp_path / "e.safetensors")
    code = f"""
import sys
BLOCKED = set("chess zstandard sympy z3 scipy matplotlib flint joblib tyro rich hypothesis".split())
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED - set(ALLOWED):
            raise ImportError(name + " is blocked")
ALLOWED = []
try:
    sys.meta_path.insert(0, Block())
    import torch
except ImportError:
    ALLOWED += ["sympy"]  # this torch imports sympy itself
from loopstab.models.tasks.chess import puzzles as chess_puzzles
from loopstab.models.tasks.registry import make_task
from loopstab.support.errors import UsageError
import torch
task = make_task("endgames", data={str(tmp_path / "e.safetensors")!r})
batch = task.batch(4, "hard", torch.Generator().manual_seed(0))
assert batch.x.shape == (4, 64, 12) and (batch.target.sum(-1) == 2).all()
try:
    chess_puzzles.read({str(tmp_path / "c.csv")!r})
except UsageError as error:
    assert "loopstab[chess]" in str(error), error
else:
    raise SystemExit("no error")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# Task


def test_correct_means_the_two_highest_scores():
    task = EndgameTask.generated("Q")
    batch = task.take("easy", 0, 3)
    perfect = torch.stack((-batch.target, batch.target), -1).double()
    assert task.correct(perfect, batch.target).all()
    assert task.correct(
        perfect / 1000 - 3, batch.target
    ).all()  # both scores below zero: still the highest
    assert not task.correct(
        torch.zeros_like(perfect), batch.target
    ).any()  # all equal: no move was chosen
    tied = perfect.clone()
    tied[1, (batch.target[1] == 0).nonzero()[0]] = perfect[1, batch.target[1].argmax()]
    assert task.correct(tied, batch.target).tolist() == [True, False, True]
    assert task.loss(perfect, batch.target).item() == pytest.approx(
        np.log1p(np.exp(-np.array([1, 1]))).mean(), abs=0.5
    )


@pytest.fixture(scope="module")
def real(real_file):
    pytest.importorskip("chess", reason="the extra loopstab[chess] is not installed")
    path = real_file("lichess_puzzles.csv.gz")
    return path, chess_puzzles.read(path)


def test_real_counts(real, tmp_path):
    _, table = real
    assert (table.meta["rows_checked"], table.meta["malformed"], table.meta["left_out"]) == (
        60_000,
        0,
        0,
    )
    counts = {level: len(table.rows(level)) for level in ("train", "easy", "hard")}
    assert counts["train"] + counts["easy"] == 50_000
    assert counts["hard"] == 10_000
    assert 9_900 < counts["easy"] < 10_100
    low, high = table.difficulty[table.split < 2], table.difficulty[table.split == 2]
    shares = [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]
    assert np.quantile(low, shares).tolist() == pytest.approx(
        [399, 573, 903, 1123, 1359, 1553, 1600], abs=1
    )
    assert np.quantile(high, shares).tolist() == pytest.approx(
        [1601, 1618, 1688, 1785, 1894, 1977, 2000], abs=1
    )
    path = table.save(tmp_path / "c.safetensors")
    assert path.stat().st_size < 10e6
    task = ChessTask.load(path)
    batch = task.take("hard", 0, 10_000)
    assert (batch.target.sum(-1) == 2).all()
    assert ((batch.x.sum((1, 2)) >= 3) & (batch.x.sum((1, 2)) <= 32)).all()
    king = batch.x[..., PIECES.index("K") - 1].argmax(1)
    assert (king % 8 >= 4).all()


def test_every_real_puzzle_there_and_back(real):
    """Decoded cells equal the board of the chess package after the opponent's move, and the answer
    as written in the file.
    """
    import chess

    path, table = real
    with gzip.open(path, "rt") as file:
        rows = list(csv.reader(file))
    squares, black, moves = decode(table.cells, table.view)
    bit = np.uint64(1) << np.arange(64, dtype=np.uint64)
    masks = np.stack(
        [np.where(squares == code, bit, np.uint64(0)).sum(1) for code in range(1, 13)], 1
    ).tolist()
    moves = list(map(tuple, moves.tolist()))
    for i, line in enumerate(table.line.tolist()):
        _, fen, played = rows[line - 1][:3]
        first, answer = played.split()[:2]
        board = chess.Board(fen)
        board.push(chess.Move.from_uci(first))
        kinds = board.pawns, board.knights, board.bishops, board.rooks, board.queens, board.kings
        assert masks[i] == [
            kind & board.occupied_co[colour]
            for colour in (chess.WHITE, chess.BLACK)
            for kind in kinds
        ]
        assert black[i] != board.turn
        assert moves[i] == (square(answer[:2]), square(answer[2:4]))
    assert sorted(table.line.tolist()) == list(range(2, 60_002))
