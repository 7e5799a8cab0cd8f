"""M1 for several tokens: a larger residual strength can destabilise a fixed point whose tokens have
unequal scales.
"""

import math

import pytest

RADIUS = math.sqrt(2)
ANGLES = (0.4, 1.9)  # of the fixed states h_1*, h_2* on their circles
SCALES = (1.0, 4.0)
UPDATE = ((-1.0, -7.0), (1.0, 7.0))  # P Dg P on the two tangent lines


def _loop(a, states):
    """N(a h + g(h)) token by token, g linear with g(h*) = w h* and tangential Jacobian UPDATE."""
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
