"""Attacks on A2: certified fixed points of random smooth maps; none may be degenerate.

A complete certificate proves that every fixed point in the box is non-degenerate and isolated
(Krawczyk). Where it stays incomplete, fixed points are searched in what is left and followed along
the null direction of I - J.
"""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis.strategies as st
import numpy as np

from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...certificates.certify import Certificate, certify
from ...certificates.maps import CertifiedMap, NormMap
from ...formulas import numeric
from ...strategies.block_forms import (
    SEEDS,
    contracting,
    form,
    matrix,
    nonzero_vector,
    sixteenths,
    unimodular,
)
from ..shared.confirmation import Confirmed
from ..shared.drawn_values import failing, is_seed, on_grid, shaped, square_size
from ..shared.exact_orbits import exact
from ..shared.tanh_loops import TanhLoop, is_drawn, is_tanh_loop, tanh_case

BOXES = 4000
"""Most boxes of a certificate."""
FIXED, SINGULAR = 1e-12, 1e-6
"""Largest residual of a fixed point; largest singular value of I - J that counts as 0. A bias
within its square (1e-12) of a fold gives one.
"""
CHANCE = 1e-8
"""A bound of the probability that a random bias is so near to a critical one."""
DRIVE = 0.25
"""The scale of the random drive c, where the bias is not random."""
EPSILONS = (1.0, 0.25, 0.0625)
NEXT = 0.05
"""How far along the null direction a second fixed point is searched for."""


@dataclass(frozen=True)
class TanhNormLoop:
    """f(h) = N(a h + A tanh(h) + c) of a case, c = `bias` + `noise` x."""

    residual: float
    matrix: Array
    drive: Array
    eps: float

    @classmethod
    def of(cls, case: Case) -> TanhNormLoop:
        """The map of the case."""
        normal = np.random.default_rng(int(case["seed"])).standard_normal(len(case["bias"]))
        return cls(
            case["residual"], case["matrix"], case["bias"] + case["noise"] * normal, case["eps"]
        )

    def step(self, h: Array) -> Array:
        """f at one state."""
        z = self.residual * h + self.matrix @ np.tanh(h) + self.drive
        return z / np.sqrt(np.mean(z * z) + self.eps)

    def jacobian(self, h: Array) -> Array:
        """Df at one state."""
        z = self.residual * h + self.matrix @ np.tanh(h) + self.drive
        s2 = np.mean(z * z) + self.eps
        inside = self.residual * np.eye(h.size) + self.matrix * (1 - np.tanh(h) ** 2)
        return (np.eye(h.size) - np.outer(z, z) / (h.size * s2)) @ inside / np.sqrt(s2)

    def certified(self) -> tuple[CertifiedMap, None]:
        """The map for `certify`, without a box: all fixed points."""
        return NormMap.of(self.residual, self.matrix, self.drive, self.eps), None


def _newton(f: TanhLoop | TanhNormLoop, h: Array, steps: int = 60) -> Array:
    """Gauss-Newton for f(h) = h; with the pseudo-inverse it converges to curves of them too."""
    eye = np.eye(h.size)
    for _ in range(steps):
        h = h + np.linalg.pinv(eye - f.jacobian(h), rcond=1e-10) @ (f.step(h) - h)
    return h


def _degenerate(f: TanhLoop | TanhNormLoop, certificate: Certificate) -> str | None:
    """A degenerate fixed point in the undecided boxes, in words."""
    low, high = certificate.box
    centers = certificate.undecided.mean(1)
    for center in centers[:: max(1, len(centers) // 16)]:
        h = _newton(f, center)
        if not np.abs(f.step(h) - h).max() <= FIXED or (h < low).any() or (h > high).any():
            continue
        _, sizes, rows = np.linalg.svd(np.eye(h.size) - f.jacobian(h))
        if sizes[-1] <= SINGULAR:
            second = _newton(f, h + NEXT * rows[-1])
            apart = float(np.linalg.norm(second - h))
            curve = np.abs(f.step(second) - second).max() <= FIXED and apart > NEXT / 2
            further = f"; another one {apart:.3g} away" if curve else ""
            return f"the fixed point {h.tolist()} has sigma_min(I - J) = {sizes[-1]:.1e}{further}"
    return None


def _judge(f: TanhLoop | TanhNormLoop) -> str | None:
    g, box = f.certified()
    certificate = certify(g, box, max_boxes=BOXES)
    if certificate.count is None:
        words = _degenerate(f, certificate)
        if words is None:
            raise Undecided
        return words
    if certificate.global_box and certificate.index_sum != 1:
        return (
            f"{certificate.count} certified fixed points with indices that sum to"
            f" {certificate.index_sum}, not 1 (Lefschetz-Hopf)"
        )
    return None


def _broken_for_tanh(case: Case) -> tuple[str, ...]:
    """D_theta f is the identity for the bias; where c alone is random, it is A diag(.)."""
    shift = case.get("shift", 0.0)
    random = is_drawn(case) and shift == 0
    by_drive = shift == DRIVE and is_seed(case["seed"])
    by_drive = by_drive and case["noise"] == 0 and not case["bias"].any()
    if not is_tanh_loop(case):
        return ("smooth",)
    onto = exact(case["outer"]).rank() == len(case["outer"])
    return failing(generic=random or by_drive, rank=onto if by_drive else True)


def _broken_for_norm(case: Case) -> tuple[str, ...]:
    d = square_size(case["matrix"])
    loop = (
        bool(d)
        and shaped(case, bias=(d,))
        and on_grid(case["matrix"], 2)
        and on_grid(case["residual"], 2)
        and not case["bias"].any()
        and case["eps"] in EPSILONS
    )
    return failing(smooth=loop, generic=is_drawn(case))


@st.composite
def _fold(draw: st.DrawFn) -> Case:
    """Critical biases.

    The fold of a tanh(h) + b, or b = 0 where I - A has a kernel (a pitchfork).
    """
    if draw(st.booleans()):
        a = 1 + draw(st.integers(1, 32)) / 16
        outer, bias = np.array([[a]]), np.array([float(numeric("tanh_fold_bias")(a))])
    else:
        d = draw(st.integers(1, 2))
        v = draw(unimodular(d))
        outer = v @ form([("real", 1.0, 1), *draw(contracting(d - 1))]) @ np.linalg.inv(v).round()
        bias = np.zeros(d)
    return {
        "residual": 0.0,
        "outer": outer,
        "inner": np.eye(len(bias)),
        "bias": bias,
        "noise": 0.0,
        "seed": 0,
    }


@st.composite
def _deficient(draw: st.DrawFn) -> Case:
    """h + A tanh(W h + c) with rank A < d and no bias.

    c is random, but D_c f = A diag(.) is not onto.
    """
    d = draw(st.integers(1, 2))
    row = draw(nonzero_vector(d))
    outer = np.outer(row, [1.0, -1.0][:d]) if d > 1 else np.zeros((1, 1))
    return {
        "residual": 1.0,
        "outer": outer,
        "inner": np.eye(d),
        "bias": np.zeros(d),
        "noise": 0.0,
        "shift": DRIVE,
        "seed": draw(SEEDS),
    }


@st.composite
def _norm_case(draw: st.DrawFn, generic: bool = True) -> Case:
    d = draw(st.integers(1, 2) if generic else st.just(2))
    a = 1 + draw(sixteenths(-16, 16) if generic else sixteenths(0, 16))
    return {
        "residual": a,
        "matrix": draw(matrix(d, d)) if generic else np.zeros((d, d)),
        "bias": np.zeros(d),
        "noise": float(generic),
        "eps": draw(st.sampled_from(EPSILONS)) if generic else 0.25,
        "seed": draw(SEEDS),
    }


SUITES = (
    Suite(
        "A2",
        "tanh",
        property=(
            "r h + A tanh(W h) + b with r = 0 or 1, b random: no fixed point in the box is"
            " degenerate (r = 0: and their indices sum to 1)"
        ),
        cases=tanh_case,
        judge=Confirmed(lambda case: _judge(TanhLoop.of(case)), CHANCE),
        broken=_broken_for_tanh,
        drops=(
            Drop("generic: the bias is not critical", _fold, "generic"),
            Drop("rank: the parameters reach every direction", _deficient, "rank"),
        ),
        evidence="certificate",
        cost=4,
        predicate="non_degenerate",
    ),
    Suite(
        "A2",
        "norm",
        property=(
            "N(a h + A tanh(h) + c), eps > 0, c random: no fixed point is degenerate, and their"
            " indices sum to 1"
        ),
        cases=_norm_case,
        judge=Confirmed(lambda case: _judge(TanhNormLoop.of(case)), CHANCE),
        broken=_broken_for_norm,
        drops=(
            Drop(
                "generic: the drive is not critical", lambda: _norm_case(generic=False), "generic"
            ),
        ),
        evidence="certificate",
        cost=6,
        predicate="non_degenerate",
    ),
)
