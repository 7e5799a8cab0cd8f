"""States and inputs as people have them in torch; products against Jacobians by torch."""

import collections
import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from loopstab import Linearisation, LoopError, TorchLoop, check_loop, diagnose, spectral_radius
from loopstab.numerics.loops.protocol import start
from loopstab.numerics.loops.structure import flattened


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@dataclasses.dataclass
class Carry:
    z_H: torch.Tensor
    z_L: torch.Tensor


Pair = collections.namedtuple("Pair", ["x", "u"])


def lstm():
    cell = nn.LSTMCell(4, 4).double()
    zeros = torch.zeros(1, 4).double()
    return lambda s, e: cell(e[None], s), (zeros, zeros), drawn(4)


def gru():
    cell = nn.GRUCell(4, 4).double()
    return lambda h, e: cell(e, h), lambda e: torch.zeros_like(e), drawn(2, 4)


def hrm():
    low, high = nn.Linear(4, 4).double(), nn.Linear(4, 4).double()

    def step(carry, e):
        z_low = torch.tanh(low(carry.z_L + carry.z_H) + e)
        return Carry(torch.tanh(high(carry.z_H + z_low)), z_low)

    return step, lambda e: Carry(0 * e, 0 * e), drawn(3, 4)


def admm():
    return (
        lambda s, e: Pair(0.5 * s.x - 0.2 * s.u + e, s.u + 0.3 * (s.x - torch.tanh(s.u))),
        lambda e: Pair(e, 0 * e),
        drawn(4),
    )


def complex_state():
    w = torch.tensor([[0.4 + 0.5j, 0.1], [-0.2j, 0.3 - 0.6j]])
    w = w.to(torch.complex128)
    return (
        lambda h, e: torch.tanh((w @ h.to(torch.complex128)).conj()) + e,
        lambda e: 0j * e,
        drawn(2),
    )


def nested():
    return (
        lambda s, e: {"a": [0.5 * s["a"][0] + e["x"], s["b"].real], "b": 0.3j * s["b"] + s["a"][1]},
        lambda e: {"a": [e["x"], e["x"]], "b": e["x"] + 0j},
        {"x": drawn(3), "mask": None},
    )


def tokens():
    table = nn.Embedding(7, 4).double()

    def step(h, e):
        return torch.where(e["mask"][:, None], torch.tanh(0.5 * h + table(e["tokens"])), h / 2)

    e = {"tokens": np.array([1, 2, 3]), "mask": torch.tensor([True, False, True])}
    return step, lambda e: torch.zeros(3, 4).double(), e


def attention():
    net = nn.MultiheadAttention(4, 2, batch_first=True).double().eval()
    return (
        lambda h, e: 0.5 * net(h, h, h, need_weights=False)[0] + e,
        torch.zeros_like,
        drawn(1, 3, 4),
    )


def encoder_layer():
    net = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).double().eval()
    return lambda h, e: net(h + e), torch.zeros_like, drawn(1, 3, 4)


def fused():
    return (
        lambda h, e: F.scaled_dot_product_attention(h[None] + e, h[None], h[None])[0],
        lambda e: e.clone(),
        drawn(1, 5, 8),
    )


def of_the_time():
    return lambda h, e, t: torch.tanh(0.5 * h + e) / (1 + t), torch.zeros_like, drawn(4)


def alone():
    return lambda h: torch.cos(h), torch.zeros(3).double(), None


def energy():
    def step(h, e):
        with torch.enable_grad():
            x = h if h.requires_grad else h.clone().requires_grad_()
            value = (torch.cosh(x) + 0.5 * (x - e) ** 2).sum()
            (slope,) = torch.autograd.grad(value, x, create_graph=True)
        return h - 0.2 * slope

    return step, torch.zeros_like, drawn(4)


CASES = [lstm, gru, hrm, admm, complex_state, nested, tokens, attention, encoder_layer, fused]
CASES += [of_the_time, alone, energy]


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_states_of_every_kind(make):
    torch.manual_seed(0)
    step, initial, e = make()
    loop = TorchLoop(step, initial)
    check_loop(loop, e)
    h = start(loop, e) + 0.1 * drawn(*start(loop, e).shape)
    state = loop.unpack(h, e)
    assert np.array_equal(loop.pack(state, e), h)
    j = Linearisation(loop, h, e)
    assert j.derivative == "linearize"
    u, v = drawn(2, h.size)
    apart = 1e-5 * v.reshape(h.shape)
    difference = (loop.step(h + apart, e) - loop.step(h - apart, e)).ravel() / 2e-5
    np.testing.assert_allclose(j(v), difference, rtol=1e-6, atol=1e-8)
    assert j(v) @ u == pytest.approx(j.adjoint(u) @ v, rel=1e-9, abs=1e-12)


def test_a_module_is_a_step():
    torch.manual_seed(0)
    cell = nn.GRUCell(4, 4).double()

    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = cell

        def forward(self, h, e):
            return self.cell(e, h)

    e = drawn(2, 4)
    wanted = spectral_radius(TorchLoop(lambda h, e: cell(e, h), torch.zeros_like), 0 * e, e).value
    assert spectral_radius(TorchLoop(Loop(), torch.zeros_like), 0 * e, e).value == wanted


def test_a_compiled_step_has_the_derivatives_of_its_source():
    """It has no second derivative; forward mode or J^T serves, as the version of torch allows."""
    torch.manual_seed(0)
    layer = nn.Linear(6, 6).double()

    def raw(h, e):
        return torch.tanh(1.2 * layer(h) + e)

    e = drawn(6)
    compiled = torch.compile(raw, backend="aot_eager")
    j, twin = (Linearisation(TorchLoop(s, torch.zeros_like), e, e) for s in (compiled, raw))
    assert j.adjoint_of == "vjp"
    for product in ("__call__", "adjoint", "input_product", "input_adjoint"):
        found, wanted = (getattr(one, product)(e) for one in (j, twin))
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)
    assert spectral_radius(j).value == pytest.approx(spectral_radius(twin).value, rel=1e-9)
    check_loop(TorchLoop(compiled, torch.zeros_like), e)
    found, wanted = (diagnose(TorchLoop(s, torch.zeros_like), e) for s in (compiled, raw))
    assert found.rho.value == pytest.approx(wanted.rho.value, rel=1e-9)


class Halved(torch.autograd.Function):
    """tanh(h) / 2 with a backward pass that has no derivative, or loses it without saying so."""

    @staticmethod
    def forward(ctx, h, silent):
        ctx.save_for_backward(h)
        ctx.silent = silent
        return torch.tanh(h) / 2

    @staticmethod
    def backward(ctx, g):
        (h,) = ctx.saved_tensors
        if not ctx.silent:
            return once(h, g), None
        return torch.from_numpy(g.detach().numpy() / 2 / np.cosh(h.detach().numpy()) ** 2), None


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h, g):
        return g / 2 / torch.cosh(h) ** 2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        raise NotImplementedError("no second derivative")


def once(h, g):
    return Once.apply(h, g)


class Dual(Halved):
    @staticmethod
    def forward(ctx, h, silent):
        ctx.save_for_backward(h)
        ctx.save_for_forward(h)
        ctx.silent = silent
        return torch.tanh(h) / 2

    @staticmethod
    def jvp(ctx, v, _):
        (h,) = ctx.saved_tensors
        return v / 2 / torch.cosh(h) ** 2


@pytest.mark.parametrize("silent", [True, False])
def test_functions_without_a_second_derivative(silent):
    e = drawn(4)
    j = Linearisation(TorchLoop(lambda h, e: Halved.apply(h, silent) + e, torch.zeros_like), e, e)
    assert j.derivative == "central difference"
    assert j.spectral.derivative == "vjp"
    wanted = 0.5 / np.cosh(e) ** 2
    assert spectral_radius(j).value == pytest.approx(wanted.max(), rel=1e-9)
    j = Linearisation(TorchLoop(lambda h, e: Dual.apply(h, silent) + e, torch.zeros_like), e, e)
    assert j.derivative == "linearize"
    np.testing.assert_allclose(j(np.ones(4)), wanted, rtol=1e-12)


def test_a_step_that_asks_whether_gradients_are_recorded():
    def step(h, e):
        return torch.tanh(h) + e if torch.is_grad_enabled() else 0.9 * torch.tanh(h) + e

    with pytest.raises(LoopError, match="another result when gradients are recorded"):
        Linearisation(TorchLoop(step, torch.zeros_like), drawn(4), drawn(4))


def test_half_precision_states_are_packed_in_float32_and_stay_what_they_are():
    layer = nn.Linear(4, 4).to(torch.bfloat16)

    def step(h, e):
        assert (h.dtype, e.dtype) == (torch.bfloat16, torch.bfloat16)
        return torch.tanh(layer(h) + e)

    loop = TorchLoop(step, torch.zeros_like)
    e = torch.from_numpy(drawn(4)).bfloat16()
    h = loop.step(start(loop, e), e)
    assert h.dtype == np.float32
    assert np.array_equal(h, torch.from_numpy(h).bfloat16().float().numpy())
    with pytest.raises(LoopError, match="dtype float32, not bfloat16: cast inside"):
        TorchLoop(lambda h, e: h.float(), torch.zeros_like).step(h, e)


ERRORS = {
    "float64 input": (
        lambda net: TorchLoop(lambda h, e: net(h) + e, lambda e: torch.zeros(4)),
        r"parameters have float32, the state float32, the input float64: .*\.double\(\).*float32\)",
    ),
    "float64 state": (
        lambda net: TorchLoop(lambda h, e: net(h) + e, torch.zeros_like),
        r"parameters have float32, the state float64, the input float64",
    ),
    "counter": (
        lambda net: TorchLoop(lambda s, e: s, lambda e: (e, torch.ones(1).long())),
        "int64",
    ),
    "list": (lambda net: TorchLoop(lambda s, e: [1.0], torch.zeros_like), "is float at .*tensor"),
    "shape": (
        lambda net: TorchLoop(lambda h, e: (h[0], h[0]), lambda e: (e, e[:2])),
        "keep the sha",
    ),
    "array": (lambda net: TorchLoop(lambda h, e: h.numpy(), torch.zeros_like), "is ndarray, not a"),
    "no grad": (
        lambda net: TorchLoop(lambda h, e: torch.autograd.grad(h.sum(), h)[0], torch.zeros_like),
        r"torch\.enable_grad\(\)",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_messages_say_what_to_write(name):
    make, words = ERRORS[name]
    loop = make(nn.Linear(4, 4))
    with pytest.raises(LoopError, match=words) as caught:
        loop.step(loop.initial(drawn(4)), drawn(4))
    assert "\n" not in str(caught.value)


def test_inputs_go_to_the_device_of_the_modules():
    net = nn.Linear(4, 4, device="meta")
    loop = TorchLoop(lambda h, e: net(h) + e["x"], lambda e: torch.zeros(4))
    moved = loop.inputs({"x": np.ones(4, np.float32), "n": 3, "t": torch.ones(2)})
    assert (moved["x"].device.type, moved["t"].device.type, moved["n"]) == ("meta", "meta", 3)
    assert loop.device().type == "meta"
    plain = TorchLoop(lambda h, e: h + e, torch.zeros_like)
    assert plain.device(torch.ones(2, device="meta")).type == "meta"
    assert TorchLoop(lambda h, e: net(h), torch.zeros_like, device="cpu").device().type == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_module_on_a_gpu_stays_there():
    net = nn.Linear(4, 4).double().cuda()
    loop, e = TorchLoop(lambda h, e: torch.tanh(net(h) + e), torch.zeros_like), drawn(4)
    check_loop(loop, e)
    twin = nn.Linear(4, 4).double()
    twin.load_state_dict(net.state_dict())
    wanted = spectral_radius(
        TorchLoop(lambda h, e: torch.tanh(twin(h) + e), torch.zeros_like), 0 * e, e
    )
    assert spectral_radius(loop, 0 * e, e).value == pytest.approx(wanted.value, rel=1e-9)
    assert net.weight.is_cuda


def test_rows_of_a_batch_share_the_products():
    torch.manual_seed(0)
    cell = nn.LSTMCell(3, 3).double()
    rows = TorchLoop(lambda s, e: cell(e, s), lambda e: (0 * e, 0 * e)).rowwise()
    e = drawn(5, 3)
    h, v, u = start(rows, e) + 0.1, drawn(5, 6), drawn(5, 6, seed=1)
    assert h.shape == (5, 6)
    record, stepped = rows.linearize(h, e), rows.step(h, e)
    for i in range(5):
        one = rows.linearize(h[i : i + 1], rows.take(e, np.array([i])))
        np.testing.assert_allclose(record(v)[i], one(v[i : i + 1])[0], rtol=1e-12)
        np.testing.assert_allclose(record.adjoint(u)[i], one.adjoint(u[i : i + 1])[0], rtol=1e-12)
        few = rows.take({"e": torch.from_numpy(e), "none": None}, np.array([i]))["e"].numpy()
        np.testing.assert_allclose(stepped[i], rows.step(h[i : i + 1], few)[0], rtol=1e-12)


def test_gradients_do_not_leak_into_inference_mode():
    net = nn.Linear(4, 4).double()
    loop = TorchLoop(lambda h, e: torch.tanh(net(h) + e), torch.zeros_like)
    with torch.inference_mode():
        found = spectral_radius(loop, drawn(4), drawn(4)).value
    assert found == spectral_radius(loop, drawn(4), drawn(4)).value


KINDS = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64]
KINDS += [torch.complex128]
LEAVES = st.tuples(st.sampled_from(KINDS), st.lists(st.integers(1, 3), max_size=2)).map(
    lambda pair: (torch.arange(int(np.prod(pair[1]))) / 4).reshape(pair[1]).to(pair[0])
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.sampled_from("abc"), inner, min_size=1),
        st.builds(Pair, inner, inner),
        st.builds(Carry, inner, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_packing_and_unpacking_give_the_state_back(tree):
    loop = TorchLoop(lambda s, e: s, tree)
    h = loop.pack(tree, None)
    assert h.dtype in (np.float32, np.float64)
    again = loop.unpack(h, None)
    paths, leaves, structure = flattened(tree)
    if not isinstance(again, np.ndarray):
        assert flattened(again)[2] == structure
        for a, b in zip(flattened(again)[1], leaves, strict=True):
            assert a.dtype == b.dtype
            assert torch.equal(a, b)
    assert np.array_equal(loop.step(h, None), h)
    assert len(paths) == len(leaves)
