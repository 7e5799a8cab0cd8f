"""Runs as options: identity, the command that repeats one, and what a wrong option says."""

import dataclasses
import shlex

import pytest

from loopstab.models.training.run_spec import FIXED_BLOCKS, RunSpec, check_device
from loopstab.models.training.schedule import FixedSteps, LengthCurriculum
from loopstab.paper_figures.cli import main
from loopstab.support.errors import UsageError

IDS = [
    # results on disk have these names: a change here orphans them
    (RunSpec(bits=16, architecture="external/post"), "prefix-sums-16", "0241aaa1d1a8"),
    (
        RunSpec(task="sudoku-4x4", loops=12, steps=500),
        "498867b6d7d18b917f273dc1093e909974393c5a71aa10158d57103a0d3a5efc",
        "3d9cc5b4afde",
    ),
]


@pytest.mark.parametrize(("run", "data", "name"), IDS)
def test_ids_stay(run, data, name):
    assert run.id(data) == name


def test_ids_tell_every_option_and_the_data_apart():
    base = RunSpec()
    other = {
        "task": "kqk",
        "architecture": "none/post",
        "width": 65,
        "heads": 5,
        "window": 7,
        "bits": 33,
        "loops": 31,
        "steps": 1,
        "polish": 1,
        "batch": 1,
        "lr": 0.1,
        "warmup": 1,
        "decay": "published",
        "precision": "bf16",
        "encoder_gradient": "full",
        "eval_size": 1,
        "seed": 1,
        "qk_norm": "after-rope",
        "positions": "one-hot",
        "augment": "relabel",
        "optimizer": "muon",
        "muon_lr": 0.1,
        "gradient_loops": 2,
        "supervision": "each",
    }
    assert set(other) == {f.name for f in dataclasses.fields(RunSpec)}
    ids = {dataclasses.replace(base, **{name: value}).id("d") for name, value in other.items()} | {
        base.id("d"),
        base.id("e"),
    }
    assert len(ids) == len(other) + 2
    whole = RunSpec(**other)
    assert RunSpec.from_dict(dataclasses.asdict(whole)) == whole
    assert RunSpec.from_dict({"lr": 1}).id("d") == RunSpec(lr=1.0).id("d")


@pytest.mark.parametrize(
    "run",
    [
        RunSpec(),
        RunSpec(task="kqk", architecture="fixed/peri/gru", lr=3e-4, seed=7, decay="published"),
        RunSpec(window=0, bits=16, precision="bf16", encoder_gradient="full", eval_size=3),
    ],
)
def test_the_recorded_command_repeats_the_run(run, monkeypatch, tmp_path):
    seen = []

    def stop(self, data=None):
        seen.append(self)
        raise UsageError("enough")

    monkeypatch.setattr(RunSpec, "build", stop)
    with pytest.raises(SystemExit):
        main([*shlex.split(run.command())[1:], "--out", str(tmp_path)])
    assert seen == [run]


SHAPES = [
    (RunSpec(), LengthCurriculum, 1, 5),
    (RunSpec(decay="published"), FixedSteps, 1, 5),
    (RunSpec(architecture="fixed/post"), FixedSteps, FIXED_BLOCKS, 5),
    (RunSpec(task="kqk"), FixedSteps, 1, None),
    (RunSpec(task="kqk", architecture="fixed/peri/gru", window=3), FixedSteps, FIXED_BLOCKS, 3),
    (RunSpec(window=0), LengthCurriculum, 1, None),
]


@pytest.mark.parametrize(("run", "schedule", "blocks", "window"), SHAPES)
def test_what_is_built(run, schedule, blocks, window):
    config, task = run.build()
    assert (type(config.schedule), config.model.blocks, config.model.window) == (
        schedule,
        blocks,
        window,
    )
    assert config.model.name == run.architecture
    course = config.schedule.start()
    assert course.level == ("4" if schedule is LengthCurriculum else task.levels[0])
    assert (course.loops, config.eval_loops) == (
        (1, 1) if blocks > 1 else (6 if schedule is LengthCurriculum else 30, 500)
    )


WRONG = [
    ({"task": "go"}, "unknown task 'go'"),
    ({"architecture": "fixed"}, "cannot read architecture"),
    ({"architecture": "fixed/mid"}, "unknown norm"),
    ({"precision": "fp8"}, "unknown precision 'fp8'"),
    ({"encoder_gradient": "some"}, "auto"),
    ({"decay": "linear", "task": "kqk"}, "decay must be one of cosine, published"),
    ({"decay": "linear"}, "decay must be one of cosine, published"),
    ({"window": 4}, "odd"),
    ({"batch": 0}, "batch"),
    ({"lr": -1.0}, "lr"),
    ({"bits": 2}, "start_bits"),
    ({"task": "chess"}, "needs a data file"),
]


@pytest.mark.parametrize(("options", "words"), WRONG, ids=[words for _, words in WRONG])
def test_wrong_options(options, words):
    with pytest.raises(UsageError, match=words):
        RunSpec(**options).build()


@pytest.mark.parametrize("device", ["cuda:99", "toaster", ""])
def test_no_such_device(device):
    with pytest.raises(UsageError, match="--device cpu"):
        check_device(device)
    check_device("cpu")
