"""Advice for loops in torch, and for trained checkpoints."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from loopstab import FunctionLoop, TorchLoop, advise
from loopstab.models.measure.advise_trained import advise_trained
from loopstab.models.measure.trained import TrainedLoop
from loopstab.models.network.run_record import chosen_loops
from loopstab.models.zoo import zoo

QUICK = {"loops": 60, "limit": 60, "products": 40}


def test_a_loop_in_torch_has_the_rows_of_its_numpy_twin_and_stays_as_it_is():
    torch.manual_seed(0)
    core = torch.nn.Linear(3, 3).double()
    core.weight.data = -1.6 * torch.eye(3).double()
    before = {k: v.clone() for k, v in core.state_dict().items()}
    w, b = (p.detach().numpy() for p in (core.weight, core.bias))
    e = np.array([[0.1, 0.2, 0.3], [0.3, 0.1, 0.2]])
    twin = FunctionLoop(lambda h, e: np.tanh(h) @ w.T + b + e, np.zeros_like)
    loop = TorchLoop(lambda h, e: core(torch.tanh(h)) + e, torch.zeros_like)
    ours, theirs = (advise(one, e, loops=200, limit=200) for one in (loop, twin))
    assert [(r.name, r.step, r.rank) for r in ours.rows] == [
        (r.name, r.step, r.rank) for r in theirs.rows
    ]
    assert [r.verdict for r in ours.rows] == [r.verdict for r in theirs.rows]
    assert ours.tried[0].name == "damp"
    assert all(torch.equal(v, before[k]) for k, v in core.state_dict().items())
    assert core.weight.grad is None


def test_tensors_as_inputs_and_a_readout_on_arrays():
    loop = TorchLoop(lambda h, e: e - 1.4 * torch.tanh(h), torch.zeros_like)
    e = torch.tensor([[0.2, 0.1], [0.4, 0.3]], dtype=torch.float64)
    found = advise(loop, e, readout=lambda h: torch.from_numpy(h).argmax(), loops=100)
    damp = next(r for r in found.rows if r.name == "damp")
    assert damp.after.settled == 2
    assert damp.unchanged is not None


@pytest.fixture(scope="module")
def without_recall():
    """A loop without recall, its weights before, and the advice on it."""
    trained = TrainedLoop.open(zoo.load("prefix-sums-16-none-post-s1"), level="16")
    before = {k: v.clone() for k, v in trained.model.state_dict().items()}
    return trained, before, advise_trained(trained, 2, **QUICK)


def test_a_trained_loop_without_recall(without_recall):
    trained, before, found = without_recall
    assert any("does not read its input" in text for text in found.problems)
    recall = [r for r in found.tried if r.name == "add recall"]
    assert len(recall) == 3
    assert all(r.after.right is not None and r.unchanged is not None for r in recall)
    chosen = chosen_loops(trained.meta["run"], "16")
    assert chosen <= QUICK["loops"]
    assert any(r.stop == chosen for r in found.tried)
    after = trained.model.state_dict()
    assert all(torch.equal(v, after[k]) for k, v in before.items())


def test_right_answers_are_those_of_the_model(without_recall):
    """The accuracy of a row that stops is that of the model run for as many iterations."""
    trained, _, found = without_recall
    batch = trained.task.batch(2, "16", torch.Generator().manual_seed(0))
    stops = [r for r in found.tried if r.name == "fewer loops"]
    assert stops
    for row in stops:
        with torch.no_grad():
            logits = trained.model(batch.x.double(), row.stop)
        right = trained.task.correct(logits, batch.target).double().mean()
        assert row.after.right == float(right)


def test_from_the_strength_of_l2_on_every_input_settles():
    """With twice the weights W_x the loop does not settle; L2 proves that at tau_0 it does."""
    shipped = TrainedLoop.open(zoo.load("prefix-sums-16-external-post-s1"), level="16")
    model = copy.deepcopy(shipped.model)
    model.w_x.weight.data *= 2
    found = advise_trained(replace(shipped, model=model), 2, **QUICK)
    assert found.before.settled == 0
    scaled = [r for r in found.tried if r.name == "scale the input of the step"]
    strongest = max(scaled, key=lambda r: r.change.scale)
    assert strongest.after.settled == 2
    assert all(value < 1 for value in strongest.after.rho)
    assert (strongest.claim, strongest.fixed_points) == ("L2", "moved")
    assert len(scaled) == 3  # 0.25, 4 and tau_0
