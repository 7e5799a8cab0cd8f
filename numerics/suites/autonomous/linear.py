"""Attacks on A1, h' = M h + c: exact orbits of matrices whose spectrum was drawn.

A case has `basis` V and `form` D with M = V D V^{-1}; `center` w and `push` p with c = (I - M) w +
V p, p = 0 iff c is in the range of I - M (p lies along the kernel); `start` y with h_0 = w + V y.
All is rational, so an orbit has no rounding at all.

Eigenvalues inside the circle have modulus <= 7/8 and blocks of size <= 3, so what must vanish at
iteration T = 1024 is below T^2 (7/8)^(T-2) < 1e-53 times |V| |y|. What must not vanish is a
coordinate of V^{-1} (h_{t+1} - h_t), a non-zero multiple of 1/16 that does not shrink.
"""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis.strategies as st
import numpy as np

from ....theory.autonomous.falsifiers.linear import LIMIT, ONE_LIMIT, OTHERWISE, LinearLoop
from ...attack.suite import Case, Drop, Suite, Undecided
from ...strategies.block_forms import (
    Block,
    contracting,
    expanding,
    form,
    nonzero_vector,
    sixteenths,
    unimodular,
    vector,
)
from ..shared.drawn_values import (
    blocks_of,
    is_unimodular,
    length,
    modulus,
    on_grid,
    shaped,
    square_size,
)
from ..shared.exact_orbits import Exact, Number, affine_power, exact, identity, largest, text
from ..shared.predicates import PredicateJudge, dropping

LOOPS = 1024
GONE, THERE = Number(1, 10**40), Number(1, 10**6)
"""The sizes, relative to the data, below which a quantity has vanished and above which it has not.
"""


@dataclass(frozen=True)
class _ExactLoop:
    """The loop of a case in exact numbers."""

    v: Exact
    inverse: Exact
    m: Exact
    w: Exact
    c: Exact

    @classmethod
    def of(cls, case: Case) -> _ExactLoop:
        v, d, w, push = (exact(case[name]) for name in ("basis", "form", "center", "push"))
        inverse = v.inv()
        m = v * d * inverse
        return cls(v, inverse, m, w, w - m * w + v * push)

    def start(self, coordinates: Exact) -> Exact:
        return self.w + self.v * coordinates

    def scale(self, h: Exact) -> Number:
        return 1 + largest(self.v) * (1 + largest(h) + largest(self.w))


def _loop_of(case: Case) -> LinearLoop:
    """The case of the predicates; a second input starts at `other`, its offset moved by `move`."""
    loop = _ExactLoop.of(case)
    moved = loop.c + exact(case["move"]) if "move" in case else loop.c
    start = loop.start(exact(case["start"]))
    other = loop.start(exact(case["other"])) if "other" in case else start
    return LinearLoop(loop.m, (loop.c, moved), (start, other))


def _is_loop(case: Case) -> bool:
    """Whether the case is a loop as described above, of sixteenths up to 2, up to its modulus.

    What shrinks has blocks of size <= 3.
    """
    d = square_size(case["form"])
    if not d or not shaped(case, basis=(d, d), center=(d,), push=(d,), start=(d,)):
        return False
    blocks, vectors = blocks_of(case["form"]), [case[x] for x in ("center", "push", "start")]
    return (
        blocks is not None
        and on_grid(case["form"], 8)
        and on_grid(np.concatenate(vectors), 2)
        and is_unimodular(case["basis"])
        and all(length(block) <= 3 for block in blocks)
    )


def _shrinks(case: Case) -> bool:
    """Whether the eigenvalues other than 1 that are inside the circle have modulus <= 7/8."""
    return not any(7 / 8 < modulus(block) < 1 for block in blocks_of(case["form"]) or [])


def _broken_for_limit(case: Case) -> tuple[str, ...]:
    """The assumptions of the limit that fail; eigenvalues just inside the circle are refused."""
    if not _is_loop(case):
        return ("linear",)
    found = LIMIT.broken(_loop_of(case))
    return found if _shrinks(case) else tuple(dict.fromkeys((*found, "modulus")))


def _broken_for_no_limit(case: Case) -> tuple[str, ...]:
    """The assumptions of the converse that fail."""
    if not _is_loop(case) or not _shrinks(case):
        return ("linear",)
    return OTHERWISE.broken(_loop_of(case))


def _limit(case: Case) -> str | None:
    """h_t -> P h_0 + (I - P) w, by the predicate and by the orbit itself.

    For the orbit P is known from the spectrum that was drawn.
    """
    found = PredicateJudge(LIMIT, _loop_of)(case)
    if found is not None:
        return found
    loop, d = _ExactLoop.of(case), np.diag(case["form"])
    h = loop.start(exact(case["start"]))
    p = loop.v * exact(np.diag(np.where(d == 1, 1.0, 0.0))) * loop.inverse
    power, offset = affine_power(loop.m, loop.c, LOOPS)
    last = power * h + offset
    distance = largest(last - (p * h + (identity(len(d)) - p) * loop.w))
    if distance <= GONE * loop.scale(h):
        return None
    if distance <= THERE * loop.scale(h):
        raise Undecided
    return f"at loop {LOOPS} the state is {text(distance)} from P h_0 + (I - P) w"


def _no_limit(case: Case) -> str | None:
    """There is no limit, by the predicate, and the steps of the orbit do not vanish.

    Spectrum or offset violate a hypothesis, and the start has a component in the violating block.
    """
    found = PredicateJudge(OTHERWISE, _loop_of)(case)
    if found is not None:
        return found
    loop = _ExactLoop.of(case)
    h = loop.start(exact(case["start"]))
    power, offset = affine_power(loop.m, loop.c, LOOPS)
    last = power * h + offset
    step = largest(loop.inverse * (loop.m * last + loop.c - last))
    if step >= THERE:
        return None
    if step > GONE * loop.scale(h):
        raise Undecided
    return f"at loop {LOOPS} the step is {text(step)}: the orbit converged"


@st.composite
def _case(
    draw: st.DrawFn,
    blocks: list[Block],
    start: st.SearchStrategy[np.ndarray],
    push: np.ndarray | None = None,
) -> Case:
    d = form(blocks)
    return {
        "basis": draw(unimodular(len(d))),
        "form": d,
        "center": draw(vector(len(d))),
        "push": np.zeros(len(d)) if push is None else push,
        "start": draw(start),
    }


@st.composite
def _convergent(draw: st.DrawFn, most: int = 4) -> Case:
    """All hypotheses hold: c in the range, eigenvalues inside the circle or semisimple 1."""
    ones, rest = draw(st.integers(0, most - 1)), draw(st.integers(0, most - 1))
    blocks: list[Block] = [("real", 1.0, 1)] * ones + draw(contracting(min(rest, most - ones)))
    blocks = blocks or [("real", 0.5, 1)]
    return draw(_case(blocks, vector(len(form(blocks)))))


CIRCLE: tuple[Block, ...] = (("real", -1.0, 1), ("pair", 0.0, 1.0), ("pair", 0.0, -1.0))
"""Eigenvalues of modulus 1 other than 1 whose blocks are exact doubles."""


@st.composite
def _violated(draw: st.DrawFn, kind: str, most: int = 3, *, felt: bool = True) -> Case:
    """One hypothesis fails, in the first block: `modulus`, `semisimple` or `range`.

    With `felt` the start has a component in that block.
    """
    push = None
    if kind == "modulus":
        first = draw(st.one_of(st.sampled_from(CIRCLE), expanding()))
    else:
        first = ("real", 1.0, draw(st.integers(2, 3)) if kind == "semisimple" else 1)
    size = len(form([first]))
    rest = draw(contracting(draw(st.integers(0, most - 1))))
    blocks = [first, *rest]
    d = len(form(blocks))
    if kind == "range":
        push = np.zeros(d)
        push[0] = draw(st.sampled_from((1, -1))) * draw(st.integers(1, 32)) / 16
    inside = draw(nonzero_vector(size))
    if not felt:  # the eigenvector of 1 itself stays where it is
        inside = inside * (np.arange(size) == 0) if kind == "semisimple" else np.zeros(size)
    return draw(_case(blocks, vector(d - size).map(lambda y: np.concatenate((inside, y))), push))


def _kinds(*kinds: str, felt: bool = True, most: int = 3) -> st.SearchStrategy[Case]:
    return st.sampled_from(kinds).flatmap(lambda kind: _violated(kind, most, felt=felt))


@st.composite
def _two_starts(draw: st.DrawFn, regular: bool = True, most: int = 4) -> Case:
    """Two starts; without `regular` 1 is an eigenvalue, and they differ along its eigenvector."""
    blocks = draw(contracting(draw(st.integers(1, most))))
    if not regular:
        blocks = [("real", 1.0, 1), *blocks[1:]]
    case = draw(_case(blocks, vector(len(form(blocks)))))
    other = draw(vector(len(case["start"])))
    other[0] = case["start"][0] + draw(sixteenths(1, 32))
    return {**case, "other": other}


@st.composite
def _two_offsets(draw: st.DrawFn) -> Case:
    """Two inputs with different offsets."""
    case = draw(_two_starts())
    return {**case, "move": draw(nonzero_vector(len(case["start"])))}


SUITES = (
    Suite(
        "A1",
        "limit",
        property=(
            "c in im(I - M), every eigenvalue inside the circle or 1 and semisimple: h_t -> P h_0"
            " + (I - P) w from every h_0"
        ),
        cases=_convergent,
        judge=_limit,
        broken=_broken_for_limit,
        drops=tuple(
            Drop(kind, cases=lambda kind=kind: dropping(kind, _kinds(kind)), assumption=kind)
            for kind in ("range", "modulus", "semisimple")
        ),
        predicate="limit",
        evidence="exact orbit",
        larger=_convergent,
    ),
    Suite(
        "A1",
        "no-limit",
        property=(
            "an eigenvalue -1, +-i, outside the circle, or in a Jordan block at 1, or c outside"
            " im(I - M): no limit from a start that feels it"
        ),
        cases=lambda: _kinds("modulus", "semisimple", "range"),
        judge=_no_limit,
        broken=_broken_for_no_limit,
        drops=(
            Drop(
                "the start has a component in the violating block",
                cases=lambda: dropping("outside", _kinds("modulus", "semisimple", felt=False)),
                assumption="outside",
            ),
        ),
        predicate="otherwise",
        evidence="exact orbit",
        larger=lambda d: _kinds("modulus", "semisimple", "range", most=d),
    ),
    Suite(
        "A1",
        "one-limit",
        property="rho(M) < 1: every start ends at the one fixed point",
        cases=_two_starts,
        judge=PredicateJudge(ONE_LIMIT, _loop_of),
        drops=(
            Drop(
                "regular",
                cases=lambda: dropping("regular", _two_starts(regular=False)),
                assumption="regular",
            ),
            Drop(
                "the offset does not depend on the input",
                cases=lambda: dropping("no_recall", _two_offsets()),
                assumption="no_recall",
            ),
        ),
        predicate="one_limit",
        evidence="closed form",
        larger=lambda d: _two_starts(most=d),
    ),
)
