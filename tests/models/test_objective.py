"""Which loops carry a gradient and which outputs are judged, against slow twins; optimisers and
accumulation over parts.
"""

import pytest
import torch

from loopstab.models.network.choices import EncoderGradient, Supervision
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.training.loss import Objective
from loopstab.models.training.optimizers import Optimizers, hidden_matrices
from loopstab.models.training.run_spec import RunSpec
from loopstab.models.training.train import Trainer
from loopstab.support.errors import LoopstabError, UsageError
from loopstab.theory.architecture import Architecture


def made(architecture="internal/post", **options):
    spec = RunSpec(
        **{
            "task": "sudoku-4x4",
            "width": 16,
            "heads": 2,
            "batch": 6,
            "loops": 5,
            "architecture": architecture,
            **options,
        }
    )
    config, task = spec.build()
    model = LoopedTransformer(config.model, 1).double()
    batch = task.batch(6, "train", torch.Generator().manual_seed(0))
    return config, task, model, type(batch)(batch.x.double(), batch.target)


def test_draws():
    fixed, free = Objective(6, gradient_loops=4), Objective(6)
    draws = [
        [o.draw(torch.Generator().manual_seed(seed)) for seed in range(400)] for o in (fixed, free)
    ]
    assert set(draws[0]) == {(n, 4) for n in range(3)}
    assert set(draws[1]) == {(n, k) for n in range(6) for k in range(1, 7 - n)}
    assert Objective(2, gradient_loops=4).draw(torch.Generator()) == (0, 2)


def twin(model, task, batch, n, k, gradient, supervision):
    """The loop step by step, from the formula."""
    e = model.encode(batch.x)
    h = e
    for _ in range(n):
        h = model.step(h, e)
    if gradient == "published" and n:
        h = h.detach()
    if gradient == "straight-through" and n:
        h = h.detach() + e - e.detach()
    losses = []
    for _ in range(k):
        h = model.step(h, e)
        losses.append(task.loss(model.head(h), batch.target))
    return sum(losses) / k if supervision == "each" else losses[-1]


@pytest.mark.parametrize("supervision", list(Supervision))
@pytest.mark.parametrize("gradient", list(EncoderGradient))
@pytest.mark.parametrize(
    "architecture", ["none/post", "external/peri", "internal/post", "internal/peri/gru"]
)
def test_loss_and_gradients_equal_the_twin(architecture, gradient, supervision):
    _, task, model, batch = made(architecture)
    objective = Objective(5, 3, gradient, supervision)
    for n in (0, 2):
        found = []
        for loss in (
            objective(model, task, batch, n, 3),
            twin(model, task, batch, n, 3, gradient, supervision),
        ):
            model.zero_grad(set_to_none=True)
            loss.backward()
            found.append((loss.detach(), [p.grad for p in model.parameters()]))
        assert torch.allclose(found[0][0], found[1][0], rtol=1e-12)
        for a, b in zip(found[0][1], found[1][1], strict=True):
            assert (a is None) == (b is None)
            assert a is None or torch.allclose(a, b, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
def test_every_weight_belongs_to_one_optimiser(architecture):
    config, _, model, _ = made(str(architecture), optimizer="muon")
    adamw, muon = Optimizers(model, config)._parts
    groups = [
        {id(p) for group in part.param_groups for p in group["params"]} for part in (adamw, muon)
    ]
    assert groups[0] | groups[1] == {id(p) for p in model.parameters()}
    assert not groups[0] & groups[1]
    assert groups[1] == {id(p) for p in hidden_matrices(model)}
    width = config.model.width
    for name, p in model.named_parameters():
        hidden = (
            p.dim() == 2
            and all(side % width == 0 for side in p.shape)
            and "offset_bias" not in name
        )
        assert (id(p) in groups[1]) == hidden, name


def test_wrong_objectives():
    with pytest.raises(UsageError, match="more than loops = 5"):
        made(gradient_loops=6)
    with pytest.raises(UsageError, match="gradient_loops must be a whole number from 0"):
        made(gradient_loops=-1)
    with pytest.raises(UsageError, match="muon_lr"):
        made(muon_lr=0.0)


def trainer(out, **options):
    config, task = RunSpec(
        **{
            "task": "sudoku-4x4",
            "width": 16,
            "heads": 2,
            "batch": 6,
            "loops": 3,
            "steps": 4,
            "eval_size": 4,
            **options,
        }
    ).build()
    return Trainer(config, task, out)


def test_a_batch_that_does_not_fit_is_trained_in_parts(tmp_path, monkeypatch):
    """Four samples fit at a time: the batch of six is halved once, and the gradients are those of
    the whole.
    """
    whole, parts = trainer(tmp_path / "a"), trainer(tmp_path / "b")
    call = Objective.__call__

    def small(self, model, task, batch, n, k, **options):
        if len(batch.x) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return call(self, model, task, batch, n, k, **options)

    whole.train_step()
    monkeypatch.setattr(Objective, "__call__", small)
    with pytest.warns(UserWarning, match="the batch of 6 is trained in 2 parts"):
        parts.train_step()
    assert parts.parts == 2
    for a, b in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, rtol=1e-4, atol=1e-7)
    parts._save()
    assert trainer(tmp_path / "b").parts == 2


def test_a_sample_that_does_not_fit(tmp_path, monkeypatch):
    def never(self, *_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Objective, "__call__", never)
    with (
        pytest.raises(LoopstabError, match="--width"),
        pytest.warns(UserWarning, match="out of memory"),
    ):
        trainer(tmp_path).train_step()
