"""Checkpoint files that are damaged: every reader says so in one line."""

import os
import re
import struct

import pytest
from altered_checkpoint import DEEP, flipped, headed, parts, swapped, tensor, texted, unsealed

from loopstab.models.grid.pack import pack
from loopstab.models.grid.workers import RUNS
from loopstab.models.measure.crossvalidate import crossvalidate
from loopstab.models.network.checkpoint import Checkpoint, load_model, seal
from loopstab.models.network.metadata import read_metadata
from loopstab.models.training.train import MODEL
from loopstab.models.zoo import zoo
from loopstab.support.errors import LoopstabError, UsageError

DAMAGED = {
    "empty": (lambda raw: b"", "does not begin with the header"),
    "the length alone": (lambda raw: raw[:8], "its header is cut off"),
    "a length that lies": (lambda raw: struct.pack("<Q", 10**7) + raw[8:], "header is cut off"),
    "a length of 2^63": (lambda raw: struct.pack("<Q", 2**63) + raw[8:], "begin with the header"),
    "cut": (lambda raw: raw[:-4], "bytes, and its header tells of"),
    "appended": (lambda raw: raw + b"1", "bytes, and its header tells of"),
    "a header that is a list": (headed(lambda h: b"[1]"), "its header is no JSON object"),
    "a deep header": (headed(lambda h: DEEP.encode()), "nested deeper"),
    "a header in Latin-1": (headed(lambda h: b'{"\xe9": 1}'), "not UTF-8"),
    "metadata that are a list": (
        headed(lambda h: {**h, "__metadata__": {"loopstab": [1]}}),
        "the metadata of its header are not texts",
    ),
    "a tensor that is a list": (headed(lambda h: {**h, "encoder.weight": [1]}), "an object"),
    "no dtype": (headed(lambda h: h["encoder.weight"].pop("dtype") and None), "dtype is missing"),
    "whole numbers": (tensor(dtype="I32"), "dtype must be one of F64, F32, BF16, F16, not 'I32'"),
    "float8": (tensor(dtype="F8_E4M3"), "dtype must be one of"),
    "flags": (tensor(dtype="BOOL"), "dtype must be one of"),
    "a dtype of no name": (tensor(dtype=7), "dtype must be a text"),
    "a narrower dtype": (tensor(dtype="F16"), "does not take the place of its numbers"),
    "a negative size": (tensor(shape=[-8, -1]), "shape[0] must be a whole number from 1"),
    "no numbers": (tensor(shape=[0, 1]), "shape[0] must be a whole number from 1"),
    "a huge size": (tensor(shape=[2**62, 4]), "must be a whole number from 1 to"),
    "many axes": (tensor(shape=[1] * 99), "has 99 entries"),
    "a larger shape": (tensor(shape=[8, 2]), "does not take the place of its numbers"),
    "one offset": (tensor(data_offsets=[0]), "has 1 entries"),
    "offsets beyond the end": (tensor(data_offsets=[10**6, 10**6 + 32]), "does not take the place"),
    "offsets that overlap": (tensor(data_offsets=[0, 32]), "does not take the place"),
    "offsets the wrong way": (tensor(data_offsets=[32, 0]), "does not take the place"),
    "no metadata": (
        headed(lambda h: h.pop("__metadata__") and None),
        "not one written by loopstab",
    ),
    "not JSON": (texted(lambda t: t[:-1]), "corrupt or truncated"),
    "NaN": (texted(lambda t: t.replace('"seed": 0', '"seed": NaN')), "holds NaN"),
    "infinite": (texted(lambda t: t.replace('"lr": 0.001', '"lr": 1e999')), "too large"),
    "twice": (texted(lambda t: t.replace('"run":', '"run": 1, "run":', 1)), "key 'run' twice"),
    "deep": (texted(lambda t: t[:-1] + f', "x": {DEEP}}}'), "nested deeper than 64"),
    "a lone surrogate": (texted(lambda t: t[:-1] + ', "x": "\\ud800"}'), "lone surrogate"),
    "a number": (texted(lambda t: "3"), "must be an object, not 3"),
    "another form": (
        texted(lambda t: t.replace("1e-06", "1E-06")),
        "in the form in which they are",
    ),
    "another name": (headed(lambda h: {n.replace("w_x", "w_y"): t for n, t in h.items()}), ""),
    "exchanged tensors": (headed(swapped), ""),
    "a flipped bit of a weight": (flipped(-5), "agree with its checksum: restore it"),
    "another text": (texted(lambda t: t.replace("prefix", "suffix")), "agree with its checksum"),
    "another checksum": (texted(lambda t: re.sub(r'(.)"}$', "0" * 64, t)), ""),
    "no checksum": (unsealed, "carries no checksum"),
}
"""A change of the bytes of model.safetensors, and what is said of it."""


@pytest.mark.parametrize(("change", "words"), DAMAGED.values(), ids=DAMAGED)
def test_files_that_are_damaged(run, tmp_path, change, words):
    file = tmp_path / RUNS / "a" / MODEL
    file.parent.mkdir(parents=True)
    raw = (run / MODEL).read_bytes()
    file.write_bytes(change(raw))
    assert file.read_bytes() != raw
    for read in (load_model, crossvalidate, lambda path: zoo.verify(str(path)), Checkpoint.load):
        with pytest.raises(LoopstabError) as error:
            read(file)
        assert words in str(error.value)
        assert str(file) in str(error.value)
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < 600
    with pytest.raises(LoopstabError) as error:
        pack(tmp_path, tmp_path / "packed")
    assert "\n" not in str(error.value)


def test_every_flipped_bit_is_found(run, tmp_path):
    raw, file = (run / MODEL).read_bytes(), tmp_path / MODEL
    end = len(raw) - len(parts(raw)[1])
    for place in (*range(0, end, 37), *range(end, len(raw), 211), len(raw) - 1):
        changed = bytearray(raw)
        changed[place] ^= 1 << place % 8
        file.write_bytes(changed)
        with pytest.raises(LoopstabError) as error:
            Checkpoint.load(file)
        assert "\n" not in str(error.value)


SPECIAL = {
    "absent": lambda path: None,
    "a folder": os.mkdir,
    "a pipe": os.mkfifo,
    "a loop": lambda path: os.symlink(path.name, path),
    "a device": lambda path: os.symlink("/dev/zero", path),
}


@pytest.mark.parametrize("make", SPECIAL.values(), ids=SPECIAL)
def test_what_is_no_file(tmp_path, make):
    path = tmp_path / "x.safetensors"
    make(path)
    for read in (load_model, read_metadata, crossvalidate, seal, lambda p: zoo.verify(str(p))):
        with pytest.raises(UsageError, match="no checkpoint at"):
            read(path)
