"""Checksums of checkpoints: of the contents, sealed by hand, listed, shipped and packed."""

import hashlib
import json
import re
import shutil
import struct

import pytest
import torch
from altered_checkpoint import flipped, unsealed

from loopstab.models.grid.pack import pack
from loopstab.models.grid.workers import RUNS
from loopstab.models.network.checkpoint import Checkpoint, entry, load_model, main
from loopstab.models.network.checksum import SUMS
from loopstab.models.network.metadata import read_header
from loopstab.models.training.train import MODEL
from loopstab.models.zoo import zoo
from loopstab.support.errors import LoopstabError


def test_the_checksum_is_of_the_contents(run, tmp_path):
    found = Checkpoint.load(run / MODEL)
    turned = Checkpoint(dict(reversed(found.tensors.items())), dict(reversed(found.meta.items())))
    assert found.checksum() == turned.checksum() == read_header(run / MODEL).checksum
    slow = hashlib.sha256(json.dumps(found.meta, sort_keys=True).encode())
    for name in sorted(found.tensors):
        t = found.tensors[name]
        slow.update(json.dumps([name, "F32", list(t.shape)]).encode())
        slow.update(struct.pack(f"<{t.numel()}f", *t.flatten().tolist()))
    assert found.checksum() == slow.hexdigest()
    half = Checkpoint({n: t.bfloat16() for n, t in found.tensors.items()}, {"a": (1, 2), 3: None})
    back = Checkpoint.load(half.save(tmp_path / "half.safetensors"))
    assert back.meta == {"a": [1, 2], "3": None}
    assert all(torch.equal(back.tensors[n], t) for n, t in half.tensors.items())
    assert found.save(tmp_path / "a").read_bytes() == found.save(tmp_path / "b").read_bytes()
    with pytest.raises(ValueError, match=r"no torch\.int64"):
        Checkpoint({"n": torch.arange(3)}, {}).save(tmp_path / "c")


def older(run, path):
    """The file as older versions wrote it."""
    path.write_bytes(unsealed((run / MODEL).read_bytes()))
    return path


def test_files_of_older_versions_are_sealed_by_hand(run, tmp_path, capsys):
    file = older(run, tmp_path / "old.safetensors")
    with pytest.raises(LoopstabError, match=re.escape(f"network.checkpoint seal {file}")):
        load_model(file)
    assert main(["seal", str(file)]) == 0
    assert load_model(file)[1] == load_model(run / MODEL)[1]
    assert main(["seal", str(file)]) == 0
    assert [line.split(": ")[1] for line in capsys.readouterr().out.splitlines()] == [
        "sealed",
        "carries its checksum already",
    ]
    file.write_bytes(flipped(-5)(file.read_bytes()))
    assert main(["seal", str(file)]) == 1
    assert main(["seal", str(tmp_path / "none")]) == 2


def test_files_that_a_list_names(run, tmp_path):
    file = older(run, tmp_path / "old.safetensors")
    text = f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
    (tmp_path / SUMS).write_text(text)
    assert load_model(file)[1] == load_model(run / MODEL)[1]
    file.write_bytes(flipped(-5)(file.read_bytes()))
    with pytest.raises(LoopstabError, match="agree with its checksum in SHA256SUMS: restore"):
        load_model(file)
    for wrong in (text[1:], "x" * 2_000_000, f"{'0' * 64}  ../a\n"):
        (tmp_path / SUMS).write_text(wrong)
        with pytest.raises(LoopstabError, match="not a list of SHA-256"):
            load_model(file)


def test_the_shipped_files_are_listed_or_carry_a_checksum():
    listed = {}
    for line in (zoo.FOLDER / SUMS).read_text().splitlines():
        digest, name = line.split("  ")
        listed[name] = digest
    files = sorted(zoo.FOLDER.glob("*.safetensors"))
    assert set(listed) <= {file.name for file in files}
    for file in files:
        assert file.name in listed or read_header(file).checksum, f"add {file.name} to {SUMS}"
        if file.name in listed:
            assert hashlib.sha256(file.read_bytes()).hexdigest() == listed[file.name], file.name


def test_a_shipped_file_is_verified_before_its_weights_are_read(monkeypatch, tmp_path):
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for name in ("internal-post.safetensors", "desk-2.safetensors", SUMS):
        shutil.copy(zoo.FOLDER / name, shelf / name)
    monkeypatch.setattr(zoo, "FOLDER", shelf)
    zoo._index.cache_clear()
    try:
        for name in zoo.names():
            load_model(zoo.load(name))
        for file in shelf.glob("*.safetensors"):
            file.write_bytes(flipped(-5)(file.read_bytes()))
        for name in zoo.names():
            with pytest.raises(LoopstabError, match="in SHA256SUMS"):
                zoo.load(name)
    finally:
        zoo._index.cache_clear()


def test_a_packed_shard_carries_its_own_checksum(run, tmp_path):
    folder = tmp_path / "grid" / RUNS / "0123456789ab"
    shutil.copytree(run, folder)
    packed = pack(tmp_path / "grid", tmp_path / "to")
    file = tmp_path / "to" / "shard-0.safetensors"
    assert packed.files == [str(file)]
    assert read_header(file).checksum
    found = entry(file, packed.runs[0])
    assert found.checksum() == Checkpoint.load(run / MODEL).checksum()
    file.write_bytes(flipped(-5)(file.read_bytes()))
    with pytest.raises(LoopstabError, match="restore it from a copy"):
        entry(file, packed.runs[0])
