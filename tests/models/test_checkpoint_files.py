"""Checkpoint files that are damaged, altered or forged: every reader says so in one line."""

import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys

import pytest
import torch

from loopstab.models.grid.pack import pack
from loopstab.models.grid.workers import RUNS
from loopstab.models.measure.crossvalidate import crossvalidate
from loopstab.models.network.checkpoint import Checkpoint, entry, load_model, main, seal
from loopstab.models.network.checksum import SUMS
from loopstab.models.network.metadata import entries, read_header, read_metadata
from loopstab.models.training.run_spec import RunSpec
from loopstab.models.training.train import MODEL, RESULT, STATE, Trainer
from loopstab.models.zoo import zoo
from loopstab.support.errors import LoopstabError, UsageError

SPEC = RunSpec(width=8, heads=2, bits=4, steps=6, polish=2, batch=4, eval_size=4, optimizer="muon")


def trainer(out):
    config, task = SPEC.build()
    return Trainer(config, task, out, run_id="0123456789ab")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run of a tiny network."""
    out = tmp_path_factory.mktemp("run")
    trainer(out).run(progress=False)
    return out


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """The folder of a run that was stopped after four steps."""
    out = tmp_path_factory.mktemp("begun")
    made = trainer(out)
    assert made.run(progress=False, stop=lambda: made.step == 4) is None
    return out


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
DAMAGED = {
    "empty": (lambda raw: b"", "does not begin with a header"),
    "the length alone": (lambda raw: raw[:8], "does not begin with a header"),
    "a length that lies": (lambda raw: struct.pack("<Q", 10**7) + raw[8:], "begin with a header"),
    "a length of 2^63": (lambda raw: struct.pack("<Q", 2**63) + raw[8:], "begin with a header"),
    "cut": (lambda raw: raw[:-4], "bytes, and its header tells of"),
    "appended": (lambda raw: raw + b"1", "bytes, and its header tells of"),
    "a header that is a list": (headed(lambda h: b"[1]"), "the header must be an object"),
    "a deep header": (headed(lambda h: DEEP.encode()), "nested deeper"),
    "a header in Latin-1": (headed(lambda h: b'{"\xe9": 1}'), "not UTF-8"),
    "metadata that are a list": (
        headed(lambda h: {**h, "__metadata__": {"loopstab": [1]}}),
        "must be a text",
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
    "no checksum": (
        texted(lambda t: re.sub(r', "checksum": "\w+"}$', "}", t)),
        "carries no checksum",
    ),
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


FORGED = {
    "width 10^9": (both("width", 10**9), "model.width must be a whole number from 1 to 65536"),
    "width true": (both("width", True), "model.width must be a whole number"),
    "width 8.0": (both("width", 8.0), "model.width must be a whole number"),
    "no width": (both("width", None), "model.width is missing"),
    "wider": (both("width", 4096), "it has 1124 numbers, and needs 251736076"),
    "more weights than any": (both("blocks", 1024), "numbers, and needs"),
    "too large as a whole": (
        lambda c: [both(k, v)(c) for k, v in (("width", 65536), ("blocks", 9))],
        "weights, more than 20000000000",
    ),
    "heads": (both("heads", 3), "width 8 is not divisible by 3 heads"),
    "eps": (both("eps", 0), "model.eps must be a finite number above 0 up to 1"),
    "architecture": (both("architecture", "inner/post"), "unknown recall"),
    "depth": (both("depth", 2), "'depth' is unknown"),
    "another network": (both("architecture", "none/post/add"), "numbers, and needs"),
    "two networks": (setting("model.eps", 1e-5), "model and run.config.model differ"),
    "no network": (setting("model", None), "no model configuration"),
    "no run": (setting("run", None), "no record of a run"),
    "a run that is a list": (setting("run", [1]), "run must be an object, not a list"),
    "no task": (setting("run.task", None), "run.task is missing"),
    "another task": (setting("run.task", "go"), "unknown task 'go'"),
    "a task of boards": (setting("run.task", "kqk"), ""),
    "data of no length": (setting("run.data", "prefix-sums-x"), "from 1 to 100000"),
    "data of a huge length": (setting("run.data", "prefix-sums-999999999"), "from 1 to 100000"),
    "a huge level": (setting("run.level_reached", "99999999"), "no level '99999999'"),
    "no level": (setting("run.level_reached", "\x1b[2J"), "no level '\\x1b[2J'"),
    "loops down": (setting("run.loops", [2, 1]), "run.loops is not ascending"),
    "loops from zero": (setting("run.loops", [0, 1]), "run.loops[0] must be a whole number from 1"),
    "no loops": (setting("run.loops", []), "run.loops has 0 entries"),
    "a short curve": (setting("run.accuracy.8", [0.5]), "run.accuracy.8 has 1 entries"),
    "an accuracy of 2": (setting("run.accuracy.8", [2]), "must be a finite number from 0 up to 1"),
    "levels without samples": (setting("run.samples", {}), "samples and accuracy are about other"),
    "a choice of none": (setting("run.choice.loops", 499), "choice.loops is 499"),
    "seconds": (setting("run.seconds", -1), "run.seconds must be a finite number from 0"),
    "seed": (setting("run.config.seed", 2**60), "run.config.seed must be a whole number from 0"),
    "schedule": (setting("run.config.schedule.kind", "daily"), "run.config.schedule.kind must be"),
    "history": (setting("history", {}), "history must be a list"),
    "history of texts": (setting("history", ["a"]), "history[0] must be an object, not 'a'"),
    "a loss of text": (
        setting("history", [{"step": 1, "level": "4", "loss": "0", "gradient": 0, "solved": 0}]),
        "history[0].loss must be a finite",
    ),
    "weights that are not numbers": (
        weight("encoder.bias", torch.full((8,), torch.nan)),
        "the tensor 'encoder.bias' in",
    ),
    "infinite weights": (weight("encoder.bias", torch.full((8,), torch.inf)), "is not finite"),
    "one weight more": (weight("other", torch.zeros(3)), "numbers, and needs"),
    "one weight less": (lambda c: c.tensors.pop("encoder.bias"), "numbers, and needs"),
    "another shape": (
        weight("encoder.weight", torch.zeros(1, 8)),
        "'encoder.weight' has the shape (1, 8), not (8, 1)",
    ),
    "entries without tensors": (
        lambda c: c.meta.update(entries={"a": {k: c.meta[k] for k in ("run", "model")}}),
        "the run 'a' has no tensors",
    ),
}
"""A change of the contents, whose checksum is right, and what is said of it."""


@pytest.mark.parametrize(("change", "words"), FORGED.values(), ids=FORGED)
def test_files_that_are_forged(run, tmp_path, change, words):
    file = altered(run / MODEL, tmp_path / MODEL, change)
    others = () if words.startswith("no level") else (lambda path: zoo.verify(str(path)),)
    for read in (crossvalidate, *others):  # a verification does not use the level reached
        with pytest.raises(LoopstabError) as error:
            read(file)
        assert words in str(error.value)
        assert "\n" not in str(error.value)


def test_what_a_finished_run_must_say(run, tmp_path):
    """A record without accuracies is enough to measure a network, and not to verify or pack it."""
    (tmp_path / RUNS / "a").mkdir(parents=True)
    found = Checkpoint.load(run / MODEL)
    for key in ("loops", "accuracy", "samples", "choice"):
        del found.meta["run"][key]
    file = found.save(tmp_path / RUNS / "a" / MODEL)
    assert crossvalidate(file, inputs=1, loops=32, limit=32, spectra=0).inputs == 1
    for read in (
        lambda: zoo.verify(str(file)),
        lambda: pack(tmp_path, tmp_path / "packed"),
        lambda: entries(file),
    ):
        with pytest.raises(LoopstabError, match=r"\(run\.loops is missing\)"):
            read()


CLAIM = """
import resource, sys
from loopstab.paper_figures.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(end.code, peak)
"""


@pytest.mark.parametrize("width", [10**9, 65536])
def test_no_memory_is_taken_for_a_claim(run, tmp_path, width):
    file = altered(run / MODEL, tmp_path / MODEL, both("width", width))
    done = subprocess.run(
        [sys.executable, "-c", CLAIM, "crossvalidate", str(file)], capture_output=True, text=True
    )
    code, peak = map(int, done.stdout.split())
    assert code == 1
    assert peak < 10**6  # KiB
    assert done.stderr.count("\n") == 1
    assert "width" in done.stderr or "numbers, and needs" in done.stderr


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


STATES = {
    "step": (setting("step", 10**6), "step must be a whole number from 0 to 13"),
    "a step of text": (setting("step", "4"), "step must be a whole number"),
    "no step": (setting("step", None), "step is missing"),
    "bits": (setting("course", {"bits": 400, "polish_from": -1}), "course.bits must be"),
    "polish": (setting("course", {"bits": 4, "polish_from": 9}), "course.polish_from must be"),
    "course": (setting("course", {"bits": 4}), "course.polish_from is missing"),
    "parts": (setting("parts", 8), "8 parts"),
    "no parts": (setting("parts", 0), "parts must be a whole number from 1"),
    "more": (setting("more", 0), "'more' is unknown"),
    "history": (
        setting(
            "history", [{"step": 5, "level": "4", "loss": 0.0, "gradient": 0.0, "solved": 0.0}]
        ),
        "step 4, history up to 5",
    ),
    "lr": (setting("config.lr", 0.5), "lr 0.5 there, 0.001 asked"),
    "no config": (setting("config", []), "config must be an object"),
    "another weight": (weight("model.encoder.bias", torch.zeros(9)), "size mismatch"),
    "a tensor of nothing": (weight("what", torch.zeros(9)), "what"),
    "no such optimiser": (weight("optimizer.7.0.step", torch.zeros(())), "belongs to no weight"),
    "no such number": (weight("optimizer.0.-1.step", torch.zeros(())), "belongs to no weight"),
    "no such moment": (weight("optimizer.0.0.sum", torch.zeros(())), "belongs to no weight"),
    "a moment of another shape": (weight("optimizer.0.0.exp_avg", torch.zeros(3)), "no weight"),
    "a lost moment": (lambda c: c.tensors.pop("optimizer.0.0.exp_avg"), "lacks exp_avg"),
    "no number": (weight("optimizer.0.0.exp_avg", torch.full((8,), torch.nan)), "is not finite"),
}


@pytest.mark.parametrize(("change", "words"), STATES.values(), ids=STATES)
def test_states_that_are_forged(begun, tmp_path, change, words):
    altered(begun / STATE, tmp_path / STATE, change)
    with pytest.raises(LoopstabError) as error:
        trainer(tmp_path)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_a_damaged_state_and_one_that_is_whole(begun, run, tmp_path):
    raw = bytearray((begun / STATE).read_bytes())
    raw[-9] ^= 4
    (tmp_path / STATE).write_bytes(raw)
    with pytest.raises(LoopstabError, match="restore it from a copy"):
        trainer(tmp_path)
    shutil.copy(begun / STATE, tmp_path / STATE)
    trainer(tmp_path).run(progress=False)
    a, b = (Checkpoint.load(folder / MODEL).tensors for folder in (run, tmp_path))
    assert all(torch.equal(a[name], b[name]) for name in a)


RESULTS = {
    "empty": b"",
    "cut": b"{",
    "a list": b"[]",
    "not a record": b"{}",
    "deep": DEEP.encode(),
    "NaN": b'{"task": NaN}',
    "not UTF-8": b'{"task": "\xff"}',
}


@pytest.mark.parametrize("raw", RESULTS.values(), ids=RESULTS)
def test_results_that_are_damaged(run, tmp_path, raw):
    for name in (STATE, MODEL):
        shutil.copy(run / name, tmp_path / name)
    (tmp_path / RESULT).write_bytes(raw)
    with pytest.raises(LoopstabError, match=r"result\.json is damaged \(.*\): delete it") as error:
        trainer(tmp_path).run(progress=False)
    assert "\n" not in str(error.value)
    (tmp_path / RESULT).unlink()
    trainer(tmp_path).run(progress=False)
    again, before = (json.loads((folder / RESULT).read_text()) for folder in (tmp_path, run))
    assert again["accuracy"] == before["accuracy"]


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


def unsealed(run, path):
    """The file as older versions wrote it."""
    path.write_bytes(DAMAGED["no checksum"][0]((run / MODEL).read_bytes()))
    return path


def test_files_of_older_versions_are_sealed_by_hand(run, tmp_path, capsys):
    file = unsealed(run, tmp_path / "old.safetensors")
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
    file = unsealed(run, tmp_path / "old.safetensors")
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
