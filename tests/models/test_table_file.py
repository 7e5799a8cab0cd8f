"""Prepared data that anyone may have written: loaded, or refused in one line that says why."""

import json
import os
import random
import struct
import subprocess
import sys

import numpy as np
import pytest

from loopstab.models.tasks.cell_rules import MARK, first_wrong_row
from loopstab.models.tasks.chess.board import PIECES, encode
from loopstab.models.tasks.chess.endgames import EndgameTask, table
from loopstab.models.tasks.registry import make_task
from loopstab.models.tasks.sudoku.solver import random_grid
from loopstab.models.tasks.sudoku.sudoku_task import SudokuTask, generate
from loopstab.models.tasks.sudoku.symmetry import complete
from loopstab.models.tasks.table import Table
from loopstab.models.tasks.table_file import COLUMNS, KEY, checksum
from loopstab.paper_figures.cli import main
from loopstab.support.errors import LoopstabError, UsageError

GRIDS = generate(2, 400)
TRAIN = int(GRIDS.rows("train")[5])


NONE = {name: np.zeros(1, code) for name, (_, code) in COLUMNS.items()}
SMALL = ("--width", "8", "--heads", "2", "--steps", "1", "--eval-size", "2", "--batch", "2")


class File:
    """The parts of a prepared file, each of which can be changed before it is written."""

    def __init__(self, table):
        self.columns = {name: getattr(table, name).copy() for name in COLUMNS}
        self.meta = json.loads(json.dumps(table.meta))
        self.header, self.text, self.raw, self.metadata = {}, None, None, None
        self.stale = False

    def bytes(self):
        """The file; fingerprint and checksum are those of the changed parts, unless `stale`."""
        meta = dict(self.meta)
        if not self.stale:
            columns = {n: np.ascontiguousarray(a) for n, a in self.columns.items() if n in COLUMNS}
            kind = meta["kind"] if isinstance(meta.get("kind"), str) else ""
            known = Table(**{**NONE, **columns}, meta={"kind": kind})
            meta = {"fingerprint": known.fingerprint, **meta}
            meta = {"checksum": checksum(meta, known.line), **meta}
        header, body = {}, b""
        for name, values in self.columns.items():
            names = {"|u1": "U8", "<u2": "U16", "<u4": "U32", "<i8": "I64", "<f4": "F32"}
            end = len(body) + values.nbytes
            header[name] = {
                "dtype": names[values.dtype.str],
                "shape": list(values.shape),
                "data_offsets": [len(body), end],
            }
            body += values.tobytes()
        for name, change in self.header.items():
            header[name] = {**header.get(name, {}), **change}
        text = json.dumps(meta) if self.text is None else self.text
        metadata = {KEY: text} if self.metadata is None else self.metadata
        raw = self.raw
        if raw is None:
            raw = json.dumps({"__metadata__": metadata, **header}).encode()
        return struct.pack("<Q", len(raw)) + raw + body


def meta(**values):
    def change(file):
        file.meta.update(values)

    return change


def without(*names):
    def change(file):
        for name in names:
            del file.meta[name]

    return change


def text(words):
    def change(file):
        file.text = words

    return change


def metadata(value):
    def change(file):
        file.metadata = value

    return change


def raw(words):
    def change(file):
        file.raw = words

    return change


def header(name, **values):
    def change(file):
        file.header[name] = values

    return change


def column(name, make):
    def change(file):
        file.columns[name] = make(file.columns[name])

    return change


def at(name, index, value):
    def change(file):
        file.columns[name][index] = value

    return change


def gone(name):
    def change(file):
        del file.columns[name]

    return change


def extra(file):
    file.columns["extra"] = np.zeros(1, "|u1")


def swapped(file):
    """Two digits of a row: the rows and boxes are right, two columns are not."""
    cells = file.columns["cells"]
    cells[3, [0, 1]] = cells[3, [1, 0]]


def stale(change):
    """The change of a file that keeps the fingerprint and the checksum of the unchanged one."""

    def both(file):
        whole = File(GRIDS).bytes()
        length = struct.unpack("<Q", whole[:8])[0]
        file.meta = json.loads(json.loads(whole[8 : 8 + length])["__metadata__"][KEY])
        file.stale = True
        change(file)

    return both


def duplicate(file):
    """A column twice in the header, which most readers of JSON do not notice."""
    whole = File(GRIDS).bytes()
    length = struct.unpack("<Q", whole[:8])[0]
    words = whole[8 : 8 + length].decode()
    file.raw = (
        words[:-1] + ', "view": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}'
    ).encode()


HASH = "0" * 64
DEEP = "[" * 100_000 + "]" * 100_000
MUTATIONS = {
    # the JSON object
    "kind unknown": (meta(kind="go"), "kind must be one of"),
    "kind a number": (meta(kind=3), "kind must be a text"),
    "kind a list": (meta(kind=["sudoku"]), "kind must be a text"),
    "kind missing": (without("kind"), "kind is missing"),
    "kind of other cells": (meta(kind="chess"), "not 64 of chess"),
    "source missing": (without("source"), "source is missing"),
    "source null": (meta(source=None), "source must be a text"),
    "source long": (meta(source="s" * 3000), "source has 3000 characters"),
    "source with escapes": (meta(source="\x1b]0;x\x07\x1b[2J\u202e\u2028\nloopstab: ok"), None),
    "unit a list": (meta(unit=[]), "unit must be a text"),
    "unit long": (meta(unit="u" * 101), "unit has 101"),
    "unit missing": (without("unit"), "unit is missing"),
    "seed negative": (meta(seed=-1), "seed must be a whole number"),
    "seed true": (meta(seed=True), "seed must be a whole number"),
    "seed a float": (meta(seed=0.0), "seed must be a whole number"),
    "cut a text": (meta(cut="4"), "cut must be a whole number"),
    "cut large": (meta(cut=10**9), "cut must be a whole number"),
    "cut of nothing": (meta(cut={"KBK": 3}), "unknown endgame"),
    "cut of all": (meta(cut=65535), "column difficulty, row"),
    "left_out negative": (meta(left_out=-5), "left_out must be a whole number"),
    "left_out missing": (without("left_out"), "left_out is missing"),
    "disjoint unknown": (meta(disjoint="not"), "disjoint must be one of"),
    "grids large": (meta(grids=2**80), "grids must be a whole number"),
    "sha256 an object": (meta(sha256={}), "sha256 must be a text"),
    "malformed alone": (meta(malformed=2), "without rows_checked"),
    "malformed lines": (
        meta(malformed=1, rows_checked=9, malformed_lines=[[1]]),
        r"malformed_lines\[0\]",
    ),
    "malformed line a text": (
        meta(malformed=1, rows_checked=9, malformed_lines=[["1", "x"]]),
        r"malformed_lines\[0\]\[0\]",
    ),
    "malformed escapes": (
        meta(malformed=1, rows_checked=9, malformed_lines=[[3, "\x1b[2J" + "r" * 10**6]]),
        None,
    ),
    "many malformed lines": (
        meta(malformed=1, rows_checked=9, malformed_lines=[[1, "x"]] * 21),
        "malformed_lines has 21 entries",
    ),
    "solver a list": (meta(solver=[1]), "solver must be an object"),
    "solver short": (meta(solver={"unique": 1}), "solver.several is missing"),
    "solver gives": (
        meta(solver={"unique": 1, "several": 0, "none": 0, "undecided": 0, "gives": {"z": ""}}),
        "solver.gives.'z' is unknown",
    ),
    "another field": (meta(pickle="x"), "'pickle' is unknown"),
    "fingerprint a number": (meta(fingerprint=1), "fingerprint must be a text"),
    "fingerprint null": (meta(fingerprint=None), "fingerprint must be a text"),
    "fingerprint of others": (meta(fingerprint=HASH), "does not have the fingerprint"),
    "fingerprint long": (meta(fingerprint="0" * 65), "fingerprint has 65"),
    "fingerprint missing": (stale(without("fingerprint")), "fingerprint is missing"),
    "checksum a list": (meta(checksum=[]), "checksum must be a text"),
    "checksum of others": (meta(checksum=HASH), "does not have the checksum"),
    "checksum missing": (stale(without("checksum")), None),
    "source changed": (stale(meta(source="mine")), "does not have the checksum"),
    "no object": (text("[1]"), "it must be an object"),
    "null": (text("null"), "it must be an object"),
    "empty": (text(""), "corrupt"),
    "NaN": (text('{"kind": NaN}'), "NaN"),
    "infinite": (text('{"kind": 1e999}'), "too large"),
    "a key twice": (text('{"kind": "sudoku", "kind": "chess"}'), "twice"),
    "lone surrogate": (text('{"kind": "\\ud800"}'), "surrogate"),
    "deep": (text(DEEP), "deep"),
    "many digits": (text('{"seed": ' + "9" * 5000 + "}"), "corrupt"),
    # the header of the file
    "no metadata": (metadata({}), "not prepared data"),
    "other metadata": (metadata({"format": "pt"}), "not prepared data"),
    "checkpoint": (metadata({"loopstab": "{}"}), "is a checkpoint of loopstab"),
    "metadata a list": (metadata([]), "metadata of its header"),
    "metadata of numbers": (metadata({KEY: 1}), "metadata of its header"),
    "metadata null": (metadata(None), None),
    "header a list": (raw(b"[]"), "no JSON object"),
    "header cut": (raw(b'{"__metadata__"'), "corrupt"),
    "header of zeros": (raw(b"\0" * 64), "corrupt"),
    "header not UTF-8": (raw(b'{"\xff": 1}'), "UTF-8"),
    "header deep": (raw(DEEP.encode()), "deep"),
    "header twice": (duplicate, "twice"),
    "column missing": (gone("view"), "it has the columns"),
    "column more": (extra, "it has the columns"),
    "entry a number": (header("cells", dtype=3), "cells.dtype must be a text"),
    "entry unknown": (header("cells", strides=[1]), "strides' is unknown"),
    "shape a text": (header("cells", shape="40"), "cells.shape must be a list"),
    "shape negative": (header("cells", shape=[-1, 16]), "cells.shape"),
    "shape large": (header("cells", shape=[2**40, 2**40]), "16 or 81 of sudoku"),
    "shape of three": (header("cells", shape=[40, 4, 4]), "cells.shape has 3 entries"),
    "shape flat": (header("cells", shape=[640]), "640 cells"),
    "rows many": (header("split", shape=[10**9]), "1000000000 rows"),
    "rows none": (header("split", shape=[0]), "0 rows"),
    "offsets outside": (header("view", data_offsets=[0, 2**50]), "not where it must be"),
    "offsets negative": (header("view", data_offsets=[-1, 5]), "data_offsets"),
    "offsets of another": (header("view", data_offsets=[0, 40]), "not where it must be"),
    "offsets reversed": (header("view", data_offsets=[40, 0]), "not where it must be"),
    # the columns
    "cells of floats": (column("cells", lambda a: a.astype("<f4")), "column cells is of type"),
    "cells of whole numbers": (column("cells", lambda a: a.astype("<i8")), "is of type 'I64'"),
    "cells of 3x3": (column("cells", lambda a: a[:, :9]), "9 cells for each row"),
    "split short": (column("split", lambda a: a[:-1]), "not one entry for each"),
    "line short": (column("line", lambda a: a[:5]), "not one entry for each"),
    "line square": (column("line", lambda a: a.reshape(-1, 2)), "not one entry for each"),
    "cells all zero": (column("cells", np.zeros_like), "column cells, row 0: it is no complete"),
    "cell blank": (at("cells", (7, 3), 0), "column cells, row 7: "),
    "cell clue of blank": (at("cells", (7, 3), MARK), "column cells, row 7: "),
    "cell beyond the size": (at("cells", (7, 3), 5), "column cells, row 7: "),
    "cell with a high bit": (at("cells", (7, 3), 32 + 1), "more than a digit and the mark"),
    "cell 255": (at("cells", (7, 3), 255), "column cells, row 7: "),
    "cells swapped": (swapped, "column cells, row 3: "),
    "rows mixed": (column("cells", lambda a: a[::-1].copy()), None),
    "all clues": (column("cells", lambda a: a | MARK), None),
    "no clue": (column("cells", lambda a: a & 15), None),
    "split 3": (at("split", 4, 3), "column split, row 4: "),
    "split 255": (at("split", 39, 255), "column split, row"),
    "split all train": (column("split", np.zeros_like), "row"),
    "no easy": (column("split", lambda a: np.where(a == 1, 0, a).astype("|u1")), "the level easy"),
    "view turned": (at("view", 2, 1), "column view, row 2: "),
    "difficulty on the wrong side": (at("difficulty", TRAIN, 65535), "column difficulty, row"),
    "lines renumbered": (column("line", lambda a: a + 7), None),
    "lines renumbered, old checksum": (stale(column("line", lambda a: a + 7)), "the checksum"),
    "cells changed, old fingerprint": (stale(swapped), "does not have the fingerprint"),
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A run on the unchanged table."""
    folder = tmp_path_factory.mktemp("run")
    data = GRIDS.save(folder / "grids.safetensors")
    words = ["train", "--task", "sudoku", "--data", str(data), "--out", str(folder / "out")]
    with pytest.raises(SystemExit) as end:
        main([*words, *SMALL, "--json"])
    assert not end.value.code
    return folder / "out" / "model.safetensors"


def commands(path, checkpoint, out):
    yield ["data", "describe", str(path)]
    yield ["data", "describe", str(path), "--json"]
    yield ["train", "--task", "sudoku", "--data", str(path), "--out", str(out), *SMALL]
    yield [
        *("crossvalidate", str(checkpoint), "--data", str(path)),
        *("--inputs", "1", "--loops", "32", "--limit", "32"),
    ]


def run(capsys, words):
    with pytest.raises(SystemExit) as end:
        main(words)
    return end.value.code or 0, *capsys.readouterr()


def is_one_line(text):
    body = text.removesuffix("\n")
    return body.startswith("loopstab: error: ") and body.isprintable() and len(body) < 1500


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_file_loads_or_is_refused_in_one_line(name, checkpoint, tmp_path, capsys):
    change, message = MUTATIONS[name]
    file = File(GRIDS)
    change(file)
    path = tmp_path / "t.safetensors"
    path.write_bytes(file.bytes())
    if message is None:
        assert Table.load(path).kind == "sudoku"
    else:
        with pytest.raises(LoopstabError, match=message) as refusal:
            Table.load(path)
        assert str(path) in str(refusal.value)
    for words in commands(path, checkpoint, tmp_path / "out"):
        status, out, err = run(capsys, words)
        if message is not None:
            assert (status, out, is_one_line(err)) == (1, "", True), (words, err)
        elif words[0] == "data":
            assert status == 0
            assert all(line.isprintable() and len(line) < 1000 for line in out.splitlines()) or (
                "--json" in words and json.loads(out)
            )
            assert "\x1b" not in out
        else:
            assert status == 0 or is_one_line(err), (words, err)
    if message is not None:
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("cut", [0, 4, 8, 50, 300, 900, -1])
def test_a_truncated_or_longer_file(cut, tmp_path):
    whole = File(GRIDS).bytes()
    path = tmp_path / "t.safetensors"
    path.write_bytes(whole[:cut] if cut >= 0 else whole + b"\0")
    with pytest.raises(LoopstabError, match="corrupt or truncated"):
        Table.load(path)


@pytest.mark.parametrize("length", [0, 1, 2**25 + 1, 2**63, 2**64 - 1])
def test_the_header_lies_about_its_length(length, tmp_path):
    path = tmp_path / "t.safetensors"
    path.write_bytes(struct.pack("<Q", length) + File(GRIDS).bytes()[8:])
    with pytest.raises(LoopstabError, match="does not begin with the header"):
        Table.load(path)


def test_what_is_no_file(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    cases = {
        tmp_path: "a folder, a pipe or a device",
        tmp_path / "loop": "cannot read",
        tmp_path / "none": "no prepared data",
        tmp_path / ("n" * 300): "cannot read",
        tmp_path / "a\0b": "no prepared data",
    }
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        cases[tmp_path / "pipe"] = "a folder, a pipe or a device"
    if os.path.exists("/dev/zero"):
        cases["/dev/zero"] = "a folder, a pipe or a device"
    for path, message in cases.items():
        with pytest.raises(UsageError, match=message):
            Table.load(path)


def test_a_link_to_a_file_is_followed(tmp_path):
    (tmp_path / "link").symlink_to(GRIDS.save(tmp_path / "t.safetensors"))
    assert Table.load(tmp_path / "link").fingerprint == GRIDS.fingerprint


def test_every_bit_is_covered(tmp_path):
    """A flipped bit anywhere is told; a sample of the file, and all of its last bytes."""
    whole = bytearray(GRIDS.save(tmp_path / "t.safetensors").read_bytes())
    rng = np.random.default_rng(0)
    places = {
        *range(16),
        *rng.integers(0, len(whole), 200).tolist(),
        *range(len(whole) - 90, len(whole)),
    }
    for place in places:
        whole[place] ^= 1 << (place % 8)
        (tmp_path / "t.safetensors").write_bytes(whole)
        with pytest.raises(LoopstabError):
            Table.load(tmp_path / "t.safetensors")
        whole[place] ^= 1 << (place % 8)


def chess_table():
    """Endgames as puzzles, some of them turned."""
    small = table(("Q",))
    pick = np.arange(0, len(small.cells), 97)
    views = (np.arange(len(pick)) % 4).astype(np.uint8)
    meta = {**small.meta, "kind": "chess", "cut": small.meta["cut"]["KQK"], "unit": "rating"}
    columns = (small.cells[pick], small.difficulty[pick], small.split[pick], small.line[pick])
    return Table.build(*columns, meta, views)


def endgames():
    small = table(("R", "Q"))
    pick = np.arange(0, len(small.cells), 97)
    columns = (small.cells[pick], small.difficulty[pick], small.split[pick], small.line[pick])
    return Table.build(*columns, small.meta)


def squares(row, change):
    """Change the squares of a row, which are cells without marks."""

    def apply(file):
        change(file.columns["cells"][row])

    return apply


def put(piece, on):
    """Put a piece on the first blank square without a mark of these squares."""

    def change(cells):
        cells[next(s for s in on if cells[s] == 0)] = PIECES.index(piece)

    return change


def marks(count):
    def change(cells):
        cells &= MARK - 1
        cells[:count] += MARK

    return change


def two_own(cells):
    """Both marks on white pieces."""
    cells &= MARK - 1
    cells[np.flatnonzero((cells > 0) & (cells <= 6))[:2]] += MARK


def without_piece(piece):
    def change(cells):
        cells[(cells & 15) == PIECES.index(piece)] &= MARK

    return change


def on_the_left(cells):
    cells[:] = cells.reshape(8, 8)[:, ::-1].ravel()


BOARDS = {
    "valid": (lambda file: None, None, None),
    "a third king": (squares(5, put("K", range(64))), "one king", "one king"),
    "no black king": (squares(5, without_piece("k")), "one king", "one king"),
    "a piece 13": (at("cells", (5, 0), 13), "more than a piece", "more than a piece"),
    "a high bit": (at("cells", (5, 0), 64), "more than a piece", "more than a piece"),
    "one mark": (squares(5, marks(1)), "not those of a move", "not those of a move"),
    "three marks": (squares(5, marks(3)), "not those of a move", "not those of a move"),
    "two own": (squares(5, two_own), "not those of a move", "not those of a move"),
    "king on the left": (squares(5, on_the_left), "files e to h", "files e to h"),
    "a pawn at the end": (squares(5, put("p", range(56, 64))), "a pawn", "a pawn"),
    "a pawn within": (squares(5, put("P", range(8, 56))), None, "it is not king and queen"),
    "two queens": (squares(5, put("Q", range(64))), None, "it is not king and queen"),
    "view 4": (at("view", 5, 4), "column view", "column view"),
    "view 3": (at("view", 5, 3), None, "column view"),
    "line": (at("line", 5, 1), None, "column line, row 5"),
    "no cut for a piece": (meta(cut={"KQK": 6}), None, "no cut for its endgame"),
    "cut a number": (meta(cut=6), None, "cut must be an object"),
    "mate in 0": (at("difficulty", 5, 0), None, "column difficulty, row 5"),
}


@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("kind", ["chess", "endgames"])
def test_boards(kind, name, tmp_path):
    change, *messages = BOARDS[name]
    message = messages[kind == "endgames"]
    if kind == "chess" and name == "line":
        message = None
    file = File(chess_table() if kind == "chess" else endgames())
    change(file)
    (tmp_path / "t.safetensors").write_bytes(file.bytes())
    if message is None:
        task = make_task(kind, data=tmp_path / "t.safetensors")
        assert (task.take("hard", 0, 50).target.sum(1) == 2).all()
        return
    with pytest.raises(LoopstabError, match=message):
        Table.load(tmp_path / "t.safetensors")


@pytest.mark.parametrize("box", [2, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_complete_against_sets(box, dtype):
    """The twin collects the digits of each unit; single cells of complete grids are changed."""
    side = box * box
    grid = np.array(random_grid(box, random.Random(0)), dtype)
    rng = np.random.default_rng(box)
    grids = np.tile(grid, (400, 1))
    values = [*range(18), 31, 32, 64, 255] if dtype is np.uint8 else [-1, 0, 1, 16, 65537, 2**40]
    for row in grids[1:]:
        row[rng.integers(0, side * side)] = rng.choice(values)
    square = grids.reshape(-1, side, side).tolist()
    digits = set(range(1, side + 1))
    units = [
        [
            *g,
            *zip(*g, strict=True),
            *(
                [g[r + i][c + j] for i in range(box) for j in range(box)]
                for r in range(0, side, box)
                for c in range(0, side, box)
            ),
        ]
        for g in square
    ]
    expected = [all(set(unit) == digits for unit in g) for g in units]
    assert complete(grids, box).tolist() == expected
    assert 1 <= sum(expected) < 400


def repeated(times):
    return {n: np.tile(a, (times, 1) if a.ndim > 1 else times) for n, a in GRIDS.columns.items()}


def test_the_first_wrong_row_of_a_later_chunk():
    columns = {
        name: np.tile(a, (1000, 1) if a.ndim > 1 else 1000) for name, a in GRIDS.columns.items()
    }
    assert first_wrong_row("sudoku", columns, GRIDS.meta["cut"]) is None
    columns["cells"][31_234, 5] = 0
    found = first_wrong_row("sudoku", columns, GRIDS.meta["cut"])
    assert found is not None
    assert found[:2] == ("cells", 31_234)


def test_castling_and_captures_are_moves():
    """White castles (the target is blank) and Black, seen turned, captures."""
    squares = np.zeros((2, 64), np.uint8)
    squares[0, [4, 7, 60]] = [PIECES.index(p) for p in "KRk"]
    squares[1, [0, 60, 40, 33]] = [PIECES.index(p) for p in "KkrN"]
    cells, view = encode(squares, np.array([False, True]), np.array([[4, 6], [40, 33]]))
    columns = {
        "cells": cells,
        "view": view,
        "split": np.array([0, 2], np.uint8),
        "difficulty": np.array([1, 9]),
        "line": np.array([1, 2]),
    }
    assert first_wrong_row("chess", columns, 5) is None


def test_tables_that_do_not_fit_the_task(tmp_path):
    small = GRIDS.save(tmp_path / "s.safetensors")
    with pytest.raises(UsageError, match="4x4 cells, and the task sudoku-9x9 has 9x9"):
        make_task("sudoku-9x9", data=small)
    assert make_task("sudoku-4x4", data=small).shape.classes == 4
    rooks = EndgameTask.generated("R").table.save(tmp_path / "r.safetensors")
    with pytest.raises(UsageError, match="endgames of KRK, and the task is kqk"):
        make_task("kqk", data=rooks)
    with pytest.raises(UsageError, match="these are endgames data"):
        make_task("chess", data=rooks)
    assert make_task("krk", data=rooks).count("hard") > 0


def test_what_is_saved_can_be_read(tmp_path):
    wrong = Table(**GRIDS.columns, meta={**GRIDS.meta, "source": "s" * 3000})
    with pytest.raises(UsageError, match="cannot be saved: source has 3000"):
        wrong.save(tmp_path / "t.safetensors")
    assert not list(tmp_path.iterdir())
    assert SudokuTask(GRIDS).fingerprint() == GRIDS.fingerprint


def test_memory_of_a_load(tmp_path):
    """The peak of a process that loads a table grows by less than twice its size."""
    resource = pytest.importorskip("resource", reason="no resource usage on this system")
    path = Table(**repeated(10_000), meta=GRIDS.meta).save(tmp_path / "t.safetensors")
    code = (
        "import resource, sys; from loopstab.models.tasks.table import Table\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); table = Table.load(sys.argv[1]); print(peak() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert resource.RUSAGE_SELF == 0
    assert int(done.stdout) * unit < 1.5 * path.stat().st_size
