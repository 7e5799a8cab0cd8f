"""The loops that are reported are chosen on other samples."""

import pytest
import torch

from loopstab.models.measure.evaluate import CHOICE, accuracy_curve, evaluate
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.registry import make_task
from loopstab.models.training.run_spec import RunSpec


def rows(batch):
    return {x.numpy().tobytes() for x in batch.x}


@pytest.mark.parametrize("task", ["sudoku-4x4", "kqk", "prefix-sums"])
def test_samples_of_an_evaluation(task):
    made = make_task(task, bits=40)
    for level in made.held_out:
        batch, apart = made.evaluation(60, level, 30)
        again, _ = made.evaluation(60, level, 30)
        assert torch.equal(batch.x, again.x)
        assert (len(batch.x), len(apart.x)) == (60, 30)
        assert made.evaluation(5, level)[1] is None
        if (
            task == "kqk"
        ):  # boards repeat in no split; equal sudoku puzzles and sequences are improbable
            assert len(rows(batch) | rows(apart)) == 90
    assert "train" not in made.held_out


def test_a_small_level_gives_a_quarter_of_its_samples_at_most():
    task = make_task("sudoku-9x9")
    count = task.count("easy")
    batch, apart = task.evaluation(10**6, "easy", 10**6)
    assert (len(batch.x), len(apart.x)) == (count - count // 4, count // 4)


def test_the_loops_are_chosen_on_other_samples():
    spec = RunSpec(task="kqk", width=16, heads=2)
    config, task = spec.build()
    model = LoopedTransformer(config.model).eval()
    loops = [1, 2, 5]
    found = evaluate(model, task, loops, 50)
    assert set(found["accuracy"]) == {"easy", "hard"} == set(found["samples"])
    batch, apart = task.evaluation(50, "easy", min(CHOICE, 50))
    assert found["choice"]["accuracy"] == accuracy_curve(model, task, apart, loops)
    assert found["accuracy"]["easy"] == accuracy_curve(model, task, batch, loops)
    assert found["choice"] == {**found["choice"], "level": "easy", "samples": 50, "apart": True}
    assert evaluate(model, task, loops, 50, stop=lambda: True) is None


class Samples(str):
    """Samples of which the name is known, and their number."""

    x = (0,) * 7


class Fading:
    """A task in which the samples to choose on are best at 2 loops, and those to report at 3."""

    held_out = ("a", "b")

    @staticmethod
    def evaluation(size, level, apart, device):
        return Samples(f"{level} {size}"), Samples(f"{level} apart {apart}") if apart else None


def test_the_fewest_loops_of_the_best_choice(monkeypatch):
    curves = {"a apart 9": [0.1, 0.6, 0.6], "a 9": [0.2, 0.3, 0.9], "b 9": [0.0, 0.1, 0.2]}
    monkeypatch.setattr(
        "loopstab.models.measure.evaluate.accuracy_curve",
        lambda model, task, batch, loops: curves[batch],
    )
    found = evaluate(None, Fading(), [1, 2, 3], 9)
    assert found["choice"]["loops"] == 2
    assert found["accuracy"] == {"a": curves["a 9"], "b": curves["b 9"]}
