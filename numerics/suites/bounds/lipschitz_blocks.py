"""More attacks on L3: planar sub-blocks exactly, and whole blocks of attention and MLP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ....theory.architecture import Architecture, Norm, Recall
from ....theory.bounds import lipschitz_predicates as exact
from ....theory.bounds.small_blocks import length
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite
from ...bounds.lipschitz import Stations, lipschitz, stations
from ...bounds.weights import BlockWeights, of_loop
from ...loops.block_loop import BlockLoop, random_loop
from ...loops.dual import Dual
from ...strategies.fractions import entries, fractions, seeds, sizes
from ..shared.exact_numbers import above, below, rows
from ..shared.predicates import PredicateJudge, dropping

ARCHITECTURES = tuple(str(Architecture(recall, norm)) for recall, norm in product(Recall, Norm))


@st.composite
def _sub_blocks(draw: Any, overstated: float = 0.0) -> Case:
    """Two states of one token before a sub-block; h + W h = (0, h_2/2) where floors are
    overstated.
    """
    first = draw(entries(1, 2))[0] + np.array([4.0, 0.0])
    step = draw(entries(1, 2))[0] * 2.0 ** -draw(st.integers(0, 8))
    places = draw(st.sampled_from(((1, 0, 0), (0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 1))))
    case = {
        "first": first,
        "second": first + step,
        "update": draw(entries(2, 2)),
        "mix": draw(entries(2, 2)),
        "places": np.array(places, float),
        "eps": 2.0 ** -draw(st.integers(0, 12)),
        "floor": overstated,
    }
    if overstated:
        x = draw(fractions(1 / 2, 2))
        case |= {"first": np.array([1.0, x]), "second": np.array([1.0, -x]), "mix": np.eye(2)}
        case |= {"update": np.diag([-1.0, -0.5]), "places": np.array([1.0, 0.0, 0.0])}
    return case


def _block_case(case: Case) -> exact.BlockCase:
    sum_, update, argument = (bool(x) for x in case["places"])
    made = exact.BlockCase(
        rows(case["first"][None])[0],
        rows(case["second"][None])[0],
        rows(case["update"]),
        rows(case["mix"]),
        tuple(above(float(np.linalg.norm(case[w], 2))) for w in ("update", "mix")),  # pyright: ignore
        (sum_, update, argument),
        (0, 0, 0),
        Fraction(case["eps"]),
    )
    if case["floor"]:
        return made._replace(floors=(Fraction(case["floor"]), 0, 0))
    stood = [made.stations(h)[1] for h in (made.first, made.second)]
    lowest = [min(float(length(z).lower()) for z in pair) for pair in zip(*stood, strict=True)]
    return made._replace(floors=tuple(below(x) for x in lowest))


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


def _loops_broken(case: Case) -> Iterator[str]:
    """The judge draws weights, input and state from the seed, and measures their norms itself.

    A factor above 1 overstates the norms before each RMSNorm.
    """
    if not (0 <= case["factor"] <= 1 and 2.0**-20 <= case["eps"] <= 1):
        yield "floor"
    if not 2.0**-6 <= case["scale"] <= 2.0**6:
        yield "weights"
    if case["architecture"] not in ARCHITECTURES:
        yield "qk_norm"


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
        "sub-blocks",
        property="a planar sub-block stretches no pair by more than its constant",
        cases=_sub_blocks,
        judge=PredicateJudge(exact.block, _block_case),
        drops=(
            Drop(
                "norm of the sum overstated",
                cases=lambda: dropping("floor", _sub_blocks(64.0)),
                assumption="floor",
            ),
        ),
        evidence="certificate",
        predicate="block",
    ),
    Suite(
        "L3",
        "blocks",
        property="the Jacobian of a block of attention and MLP is below kappa in both norms",
        cases=_loops,
        judge=_stretched,
        broken=_loops_broken,
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
