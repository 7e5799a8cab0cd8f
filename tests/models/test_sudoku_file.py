"""The reader of sudoku files: malformed rows, files that are refused, and further columns."""

import random

import pytest
from known_sudokus import WIKIPEDIA

from loopstab.models.tasks.sudoku import sudoku_file
from loopstab.models.tasks.sudoku.solver import random_grid
from loopstab.support.errors import UsageError


def csv_of(tmp_path, rows, header="source,question,answer,rating"):
    path = tmp_path / "s.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def rows_of(count, seed=0):
    """Valid 4x4 rows; the rating counts up."""
    rng = random.Random(seed)
    out = []
    for i in range(count):
        grid = random_grid(2, rng)
        question = "".join(str(d) if rng.random() < 0.5 else "." for d in grid)
        out.append(f"here,{question},{''.join(map(str, grid))},{i}")
    return out


BAD_ROWS = [
    (f"x,{'.' * 80},{WIKIPEDIA[1]},1", "question has 80 characters"),
    (f"x,{'.' * 16},{WIKIPEDIA[1]},1", "answer has 81 characters, not 16"),
    ("x,5...............,1234341221434321,1", "question holds '5'"),
    ("x,................,123434122143432.,1", "answer holds '.'"),
    ("x,................,1234341221434322,1", "not a valid grid"),
    ("x,2...............,1234341221434321,1", "clues contradict the answer"),
    ("x,1...............,1234341221434321,-1", "rating is '-1'"),
    ("x,1...............,1234341221434321,many", "rating is 'many'"),
    (f"x,1...............,1234341221434321,{'9' * 5000}", "rating is '999"),
    ("x,1...............,1234341221434321", "3 fields"),
    ('"x,1...............', "not a CSV row"),
    ("x,\xff...............,1234341221434321,1", "question holds"),
]


@pytest.mark.parametrize(("row", "message"), BAD_ROWS, ids=[m for _, m in BAD_ROWS])
def test_malformed_rows(tmp_path, row, message):
    good = rows_of(400)
    table = sudoku_file.read(csv_of(tmp_path, [*good[:7], row, *good[7:]]))
    assert (table.meta["malformed"], table.meta["rows_checked"]) == (1, 401)
    assert table.meta["malformed_lines"][0][0] == 9
    assert message in table.meta["malformed_lines"][0][1]
    with pytest.raises(UsageError, match=rf"s.csv:2: .*{message}.*more than 1 %"):
        sudoku_file.read(csv_of(tmp_path, [row, *good[:50]]))
    with pytest.raises(UsageError, match=r"s.csv:2: "):
        sudoku_file.read(csv_of(tmp_path, [row]))


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (
            "source,board,answer,rating",
            rows_of(3),
            r"s.csv:1: 'source,board,answer,rating' does not say where to find puzzle: .*--columns",
        ),
        ("source,question,answer,rating", [], "holds no rows"),
        (
            "source,question,answer,rating",
            ["x,.234341221434321,1234341221434321,4"] * 9,
            "same difficulty",
        ),
        (
            "source,question,answer,rating",
            [*rows_of(3), f"x,{WIKIPEDIA[0]},{WIKIPEDIA[1]},9"],
            "a grid of 81 cells in a file of 16",
        ),
    ],
)
def test_bad_files(tmp_path, header, rows, message):
    with pytest.raises(UsageError, match=message) as error:
        sudoku_file.read(csv_of(tmp_path, rows, header))
    assert error.value.exit_status == 2
    assert "\n" not in str(error.value)


def test_further_columns_quotes_zeros_and_line_ends(tmp_path):
    rows = rows_of(60)
    plain = sudoku_file.read(csv_of(tmp_path, rows))
    other = [f'"a, b",{r.split(",", 1)[1].replace(".", "0")},7.5' for r in rows]
    path = tmp_path / "o.csv"
    path.write_bytes(
        ("\ufeffsource,question,answer,rating,more\r\n" + "\r\n".join(other) + "\r\n\r\n").encode()
    )
    assert sudoku_file.read(path).fingerprint == plain.fingerprint
