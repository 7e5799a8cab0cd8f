"""The loop inside a model is found by watching the model run."""

import numpy as np
import pytest
import torch
from torch import nn

from loopstab import LoopError, TorchLoop, diagnose, recurrence, spectral_radius

X = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 4)))


class Model(nn.Module):
    """A prelude, a core that is called again and again in one of several ways, and a coda."""

    def __init__(self, way, loops=5):
        super().__init__()
        self.way, self.loops = way, loops
        self.prelude, self.coda = nn.Linear(4, 4), nn.Linear(4, 2)
        self.core = {"gru": nn.GRUCell, "lstm": nn.LSTMCell, "cat": nn.Linear}.get(way, Core)(
            *((8, 4) if way == "cat" else (4, 4))
        )
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x, loops=None):
        e, h = self.norm(self.prelude(x)), torch.zeros_like(x)
        c = torch.zeros_like(x)
        for t in range(self.loops):
            if self.way == "gru":
                h = self.core(e, h)
            elif self.way == "lstm":
                h, c = self.core(e, (h, c))
            elif self.way == "keyword":
                h = self.core(e=e, h=h, mask=None)
            elif self.way == "twice":
                h = self.core(h, h)
            elif self.way == "pair":
                h, _ = self.core(h, e, pair=True)
            elif self.way == "outside":
                h = self.core(h + e)
            elif self.way == "residual":
                h = h + self.core(h, e)
            elif self.way == "residual outside":
                h = h + self.core(h) + 0.1 * e
            elif self.way == "time":
                h = self.core(h, e, t=2 * t + 1)
            elif self.way == "schedule":
                h = self.core(h, e * t)
            elif self.way == "squashed":
                h = torch.tanh(self.core(h, e)) ** 2
            elif self.way == "cat":
                h = torch.tanh(self.core(torch.cat((h, e), -1)))
        return self.coda(h)


class Core(nn.Module):
    def __init__(self, *_):
        super().__init__()
        self.weight = nn.Linear(4, 4)
        self.drop = nn.Dropout(0.0)

    def forward(self, h, e=None, mask=None, pair=False, t=0):
        out = self.drop(torch.tanh(0.5 * self.weight(h) + (0 if e is None else e))) / (1 + t)
        return (out, out.sum()) if pair else 0.3 * out


def steps(way, model, e):
    core = model.core
    return {
        "gru": lambda h: core(e, h),
        "lstm": lambda s: core(e, s),
        "keyword": lambda h: core(h, e),
        "twice": lambda h: core(h, h),
        "pair": lambda h: core(h, e, pair=True)[0],
        "outside": lambda h: core(h + e),
        "residual": lambda h: h + core(h, e),
        "residual outside": lambda h: h + core(h) + 0.1 * e,
    }[way]


WAYS = ["gru", "lstm", "keyword", "twice", "pair", "outside", "residual", "residual outside"]


def made(way, loops=5):
    torch.manual_seed(0)
    return Model(way, loops).double()


@pytest.mark.parametrize("way", WAYS)
def test_the_loop_is_the_one_that_the_model_runs(way):
    model = made(way)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    loop, e = recurrence(model, "core", X)
    with torch.no_grad():
        injected = model.norm(model.prelude(X))
        model.load_state_dict(before)  # the batch norm is in training mode
    step = steps(way, model, injected)
    first = torch.zeros_like(X)
    twin = TorchLoop(lambda s: step(s), (first, first) if way == "lstm" else first)
    h, wanted = loop.initial(e), twin.initial(None)
    for _ in range(6):
        np.testing.assert_allclose(h.ravel(), wanted.ravel(), atol=1e-12)
        h, wanted = loop.step(h, e), twin.step(wanted, None)
    wanted = spectral_radius(twin, wanted, None).value
    assert spectral_radius(loop, h, e).value == pytest.approx(wanted, rel=1e-9)
    assert all(torch.equal(model.state_dict()[key], before[key]) for key in before)
    assert not model.core._forward_hooks
    assert not model.core._forward_pre_hooks


def test_the_input_is_what_stays_the_same():
    model = made("gru")
    loop, e = recurrence(model, "core", X)
    assert torch.allclose(e, model.norm(model.prelude(X)))
    assert diagnose(loop, e).rho is not None
    assert recurrence(made("twice"), "core", X)[1] is None
    assert recurrence(made("gru"), "core", {"x": X, "loops": 3})[1].shape == X.shape
    assert recurrence(made("gru"), "core", (X, 3), state=1)[1].shape == X.shape


def test_a_count_of_the_calls_is_the_time_of_the_step():
    model = made("time")
    loop, e = recurrence(model, "core", X)
    assert loop.timed
    h = np.zeros((2, 4))
    with torch.no_grad():
        wanted = model.core(torch.zeros_like(X), e, t=7).numpy()
    np.testing.assert_allclose(loop.at(3).step(h, e), wanted, rtol=1e-12)


REFUSED = {
    "no such name": ("gru", "cores", 5, r"no submodule or method 'cores'; it has core"),
    "once": ("gru", "core", 1, "called once only"),
    "prelude": ("gru", "prelude", 5, "called once only"),
    "schedule": ("schedule", "core", 5, r"argument 1 of 'core' changes from call to call"),
    "squashed": ("squashed", "core", 5, "changes the state between the calls of 'core'"),
    "two calls": ("outside", "core", 2, "three iterations or more"),
    "concatenated": ("cat", "core", 5, "no argument of 'core' has the structure"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_loop_is_refused(name):
    way, loop, loops, words = REFUSED[name]
    with pytest.raises(LoopError, match=words):
        recurrence(made(way, loops), loop, X)


def test_half_precision_and_inference_mode():
    model = made("keyword").bfloat16()
    with torch.inference_mode():
        loop, e = recurrence(model, "core", X.bfloat16())
    assert e.dtype is torch.bfloat16
    assert loop.step(loop.initial(e), e).dtype == np.float32
    assert loop.precision_name(loop.initial(e), e) == "bfloat16"


def test_other_refusals():
    model = made("gru")
    with pytest.raises(LoopError, match="no argument 'z'; it is called with 0, 1"):
        recurrence(model, "core", X, state="z")
    with pytest.raises(LoopError, match="the model raised TypeError"):
        recurrence(model, "core", (X, 1, 2))
    random = made("keyword")
    random.core.drop.p = 0.5
    with pytest.raises(LoopError, match=r"random or keeps a memory.*eval"):
        recurrence(random, "core", X)
    assert not random.core._forward_hooks
    assert recurrence(random.eval(), "core", X)[0].step(np.zeros((2, 4)), X).shape == (2, 4)
    container = nn.Module()
    container.parts = nn.ModuleList([nn.Linear(4, 4).double()])
    container.forward = lambda x: container.parts[0](x)
    with pytest.raises(LoopError, match="is called never"):
        recurrence(container, "parts", X)


class Adapted(torch.nn.Module):
    """A state that is joined with the input before it passes through a list of blocks."""

    def __init__(self):
        super().__init__()
        self.adapter = torch.nn.Linear(8, 4)
        self.blocks = torch.nn.ModuleList(torch.nn.Linear(4, 4) for _ in range(2))

    def one_loop(self, h, e):
        h = self.adapter(torch.cat((h, e), -1))
        for block in self.blocks:
            h = torch.tanh(block(h))
        return h

    def forward(self, e):
        h = torch.zeros_like(e)
        for _ in range(3):
            h = self.one_loop(h, e)
        return h


def test_a_method_that_does_one_iteration_is_a_loop():
    torch.manual_seed(0)
    model, e = Adapted().double().eval(), torch.ones(2, 4).double()
    before = dict(vars(model))
    loop, inputs = recurrence(model, "one_loop", e)
    assert dict(vars(model)) == before
    h = loop.initial(inputs)
    for _ in range(3):
        h = loop.step(h, inputs)
    np.testing.assert_allclose(h, model(e).detach().numpy(), rtol=1e-14)
    with pytest.raises(LoopError, match="'blocks' is called never"):
        recurrence(model, "blocks", e)
    with pytest.raises(LoopError, match="no submodule or method 'core'"):
        recurrence(model, "core", e)
