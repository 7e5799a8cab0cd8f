"""What inputs say of places, and the random symmetries of training samples."""

import numpy as np
import pytest
import torch

from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.registry import make_task, recorded_task
from loopstab.models.tasks.sudoku.sudoku_task import random_places
from loopstab.models.tasks.sudoku.symmetry import canonical, complete
from loopstab.models.tasks.table import MARK
from loopstab.models.training.run_spec import RunSpec
from loopstab.support.errors import UsageError

SHAPES = [
    ("sudoku-4x4", "none", 5),
    ("sudoku-4x4", "one-hot", 5 + 12),
    ("sudoku-4x4", "learnt", 5 + 16),
    ("kqk", "none", 12),
    ("kqk", "one-hot", 12 + 16),
    ("kqk", "learnt", 12 + 64),
]


@pytest.mark.parametrize(("task", "positions", "channels"), SHAPES)
def test_channels(task, positions, channels):
    made = make_task(task, positions=positions)
    for batch in (
        made.batch(3, "easy", torch.Generator().manual_seed(0)),
        made.take("hard", 0, 2),
        *made.evaluation(4, "easy", 2),
    ):
        assert batch.x.shape[2] == channels == made.shape.channels
        plain = make_task(task).shape.channels
        assert torch.equal(batch.x[0, :, plain:], batch.x[-1, :, plain:])
    RunSpec(task=task, positions=positions, width=16, heads=2).config(made)


def test_one_hot_places_of_a_sudoku():
    """Each cell against a slow count: which other cells share its row, its column and its box."""
    places = (
        make_task("sudoku-4x4", positions="one-hot")
        .batch(1, "train", torch.Generator())
        .x[0, :, 5:]
        .reshape(16, 3, 4)
    )
    for i in range(16):
        for j in range(16):
            same = [i // 4 == j // 4, i % 4 == j % 4, (i // 8, i % 4 // 2) == (j // 8, j % 4 // 2)]
            assert (places[i] * places[j]).sum(1).tolist() == same


def test_places_can_be_changed_and_taken_back():
    task = make_task("sudoku-4x4", positions="learnt")
    batch = task.locate("none").batch(2, "easy", torch.Generator().manual_seed(1))
    assert torch.equal(
        batch.x, make_task("sudoku-4x4").batch(2, "easy", torch.Generator().manual_seed(1)).x
    )
    with pytest.raises(UsageError, match="one-hot"):
        task.locate("somewhere")


def test_positions_are_recorded_and_are_part_of_the_identity(tmp_path):
    from loopstab.models.training.train import Trainer

    ids = {RunSpec(task="kqk", positions=p).id("data") for p in ("none", "one-hot", "learnt")}
    assert len(ids) == 3
    spec = RunSpec(
        task="sudoku-4x4",
        positions="one-hot",
        width=16,
        heads=2,
        steps=1,
        batch=2,
        loops=1,
        eval_size=2,
    )
    config, task = spec.build()
    result = Trainer(config, task, tmp_path).run(progress=False)
    assert result["config"]["positions"] == "one-hot"
    assert recorded_task(result).shape == task.shape


def test_sequences_have_no_places():
    with pytest.raises(UsageError, match="--positions"):
        RunSpec(positions="one-hot").build()


@torch.no_grad()
@pytest.mark.parametrize("qk_norm", ["before-rope", "after-rope"])
@pytest.mark.parametrize(
    ("positions", "alike"), [("none", True), ("one-hot", False), ("learnt", False)]
)
def test_on_a_board_of_equal_cells_only_positions_tell_cells_apart(qk_norm, positions, alike):
    """Attention mixes values with weights that sum to one: equal values give equal states, wherever
    a cell is.
    """
    task = make_task("sudoku-4x4", positions=positions)
    config = (
        RunSpec(task="sudoku-4x4", width=16, heads=2, qk_norm=qk_norm, positions=positions)
        .config(task)
        .model
    )
    model = LoopedTransformer(config, 1).double()
    for module in model.modules():
        if hasattr(module, "gain"):
            module.gain.uniform_(0.2, 3, generator=torch.Generator().manual_seed(0))
    x = task.batch(1, "train", torch.Generator().manual_seed(0)).x.double()
    x[..., :5] = torch.eye(5)[0]  # all cells blank
    logits = model(x, 3)[0]
    assert bool((logits - logits[0]).abs().max() < 1e-12) == alike


@torch.no_grad()
@pytest.mark.parametrize(("qk_norm", "relative"), [("before-rope", True), ("after-rope", False)])
def test_a_gain_after_the_rotation_sees_places(qk_norm, relative):
    """A clue and its reader moved together along the row: with relative attention the reader's
    state moves with them.
    """
    config = ModelConfig(
        channels=2, classes=2, width=16, heads=2, axes=2, window=3, qk_norm=qk_norm
    )
    model = LoopedTransformer(config, 1).double()
    for name, p in model.named_parameters():
        if name.endswith(("q_norm.gain", "k_norm.gain")):
            p.uniform_(0.2, 3, generator=torch.Generator().manual_seed(0))
    x = torch.zeros(2, 49, 2, dtype=torch.float64)
    x[..., 0] = 1
    for sample, column in enumerate((2, 3)):
        x[sample, 7 * 3 + column] = torch.tensor([0.0, 1.0])
    states = model.step(model.encode(x), model.encode(x)).view(2, 7, 7, 16)
    assert torch.allclose(states[0, 2:5, 1:4], states[1, 2:5, 2:5], atol=1e-10) == relative


# Symmetries


@pytest.mark.parametrize("task", ["sudoku-4x4", "sudoku-9x9"])
@pytest.mark.parametrize("augment", ["relabel", "symmetry"])
def test_symmetries_keep_the_puzzle(task, augment):
    made = make_task(task)
    box = round(made.shape.classes**0.5)
    cells = made._cells[:200]
    turned = made.augmented(cells, augment, torch.Generator().manual_seed(0))
    answers, before = (turned % MARK).numpy(), (cells % MARK).numpy()
    assert complete(answers, box).all()
    assert np.array_equal(canonical(answers, box), canonical(before, box))
    assert torch.equal((turned >= MARK).sum(1), (cells >= MARK).sum(1))
    if augment == "relabel":
        assert torch.equal(turned >= MARK, cells >= MARK)
    assert (answers != before).any(1).mean() > 0.9
    assert torch.equal(turned, made.augmented(cells, augment, torch.Generator().manual_seed(0)))
    assert turned.dtype is cells.dtype


def test_places_of_a_symmetry_are_drawn_uniformly():
    """Cell 0 comes from each of the 16 cells equally often, and every draw is a permutation."""
    places = random_places(4000, 4, torch.Generator().manual_seed(0))
    assert torch.equal(places.sort(1).values, torch.arange(16).expand(4000, -1))
    counts = torch.bincount(places[:, 0], minlength=16)
    assert ((counts - 250).abs() < 5 * 250**0.5).all()


def test_a_training_batch_has_the_same_puzzles():
    task = make_task("sudoku-4x4")
    plain = task.batch(50, "train", torch.Generator().manual_seed(4))
    assert torch.equal(
        task.training_batch(50, "train", torch.Generator().manual_seed(4)).x, plain.x
    )
    relabelled = task.training_batch(
        50, "train", torch.Generator().manual_seed(4), augment="relabel"
    )
    assert torch.equal(relabelled.x[..., 0], plain.x[..., 0])
    assert not torch.equal(relabelled.target, plain.target)
    assert (relabelled.x[..., 1:].argmax(-1) == relabelled.target)[relabelled.x[..., 0] == 0].all()


@pytest.mark.parametrize(
    "options", [{"task": "kqk", "augment": "relabel"}, {"augment": "symmetry"}]
)
def test_tasks_without_symmetries(options):
    with pytest.raises(UsageError, match="--augment"):
        RunSpec(**options).build()
    task = make_task(options.get("task", "prefix-sums"))
    with pytest.raises(UsageError, match="--augment"):
        task.training_batch(1, task.levels[0], torch.Generator(), augment=options["augment"])


def test_an_unknown_symmetry():
    with pytest.raises(UsageError, match="relabel"):
        RunSpec(task="sudoku-4x4", augment="mirror").build()
