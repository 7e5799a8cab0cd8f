"""N8, the gated residual, in floats: orbits end in the box, and gates saturate by the formula."""

import math
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import formula


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def float32(x):
    """The number rounded to single precision, to nearest with ties to even."""
    return struct.unpack("f", struct.pack("f", x))[0]


def sigmoid32(x):
    """1/(1 + e^-x) with every operation rounded to single precision."""
    return float32(1 / float32(1 + float32(math.exp(-float32(x)))))


def gated_loop(rng, scale):
    """The step of a random cell without reset gate, and a start with entries of modulus 1 to 3."""
    d = rng.choice((1, 2, 3))
    gate, candidate = (
        [[scale * rng.gauss(0, 1) for _ in range(d)] + [rng.gauss(0, 1)] for _ in range(d)]
        for _ in range(2)
    )

    def affine(rows, h):
        return [sum(w * x for w, x in zip(row, [*h, 1.0], strict=True)) for row in rows]

    def step(h):
        z, n = map(sigmoid, affine(gate, h)), map(math.tanh, affine(candidate, h))
        return [(1 - a) * b + a * x for a, b, x in zip(z, n, h, strict=True)]

    return step, [rng.choice((-1, 1)) * rng.uniform(1, 3) for _ in range(d)]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_a_gated_orbit_ends_in_the_box(seed):
    step, h = gated_loop(random.Random(seed), 0.5)
    top = max(max(map(abs, h)), 1.0)
    for _ in range(300):
        h = step(h)
        assert max(map(abs, h)) <= top + 1e-12
        top = max(max(map(abs, h)), 1.0)
    inside = step([0.999] * len(h))
    assert max(map(abs, inside)) < 1


@pytest.mark.parametrize(("start", "loops"), [(2, 4), (5, 41), (10, 2496)])
def test_entry_takes_as_long_as_the_balls_say(start, loops):
    h, found = float(start), 0
    while h >= 1:
        h, found = h * sigmoid(h), found + 1
    assert found == loops


@pytest.mark.parametrize(
    ("x", "frozen"), [(16.0, False), (16.63, False), (16.65, True), (17.0, True)]
)
def test_single_precision_gates_saturate_at_the_formula(x, frozen):
    assert (sigmoid32(x) == 1) is frozen
    assert (x > float(formula("sigmoid_saturation")(24))) is frozen


def test_correct_rounding_would_saturate_later():
    """sigma(17) is nearer to 1 - 2^-24 than to 1; the usual formula nevertheless returns 1."""
    assert float32(sigmoid(17.0)) == 1 - 2.0**-24
    assert float32(sigmoid(18.0)) == 1
    assert float32(math.tanh(10.0)) == 1
    assert float32(math.tanh(9.0)) < 1
    assert sigmoid(37.0) == 1
    assert sigmoid(36.0) < 1


@pytest.mark.parametrize("shift", [1.0, 2.5])
def test_a_hidden_argument_with_recall_can_have_no_fixed_point(shift):
    """h' = (n + 2 h + s)/2, gate 1/2 and hidden argument 2 h + s: h moves to one side for ever."""
    h = -3.0
    for _ in range(100):
        following = (math.tanh(1 - 2 * h / math.sqrt(h**2 + 1)) + 2 * h + shift) / 2
        assert following > h
        h = following
    assert h > 0.5 * (shift - 1) * 100 - 3
