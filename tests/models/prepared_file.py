"""Prepared files whose parts can be changed one by one before they are written."""

import json
import struct

import numpy as np

from loopstab.models.tasks.sudoku.sudoku_task import generate
from loopstab.models.tasks.table import Table
from loopstab.models.tasks.table_file import COLUMNS, KEY, checksum

GRIDS = generate(2, 400)
NONE = {name: np.zeros(1, code) for name, (_, code) in COLUMNS.items()}


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
