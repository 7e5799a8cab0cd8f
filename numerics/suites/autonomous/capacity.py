"""Attacks on M6: how many inputs a loop without recall tells apart in the limit."""

from __future__ import annotations

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np

from ....theory.autonomous.falsifiers.capacity import (
    EQUAL_TOKENS,
    SEPARATION,
    TELLS_APART,
    Channel,
    Tokens,
    Wells,
)
from ....theory.autonomous.monotone_loops import MonotoneLoop, clamp
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...certificates.certify import certify
from ...formulas import numeric
from ...strategies.block_forms import SEEDS, sixteenths
from ..shared.drawn_values import failing, is_seed, whole
from ..shared.predicates import PredicateJudge, dropping
from ..shared.tanh_loops import TanhLoop, is_drawn, is_tanh_loop, tanh_case

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


def _wells(case: Case) -> Wells:
    """The exact maps h' = h - k p_i(h_i), with g and M that hold, or g too large."""
    rate, roots = Fraction(case["rate"]), []
    for name in ("first", "second"):
        if len(case[name]):
            roots.append(tuple(Fraction(x) for x in sorted(case[name])))
    rows = tuple(_with_roots(row, rate) for row in roots)
    gap = min(abs(_derivative(p, r)) for p, row in zip(rows, roots, strict=True) for r in row)
    curvature = Fraction(0)
    for p, row in zip(rows, roots, strict=True):
        second = np.polynomial.Polynomial([float(c) for c in p[::-1]]).deriv(2)
        # |p''| is largest at an end or where it is flat; a little more, because that is rounded
        flat = [x.real for x in second.deriv().roots()] if second.degree() else []
        places = [float(row[0]), float(row[-1]), *(x for x in flat if row[0] <= x <= row[-1])]
        most = max(abs(float(second(x))) for x in places)
        curvature = max(curvature, Fraction(most) * Fraction(1.000001))
    return Wells(rows, tuple(roots), gap * Fraction(case["overstated"]), curvature)


def _with_roots(roots: tuple[Fraction, ...], rate: Fraction) -> tuple[Fraction, ...]:
    """The coefficients of rate (h - r_1) ... (h - r_k), the leading one first."""
    row = [rate]
    for root in roots:
        row = [a - root * b for a, b in zip([*row, Fraction(0)], [Fraction(0), *row], strict=True)]
    return tuple(row)


def _derivative(row: tuple[Fraction, ...], h: Fraction) -> Fraction:
    degree = len(row) - 1
    return sum(((degree - i) * c * h ** (degree - i - 1) for i, c in enumerate(row[:-1])), h * 0)


_apart = PredicateJudge(SEPARATION, _wells)


def _packing(case: Case) -> str | None:
    """Fixed points are at least 2g/M apart (exact), and at most (1 + r M/g)^d."""
    words = _apart(case)
    if words is not None:
        return words
    wells = _wells(case)
    radius = float(np.hypot.reduce([float(row[-1] - row[0]) / 2 for row in wells.roots]))
    count = int(np.prod([len(row) for row in wells.roots]))
    gap, curvature = float(wells.gap), float(wells.curvature)
    bound = float(numeric("fixed_point_packing")(len(wells.roots), radius, curvature, gap))
    if count <= bound * (1 + 1e-9):
        return None
    return f"{count} fixed points, at most {bound:.4g}; g = {gap:.4g}, M = {curvature:.4g}"


def _channel(case: Case) -> Channel:
    """Inputs of the clamp, of h/2 or of the identity."""
    slope = case["slope"]
    line = clamp(Fraction(slope)) if slope > 1 else MonotoneLoop(((Fraction(slope), 0),))
    inputs = tuple(Fraction(x) for x in case["inputs"])
    loops = None if case["loops"] == 0 else int(case["loops"])
    loop = line._replace(recall=Fraction(case["recall"]))
    return Channel(loop, inputs, 2 if slope > 1 else 1, loops)


@st.composite
def _channels(draw: st.DrawFn, drop: str = "") -> Case:
    """The clamp of slope > 1 reaches 2 fixed points from inputs other than 0, a slope < 1 one."""
    size = st.integers(1, 32).map(lambda k: k / 16)
    sizes = draw(st.lists(size, min_size=2, max_size=6, unique=True))
    low = draw(st.integers(1, 15)) / 16
    slope = low if drop or draw(st.booleans()) else 1 + draw(size)
    return {
        "inputs": np.array([sign * x for x in sizes for sign in (1, -1)]),
        "slope": 1.0 if drop == "reachable" else slope,
        "recall": draw(size) if drop == "autonomous" else 0.0,
        "loops": draw(st.integers(1, 3)) if drop == "limit" else 0,
    }


def _averaged(case: Case) -> Tokens:
    kinds = [Fraction(x) for x in case["kinds"]]
    tokens = tuple(kinds[int(i)] for i in case["order"])
    return Tokens(tokens, bool(case["causal"]), Fraction(case["position"]), int(case["loops"]))


@st.composite
def _averages(draw: st.DrawFn, position: bool = False, causal: bool = False) -> Case:
    """Two kinds of tokens, each at least twice."""
    kinds = draw(st.lists(st.integers(-16, 16), min_size=2, max_size=2, unique=True))
    return {
        "kinds": np.array(kinds) / 4,
        "order": np.array([0, 1, 0, 1, *draw(st.lists(st.integers(0, 1), max_size=3))]),
        "causal": causal,
        "position": draw(st.integers(1, 16)) / 16 if position else 0.0,
        "loops": draw(st.integers(1, 3)),
    }


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


def _broken_for_bits(case: Case) -> tuple[str, ...]:
    """A random bias leaves finitely many fixed points; without residual they are all certified."""
    counted = (
        is_tanh_loop(case, 2, part=256)
        and case["residual"] == 0
        and "shift" not in case
        and is_drawn(case)
        and np.array_equal(case["outer"], case["inner"].T)
    )
    return failing(reachable=counted, autonomous=case["recall"] == 0, limit=case["loops"] == LOOPS)


def _broken_for_equal_tokens(case: Case) -> tuple[str, ...]:
    """Few iterations only: the rounding of more is not known."""
    drawn = whole(case["d"], 1, 6) and whole(case["tokens"], 3, 6) and whole(case["loops"], 1, 3)
    silent = case["position"] == 0 and not case["causal"]
    return failing(positionless=drawn and is_seed(case["seed"]) and silent)


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
        broken=_broken_for_bits,
        drops=(
            Drop("autonomous: no recall", lambda: _inputs("recall"), "autonomous"),
            Drop("limit: not a finite number of loops", lambda: _inputs("limit"), "limit"),
        ),
        evidence="certificate and sample",
        cost=6,
        predicate="tells_apart",
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
        broken=_apart.broken,
        drops=(Drop("non-degenerate: g is a lower bound", lambda: _roots(overstated=True), "gap"),),
        evidence="exact arithmetic",
        predicate="separation",
    ),
    Suite(
        "M6",
        "equal-tokens",
        property="no positional signal in the loop: tokens that start equal stay equal",
        cases=_sequence,
        judge=_equal_tokens,
        broken=_broken_for_equal_tokens,
        drops=(
            Drop("positionless: no position", lambda: _sequence(position=True), "positionless"),
            Drop("positionless: no causal mask", lambda: _sequence(causal=True), "positionless"),
        ),
        predicate="equal_tokens",
    ),
    Suite(
        "M6",
        "channel",
        property="scalar loops: the limit tells at most m inputs apart",
        cases=_channels,
        judge=PredicateJudge(TELLS_APART, _channel),
        drops=tuple(
            Drop(name, lambda name=name: dropping(name, _channels(name)), name)
            for name in ("autonomous", "limit", "reachable")
        ),
        evidence="exact arithmetic",
        predicate="tells_apart",
    ),
    Suite(
        "M6",
        "averages",
        property="averaging attention: tokens that start equal stay equal",
        cases=_averages,
        judge=PredicateJudge(EQUAL_TOKENS, _averaged),
        drops=(
            Drop(
                "no position",
                lambda: dropping("positionless", _averages(position=True)),
                "positionless",
            ),
            Drop(
                "no causal mask",
                lambda: dropping("positionless", _averages(causal=True)),
                "positionless",
            ),
        ),
        evidence="exact arithmetic",
        predicate="equal_tokens",
    ),
)
