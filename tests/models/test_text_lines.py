"""Hostile files: memory stays bounded, nothing hangs, and every refusal is one line."""

import bz2
import gzip
import os
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab.models.tasks import pipe, table_source, text_lines
from loopstab.models.tasks.layout import LONGEST_FIELD, MOST_COLUMNS, Column, Form
from loopstab.models.tasks.pipe import without_pipe
from loopstab.support.errors import LoopstabError, UsageError

MIB = 1 << 20


def lines(path):
    return list(text_lines.text_lines(path))


def peak(path):
    """The refusal of a file in a process of its own, and the MiB that the process has held at most
    beyond those that it held before.
    """
    code = f"""
from pathlib import Path
from loopstab.models.tasks.text_lines import text_lines
from loopstab.support.errors import LoopstabError
def most():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) >> 10
before, count = most(), 0
try:
    for _ in text_lines(Path({str(path)!r})):
        count += 1
    print("read")
except LoopstabError as error:
    print(error)
print(most() - before)
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        check=True,
    )
    message, held = run.stdout.splitlines()
    return message, int(held)


def frames(block, count, level=3):
    """One Zstandard frame of `count` equal blocks."""
    zstandard = pytest.importorskip("zstandard", reason="the extra loopstab[zst]")
    writer = zstandard.ZstdCompressor(level=level).compressobj()
    return b"".join(writer.compress(block) for _ in range(count)) + writer.flush()


def stream(block, count):
    writer = bz2.BZ2Compressor()
    return b"".join(writer.compress(block) for _ in range(count)) + writer.flush()


BOMBS = {
    "gzip": lambda block, count: gzip.compress(block) * count,
    "bzip2": lambda block, count: bz2.compress(block) * count,
    "bzip2, one stream": stream,
    "zstd": lambda block, count: frames(block, 1) * count,
    "zstd, one frame": frames,
    "zstd, slow": lambda block, count: frames(block, count, 19),
}
needs_status = pytest.mark.skipif(
    not os.path.exists("/proc/self/status"), reason="memory is read from /proc"
)


@needs_status
@pytest.mark.parametrize("compress", BOMBS.values(), ids=BOMBS)
def test_a_line_of_300_mb_is_refused_in_bounded_memory(tmp_path, compress):
    path = tmp_path / "bomb"
    path.write_bytes(compress(b"a" * MIB, 300))
    message, held = peak(path)
    assert message == (
        f"{path}:1: the line is longer than 1 MiB: give a text file with one puzzle a line"
    )
    assert held < 100


@needs_status
def test_a_plain_line_of_300_mb(tmp_path):
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        file.truncate(300 * MIB)
    message, held = peak(path)
    assert "the line is longer than 1 MiB" in message
    assert held < 100


@needs_status
@pytest.mark.parametrize("name", ["gzip", "zstd, one frame"])
@pytest.mark.parametrize("line", [b"\n", b"ab\n"])
def test_many_short_lines_take_no_memory(tmp_path, name, line):
    path = tmp_path / "bomb"
    path.write_bytes(BOMBS[name](line * (MIB // len(line)), 2))
    message, held = peak(path)
    assert message == "read"
    assert held < 100


@pytest.mark.parametrize("compress", BOMBS.values(), ids=BOMBS)
def test_blocks_are_short_before_they_are_split(tmp_path, compress):
    """A block of short lines takes many times its size when it is split."""
    path = tmp_path / "bomb"
    path.write_bytes(compress(b"\n" * MIB, 8))
    with open(path, "rb") as file:
        sizes = [len(block) for block in text_lines._blocks(file, path.read_bytes()[:6], path)]
    assert sum(sizes) == 8 * MIB
    assert max(sizes) <= text_lines.BLOCK


def frame(header):
    """A Zstandard frame with the given header and one block, the byte x."""
    return b"\x28\xb5\x2f\xfd" + header + b"\x09\x00\x00x"


@needs_status
def test_the_window_of_zstandard_is_bounded(tmp_path):
    pytest.importorskip("zstandard", reason="the extra loopstab[zst]")
    path = tmp_path / "window"
    path.write_bytes(frame(bytes([0, 17 << 3])))  # 2^(10 + 17) bytes are allowed
    assert lines(path) == [(1, "x")]
    for header in (bytes([0, 21 << 3]), bytes([0xA0]) + (1 << 31).to_bytes(4, "little")):
        path.write_bytes(frame(header))
        message, held = peak(path)
        assert "was compressed with a window of more than 128 MiB" in message
        assert held < 100


def test_number_of_lines_and_bytes(tmp_path, monkeypatch):
    path = tmp_path / "long"
    path.write_bytes(b"\n" * 10)
    monkeypatch.setattr(text_lines, "MOST_LINES", 10)
    assert len(lines(path)) == 10
    for content in (b"\n" * 11, b"\n" * 10 + b"x"):
        path.write_bytes(content)
        with pytest.raises(UsageError, match="has more than 10 lines: split it"):
            lines(path)
    monkeypatch.setattr(text_lines, "MOST_BYTES", 100)
    path.write_bytes(gzip.compress((b"a" * 19 + b"\n") * 5))
    assert len(lines(path)) == 5
    path.write_bytes(gzip.compress((b"a" * 19 + b"\n") * 5 + b"b"))
    with pytest.raises(UsageError, match="GiB of text: split it"):
        lines(path)


@settings(deadline=None)
@given(st.lists(st.sampled_from([b"", b"a", b"\n", b"bc", b"\n\n", b"d\ne"])))
def test_the_blocks_do_not_matter(tmp_path_factory, blocks):
    whole = b"".join(blocks)
    path = tmp_path_factory.getbasetemp() / "any"
    assert list(text_lines._split(blocks, path)) == (
        whole.split(b"\n") if whole and not whole.endswith(b"\n") else whole.split(b"\n")[:-1]
    )


def test_a_line_of_single_bytes(tmp_path):
    """With a copy of the line for each of its 2^20 blocks this would copy 2^39 bytes."""
    blocks = (b"x" for _ in range(text_lines.LONGEST))
    assert list(text_lines._split(blocks, tmp_path)) == [b"x" * text_lines.LONGEST]


# What is no regular file


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def test_what_is_no_regular_file(tmp_path, fifo):
    for path in (fifo, tmp_path, "/dev/zero", "/dev/null", "/dev/tty"):
        with pytest.raises(UsageError, match="cannot read") as error:
            lines(path)
        assert "\n" not in str(error.value)
    with pytest.raises(UsageError, match="no regular file"):
        table_source.sha256(fifo)
    with pytest.raises(UsageError, match="no file at"):
        lines(tmp_path / "none")


def test_a_file_that_changes_while_it_is_read(tmp_path):
    path = tmp_path / "s.csv"
    for change in ("shrinks", "grows"):
        path.write_bytes(b"line\n" * MIB)
        found = text_lines.text_lines(path)
        next(found)
        with open(path, "r+b") as file:
            file.truncate(10 if change == "shrinks" else 6 * MIB)
        with pytest.raises(LoopstabError, match="was changed while it was read"):
            list(found)


def test_a_pipe_is_copied(fifo):
    content = gzip.compress(b"one\ntwo\n" * 100_000, 0)
    writer = threading.Thread(target=fifo.write_bytes, args=(content,))
    writer.start()
    with without_pipe(fifo) as path:
        assert path.name == "fifo"
        assert path.read_bytes() == content
        assert len(lines(path)) == 200_000
    writer.join()
    assert not path.exists()
    with without_pipe(path) as same:
        assert same is path


def test_a_pipe_to_which_nobody_writes(fifo, monkeypatch):
    monkeypatch.setattr(pipe, "PATIENCE", 0.05)
    nothing = r"nothing came through the pipe .*fifo for 0\.05 s"
    with pytest.raises(UsageError, match=nothing), without_pipe(fifo):
        pass
    monkeypatch.setattr(pipe, "PATIENCE", 60.0)
    monkeypatch.setattr(pipe, "MOST_BYTES", 9)
    writer = threading.Thread(target=fifo.write_bytes, args=(b"0123456789",))
    writer.start()
    with pytest.raises(UsageError, match="come through the pipe"), without_pipe(fifo):
        pass
    writer.join()


# Rows

FORM = Form(
    (Column("puzzle", ("puzzle",)), Column("rating", ("rating",), needed=False)),
    ({"puzzle": 0},),
    lambda fields: fields["puzzle"].isdigit(),
    "puzzle=board",
)


def test_wide_files_and_long_fields(tmp_path):
    wide = ",".join(["puzzle", *["x"] * MOST_COLUMNS])
    with pytest.raises(UsageError, match="does not say where to find puzzle"):
        FORM.layout(wide)
    layout = FORM.layout(wide[:-2])
    assert layout.fields("1," * 500_000) == {"puzzle": "1"}
    assert layout.fields("1" * LONGEST_FIELD) == {"puzzle": "1" * LONGEST_FIELD}
    with pytest.raises(ValueError, match=f"the puzzle has {LONGEST_FIELD + 1} characters"):
        layout.fields("1" * (LONGEST_FIELD + 1))
    last = FORM.layout(",".join(["y" * 500] * (MOST_COLUMNS - 1) + ["puzzle"]))
    with pytest.raises(ValueError, match="1 fields, and 1000 are needed") as error:
        last.fields("1")
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("columns", ["," * 10**6, "rating=1," * 10**6, "a" * 10**6])
def test_many_columns_in_the_option(columns):
    with pytest.raises(UsageError, match="is not a column of its own") as error:
        FORM.layout("puzzle,rating", columns)
    assert len(str(error.value)) < 300


def test_reasons_are_short(tmp_path):
    malformed = table_source.Malformed(tmp_path)
    malformed.add(1, "a\nb " + "x" * 10**6)
    ((line, reason),) = malformed.first
    assert (line, reason[:4], len(reason)) == (1, "a b ", table_source.LONGEST_REASON)
