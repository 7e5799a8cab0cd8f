"""bfloat16 is for the operands of products alone: states, norms and evaluation are float32, and the
number of compiled graphs is known.
"""

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

from loopstab.models.measure.evaluate import accuracy_curve
from loopstab.models.measure.orbit import Orbit
from loopstab.models.network.arithmetic import EXACT, Arithmetic, has_bf16, training_arithmetic
from loopstab.models.network.checkpoint import load_model
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.registry import recorded_task
from loopstab.models.training.compiling import GRAPHS, compiled_advance
from loopstab.models.training.optimizers import Optimizers
from loopstab.models.training.run_spec import RunSpec
from loopstab.models.zoo import zoo
from loopstab.support.errors import UsageError
from loopstab.theory.architecture import Architecture

BF16 = Arithmetic(torch.bfloat16)
ARCHITECTURES = [*map(str, Architecture.all()), "fixed/post"]


def made(architecture, **options):
    spec = RunSpec(
        **{
            "task": "sudoku-4x4",
            "width": 16,
            "heads": 2,
            "batch": 4,
            "loops": 6,
            "architecture": architecture,
            **options,
        }
    )
    config, task = spec.build()
    return (
        config,
        task,
        LoopedTransformer(config.model),
        task.batch(4, "train", torch.Generator().manual_seed(0)),
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_states_and_logits_are_float32_whatever_the_products(architecture):
    _, _, model, batch = made(architecture)
    with torch.autocast("cpu", torch.bfloat16, enabled=False):
        e = model.encode(batch.x)
        for folded in (False, True):
            context = model.prepare(e, folded, BF16)
            h = model.initial(e)
            products = {
                t.matrix.dtype
                for pair in context.blocks
                for maps in pair
                for t in (maps.entry, maps.exit, *(maps.gates or ()))
            }
            assert products == {torch.bfloat16}
            assert {t.dtype for t in context.geometry.tables} == {torch.float32}
            for _ in range(3):
                h = model.advance(h, context)
                assert h.dtype is torch.float32
            assert model.head(h, BF16).dtype is torch.float32
            exact = model.advance(model.initial(e), model.prepare(e, folded))
            step = model.advance(model.initial(e), context)
            assert (step - exact).norm() < 0.02 * exact.norm()
            assert not torch.equal(step, exact)


@pytest.mark.parametrize("window", [0, 3])
def test_masks_and_biases_of_a_window_are_float32(window):
    _, _, model, batch = made("internal/post", window=window)
    context = model.prepare(model.encode(batch.x), True, BF16)
    biases = {maps.bias.dtype for pair in context.blocks for maps in pair if maps.bias is not None}
    assert biases == ({torch.float32} if window else set())
    assert model.advance(model.encode(batch.x), context).isfinite().all()


@pytest.mark.parametrize("architecture", ["internal/post", "external/peri", "none/post/gru"])
def test_training_in_bf16_follows_float32_step_by_step(architecture):
    losses = {}
    for arithmetic in (EXACT, BF16):
        config, task, model, _ = made(
            architecture,
            gradient_loops=2,
            supervision="each",
            optimizer="muon",
            positions="one-hot",
            batch=32,
        )
        optimizers = Optimizers(model, config)
        objective, values = config.objective(6), []
        for step in range(30):
            generator = torch.Generator().manual_seed(step)
            batch = task.training_batch(32, "train", generator, augment="relabel")
            loss = objective(model, task, batch, *objective.draw(generator), arithmetic=arithmetic)
            optimizers.zero_grad()
            loss.backward()
            optimizers.step()
            values.append(loss.item())
        losses[arithmetic.precision] = values
    for a, b in zip(losses["float32"], losses["bf16"], strict=True):
        assert abs(a - b) < 0.03 * a
    assert losses["float32"][-1] < 0.95 * losses["float32"][0]


@pytest.mark.parametrize("name", ["none-post", "internal-peri"])
def test_an_evaluation_inside_autocast_is_that_in_float32(name):
    """Rounded to bf16, samples of a loop without recall seemed to have stopped while their states
    moved by 6 % a loop.
    """
    model, meta = load_model(zoo.load(name))
    task = recorded_task(meta["run"])
    batch = task.batch(64, task.levels[0], torch.Generator().manual_seed(3))
    loops = [10, 40, 300]
    plain = accuracy_curve(model, task, batch, loops)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert accuracy_curve(model, task, batch, loops) == plain
        orbit = Orbit(model, batch.x, ulps=8)
        for _ in range(5):
            orbit.advance()
        assert orbit.h.dtype is torch.float32
        assert len(orbit.running) == len(batch.x)


@torch.no_grad()
def test_states_in_half_precision_stop_by_repeating_alone():
    model, meta = load_model(zoo.load("none-post"), torch.bfloat16)
    batch = recorded_task(meta["run"]).batch(8, "32", torch.Generator().manual_seed(3))
    orbit = Orbit(model, batch.x.bfloat16(), ulps=8)
    assert orbit.tolerance == 0
    before, moved = orbit.h.clone(), 0
    for _ in range(20):
        orbit.advance()
        moved += int((orbit.h != before).flatten(1).any(1).sum())
        before = orbit.h.clone()
    assert moved > 100


GRADIENTS = [("full", 4, 1), ("published", 4, 2), ("straight-through", 4, 2), ("published", 0, 2)]


@pytest.mark.filterwarnings(
    "ignore:The .grad attribute:UserWarning"
)  # torch looks at the inputs of the traced loop
@pytest.mark.parametrize(("gradient", "gradient_loops", "graphs"), GRADIENTS)
@pytest.mark.parametrize(
    "architecture",
    ["internal/post", "external/post", "none/post", "internal/peri/gru", "internal/pre"],
)
def test_graphs_of_a_training_loop(architecture, gradient, gradient_loops, graphs):
    config, task, model, batch = made(
        architecture, encoder_gradient=gradient, gradient_loops=gradient_loops
    )
    torch.compiler.reset()
    counter = CompileCounterWithBackend("eager")
    advance = torch.compile(model.advance, backend=counter, dynamic=False)
    objective = config.objective(6)
    draws = {objective.draw(torch.Generator().manual_seed(seed)) for seed in range(30)}
    assert {n == 0 for n, _ in draws} == {True, False}
    for n, k in sorted(draws):
        objective(model, task, batch, n, k, advance=advance, arithmetic=BF16).backward()
    folds = (
        2 if architecture.startswith("internal") and gradient_loops == 0 else 1
    )  # few loops do not pay for folding
    assert counter.frame_count == graphs * folds


def test_one_compiled_block_serves_the_baseline_of_many(monkeypatch):
    _, _, model, batch = made("fixed/post")
    counter, compile_ = CompileCounterWithBackend("eager"), torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda f, dynamic=None: compile_(f, backend=counter, dynamic=False)
    )
    advance = compiled_advance(model)
    assert torch._dynamo.config.recompile_limit >= GRAPHS
    counter.frame_count = 0  # the trial product
    with torch.no_grad():
        e = model.encode(batch.x)
        context = model.prepare(e)
        assert torch.allclose(advance(e, context), model.advance(e, context), atol=1e-6)
    assert counter.frame_count == 1


def test_the_choice_of_arithmetic(monkeypatch):
    monkeypatch.setattr("loopstab.models.network.arithmetic.has_bf16", lambda device: True)
    assert training_arithmetic("auto", 128, "cpu") == BF16
    assert (
        training_arithmetic("auto", 64, "cpu")
        == EXACT
        == training_arithmetic("float32", 512, "cpu")
    )
    assert training_arithmetic("bf16", 16, "cpu") == BF16
    monkeypatch.setattr("loopstab.models.network.arithmetic.has_bf16", lambda device: False)
    assert training_arithmetic("auto", 512, "cpu") == EXACT
    with pytest.raises(UsageError, match="no bf16 products: use --precision float32"):
        training_arithmetic("bf16", 256, "cpu")
    assert isinstance(has_bf16("cpu"), bool)


def test_prefix_sums_in_bf16():
    config, task = RunSpec(width=16, heads=2, bits=8, decay="published").build()
    batch = task.batch(4, "8", torch.Generator().manual_seed(0))
    exact, rounded = (
        config.objective(4)(LoopedTransformer(config.model), task, batch, 2, 2, arithmetic=a)
        for a in (EXACT, BF16)
    )
    assert 0 < abs(exact - rounded) < 0.02 * exact


@torch.no_grad()
@pytest.mark.parametrize("architecture", ["internal/post", "none/peri/gru"])
def test_the_fused_kernel_computes_the_same(architecture):
    _, _, model, batch = made(architecture)
    e = model.encode(batch.x)
    plain, fused = (
        model.advance(model.initial(e), model.prepare(e, arithmetic=Arithmetic(fused=f)))
        for f in (False, True)
    )
    assert torch.allclose(plain, fused, atol=1e-5)
