"""Checkpoints of a tiny run, whose bytes or contents are changed."""

import json
import re
import struct

from loopstab.models.network.checkpoint import Checkpoint
from loopstab.models.training.run_spec import RunSpec
from loopstab.models.training.train import Trainer

SPEC = RunSpec(width=8, heads=2, bits=4, steps=6, polish=2, batch=4, eval_size=4, optimizer="muon")


def trainer(out):
    config, task = SPEC.build()
    return Trainer(config, task, out, run_id="0123456789ab")


def parts(raw):
    """The header of a safetensors file, and the bytes that follow."""
    end = 8 + struct.unpack("<Q", raw[:8])[0]
    return json.loads(raw[8:end]), raw[end:]


def joined(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def headed(change):
    """The bytes with a changed header."""

    def made(raw):
        header, data = parts(raw)
        return joined(change(header) or header, data)

    return made


def texted(change):
    """The bytes with changed text of our metadata."""

    def changed(header):
        header["__metadata__"]["loopstab"] = change(header["__metadata__"]["loopstab"])

    return headed(changed)


def tensor(**fields):
    return headed(lambda h: h["encoder.weight"].update(fields))


def swapped(header):
    a, b = header["encoder.weight"], header["w_x.weight"]
    a["data_offsets"], b["data_offsets"] = b["data_offsets"], a["data_offsets"]


def flipped(place):
    def made(raw):
        out = bytearray(raw)
        out[place] ^= 1
        return bytes(out)

    return made


DEEP = "[" * 100_000 + "]" * 100_000
unsealed = texted(lambda t: re.sub(r', "checksum": "\w+"}$', "}", t))
"""The bytes without the checksum, as older versions wrote them."""
DEEP = "[" * 100_000 + "]" * 100_000


def altered(file, out, change):
    """The checkpoint with changed contents and a checksum that agrees with them."""
    found = Checkpoint.load(file)
    change(found)
    return found.save(out)


def setting(path, value):
    """Set a field, or remove it for None."""
    *way, last = path.split(".")

    def change(checkpoint):
        at = checkpoint.meta
        for key in way:
            at = at[key]
        if value is None:
            del at[last]
        else:
            at[last] = value

    return change


def both(path, value):
    def change(checkpoint):
        for way in (f"model.{path}", f"run.config.model.{path}"):
            setting(way, value)(checkpoint)

    return change


def weight(name, value):
    return lambda checkpoint: checkpoint.tensors.__setitem__(name, value)
