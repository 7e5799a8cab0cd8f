"""Files of puzzles in the forms in which they are published: the same boards come out of all."""

import bz2
import csv
import gzip
import importlib.util
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sudoku_sheet import COUNT, HEADER, OTHER, PUZZLES, TABLE, sheet

from loopstab.models.tasks.sudoku import sudoku_file
from loopstab.models.tasks.table import LEVELS, MARK
from loopstab.models.tasks.table_source import tenths, whole
from loopstab.models.tasks.text_lines import LONGEST, text_lines
from loopstab.support.errors import UsageError

COMPRESSIONS = [bytes, gzip.compress, bz2.compress]
if importlib.util.find_spec("zstandard"):  # the extra loopstab[zst]
    COMPRESSIONS.append(lambda text: importlib.import_module("zstandard").compress(text))
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
