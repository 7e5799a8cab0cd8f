"""Mutations of safetensors files: of the header, of our metadata in it, and of the numbers."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from random import Random
from typing import Any

import numpy as np
from file_mutations import json_text, mutated_bytes, mutated_value

from loopstab.models.network.checksum import Values, checksum
from loopstab.models.tasks.table_file import COLUMNS
from loopstab.models.tasks.table_file import KEY as DATA_KEY
from loopstab.models.tasks.table_file import checksum as data_checksum

KEY = "loopstab"

Parts = tuple[dict[str, Any], dict[str, Any], bytes]
"""The header of a safetensors file without its metadata, the metadata, and the numbers."""


def parts_of(data: bytes) -> Parts:
    """The parts of a safetensors file that is whole."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    return header, header.pop("__metadata__", {}), data[8 + length :]


def safetensors(header: dict[str, Any], others: Any, numbers: bytes) -> bytes:
    """A safetensors file of these parts."""
    text = json_text({"__metadata__": others, **header})
    return struct.pack("<Q", len(text)) + text + numbers


def mutated_safetensors(data: bytes, other: bytes, draw: Random) -> bytes:
    """A safetensors file with another header, other metadata, or other numbers, repaired or not."""
    kind = draw.choice(("bytes", "header", "length", "meta", "meta", "meta", "numbers", "whole"))
    if kind == "bytes":
        return mutated_bytes(data, other, draw)
    header, others, numbers = parts_of(data)
    repair = draw.random() < 0.7
    key = next(iter(others))
    meta = json.loads(others[key])
    if kind == "header":
        header = mutated_value(header, draw)
    elif kind == "length":
        return struct.pack("<Q", draw.choice((0, 1, 7, 2**31, 2**63, len(data)))) + data[8:]
    elif kind == "meta":
        meta = mutated_value(meta, draw)
    elif kind == "numbers":
        numbers = mutated_bytes(numbers, other, draw)
    else:
        others = mutated_value(others, draw)
        return safetensors(header, others, numbers)
    text = json.dumps(meta)
    return (
        safetensors(header, {key: text}, numbers)
        if not repair
        else (sealed(header, key, meta, numbers))
    )


def sealed(header: dict[str, Any], key: str, meta: Any, numbers: bytes) -> bytes:
    """The file with all lengths and checksums right, as far as it can have them."""
    # where there are no tensors that could have a checksum, the file stays as it is
    with suppress(AttributeError, KeyError, TypeError, ValueError, OverflowError):
        meta, numbers = _resealed(header, key, meta, numbers)
    return safetensors(header, {key: json.dumps(meta)}, numbers)


def _resealed(header: Any, key: str, meta: Any, numbers: bytes) -> tuple[Any, bytes]:
    spans = [entry["data_offsets"] for entry in header.values()]
    end = max((last for _, last in spans), default=0)
    if end < 2 * len(numbers) + 64:
        numbers = numbers[:end].ljust(end, b"\0")
    content = {name: value for name, value in meta.items() if name != "checksum"}
    values = {
        name: Values(entry["dtype"], tuple(entry["shape"]), numbers[slice(*entry["data_offsets"])])
        for name, entry in header.items()
    }
    if key == DATA_KEY:
        columns = {
            name: np.frombuffer(value.data, COLUMNS[name][1]).reshape(value.shape)
            for name, value in values.items()
        }
        content["fingerprint"] = _fingerprint(content["kind"], columns)
        return {**content, "checksum": data_checksum(content, columns["line"])}, numbers
    return {**content, "checksum": checksum(content, values.items())}, numbers


def _fingerprint(kind: str, columns: dict[str, Any]) -> str:
    from loopstab.models.tasks.table import Table

    return Table(**columns, meta={"kind": kind}).fingerprint


def mutated_weights(data: bytes, draw: Random) -> bytes:
    """A checkpoint with wild but finite numbers, and with a checksum that is right."""
    header, others, numbers = parts_of(data)
    raw = bytearray(numbers)
    for _ in range(draw.choice((1, 1, 2, len(header)))):
        entry = header[draw.choice(list(header))]
        first, last = entry["data_offsets"]
        kind = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}.get(entry["dtype"])
        if kind is None:
            continue
        values = np.frombuffer(bytes(raw[first:last]), kind).copy()
        largest = float(np.finfo(kind).max)
        change = draw.choice(("huge", "zero", "tiny", "scale", "one", "swap", "bits", "nan"))
        with np.errstate(all="ignore"):
            if change == "huge":
                values[:] = draw.choice((largest, -largest, largest / 1e3))
            elif change == "zero":
                values[:] = 0
            elif change == "tiny":
                values[:] = np.finfo(kind).smallest_subnormal
            elif change == "scale":
                values *= draw.choice((1e-30, -1, 10, 1e3, 1e10, 1e30))
            elif change == "one":
                values[draw.randrange(len(values))] = draw.choice((largest, -largest, 1e4, 0))
            elif change == "swap":
                values[:] = values[::-1].copy()
            elif change == "bits":
                values[:] = np.frombuffer(draw.randbytes(last - first), kind)
            else:
                values[draw.randrange(len(values))] = draw.choice((np.nan, np.inf))
            if change != "nan":
                values[:] = np.nan_to_num(values, nan=1.0, posinf=largest, neginf=-largest)
        raw[first:last] = values.tobytes()
    return sealed(header, KEY, json.loads(others[KEY]), bytes(raw))
