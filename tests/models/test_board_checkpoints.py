"""The shipped loops of 9x9 sudoku and chess on the real puzzles: recorded accuracy, and what their
states do after the loops of training.
"""

import pytest
import torch

from loopstab.models.measure.evaluate import accuracy_curve
from loopstab.models.network.checkpoint import load_model
from loopstab.models.tasks.chess import puzzles as chess_puzzles
from loopstab.models.tasks.registry import recorded_task
from loopstab.models.tasks.sudoku import sudoku_file as sudoku
from loopstab.models.zoo import zoo

SOURCES = {
    "sudoku": ("sudoku_rated.csv.gz", sudoku),
    "chess": ("lichess_puzzles.csv.gz", chess_puzzles),
}
NAMES = [
    f"{task}-w256-{kind}-s0"
    for task in SOURCES
    for kind in ("internal-post-full", "external-post-full", "none-post")
]


@pytest.fixture(scope="session")
def prepared(real_file, tmp_path_factory):
    """Prepared file of a task from the real puzzles, made once."""
    made = {}

    def find(task):
        if task not in made:
            name, module = SOURCES[task]
            if task == "chess":
                pytest.importorskip(
                    "chess", reason="chess puzzles are checked with the chess package"
                )
            made[task] = module.read(real_file(name)).save(
                tmp_path_factory.mktemp("data") / f"{task}.safetensors"
            )
        return made[task]

    return find


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_accuracy_is_the_recorded_one_on_some_of_its_samples(name, prepared):
    """48 of the 2048 samples at few loops: within four standard errors of the recorded share."""
    model, meta = load_model(zoo.load(name))
    run = meta["run"]
    task = recorded_task(run, prepared(run["task"]))
    loops = 20 if run["task"] == "sudoku" else 6
    recorded = run["accuracy"]["easy"][run["loops"].index(loops)]
    batch, _ = task.evaluation(run["config"]["eval_size"], "easy", run["choice"]["samples"])
    (share,) = accuracy_curve(model, task, batch.of(slice(48)), [loops])
    assert abs(share - recorded) <= 4 * (recorded * (1 - recorded) / 48) ** 0.5


@pytest.mark.slow
@torch.no_grad()
def test_answers_settle_where_states_go_on_moving(prepared):
    """N2 says that a fixed point exists, not that it is reached: this loop with recall and outer
    normalisation solves puzzles and moves on.
    """
    model, meta = load_model(zoo.load("sudoku-w256-external-post-full-s0"))
    task = recorded_task(meta["run"], prepared("sudoku"))
    batch = task.evaluation(2048, "easy", 1024)[0].of(slice(6))
    e = model.encode(batch.x)
    context, h = model.prepare(e, folded=True), model.initial(e)
    right = []
    for t in range(1, 301):
        before, h = h, model.advance(h, context)
        if t > 280:
            right.append(task.correct(model.head(h), batch.target))
    step = (h - before).flatten(1).norm(dim=1) / h.flatten(1).norm(dim=1)
    always = torch.stack(right).all(0)
    assert always.sum() >= 3
    assert (step[always] > 1e-4).sum() >= 2
