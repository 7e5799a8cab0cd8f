"""Prepared data that anyone may have written: loaded, or refused in one line that says why."""

import json

import numpy as np
import pytest
from prepared_file import (
    GRIDS,
    File,
    at,
    column,
    duplicate,
    extra,
    gone,
    header,
    meta,
    metadata,
    raw,
    stale,
    swapped,
    text,
    without,
)

from loopstab.models.tasks.cell_rules import MARK
from loopstab.models.tasks.table import Table
from loopstab.models.tasks.table_file import KEY
from loopstab.paper_figures.cli import main
from loopstab.support.errors import LoopstabError

TRAIN = int(GRIDS.rows("train")[5])
SMALL = ("--width", "8", "--heads", "2", "--steps", "1", "--eval-size", "2", "--batch", "2")
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
