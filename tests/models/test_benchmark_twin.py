"""The trainer's model against the eager twin of the benchmarks: same weights, same outputs, same
gradients.
"""

import sys
from pathlib import Path

import pytest
import torch
from published_loss import progressive_loss
from torch._dynamo.testing import CompileCounterWithBackend

from loopstab.models.network.choices import QKNorm
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.prefix_sums import PrefixSums
from loopstab.models.tasks.task import Batch
from loopstab.models.training.loss import Objective
from loopstab.models.training.train import Trainer
from loopstab.models.training.train_config import TrainConfig
from loopstab.support.errors import UsageError
from loopstab.theory.architecture import Architecture

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import eager  # the benchmark folder is no package

LOSS = Objective(10)  # n and k are given
SIZES = [(1, 5, 7), (1, None, 7), (2, None, 9), (2, 3, 9)]


class Cells:
    """A task of which only the loss is asked."""

    @staticmethod
    def loss(logits, target):
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten())


def case(
    architecture, axes, window, cells, dtype=torch.float32, blocks=1, qk_norm=QKNorm.BEFORE_ROPE
):
    config = ModelConfig(
        architecture,
        channels=3,
        classes=4,
        width=16,
        heads=2,
        axes=axes,
        window=window,
        blocks=blocks,
        qk_norm=qk_norm,
    )
    model = LoopedTransformer(config, 1).to(dtype)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith("gain"):  # all ones at the start
                p.mul_(0.5 + torch.rand(p.shape, generator=generator, dtype=dtype))
    x = torch.randn(2, cells, 3, generator=generator, dtype=dtype)
    return model, Batch(x, torch.randint(0, 4, (2, cells), generator=generator))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
def test_same_outputs(architecture, size):
    """float32, relative to the largest logit (pre-norm states grow)."""
    model, batch = case(architecture, *size, blocks=2 if size[0] == 2 else 1)
    with torch.no_grad():
        outputs, states = eager.run(model, batch.x, 4, states=True)
        for loops in (1, 4):
            assert (model(batch.x, loops) - outputs[loops - 1]).abs().max() <= 1e-5 * max(
                1, outputs[loops - 1].abs().max()
            )
        e = model.encode(batch.x)
        assert (model.step(states[0], e) - states[1]).abs().max() <= 1e-5 * max(
            1, states[1].abs().max()
        )


@pytest.mark.parametrize("qk_norm", list(QKNorm))
@pytest.mark.parametrize(("n", "k"), [(0, 3), (2, 1), (2, 6)])
@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
def test_same_gradients(architecture, n, k, qk_norm):
    """float64, so that 1e-5 leaves no room for a wrong formula; 2 and 6 loops are folded, the
    others not.
    """
    model, batch = case(architecture, 1, 5, 7, torch.float64, qk_norm=qk_norm)
    gradients = []
    for loss in (
        LOSS(model, Cells, batch, n, k),
        eager.progressive_loss(model, Cells, batch, n, k),
    ):
        model.zero_grad(set_to_none=True)
        loss.backward()
        gradients.append([p.grad for p in model.parameters()])
    for a, b in zip(*gradients, strict=True):
        assert (a is None) == (b is None)
        if b is not None:
            assert torch.allclose(a, b, rtol=1e-8, atol=1e-9 * max(1, b.abs().max()))


def test_the_drawn_loss_is_the_unrolled_one():
    model, batch = case(Architecture.parse("internal/post"), 1, 5, 7)
    generator = torch.Generator().manual_seed(5)
    drawn = progressive_loss(model, Cells, batch, 6, torch.Generator().manual_seed(5))
    n = int(torch.randint(0, 6, (), generator=generator))
    k = int(torch.randint(1, 6 - n + 1, (), generator=generator))
    assert torch.equal(drawn, LOSS(model, Cells, batch, n, k))


@pytest.mark.filterwarnings(
    "ignore:The .grad attribute:UserWarning"
)  # torch looks at the inputs of the traced loop
def test_compiled_loop_equals_the_plain_one():
    """`aot_eager` traces and differentiates as inductor does, and needs no compiler."""
    model, batch = case(Architecture.parse("internal/peri"), 1, None, 7)
    compiled = torch.compile(model.advance, backend="aot_eager")
    values = [
        LOSS(model, Cells, batch, 1, 5, advance=advance) for advance in (model.advance, compiled)
    ]
    assert torch.allclose(*values, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")
@pytest.mark.parametrize("recall", ["none", "external", "internal"])
def test_a_level_needs_fewer_graphs_than_torch_keeps(recall):
    """With eight graphs of a function torch gives up compiling it, and says so only in its log."""
    model, batch = case(Architecture.parse(f"{recall}/post"), 1, 5, 40)
    torch.compiler.reset()
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(model.advance, backend=counter, dynamic=False)
    for n, k in ((0, 1), (0, 6), (1, 1), (4, 4), (0, 1), (2, 5)):
        values = [
            LOSS(model, Cells, batch, n, k, advance=advance)
            for advance in (model.advance, compiled)
        ]
        assert torch.allclose(*values, rtol=1e-5)
    assert counter.frame_count <= (
        4 if recall == "internal" else 2
    )  # with and without gradient, each folded or not


def test_no_compiler(tmp_path, monkeypatch):
    def absent(*_, **__):
        raise RuntimeError("no C++ compiler found")

    monkeypatch.setattr(torch, "compile", absent)
    config = TrainConfig(model=ModelConfig(width=16, heads=2))
    with pytest.raises(UsageError, match=r"no C\+\+ compiler.*--compile"):
        Trainer(config, PrefixSums(4, (1,)), tmp_path, compiled=True)
