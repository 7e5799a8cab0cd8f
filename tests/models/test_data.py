"""Prepared data: splits, files, and the data command."""

import bz2
import gzip
import hashlib
import json
import os
import random
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab.models.tasks.chess.endgames import EndgameTask
from loopstab.models.tasks.registry import make_task
from loopstab.models.tasks.sudoku import sudoku_file
from loopstab.models.tasks.sudoku import sudoku_task as sudoku
from loopstab.models.tasks.sudoku.solver import random_grid
from loopstab.models.tasks.table import LEFT_OUT, Table, cut_at, split_levels
from loopstab.models.tasks.table_source import rows, sample
from loopstab.paper_figures.cli import main
from loopstab.support.errors import LoopstabError, UsageError

# Splits


@pytest.mark.parametrize(
    ("difficulty", "share", "cut"),
    [
        (range(10), 0.8, 7),
        ([0] * 9 + [5], 0.8, 0),
        ([0, 1], 0.8, 0),
        ([1] * 5 + [2] * 3 + [9] * 2, 0.8, 2),
        ([3, 3, 3, 4], 0.1, 3),
    ],
)
def test_cut(difficulty, share, cut):
    assert cut_at(np.array(difficulty), share) == cut


@pytest.mark.parametrize(
    ("difficulty", "share", "message"),
    [([4, 4], 0.8, "same difficulty"), ([1, 2], 1.0, "between 0 and 1")],
)
def test_bad_cut(difficulty, share, message):
    with pytest.raises(UsageError, match=message):
        cut_at(np.array(difficulty), share)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=1, max_size=80),
    st.integers(0, 5),
)
def test_no_group_is_in_train_and_elsewhere(members, seed):
    hard, groups = (np.array(column) for column in zip(*members, strict=True))
    split = split_levels(hard, groups, seed)
    assert (split == split_levels(hard, groups, seed)).all()
    assert not set(groups[split == 0]) & set(groups[(split == 1) | (split == 2)])
    assert not hard[split < 2].any()
    assert hard[split >= 2].all()  # nothing easy is left out
    if (
        split == LEFT_OUT
    ).any():  # only where the natural rule would cost more than half of the easy rows
        easy_of_mixed = np.isin(groups, groups[hard]) & ~hard
        assert 2 * easy_of_mixed.sum() > (~hard).sum()


def test_held_out_share():
    rng = np.random.default_rng(0)
    split = split_levels(rng.random(10_000) < 0.2, np.arange(10_000), 1)
    counts = np.bincount(split, minlength=4)
    assert counts[LEFT_OUT] == 0
    assert counts[1] == pytest.approx(0.2 * (counts[0] + counts[1]), abs=1)
    assert (split != split_levels(rng.random(10_000) < 0.2, np.arange(10_000), 2)).any()


# Files


def puzzles(count, seed=0):
    rng = random.Random(seed)
    out = ["source,question,answer,rating"]
    for i in range(count):
        grid = random_grid(2, rng)
        puzzle = "".join(str(d) if rng.random() < 0.5 else "." for d in grid)
        out.append(f"here,{puzzle},{''.join(map(str, grid))},{i}")
    return ("\n".join(out) + "\n").encode()


def compress(data, kind):
    if kind == "gz":
        return gzip.compress(data, mtime=0)
    if kind == "bz2":
        return bz2.compress(data)
    if kind == "zst":
        half = len(data) // 2  # two frames, as parallel compressors write
        zstandard = pytest.importorskip(
            "zstandard", reason="the extra loopstab[zst] is not installed"
        )
        return b"".join(
            zstandard.ZstdCompressor().compress(part) for part in (data[:half], data[half:])
        )
    return data


@pytest.mark.parametrize("kind", ["plain", "gz", "bz2", "zst"])
def test_compression_does_not_matter(tmp_path, kind):
    data = puzzles(200)
    path = tmp_path / "s.csv"
    path.write_bytes(compress(data, kind))
    table = sudoku_file.read(path)
    (tmp_path / "plain.csv").write_bytes(data)
    assert table.fingerprint == sudoku_file.read(tmp_path / "plain.csv").fingerprint
    if kind == "plain":
        return
    whole = path.read_bytes()
    for damaged in (whole[:-40], whole[: len(whole) // 3], whole[:200] + b"\0" * 64 + whole[264:]):
        path.write_bytes(damaged)
        with pytest.raises(LoopstabError, match="damaged or incomplete") as error:
            sudoku_file.read(path)
        assert error.value.exit_status == 1


def test_sample_is_uniform_seeded_and_in_order(tmp_path):
    path = tmp_path / "s.csv"
    path.write_bytes(puzzles(50))
    draw = lambda seed: [line for line, _ in sample(rows(path, sudoku_file.FORM)[1], 10, seed)]  # noqa: E731
    assert draw(1) == draw(1) == sorted(draw(1)) != draw(2)
    counts = np.bincount(np.concatenate([draw(seed) for seed in range(400)]), minlength=52)[2:]
    assert counts.sum() == 4000
    assert abs(counts - 80).max() < 40  # five standard deviations
    assert draw(0) == [line for line, _ in sample(rows(path, sudoku_file.FORM)[1], 10, 0)]
    with pytest.raises(UsageError, match="at least one row"):
        sample(iter([]), 0, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "header lacks|empty|corrupt"), (b"\0" * 100, "corrupt"), (puzzles(3), "corrupt")],
)
def test_not_prepared_data(tmp_path, content, message):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(LoopstabError, match=message):
        Table.load(path)


def test_other_safetensors(tmp_path):
    from safetensors.numpy import save_file

    save_file({"w": np.zeros(3)}, tmp_path / "w.safetensors")
    with pytest.raises(LoopstabError, match="not prepared data"):
        make_task("sudoku", data=tmp_path / "w.safetensors")
    with pytest.raises(UsageError, match="no prepared data at nothing"):
        make_task("sudoku", data="nothing")
    with pytest.raises(UsageError, match="endgames data"):
        sudoku.SudokuTask(EndgameTask.generated("Q").table)


# The command


def run(capsys, *args):
    with pytest.raises(SystemExit) as stop:
        main(["data", *map(str, args)])
    captured = capsys.readouterr()
    return stop.value.code or 0, captured.out, captured.err


def test_prepare_and_describe(tmp_path, capsys):
    source, out = tmp_path / "s.csv", tmp_path / "new" / "s.safetensors"
    source.write_bytes(puzzles(300))
    status, text, _ = run(capsys, "prepare", "sudoku", source, "--out", out, "--json")
    assert status == 0
    account = json.loads(text)
    assert (
        account["rows"] + account["left_out"],
        account["rows_checked"],
        account["malformed"],
    ) == (300, 300, 0)
    assert account["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert account["bytes"] == out.stat().st_size
    assert set(account["levels"]) == {"train", "easy", "hard"}
    assert next(iter(account["levels"]["hard"]["quantiles"])) == "0%"
    status, again, _ = run(capsys, "describe", out, "--json")
    assert status == 0
    assert {k: v for k, v in json.loads(again).items() if k != "path"} == {
        k: v for k, v in account.items() if k != "path"
    }
    status, text, _ = run(capsys, "describe", out)
    assert status == 0
    assert all(word in text for word in ("train:", "hard:", "rating", account["fingerprint"][:16]))
    status, text, _ = run(
        capsys, "prepare", "sudoku", source, "--out", out, "--rows", 100, "--json"
    )
    assert (status, json.loads(text)["rows_checked"]) == (0, 100)


def test_malformed_rows_are_reported(tmp_path, capsys):
    source, out = tmp_path / "s.csv", tmp_path / "s.safetensors"
    lines = puzzles(300).decode().splitlines()
    lines[149] = lines[149][:-20]
    source.write_text("\n".join(lines))
    status, text, error = run(capsys, "prepare", "sudoku", source, "--out", out)
    assert (status, error) == (0, "")
    assert "1 of 300 rows malformed and skipped" in text
    assert "line 150: " in text
    before = out.read_bytes()
    source.write_text("\n".join([lines[0], *[line[:-20] for line in lines[1:9]], *lines[9:]]))
    status, text, error = run(capsys, "prepare", "sudoku", source, "--out", out)
    assert (status, text) == (2, "")
    assert error.startswith(f"loopstab: error: {source}:2: ")
    assert "9 of 300 rows are malformed" in error
    assert error.count("\n") == 1
    assert out.read_bytes() == before  # nothing lost


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        (("prepare", "sudoku", "no.csv", "--out", "o.safetensors"), 2, "no file at no.csv"),
        (("prepare", "chess", "no.csv", "--out", "o.npz"), 2, "name it o.npz.safetensors"),
        (
            ("prepare", "chess", "s.csv", "--out", "o.safetensors"),
            2,
            "does not say where to find fen, moves:",
        ),
        (
            ("prepare", "chess", "s.csv", "--out", "o.safetensors", "--easy-rating", "2100"),
            2,
            "easy rating must lie below",
        ),
        (
            ("prepare", "sudoku", "s.csv", "--out", "o.safetensors", "--easy-share", "7"),
            2,
            "between 0 and 1",
        ),
        (
            ("prepare", "sudoku", "s.csv", "--out", "o.safetensors", "--rows", "0"),
            2,
            "at least one row",
        ),
        *(
            (("prepare", kind, "s.csv", "--out", "o.safetensors", *option), 2, message)
            for kind in ("sudoku", "chess")
            for option, message in (
                (("--rows", "-1"), "at least one row"),
                (("--rows", "50000001"), "at most 50,000,000"),
                (("--rows", "9" * 100), "at most 50,000,000"),
                (("--seed", "-1"), "needs a seed from 0"),
                (("--easy-share", "nan"), "between 0 and 1"),
                (("--easy-share", "inf"), "between 0 and 1"),
                (("--easy-share", "-1"), "between 0 and 1"),
                (("--easy-share", "0"), "between 0 and 1"),
                (("--easy-rating", "-1"), "both from 0 to 65535"),
                (("--hard-rating", "65536"), "both from 0 to 65535"),
                (("--easy-rating", "1700", "--hard-rating", "1700"), "must lie below the hard"),
                (("--columns", "," * 100_000), "is not a column of its own"),
                (("--columns", "rating=1," * 10_000), "is not a column of its own"),
                (("--columns", ""), "is not a column of its own"),
            )
            if kind == "sudoku" or "--columns" not in option
        ),
        (("prepare", "sudoku", "x" * 300, "--out", "o.safetensors"), 2, "cannot read"),
        (("prepare", "sudoku", "/dev/zero", "--out", "o.safetensors"), 2, "no regular file"),
        (("prepare", "sudoku", "s.csv", "--out", f"{'x' * 250}.safetensors"), 2, "too long"),
        (("prepare", "sudoku", "s.csv", "--out", "s.csv"), 2, "name it s.csv.safetensors"),
        (("prepare", "sudoku", "s.csv", "--out", "."), 2, "name it data.safetensors"),
        (("generate", "sudoku", "--out", f"{'x' * 250}.safetensors"), 2, "too long"),
        (("generate", "sudoku", "--out", "o.safetensors", "--seed", "-1"), 2, "a seed from 0"),
        (("generate", "endgames", "--out", "o.safetensors", "--seed", "-1"), 2, "a seed from 0"),
        *(
            (("generate", "sudoku", "--box", box, "--rows", rows, "--out", "o.safetensors"), 2, m)
            for box in "23"
            for rows, m in (
                ("0", "at least 10 puzzles"),
                ("-5", "at least 10 puzzles"),
                ("1000001", "at most 1,000,000"),
                ("1000000000000", "at most 1,000,000"),
                ("9" * 100, "at most 1,000,000"),
            )
        ),
        (("prepare", "sudoku", ".", "--out", "o.safetensors"), 2, "cannot read"),
        (("prepare", "sudoku", "s.csv", "--out", "s.csv/o.safetensors"), 2, "cannot write"),
        (("generate", "sudoku", "--out", "o.safetensors", "--rows", "3"), 2, "at least 10 puzzles"),
        (("describe", "s.csv"), 1, "corrupt"),
        (("describe", "none.safetensors"), 2, "no prepared data"),
        (("fetch", "lichess", "--out", ".", "--sha256", "12"), 2, "64 hexadecimal digits"),
        (("fetch", "lichess", "--out", ".", "--url", "nonsense"), 2, "only addresses https"),
    ],
)
def test_bad_requests(tmp_path, capsys, monkeypatch, args, status, message):
    if "chess" in args and "s.csv" in args:
        pytest.importorskip("chess", reason="the extra loopstab[chess] is not installed")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.csv").write_bytes(puzzles(30))
    found, out, error = run(capsys, *args)
    assert (found, out) == (status, "")
    assert message in error
    assert error.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["s.csv"]


def test_the_data_file_is_no_folder_and_not_the_source(tmp_path, capsys):
    (tmp_path / "d.safetensors").mkdir()
    (tmp_path / "s.safetensors").write_bytes(puzzles(30))
    (tmp_path / "link.safetensors").symlink_to("s.safetensors")
    source = str(tmp_path / "s.safetensors")
    for out, message in (
        ("d.safetensors", "no regular file"),
        ("s.safetensors", "is the file of puzzles itself"),
        ("link.safetensors", "is the file of puzzles itself"),
        ("../" + tmp_path.name + "/s.safetensors", "is the file of puzzles itself"),
    ):
        status, _, error = run(capsys, "prepare", "sudoku", source, "--out", tmp_path / out)
        assert (status, error.count("\n")) == (2, 1)
        assert message in error
    assert (tmp_path / "s.safetensors").read_bytes() == puzzles(30)


def test_puzzles_through_a_pipe(tmp_path, capsys):
    """As in `loopstab data prepare sudoku <(xzcat puzzles.csv.xz)`; the account has the SHA-256 of
    what came through.
    """
    content = gzip.compress(puzzles(300), mtime=0)
    (tmp_path / "s.csv").write_bytes(content)
    os.mkfifo(tmp_path / "pipe")
    accounts = {}
    for name in ("s.csv", "pipe"):
        writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(content,))
        if name == "pipe":
            writer.start()
        args = ("prepare", "sudoku", tmp_path / name, "--out", tmp_path / "o.safetensors", "--json")
        status, text, _ = run(capsys, *args)
        assert status == 0
        accounts[name] = json.loads(text)
    writer.join()
    assert accounts["pipe"].pop("source") == "pipe"
    assert accounts["s.csv"].pop("source") == "s.csv"
    assert accounts["pipe"] == accounts["s.csv"]
    assert accounts["pipe"]["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("args", "name", "embedded"),
    [
        (("sudoku", "--box", "2"), "sudoku", "sudoku-4x4"),
        (("endgames", "--pieces", "Q"), "endgames", "kqk"),
    ],
)
def test_generate(tmp_path, capsys, args, name, embedded):
    out = tmp_path / "g.safetensors"
    status, text, _ = run(capsys, "generate", *args, "--out", out)
    assert status == 0
    assert "train:" in text
    task = make_task(name, data=out)
    assert task.fingerprint() == make_task(embedded).fingerprint()


@pytest.mark.parametrize("command", ["fetch", "prepare", "generate", "describe"])
def test_help_has_an_example(capsys, command):
    status, text, _ = run(capsys, command, "--help")
    assert status == 0
    assert f"Example: loopstab data {command}" in text
