"""Training: exact resume after kill -9 and signals, fair gradients, streamed evaluation."""

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys

import pytest
import torch
from published_loss import progressive_loss

from loopstab.models.measure.evaluate import accuracy_curve
from loopstab.models.measure.orbit import Orbit
from loopstab.models.network.checkpoint import Checkpoint, load_model
from loopstab.models.network.choices import EncoderGradient
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.prefix_sums import PrefixSums
from loopstab.models.training.run_spec import RunSpec
from loopstab.models.training.saved_state import STATE
from loopstab.models.training.schedule import LengthCurriculum
from loopstab.models.training.train import MODEL, Trainer
from loopstab.models.training.train_config import TrainConfig
from loopstab.models.zoo import zoo
from loopstab.support.errors import LoopstabError, UsageError
from loopstab.support.interruption import Terminated
from loopstab.theory.architecture import Architecture

TASK = PrefixSums()


@torch.no_grad()
def plain_curve(model, batch, loops):
    return [TASK.correct(model(batch.x, t), batch.target).double().mean().item() for t in loops]


def config(**options):
    base = {
        "model": ModelConfig(width=16, heads=2),
        "schedule": LengthCurriculum(bits=4, max_steps=20, polish=5),
        "batch": 8,
        "eval_size": 16,
        "eval_loops": 12,
    }
    return TrainConfig(**{**base, **options})


def trainer(out, **options):
    return Trainer(config(**options), PrefixSums(4, (1,)), out)


# One process forks a run for every number given: the run kills itself at that call of a step, an
# fsync or a rename, and 0 lets it end.
KILLED = """
import json, os, signal, sys
import torch
torch.set_num_threads(1)
from loopstab.models.training import train
from loopstab.models.training.run_spec import RunSpec
from loopstab.models.training.saved_state import STATE
task, out = sys.argv[1:3]
options = json.loads(sys.argv[3])
small = dict(width=16, heads=2, bits=5, steps=6, polish=4, batch=8, loops=3, eval_size=4)
spec = RunSpec(task, **small, **options)
config, made = spec.build()
def deadly(function):
    def call(*args, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **options)
    return call
for name in ("replace", "fsync"):
    setattr(os, name, deadly(getattr(os, name)))
train.Trainer.train_step = deadly(train.Trainer.train_step)
for left in map(int, sys.argv[4:]):
    child = os.fork()
    if not child:
        train.Trainer(config, made, out).run(progress=False, save_every=0.0)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(status, *(os.path.exists(os.path.join(out, file)) for file in (STATE, train.MODEL)))
"""


def forked(task, options, out, *calls):
    command = [sys.executable, "-c", KILLED, task, out, json.dumps(options), *map(str, calls)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines()]


RECIPE = {
    "positions": "one-hot",
    "augment": "symmetry",
    "optimizer": "muon",
    "supervision": "each",
    "gradient_loops": 2,
    "lr": 0.003,
}


@pytest.mark.parametrize(
    ("task", "options"), [("prefix-sums", {}), ("kqk", {}), ("sudoku-4x4", RECIPE)]
)
def test_resume_after_kill_gives_the_same_bits(task, options, tmp_path):
    assert forked(task, options, tmp_path / "whole", 0) == [["0", "True", "True"]]
    moments = [1, 3, *random.Random(0).sample(range(2, 14), 3)]
    *killed, last = forked(task, options, tmp_path / "cut", *moments, 0)
    assert [k[0] for k in killed] == [str(int(signal.SIGKILL))] * len(moments)
    assert {k[1] for k in killed} == {"True", "False"}
    assert {k[2] for k in killed} == {"False"}
    assert last == ["0", "True", "True"]
    a, b = (Checkpoint.load(tmp_path / name / MODEL) for name in ("whole", "cut"))
    assert all(torch.equal(a.tensors[k], b.tensors[k]) for k in a.tensors)
    assert a.meta["run"]["accuracy"] == b.meta["run"]["accuracy"]
    assert [e["loss"] for e in a.meta["history"]] == [e["loss"] for e in b.meta["history"]]


@pytest.fixture
def _interruptible():
    """A shell that starts the tests in the background lets them ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGTERM, Terminated), (signal.SIGINT, KeyboardInterrupt)]
)
def test_a_signal_saves_the_step_at_hand_and_the_rest_gives_the_same_bits(
    tmp_path, monkeypatch, number, raised
):
    small = {"width": 16, "heads": 2, "bits": 5, "steps": 6, "polish": 4, "batch": 8}
    config, task = RunSpec(**small, eval_size=4).build()
    Trainer(config, task, tmp_path / "whole").run(progress=False)
    step = Trainer.train_step

    def signalled(trainer):
        step(trainer)
        if trainer.step == 3:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Trainer, "train_step", signalled)
    with pytest.raises(raised):
        Trainer(config, task, tmp_path / "cut").run(progress=False, save_every=1e9)
    assert Checkpoint.load(tmp_path / "cut" / STATE).meta["step"] == 3
    monkeypatch.undo()
    Trainer(config, task, tmp_path / "cut").run(progress=False)
    whole, cut = (Checkpoint.load(tmp_path / name / MODEL).tensors for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_budget_ends_resumably_and_finished_runs_are_not_repeated(tmp_path):
    assert trainer(tmp_path).run(minutes=1e-9, progress=False) is None
    result = trainer(tmp_path).run(progress=False)
    before = (tmp_path / MODEL).stat().st_mtime_ns
    assert trainer(tmp_path).run(progress=False) == result
    assert (tmp_path / MODEL).stat().st_mtime_ns == before


def test_other_settings_in_the_same_folder(tmp_path):
    trainer(tmp_path).run(minutes=1e-9, progress=False)
    with pytest.raises(UsageError, match=r"\(lr 0.001 there, 0.002 asked\).*--out"):
        trainer(tmp_path, lr=2e-3)


def test_another_architecture_or_other_data_in_the_same_folder(tmp_path):
    trainer(tmp_path).run(minutes=1e-9, progress=False)
    other = ModelConfig(Architecture.parse("external/peri"), width=16, heads=2)
    with pytest.raises(
        UsageError, match=r"\(architecture internal/post/add there, external/peri/add asked\)"
    ):
        trainer(tmp_path, model=other)
    with pytest.raises(UsageError, match=r"\(data prefix-sums-4 there, prefix-sums-5 asked\)"):
        Trainer(config(), PrefixSums(5, (1,)), tmp_path)
    state = Checkpoint.load(tmp_path / STATE)
    Checkpoint({k: t for k, t in state.tensors.items() if "encoder" not in k}, state.meta).save(
        tmp_path / STATE
    )
    with pytest.raises(LoopstabError, match="does not fit its settings"):
        trainer(tmp_path)


def test_tensorboard_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError, match="pip install tensorboard"):
        Trainer(config(), PrefixSums(4, (1,)), tmp_path, tensorboard=True)


def test_tensorboard_gets_every_value(tmp_path, monkeypatch):
    class Module:
        class SummaryWriter(list):
            def __init__(self, folder):
                self.folder = folder

            def add_scalar(self, name, value, step):
                self.append((name, value, step))

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", Module)
    made = Trainer(config(), PrefixSums(4, (1,)), tmp_path, tensorboard=True)
    made.run(progress=False)
    assert made._writer.folder == tmp_path / "tensorboard"
    assert made._writer == [
        (k, v, e["step"]) for e in made.history for k, v in e.items() if isinstance(v, float)
    ]


@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
def test_every_architecture_overfits_one_batch(architecture):
    """Random targets of random inputs: after 60 steps less than a fifth of the loss is left."""
    model = LoopedTransformer(
        ModelConfig(architecture, channels=4, classes=3, width=16, heads=2), seed=1
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-2)
    generator = torch.Generator().manual_seed(0)
    x, target = (
        torch.randn(2, 5, 4, generator=generator),
        torch.randint(3, (2, 5), generator=generator),
    )
    losses = []
    for _ in range(60):
        loss = TASK.loss(model(x, 2), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
def test_gradient_equals_finite_differences(architecture):
    """Of the progressive loss through every loop, in float64, along random directions of all
    weights and of single ones.
    """
    model = LoopedTransformer(ModelConfig(architecture, width=16, heads=2), seed=1).double()
    batch = TASK.batch(2, "6", torch.Generator().manual_seed(0))
    batch = dataclasses.replace(batch, x=batch.x.double())
    weights = list(model.parameters())

    def loss():
        return progressive_loss(
            model, TASK, batch, 4, torch.Generator().manual_seed(5), EncoderGradient.FULL
        )

    gradients = torch.autograd.grad(loss(), weights)
    generator = torch.Generator().manual_seed(2)
    one = int(torch.randint(len(weights), (), generator=generator))
    for chosen in (range(len(weights)), [one], [0]):  # all, a random one, the encoder
        moves = {
            i: torch.randn(weights[i].shape, generator=generator, dtype=torch.float64)
            for i in chosen
        }
        values = []
        for sign in (1, -2):
            with torch.no_grad():
                for i, move in moves.items():
                    weights[i] += sign * 1e-6 * move
                values.append(loss().item())
        with torch.no_grad():
            for i, move in moves.items():
                weights[i] += 1e-6 * move
        slope = sum(float((gradients[i] * move).sum()) for i, move in moves.items())
        assert (values[0] - values[1]) / 2e-6 == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_diverging_samples_do_not_leave_the_batch():
    """The float32 norm of the state overflows long before the state does; samples that still move
    must stay.
    """
    model = LoopedTransformer(
        ModelConfig(Architecture.parse("external/pre"), width=16, heads=2), seed=2
    ).eval()
    with torch.no_grad():
        model.w_x.weight.copy_(1.5 * torch.linalg.qr(model.w_x.weight)[0])
    batch = TASK.batch(64, "3", torch.Generator().manual_seed(0))
    assert accuracy_curve(model, TASK, batch, [90, 107, 112]) == plain_curve(
        model, batch, (90, 107, 112)
    )


@pytest.mark.parametrize("mode", list(EncoderGradient))
def test_encoder_gradient_without_recall(mode):
    """Published: no gradient whenever loops run without it (n > 0); the two fair forms always give
    one.
    """
    model = LoopedTransformer(ModelConfig(Architecture.parse("none/post"), width=16, heads=2))
    batch = TASK.batch(4, "6", torch.Generator().manual_seed(0))
    seen = set()
    for seed in range(12):
        model.zero_grad(set_to_none=True)
        n = int(torch.randint(0, 6, (), generator=torch.Generator().manual_seed(seed)))
        progressive_loss(
            model, TASK, batch, 6, torch.Generator().manual_seed(seed), mode
        ).backward()
        grad = model.encoder.weight.grad
        flows = grad is not None and bool(grad.abs().max() > 0)
        assert flows == (n == 0 or mode is not EncoderGradient.PUBLISHED)
        seen.add(n == 0)
    assert seen == {True, False}


@pytest.mark.parametrize("collapsed", [True, False])
def test_accuracy_curve_equals_the_plain_loop(collapsed):
    model = LoopedTransformer(
        ModelConfig(Architecture.parse("none/post"), width=16, heads=2)
    ).eval()
    if collapsed:  # the update vanishes, so states stop to the bit and samples leave the batch
        with torch.no_grad():
            for layer in (model.blocks[0].attention.update.o, model.blocks[0].mlp.update.down):
                layer.weight.zero_()
                layer.bias.zero_()
    batch = TASK.batch(20, "3", torch.Generator().manual_seed(0))
    loops = [1, 2, 5, 9]
    assert accuracy_curve(model, TASK, batch, loops, chunk=7) == plain_curve(model, batch, loops)
    with pytest.raises(UsageError):
        accuracy_curve(model, TASK, batch, [3, 2])


@torch.no_grad()
@pytest.mark.parametrize("name", zoo.SHOWN)
def test_samples_that_settle_leave_and_nothing_else_changes(name):
    model = load_model(zoo.load(name))[0]
    batch = TASK.batch(24, "24", torch.Generator().manual_seed(0))
    orbit, h, context = (
        Orbit(model, batch.x, ulps=8),
        model.encode(batch.x),
        model.prepare(model.encode(batch.x)),
    )
    left, loops, plain = [], [10, 60, 100, 150, 200], []
    for t in range(1, 201):
        orbit.advance()
        h = model.advance(h, context)
        left.append(len(orbit.running))
        assert float(((orbit.h - h).flatten(1).norm(dim=1) / h.flatten(1).norm(dim=1)).max()) < 5e-5
        if t in loops:
            plain.append(float(TASK.correct(model.head(h), batch.target).double().mean()))
    assert accuracy_curve(model, TASK, batch, loops) == plain
    assert left[0] == 24
    if name.endswith("post"):  # fixed points: everyone leaves, not all at once
        assert left[-1] <= 1  # a slow sample may need more loops
        assert len(set(left)) > 2
    else:  # drift: nobody does
        assert left[-1] == 24


def test_models_import_on_a_bare_node():
    """torch, numpy, tqdm and safetensors are enough to train and to evaluate."""
    code = """
import sys
BLOCKED = set("sympy z3 scipy matplotlib flint joblib tyro rich hypothesis".split())
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Block())
import loopstab.models.training.train, loopstab.models.measure.evaluate
import loopstab.models.network.checkpoint, loopstab.models.zoo.zoo
"""
    blocked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if (
        "torch" in blocked.stderr
        and "sympy is blocked" in blocked.stderr
        and "_dynamo" in blocked.stderr
    ):
        pytest.skip("this torch imports sympy itself")
    assert blocked.returncode == 0, blocked.stderr
