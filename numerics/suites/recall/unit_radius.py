"""Attacks on R2 at the unit radius, rho(W_x) = 1, and on the radial eigenvalue of a scalar W_x."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ...attack.suite import Case, Drop, Suite, Undecided
from ...ensembles.matrices import jordan_form
from ...strategies import fractions as draws
from ..shared import assumed_recall as assumed
from ..shared.residual_stream import OFF_LATTICE, Stream, updates
from .bounded_update import ROUNDING


@st.composite
def _critical(draw: Any, rho: st.SearchStrategy[float]) -> Case:
    d = draw(draws.sizes(1, 3))
    v, inverse = draw(draws.unimodulars(d, 2, 2))
    lead = draw(draws.SIGNS) * draw(rho)
    block = draw(st.integers(1, d))
    form = jordan_form((lead, block), *((0.5, 1),) * (d - block))
    case, start = draw(updates(d)), draw(draws.vectors(d)) + OFF_LATTICE
    return {
        **case,
        "weight": v @ form @ inverse,
        "drive": draw(draws.vectors(d)),
        "start": start,
        "block": block,
        "V": v,
    }


def _polynomial(case: Case) -> str | None:
    """For a Jordan block of size k on the circle, |h_t| <= kappa (1 + t)^{k-1} (|h_0| + t C).

    This follows from |W^s| <= kappa(V) (1 + s)^{k-1}.
    """
    stream, h, k, loops = Stream.of(case), case["start"], case["block"], 600
    push = float(np.linalg.norm(stream.drive)) + stream.bound()
    start = float(np.linalg.norm(h))
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(loops):
            h = stream.step(h)
    allowed = np.linalg.cond(case["V"]) * (1 + loops) ** (k - 1) * (start + loops * push)
    size = float(np.abs(h).max())
    if not size <= allowed * (1 + ROUNDING):
        return (
            f"a Jordan block of size {k}: |h| = {size:.4g} after {loops} loops, allowed"
            f" {allowed:.4g}"
        )
    return None


@st.composite
def _radial(
    draw: Any, blocks: int = 1, eps: tuple[float, ...] = (0.0,), scalar: bool = True
) -> Case:
    d = draw(draws.sizes(1 if scalar and eps == (0.0,) and blocks == 1 else 2, 3))
    case = draw(updates(d, blocks=blocks, eps=eps))
    if eps != (0.0,) or blocks > 1:
        # an update that does depend on what eps or the first sub-block changes
        case["inner"] = np.stack([np.eye(d)] * blocks)
        case["outer"] = np.stack([np.eye(d)[::-1] + 2 * np.eye(d)] * blocks)
        case["norm"] = "pre"
    omega = draw(draws.SIGNS) * draw(draws.fractions(0.25, 2))
    weight = omega * np.eye(d)
    if not scalar:
        weight = weight + np.eye(d, k=1)
    z = draw(draws.fractions(0.25, 4)) * draw(draws.directions(d))
    if not scalar:
        z = np.ones(d)
    drive = draw(draws.vectors(d))
    return {**case, "weight": weight, "drive": drive, "omega": omega, "z": z}


def _stretches(case: Case) -> str | None:
    """f(h + tau z) - f(h) = omega tau z for z = W h + c and every tau with 1 + omega tau > 0.

    The difference is exact, not a limit of small ones.
    """
    stream, z, omega = Stream.of(case), case["z"], case["omega"]
    h = np.linalg.solve(stream.weight, z - stream.drive)
    tau = 0.25
    first, second = stream.step(h), stream.step(h + tau * z)
    # rounding: N(z) moves by a few u R, and the update by its Lipschitz constant times that (peri:
    # over the size of the inner update)
    inner = 1.0
    if stream.norm == "peri":
        pre = Stream.of({**case, "norm": "pre"})
        inner = min(float(np.linalg.norm(pre.update(0, z))), 1.0)
        if inner < 1e-6:
            raise Undecided("the update that peri normalises nearly vanishes")
    sizes = (
        np.linalg.norm(h)
        + np.linalg.norm(stream.drive)
        + stream.bound()
        + stream.radius() * (1 + stream.lipschitz()) / inner
    )
    slack = (
        200 * np.finfo(float).eps * len(z) * (1 + abs(omega)) * (1 + sizes) * (1 + stream.radius())
    )
    off = float(np.linalg.norm(second - first - omega * tau * z))
    if off > slack:
        return (
            f"f(h + z/4) - f(h) differs from omega z/4 by {off:.4g} (rounding allows {slack:.2g})"
        )
    return None


SUITES: tuple[Suite, ...] = (
    Suite(
        "R2",
        "critical",
        property="rho(W_x) = 1: |h_t| = O(t^k), k the largest Jordan block on the circle",
        cases=lambda: _critical(st.just(1.0)),
        judge=_polynomial,
        broken=assumed.critical,
        drops=(
            Drop(
                "rho(W_x) = 1",
                assumption="critical",
                cases=lambda: _critical(draws.fractions(1.125, 1.5)),
            ),
        ),
        cost=3,
    ),
    Suite(
        "R2",
        "radial",
        property=(
            "W_x = omega I, one sub-block, eps = 0: omega is an eigenvalue of J with eigenvector"
            " z, at every state"
        ),
        cases=_radial,
        judge=_stretches,
        broken=assumed.radial,
        drops=(
            Drop("one sub-block", assumption="one_sub_block", cases=lambda: _radial(blocks=2)),
            Drop("eps = 0", assumption="eps_zero", cases=lambda: _radial(eps=(0.25, 1.0))),
            Drop("W_x = omega I", assumption="scalar_weight", cases=lambda: _radial(scalar=False)),
        ),
    ),
)
