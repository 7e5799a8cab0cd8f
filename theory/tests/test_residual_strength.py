"""M1 against loops: what a larger residual strength does to a fixed point, and how fast.

With several tokens of unequal scales it can destabilise the fixed point.
"""

import math

import pytest
import sympy as sp

RADIUS = math.sqrt(2)
ANGLES = (0.4, 1.9)  # of the fixed states h_1*, h_2* on their circles
SCALES = (1.0, 4.0)
UPDATE = ((-1.0, -7.0), (1.0, 7.0))  # P Dg P on the two tangent lines


def _loop(a, states):
    """N(a h + g(h)) for each token; g is linear, g(h*) = w h*, with tangential Jacobian UPDATE."""
    radial = [(math.cos(x), math.sin(x)) for x in ANGLES]
    across = [(-y, x) for x, y in radial]
    along = [h[0] * r[0] + h[1] * r[1] for h, r in zip(states, radial, strict=True)]
    beside = [h[0] * t[0] + h[1] * t[1] for h, t in zip(states, across, strict=True)]
    new = []
    for i in range(2):
        lift, turn = (
            (a + SCALES[i]) * along[i],
            a * beside[i] + sum(UPDATE[i][j] * beside[j] for j in range(2)),
        )
        z = [lift * r + turn * t for r, t in zip(radial[i], across[i], strict=True)]
        new.append([RADIUS * x / math.hypot(*z) for x in z])
    return new


def _distance(a, loops=3000):
    fixed = [[RADIUS * math.cos(x), RADIUS * math.sin(x)] for x in ANGLES]
    for image, point in zip(_loop(a, fixed), fixed, strict=True):
        assert image == pytest.approx(point)
    states = [[RADIUS * math.cos(x + 1e-3), RADIUS * math.sin(x + 1e-3)] for x in ANGLES]
    for _ in range(loops):
        states = _loop(a, states)
    return max(math.dist(h, k) for h, k in zip(states, fixed, strict=True))


@pytest.mark.parametrize(
    ("a", "stable"),
    [(0.0, True), (1.0, True), (3.5, True), (4.5, False), (6.0, False), (50.0, False)],
)
def test_two_tokens(a, stable):
    distance = _distance(a)
    assert distance < 1e-6 if stable else distance > 1e-2


def test_a_residual_path_can_speed_convergence_up():
    """M1's counterexample to 'a residual path slows convergence': w = 2, nu = -1."""
    w, nu = sp.Integer(2), sp.Integer(-1)
    multiplier = [abs((a + nu) / (a + w)) for a in (0, sp.Rational(1, 2), 1, 5)]
    assert multiplier == [sp.Rational(1, 2), sp.Rational(1, 5), 0, sp.Rational(4, 7)]
