"""The certified projection: against SymPy's real roots, on the cut locus, and by hand."""

import random
from fractions import Fraction

import pytest
import sympy as sp

from loopstab.support.errors import UsageError
from loopstab.theory.architecture import Recall
from loopstab.theory.geometry.projection import nearest

INTERNAL, EXTERNAL, NONE = Recall.INTERNAL, Recall.EXTERNAL, Recall.NONE


def twin(recall, x, y):
    """Smallest distance over all real roots of all branches (and axes), by SymPy, in 40 digits."""
    p, q, t = sp.Rational(x), sp.Rational(y), sp.Symbol("t")
    curves = [sp.Integer(-2) / t] if recall is INTERNAL else [1 / t - 1, -1 / t - 1]
    candidates = [(p, 0), (0, q)] if recall is INTERNAL else []
    for curve in curves:
        slope = sp.together(sp.diff((t - p) ** 2 + (curve - q) ** 2, t))
        candidates += [
            (root, curve.subs(t, root))
            for root in sp.real_roots(sp.Poly(sp.numer(slope), t))
            if root != 0
        ]
    return min(sp.sqrt((a - p) ** 2 + (b - q) ** 2).evalf(40) for a, b in candidates)


@pytest.mark.parametrize("recall", [INTERNAL, EXTERNAL])
def test_against_every_root(recall):
    rng = random.Random(5)
    found = 0
    while found < 12:
        x, y = (Fraction(rng.randint(-60, 60), rng.randint(1, 9)) for _ in range(2))
        result = nearest(recall, x, y)
        if result.critical:
            found += 1
            assert abs(
                sp.Float(result.distance.str(40, radius=False), 40) - twin(recall, x, y)
            ) < sp.Float("1e-30")


CASES = [  # recall, point, nearest points, critical points
    (INTERNAL, (3, 1), [(3, 0)]),
    (INTERNAL, (1, 1), [(1, 0), (0, 1)]),
    (INTERNAL, (1, -1), [(1, -1)]),
    (INTERNAL, (0, 7), [(0, 7)]),
    (EXTERNAL, (Fraction(9, 4), Fraction(1, 2)), [(2, Fraction(-1, 2))]),
    (EXTERNAL, (Fraction(-9, 4), Fraction(-5, 2)), [(-2, Fraction(-3, 2))]),
    (
        EXTERNAL,
        (2, 1),
        [(1, 0)],
    ),  # P = Q = 2: the last point of the diagonal with one nearest point
    (
        EXTERNAL,
        (Fraction(5, 2), Fraction(3, 2)),
        [(2, Fraction(-1, 2)), (Fraction(1, 2), 1)],
    ),  # P = Q = t + 1/t: r = 1
    (NONE, (3, -5), [(3, -2)]),
    (NONE, (3, -1), [(3, -1)]),
]


@pytest.mark.parametrize(("recall", "point", "wanted"), CASES)
def test_known_points(recall, point, wanted):
    result = nearest(recall, *point)
    assert len(result.points) == len(wanted)
    found = sorted((float(p), float(q)) for p, q in result.points)
    for (p, q), (a, b) in zip(found, sorted(wanted), strict=True):
        assert abs(p - a) + abs(q - b) < 1e-15


def test_two_minima_next_to_the_diagonal_are_ranked():
    """|x| and |u| differ by 1e-25: the order of the two distances is still certain."""
    tiny = Fraction(1, 10**25)
    (above,) = nearest(EXTERNAL, 4 + tiny, Fraction(3)).points
    (below,) = nearest(EXTERNAL, 4 - tiny, Fraction(3)).points
    assert float(above[0]) > 3.7
    assert float(below[0]) < 0.3


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "word", None])
def test_bad_points(value):
    with pytest.raises(UsageError, match="not a finite number"):
        nearest(INTERNAL, value, Fraction(1))
