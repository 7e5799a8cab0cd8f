"""A2': ranks by architecture at d = 4 against known answers; derivatives against differences."""

import math
import random
from fractions import Fraction
from typing import NamedTuple

import mpmath
import pytest
from flint import fmpq_mat

from loopstab.theory.autonomous.falsifiers.surjectivity import (
    ONE_SUB_BLOCK,
    LastLayer,
    OneSubBlock,
    Vector,
    dot,
    norm_slope,
    rational_matrix,
    side_by_side,
    stacked,
)
from loopstab.theory.kernel.algebra import diagonal, fmpq


def random_vector(rng: random.Random, size: int) -> Vector:
    """A vector of non-zero entries with denominators up to 7."""
    return [
        Fraction(rng.choice((-1, 1)) * rng.randint(1, 19), rng.randint(1, 7)) for _ in range(size)
    ]


def random_last_layer(
    rng: random.Random, count: int, d: int, hidden: int, norm: bool, eps: Fraction
) -> LastLayer:
    """A last layer at `count` tokens with random activations, norm arguments and gain."""
    z = [random_vector(rng, d) for _ in range(count)] if norm else None
    activations = [random_vector(rng, hidden) for _ in range(count)]
    return LastLayer(activations, z, random_vector(rng, d), eps)


class PeriLoop(NamedTuple):
    """h' = h + g1 o n1 + g2 o n2 with d = 4, eps = 0, at a point where every norm is rational.

    n1 = N(A1 N(h) + b1) and n2 = N(A2 N(h + g1 o n1) + b2). The parameters are (b1, b2) and, where
    `learned` is true, the gains. `middle` is h + g1 o n1; z1 and z2 are the arguments of the outer
    norms.
    """

    h: Vector
    middle: Vector
    z1: Vector
    z2: Vector
    a1: fmpq_mat
    a2: fmpq_mat
    gains: tuple[Vector, Vector]
    learned: bool

    def slopes(self) -> tuple[fmpq_mat, fmpq_mat, fmpq_mat]:
        """DN(z1), the derivative DN(z2) A2 DN(middle) of n2 by the middle state, and DN(z2)."""
        last = _slope(self.z2)
        return _slope(self.z1), last * self.a2 * _slope(self.middle), last

    def jacobian_gap(self) -> fmpq_mat:
        """J - I."""
        first, second, _ = self.slopes()
        inner = diagonal(self.gains[0]) * first * self.a1 * _slope(self.h)
        return inner + diagonal(self.gains[1]) * second * (diagonal([1] * 4) + inner)

    def by_parameters(self) -> fmpq_mat:
        """The derivative D_theta f with respect to the parameters."""
        first, second, last = self.slopes()
        g1, g2 = (diagonal(gain) for gain in self.gains)
        through = diagonal([1] * 4) + g2 * second
        blocks = [through * g1 * first, g2 * last]
        if self.learned:
            blocks += [through * diagonal(_normed(self.z1)), diagonal(_normed(self.z2))]
        return side_by_side(*blocks)

    def update(self) -> Vector:
        """f(h) - h."""
        rows = zip(*self.gains, _normed(self.z1), _normed(self.z2), strict=True)
        return [g1 * n1 + g2 * n2 for g1, g2, n1, n2 in rows]


def _length(z: Vector) -> Fraction:
    square = dot(z, z)
    root = Fraction(math.isqrt(square.numerator), math.isqrt(square.denominator))
    assert root * root == square, "the norm is not rational"
    return root


def _normed(z: Vector) -> Vector:
    scale = 2 / _length(z)  # R = sqrt(d) = 2
    return [scale * x for x in z]


def _slope(z: Vector) -> fmpq_mat:
    return norm_slope(z, [Fraction(1)] * 4, Fraction(0)) * fmpq(2 / _length(z))


def _direction(rng: random.Random) -> Vector:
    """A rational point with non-zero entries on the sphere of radius 2, in R^4.

    It is found by stereographic projection.
    """
    u = [Fraction(rng.choice((-1, 1)) * rng.randint(1, 9), 10) for _ in range(3)]
    square = dot(u, u)
    if square == 1:
        return _direction(rng)
    return [4 * x / (1 + square) for x in u] + [2 * (1 - square) / (1 + square)]


def peri_fixed_point(rng: random.Random, gains: bool) -> PeriLoop:
    """A random peri loop at a fixed point, with learned gains or with gain 1.

    With learned gains g1 = (middle - h)/n1 and g2 = -g1 o n1/n2; without, n2 = -n1 and h is
    parallel to n1.
    """
    n1 = _direction(rng)
    a1, a2 = (rational_matrix([random_vector(rng, 4) for _ in range(4)]) for _ in range(2))
    s1, s2, t = (Fraction(rng.randint(1, 9), rng.randint(1, 5)) for _ in range(3))
    if gains:
        h, middle, n2 = ([t * x for x in _direction(rng)] for _ in range(3))
        n2 = _normed(n2)
        g1 = [(m - x) / n for m, x, n in zip(middle, h, n1, strict=True)]
        if not all(g1):  # a gain of zero would fix an entry of the state
            return peri_fixed_point(rng, gains)
        g2 = [-g * x / y for g, x, y in zip(g1, n1, n2, strict=True)]
    else:
        h, middle, n2 = [t * x for x in n1], [(t + 1) * x for x in n1], [-x for x in n1]
        g1 = g2 = [Fraction(1)] * 4
    return PeriLoop(h, middle, [s1 * x for x in n1], [s2 * x for x in n2], a1, a2, (g1, g2), gains)


D, HIDDEN = 4, 8
ZERO, EPS = Fraction(0), Fraction(1, 100)

# tokens, norm after the last map (peri, post, sandwich), eps, rank of the bias, of (W2, b2), of (b,
# gamma)
TABLE = [
    pytest.param(1, False, ZERO, 4, 4, None, id="one token, pre"),
    pytest.param(1, True, EPS, 4, 4, 4, id="one token, peri post sandwich, eps > 0"),
    pytest.param(1, True, ZERO, 3, 3, 4, id="one token, peri post sandwich, eps = 0"),
    pytest.param(3, False, ZERO, 4, 12, None, id="three tokens, pre"),
    pytest.param(3, True, EPS, 4, 12, 8, id="three tokens, peri post sandwich, eps > 0"),
    pytest.param(3, True, ZERO, 4, 9, 8, id="three tokens, peri post sandwich, eps = 0"),
    pytest.param(20, False, ZERO, 4, 36, None, id="twenty tokens, hidden 8: d (hidden + 1)"),
    pytest.param(20, True, EPS, 4, 36, 8, id="twenty tokens, norm"),
]


@pytest.mark.parametrize(("count", "norm", "eps", "bias", "output", "gain"), TABLE)
def test_ranks(count, norm, eps, bias, output, gain):
    case = random_last_layer(random.Random(count), count, D, HIDDEN, norm, eps)
    assert case.bias().rank() == bias
    assert case.output_layer().rank() == output
    if gain is not None:
        assert case.bias_and_gain().rank() == gain


@pytest.mark.parametrize(("count", "rank"), [(2, 8), (3, 12), (4, 16), (5, 19), (6, 22)])
def test_peri_without_epsilon_gains_at_most_d_directions_from_the_gain(count, rank):
    case = random_last_layer(random.Random(count), count, D, HIDDEN, True, ZERO)
    blocks = side_by_side(case.output_layer(), case.bias_and_gain())
    assert blocks.rank() == min(count * D, count * (D - 1) + D) == rank


def test_equal_and_parallel_tokens_cost_d_directions():
    case = random_last_layer(random.Random(1), 3, D, HIDDEN, False, ZERO)
    # equal tokens, and under pre, eps = 0, one sub-block parallel ones too, have equal activations
    assert (
        case._replace(hidden=[case.hidden[0], case.hidden[0], case.hidden[2]]).output_layer().rank()
        == 8
    )


@pytest.mark.parametrize(
    ("count", "full", "candidate"), [(1, 4, 4), (2, 8, 4), (3, 12, 4), (4, 12, 4)]
)
def test_gru_ranks(count, full, candidate):
    rng = random.Random(count)

    def inside(low: int) -> list[Fraction]:
        return [Fraction(rng.randint(low * 9, 9), 10) for _ in range(D)]

    rows, candidates = [], []
    for _ in range(count):
        zeta, n, r = ([abs(x) + Fraction(1, 100) for x in inside(0)] for _ in range(3))
        h, v = inside(-1), inside(-1)  # state, and what the reset gate multiplies
        slope = [(1 - z) * (1 - x * x) for z, x in zip(zeta, n, strict=True)]
        by_update = [(a - x) * z * (1 - z) for a, x, z in zip(h, n, zeta, strict=True)]
        by_reset = [s * a * x * (1 - x) for s, a, x in zip(slope, v, r, strict=True)]
        candidates.append(diagonal(slope))
        rows.append(side_by_side(diagonal(by_reset), diagonal(by_update), diagonal(slope)))
    assert stacked(*rows).rank() == full
    assert stacked(*candidates).rank() == candidate


def test_norm_slope_is_the_derivative_of_the_norm():
    rng = random.Random(5)
    z, gain = random_vector(rng, 3), random_vector(rng, 3)
    exact = norm_slope(z, gain, EPS)

    def norm(point: list[float]) -> list[float]:
        s = math.sqrt(sum(x * x for x in point) / 3 + float(EPS))
        return [float(g) * x / s for g, x in zip(gain, point, strict=True)]

    s = math.sqrt(sum(float(x) ** 2 for x in z) / 3 + float(EPS))
    for j in range(3):
        up, down = (
            [float(x) + sign * 1e-6 * (i == j) for i, x in enumerate(z)] for sign in (1, -1)
        )
        for i, (a, b) in enumerate(zip(norm(up), norm(down), strict=True)):
            assert (a - b) / 2e-6 * s == pytest.approx(
                float(Fraction(int(exact[i, j].p), int(exact[i, j].q))), abs=1e-6
            )


def _run(case: PeriLoop, h: list[float], b1: list[float]) -> list[float]:
    """The loop in floating point; its biases make z1 and z2 the arguments at the stated state."""

    def normed(z: list[float]) -> list[float]:
        return [2 * x / math.hypot(*z) for x in z]

    def affine(matrix, x: list[float], b: list[float]) -> list[float]:
        table = [[int(a.p) / int(a.q) for a in row] for row in matrix.table()]
        return [
            sum(a * y for a, y in zip(row, x, strict=True)) + c
            for row, c in zip(table, b, strict=True)
        ]

    zero = [0.0] * 4
    start, middle = ([float(x) for x in v] for v in (case.h, case.middle))
    biases = [
        [float(a) - c for a, c in zip(z, affine(m, normed(x), zero), strict=True)]
        for z, m, x in ((case.z1, case.a1, start), (case.z2, case.a2, middle))
    ]
    g1, g2 = ([float(x) for x in gain] for gain in case.gains)
    n1 = normed(affine(case.a1, normed(h), [a + b for a, b in zip(biases[0], b1, strict=True)]))
    inner = [x + g * n for x, g, n in zip(h, g1, n1, strict=True)]
    n2 = normed(affine(case.a2, normed(inner), biases[1]))
    return [x + g * n for x, g, n in zip(inner, g2, n2, strict=True)]


def _differences(function, at: list[float]) -> list[list[float]]:
    """Central differences, column j the derivative in direction j."""
    columns = []
    for j in range(len(at)):
        up, down = (
            function([x + sign * 1e-6 * (i == j) for i, x in enumerate(at)]) for sign in (1, -1)
        )
        columns.append([(a - b) / 2e-6 for a, b in zip(up, down, strict=True)])
    return [list(row) for row in zip(*columns, strict=True)]


@pytest.mark.parametrize("gains", [False, True])
def test_the_constructed_fixed_point_and_its_derivatives(gains):
    case = peri_fixed_point(random.Random(7), gains)
    h, zero = [float(x) for x in case.h], [0.0] * D
    assert _run(case, h, zero) == pytest.approx(h, abs=1e-9)
    by_state, by_bias = (
        _differences(lambda x: _run(case, x, zero), h),
        _differences(lambda b: _run(case, h, b), zero),
    )
    jacobian = case.jacobian_gap() + diagonal([1] * D)
    for exact, rough in ((jacobian, by_state), (case.by_parameters(), by_bias)):
        for i in range(D):
            assert rough[i] == pytest.approx(
                [int(x.p) / int(x.q) for x in exact.table()[i][:D]], rel=1e-3, abs=1e-4
            )


@pytest.mark.parametrize("seed", range(4))
def test_gain_free_peri_passes_the_rank_test_at_random_states_only(seed):
    case = peri_fixed_point(random.Random(seed), False)
    assert not any(case.update())
    assert case.by_parameters().rank() == 3
    assert case.jacobian_gap().det() == 0
    assert case.jacobian_gap().rank() == 3  # so a curve, not a surface, of fixed points
    elsewhere = case._replace(z2=[-case.z2[0], *case.z2[1:]])
    assert any(elsewhere.update())
    assert elsewhere.by_parameters().rank() == 4


@pytest.mark.parametrize("seed", range(4))
def test_gain_free_peri_has_another_fixed_point_along_the_null_direction(seed):
    case = peri_fixed_point(random.Random(seed), False)
    start, zero = [float(x) for x in case.h], [0.0] * D
    rows = case.jacobian_gap().rref()[0].table()
    null = [-int(row[3].p) / int(row[3].q) for row in rows[:3]] + [
        1.0
    ]  # the last column depends on the others
    length = math.hypot(*null)
    null = [x / length for x in null]
    h = [x + 0.05 * v for x, v in zip(start, null, strict=True)]
    for _ in range(6):  # Newton's method in the hyperplane at distance 0.05
        update = [f - x for f, x in zip(_run(case, h, zero), h, strict=True)]
        slope = _differences(
            lambda x: [a - b for a, b in zip(_run(case, x, zero), x, strict=True)], h
        )
        move = mpmath.lu_solve(
            mpmath.matrix([*slope, null]), mpmath.matrix([*(-x for x in update), 0])
        )
        h = [x + float(m) for x, m in zip(h, move, strict=True)]
    assert math.dist(_run(case, h, zero), h) < 1e-12
    assert math.dist(h, start) > 0.049


def test_external_recall_gives_peri_with_one_sub_block_a_fixed_point():
    """W_x = 0, W_e e = (1, 2), u along (1, 2): h = (1 + sqrt(2/5)) (1, 2) is fixed."""
    z = [1.0, 2.0]

    def step(h: list[float]) -> list[float]:
        del h  # W_x = 0
        u = [3.0, 6.0]
        s = math.hypot(*u) / math.sqrt(2)
        return [a + b / s for a, b in zip(z, u, strict=True)]

    h = step(z)
    assert step(h) == h == pytest.approx([1.632, 3.265], abs=1e-3)
    # with the stream h in place of z the same update moves every state by |N(u)| = sqrt(2)
    assert math.dist(h, z) == pytest.approx(math.sqrt(2))


def test_one_sub_block_with_external_recall_of_w_x_not_zero():
    half = Fraction(1, 2)
    for w in (Fraction(0), half, Fraction(3)):  # h' = w h + 1 + N(u), N(u) = 1: fixed at 2/(1 - w)
        h = 2 / (1 - w)
        case = OneSubBlock([h], [w * h + 1], [Fraction(5)], [Fraction(1)])
        assert ONE_SUB_BLOCK.broken(case) == ("direct",)
        assert ONE_SUB_BLOCK.refute(case) is not None


def test_peri_with_one_sub_block_moves_by_at_least_the_smallest_gain():
    rng = random.Random(3)
    for _ in range(20):
        z, gain = random_vector(rng, D), random_vector(rng, D)
        square = sum((g * x) ** 2 for g, x in zip(gain, z, strict=True)) * D / sum(x * x for x in z)
        assert square >= D * min(abs(g) for g in gain) ** 2
