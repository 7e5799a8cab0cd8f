"""The harness itself: it sees every fault, and its mutations are repeatable and repaired."""

import contextlib
import json
from random import Random

import pytest
from file_mutations import mutated_bytes, mutated_json, mutated_value
from fuzz_cases import MEGABYTES, Case, Outcome, work_folder
from fuzz_kills import unfinished
from fuzz_readers import READERS
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors_mutations import (
    mutated_safetensors,
    mutated_weights,
    parts_of,
    safetensors,
    sealed,
)

from loopstab.models.network.checkpoint import Checkpoint
from loopstab.support.errors import LoopstabError

ERROR = "loopstab: error: no such thing: give another\n"
BOX = "╭─ Parsing error ──╮\n│ invalid choice   │\n╰──────────────────╯\n"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"status": 2, "errors": ERROR}, None),
        ({"status": 2, "errors": BOX}, None),
        ({"status": 1, "output": "not proved\n"}, None),
        ({"status": 143, "errors": ERROR}, None),
        ({"status": 3, "errors": ERROR}, "exit status 3"),
        ({"status": -11}, "exit status -11"),
        ({"status": 70, "errors": "Traceback (most recent call last):\n"}, "a traceback"),
        ({"status": 1, "output": ""}, "exit status 1 without a word"),
        ({"status": 2, "output": "", "errors": " \n"}, "exit status 2 without a word"),
        ({"status": 2, "errors": ERROR + ERROR}, "not one line with the error"),
        ({"status": 2, "errors": "loopstab: error: a\nb\n"}, "not one line with the error"),
        ({"status": 2, "output": "wrong\n"}, "not one line with the error"),
        ({"status": 1, "errors": ERROR + "more\n"}, "more than one line with the error"),
        ({"output": "a\x1b[2Jb"}, "control characters"),
        ({"output": "a\rb"}, "control characters"),
        ({"output": "a\u202eb"}, "control characters"),
        ({"megabytes": MEGABYTES + 1}, f"{MEGABYTES + 1} MB of memory"),
        ({"status": 2, "seconds": 6.0, "errors": ERROR}, "6.0 s to refuse a request"),
        ({"hung": True, "status": -9}, "it did not end on SIGTERM"),
        ({"afterwards": ("a is gone",)}, "a is gone"),
    ],
)
def test_every_fault_is_seen(change, fault):
    well = {"status": 0, "seconds": 0.1, "megabytes": 300, "output": "done\n", "errors": ""}
    found = Outcome(Case(("zoo", "list")), **{"hung": False, **well, **change}).faults
    assert (fault in found) if fault else not found


def test_a_file_must_not_use_up_the_memory():
    text = "loopstab: error: out of memory: use a smaller width, batch or grid\n"
    one = {"status": 1, "seconds": 0.1, "megabytes": 300, "output": "", "errors": text}
    assert Outcome(Case(("model", "x"), most=2000), **one, hung=False).faults
    assert not Outcome(Case(("train",)), **one, hung=False).faults


@pytest.mark.parametrize(
    ("arguments", "limits", "status", "words"),
    [
        (("zoo", "list"), {}, 0, ""),
        (("diagnose", "mine.py"), {"seconds": 1.0}, 143, "ended by SIGTERM"),
        (("train", "--out", "o"), {"seconds": 1.0}, 143, "ended by SIGTERM"),
        (("train", "--out", "o", "--steps", "0"), {}, 2, "steps must be"),
        (("scaling", "--out", "o", "--widths", "5", "6"), {"file_bytes": 200}, 1, "cannot write"),
    ],
)
def test_the_server_keeps_to_the_limits(arguments, limits, status, words, runner):
    with work_folder() as folder:
        (folder / "mine.py").write_text("while True: pass\n")
        found = runner.command(folder, arguments, **limits)
        assert (found.status, found.faults) == (status, [])
        assert words in found.errors
        assert not unfinished(folder)


FILES = st.binary(min_size=1, max_size=400)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(FILES, FILES, st.integers(0, 2**32))
def test_a_seed_repeats_the_mutation_of_bytes(data, other, seed):
    assert mutated_bytes(data, other, Random(seed)) == mutated_bytes(data, other, Random(seed))


@given(VALUES, st.integers(0, 2**32))
def test_a_seed_repeats_the_mutation_of_a_value(value, seed):
    text = json.dumps(value).encode()
    assert mutated_json(text, b"", Random(seed)) == mutated_json(text, b"", Random(seed))
    assert json.dumps(value) == text.decode(), "the value itself stays"
    assert repr(mutated_value(value, Random(seed))) == repr(mutated_value(value, Random(seed)))


def test_what_is_sealed_is_accepted(corpus, tmp_path):
    """The forger's repair is right: without a mutation the file is the one that was written."""
    data = (corpus.run / "model.safetensors").read_bytes()
    header, others, numbers = parts_of(data)
    assert parts_of(safetensors(header, others, numbers)) == (header, others, numbers)
    meta = json.loads(others["loopstab"])
    path = tmp_path / "m.safetensors"
    path.write_bytes(sealed(header, "loopstab", {**meta, "history": []}, numbers))
    assert Checkpoint.load(path).meta["history"] == []
    path.write_bytes(
        safetensors(header, {"loopstab": json.dumps({**meta, "history": []})}, numbers)
    )
    with pytest.raises(LoopstabError, match="checksum"):
        Checkpoint.load(path)


def test_mutations_reach_behind_the_checksum(corpus, tmp_path):
    """Many forged weights are read, and not all forged metadata are refused for their checksum."""
    data, path, read = (
        (corpus.run / "model.safetensors").read_bytes(),
        tmp_path / "m.safetensors",
        0,
    )
    reasons = set()
    for number in range(60):
        make = (
            mutated_weights(data, Random(number))
            if number % 2
            else (mutated_safetensors(data, data, Random(number)))
        )
        path.write_bytes(make)
        try:
            Checkpoint.load(path)
            read += 1
        except LoopstabError as error:
            reasons.add(str(error).split("(")[-1][:30])
    assert read >= 20
    assert len(reasons) >= 5


@pytest.mark.parametrize("name", [n for n in READERS if n not in ("store", "attacks")])
@settings(max_examples=25)
@given(data=st.binary(max_size=300) | VALUES.map(lambda v: json.dumps(v).encode()))
def test_readers_refuse_what_is_no_file_of_theirs(name, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    path = folder / {"plan": "p.toml"}.get(name, "p.safetensors")
    if name in ("journal", "diagram"):
        (folder / {"journal": "results.jsonl", "diagram": "phase.npz"}[name]).write_bytes(data)
        path = folder
    else:
        path.write_bytes(data)
    with contextlib.suppress(LoopstabError):
        READERS[name](path)
