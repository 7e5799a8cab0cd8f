"""Files of puzzles in the forms in which they are published: the same boards come out of all."""

import bz2
import csv
import gzip
import importlib.util
import io
import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab.models.tasks.chess import puzzles as chess_puzzles
from loopstab.models.tasks.sudoku import solved, sudoku_file
from loopstab.models.tasks.sudoku.solver import solve
from loopstab.models.tasks.sudoku.sudoku_task import generate
from loopstab.models.tasks.table import LEVELS, MARK, Table
from loopstab.models.tasks.table_source import tenths, whole
from loopstab.models.tasks.text_lines import LONGEST, text_lines
from loopstab.paper_figures.cli import main
from loopstab.support.errors import UsageError

COUNT = 60
TABLE = generate(2, COUNT)
CELLS, RATINGS = TABLE.cells[np.argsort(TABLE.line)], TABLE.difficulty[np.argsort(TABLE.line)]
PUZZLES = [
    (
        "".join(str(c % MARK) if c >= MARK else "." for c in row),
        "".join(str(c % MARK) for c in row),
        int(rating),
    )
    for row, rating in zip(CELLS.tolist(), RATINGS, strict=True)
]
"""Clues, answer and rounds of singles of puzzles with one solution."""
HEADER = "source,question,answer,rating"
COMPRESSIONS = [bytes, gzip.compress, bz2.compress]
if importlib.util.find_spec("zstandard"):  # the extra loopstab[zst]
    COMPRESSIONS.append(lambda text: importlib.import_module("zstandard").compress(text))
TWO_SOLUTIONS = "12344321........"
"""By hand: the lower half may be 2143 3412 or 3412 2143."""
NO_SOLUTION = "1.......1......."


def sheet(form, header=None, end="\n", puzzles=tuple(PUZZLES)):
    lines = [] if header is None else [header]
    lines += [form.format(i=i, q=q, a=a, r=r, d=r / 10) for i, (q, a, r) in enumerate(puzzles)]
    return end.join(lines) + end


PLAIN = sheet("here,{q},{a},{r}", HEADER)
NEITHER = {"answer", "difficulty"}
VARIANTS = {
    "sudoku-extreme": (PLAIN, set()),
    "quizzes, zeros": (sheet("{q},{a}", "quizzes,solutions").replace(".", "0"), {"difficulty"}),
    "puzzle,solution": (sheet("{q},{a}", "puzzle,solution"), {"difficulty"}),
    "id": (sheet("{i},{q},{a},9,{d:.1f}", "id,puzzle,solution,clues,difficulty"), set()),
    "one difficulty": (sheet("{q},{a},1.5", "puzzle,solution,difficulty"), {"difficulty"}),
    "pandas": (sheet("here,{q},{a},{r}.0", HEADER), set()),
    "index": (sheet("{i},here,{q},{a},{r}", "," + HEADER), set()),
    "reordered": (sheet("{q},{a},{r},here", "question,answer,rating,source"), set()),
    "further": (sheet("here,{q},{a},{r},7.5,x", HEADER + ",source_rating,x"), set()),
    "trailing": (sheet("here,{q},{a},{r},", HEADER + ","), set()),
    "case": (sheet("{q};{a};{r}", "Puzzle;SOLUTION; Rating "), set()),
    "tabs": (sheet("here\t{q}\t{a}\t{r}", HEADER.replace(",", "\t")), set()),
    "quoted": (sheet('"a, b","{q}","{a}","{r}"', HEADER), set()),
    "quoted after a blank": (sheet('a, "{q}", "{a}", "{r}"', HEADER), set()),
    "windows": ("\ufeff" + sheet("here,{q},{a},{r}", HEADER, end="\r\n") + "\r\n", set()),
    "bare": (sheet("here,{q},{a},{r}"), set()),
    "bare pairs": (sheet("{q},{a}"), {"difficulty"}),
    "savetxt": (sheet("{q},{a}", "# puzzle,solution"), {"difficulty"}),
    "list": (sheet("{q}", "# one a line, dots for blanks, no answer\n"), NEITHER),
    "list with a mark": ("\ufeff" + sheet("{q}", end="\r\n"), NEITHER),
    "list with notes": (sheet("{q}\n# number {i}, done\n"), NEITHER),
    "exchange bank": (sheet("{i:012x} {q}  {d:.1f}"), {"answer"}),
    "no answers": (sheet("{q},{r}", "puzzle,rating"), {"answer"}),
    **{blank: (sheet("{q}", "quizzes").replace(".", blank), NEITHER) for blank in "_-*"},
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    path = tmp_path_factory.mktemp("plain") / "s.csv"
    path.write_text(PLAIN)
    return sudoku_file.read(path)


def test_the_plain_file_is_known(plain):
    assert plain.fingerprint == TABLE.fingerprint
    assert "solver" not in plain.meta
    assert plain.meta["unit"] == "rating"


@pytest.mark.parametrize(("text", "gives"), VARIANTS.values(), ids=VARIANTS)
def test_every_variant_gives_the_same_table(tmp_path, plain, text, gives):
    path = tmp_path / "s.csv"
    path.write_bytes(text.encode())
    table = sudoku_file.read(path)
    assert table.fingerprint == plain.fingerprint
    assert table.meta["malformed"] == 0
    assert set(table.meta.get("solver", {}).get("gives", {})) == gives
    if gives:
        counts = {"unique": COUNT, "several": 0, "none": 0, "undecided": 0}
        assert {k: v for k, v in table.meta["solver"].items() if k != "gives"} == counts
    assert (table.meta["unit"] == "rounds of singles") == ("difficulty" in gives)
    lines = text.lstrip("\ufeff").splitlines()
    for level in LEVELS:  # the line that is kept is the one where the puzzle stands
        row = table.rows(level)[0]
        cells = table.cells[row]
        puzzle = "".join(str(c % MARK) if c >= MARK else "." for c in cells.tolist())
        line = lines[table.line[row] - 1]
        assert puzzle in (line if "." in line else line.translate(str.maketrans("0_-*", "....")))


OTHER = sheet("{i};{q};{a};{r}", "n;board;grid;level")


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (OTHER, "puzzle=board,solution=grid,rating=level"),
        (OTHER, "rating=Level, puzzle=2, solution=3"),
        (sheet("{a};{q};{a};{r}", "Board;board;grid;r"), "puzzle=board,solution=grid,rating=r"),
        (sheet("{a},{r},{q}"), "puzzle=3,solution=1,rating=2"),
        (sheet("{a},{r},{q}", "puzzle,3,question"), "puzzle=3,solution=1,rating=2"),
        (sheet("9,{a},{q},{r}", "rating,puzzle,question,2"), "solution=puzzle,rating=2"),
    ],
)
def test_columns_are_named(tmp_path, plain, text, columns):
    path = tmp_path / "s.csv"
    path.write_text(text)
    if columns.startswith("puzzle=3") and text.startswith("puzzle"):
        with pytest.raises(UsageError, match="question has 1 characters"):
            sudoku_file.read(path, columns=columns)  # a name goes before a number
        return
    assert sudoku_file.read(path, columns=columns).fingerprint == plain.fingerprint


def test_a_rating_can_be_left_aside(tmp_path, plain):
    path = tmp_path / "s.csv"
    path.write_text(sheet("{i},{q},{a},{i}", HEADER))
    table = sudoku_file.read(path, columns="rating=")
    assert table.meta["solver"]["gives"] == {"difficulty": "the file has none"}
    assert table.fingerprint == plain.fingerprint


@settings(deadline=None, max_examples=40)
@given(
    st.permutations(["source", "question", "answer", "rating", "id", ""]),
    st.sampled_from(COMPRESSIONS),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n"]),
)
def test_order_and_compression_do_not_matter(tmp_path_factory, names, compress, delimiter, end):
    text = io.StringIO()
    writer = csv.DictWriter(text, names, delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    for i, (q, a, r) in enumerate(PUZZLES):
        writer.writerow(
            {"source": 'a "b", c; d', "question": q, "answer": a, "rating": r, "id": i, "": i}
        )
    path = tmp_path_factory.mktemp("order") / "s.csv"
    path.write_bytes(compress(text.getvalue().encode()))
    table = sudoku_file.read(path)
    assert table.fingerprint == TABLE.fingerprint
    assert table.line.tolist() == (TABLE.line + 2).tolist()


@pytest.mark.parametrize(
    ("text", "number", "ten"),
    [
        ("979", 979, 9790),
        ("979.0", 979, 9790),
        (" 979.", 979, 9790),
        ("979.5", None, 9795),
        ("1.50", None, 15),
        ("1.55", None, None),
        ("65535", 65535, None),
        ("65536", None, None),
        ("6553.5", None, 65535),
        ("6553.6", None, None),
        ("-1", None, None),
        ("1e3", None, None),
        ("٣", None, None),
        ("nan", None, None),
        ("", None, None),
    ],
)
def test_numbers(text, number, ten):
    assert (whole(text), tenths(text)) == (number, ten)


# What our solver says


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


# Files that are refused


@pytest.mark.parametrize(
    ("content", "columns", "message"),
    [
        (b"", None, "s.csv:1: the file is empty"),
        (b"# nothing\n\n", None, "s.csv:1: the file is empty"),
        (OTHER.encode(), None, "s.csv:1: .* find puzzle: .*--columns puzzle=board"),
        (OTHER.encode(), "puzzle=plank", "s.csv:1: .* find puzzle: "),
        (OTHER.encode(), "puzzle=0", "s.csv:1: .* find puzzle: "),
        (OTHER.encode(), "board=puzzle", "'board=puzzle' is not a column .* out of puzzle, solut"),
        (OTHER.encode(), "puzzle", "'puzzle' is not a column"),
        (OTHER.encode(), "puzzle=2,puzzle=3", "'puzzle=3' is not a column of its own"),
        (OTHER.encode(), "", "'' is not a column"),
        (sheet("{q},{r}", "question,n").encode(), "rating=m", "s.csv:1: .* find puzzle: "),
        (sheet("{q},easy", "puzzle,rating").encode(), None, r"--columns rating= leaves it aside"),
        (sheet("{q},{r}").encode(), None, "s.csv:1: .* number them from 1"),
        (sheet("here,{q},{a},{r}.5", HEADER).encode(), None, r"s.csv:2: the rating is '\d.5'"),
        (sheet("{q},1.55", "puzzle,difficulty").encode(), None, "at most one decimal"),
        (PLAIN.replace("\n", "\r").encode(), None, "s.csv:1: the lines end in CR alone"),
        (PLAIN.encode("utf-16"), None, "is UTF-16 text: save it as UTF-8"),
        (b"PK\x03\x04abc", None, "is a zip archive: unpack it"),
        (b"PAR1abc", None, "is a Parquet file"),
        (b"\xfd7zXZ\x00abc", None, "is compressed with xz"),
        (b"\x00" * 500, None, "s.csv:1: this is not text"),
        (gzip.compress(b"." * (1 << 20)) * 300, None, "s.csv:1: the line is longer than 1 MiB"),
        ((HEADER + "\n" + "." * (LONGEST + 1)).encode(), None, "s.csv:2: the line is longer"),
        (f'{HEADER}\n"x,1\n'.encode(), None, "s.csv:2: not a CSV row"),
        (f'{HEADER}\nx\ry,"1",2,3\n'.encode(), None, "s.csv:2: not a CSV row"),
    ],
)
def test_refused(tmp_path, content, columns, message):
    path = tmp_path / "s.csv"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as error:
        sudoku_file.read(path, columns=columns)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400
    assert "universal" not in str(error.value)


def test_the_longest_line_is_read(tmp_path):
    path = tmp_path / "s.csv"
    path.write_bytes(b"a" * LONGEST + b"\n" + b"b" * LONGEST)
    assert [(number, len(line)) for number, line in text_lines(path)] == [
        (1, LONGEST),
        (2, LONGEST),
    ]


# Chess


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


# The command


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
