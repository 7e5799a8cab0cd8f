"""Packed checkpoints: what goes in comes out, halves only where the diagnosis agrees, and nothing
above the limit.
"""

import json
import os
from types import SimpleNamespace

import pytest
import torch

from loopstab.models.grid.pack import pack
from loopstab.models.grid.workers import RUNS
from loopstab.models.measure.evaluate import accuracy_curve
from loopstab.models.measure.rounding import same_diagnosis_in_half
from loopstab.models.network.checkpoint import Checkpoint, entry, load_model, save_model
from loopstab.models.network.metadata import entries, read_metadata
from loopstab.models.network.run_record import run_name
from loopstab.models.training.run_spec import RunSpec
from loopstab.models.training.train import MODEL, Trainer
from loopstab.models.zoo import zoo
from loopstab.support.errors import LoopstabError, UsageError

TINY = {"width": 16, "heads": 2, "batch": 4, "bits": 4, "steps": 3, "polish": 2, "eval_size": 4}
SPECS = [
    RunSpec(**TINY),
    RunSpec(**TINY, architecture="fixed/post"),
    RunSpec(**{**TINY, "steps": 1}, task="kqk", architecture="external/peri", loops=2),
    RunSpec(**TINY, lr=0.01),
]
NAMES = ["kqk-w16-external-peri-s0", "prefix-sums-w16-fixed-post-s0"]


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    out = tmp_path_factory.mktemp("grid")
    for spec in SPECS:
        config, task = spec.build()
        Trainer(config, task, out / RUNS / spec.id(task.fingerprint()), command=spec.command()).run(
            progress=False
        )
    return out


def originals(grid):
    """Checkpoints by the name of their pack: those of two learning rates carry their id."""
    out = {}
    for file in (grid / RUNS).glob(f"*/{MODEL}"):
        name = run_name(read_metadata(file))
        out[name if name in NAMES else f"{name}-{file.parent.name}"] = Checkpoint.load(file)
    return out


def test_round_trip(grid, tmp_path):
    packed = pack(grid, tmp_path)
    whole = originals(grid)
    assert sorted(packed.runs) == sorted(whole)
    assert (packed.half, len(packed.files)) == ([], 1)
    for name, checkpoint in whole.items():
        back = entry(tmp_path / "shard-0.safetensors", name)
        assert back.meta == checkpoint.meta == entries(tmp_path / "shard-0.safetensors")[name]
        assert all(torch.equal(back.tensors[k], t) for k, t in checkpoint.tensors.items())
        load_model(back)
    with pytest.raises(UsageError, match="already holds shards"):
        pack(grid, tmp_path)


def test_shards_keep_the_limit_with_all_that_is_in_them(grid, tmp_path):
    limit = os.path.getsize(pack(grid, tmp_path / "one").files[0]) - 1
    packed = pack(grid, tmp_path / "more", limit=limit)
    assert len(packed.files) > 1
    assert max(map(os.path.getsize, packed.files)) <= limit
    assert sorted(
        name for file in (tmp_path / "more").iterdir() for name in entries(file)
    ) == sorted(packed.runs)
    with pytest.raises(LoopstabError, match="half precision"):
        pack(grid, tmp_path / "less", limit=1000)


def test_half_precision_where_the_diagnosis_agrees(grid, tmp_path, monkeypatch):
    whole = originals(grid)
    refused = next(name for name in whole if "internal" in name)

    def measured(checkpoint, **_):  # as if rounding had turned one outcome of one run
        rounded = all(torch.equal(t, t.half().float()) for t in checkpoint.tensors.values())
        return SimpleNamespace(
            outcomes={"other": int(rounded and checkpoint.meta == whole[refused].meta)},
            rho=1.0 + 0.005 * rounded,
        )

    monkeypatch.setattr("loopstab.models.measure.crossvalidate.crossvalidate", measured)
    packed = pack(grid, tmp_path, half=True)
    assert refused not in packed.half
    assert NAMES[0] in packed.half
    for name in packed.runs:
        back = entry(tmp_path / "shard-0.safetensors", name)
        half = name in packed.half
        assert (back.meta.get("stored") == "float16") == half
        for k, t in whole[name].tensors.items():
            assert torch.equal(back.tensors[k], t.half().float() if half else t)
            assert back.tensors[k].dtype == torch.float32


@pytest.mark.parametrize("recall", ["external", "fixed"])
def test_half_precision_is_refused_when_rounding_matters(grid, tmp_path, recall):
    """A gain beyond the largest half (65504) becomes infinite."""
    name = next(n for n in originals(grid) if recall in n)
    checkpoint = originals(grid)[name]
    tensors = dict(checkpoint.tensors)
    gain = [k for k in tensors if k.endswith("mlp.outer.gain")][-1]
    tensors[gain] = tensors[gain] * 1e6
    assert same_diagnosis_in_half(checkpoint, None)
    assert not same_diagnosis_in_half(Checkpoint(tensors, checkpoint.meta), None)


def test_nothing_to_pack(tmp_path):
    with pytest.raises(UsageError, match="no finished run"):
        pack(tmp_path, tmp_path / "to")


# Zoo


@pytest.fixture
def shelf(grid, tmp_path, monkeypatch):
    """The zoo with the packed grid instead of the shipped checkpoints."""
    pack(grid, tmp_path)
    monkeypatch.setattr(zoo, "FOLDER", tmp_path)
    zoo._index.cache_clear()
    yield tmp_path
    zoo._index.cache_clear()


def test_names_and_records(shelf, grid):
    assert zoo.names() == sorted(originals(grid))
    for name in zoo.names():
        assert zoo.describe(name) == zoo.load(name).meta
    with pytest.raises(UsageError, match="zoo list"):
        zoo.load("no-such")
    with pytest.raises(UsageError, match="zoo list"):
        zoo.describe("no-such")


def test_one_name_twice(shelf):
    (shelf / "shard-9.safetensors").write_bytes((shelf / "shard-0.safetensors").read_bytes())
    with pytest.raises(LoopstabError, match="both hold"):
        zoo.names()


def test_one_name_in_two_plans(shelf):
    other = shelf / "other-0.safetensors"
    other.write_bytes((shelf / "shard-0.safetensors").read_bytes())
    zoo._index.cache_clear()
    names = zoo.names()
    name = next(name for name in names if f"shard-{name}" in names)  # the later file's name
    assert zoo.load(name).meta == zoo.load(f"shard-{name}").meta


def test_verify(shelf):
    for name in zoo.names():
        found = zoo.verify(name)
        assert found.agrees, found
        assert found.recorded == found.repeated


def test_verify_finds_other_weights(shelf, tmp_path):
    name = next(n for n in zoo.names() if "internal" in n)
    model, meta = load_model(zoo.load(name))
    run, task = meta["run"], RunSpec(**TINY).build()[1]
    with torch.no_grad():
        model.head_out.bias += torch.tensor(
            [100.0, -100.0]
        )  # always zero: right for the rare sequence without ones
    batch = task.batch(4, "4", torch.Generator().manual_seed(10_000_019))
    share = accuracy_curve(model, task, batch, [30])[0]
    run["accuracy"] = {level: [1.0 - share] * len(run["loops"]) for level in run["accuracy"]}
    file = save_model(tmp_path / "mine.safetensors", model, meta)
    found = zoo.verify(str(file))
    assert not found.agrees
    assert found.repeated["4, 30 loops"] == share


def test_runs_whose_file_is_not_given_are_passed_over(shelf, monkeypatch, capsys):
    """The command verifies the others, and says what it left out; a file that is given goes to the
    runs of its task alone.
    """
    from loopstab.models.tasks.chess.endgames import QueenEndgameTask
    from loopstab.paper_figures.commands.zoo import verify

    monkeypatch.setattr(QueenEndgameTask, "needs_file", True)
    assert verify() == 0
    out = capsys.readouterr().out
    assert f"because --data TASK=FILE is missing: {NAMES[0]}" in out
    assert f"{NAMES[1]}: agrees" in out
    seen = []
    monkeypatch.setattr(
        zoo,
        "verify",
        lambda name, data: seen.append((name, data)) or zoo.Verified(name, {}, {}, True),
    )
    assert verify(data=("kqk=file",)) == 0
    assert dict(seen) == {name: "file" if name == NAMES[0] else None for name in zoo.names()}


def test_another_data_file(shelf, tmp_path):
    from loopstab.models.tasks.chess.endgames import EndgameTask

    file = EndgameTask.generated("R").table.save(tmp_path / "krk.data")
    with pytest.raises(UsageError, match="these are endgames of KRK, and the task is kqk"):
        zoo.verify(NAMES[0], data=file)


def test_json_of_the_record_is_plain(shelf):
    assert all(
        json.loads(json.dumps(zoo.describe(name))) == zoo.describe(name) for name in zoo.names()
    )
