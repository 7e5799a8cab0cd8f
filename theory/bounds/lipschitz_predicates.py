"""The sentences of L3 as programs, and an exact witness for each of its assumptions."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import flint

from ..kernel.falsifier import Falsifier
from ..kernel.predicate import Predicate
from ..kernel.proof import PRECISION
from .small_blocks import (
    SLOPES,
    Balls,
    Matrix,
    Number,
    Vector,
    activation,
    apart,
    at_most,
    attend,
    ball,
    largest,
    length,
    plus,
    rms_norm,
    times,
)
from .strength import closed_form

SOFTMAX = "The derivative of softmax at every score vector has the 2-norm 1/2 at most."
NORM = (
    "RMSNorm with largest gain g has the Lipschitz constant g sqrt(d)/sqrt(r^2 + d eps) on the"
    " vectors of norm at least r."
)
HEAD = (
    "An attention head with QK-norm moves by at most root n_v + V (g_k l_q + root g_q l_k) times"
    " the movement of its tokens, where root = 1 in the largest norm of a token and root = sqrt(n)"
    " in the 2-norm over all tokens."
)
MLP = "An MLP has the Lipschitz constant n_2 s n_1."
BLOCK = (
    "A sub-block has the Lipschitz constant l_sum (1 + l_update l_u l_mix l_argument), with the"
    " constant 1 for every norm or mix that is absent."
)

HALF = Fraction(1, 2)


def _off(value: flint.arb, bound: flint.arb, words: str) -> str | None:
    """What is wrong if the value is proved to be above the bound."""
    return (
        f"{words}: {value.str(6, radius=False)} > {bound.str(6, radius=False)}"
        if value > bound
        else None
    )


def _half(p: Vector) -> str | None:
    """Whether I/2 - S and I/2 + S have negative diagonal entries or 2 x 2 minors, exactly."""
    n = len(p)
    s = [[(p[i] if i == j else 0) - Fraction(p[i]) * p[j] for j in range(n)] for i in range(n)]
    for sign in (1, -1):
        m = [[HALF * (i == j) + sign * s[i][j] for j in range(n)] for i in range(n)]
        for i in range(n):
            if m[i][i] < 0:
                return f"p = {p}: an entry of I/2 - S or I/2 + S is {m[i][i]} < 0"
        for i in range(n):
            for j in range(i):
                minor = m[i][i] * m[j][j] - m[i][j] ** 2
                if minor < 0:
                    return f"p = {p}: a minor of I/2 - S or I/2 + S is {minor} < 0"
    return None


class NormCase(NamedTuple):
    """Two vectors before RMSNorm."""

    first: Vector
    second: Vector
    gain: Number
    eps: Number
    floor: Number


def _above(z: Vector, floor: Number) -> bool:
    return sum(Fraction(x) ** 2 for x in z) >= Fraction(floor) ** 2


def _norm(case: NormCase) -> str | None:
    with flint.ctx.workprec(PRECISION):
        moved = apart(
            *(
                rms_norm([ball(x) for x in z], case.gain, case.eps)
                for z in (case.first, case.second)
            )
        )
        constant = closed_form("norm_lipschitz")(
            *map(ball, (case.gain, len(case.first), case.floor, case.eps))
        )
        return _off(
            moved, constant * apart(case.first, case.second), f"{case.first}, {case.second}"
        )


class HeadCase(NamedTuple):
    """Two states of some tokens before one head, and the numbers of its bound."""

    first: tuple[Vector, ...]
    second: tuple[Vector, ...]
    weights: tuple[Matrix, Matrix, Matrix]
    norms: tuple[Number, Number, Number]
    gains: tuple[Number, Number] = (1, 1)
    eps: Number = 1
    floors: tuple[Number, Number] = (0, 0)
    size: Number = 1
    count: int | None = None
    seen: tuple[tuple[bool, ...], ...] | None = None
    normalised: bool = True

    def head(self, tokens: tuple[Vector, ...]) -> list[Balls]:
        """The outputs of the head for its tokens."""
        query, key, value = self.weights
        queries, keys = [times(query, x) for x in tokens], [times(key, x) for x in tokens]
        if self.normalised:
            queries = [rms_norm(q, self.gains[0], self.eps) for q in queries]
            keys = [rms_norm(k, self.gains[1], self.eps) for k in keys]
        return attend(queries, keys, [times(value, x) for x in tokens], self.seen)

    def exact(self, which: int) -> list[Vector]:
        """The images of all tokens under W_q, W_k or W_v, exactly."""
        return [
            tuple(
                sum((Fraction(a) * x for a, x in zip(row, z, strict=True)), Fraction(0))
                for row in self.weights[which]
            )
            for z in self.first + self.second
        ]


def _counted(case: HeadCase) -> bool:
    """Whether at most `count` queries see each key."""
    tokens = len(case.first)
    seen = case.seen or ((True,) * tokens,) * tokens
    return all(sum(row[j] for row in seen) <= (case.count or tokens) for j in range(tokens))


def _head(case: HeadCase) -> str | None:
    """The head in both norms."""
    with flint.ctx.workprec(PRECISION):
        d = len(case.weights[0])
        outs = [case.head(tokens) for tokens in (case.first, case.second)]
        moved = [apart(a, b) for a, b in zip(*outs, strict=True)]
        tokens = [apart(a, b) for a, b in zip(case.first, case.second, strict=True)]
        q, k = (
            ball(case.norms[i])
            * closed_form("norm_lipschitz")(
                *map(ball, (case.gains[i], d, case.floors[i], case.eps))
            )
            for i in (0, 1)
        )
        roots = {
            "largest norm": (flint.arb(1), largest),
            "2-norm": (ball(case.count or len(tokens)).sqrt(), length),
        }
        for name, (root, measure) in roots.items():
            constant = closed_form("head_lipschitz")(
                ball(case.norms[2]), ball(case.size), *map(ball, case.gains), q, k, root
            )
            found = _off(measure(moved), constant * measure(tokens), f"head, {name}")
            if found:
                return found
        return None


class MLPCase(NamedTuple):
    """Two arguments of an MLP without biases, and the numbers of its bound."""

    first: Vector
    second: Vector
    weights: tuple[Matrix, Matrix]
    norms: tuple[Number, Number]
    name: str
    slope: Number


def _mlp(case: MLPCase) -> str | None:
    with flint.ctx.workprec(PRECISION):
        images = []
        for z in (case.first, case.second):
            hidden = [activation(case.name, x) for x in times(case.weights[0], z)]
            images.append(
                [
                    sum((ball(a) * x for a, x in zip(row, hidden, strict=True)), flint.arb(0))
                    for row in case.weights[1]
                ]
            )
        bound = ball(Fraction(case.norms[0]) * case.norms[1] * case.slope) * apart(
            case.first, case.second
        )
        return _off(apart(*images), bound, f"{case.name} at {case.first}, {case.second}")


class BlockCase(NamedTuple):
    """Two states of one token before a sub-block with the update W, and its bound's numbers.

    `places` says which of the sum, the update and the argument are normalised; `floors` are the
    smallest norms there.
    """

    first: Vector
    second: Vector
    update: Matrix
    mix: Matrix
    norms: tuple[Number, Number]
    places: tuple[bool, bool, bool]
    floors: tuple[Number, Number, Number]
    eps: Number = 1

    def stations(self, h: Vector) -> tuple[Balls, list[Balls]]:
        """The new state, and what stood before each norm."""
        on_sum, on_update, on_argument = self.places
        argument = [ball(x) for x in h]
        x = rms_norm(argument, 1, self.eps) if on_argument else argument
        u = before = times(self.update, times(self.mix, x))
        if on_update:
            u = rms_norm(u, 1, self.eps)
        total = plus(h, u)
        return (rms_norm(total, 1, self.eps) if on_sum else total), [total, before, argument]


def _floors(case: BlockCase) -> bool:
    with flint.ctx.workprec(PRECISION):
        return all(
            not place or floor == 0 or bool(length(z) >= ball(floor))
            for h in (case.first, case.second)
            for z, floor, place in zip(case.stations(h)[1], case.floors, case.places, strict=True)
        )


def _block(case: BlockCase) -> str | None:
    with flint.ctx.workprec(PRECISION):
        d = len(case.first)
        constants = [
            closed_form("norm_lipschitz")(*map(ball, (1, d, floor, case.eps)))
            if place
            else flint.arb(1)
            for place, floor in zip(case.places, case.floors, strict=True)
        ]
        bound = closed_form("sub_block_lipschitz")(
            *constants, ball(case.norms[1]), ball(case.norms[0])
        )
        moved = apart(case.stations(case.first)[0], case.stations(case.second)[0])
        return _off(moved, bound * apart(case.first, case.second), f"{case.first}, {case.second}")


_ONE: Matrix = ((1,),)
_EYE: Matrix = ((1, 0), (0, 1))
_TURN = HeadCase(
    # the first token is a query that turns from one value to the other
    first=((Fraction(1, 100),), (10,), (-10,)),
    second=((Fraction(-1, 100),), (10,), (-10,)),
    weights=(_ONE, _ONE, _ONE),
    norms=(1, 1, 1),
    size=10,
)
_SHARED = HeadCase(
    # four queries see the first key only
    first=((Fraction(1, 10),), (0,), (0,), (0,)),
    second=((0,), (0,), (0,), (0,)),
    weights=(_ONE, _ONE, _ONE),
    norms=(1, 1, 1),
    size=Fraction(1, 10),
    count=4,
    seen=((True, False, False, False),) * 4,
)
_POST = BlockCase(
    (1, 2), (2, 1), ((0, -1), (1, 0)), _EYE, (1, 1), (True, False, False), (1, 0, 0), eps=0
)
_GELU = MLPCase(
    (Fraction(14, 10),), (Fraction(143, 100),), (_ONE, _ONE), (1, 1), "gelu", SLOPES["gelu"]
)

softmax = Predicate[Vector](
    name="softmax",
    sentence=SOFTMAX,
    concluded_by=("half",),
    assumptions={"probabilities": lambda p: sum(p) == 1 and min(p) >= 0},
    refute=_half,
    example=lambda: (HALF, HALF, 0),
)
norm = Predicate[NormCase](
    name="norm",
    sentence=NORM,
    concluded_by=("norm_bound",),
    assumptions={
        "floor": lambda case: _above(case.first, case.floor) and _above(case.second, case.floor)
    },
    refute=_norm,
    example=lambda: NormCase((3, 4), (-3, 4), 2, Fraction(1, 100), 5),
)
head = Predicate[HeadCase](
    name="head",
    sentence=HEAD,
    concluded_by=("norm_bound", "head_sum"),
    assumptions={
        "qk_norm": lambda case: case.normalised,
        "weights": lambda case: all(
            at_most(w, n) for w, n in zip(case.weights, case.norms, strict=True)
        ),
        "floor": lambda case: all(_above(z, case.floors[i]) for i in (0, 1) for z in case.exact(i)),
        "values": lambda case: all(
            sum(x * x for x in z) <= Fraction(case.size) ** 2 for z in case.exact(2)
        ),
        "visible": _counted,
    },
    refute=_head,
    example=lambda: _TURN,
)
mlp = Predicate[MLPCase](
    name="mlp",
    sentence=MLP,
    concluded_by=("mlp_bound",),
    assumptions={
        "weights": lambda case: all(
            at_most(w, n) for w, n in zip(case.weights, case.norms, strict=True)
        ),
        "slope": lambda case: case.slope >= SLOPES[case.name],
    },
    refute=_mlp,
    example=lambda: _GELU,
)
block = Predicate[BlockCase](
    name="block",
    sentence=BLOCK,
    concluded_by=("sub_block",),
    assumptions={
        "weights": lambda case: (
            at_most(case.update, case.norms[0]) and at_most(case.mix, case.norms[1])
        ),
        "floor": _floors,
    },
    refute=_block,
    example=lambda: _POST,
)

PREDICATES = (softmax, norm, head, mlp, block)

FALSIFIERS = (
    Falsifier("weights_without_a_sum", "probabilities", softmax, lambda: (2, 2)),
    Falsifier("norm_nearer_to_zero", "floor", norm, lambda: NormCase((1,), (-1,), 1, 0, 10)),
    Falsifier("dot_products", "qk_norm", head, lambda: _TURN._replace(normalised=False)),
    Falsifier("heavier_values", "values", head, lambda: _TURN._replace(size=0)),
    Falsifier("shorter_queries", "floor", head, lambda: _TURN._replace(floors=(10, 10))),
    Falsifier("larger_weights", "weights", head, lambda: _TURN._replace(norms=(0, 0, 1))),
    Falsifier("one_key_for_all", "visible", head, lambda: _SHARED._replace(count=1)),
    Falsifier("steeper_than_one", "slope", mlp, lambda: _GELU._replace(slope=1)),
    Falsifier(
        "nearer_sum",
        "floor",
        block,
        lambda: _POST._replace(second=(1, -2), update=((-1, 0), (0, -HALF)), floors=(10, 0, 0)),
    ),
)
