"""The file of measurements: it continues after a kill, refuses other weights, and is checked."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from loopstab.models.forecast.measured_checkpoint import at_stage, measure
from loopstab.models.forecast.measured_file import StagedLoop, measure_all
from loopstab.models.forecast.measured_inputs import Sizes
from loopstab.models.forecast.measured_line import LINE, read_measured, write_measured
from loopstab.models.network.checkpoint import Checkpoint
from loopstab.models.network.initial_model import initial_model
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.prefix_sums import PrefixSums
from loopstab.support.errors import LoopstabError, UsageError
from loopstab.theory.architecture import Architecture

RECORDS = Path(__file__).parents[2] / "paper_figures" / "records"
TASK = PrefixSums(3)
TINY = Sizes(
    inputs=6,
    loops=64,
    limit=128,
    points=2,
    longest=1500,
    starts=7,
    gradients=1,
    noise_inputs=2,
    noise_draws=1,
)


def checkpoint(seed=1):
    config = ModelConfig(Architecture.parse("external/post"), width=8, heads=2)
    model = LoopedTransformer(config, seed)
    with torch.no_grad():
        model.w_x.weight.mul_(0.3)
    run = {
        "task": "prefix-sums",
        "data": TASK.fingerprint(),
        "level_reached": "3",
        "architecture": "external/post",
        "config": {"seed": 4, "model": config.to_json()},
    }
    return Checkpoint(model.state_dict(), {"model": config.to_json(), "run": run})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("measured") / "measured.jsonl"
    staged = [StagedLoop("toy", stage, checkpoint) for stage in ("initial", "end")]
    return path, staged, measure_all(staged, path, sizes=TINY)


def test_every_stage_and_level_has_a_line(made):
    path, _, lines = made
    assert [line.key for line in lines] == [
        ("toy", stage, level) for stage in ("initial", "end") for level in ("3", "6")
    ]
    assert [line.key for line in read_measured(path)] == [line.key for line in lines]
    for line in lines:
        LINE.check(line.to_json(), "")
        assert (line.seed, line.input_seed, line.cells) == (4, 0, int(line.level))
        assert line.reachability["inputs"] == sum(line.outcomes.values()) == 6
    end = lines[2]
    assert end.majority == "fixed-point"
    assert len(end.reachability["points"]) == len(end.input_dependence["points"]) == 2
    assert len(end.geometry["gradients"]) == 1
    assert end.reachability["points"][0]["rho"] < 1


def test_the_initial_stage_has_the_weights_before_training(made):
    _, _, lines = made
    start = initial_model(checkpoint().meta["run"])
    at = at_stage(checkpoint(), "initial")
    assert lines[0].weights == at.checksum() != lines[2].weights == checkpoint().checksum()
    assert all(torch.equal(at.tensors[name], t) for name, t in start.state_dict().items())


def content(line):
    """What two measurements share beyond rounding, which differs with the place in memory."""
    reached = line.reachability
    rho = [pytest.approx(point["rho"], rel=1e-5) for point in reached["points"]]
    return (line.key, line.weights, line.outcomes, reached["right_500"], rho)


def test_a_killed_run_continues(made, tmp_path, monkeypatch):
    """The first two lines stand; the others are measured again, to the same numbers."""
    path, staged, lines = made
    cut = tmp_path / "cut.jsonl"
    cut.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    calls = []

    def counted(*arguments, **options):
        calls.append(arguments[1])
        return measure(*arguments, **options)

    monkeypatch.setattr(f"{measure_all.__module__}.measure", counted)
    again = measure_all(staged, cut, sizes=TINY)
    assert calls == ["3", "6"]
    assert list(map(content, again)) == list(map(content, lines))
    assert cut.read_text().startswith("".join(path.read_text().splitlines(keepends=True)[:2]))
    assert measure_all(staged, cut, sizes=TINY) == read_measured(cut)
    assert len(calls) == 2


def test_lines_of_others_are_kept(made, tmp_path):
    path, staged, lines = made
    both = tmp_path / "both.jsonl"
    other = dataclasses.replace(lines[0], checkpoint="another")
    write_measured(both, [other, *lines])
    assert len(measure_all(staged[:1], both, sizes=TINY)) == 2
    assert len(read_measured(both)) == 5
    assert path.read_text() in both.read_text()


@pytest.mark.parametrize(
    ("job", "seed"),
    [
        (StagedLoop("toy", "end", lambda: checkpoint(2)), 0),
        (StagedLoop("toy", "end", checkpoint), 1),
    ],
)
def test_other_weights_and_seeds_are_refused(made, tmp_path, job, seed):
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(made[0].read_bytes())
    with pytest.raises(UsageError, match=r"toy, end, 3 .* other weights or with another seed"):
        measure_all([job], copy, seed=seed, sizes=TINY)
    assert copy.read_bytes() == made[0].read_bytes()


def changed(line, **parts):
    return json.dumps({**json.loads(line), **parts})


DAMAGE = [
    (lambda line: line[:-9], "line 1: "),
    (lambda line: changed(line, stage="late"), "stage must be one of"),
    (lambda line: changed(line, more=1), "'more' is unknown"),
    (lambda line: f"{line}\n{line}", "line 2: toy, initial, 3 were measured in an earlier line"),
    (lambda line: line.replace('"inputs": 6, "outcomes"', '"inputs": 7, "outcomes"'), "not those"),
    (lambda line: line.replace('"bits": ', '"bits": -'), "bits must be"),
]


@pytest.mark.parametrize(("damage", "told"), DAMAGE, ids=[told for _, told in DAMAGE])
def test_damage_is_named(made, tmp_path, damage, told):
    path = tmp_path / "damaged.jsonl"
    path.write_text(damage(made[0].read_text().splitlines()[0]) + "\n")
    with pytest.raises(LoopstabError, match=told) as error:
        read_measured(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_no_file(tmp_path):
    with pytest.raises(UsageError, match="there is no file"):
        read_measured(tmp_path / "none.jsonl")


def test_the_shipped_measurements_can_be_read():
    lines = read_measured(RECORDS / "measured.jsonl")
    assert lines
    for line in lines:
        assert line.command.startswith("loopstab crossvalidate --zoo")
        decided = [name for name in line.outcomes if name != "undecided"]
        assert line.majority in decided if decided else line.majority is None
