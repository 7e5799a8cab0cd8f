"""The Lipschitz bounds L2 and L3: known values, slow twins, and where they are attained."""

from fractions import Fraction
from itertools import pairwise

import flint
import mpmath
import numpy as np
import pytest

from loopstab.theory.bounds import lipschitz_predicates, strength_predicates
from loopstab.theory.bounds.lipschitz import L3
from loopstab.theory.bounds.recall_strength import L2
from loopstab.theory.bounds.small_blocks import SLOPES, at_most, length, spectral_norm
from loopstab.theory.bounds.strength import Head, Strength, closed_form
from loopstab.theory.kernel.claim import Verdict

SHIFT = Fraction(1, 1000)


@pytest.mark.parametrize("claim", [L2, L3], ids=lambda claim: claim.id)
def test_every_step_passes(claim):
    found = {step.name: step.check() for step in claim.steps}
    assert {name for name, f in found.items() if f.verdict is not Verdict.PASSED} == set()


@pytest.mark.parametrize(
    "falsifier", [*L2.falsifiers, *L3.falsifiers], ids=lambda falsifier: falsifier.name
)
def test_every_witness_breaks_one_assumption_and_the_conclusion(falsifier):
    report = falsifier.run()
    assert report.fired
    assert not report.breach


@pytest.mark.parametrize("predicate", [*L2.predicates, *L3.predicates], ids=lambda p: p.name)
def test_the_examples_hold(predicate):
    predicate.require_example()


def test_the_half_of_softmax_is_attained():
    # p = (1/2, 1/2): S = [[1/4, -1/4], [-1/4, 1/4]] has the norm 1/2
    p = np.array([0.5, 0.5])
    assert np.linalg.norm(np.diag(p) - np.outer(p, p), 2) == pytest.approx(0.5)


@pytest.mark.parametrize(("name", "largest"), [("gelu", 1.12890), ("silu", 1.09984)])
def test_slopes_of_activations(name, largest):
    phi = {"gelu": lambda x: x * mpmath.ncdf(x), "silu": lambda x: x / (1 + mpmath.exp(-x))}[name]
    slopes = [mpmath.diff(phi, mpmath.mpf(k) / 50) for k in range(-300, 300)]
    assert float(max(map(abs, slopes))) == pytest.approx(largest, abs=1e-3)
    assert max(map(abs, slopes)) <= float(SLOPES[name])


def test_gelu_is_near_relu():
    gaps = [abs(x * mpmath.ncdf(x) - max(x, 0)) for x in np.linspace(-8, 8, 401)]
    assert max(gaps) == pytest.approx(0.16997, abs=1e-4)
    assert max(gaps) <= float(strength_predicates.HOMOGENEOUS["gelu"])


@pytest.mark.parametrize(
    "matrix",
    [((1, 2), (3, 4)), ((0, 0), (0, 0)), ((1, 0), (0, -3)), ((1,), (2,)), ((1, 1), (1, 1))],
)
def test_spectral_norms_against_numpy(matrix):
    wanted = float(np.linalg.norm(np.array(matrix, float), 2))
    assert float(spectral_norm(matrix).mid()) == pytest.approx(wanted, abs=1e-12)
    assert at_most(matrix, Fraction(wanted) + SHIFT)
    assert wanted == 0 or not at_most(matrix, Fraction(wanted) - SHIFT)


def test_the_length_of_balls_around_zero_is_a_number():
    tiny = flint.arb(0, 1e-30)
    assert length([tiny, tiny]) < 1e-14


def test_the_norm_bound_is_attained_across_the_sphere():
    # a short chord at the smallest norm: the ratio tends to g sqrt(d)/sqrt(r^2 + d eps)
    z, w = np.array([3.0, 4.0]), np.array([3.0 - 4e-6, 4.0 + 3e-6])

    def norm(x):
        return 2 * x / np.sqrt(np.mean(x**2) + 0.5)

    ratio = np.linalg.norm(norm(z) - norm(w)) / np.linalg.norm(z - w)
    assert closed_form("norm_lipschitz")(2, 2, 5, 0.5) == pytest.approx(ratio, rel=1e-5)


def test_the_head_bound_is_sharp_in_the_values():
    # one token: the head is W_v x, and the values alone count if queries do not move
    assert closed_form("head_lipschitz")(3, 7, 1, 1, 0, 0, 1) == 3


def _strength(internal, **changes):
    head = Head(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0)
    numbers = Strength(
        internal, (head,), 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, (1.0, 1.0), 2.0, 1e-4
    )
    return numbers._replace(**changes)


@pytest.mark.parametrize(("internal", "power"), [(False, 1), (True, 2)])
def test_kappa_falls_like_a_power_of_the_strength(internal, power):
    numbers = _strength(internal)
    ratio = numbers.kappa(1e9) / numbers.kappa(1e10)
    assert ratio == pytest.approx(10**power, rel=1e-3)


def test_one_limit_is_enough_for_internal_recall():
    for name in ("limit", "limit_mlp"):
        numbers = _strength(True, **{name: 0.0})
        assert numbers.kappa(1e9) / numbers.kappa(1e10) == pytest.approx(10, rel=1e-3)
    assert _strength(True, limit=0.0, limit_mlp=0.0).kappa(1e12) > 1
    assert _strength(False, limit=0.0).kappa(1e12) == np.inf


@pytest.mark.parametrize("internal", [False, True])
def test_kappa_does_not_increase(internal):
    values = [_strength(internal).kappa(float(t)) for t in np.geomspace(0.01, 1e8, 400)]
    assert all(later <= before for before, later in pairwise(values))


def test_balls_and_floats_give_the_same_kappa():
    case = strength_predicates.contraction.example()
    numbers = case.strength()
    floats = Strength(
        *(
            tuple(Head(*map(_float, head)) for head in value)
            if name == "heads"
            else tuple(map(_float, value))
            if name == "gains"
            else _float(value)
            for name, value in numbers._asdict().items()
        )
    )
    ball = numbers.kappa(flint.arb(10**6))
    assert floats.kappa(1e6) == pytest.approx(float(ball.mid()), rel=1e-12)


def _float(x):
    return float(x.mid()) if isinstance(x, flint.arb) else x


def test_the_sentences_stand_in_the_statements():
    for text in (lipschitz_predicates.HEAD, lipschitz_predicates.BLOCK):
        assert text in L3.statement
    assert strength_predicates.CONTRACTION in L2.statement
