"""The coarsest precision in a step: found where it is there, and not where it is not."""

import numpy as np
import pytest
import torch
from torch import nn

from loopstab import FunctionLoop, Linearisation, TorchLoop
from loopstab.numerics.loops.resolution import seen_resolution, significant_bits

H = np.random.default_rng(0).standard_normal(16)
LINEAR = nn.Linear(16, 16).double()
LOW = nn.Linear(16, 16).to(torch.bfloat16)
SINGLE = nn.Linear(16, 16)
TABLE = torch.linspace(0, 1, 16)  # float32, as tables of positions are
WEIGHTS = np.random.default_rng(1).standard_normal((16, 16)) / 4


def autocast(h, e):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return torch.tanh(SINGLE(h).float() + e)


TORCH = {
    "float64": (lambda h, e: torch.tanh(LINEAR(h) + e), None),
    "constants in float32": (lambda h, e: torch.tanh(h + e) * TABLE, None),
    "bfloat16 input": (lambda h, e: 0.5 * h + e.bfloat16().double(), None),
    "bfloat16 inside": (lambda h, e: torch.tanh(LOW(h.bfloat16())).double() + e, "bfloat16"),
    "mixed in": (lambda h, e: 0.5 * h + LOW(h.bfloat16()).double(), "bfloat16"),
    "float16": (lambda h, e: torch.tanh(h.half() + 1).double(), "float16"),
    "float32": (lambda h, e: torch.tanh(SINGLE(h.float())).double(), "float32"),
    "through NumPy": (
        lambda h, e: torch.from_numpy(np.tanh(h.detach().numpy().astype(np.float16)).astype(float)),
        "float16",
    ),
    "rounded": (lambda h, e: torch.round(h) + e - e, None),
    "mask": (lambda h, e: torch.where(h > 0, h, 0.5 * h) + e, None),
}


@pytest.mark.parametrize("name", TORCH)
def test_torch_steps(name):
    step, wanted = TORCH[name]
    loop = TorchLoop(step, torch.zeros_like)
    assert loop.precision_name(H, H) == wanted
    eps = 0.0 if wanted is None else torch.finfo(getattr(torch, wanted)).eps
    assert loop.resolution(H, H) == eps


def test_autocast_and_half_precision_states():
    loop, h = TorchLoop(autocast, torch.zeros_like), H.astype(np.float32)
    assert loop.precision_name(h, h) == "bfloat16"
    assert Linearisation(loop, h, h).unit == 2.0**-7
    e = torch.from_numpy(H).bfloat16()
    assert (
        TorchLoop(lambda h, e: torch.tanh(LOW(h) + e), torch.zeros_like).resolution(h, e) == 2**-7
    )
    plain = TorchLoop(lambda h, e: torch.tanh(SINGLE(h) + e), torch.zeros_like)
    assert plain.precision_name(h, h) is None


def test_a_compiled_step_shows_its_precision():
    def step(h, e):
        return torch.tanh(LOW(h.bfloat16())).double()

    loop = TorchLoop(torch.compile(step, backend="aot_eager"), torch.zeros_like)
    assert loop.precision_name(H, H) == "bfloat16"


NUMPY = {
    "float64": (lambda h: np.tanh(WEIGHTS @ h), None),
    "float32": (lambda h: np.tanh((WEIGHTS @ h).astype(np.float32)).astype(float), "float32"),
    "float16": (lambda h: np.tanh((WEIGHTS @ h).astype(np.float16)).astype(float), "float16"),
    "zeros": (lambda h: 0 * h, None),
    "sign": (np.sign, None),
    "small integers": (lambda h: np.round(10 * h), None),
    "grid": (lambda h: np.round(256 * h) / 256, None),
    "powers of two": (lambda h: 2.0 ** np.round(h), None),
    "constant in float32": (lambda h: np.float32(h.size / 3) + 0 * h, None),
    "half of it": (
        lambda h: np.concatenate((np.tanh(h[:8]), h[8:].astype(np.float32).astype(float))),
        None,
    ),
    "not finite": (lambda h: h / 0.0, None),
}


@pytest.mark.parametrize("name", NUMPY)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_numpy_steps(name):
    step, wanted = NUMPY[name]
    loop = FunctionLoop(lambda h, e: step(h), np.copy)
    assert loop.precision_name(H, H) == wanted
    assert (loop.resolution(H, H) == 0) is (wanted is None)


def test_a_state_in_its_own_precision_is_not_coarse():
    h = H.astype(np.float32)
    assert seen_resolution(np.tanh, h).name is None
    assert seen_resolution(lambda h: np.tanh(h.astype(np.float16)).astype(h.dtype), h).eps == 2**-10


def test_significant_bits():
    numbers = np.array([1.0, 3.0, 0.1, np.float32(0.1), np.float16(0.3), -2048.5])
    assert significant_bits(numbers).tolist() == [1, 2, 52, 24, 11, 13]


def test_the_search_is_made_once():
    calls = 0

    def step(h, e):
        nonlocal calls
        calls += 1
        return 0.5 * h + e

    loop = FunctionLoop(step, np.copy)
    loop.resolution(H, H)
    before = calls
    loop.precision_name(H + 1, H)
    assert calls == before
