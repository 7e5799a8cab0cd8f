"""Attacks on M3, Kac-Rice: certified counts of fixed points against the integral.

Biases are random, and tests have a stated level.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binomtest

from ....theory.autonomous.falsifiers.kac_rice import EXPECTATION, Law, PiecewiseMap
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...certificates.certify import certify
from ...certificates.maps import TanhMap
from ...certificates.relu import ReluMap, certify_relu
from ...formulas import numeric
from ...strategies import fractions as draws
from ..shared.confirmation import Confirmed
from ..shared.drawn_values import failing, is_seed, on_grid, square_size
from ..shared.predicates import PredicateJudge, dropping

LEVEL = 1e-7
"""The probability of a false alarm of the exact test."""
SIGMAS = 5.5
"""Standard errors of the approximate test (a false alarm has probability 4e-8 if the mean is
normal, and is taken to have `LEVEL` at most).
"""
UNITS, RELUS, STAIRS = 40, 600, 200
"""Biases of a case."""
RARE = 64
"""An allowance in counts for deviations that the draws never show: one of probability q by at most
4 that n draws miss has 4 q n < 64, unless something of chance e^-16 happened.
"""


# --- one unit: h = a tanh h + b
@st.composite
def _units(draw: Any, density: bool = True) -> Case:
    a, s = (
        (draws.fractions(1.0625, 4), draws.fractions(0.25, 3))
        if density
        else (draws.fractions(1.25, 2), draws.fractions(1, 2))
    )
    return {
        "a": draw(a),
        "s": draw(s),
        "seed": draw(draws.seeds()),
        "n": UNITS,
        "atoms": not density,
    }


def _broken_for_unit(case: Case) -> tuple[str, ...]:
    drawn = is_seed(case["seed"]) and case["n"] == UNITS and on_grid(case["s"], 3, least=0.25)
    return failing(
        lipschitz=on_grid(case["a"], 4, least=1.0625) and case["a"] > 0,
        density=drawn and case["s"] > 0 and not case["atoms"],
    )


def _three_or_one(case: Case) -> str | None:
    """The number of biases with three fixed points is binomial.

    Its probability is the one that the expected count implies.
    """
    rng, n, a = np.random.default_rng(case["seed"]), case["n"], case["a"]
    biases = rng.choice((-1, 1), n) / 16 if case["atoms"] else case["s"] * rng.standard_normal(n)
    certificates = [certify(TanhMap.of([[a]], [[1.0]], [b])) for b in biases]
    counts = [certificate.count for certificate in certificates if certificate.count is not None]
    if len(counts) < n:
        raise Undecided(f"{n - len(counts)} of {n} certificates are incomplete")
    if set(counts) - {1, 3}:
        return f"h = {a:g} tanh h + b has one of {sorted(set(counts))} fixed points, by the bias"
    expected = float(numeric("tanh_expected_count")(a, case["s"]))
    threes = sum(count == 3 for count in counts)
    chance = binomtest(threes, n, (expected - 1) / 2).pvalue
    if chance < LEVEL:
        return (
            f"{threes} of {n} biases have three fixed points, {expected:.4f} expected on average:"
            f" chance {chance:.2g}"
        )
    return None


# --- ReLU: h = W relu(h) + b
@st.composite
def _relus(draw: Any, kind: str = "normal") -> Case:
    """normal: b ~ N(0, I); atom: one bias, with a matrix (gain > 1) that makes counts vary."""
    d = draw(draws.sizes(1, 2))
    if kind == "normal":
        return {
            "map": "relu",
            "W": draw(draws.entries(d, d)),
            "b": np.zeros(0),
            "seed": draw(draws.seeds()),
            "n": RELUS,
        }
    gain = draw(draws.fractions(1.5, 3))
    w = gain * (np.array([[1.0]]) if d == 1 else np.array([[1.0, -1.0], [-1.0, 1.0]]))
    b = draw(draws.SIGNS) * np.array([draw(draws.fractions(0.25, 1)) for _ in range(d)])
    return {"map": "relu", "W": w, "b": b, "seed": draw(draws.seeds()), "n": RELUS}


@st.composite
def _staircases(draw: Any) -> Case:
    """F = h - g(h) is the Cantor function on [0, 1].

    It is differentiable almost everywhere with F' = 0, and not Lipschitz.
    """
    return {
        "map": "cantor",
        "W": np.zeros((0, 0)),
        "b": np.zeros(0),
        "seed": draw(draws.seeds()),
        "n": STAIRS,
    }


def _broken_for_mean(case: Case) -> tuple[str, ...]:
    """The map `cantor` is not Lipschitz; a bias that is given has no density."""
    stairs = case["map"] == "cantor"
    drawn = is_seed(case["seed"]) and case["n"] == (STAIRS if stairs else RELUS)
    size = 3 if case["b"].size else 2
    relu = (
        case["map"] == "relu"
        and square_size(case["W"]) in (1, 2)
        and on_grid(case["W"], size)
        and case["b"].shape in ((0,), (len(case["W"]),))
    )
    return failing(lipschitz=relu, density=drawn and not case["b"].size)


def _mean_count(case: Case) -> str | None:
    rng, n = np.random.default_rng(case["seed"]), case["n"]
    if case["map"] == "cantor":
        expected = _staircase_integral(rng)
        counts = np.array([_staircase_solutions(b) for b in rng.uniform(0, 1, n)])
    else:
        w = case["W"]
        expected = kac_rice_relu(w)
        biases = np.tile(case["b"], (n, 1)) if case["b"].size else rng.standard_normal((n, len(w)))
        found = [certify_relu(ReluMap.of(w, b)).count for b in biases]
        if None in found:
            raise Undecided(f"{found.count(None)} of {n} certificates are incomplete")
        counts = np.array(found, dtype=float)
    slack = SIGMAS * counts.std() / np.sqrt(n) + RARE / n
    if abs(counts.mean() - expected) > slack:
        return (
            f"mean count {counts.mean():.4f} over {n} biases, integral {expected:.4f} (slack"
            f" {slack:.3f})"
        )
    return None


def kac_rice_relu(w: Array) -> float:
    """Int |det(I - W D(h))| p(h - W relu(h)) dh, b ~ N(0, I), d = 1, 2.

    The radial part is in closed form, the angle by quadrature. With h = r u: Int_0^oo r^(d-1) p(r F
    u) dr = 1/(area of the sphere |F u|^d), F = I - W D constant in each quadrant.
    """
    d, total = len(w), 0.0
    for number, signs in enumerate(product((1, 0), repeat=d)):
        f = np.eye(d) - w @ np.diag(signs)
        determinant = abs(float(np.linalg.det(f)))
        if determinant < 1e-12:  # entries are multiples of 1/16: it is 0
            continue
        if d == 1:
            total += determinant / abs(float(f[0, 0])) / 2
            continue
        quadrant = (0, 3, 1, 2)[number]  # ++, +-, -+, --

        def density(angle: float, f: Array = f) -> float:
            u = f @ np.array([np.cos(angle), np.sin(angle)])
            return 1 / float(u @ u)

        part = quad(
            density,
            quadrant * np.pi / 2,
            (quadrant + 1) * np.pi / 2,
            epsabs=1e-9,
            epsrel=1e-9,
            limit=200,
        )[0]
        total += determinant * part / (2 * np.pi)
    return total


def _staircase(h: float) -> float:
    """The Cantor function, 40 ternary digits."""
    value, place = 0.0, 0.5
    for _ in range(40):
        digit = int(3 * h)
        h = 3 * h - digit
        if digit == 1:
            return value + place
        value += place * (digit >= 2)
        place /= 2
    return value


def _staircase_integral(rng: np.random.Generator) -> float:
    """Mean of |F'| times the density 1 of b, by differences at random points.

    It is 0 unless a point is within 1e-9 of the Cantor set.
    """
    points = rng.uniform(0.01, 0.99, 200)
    return float(
        np.median([abs(_staircase(h + 1e-9) - _staircase(h - 1e-9)) / 2e-9 for h in points])
    )


def _staircase_solutions(b: float) -> int:
    """The number of solutions found by bisection, 1 or 0.

    There is one at least: F is continuous and rises from 0 to 1.
    """
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _staircase(middle) < b else (low, middle)
    return int(abs(_staircase(low) - b) < 1e-6)


# --- piecewise linear maps of the line
@st.composite
def _piecewise(draw: Any, drop: str = "") -> Case:
    """Knots and values in quarters, b uniform or at one point (a fraction of 97: at no value)."""
    steps = draw(st.lists(st.integers(1, 16), min_size=1, max_size=5))
    values = draw(st.lists(st.integers(-16, 16), min_size=len(steps) + 1, max_size=len(steps) + 1))
    low = draw(st.integers(-20, 0))
    return {
        "knots": np.cumsum([0, *steps]) / 4,
        "values": np.array(values) / 4,
        "low": low / 4,
        "high": (low + draw(st.integers(1, 40))) / 4,
        "share": draw(st.integers(1, 96)) if drop == "density" else 0,
        "cantor": drop == "lipschitz",
    }


def _law(case: Case) -> Law:
    low, high = Fraction(case["low"]), Fraction(case["high"])
    knots, values = ([Fraction(float(x)) for x in case[name]] for name in ("knots", "values"))
    atom = low + (high - low) * Fraction(int(case["share"]), 97)
    atoms = (atom,) if case["share"] else ()
    return Law(PiecewiseMap(knots, values, bool(case["cantor"])), low, high, atoms)


SUITES: tuple[Suite, ...] = (
    Suite(
        "M3",
        "tanh-unit",
        property=(
            "h = a tanh h + b, b ~ N(0, s^2): certified counts follow the expected number (exact"
            " test at 1e-7)"
        ),
        cases=_units,
        judge=Confirmed(_three_or_one, LEVEL),
        broken=_broken_for_unit,
        drops=(Drop("b has the density", lambda: _units(False), "density"),),
        evidence="certificate and sample",
        cost=25,
        predicate="expectation",
    ),
    Suite(
        "M3",
        "relu",
        property=(
            "h = W relu(h) + b, b ~ N(0, I): the mean of certified counts is the Kac-Rice integral"
            " (5.5 standard errors)"
        ),
        cases=_relus,
        judge=Confirmed(_mean_count, LEVEL),
        broken=_broken_for_mean,
        drops=(
            Drop("b has the density", lambda: _relus("atom"), "density"),
            Drop("g is locally Lipschitz", _staircases, "lipschitz"),
        ),
        evidence="certificate and sample",
        cost=15,
        predicate="expectation",
    ),
    Suite(
        "M3",
        "piecewise-linear",
        property="piecewise linear maps of the line: the mean count is the integral",
        cases=_piecewise,
        judge=PredicateJudge(EXPECTATION, _law),
        drops=(
            Drop("density", lambda: dropping("density", _piecewise("density")), "density"),
            Drop("lipschitz", lambda: dropping("lipschitz", _piecewise("lipschitz")), "lipschitz"),
        ),
        evidence="exact arithmetic",
        predicate="expectation",
    ),
)
