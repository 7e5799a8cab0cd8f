"""Attacks on A5, h' = N(M h), with exact orbits.

A case has `basis` V, `form` D, M = V D V^{-1}, `start` y, h_0 = V y, and `rho`, the spectral
radius. N only rescales, so the direction at iteration t is that of M^t h_0, exact rational; nothing
is rounded.

What is not dominant has modulus <= 7/8 and is gone at iteration 1024; what dominates with a smaller
Jordan block fades like 1/t, so by a factor of 4 from iteration 1024 to 4096; what does not fade
keeps its size in the basis V.
"""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis.strategies as st
import numpy as np

from ....theory.autonomous.falsifiers.power_iteration import (
    LIMIT,
    ONE_BIT,
    OTHERWISE,
    RATE,
    Iteration,
)
from ...attack.suite import Case, Drop, Suite, Undecided
from ...strategies.block_forms import PAIRS, Block, contracting, form, nonzero_vector, unimodular
from ..shared.drawn_values import (
    blocks_of,
    is_unimodular,
    length,
    modulus,
    on_grid,
    shaped,
    square_size,
)
from ..shared.exact_orbits import Exact, Number, exact, largest, text
from ..shared.predicates import PredicateJudge, dropping

EARLY, LATE, WINDOW = 1024, 4096, 8
"""Two iterations, and how many states from each on are examined, so that the phase of a rotating
rest does not hide it.
"""
GONE = Number(1, 10**25)
ROTATIONS: dict[float, tuple[tuple[float, float], ...]] = {
    1.0: ((0.0, 1.0), (0.0, -1.0)),
    1.25: ((0.75, 1.0), (-0.75, 1.0), (1.0, -0.75), (-1.0, -0.75)),
}
"""Spectral radii, each with complex pairs of exactly that modulus."""


def _matrix(case: Case) -> tuple[Exact, Exact]:
    v = exact(case["basis"])
    return v, v * exact(case["form"]) * v.inv()


def _iteration(case: Case) -> Iteration:
    """The case of the predicates."""
    v, m = _matrix(case)
    start = v * exact(case["start"])
    return Iteration(m, (start, v * exact(case["other"]) if "other" in case else start))


def _directions(case: Case, t: int) -> Iterator[Exact]:
    """V^-1 h_t, ..., V^-1 h_{t + WINDOW - 1} without their length.

    In these coordinates no direction is hidden by the condition of V.
    """
    v, m = _matrix(case)
    inverse, h = v.inv(), m**t * v * exact(case["start"])
    for _ in range(WINDOW):
        y = inverse * h
        yield y / largest(y)
        h = m * h


def _defect(case: Case, t: int) -> Number:
    """max |D n - rho n| over directions n from loop t on, in the coordinates of V."""
    form, rho = exact(case["form"]), Number(*float(case["rho"]).as_integer_ratio())
    return max(largest(form * n - rho * n) for n in _directions(case, t))


def _fades(early: Number, late: Number) -> bool:
    """Whether a quantity goes to 0: it is gone, or down by 3 where 1/t goes down by 4.

    Up to a factor of 1.5 it counts as staying; in between, `Undecided` is raised.
    """
    if late <= GONE or early >= 3 * late:
        return True
    if 2 * early <= 3 * late:
        return False
    raise Undecided


def _eigenvector(case: Case) -> str | None:
    """The direction converges to eigenvectors of +rho: max |D n - rho n| -> 0, n = V^-1 h_t."""
    found = PredicateJudge(LIMIT, _iteration)(case)
    if found is not None:
        return found
    early, late = _defect(case, EARLY), _defect(case, LATE)
    if _fades(early, late):
        return None
    return f"|D n - rho n| is {text(early)} at loop {EARLY} and {text(late)} at loop {LATE}"


def _turns(case: Case) -> str | None:
    """The direction does not converge.

    A largest dominant block is not at +rho, and the start has a component in it.
    """
    found = PredicateJudge(OTHERWISE, _iteration)(case)
    if found is not None:
        return found
    form = exact(case["form"])
    early, late = (
        max(largest(form * n / largest(form * n) - n) for n in _directions(case, t))
        for t in (EARLY, LATE)
    )
    if not _fades(early, late):
        return None
    return (
        f"the direction steps by {text(early)} at loop {EARLY} and by {text(late)} at loop {LATE}:"
        " it converged"
    )


def _rate(case: Case) -> str | None:
    """|n_t - limit| falls like |l_2 / l_1|^t.

    The slope is taken over 512 iterations, up to what a rotation can hide.
    """
    found = PredicateJudge(RATE, _iteration)(case)
    if found is not None:
        return found
    half = EARLY // 2
    before, after = _defect(case, half), _defect(case, EARLY)
    if after == 0:
        return "the direction reached its limit exactly"
    # the rest is c |l_2|^t at both times; 4: a rotation, and what has not settled at loop 512
    hidden = 2 * np.log(4)
    slope = _log(after / before) / half
    expected = float(np.log(case["second"] / case["rho"]))
    if abs(slope - expected) <= hidden / half:
        return None
    return (
        f"log rate {slope:.5f} per loop, log |l_2/l_1| = {expected:.5f} (resolution"
        f" {hidden / half:.5f})"
    )


def _log(x: Number) -> float:
    p, q = int(x.p), int(x.q)
    shift = p.bit_length() - q.bit_length()
    return float(np.log(p / (q << shift) if shift >= 0 else (p << -shift) / q) + shift * np.log(2))


def _is_iteration(case: Case) -> bool:
    """Whether the case is an iteration as described above.

    rho is its spectral radius, and what is smaller has modulus <= 7/8. Blocks have size <= 3, and
    the start has sixteenths up to 2.
    """
    d = square_size(case["form"])
    if not d or not shaped(case, basis=(d, d), start=(d,)) or case["rho"] not in ROTATIONS:
        return False
    blocks = blocks_of(case["form"])
    if blocks is None or max(map(modulus, blocks)) != case["rho"]:
        return False
    return (
        on_grid(case["form"], 2, part=64)
        and on_grid(case["start"], 2)
        and is_unimodular(case["basis"])
        and all(length(block) <= 3 for block in blocks)
        and all(modulus(block) in (case["rho"], min(modulus(block), 7 / 8)) for block in blocks)
    )


def _has_gap(case: Case) -> bool:
    """Whether |l_2| is `second`, from 1/2 to 7/8, without Jordan blocks, and the rest <= 1/4."""
    blocks, second = blocks_of(case["form"]) or [], case["second"]
    below = [block for block in blocks if modulus(block) != case["rho"]]
    felt = [block for block in below if modulus(block) == second]
    rest = [block for block in below if modulus(block) != second]
    return (
        1 / 2 <= second <= 7 / 8
        and bool(felt)
        and all(length(block) == 1 for block in felt)
        and all(modulus(block) <= 1 / 4 for block in rest)
    )


def _broken_for_limit(case: Case) -> tuple[str, ...]:
    return LIMIT.broken(_iteration(case)) if _is_iteration(case) else ("power",)


def _broken_for_no_limit(case: Case) -> tuple[str, ...]:
    return OTHERWISE.broken(_iteration(case)) if _is_iteration(case) else ("power",)


def _broken_for_rate(case: Case) -> tuple[str, ...]:
    if not _is_iteration(case) or not _has_gap(case):
        return ("power",)
    return RATE.broken(_iteration(case))


@st.composite
def _dominated(draw: st.DrawFn, kind: str = "positive", most: int = 3) -> Case:
    """Largest dominant blocks all at +rho (`positive`), or one of them elsewhere (`off`).

    `null`: a start that misses them; `unfelt`: `off`, from a start that misses the block elsewhere.
    """
    rho = draw(st.sampled_from(tuple(ROTATIONS)))
    size = draw(st.integers(1, 3))
    blocks: list[Block] = [("real", rho, size)] * draw(st.integers(1, 2))
    if kind in ("off", "unfelt"):
        block: Block = ("real", -rho, size)
        if size == 1 and draw(st.booleans()):
            block = ("pair", *draw(st.sampled_from(ROTATIONS[rho])))
        kept = draw(st.integers(0, 1)) if kind == "off" else 1
        blocks = [*blocks[:kept], block]
    top = len(form(blocks))
    if size > 1 and draw(st.booleans()):  # the same modulus, a smaller block
        blocks.append(
            draw(
                st.sampled_from((("real", -rho, size - 1), *(("pair", *z) for z in ROTATIONS[rho])))
            )
        )
    rest = draw(st.integers(0, most - 1))
    blocks += [("real", 0.5, 1)] if kind == "null" else draw(contracting(rest))
    d = form(blocks)
    y = draw(nonzero_vector(len(d)))
    if kind == "null":
        y[:top] = 0
    elif kind == "unfelt":
        y[size:top] = 0
    return {"basis": draw(unimodular(len(d))), "form": d, "rho": rho, "start": y}


@st.composite
def _simple(draw: st.DrawFn, simple: bool = True, most: int = 4) -> Case:
    """A simple dominant +rho (or a double one), and two starts with components there.

    In the double eigenspace the two starts are not parallel.
    """
    blocks: list[Block] = [("real", 1.0, 1)] * (1 if simple else 2) + draw(
        contracting(draw(st.integers(1, most - 1)))
    )
    d = form(blocks)
    start, other = draw(nonzero_vector(len(d))), draw(nonzero_vector(len(d)))
    if not simple:
        other[0], other[1] = start[0], start[1] + 1
    return {"basis": draw(unimodular(len(d))), "form": d, "start": start, "other": other}


@st.composite
def _gap(draw: st.DrawFn, felt: bool = True, most: int = 4) -> Case:
    """+1, then eigenvalues of one modulus in [1/2, 7/8], then eigenvalues of modulus <= 1/4."""
    second: Block = draw(
        st.one_of(
            st.integers(8, 14).flatmap(
                lambda k: st.sampled_from((("real", k / 16, 1), ("real", -k / 16, 1)))
            ),
            st.sampled_from([("pair", *z) for z in PAIRS if np.hypot(*z) >= 0.5]),
        )
    )
    rest: list[Block] = draw(contracting(draw(st.integers(0, most - 1)))) if felt else []
    blocks: list[Block] = [
        ("real", 1.0, 1),
        second,
        *([("real", 0.25, 1)] if not felt else _quartered(rest)),
    ]
    d = form(blocks)
    y = draw(nonzero_vector(len(d)))
    size = 2 if second[0] == "pair" else 1
    if not felt:
        y[1 : 1 + size] = 0
    modulus = float(np.hypot(second[1], second[2])) if size == 2 else abs(second[1])
    return {"basis": draw(unimodular(len(d))), "form": d, "rho": 1.0, "second": modulus, "start": y}


def _quartered(blocks: list[Block]) -> list[Block]:
    """Eigenvalues divided by 4 (the size of a real block stays)."""
    return [(kind, a / 4, b / 4 if kind == "pair" else b) for kind, a, b in blocks]


SUITES = (
    Suite(
        "A5",
        "eigenvector",
        property=(
            "the dominant eigenvalues of largest block all equal +rho: from every start with a"
            " component there, the direction tends to their eigenvectors"
        ),
        cases=_dominated,
        judge=_eigenvector,
        broken=_broken_for_limit,
        drops=(
            Drop(
                "positive: the largest dominant blocks are at +rho",
                cases=lambda: dropping("positive", _dominated("off")),
                assumption="positive",
            ),
            Drop(
                "almost every start: a component in a largest block",
                cases=lambda: dropping("almost_every", _dominated("null")),
                assumption="almost_every",
            ),
        ),
        predicate="limit",
        evidence="exact orbit",
        cost=3,
        larger=lambda d: _dominated(most=d),
    ),
    Suite(
        "A5",
        "no-limit",
        property=(
            "a largest dominant block at -rho or at a complex pair: the direction does not"
            " converge from a start that feels it"
        ),
        cases=lambda: _dominated("off"),
        judge=_turns,
        broken=_broken_for_no_limit,
        drops=(
            Drop(
                "the start has a component in that block",
                cases=lambda: dropping("outside", _dominated("unfelt")),
                assumption="outside",
            ),
        ),
        predicate="otherwise",
        evidence="exact orbit",
        cost=3,
        larger=lambda d: _dominated("off", d),
    ),
    Suite(
        "A5",
        "one-bit",
        property=(
            "a simple real positive dominant eigenvalue: the limit is +-v, the sign of one linear"
            " functional of h_0"
        ),
        cases=_simple,
        judge=PredicateJudge(ONE_BIT, _iteration),
        drops=(
            Drop(
                "simple",
                cases=lambda: dropping("simple", _simple(simple=False)),
                assumption="simple",
            ),
        ),
        predicate="one_bit",
        evidence="closed form",
        larger=lambda d: _simple(most=d),
    ),
    Suite(
        "A5",
        "rate",
        property=(
            "a simple real positive dominant eigenvalue: the direction converges at the rate"
            " |l_2|/|l_1|"
        ),
        cases=_gap,
        judge=_rate,
        broken=_broken_for_rate,
        drops=(
            Drop(
                "the start has a component along l_2",
                cases=lambda: dropping("second", _gap(felt=False)),
                assumption="second",
            ),
        ),
        predicate="rate",
        evidence="exact orbit",
        larger=lambda d: _gap(most=d),
    ),
)
