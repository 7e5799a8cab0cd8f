"""Attacks on N7, the nonlinear mean-field law: what happens when one assumption is dropped."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import NamedTuple

import sympy as sp

from ...activations import ACTIVATIONS, Activation
from ...formulas import formula
from ...kernel.random_falsifier import RandomFalsifier
from ..simulation import gaussian_input, ginibre, sensitivity, settle, sparse_input

WIDTH = 100
"""the dimension d of the simulated loops"""
GAIN = 3
"""phi is tanh(GAIN x)"""
STEEP = ACTIVATIONS["tanh"].steepened(GAIN)
NODES = [
    (i / 16, math.exp(-((i / 16) ** 2) / 2) / (16 * math.sqrt(2 * math.pi)))
    for i in range(-128, 129)
]
"""nodes and weights of the trapezoid rule for a Gaussian average

The error is about exp(-32 pi y), where y is the distance of the nearest pole: pi/6 for tanh(3x).
"""
MOMENT = sum(weight * STEEP.value(g) ** 2 for g, weight in NODES)
SLOPE = sum(weight * STEEP.derivative(g) ** 2 for g, weight in NODES)


SLOPE_TOLERANCE = 0.4
"""relative error of the mean slope; six standard deviations of it at d = 100 are 0.35"""
SENSITIVITY_TOLERANCE = 0.6
"""relative error of (1/d) tr S S^T; eight draws of Gaussian entries stayed within 0.17"""
SETTLED = 1e-3
"""a last step shorter than this fraction of |h| counts as settled"""


class _Draw(NamedTuple):
    """A loop with sigma = 1, a = 0 and phi = tanh(3x)."""

    matrix: list[list[float]]
    e: list[float]
    beta: float

    @property
    def kurtosis(self) -> float:
        """(1/d) Sum e_i^4: 3 for Gaussian entries, 1 for +-1, and 1/p for entries of density p."""
        return sum(x**4 for x in self.e) / len(self.e)


def _draw(
    rng: random.Random, gaussian: bool = True, beta: float = 2.0, density: float = 1.0
) -> _Draw:
    matrix = ginibre(rng, WIDTH)
    e = gaussian_input(rng, WIDTH) if gaussian else sparse_input(rng, WIDTH, density)
    return _Draw(matrix, e, beta)


def _wrong_slope(case: _Draw) -> str | None:
    at = settle(case.matrix, case.e, case.beta, STEEP, tol=1e-9)
    slope = sum(STEEP.derivative(x) ** 2 for x in at.h) / WIDTH
    if abs(slope / SLOPE - 1) <= SLOPE_TOLERANCE:
        return None
    radius, gaussian = math.sqrt(slope) / at.s, math.sqrt(SLOPE) / at.s
    return (
        f"{_show(case)}: mean phi'(h)^2 = {slope:.3f}, rho by the bulk {radius:.3f}; Gaussian"
        f" entries have {SLOPE:.3f} and {gaussian:.3f}"
    )


def _show(case: _Draw) -> str:
    loop = f"tanh(3x), d = {WIDTH}, sigma = 1, beta = {case.beta:g}"
    return f"{loop}, (1/d) Sum e^4 = {case.kurtosis:.3g}"


def _wrong_sensitivity(case: _Draw) -> str | None:
    beta, moment, slope = (sp.Float(x) for x in (case.beta, MOMENT, SLOPE))
    law = float(formula("mean_field_sensitivity")(1, beta, moment, slope))
    at = settle(case.matrix, case.e, case.beta, STEEP, tol=1e-9)
    found = sensitivity(case.matrix, at, STEEP, 0.0, case.beta, random.Random(0))
    if abs(found / law - 1) <= SENSITIVITY_TOLERANCE:
        return None
    return f"{_show(case)}: (1/d) tr S S^T = {found:.3f}, by the law of Gaussian entries {law:.3f}"


def _edge() -> float:
    return float(formula("mean_field_threshold")(1, sp.Float(MOMENT), sp.Float(SLOPE)))


def _near_edge(rng: random.Random, keep: bool) -> _Draw:
    return _draw(rng, beta=(2.2 if keep else 0.3) * _edge())


def _unsettled(case: _Draw) -> str | None:
    at = settle(case.matrix, case.e, case.beta, STEEP, loops=150, tol=SETTLED)
    if at.step <= SETTLED:
        return None
    where = f"tanh(3x), d = {WIDTH}, beta = {case.beta / _edge():.2g} beta_c"
    return f"{where}: the step is still {at.step:.3g} |h| after 150 loops"


class _Balance(NamedTuple):
    activation: Activation
    gain: float
    ratio: float
    """beta/sigma"""
    odd_concave: bool


def _balance(rng: random.Random, keep: bool) -> _Balance:
    if keep:
        gain = rng.uniform(0.3, 5)
        return _Balance(ACTIVATIONS["tanh"].steepened(gain), gain, rng.uniform(0.2, 3), True)
    return _Balance(ACTIVATIONS["sin"].steepened(math.pi), math.pi, rng.uniform(0.3, 2.5), False)


def _several_shares(case: _Balance) -> str | None:
    """More or fewer than one share u in (0, 1] solves the balance for +-1 inputs.

    The shares are counted by sign changes on a grid, and at u = 1.
    """

    def excess(u: float) -> float:
        spread = math.sqrt(1 - u * u)
        q = sum(weight * case.activation.value(spread * g + u) ** 2 for g, weight in NODES)
        # (u^2 q/(1 - u^2) - ratio^2)(1 - u^2)
        return u * u * q - case.ratio**2 * (1 - u * u)

    values = [excess(i / 100) for i in range(1, 100)]
    count = sum(x * y < 0 for x, y in pairwise(values)) + (abs(case.activation.value(1.0)) < 1e-12)
    if count == 1:
        return None
    name = "tanh" if case.odd_concave else "sin"
    where = f"{name}({case.gain:.4g} x), +-1 inputs, beta/sigma = {case.ratio:.3g}"
    return f"{where}: {count} shares solve the balance, one of them u = 1"


FALSIFIERS = (
    RandomFalsifier(
        "signs_as_input",
        "gaussian_input",
        "the mean of phi'(h)^2 over the entries is within 40 % of E phi'(g)^2",
        lambda rng, keep: _draw(rng, gaussian=keep),
        lambda case: case.kurtosis > 1.5,
        _wrong_slope,
        trials=3,
    ),
    RandomFalsifier(
        "sensitivity_to_sparse_input",
        "gaussian_input",
        "(1/d) tr S S^T is within 60 % of beta^2/(beta^2 - beta_c^2)",
        lambda rng, keep: _draw(rng, keep, beta=2.5, density=0.05),
        lambda case: 1.5 < case.kurtosis < 10,
        _wrong_sensitivity,
        trials=3,
    ),
    RandomFalsifier(
        "recall_below_the_edge",
        "above_edge",
        "the loop settles from h_0 = e",
        _near_edge,
        lambda case: case.beta > _edge(),
        _unsettled,
        trials=3,
    ),
    RandomFalsifier(
        "oscillating_activation",
        "concave",
        "one share of the input solves the balance",
        _balance,
        lambda case: case.odd_concave,
        _several_shares,
        trials=6,
    ),
)
