"""The file of prepared data as a whole: cut, lying, no file at all; and what is read back."""

import os
import random
import struct
import subprocess
import sys

import numpy as np
import pytest
from prepared_file import GRIDS, File

from loopstab.models.tasks.cell_rules import first_wrong_row
from loopstab.models.tasks.chess.endgames import EndgameTask
from loopstab.models.tasks.registry import make_task
from loopstab.models.tasks.sudoku.solver import random_grid
from loopstab.models.tasks.sudoku.sudoku_task import SudokuTask
from loopstab.models.tasks.sudoku.symmetry import complete
from loopstab.models.tasks.table import Table
from loopstab.support.errors import LoopstabError, UsageError


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
