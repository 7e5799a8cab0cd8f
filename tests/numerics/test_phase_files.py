"""Files of samples and of phase diagrams that anyone may have written."""

import io
import json
import os
import struct
import warnings
import zipfile

import numpy as np
import pytest

from loopstab.numerics.phase import Cells, PhaseDiagram, phase_diagram
from loopstab.numerics.phase.laws.law import Samples
from loopstab.numerics.phase.store import KINDS, Store, shard, write_shard
from loopstab.support.errors import LoopstabError

NAMES = ["0" * 31 + str(i) for i in range(3)]
SAMPLES = Samples(
    np.array([0.5, 2.0, np.nan]),
    np.array([9.0, np.nan, np.nan]),
    np.array([1.0, np.inf, np.nan]),
    np.array(["fixed-point", "explosion", "undecided"], dtype="<U16"),
)


def npz(arrays, method=zipfile.ZIP_DEFLATED):
    """An archive of arrays, or of bytes that stand for one."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a name twice
        for name, array in arrays if isinstance(arrays, list) else arrays.items():
            file = io.BytesIO()
            if isinstance(array, bytes):
                file.write(array)
            else:
                np.lib.format.write_array(file, np.asarray(array), allow_pickle=True)
            archive.writestr(f"{name}.npy", file.getvalue())
    return out.getvalue()


def parts(**changed):
    return {"names": np.array(NAMES), **SAMPLES._asdict(), **changed}


def npy(shape, descr, data=b""):
    """A .npy file whose header says what it likes."""
    head = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


def lying(raw, size):
    """The archive with another size of the first member, in both places where it stands."""
    raw = bytearray(raw)
    raw[22:26] = struct.pack("<I", size)
    at = raw.index(b"PK\x01\x02")
    raw[at + 24 : at + 28] = struct.pack("<I", size)
    return bytes(raw)


DAMAGED = {
    "empty": b"",
    "text": b"rho,iterations\n",
    "pickle": b"\x80\x04\x95pickle",
    "no arrays": npz({}),
    "one missing": npz({k: v for k, v in parts().items() if k != "rho"}),
    "one more": npz(parts(extra=np.zeros(3))),
    "one twice": npz([*parts().items(), ("rho", SAMPLES.rho)]),
    "objects": npz(parts(rho=np.array([0.5, {}, None], dtype=object))),
    "rho of texts": npz(parts(rho=np.array(["a", "b", "c"]))),
    "rho of whole numbers": npz(parts(rho=np.arange(3))),
    "rho complex": npz(parts(rho=np.zeros(3, complex))),
    "rho short": npz(parts(rho=np.zeros(2))),
    "rho square": npz(parts(rho=np.zeros((3, 3)))),
    "rho negative": npz(parts(rho=-np.ones(3))),
    "iterations infinite": npz(parts(iterations=np.array([1, np.inf, 2]))),
    "outcome unknown": npz(parts(outcome=np.array(["fixed-point", "bad", "cycle"]))),
    "names of bytes": npz(parts(names=np.array([b"a", b"b", b"c"]))),
    "other names": npz(parts(names=np.array(["a", "b", "c"]))),
    "shape that lies": npz(parts(rho=npy("(1000000000000,)", "<f8", b"\0" * 24))),
    "shape negative": npz(parts(rho=npy("(-3,)", "<f8", b"\0" * 24))),
    "nothing, many times": npz(parts(names=npy("(10000000000,)", "<U0"))),
    "header that is code": npz(parts(rho=npy("__import__('os')", "<f8"))),
    "header deep": npz(parts(rho=npy("(" * 5000, "<f8"))),
    "header cut": npz(parts(rho=b"\x93NUMPY\x01\x00\xff")),
    "another version": npz(parts(rho=b"\x93NUMPY\x03\x00" + b"\0" * 80)),
    "no array": npz(parts(rho=b"")),
    "bomb": npz(parts(rho=np.zeros(40_000_000))),
    "size too small": lying(npz(parts()), 3),
    "size too large": lying(npz(parts()), 2**31),
    "cut": npz(parts())[:300],
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_shard_is_left_aside(name, tmp_path):
    (tmp_path / shard(NAMES)).write_bytes(DAMAGED[name])
    with pytest.warns(UserWarning, match=rf"{shard(NAMES)} is damaged \(.{{1,200}}\)") as told:
        assert len(Store(tmp_path)) == 0
    assert str(told[0].message).isprintable()


def test_shards_that_are_right(tmp_path):
    write_shard(tmp_path, NAMES, SAMPLES)
    assert set(np.load(tmp_path / shard(NAMES)).files) == set(KINDS)
    back = Store(tmp_path).samples(NAMES)
    for a, b in zip(back, SAMPLES, strict=True):
        np.testing.assert_array_equal(a, b)
    for data in (npz(parts()), npz(parts(), zipfile.ZIP_STORED)):
        (tmp_path / shard(NAMES)).write_bytes(data)
        assert len(Store(tmp_path)) == 3


def test_what_is_no_shard(tmp_path):
    """A shard under another name is not taken; other files are not touched; a pipe is not read."""
    (tmp_path / ("0" * 32 + ".npz")).write_bytes(npz(parts()))
    (tmp_path / "phase.npz").write_bytes(b"mine")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / ("1" * 32 + ".npz"))
    (tmp_path / ("2" * 32 + ".npz")).mkdir()
    with pytest.warns(UserWarning, match="is damaged") as told:
        assert len(Store(tmp_path)) == 0
    assert len(told) == 2 + hasattr(os, "mkfifo")


# Diagrams


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A saved diagram with cells of two sizes, as its arrays and its scalars."""
    folder = tmp_path_factory.mktemp("phase")
    found = phase_diagram(settings={"width": 8}, grid=(3, 3), depth=1, jobs=1)
    assert found.cells.level.sum() > 0
    found.save(folder)
    with np.load(folder / "phase.npz") as data:
        arrays = {name: data[name] for name in data.files}
    return arrays, json.loads(str(arrays["scalars"]))


SCALARS = {
    "law unknown": {"law": "no"},
    "law a list": {"law": []},
    "axis unreadable": {"x": "beta"},
    "axis of another law": {"x": "heads:1:4"},
    "axis without range": {"x": "beta:5:1"},
    "axis out of range": {"x": "beta:-1:1"},
    "the same axes": {"x": "sigma:0.2:5:log", "y": "sigma:0.2:5:log"},
    "settings a list": {"settings": []},
    "settings empty": {"settings": {}},
    "width a text": {"settings": {"width": "8"}},
    "width of parts": {"settings": {"width": 8.5}},
    "rows large": {"rows": 10**5},
    "rows a text": {"rows": "3"},
    "rows true": {"rows": True},
    "draws negative": {"draws": -1},
    "seed a float": {"seed": 0.5},
    "seconds a text": {"seconds": "1"},
    "independent 1": {"independent": 1},
    "depth 40": {"depth": 40},
    "another": {"another": 1},
}
ARRAYS = {
    "a map short": lambda a: {"trust": a["trust"][:-1]},
    "cells short": lambda a: {"row": a["row"][:-1]},
    "level deep": lambda a: {"level": a["level"] + 60},
    "level negative": lambda a: {"level": a["level"] - 1},
    "cells outside": lambda a: {"col": a["col"] + 1},
    "cells twice": lambda a: {"col": np.where(a["level"] == 1, 0, a["col"])},
    "levels of floats": lambda a: {"level": a["level"].astype(float)},
    "rho negative": lambda a: {"rho": -np.abs(a["rho"]) - 1},
    "share of two": lambda a: {"converged": a["converged"] + 2},
    "outcome unknown": lambda a: {"outcome": np.full(len(a["rho"]), "\x1b[2J")},
    "scalars broken": lambda a: {"scalars": np.array("{")},
    "scalars NaN": lambda a: {"scalars": np.array('{"law": NaN}')},
    "scalars a list": lambda a: {"scalars": np.array(["{}", "{}"])},
    "objects": lambda a: {"rho": np.array([None] * len(a["rho"]), dtype=object)},
}


@pytest.mark.parametrize("name", [*SCALARS, *ARRAYS])
def test_a_damaged_diagram_is_told_in_one_line(name, saved, tmp_path):
    arrays, scalars = saved
    changed = (
        {"scalars": np.array(json.dumps({**scalars, **SCALARS[name]}))}
        if name in SCALARS
        else ARRAYS[name](arrays)
    )
    (tmp_path / "phase.npz").write_bytes(npz({**arrays, **changed}))
    with pytest.raises(LoopstabError, match="is damaged") as error:
        PhaseDiagram.load(tmp_path)
    assert str(error.value).isprintable()
    (tmp_path / "phase.npz").write_bytes(npz(arrays))
    assert len(PhaseDiagram.load(tmp_path).cells) == len(arrays["rho"])


@pytest.mark.parametrize("name", [n for n in DAMAGED if n not in ("one more", "one missing")])
def test_an_archive_that_is_no_diagram(name, tmp_path):
    (tmp_path / "phase.npz").write_bytes(DAMAGED[name])
    with pytest.raises(LoopstabError, match="is damaged"):
        PhaseDiagram.load(tmp_path)


def test_tiles_against_the_raster():
    """The twin draws the cells: random splits tile, and with one cell moved they do not."""
    rng = np.random.default_rng(0)
    for _ in range(30):
        cells = Cells.coarse(*rng.integers(1, 5, 2).tolist())
        for _ in range(rng.integers(0, 4)):
            cells = cells.split(rng.random(len(cells)) < 0.4)
        assert cells.tile()
        size = 4.0 ** -cells.level.astype(float)
        assert size.sum() == cells.rows * cells.cols
        assert (cells.raster() >= 0).all()
        place = int(rng.integers(len(cells)))
        for field in ("level", "row", "col"):
            for step in (-1, 1):
                moved = getattr(cells, field).copy()
                moved[place] += step
                parts = {"level": cells.level, "row": cells.row, "col": cells.col, field: moved}
                assert not Cells(cells.rows, cells.cols, **parts).tile()
