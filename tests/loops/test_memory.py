"""Steps that keep a memory or draw random numbers are refused by name; nothing stays changed."""

import copy
import random
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm

from loopstab import FunctionLoop, Linearisation, LoopError, TorchLoop, check_loop, spectral_radius
from loopstab.numerics.loops.protocol import protected

E = np.random.default_rng(0).standard_normal((6, 4))


def batch_norm():
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).double()
    return net, lambda h, e: torch.tanh(0.3 * net(h) + e)


def old_spectral_norm():
    net = nn.Sequential(spectral_norm(nn.Linear(4, 4))).double()
    return net, lambda h, e: torch.tanh(net(h) + e)


def new_spectral_norm():
    net = nn.Sequential(parametrizations.spectral_norm(nn.Linear(4, 4).double()))
    return net, lambda h, e: torch.tanh(net(h) + e)


def dropout():
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)).double()
    return net, lambda h, e: torch.tanh(net(h) + e)


class Average(nn.Module):
    """A running mean of the states, kept in one of several ways."""

    def __init__(self, kind):
        super().__init__()
        self.kind, mean = kind, torch.zeros(4, dtype=torch.float64)
        if kind in ("buffer", "data", "exchanged"):
            self.register_buffer("mean", mean)
        else:
            self.mean = mean
        self.calls = 0

    def forward(self, h, e):
        self.calls += 1
        new = 0.9 * self.mean + 0.1 * h.detach().mean(0)
        if self.kind == "data":
            self.mean.data.copy_(new)
        elif self.kind == "exchanged":
            self.mean = new
        else:
            self.mean.copy_(new)
        return torch.tanh(0.5 * h + self.mean + e)


class ListCache(nn.Module):
    def __init__(self):
        super().__init__()
        self.keys = []

    def forward(self, h, e):
        self.keys.append(h)
        return torch.tanh(0.5 * torch.stack(self.keys).mean(0) + e)


class Counter(nn.Module):
    """It changes its output with the number of calls, or only counts them."""

    def __init__(self, used):
        super().__init__()
        self.used, self.calls = used, 0

    def forward(self, h, e):
        self.calls += 1
        return torch.tanh(0.5 * h + e) + (0.01 * self.calls if self.used else 0)


def closed_over_tensor():
    cache = torch.zeros(6, 4, dtype=torch.float64)

    def step(h, e):
        cache.mul_(0.5).add_(h)
        return torch.tanh(0.5 * cache + e)

    return None, step


def array_memory():
    cache = np.zeros((6, 4))

    def step(h, e):
        cache[:] = 0.5 * cache + h.detach().numpy()
        return torch.tanh(0.5 * h + torch.from_numpy(cache.copy()) + e)

    return None, step


def module_step(module):
    module = module.double()
    if isinstance(module, nn.BatchNorm1d | torch.jit.ScriptModule):
        return module, lambda h, e: module(h) + e
    return module, module


def counting():
    calls = 0

    def step(h, e):
        nonlocal calls
        calls += 1
        return 0.5 * h + e / calls

    return None, step


def toggled():
    odd = False

    def step(h, e):
        nonlocal odd
        odd = not odd
        return 0.5 * h + e * odd

    return None, step


def trained():
    net = nn.Linear(4, 4).double()

    def step(h, e):
        with torch.no_grad():
            net.weight.add_(0.1)
            net.bias.add_(0.1)
        return torch.tanh(net(h) + e)

    return net, step


REFUSED = {
    "batch norm": (batch_norm, r"1\.running_mean, 1\.running_var, .* \(BatchNorm1d\).*\.eval\(\)"),
    "old spectral norm": (old_spectral_norm, r"0\.weight_u, 0\.weight_v .*call \.eval\(\)"),
    "spectral norm": (new_spectral_norm, r"_u, .*_v \(_SpectralNorm\).*call \.eval\(\)"),
    "dropout": (dropout, r"randomness of 1 \(Dropout\) \(module\.eval\(\)\)"),
    "buffer": (lambda: module_step(Average("buffer")), r"mean \(Average\).*part of the state"),
    "buffer by data": (lambda: module_step(Average("data")), r"mean \(Average\)"),
    "buffer exchanged": (lambda: module_step(Average("exchanged")), r"mean \(Average\)"),
    "tensor": (lambda: module_step(Average("tensor")), r"mean .*part of the state"),
    "list": (lambda: module_step(ListCache()), "keeps a memory .* changes keys; reset"),
    "used counter": (lambda: module_step(Counter(True)), "keeps a memory .* changes calls; reset"),
    "variable": (counting, "keeps a memory .* changes calls; reset"),
    "toggle": (toggled, "keeps a memory .* changes odd; reset"),
    "script": (lambda: module_step(torch.jit.script(nn.BatchNorm1d(4))), r"_var.*\.eval\(\)"),
    "training": (trained, r"changes .*weight, bias \(Linear\): .*part of the state"),
    "closure": (closed_over_tensor, r"changes cache: .*part of the state"),
    "array": (array_memory, r"changes cache: .*part of the state"),
}


def state_of(model):
    if model is None:
        return {}
    found = {key: value.clone() for key, value in model.state_dict().items()}
    plain = {k: copy.deepcopy(v) for k, v in vars(model).items() if k in ("calls", "keys", "mean")}
    return found | plain


def equal_states(a, b):
    return a.keys() == b.keys() and all(
        torch.equal(a[k], b[k]) if isinstance(a[k], torch.Tensor) else a[k] == b[k] for k in a
    )


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("measure", [check_loop, lambda loop, e: Linearisation(loop, e, e)])
def test_steps_with_memory_are_refused_by_name_and_restored(name, measure):
    make, words = REFUSED[name]
    model, step = make()
    before, draws = state_of(model), torch.get_rng_state()
    with pytest.raises(LoopError, match=words):
        measure(TorchLoop(step, torch.zeros_like), E)
    assert equal_states(state_of(model), before)
    assert torch.equal(torch.get_rng_state(), draws)


@pytest.mark.parametrize("make", [batch_norm, old_spectral_norm, new_spectral_norm, dropout])
def test_the_same_models_in_evaluation_are_measured(make):
    model, step = make()
    model.eval()
    before = state_of(model)
    loop = TorchLoop(step, torch.zeros_like)
    check_loop(loop, E)
    assert np.isfinite(spectral_radius(loop, np.zeros_like(E), E).value)
    assert equal_states(state_of(model), before)


def test_a_counter_that_is_not_used_is_no_memory_and_is_set_back():
    model, step = module_step(Counter(False))
    loop = TorchLoop(step, torch.zeros_like)
    check_loop(loop, E)
    loop.step(np.zeros_like(E), E)
    assert model.calls == 0


def test_a_memory_that_appears_late_is_found_at_the_end():
    memory = torch.zeros(4, dtype=torch.float64)

    def step(h, e):
        if float(h.detach().abs().max()) > 1:
            memory.data.add_(1)
        return 0.5 * h + e

    loop = TorchLoop(step, torch.zeros_like)

    def orbit():
        with protected(loop):
            for size in (0.0, 0.5, 2.0):
                loop.step(np.full((6, 4), size), E)

    with pytest.raises(LoopError, match="changes memory"):
        orbit()
    assert not memory.any()


class Interrupted(Exception):
    pass


def test_everything_is_put_back_after_an_error_in_the_middle():
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.1)).double()
    net[1].eval()
    for p in net.parameters():
        p.grad = torch.ones_like(p)
    generator, own = np.random.default_rng(3), torch.Generator().manual_seed(1)
    names = {"calls": 0}

    def step(h, e):
        net.train()
        net[0].weight.requires_grad_(False)
        net[0].weight.data.mul_(2)
        net[0].bias.grad.zero_()
        net[0].register_forward_hook(lambda *_: None)
        net.extra = 1
        names["calls"] += 1
        torch.rand(1), np.random.rand(), random.random()  # noqa: NPY002
        generator.standard_normal(), torch.rand(1, generator=own)
        torch.set_grad_enabled(True), torch.set_default_dtype(torch.float64)
        torch.use_deterministic_algorithms(True)
        raise Interrupted("halfway")

    before = copy.deepcopy(net.state_dict())
    states = torch.get_rng_state(), own.get_state(), random.getstate()
    arrays = np.random.get_state()[1].copy(), copy.deepcopy(generator.bit_generator.state)  # noqa: NPY002
    identity = [id(p) for p in net.parameters()]
    loop = TorchLoop(step, torch.zeros_like)
    with pytest.raises(LoopError, match=r"Interrupted: halfway \(.*test_memory.py, line"):
        loop.step(E, E)
    assert (net.training, net[0].training, net[1].training) == (True, True, False)
    assert equal_states(net.state_dict(), before)
    assert identity == [id(p) for p in net.parameters()]
    assert all(
        p.requires_grad and torch.equal(p.grad, torch.ones_like(p)) for p in net.parameters()
    )
    assert not net[0]._forward_hooks
    assert not hasattr(net, "extra")
    assert names == {"calls": 0}
    assert torch.equal(torch.get_rng_state(), states[0])
    assert torch.equal(own.get_state(), states[1])
    assert random.getstate() == states[2]
    assert np.array_equal(np.random.get_state()[1], arrays[0])  # noqa: NPY002
    assert generator.bit_generator.state == arrays[1]
    assert torch.get_default_dtype() is torch.float32
    assert not torch.are_deterministic_algorithms_enabled()


def test_changes_between_measurements_stay():
    """Also those that keep the version of a tensor, such as the weights of a target network."""
    net = nn.Linear(4, 4).double()
    loop = TorchLoop(lambda h, e: torch.tanh(net(h) + e), torch.zeros_like)
    first = loop.step(E, E)
    net.weight.data.mul_(2)
    wanted = torch.tanh(torch.from_numpy(E) @ net.weight.T + net.bias + torch.from_numpy(E))
    np.testing.assert_allclose(loop.step(E, E), wanted.detach().numpy(), rtol=1e-12)
    assert not np.array_equal(loop.step(E, E), first)


def test_a_module_that_is_moved_inside_the_step_is_moved_back():
    net = nn.Linear(4, 4)
    loop = TorchLoop(lambda h, e: torch.tanh(net.double()(h) + e), torch.zeros_like)
    check_loop(loop, E)
    assert net.weight.dtype is torch.float32


def test_the_places_where_a_model_is_found():
    class Holder:
        def __init__(self):
            self.parts = {"net": [nn.BatchNorm1d(4).double()]}

        def step(self, h, e):
            return torch.tanh(self.parts["net"][0](h) + e)

    holder = Holder()
    inner = nn.BatchNorm1d(4).double()

    def helper(h):
        return inner(h)

    steps = [
        holder.step,
        lambda h, e, net=GLOBAL: net(h) + e,
        lambda h, e: next(helper(x) for x in (h,)) + e,
        lambda h, e: GLOBAL(h) + e,
        torch.no_grad()(lambda h, e: GLOBAL(h) + e),
    ]
    for step in steps:
        with pytest.raises(LoopError, match="running_mean"):
            TorchLoop(step, torch.zeros_like).step(E, E)
    hidden = nn.BatchNorm1d(4).double()
    HIDDEN.append(hidden)
    with pytest.raises(LoopError, match="running_mean"):
        TorchLoop(hidden_away, torch.zeros_like, modules=hidden).step(E, E)


HIDDEN = []


def hidden_away(h, e):
    (net,) = vars(sys.modules[__name__])["HIDDEN"]
    return net(h) + e


GLOBAL = nn.BatchNorm1d(4).double()


@pytest.mark.parametrize("module", [nn.RReLU(), nn.MultiheadAttention(4, 2, dropout=0.3).double()])
def test_randomness_that_is_hidden_at_the_first_state_is_found(module):
    def step(h, e):
        return e + (module(h) if isinstance(module, nn.RReLU) else module(h, h, h)[0]) / 2

    with pytest.raises(LoopError, match=rf"the randomness of module \({type(module).__name__}\)"):
        check_loop(TorchLoop(step, torch.zeros_like), E)


def test_randomness_without_a_module_is_told_from_memory():
    loop = TorchLoop(lambda h, e: h + torch.rand(4, dtype=torch.float64), torch.zeros_like)
    assert loop.seeded(E, E)
    with pytest.raises(LoopError, match="dropout and other randomness"):
        check_loop(loop, E)
    model, step = module_step(Counter(True))
    assert not TorchLoop(step, torch.zeros_like).seeded(E, E)
    assert model.calls == 0


def test_a_change_of_the_input_in_place_is_named():
    loop = TorchLoop(lambda h, e: 0.5 * h + e.add_(1), torch.zeros_like)
    tensor = torch.from_numpy(E.copy())
    for e in (E, tensor):
        with pytest.raises(LoopError, match="changes its input e in place"):
            loop.step(E, e)
    assert torch.equal(tensor, torch.from_numpy(E))


def test_lazy_modules_are_called_first():
    net = nn.LazyLinear(4)
    with pytest.raises(LoopError, match="weight is lazy"):
        TorchLoop(lambda h, e: net(h), torch.zeros_like).step(E, E)


def test_numpy_loops_have_nothing_to_protect():
    with protected(FunctionLoop(lambda h, e: h, np.copy)):
        pass
