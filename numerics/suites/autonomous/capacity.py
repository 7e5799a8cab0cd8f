"""Attacks on M6: how many inputs a loop without recall tells apart in the limit."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np

from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...certificates.certify import certify
from ...formulas import numeric
from ...strategies.block_forms import SEEDS, sixteenths
from .countability import TanhLoop, tanh_case

INPUTS, LOOPS, BOXES = 64, 2000, 4000
NUDGE = 1e-7
APART = 1e-7
"""Two limits further apart than this are different; those that settled are known to 1e-11."""


def _bits(case: Case) -> str | None:
    """Random inputs that converge end at no more points than the certificate allows.

    These are the certified fixed points that are not proved to repel.
    """
    f = TanhLoop.of(case)
    g, box = f.certified()
    certificate = certify(g, box, max_boxes=BOXES)
    if certificate.count is None:
        raise Undecided
    m = sum(point.stable is not False for point in certificate.points)
    e = 2 * np.random.default_rng([int(case["seed"]), 1]).standard_normal((INPUTS, len(f.bias)))
    h = e
    for _ in range(int(case["loops"])):
        h, before = f.step(h) + case["recall"] * e, h
    settled = np.abs(h - before).max(1) <= 1e-13 * (1 + np.abs(h).max(1))
    # a read-out after few iterations takes the states as they are
    ends = h[settled] if case["loops"] == LOOPS else h
    counts = _sizes_of_clusters(ends)
    if not counts:
        raise Undecided  # cycles: nothing to count
    share = np.array(counts) / sum(counts)
    bits = float(-(share * np.log2(share)).sum())
    if len(counts) <= m and bits <= np.log2(max(m, 1)) + 1e-9:
        return None
    return (
        f"{len(ends)} inputs end at {len(counts)} points ({bits:.2f} bits); {m} of"
        f" {certificate.count} certified points may attract"
    )


def _sizes_of_clusters(points: Array) -> list[int]:
    sizes: list[int] = []
    while len(points):
        near = np.abs(points - points[0]).max(1) <= APART
        sizes.append(int(near.sum()))
        points = points[~near]
    return sizes


def _packing(case: Case) -> str | None:
    """At most (1 + r M/g)^d fixed points, at least 2g/M apart.

    The map is h' = h - k p_i(h_i), where p_i has the given roots.
    """
    roots = [np.sort(case[name]) for name in ("first", "second") if len(case[name])]
    gap, curvature, radius, count = np.inf, 0.0, 0.0, 1
    for r in roots:
        p = np.polynomial.Polynomial.fromroots(r)
        # |p''| is largest at an end or where p''' = 0
        places = np.concatenate(
            (r[[0, -1]], [x.real for x in p.deriv(3).roots()] if len(r) > 3 else [])
        )
        places = places[(places >= r[0]) & (places <= r[-1])]
        gap = min(gap, case["rate"] * np.abs(p.deriv()(r)).min())
        curvature = max(curvature, case["rate"] * np.abs(p.deriv(2)(places)).max())
        radius = np.hypot(radius, (r[-1] - r[0]) / 2)
        count *= len(r)
    gap *= case["overstated"]
    closest = min(np.diff(r).min() for r in roots)
    bound = float(numeric("fixed_point_packing")(len(roots), radius, curvature, gap))
    if count <= bound * (1 + 1e-9) and closest >= 2 * gap / curvature * (1 - 1e-9):
        return None
    allowed = f"at most {bound:.4g}, at least {2 * gap / curvature:.4g} apart"
    return (
        f"{count} fixed points, {closest:.4g} apart; g = {gap:.4g}, M = {curvature:.4g}: {allowed}"
    )


def _equal_tokens(case: Case) -> str | None:
    """Tokens that start equal are equal after a few iterations of softmax attention and an MLP."""
    d, count = int(case["d"]), int(case["tokens"])
    rng = np.random.default_rng(int(case["seed"]))
    weights, kinds = rng.standard_normal((5, d, d)) / np.sqrt(d), rng.standard_normal((2, d))
    position = case["position"] * rng.standard_normal((count, d))
    noise = rng.standard_normal((count, d))
    start = kinds[np.arange(count) % 2]
    h, moved = (_attend(h, weights, position, case) for h in (start, start + NUDGE * noise))
    spread = max(float(np.ptp(h[kind::2], axis=0).max()) for kind in (0, 1))
    # sums over tokens may be rounded differently for equal tokens; what the loops make of it is
    # measured on a nudge
    growth = 1 + float(np.abs(moved - h).max()) / NUDGE
    if spread <= 1e-14 * d * case["loops"] * growth:
        return None
    return f"tokens that start equal end {spread:.3g} apart"


def _attend(h: Array, weights: Array, position: Array, case: Case) -> Array:
    """Iterations of h + attention, + MLP, RMSNorm."""
    q, k, v, w1, w2 = weights
    hidden = np.triu(np.full((len(h), len(h)), -np.inf), 1) if case["causal"] else 0.0
    for _ in range(int(case["loops"])):
        x = h + position
        scores = (x @ q) @ (x @ k).T / np.sqrt(len(q)) + hidden
        share = np.exp(scores - scores.max(1, keepdims=True))
        h = h + share / share.sum(1, keepdims=True) @ (x @ v)
        h = h + np.tanh(h @ w1) @ w2
        h = h / np.sqrt(np.mean(h * h, axis=1, keepdims=True) + 1e-3)
    return h


@st.composite
def _inputs(draw: st.DrawFn, drop: str = "") -> Case:
    """W^T tanh(W h) + b: its Jacobian is symmetric and positive, so orbits converge."""
    case = dict(draw(tanh_case(residual=False)))
    case["outer"] = case["inner"].T.copy()
    recall = draw(st.integers(4, 16)) / 16 if drop == "recall" else 0.0
    if drop == "recall":  # a contraction, so that every input has a limit of its own
        case["outer"], case["inner"] = case["outer"] / 16, case["inner"] / 16
    return {
        **case,
        "recall": recall,
        "loops": draw(st.integers(1, 2)) if drop == "limit" else LOOPS,
    }


@st.composite
def _roots(draw: st.DrawFn, overstated: bool = False) -> Case:
    """Different roots, in one dimension or two; overstated: a pair, where the bound is sharp."""

    def spread(least: int, most: int) -> Array:
        gaps = draw(st.lists(st.integers(1, 32), min_size=least - 1, max_size=most - 1))
        return (draw(sixteenths(-32, 32)) + np.cumsum([0, *gaps]) / 16).astype(float)

    first = spread(2, 2 if overstated else 5)
    second = np.array([]) if overstated or draw(st.booleans()) else spread(2, 4)
    return {
        "first": first,
        "second": second,
        "rate": draw(st.integers(1, 16)) / 16,
        "overstated": 1 + draw(st.integers(1, 16)) / 16 if overstated else 1.0,
    }


@st.composite
def _sequence(draw: st.DrawFn, position: bool = False, causal: bool = False) -> Case:
    return {
        "d": draw(st.integers(1, 6)),
        "tokens": draw(st.integers(3, 6)),
        "loops": draw(st.integers(1, 3)),
        "seed": draw(SEEDS),
        "position": draw(st.integers(1, 16)) / 16 if position else 0.0,
        "causal": causal,
    }


SUITES = (
    Suite(
        "M6",
        "bits",
        property=(
            "no recall: in the limit random inputs tell apart no more points, and carry no more"
            " bits, than certified attracting points allow"
        ),
        cases=_inputs,
        judge=_bits,
        drops=(
            Drop("autonomous: no recall", cases=lambda: _inputs("recall")),
            Drop("limit: not a finite number of loops", cases=lambda: _inputs("limit")),
        ),
        evidence="certificate and sample",
        cost=6,
    ),
    Suite(
        "M6",
        "packing",
        property=(
            "|(I - J)x| >= g|x| at the fixed points, |D^2 f| <= M: they are at least 2g/M apart"
            " and at most (1 + r M/g)^d"
        ),
        cases=_roots,
        judge=_packing,
        drops=(Drop("non-degenerate: g is a lower bound", cases=lambda: _roots(overstated=True)),),
        evidence="closed form",
    ),
    Suite(
        "M6",
        "equal-tokens",
        property="no positional signal in the loop: tokens that start equal stay equal",
        cases=_sequence,
        judge=_equal_tokens,
        drops=(
            Drop("positionless: no position", cases=lambda: _sequence(position=True)),
            Drop("positionless: no causal mask", cases=lambda: _sequence(causal=True)),
        ),
    ),
)
