"""Mutations of files: of their bytes, of the values in JSON, TOML and tables, and of safetensors.

Every function draws from the random generator that it is given and from nothing else, so that a
seed repeats a case. What carries lengths, checksums and digests is repaired on request, because a
forger repairs them.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

NASTY_TEXTS = (
    "",
    " ",
    "\x00",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202etxt.exe",
    "\ud800",
    "<script>alert(1)</script>",
    '"></td><img src=x onerror=alert(1)>',
    "../../etc/passwd",
    "/dev/zero",
    "%s%n{0}{x}",
    "a" * 5000,
    "\n\r\nloopstab: error: none",
    "é" * 300,
    "nan",
    "internal/post",
)
NASTY_NUMBERS = (
    0,
    -1,
    1,
    2,
    255,
    256,
    2**16,
    2**31 - 1,
    2**31,
    2**32,
    2**53 + 1,
    2**63 - 1,
    2**63,
    2**64,
    10**30,
    10**400,
    0.5,
    -0.0,
    1e-320,
    1e308,
    -1e308,
    float("nan"),
    float("inf"),
)
NASTY_VALUES = (None, True, False, [], {}, [[]], {"": {}}, [None] * 50, {"a": [1, "b"]})


def mutated_bytes(data: bytes, other: bytes, draw: Random, times: int | None = None) -> bytes:
    """Flip, cut, insert, repeat and move bytes, and splice in those of another file."""
    for _ in range(draw.choice((1, 1, 1, 2, 3, 8)) if times is None else times):
        data = draw.choice(_OPERATIONS)(bytearray(data), other, draw)
    return data


def _flip(data: bytearray, _: bytes, draw: Random) -> bytes:
    for _ in range(draw.choice((1, 1, 4, 32)) if data else 0):
        data[_place(data, draw)] ^= 1 << draw.randrange(8)
    return bytes(data)


def _set(data: bytearray, _: bytes, draw: Random) -> bytes:
    if data:
        data[_place(data, draw)] = draw.choice((0, 0x20, 0x22, 0x2C, 0x7B, 0x7F, 0x80, 0xFF))
    return bytes(data)


def _cut(data: bytearray, _: bytes, draw: Random) -> bytes:
    return bytes(data[: _place(data, draw)])


def _drop(data: bytearray, _: bytes, draw: Random) -> bytes:
    first, last = _span(data, draw)
    return bytes(data[:first] + data[last:])


def _insert(data: bytearray, _: bytes, draw: Random) -> bytes:
    at = _place(data, draw)
    block = draw.choice(
        (draw.randbytes(draw.randrange(64)), bytes(4096), b"\n" * 9, b"9" * 400, b"[" * 3000)
    )
    return bytes(data[:at] + block + data[at:])


def _repeat(data: bytearray, _: bytes, draw: Random) -> bytes:
    first, last = _span(data, draw)
    return bytes(data[:last] + data[first:last] * draw.choice((1, 2, 50)) + data[last:])


def _move(data: bytearray, _: bytes, draw: Random) -> bytes:
    first, last = _span(data, draw)
    block, rest = data[first:last], data[:first] + data[last:]
    at = _place(rest, draw)
    return bytes(rest[:at] + block + rest[at:])


def _splice(data: bytearray, other: bytes, draw: Random) -> bytes:
    return bytes(data[: _place(data, draw)]) + other[_place(other, draw) :]


def _swap_part(data: bytearray, other: bytes, draw: Random) -> bytes:
    first, last = _span(data, draw)
    return bytes(data[:first]) + other[first:last] + bytes(data[last:])


_OPERATIONS = (_flip, _flip, _set, _cut, _drop, _insert, _repeat, _move, _splice, _swap_part)


def _place(data: bytes | bytearray, draw: Random) -> int:
    """A position, near the beginning half of the time, where headers are."""
    last = max(1, len(data))
    return draw.randrange(min(last, draw.choice((16, 512, last, last))))


def _span(data: bytes | bytearray, draw: Random) -> tuple[int, int]:
    first = _place(data, draw)
    return first, min(len(data), first + draw.choice((1, 2, 8, 64, 1024)))


def mutated_value(value: Any, draw: Random) -> Any:
    """A JSON value in which one to three places are another value, type, key or length."""
    value = json.loads(json.dumps(value))
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        places = list(_places(value))
        if not places:
            return nasty(draw)
        parent, key = draw.choice(places)
        draw.choice(_CHANGES)(parent, key, draw)
    return value


def nasty(draw: Random) -> Any:
    """A value that a reader may not expect."""
    return deepcopy(
        draw.choice((draw.choice(NASTY_TEXTS), draw.choice(NASTY_NUMBERS), *NASTY_VALUES))
    )


def _places(value: Any) -> Any:
    if not isinstance(value, dict | list):
        return
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        yield from _places(inner)


def _replace(parent: Any, key: Any, draw: Random) -> None:
    parent[key] = nasty(draw)


def _near(parent: Any, key: Any, draw: Random) -> None:
    """A value of the same type that may be out of range."""
    old = parent[key]
    if isinstance(old, bool) or old is None:
        parent[key] = not old
    elif isinstance(old, int):
        parent[key] = draw.choice((old + 1, old - 1, -old, old * 2, 0, float(old), str(old), 2**63))
    elif isinstance(old, float):
        parent[key] = draw.choice((-old, old * 1e6, old + 1e-3, 0.0, 1.5, 1e308, round(old)))
    elif isinstance(old, str):
        parent[key] = draw.choice((old[1:], old + "x", old.upper(), old * 2, *NASTY_TEXTS))
    elif isinstance(old, list):
        parent[key] = draw.choice((old[:-1], old + old[:1], old[::-1], [old], old * 20))
    else:
        parent[key] = draw.choice(([old], list(old), {**old, "further": 1}, {}))


def _remove(parent: Any, key: Any, draw: Random) -> None:
    del parent[key]


def _rename(parent: Any, key: Any, draw: Random) -> None:
    if isinstance(parent, dict):
        parent[draw.choice((key + "x", *NASTY_TEXTS))] = parent.pop(key)
    else:
        parent.insert(key, parent[key])


def _exchange(parent: Any, key: Any, draw: Random) -> None:
    keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
    other = draw.choice(keys)
    parent[key], parent[other] = parent[other], parent[key]


_CHANGES: tuple[Callable[[Any, Any, Random], None], ...] = (
    _replace,
    _near,
    _near,
    _remove,
    _rename,
    _exchange,
)


def json_text(value: Any) -> bytes:
    """JSON as a careless or hostile writer makes it: NaN and lone surrogates are let through."""
    return json.dumps(value).encode()


def mutated_json(data: bytes, other: bytes, draw: Random) -> bytes:
    """A JSON file with other values, or with other bytes."""
    if draw.random() < 0.3:
        return mutated_bytes(data, other, draw)
    return json_text(mutated_value(json.loads(data), draw))


def mutated_lines(data: bytes, other: bytes, draw: Random) -> bytes:
    """A file of JSON lines, of which one has other values, is doubled, or stands elsewhere."""
    lines = data.splitlines()
    kind = draw.choice(("value", "value", "value", "bytes", "double", "order"))
    if kind == "bytes" or not lines:
        return mutated_bytes(data, other, draw)
    at = draw.randrange(len(lines))
    if kind == "value":
        lines[at] = json_text(mutated_value(json.loads(lines[at]), draw))
    elif kind == "double":
        lines.insert(at, lines[at])
    else:
        draw.shuffle(lines)
    return b"\n".join(lines) + b"\n"


def mutated_table(data: bytes, other: bytes, draw: Random) -> bytes:
    """A table of text, of which some fields, separators or lines are others."""
    if draw.random() < 0.25:
        return mutated_bytes(data, other, draw)
    lines = data.decode().splitlines()
    for _ in range(draw.choice((1, 2, 5, len(lines)))):
        at = draw.randrange(len(lines))
        fields = lines[at].split(",")
        column = draw.randrange(len(fields))
        change = draw.choice(("nasty", "nasty", "near", "drop", "add", "quote", "separator", "end"))
        if change == "nasty":
            text = draw.choice((*NASTY_TEXTS, *map(str, NASTY_NUMBERS)))
            fields[column] = text.encode(errors="ignore").decode()
        elif change == "near" and fields[column]:
            place = draw.randrange(len(fields[column]))
            fields[column] = (
                fields[column][:place] + draw.choice("0159.x-/ wK") + (fields[column][place + 1 :])
            )
        elif change == "drop":
            del fields[column]
        elif change == "add":
            fields.insert(column, draw.choice(("", "1", "x")))
        elif change == "quote":
            fields[column] = draw.choice(('"', '""', '"a,b"', "'", '"\n"')) + fields[column]
        lines[at] = (
            draw.choice((";", "\t", "|")).join(fields)
            if change == "separator"
            else (",".join(fields))
        )
        if change == "end":
            lines[at] += draw.choice(("\r", "\x00", "\x0b", "\u2028", ",,,,"))
    return draw.choice(("\n", "\n", "\r\n", "\r")).join(lines).encode()


def mutated_toml(data: bytes, other: bytes, draw: Random) -> bytes:
    """A plan of which some values or keys are others."""
    if draw.random() < 0.3:
        return mutated_bytes(data, other, draw)
    lines = data.decode().splitlines()
    for _ in range(draw.choice((1, 1, 2, 3))):
        at = draw.randrange(len(lines))
        key, sign, value = lines[at].partition(" = ")
        text = json.dumps(nasty(draw)).replace("NaN", "nan").replace("Infinity", "inf")
        change = draw.choice(("value", "value", "list", "key", "drop", "double", "table"))
        if change == "value" and sign:
            lines[at] = f"{key} = {text}"
        elif change == "list" and sign:
            lines[at] = f"{key} = [{', '.join([value] * draw.choice((0, 2, 1000)))}]"
        elif change == "key" and sign:
            lines[at] = f"{json.dumps(draw.choice(NASTY_TEXTS[:4] + NASTY_TEXTS[6:]))} = {value}"
        elif change == "drop":
            del lines[at]
            lines = lines or [""]
        elif change == "double":
            lines.insert(at, lines[at])
        elif change == "table":
            table = draw.choice(("[runs]", "[[runs]]", "[defaults]", "[tasks.kqk]", "[x]", "[[x]]"))
            lines.insert(at, table)
    return "\n".join(lines).encode(errors="replace")


def compressed(data: bytes, ending: str, draw: Random) -> bytes:
    """Compressed data, of which some bytes are others half of the time."""
    if ending == "gz":
        raw = gzip.compress(data, mtime=0)
    elif ending == "bz2":
        import bz2

        raw = bz2.compress(data)
    else:
        import zstandard

        raw = zstandard.ZstdCompressor().compress(data)
    return mutated_bytes(raw, data, draw) if draw.random() < 0.5 else raw
