"""The sentences of L2 as programs, and an exact witness for each of its assumptions."""

from __future__ import annotations

import itertools
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
    attend,
    ball,
    largest,
    length,
    plus,
    rms_norm,
    spectral_norm,
    times,
)
from .strength import Head, Strength

CONTRACTION = (
    "Two states with tokens of norm at most H are mapped to states whose distance, in the largest"
    " norm of a token, is at most kappa(tau) times their distance."
)
MONOTONE = (
    "kappa(tau) does not increase with tau, so that kappa(tau_0) < 1 implies kappa(tau) < 1 for"
    " every tau >= tau_0."
)

HOMOGENEOUS = {"relu": Fraction(0), "gelu": Fraction(2, 5)}
"""activations phi for which phi(tau x)/tau tends to ReLU(x), and a bound of |phi - ReLU|"""
_ZERO: Matrix = ((0, 0), (0, 0))
_EYE: Matrix = ((1, 0), (0, 1))


class StrengthCase(NamedTuple):
    """A planar post-norm block with one head, without biases and with gain 1, and two states.

    `limits` are the numbers that the bound takes for the smallest |W_q c|, |W_k c|, the smallest
    limit of attention, and that of the MLP. The bound H of the states is sqrt(2).
    """

    internal: bool
    tau: Number
    tokens: tuple[Vector, ...]
    first: tuple[Vector, ...]
    second: tuple[Vector, ...]
    mix: Matrix = _EYE
    attention: tuple[Matrix, Matrix, Matrix, Matrix] = (_EYE, _EYE, _EYE, _EYE)
    mlp: tuple[Matrix, Matrix] = (_ZERO, _ZERO)
    name: str = "relu"
    eps: Number = Fraction(1, 10000)
    limits: tuple[Number, Number, Number, Number] = (1, 1, 1, 0)
    normalised: bool = True

    def update(self, tokens: list[Balls], eps: Number, limit: bool = False) -> list[Balls]:
        """The attention to these tokens; in the limit queries and keys are normalised anyway."""
        query, key, value, out = self.attention
        queries, keys = ([times(w, x) for x in tokens] for w in (query, key))
        if self.normalised or limit:
            queries, keys = ([rms_norm(q, 1, eps) for q in z] for z in (queries, keys))
        return [times(out, o) for o in attend(queries, keys, [times(value, x) for x in tokens])]

    def feed(self, x: Balls, name: str | None = None) -> Balls:
        """The MLP."""
        return times(self.mlp[1], [activation(name or self.name, y) for y in times(self.mlp[0], x)])

    def step(self, state: tuple[Vector, ...]) -> list[Balls]:
        """One iteration."""
        h = [[ball(x) for x in token] for token in state]
        z = self._mixed(h)
        stream = h if self.internal else z
        y = [
            rms_norm(plus(s, u), 1, self.eps)
            for s, u in zip(stream, self.update(z, self.eps), strict=True)
        ]
        read = self._mixed(y) if self.internal else y
        return [rms_norm(plus(s, self.feed(x)), 1, self.eps) for s, x in zip(y, read, strict=True)]

    def _mixed(self, h: list[Balls]) -> list[Balls]:
        return [
            plus(times(self.mix, x), [ball(self.tau) * ball(y) for y in c])
            for x, c in zip(h, self.tokens, strict=True)
        ]

    def limit_updates(self) -> tuple[list[Balls], list[Balls]]:
        """The vectors whose smallest norms are the limits of attention and of the MLP."""
        c = [[ball(x) for x in token] for token in self.tokens]
        attended = self.update(c, 0, limit=True)
        if self.internal:
            return attended, [self.feed(x, "relu") for x in c]
        total = [plus(x, a) for x, a in zip(c, attended, strict=True)]
        y = [rms_norm(t, 1, 0) for t in total]
        return total, [plus(x, self.feed(x)) for x in y]

    def strength(self) -> Strength:
        """The numbers of the bound."""
        query, key, value, out = map(spectral_norm, self.attention)
        mix, radius, eps = spectral_norm(self.mix), ball(2).sqrt(), ball(self.eps)
        drift = mix * radius
        inner, outer = map(spectral_norm, self.mlp)
        slope = ball(SLOPES[self.name])
        limit_q, limit_k, limit, limit_mlp = map(ball, self.limits)
        size = largest([length(times(self.attention[2], c)) for c in self.tokens])
        head = Head(
            query,
            key,
            value,
            query * drift,
            key * drift,
            value * drift,
            limit_q,
            limit_k,
            size,
            ball(1),
            ball(1),
            ball(2),
        )
        gap = ball(HOMOGENEOUS.get(self.name, Fraction(0))) * radius
        return Strength(
            self.internal,
            (head,),
            out,
            ball(0),
            mix,
            drift,
            radius,
            limit,
            outer * slope * inner,
            limit_mlp,
            outer * (slope * inner * drift + gap),
            (ball(1), ball(1)),
            ball(2),
            eps,
        )


def _at_least(vectors: list[Balls], bound: Number) -> bool:
    return bound == 0 or all(bool(length(z) >= ball(bound)) for z in vectors)


def _directions(case: StrengthCase) -> bool:
    """Exactly: |W_q c| and |W_k c| are at least the limits."""
    return all(
        sum(sum(Fraction(a) * x for a, x in zip(row, c, strict=True)) ** 2 for row in w)
        >= Fraction(bound) ** 2
        for w, bound in zip(case.attention[:2], case.limits[:2], strict=True)
        for c in case.tokens
    )


def _limits(case: StrengthCase) -> bool:
    with flint.ctx.workprec(PRECISION):
        return all(
            _at_least(vectors, bound)
            for vectors, bound in zip(case.limit_updates(), case.limits[2:], strict=True)
        )


def _contraction(case: StrengthCase) -> str | None:
    with flint.ctx.workprec(PRECISION):
        kappa = case.strength().kappa(ball(case.tau))
        before = largest([apart(a, b) for a, b in zip(case.first, case.second, strict=True)])
        images = [case.step(state) for state in (case.first, case.second)]
        after = largest([apart(a, b) for a, b in zip(*images, strict=True)])
        if after > kappa * before:
            stretch, bound = (x.str(5, radius=False) for x in (after / before, kappa))
            return f"tau = {case.tau}: two states are stretched by {stretch} > kappa(tau) = {bound}"
        return None


class TwoStrengths(NamedTuple):
    """A block and two recall strengths."""

    block: StrengthCase
    threshold: Number
    tau: Number


def _monotone(case: TwoStrengths) -> str | None:
    with flint.ctx.workprec(PRECISION):
        start, later = (case.block.strength().kappa(ball(t)) for t in (case.threshold, case.tau))
        if later > start:
            values = (x.str(5, radius=False) for x in (start, later))
            return "kappa({}) = {}, kappa({}) = {}".format(
                *itertools.chain(*zip((case.threshold, case.tau), values, strict=True))
            )
        return None


_UP, _DOWN = ((1, Fraction(1, 10)),), ((1, Fraction(-1, 10)),)
_ONE_TOKEN = StrengthCase(False, 1000, ((1, 0),), _UP, _DOWN)
_THREE = StrengthCase(
    # the first token sees two others, with values that differ across its own
    False,
    10**6,
    ((1, 0), (1, 1), (1, -1)),
    ((1, Fraction(1, 100)), (1, 0), (-1, 0)),
    ((1, Fraction(-1, 100)), (-1, 0), (1, 0)),
    attention=(((1, 0), (0, 0)), ((1, 0), (0, 0)), _EYE, _EYE),
)
_INTERNAL = _ONE_TOKEN._replace(internal=True, mlp=(_EYE, _EYE), limits=(1, 1, 1, 1))
_ACROSS: Matrix = ((0, 0), (0, 1))
_ALIKE = ((1, Fraction(1, 100)), (1, 0), (1, 0)), ((1, Fraction(-1, 100)), (1, 0), (1, 0))

contraction = Predicate[StrengthCase](
    name="contraction",
    sentence=CONTRACTION,
    concluded_by=("external", "internal"),
    assumptions={
        "qk_norm": lambda case: case.normalised,
        "directions": _directions,
        "limit": _limits,
        "states": lambda case: all(
            sum(Fraction(x) ** 2 for x in z) <= 2 for z in case.first + case.second
        ),
        "homogeneous": lambda case: case.name in HOMOGENEOUS or not case.internal,
    },
    refute=_contraction,
    example=lambda: _THREE,
)
monotone = Predicate[TwoStrengths](
    name="monotone",
    sentence=MONOTONE,
    concluded_by=("monotone", "factors"),
    assumptions={"beyond": lambda case: case.tau >= case.threshold},
    refute=_monotone,
    example=lambda: TwoStrengths(_ONE_TOKEN, 10**5, 10**6),
)

PREDICATES = (contraction, monotone)

FALSIFIERS = (
    Falsifier("dot_products", "qk_norm", contraction, lambda: _THREE._replace(normalised=False)),
    Falsifier(
        "query_of_the_state",
        "directions",
        contraction,
        lambda: _THREE._replace(
            attention=(_ACROSS, _ACROSS, _EYE, _EYE), first=_ALIKE[0], second=_ALIKE[1]
        ),
    ),
    Falsifier(
        "attention_cancels_the_input",
        "limit",
        contraction,
        lambda: _ONE_TOKEN._replace(attention=(_EYE, _EYE, _EYE, ((-1, 0), (0, 0)))),
    ),
    Falsifier(
        "updates_without_the_input",
        "limit",
        contraction,
        lambda: _INTERNAL._replace(attention=(_EYE, _EYE, _EYE, _ZERO), mlp=(_EYE, _ZERO)),
    ),
    Falsifier(
        "state_against_the_input",
        "states",
        contraction,
        lambda: _ONE_TOKEN._replace(first=((-1000, 1),), second=((-1000, -1),)),
    ),
    Falsifier(
        "saturating",
        "homogeneous",
        contraction,
        lambda: _INTERNAL._replace(
            name="tanh", attention=(_EYE, _EYE, _EYE, _ZERO), limits=(1, 1, 0, 1), tau=10**6
        ),
    ),
    Falsifier("weaker", "beyond", monotone, lambda: TwoStrengths(_ONE_TOKEN, 10**5, 10)),
)
