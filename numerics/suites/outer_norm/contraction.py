"""Attacks on N3, contraction under outer normalisation.

A stretch is measured on real pairs of states, so it bounds the best Lipschitz constant from below:
above kappa it is a counterexample. The largest one is found by local maximisation. Long orbits are
tested as well.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from ...arrays import Array
from ...attack.suite import Case, Drop, Suite
from ...formulas import numeric
from ...strategies.fractions import fractions, sizes
from ...strategies.spheres import show, spheres, stretched
from ..shared.assumed_contraction import (
    broken_in_cycles,
    broken_in_sharp_example,
    broken_in_sub_blocks,
)
from ..shared.complex_step import UNIT, complex_step, normalised, tangent

CHORD = 1e-4
"""The length of an adversarial pair; its images are known to 1e-15, so its stretch to 1e-11."""


@st.composite
def _blocks(draw: DrawFn, small: bool = True) -> Case:
    """Sub-blocks h <- N(A tanh h + b) or N(A h + b) of L tokens, of Lipschitz constant l each.

    There |A h + b| >= r = (|b|/R - l) R, and A_ij = l_ij U diag V^T with sum_j l_ij = l. `small`:
    |b|/R >= (2 + 1/16) l in every sub-block, so kappa < 1; else |b|/R >= (1 + 1/16) l.
    """
    d, tokens = draw(sizes(2, 3)), draw(sizes(1, 2))
    matrices, drives, slopes = [], [], []
    for _ in range(draw(st.integers(1, 2))):
        size = draw(fractions(1 / 4, 2))
        rows = []
        for _ in range(tokens):
            share = draw(fractions(1 / 4, 3 / 4)) if tokens == 2 else 1.0
            parts = [size * share, size * (1 - share)] if tokens == 2 else [size]
            rows.append(
                np.concatenate([draw(stretched(d, 0, part, part)) for part in parts], axis=1)
            )
        matrices.append(np.concatenate(rows))
        slopes.append(size)
        beta = size * ((2 if small else 1) + draw(fractions(1 / 16, 2)))
        drives.append(beta * np.stack([draw(spheres(d)) for _ in range(tokens)]))
    radii = [
        float(np.linalg.norm(b, axis=1).min()) - s * np.sqrt(d)
        for b, s in zip(drives, slopes, strict=True)
    ]
    return {
        "matrices": np.stack(matrices),
        "drives": np.stack(drives),
        "slopes": np.array(slopes),
        "radii": np.array(radii),
        "gain": 1.0,
        "saturates": draw(st.booleans()),
        "eps": draw(st.sampled_from((0.0, 1 / 4))),
        "norm": True,
        "probes": np.stack([np.stack([draw(spheres(d)) for _ in range(tokens)]) for _ in range(2)]),
    }


@st.composite
def _scalar(draw: DrawFn, ratios: SearchStrategy[float], **changes: Any) -> Case:
    """h <- N(-a h + beta e), beta/a from `ratios`.

    `changes` multiply what the case claims of the loop; with `gain`, the gain is in [3, 4].
    """
    d, a = draw(sizes(2, 3)), draw(fractions(1 / 2, 2))
    e, beta = draw(spheres(d)), a * draw(ratios)
    case = {
        "matrices": -a * np.eye(d)[None],
        "drives": beta * e[None, None],
        "slopes": np.array([a]),
        "radii": np.array([abs(beta - a) * np.sqrt(d)]),
        "gain": 1.0,
        "saturates": False,
        "eps": 0.0,
        "norm": True,
        "probes": np.stack([draw(spheres(d))[None] for _ in range(2)]),
    }
    if changes.get("gain"):
        case["gain"] = draw(fractions(3, 4))
    return {
        **case,
        **{
            name: case[name] * value
            for name, value in changes.items()
            if name in ("slopes", "radii")
        },
    }


def _step(case: Case, h: Array) -> Array:
    """One iteration on (L, d)."""
    for a, b in zip(case["matrices"], case["drives"], strict=True):
        h = (a @ (np.tanh(h) if case["saturates"] else h).ravel()).reshape(h.shape) + b
        if case["norm"]:
            h = case["gain"] * normalised(h, case["eps"])
    return h


def _kappa(case: Case) -> float:
    """Product over the sub-blocks."""
    d = case["drives"].shape[-1]
    return float(
        np.prod(numeric("contraction_constant")(d, case["slopes"], case["radii"], case["eps"]))
    )


def _length(x: Array) -> float:
    """The max norm over tokens."""
    return float(np.linalg.norm(x, axis=-1).max())


def _starts(case: Case) -> list[Array]:
    """The probes, +-b, and states beside them, on the state space."""
    last = normalised(case["drives"][-1])
    beside = np.stack([b + tangent(b)[:, 0] * np.linalg.norm(b) / 2 for b in last])
    return [case["gain"] * normalised(h) for h in (*case["probes"], last, -last, beside, -beside)]


def _worst_direction(case: Case, h: Array) -> tuple[float, Array]:
    """max |J v| over |v_j| <= 1 and the direction v, tangent at eps = 0.

    Found by alternating maximisation (power iteration for one token).
    """
    jacobian = complex_step(lambda x: _step(case, x.reshape(h.shape)).ravel(), h.ravel()).reshape(
        *h.shape, *h.shape
    )
    if case["eps"] == 0:
        unit = h / np.linalg.norm(h, axis=1, keepdims=True)
        jacobian = jacobian - np.einsum("idje,je,jf->idjf", jacobian, unit, unit)
    best, chosen = 0.0, np.zeros_like(h)
    for i in range(len(h)):
        v = np.linalg.svd(jacobian[i].reshape(h.shape[1], -1))[2][0].reshape(h.shape)
        for _ in range(8 if len(h) > 1 else 0):
            image = np.einsum("dje,je->d", jacobian[i], v)
            back = np.einsum("d,dje->je", image, jacobian[i])
            v = back / np.maximum(np.linalg.norm(back, axis=1, keepdims=True), 1e-300)
        size = float(np.linalg.norm(np.einsum("dje,je->d", jacobian[i], v)))
        if size > best:
            best, chosen = size, v
    return best, chosen


def _largest_stretch(case: Case) -> tuple[float, Array, Array]:
    """The largest |f(x) - f(y)|/|x - y| found, and the pair.

    Climbs from every start along fixed pseudo-random directions.
    """
    rng = np.random.default_rng(0)
    first, second, *_ = _starts(case)
    best = 0.0, first, second
    for h in _starts(case):
        size, v = _worst_direction(case, h)
        step = 0.5
        for _ in range(8):
            new = h + step * _length(h) * rng.standard_normal(h.shape)
            new = (
                case["gain"] * normalised(new)
                if case["eps"] == 0
                else new * min(1.0, case["gain"] * np.sqrt(h.shape[1]) / _length(new))
            )
            candidate = _worst_direction(case, new)
            if candidate[0] > size:
                h, (size, v) = new, candidate
            else:
                step *= 0.5
        x, y = (h + sign * CHORD / 2 * v for sign in (1, -1))
        if case["eps"] == 0:
            x, y = (case["gain"] * normalised(z) for z in (x, y))
        ratio = _length(_step(case, x) - _step(case, y)) / _length(x - y)
        if ratio > best[0]:
            best = ratio, x, y
    return best


def _describe(case: Case) -> str:
    kind = "A tanh h + b" if case["saturates"] else "A h + b"
    norm = f"N({kind}), gain {case['gain']:g}, eps = {case['eps']:g}" if case["norm"] else kind
    slopes, radii = show(case["slopes"]), show(case["radii"])
    return (
        f"{norm}: A = {show(case['matrices'])}, b = {show(case['drives'])}, l = {slopes}, r ="
        f" {radii}"
    )


def _stretched_beyond(case: Case) -> str | None:
    ratio, x, y = _largest_stretch(case)
    kappa = _kappa(case)
    if ratio > kappa * (1 + 1e-10) + 1e-10:
        return (
            f"{_describe(case)}: the pair {show(x)}, {show(y)} is stretched by {ratio:.6g} > kappa"
            f" = {kappa:.6g}"
        )
    return None


def _settles_once(case: Case) -> str | None:
    """All starts: distances shrink by kappa at every iteration, and end below 2R kappa^T.

    Rounding is allowed for.
    """
    kappa, d = _kappa(case), case["drives"].shape[-1]
    loops = min(400, math.ceil(math.log(1e-9) / math.log(kappa))) if 0 < kappa < 1 else 400
    # one loop rounds to a few ulps of R times the amplification R/r of each sub-block, 16 (d + 2)
    # of them as for N1
    rounding = (
        16
        * (d + 2)
        * UNIT
        * np.sqrt(d)
        * float(np.prod(1 + case["slopes"] * np.sqrt(d) / np.abs(case["radii"])))
    )
    states = _starts(case)
    gap = max(_length(x - states[0]) for x in states)  # orbits are compared with the first
    for loop in range(loops):
        before = gap
        states = [_step(case, x) for x in states]
        gap = max(_length(x - states[0]) for x in states)
        if kappa < 1 and gap > kappa * before + rounding:
            return (
                f"{_describe(case)}: loop {loop + 1} takes the distance of two orbits from"
                f" {before:.4g} to {gap:.4g}, kappa = {kappa:.4g}"
            )
    move = max(_length(_step(case, x) - x) for x in states)
    allowed = (4 * np.sqrt(d) * kappa**loops if kappa < 1 else 1e-6) + rounding / (
        1 - kappa if kappa < 1 else 1
    )
    if max(gap, move) > allowed:
        e, h = case["drives"][-1, 0], states[-1][0]
        cosine = float(e @ h / np.linalg.norm(e) / np.linalg.norm(h))
        half = float(np.linalg.norm(e) / np.linalg.norm(case["matrices"][-1], 2) / np.sqrt(d) / 2)
        ends = f"starts end {gap:.4g} apart and still move by {move:.4g} after {loops} loops"
        return f"{_describe(case)}: {ends}, cos(h, b) = {cosine:.6f}, beta/(2|A|) = {half:.6f}"
    return None


@st.composite
def _without_norm(draw: DrawFn) -> Case:
    """h <- -a h + b for a > 1 without the norm, |b| > 2 a R: distances grow, though kappa < 1."""
    case = draw(_blocks())
    m, tokens, d = case["drives"].shape
    slopes = np.array([draw(fractions(9 / 8, 2)) for _ in range(m)])
    drives = case["drives"] * (slopes / case["slopes"])[:, None, None]
    return {
        **case,
        "norm": False,
        "saturates": False,
        "matrices": -slopes[:, None, None] * np.eye(tokens * d),
        "drives": drives,
        "slopes": slopes,
        "radii": np.linalg.norm(drives, axis=2).min(1) - slopes * np.sqrt(d),
    }


@st.composite
def _cycle(draw: DrawFn, low: float, high: float) -> Case:
    """N(-a h + beta e) from a state off the line of e by an angle of tangent t."""
    d, a = draw(sizes(2, 5)), draw(fractions(1 / 2, 2))
    e = draw(spheres(d))
    return {"a": a, "ratio": draw(fractions(low, high)), "e": e, "t": draw(fractions(1 / 4, 2))}


def _cycles(case: Case) -> str | None:
    """After 1200 iterations: a 2-cycle with cos(h, e) = beta/(2a), that is |z| = a R."""
    a, e, d = case["a"], case["e"], len(case["e"])
    beta = a * case["ratio"]
    h = normalised(e + case["t"] * tangent(e)[:, 0] * np.sqrt(d))
    for _ in range(1200):
        h = normalised(-a * h + beta * e)
    z = -a * h + beta * e
    once = normalised(z)
    twice = normalised(-a * once + beta * e)
    cosine, scale = float(h @ e) / d, float(np.linalg.norm(z) / np.sqrt(d))
    if (
        max(_length(twice - h), abs(cosine - case["ratio"] / 2), abs(scale - a)) > 1e-9
        or _length(once - h) < 1e-6
    ):
        return (
            f"N(-{a:g} h + {beta:g} e), e = {show(e)}: cos(h, e) = {cosine:.9f} against beta/(2a) ="
            f" {case['ratio'] / 2:.9f}, |z|/R = {scale:.9g}, |h'' - h| = {_length(twice - h):.3g},"
            f" |h' - h| = {_length(once - h):.3g}"
        )
    return None


def _attained(case: Case) -> str | None:
    """The stretch of a short chord across e comes within 1e-6 of kappa."""
    e = normalised(case["drives"][0, 0])
    across = tangent(e)[:, 0]
    x, y = (normalised(e + sign * CHORD / 2 * across)[None] for sign in (1, -1))
    ratio, kappa = _length(_step(case, x) - _step(case, y)) / _length(x - y), _kappa(case)
    if abs(ratio / kappa - 1) > 1e-6:
        return (
            f"{_describe(case)}: a short chord across e is stretched by {ratio:.8g}, kappa ="
            f" {kappa:.8g}"
        )
    return None


SUITES = (
    Suite(
        "N3",
        "lipschitz constant",
        property="no pair of states is stretched by more than kappa",
        cases=lambda: _blocks(small=False),
        judge=_stretched_beyond,
        broken=broken_in_sub_blocks,
        drops=(
            Drop(
                "lower_bound: r overstated threefold",
                cases=lambda: _scalar(fractions(3 / 2, 4), radii=3.0),
                assumption="lower_bound",
            ),
            Drop(
                "lipschitz_update: l understated threefold",
                cases=lambda: _scalar(fractions(3 / 2, 4), slopes=1 / 3),
                assumption="lipschitz_update",
            ),
            Drop(
                "gain_one: gain 3 and more",
                cases=lambda: _scalar(fractions(9 / 4, 5), gain=True),
                assumption="gain_one",
            ),
        ),
        evidence="sample",
        cost=5,
    ),
    Suite(
        "N3",
        "best possible",
        property="A = -a I attains kappa across e",
        cases=lambda: _scalar(fractions(3 / 2, 4)),
        judge=_attained,
        broken=broken_in_sharp_example,
        drops=(
            Drop(
                "lower_bound: r overstated threefold",
                cases=lambda: _scalar(fractions(3 / 2, 4), radii=3.0),
                assumption="lower_bound",
            ),
        ),
        evidence="closed form",
        cost=0.3,
    ),
    Suite(
        "N3",
        "one fixed point",
        property="kappa < 1: every orbit settles at one state, at rate kappa",
        cases=_blocks,
        judge=_settles_once,
        broken=partial(broken_in_sub_blocks, small=True),
        drops=(
            Drop(
                "small: A = -a I with beta < 2a",
                cases=lambda: _scalar(
                    st.one_of(fractions(1 / 4, 15 / 16), fractions(17 / 16, 15 / 8))
                ),
                assumption="small",
            ),
            Drop(
                "gain_one: gain 3 and more",
                cases=lambda: _scalar(fractions(9 / 4, 5), gain=True),
                assumption="gain_one",
            ),
            Drop("outer norm: removed", cases=_without_norm, assumption="outer_norm"),
        ),
        evidence="sample",
        cost=3,
    ),
    Suite(
        "N3",
        "cycles below the threshold",
        property="A = -a I, beta < 2a: orbits approach a 2-cycle at cos(h, e) = beta/(2a)",
        cases=lambda: _cycle(1 / 4, 15 / 8),
        judge=_cycles,
        broken=broken_in_cycles,
        drops=(Drop("beta < 2a: beta > 2a", cases=lambda: _cycle(17 / 8, 4), assumption="below"),),
        evidence="sample",
        cost=2,
    ),
)
