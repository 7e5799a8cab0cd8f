"""Attacks on L3, the Lipschitz bounds of softmax, heads, norms and whole blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ....theory.architecture import Architecture, Norm, Recall
from ....theory.bounds import lipschitz_predicates as exact
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite
from ...bounds.lipschitz import Stations, lipschitz, stations
from ...bounds.weights import BlockWeights, of_loop
from ...loops.block_loop import BlockLoop, random_loop
from ...loops.dual import Dual
from ...strategies.fractions import entries, fractions, seeds, sizes
from ..shared.exact_numbers import above, below, rows
from ..shared.predicates import dropping, evaluated

ARCHITECTURES = tuple(str(Architecture(recall, norm)) for recall, norm in product(Recall, Norm))


@st.composite
def _weights(draw: Any, share: float = 1.0) -> Case:
    """Weights that are p after a division by their sum, or by a share of it."""
    size = draw(sizes(1, 5))
    w = np.array([draw(st.integers(0, 8)) for _ in range(5)][:size]) + (np.arange(size) == 0)
    return {"weights": w, "total": float(w.sum()) * share}


def _probabilities(case: Case) -> tuple[Fraction, ...]:
    return tuple(Fraction(float(w)) / Fraction(case["total"]) for w in case["weights"])


@st.composite
def _pairs(draw: Any, factor: float = 1.0) -> Case:
    d = draw(sizes(1, 3))
    first, second = draw(entries(1, d))[0], draw(entries(1, d))[0]
    first[0] = first[0] or 1.0
    second = second if second.any() else -first
    return {
        "first": first,
        "second": second if factor == 1 else -first,
        "gain": draw(fractions(1, 3)),
        "eps": draw(fractions(0, 1)),
        "factor": factor,
    }


def _norm_case(case: Case) -> exact.NormCase:
    floor = min(float(np.linalg.norm(case[name])) for name in ("first", "second"))
    first, second = (tuple(map(Fraction, case[name].tolist())) for name in ("first", "second"))
    return exact.NormCase(
        first,
        second,
        Fraction(case["gain"]),
        Fraction(case["eps"]),
        below(floor) * Fraction(case["factor"]),
    )


@st.composite
def _heads(draw: Any) -> Case:
    """A planar head and two states that differ by a short step."""
    tokens = draw(sizes(1, 3))
    first = draw(entries(tokens, 2))
    step = draw(entries(tokens, 2)) * 2.0 ** -draw(st.integers(0, 6))
    return {
        "first": first,
        "second": first + step,
        **{name: draw(entries(2, 2)) for name in ("q", "k", "v")},
        "gain_q": draw(fractions(1 / 2, 2)),
        "gain_k": draw(fractions(1 / 2, 2)),
        "eps": draw(fractions(1 / 16, 1)),
        "tokens": tokens,
        "dropped": "",
    }


@st.composite
def _turns(draw: Any, dropped: str) -> Case:
    """A short query between two far keys and values, whose output turns with it; or queries that
    all see the first key.
    """
    if dropped == "visible":
        tokens = draw(sizes(4, 8))
        first = np.zeros((tokens, 1))
        first[0] = 1 / 16
        far = 1.0
    else:
        far, tokens = draw(fractions(32, 64)), 3
        first = np.array([[1 / 64], [far], [-far]])
    second = first.copy()
    second[0] = 0 if dropped == "visible" else -second[0]
    one = np.ones((1, 1))
    return {
        "first": first,
        "second": second,
        "q": one,
        "k": one,
        "v": one,
        "gain_q": 1.0,
        "gain_k": 1.0,
        "eps": 1.0,
        "tokens": tokens,
        "dropped": dropped,
    }


def head_case(case: Mapping[str, Any]) -> exact.HeadCase:
    """The exact case, with numbers that bound what they must; one of them does not if dropped."""
    dropped = case["dropped"]
    weights = case["q"], case["k"], case["v"]
    states = np.concatenate([case["first"], case["second"]])
    norms = [above(float(np.linalg.norm(w, 2))) for w in weights]
    images = [np.linalg.norm(states @ w.T, axis=1) for w in weights]
    floors = [below(float(size.min())) for size in images[:2]]
    size = above(float(images[2].max()))
    if dropped == "weights":
        norms[:2] = [Fraction(0), Fraction(0)]
    if dropped == "floor":
        floors = [Fraction(1000), Fraction(1000)]
    tokens = case["tokens"]
    seen = tuple(tuple(j == 0 for j in range(tokens)) for _ in range(tokens))
    visible = dropped == "visible"
    return exact.HeadCase(
        rows(case["first"]),
        rows(case["second"]),
        (rows(weights[0]), rows(weights[1]), rows(weights[2])),
        (norms[0], norms[1], norms[2]),
        (Fraction(case["gain_q"]), Fraction(case["gain_k"])),
        Fraction(case["eps"]),
        (floors[0], floors[1]),
        Fraction(0) if dropped == "values" else size,
        1 if visible else tokens,
        seen if visible else None,
        dropped != "qk_norm",
    )


@st.composite
def _loops(draw: Any, factor: float = 1.0) -> Case:
    return {
        "architecture": draw(st.sampled_from(ARCHITECTURES)),
        "tokens": draw(sizes(1, 3)),
        "scale": draw(fractions(1 / 4, 2)),
        "eps": 2.0 ** -draw(st.integers(0, 16)),
        "seed": draw(seeds()),
        "factor": factor,
    }


def loop_stations(
    loop: BlockLoop, weights: BlockWeights, h: Array, e: Array
) -> tuple[Stations, Stations]:
    """What stands at the places of both sub-blocks of a loop at a state."""
    none = np.empty((0, *h.shape))
    recall, norm = loop.architecture.recall, loop.architecture.norm
    attention = weights.attention
    found = []

    def mixed(x: Array) -> Array:
        return x @ loop.w_x.T + e @ loop.w_e.T + loop.b

    def normalised(z: Array) -> Array:
        return loop.gain * z / np.sqrt(np.mean(z**2, axis=-1, keepdims=True) + loop.eps)

    h = mixed(h) if recall.in_stream else h
    parts = ((attention.queries, attention.keys, attention.values), weights.mlp)
    for block, kind in zip(loop.blocks, parts, strict=True):
        read = normalised(h) if loop.architecture.inner_norm else h
        read = mixed(read) if recall.in_update else read
        u = block(Dual(read, none)).value
        total = h + (normalised(u) if norm.on_update else u)
        found.append(stations(kind, source=h, read=read, update=u, total=total))
        h = normalised(total) if norm.on_sum else total
    return found[0], found[1]


def _overstated(here: Stations, factor: float) -> Stations:
    return replace(
        here,
        argument=here.argument * factor,
        update=here.update * factor,
        total=here.total * factor,
    )


def _stretched(case: Case) -> str | None:
    """The Jacobian against both bounds, at a state of the space, in both norms."""
    rng = np.random.default_rng(case["seed"])
    loop = random_loop(
        Architecture.parse(case["architecture"]),
        4,
        scale=case["scale"],
        state=case["scale"],
        eps=case["eps"],
        seed=rng,
    )
    weights = of_loop(loop)
    e = rng.standard_normal((case["tokens"], 4))
    h = loop.step(rng.standard_normal(e.shape), e)
    j = loop.jacobian(h, e)
    here = loop_stations(loop, weights, h, e)
    if case["factor"] != 1:  # every smallest norm is overstated
        first, second = (_overstated(station, case["factor"]) for station in here)
        here = first, second
    recalled = float(np.linalg.norm(e @ loop.w_e.T, axis=1).max())
    token = j.reshape(*e.shape, -1)
    largest = max(float(np.linalg.norm(token[i, :, :], 2)) for i in range(len(e))) / len(e) ** 0.5
    for seen, measured in ((len(e), float(np.linalg.norm(j, 2))), (None, largest)):
        near = lipschitz(weights, seen=seen, stations=here).kappa
        space = lipschitz(weights, seen=seen, recalled=recalled).kappa
        for name, bound in (("at the state", near), ("on the space", space)):
            if measured > bound * (1 + 1e-9):
                return f"{case['architecture']}: |J| = {measured:.6g} > kappa {name} = {bound:.6g}"
    return None


SUITES = (
    Suite(
        "L3",
        "softmax",
        property="the derivative of softmax has the norm 1/2 at most",
        cases=_weights,
        judge=evaluated(exact.softmax, _probabilities),
        drops=(
            Drop(
                "weights of sum 2",
                cases=lambda: dropping("probabilities", _weights(1 / 2)),
                assumption="probabilities",
            ),
        ),
        evidence="closed form",
        predicate="softmax",
    ),
    Suite(
        "L3",
        "norm",
        property="RMSNorm stretches no pair by more than its constant",
        cases=_pairs,
        judge=evaluated(exact.norm, _norm_case),
        drops=(
            Drop(
                "smallest norm overstated",
                cases=lambda: dropping("floor", _pairs(64.0)),
                assumption="floor",
            ),
        ),
        evidence="certificate",
        predicate="norm",
    ),
    Suite(
        "L3",
        "head",
        property="a head with QK-norm stretches no pair by more than its constant",
        cases=_heads,
        judge=evaluated(exact.head, head_case),
        drops=tuple(
            Drop(words, cases=lambda name=name: _turns(name), assumption=name)
            for name, words in (
                ("qk_norm", "dot products"),
                ("values", "values understated"),
                ("floor", "queries overstated"),
                ("weights", "weights understated"),
                ("visible", "one key for all queries"),
            )
        ),
        evidence="certificate",
        cost=2,
        predicate="head",
    ),
    Suite(
        "L3",
        "blocks",
        property="the Jacobian of a block of attention and MLP is below kappa in both norms",
        cases=_loops,
        judge=_stretched,
        drops=(
            Drop(
                "norms before each norm overstated",
                cases=lambda: _loops(2.0**20),
                assumption="floor",
            ),
        ),
        evidence="sample",
        cost=2,
    ),
)
