"""Files of chess puzzles in the forms in which they are published: the same boards from all."""

import bz2
import itertools

import pytest

from loopstab.models.tasks.chess import puzzles as chess_puzzles
from loopstab.support.errors import UsageError


def lichess(count=50):
    """Valid rows of nine fields: pawns between kings that step aside and back."""
    out = []
    for i, (w, b) in enumerate(itertools.islice(itertools.permutations(range(1, 7), 2), count)):
        ranks = [f"{w}P{7 - w}", f"{b}p{7 - b}"]
        for shift in range(2):
            board = ["7k", "8", *(["8"] * shift), *ranks, *(["8"] * (1 - shift)), "8", "8", "K7"]
            rating = (900, 1600, 1601, 2000)[(2 * i + shift) % 4]
            fen = f"{'/'.join(board)} b - - 0 1"
            out.append([f"id{i}", fen, "h8g8 a1b1 g8h8", rating, 80, 90, 9, "short", "https://x"])
    return out


NAMES = [
    "PuzzleId",
    "FEN",
    "Moves",
    "Rating",
    "RatingDeviation",
    "Popularity",
    "NbPlays",
    "Themes",
    "GameUrl",
]
CHESS = lichess()


def chess_text(rows, header=True, delimiter=","):
    return "\n".join(delimiter.join(map(str, row)) for row in [*([NAMES] if header else []), *rows])


CHESS_VARIANTS = {
    "bz2": bz2.compress(chess_text(CHESS).encode()),
    "no header": chess_text(CHESS, header=False).encode(),
    "ten columns": (chess_text([[*r, "Opening_x y"] for r in CHESS], header=False)).encode(),
    "pandas": chess_text([[*r[:3], f"{r[3]}.0", *r[4:]] for r in CHESS]).encode(),
    "index": "\n".join(
        f"{i or ''},{row}" for i, row in enumerate(chess_text(CHESS).splitlines())
    ).encode(),
    "without an end": "\n".join(
        row.rsplit(",", 2)[0] if i % 3 == 1 else row
        for i, row in enumerate(chess_text(CHESS).splitlines())
    ).encode(),
    "reversed": chess_text([r[::-1] for r in [NAMES, *CHESS]], header=False).encode(),
    "lower case": chess_text(CHESS).replace("FEN,Moves,Rating", "fen,moves,rating").encode(),
    "semicolons": chess_text(CHESS, delimiter=";").encode(),
}


@pytest.mark.parametrize("content", CHESS_VARIANTS.values(), ids=CHESS_VARIANTS)
def test_every_variant_of_chess_gives_the_same_table(tmp_path, content):
    pytest.importorskip("chess", reason="the extra loopstab[chess] is not installed")
    (tmp_path / "plain.csv").write_text(chess_text(CHESS))
    (tmp_path / "c.csv").write_bytes(content)
    known, table = (chess_puzzles.read(tmp_path / name) for name in ("plain.csv", "c.csv"))
    assert table.fingerprint == known.fingerprint
    assert len(table.cells) == len(CHESS) == table.meta["rows_checked"]
    assert sorted(table.difficulty.tolist()) == sorted(row[3] for row in CHESS)
    first = 1 if content.startswith(b"id") else 2
    assert table.line.tolist() == list(range(first, first + len(CHESS)))


def test_columns_of_chess(tmp_path):
    pytest.importorskip("chess", reason="the extra loopstab[chess] is not installed")
    (tmp_path / "plain.csv").write_text(chess_text(CHESS))
    (tmp_path / "c.csv").write_text(
        "Elo,Position,Line\n" + "\n".join(f"{r[3]},{r[1]},{r[2]}" for r in CHESS)
    )
    known = chess_puzzles.read(tmp_path / "plain.csv")
    columns = "fen=Position,moves=Line,rating=Elo"
    assert chess_puzzles.read(tmp_path / "c.csv", columns=columns).fingerprint == known.fingerprint
    with pytest.raises(UsageError, match=f"c.csv:1: .* fen, moves, rating: .*--columns {columns}"):
        chess_puzzles.read(tmp_path / "c.csv")
    with pytest.raises(UsageError, match="to find rating: "):
        chess_puzzles.read(tmp_path / "plain.csv", columns="rating=")
