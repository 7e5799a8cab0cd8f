"""Attacks on A2' at one token: ranks of D_theta f at fixed points, and steps where there are none.

The fixed points are constructed. Derivatives are taken by complex steps, and no formula for them is
used.
"""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np

from ...attack.suite import Case, Drop, Suite, Undecided
from ...strategies.block_forms import matrix, nonzero_matrix, nonzero_vector, vector
from ..shared.complex_step import normalised
from ..shared.drawn_values import failing, on_grid, shaped
from ..shared.ranks import derivative, rank
from ..shared.token_blocks import WEIGHTS, block, solved

FIXED = 1e-10
"""Largest residual of a fixed point."""
NORMS = ("pre", "peri", "post", "sandwich", "gru")
EPSILONS = (1.0, 0.25, 0.0625)


def _ranked(case: Case, names: tuple[str, ...], dimension: int) -> str | None:
    h, p = solved(case)
    residual = np.abs(block(case, h, p) - h).max()
    if not residual <= FIXED * (1 + np.abs(h).max()):
        raise Undecided
    found, sizes = rank(derivative(lambda q: block(case, h, q), p, names))
    if found >= dimension:
        return None
    elsewhere = rank(
        derivative(lambda q: block(case, h + 1 / np.arange(3, 3 + h.size), q), p, names)
    )[0]
    smallest = sizes[min(dimension, len(sizes)) - 1]
    return (
        f"D_theta f by {', '.join(names)} has rank {found} < {dimension} at the fixed point"
        f" {np.round(h, 6).tolist()} (relative singular value {smallest:.0e}), and rank {elsewhere}"
        " beside it"
    )


def _last_bias(case: Case) -> str | None:
    """The last bias is onto R^d."""
    return _ranked(case, ("b",), case["state"].size)


def _sphere(case: Case) -> str | None:
    """eps = 0: the last bias is onto the tangent space (post, sandwich).

    For peri, bias and gain together are onto R^d.
    """
    d = case["state"].size
    if case["norm"] != "peri":
        return _ranked(case, ("b",), d - 1)
    return _ranked(case, (*WEIGHTS, "b") if case["gain_free"] else ("b", "gain"), d)


def _step_of_peri(case: Case) -> str | None:
    """|h' - h| >= sqrt(d) min |gain| for h' = h + gain N(u(N(h)))."""
    h, eps, gain = case["state"], case["eps"], case["gain"]
    x = np.tanh(case["W1"] @ normalised(h, eps))
    b = case["v1"] if eps == 0 else -case["W2"] @ x
    u = case["W2"] @ x + b
    if not np.abs(u).max() > (1e-9 if eps == 0 else -1):
        raise Undecided  # the map is not defined, or rounding decides
    step = float(np.linalg.norm(gain * normalised(u, eps)))
    bound = np.sqrt(h.size) * np.abs(gain).min()
    if step >= bound * (1 - 1e-12):
        return None
    return f"|h' - h| = {step:.3g} < sqrt(d) min |gain| = {bound:.3g}"


def _fits(case: Case, least: int) -> bool:
    """Whether state and weights are sixteenths up to 2, in least to 3 dimensions.

    The judge tells a rank from rounding for such values only.
    """
    d, k = case["state"].size, case["v1"].size
    shapes = {"gain": (d,), "direction": (d,), "V2": (d, k), "W1": (k, d), "W2": (d, k)}
    rows = d if case["norm"] == "gru" else k
    return (
        case["norm"] in NORMS
        and least <= d <= 3
        and 1 <= k <= 3
        and shaped(case, state=(d,), v1=(k,), V1=(rows, d), **shapes)
        and all(on_grid(case[name], 2) for name in WEIGHTS)
        and all(on_grid(case[name], 2, least=1 / 16) for name in ("state", "direction", "v1"))
    )


def _without_zeros(case: Case) -> bool:
    """Whether no gain vanishes: sixteenths from 1/16 to 2; pre and gru have none after the map."""
    return on_grid(case["gain"], 2, least=1 / 16)


def _broken_for_last_bias(case: Case) -> tuple[str, ...]:
    return failing(
        smooth=_fits(case, 1),
        gains=_without_zeros(case),
        epsilon=case["eps"] in EPSILONS,
        learned_gains=not case["gain_free"],
    )


def _broken_on_sphere(case: Case) -> tuple[str, ...]:
    return failing(
        smooth=_fits(case, 2) and case["norm"] in ("peri", "post", "sandwich"),
        gains=_without_zeros(case),
        epsilon=case["eps"] == 0,
        learned_gains=not case["gain_free"],
    )


def _broken_for_one_sub_block(case: Case) -> tuple[str, ...]:
    """Without external recall the stream carries h itself, as the judge has it."""
    d, k = case["state"].size, len(case["W1"])
    shapes = {"gain": (d,), "W1": (k, d), "W2": (d, k), "v1": (d,)}
    drawn = (
        1 <= d <= 4
        and 1 <= k <= 3
        and shaped(case, state=(d,), **shapes)
        and on_grid(case["state"], 2, least=1 / 16)
        and all(on_grid(case[name], 2) for name in ("W1", "W2"))
        and bool((np.abs(case["v1"]) <= 3).all())
    )
    return failing(smooth=drawn, gains=_without_zeros(case), epsilon=case["eps"] == 0)


@st.composite
def _block(
    draw: st.DrawFn,
    norms: tuple[str, ...] = NORMS,
    eps: tuple[float, ...] = EPSILONS,
    least: int = 1,
    **flags: bool,
) -> Case:
    """Weights of sixteenths.

    `zero_gain`: one gain vanishes; `gain_free`: gains are fixed to 1, and are no parameters.
    """
    d = draw(st.integers(least, 3))
    k = draw(st.integers(1, 3))
    gain = np.ones(d) if flags.get("gain_free") else draw(nonzero_vector(d))
    if flags.get("zero_gain"):
        gain[draw(st.integers(0, d - 1))] = 0
    norm = draw(st.sampled_from(norms))
    # without zeros where gains are fixed, so that other states do reach every direction
    weights = nonzero_matrix if flags.get("gain_free") else matrix
    return {
        "norm": norm,
        "eps": draw(st.sampled_from(eps)),
        "gain": gain,
        "gain_free": bool(flags.get("gain_free")),
        "state": draw(nonzero_vector(d)),
        "direction": draw(nonzero_vector(d)),
        "V1": draw(weights(d if norm == "gru" else k, d)),
        "v1": draw(nonzero_vector(k)),
        "V2": np.eye(d, k) + draw(matrix(d, k, 4)),
        "W1": draw(weights(k, d)),
        "W2": draw(weights(d, k)),
    }


@st.composite
def _one_sub_block(draw: st.DrawFn, eps: float = 0.0) -> Case:
    d, k = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    return {
        "eps": eps,
        "gain": draw(nonzero_vector(d)),
        "state": draw(nonzero_vector(d)),
        "W1": draw(matrix(k, d)),
        "W2": draw(matrix(d, k)),
        "v1": draw(vector(d)) + np.eye(d)[0] / 7,
    }


SUITES = (
    Suite(
        "A2'",
        "last-bias",
        property=(
            "one token, eps > 0, gains without zeros: the last bias (gru: the candidate bias) has"
            " rank d at fixed points"
        ),
        cases=_block,
        judge=_last_bias,
        broken=_broken_for_last_bias,
        drops=(
            Drop(
                "gains without zeros",
                lambda: _block(("peri", "post", "sandwich"), zero_gain=True),
                "gains",
            ),
            Drop("eps > 0", lambda: _block(("post", "sandwich"), (0.0,)), "epsilon"),
        ),
        evidence="complex step",
        cost=2,
        predicate="last_bias",
    ),
    Suite(
        "A2'",
        "sphere",
        property=(
            "one token, eps = 0: the last bias has rank d - 1 (post, sandwich), bias and gain rank"
            " d (peri, two sub-blocks) at fixed points"
        ),
        cases=lambda: _block(("peri", "post", "sandwich"), (0.0,), 2),
        judge=_sphere,
        broken=_broken_on_sphere,
        drops=(
            Drop(
                "gains learned: gain-free peri has rank d - 1 at fixed points",
                lambda: _block(("peri",), (0.0,), 2, gain_free=True),
                "learned_gains",
            ),
        ),
        evidence="complex step",
        cost=3,
        predicate="bias_and_gain",
    ),
    Suite(
        "A2'",
        "peri-steps",
        property=(
            "peri with one sub-block, eps = 0: |h' - h| >= sqrt(d) min |gain|, so no fixed point"
        ),
        cases=_one_sub_block,
        judge=_step_of_peri,
        broken=_broken_for_one_sub_block,
        drops=(Drop("eps = 0", lambda: _one_sub_block(0.25), "epsilon"),),
        evidence="closed form",
        predicate="one_sub_block",
    ),
)
