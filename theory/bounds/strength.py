"""The bound kappa(tau) of a post-norm block whose recall is scaled by tau, from a few numbers.

The numbers may be floats or balls: theory and numerics share this one definition.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import flint
import sympy as sp

from ..formulas import formula

Number = Any
"""a float or a ball"""


def root(x: Number) -> Number:
    """The square root of a float or a ball."""
    return x.sqrt() if isinstance(x, flint.arb) else math.sqrt(x)


@cache
def closed_form(name: str) -> Any:
    """A registered formula as a function of floats or balls."""
    f = formula(name)
    return sp.lambdify(f.symbols, f.expression, [{"sqrt": root}])


def _least(x: Number, y: Number) -> Number:
    return x.min(y) if isinstance(x, flint.arb) else min(x, y)


def _over(x: Number, y: Number) -> Number:
    """x/y where y is surely positive, infinity otherwise."""
    if y > 0:
        return x / y
    return flint.arb("inf") if isinstance(x, flint.arb) else math.inf


class Head(NamedTuple):
    """What the bound needs to know of one attention head.

    Args:
        queries: 2-norm of the weights W_q of the head.
        keys: 2-norm of W_k.
        values: 2-norm of W_v.
        drift_q: how far W_q x + b_q can be from tau W_q c, over all states and tokens.
        drift_k: the same for keys.
        drift_v: the same for values.
        limit_q: the smallest |W_q c| of a token.
        limit_k: the smallest |W_k c|.
        limit_v: the largest |W_v c|.
        gain_q: the largest gain of the norm of queries.
        gain_k: the same for keys.
        width: the width of the head.
    """

    queries: Number
    keys: Number
    values: Number
    drift_q: Number
    drift_k: Number
    drift_v: Number
    limit_q: Number
    limit_k: Number
    limit_v: Number
    gain_q: Number
    gain_k: Number
    width: Number

    def constants(self, tau: Number, eps: Number) -> tuple[Number, Number]:
        """The Lipschitz constant at x = c + w/tau, and tau times the distance from the limit."""
        one = tau / tau  # of the type of the numbers
        head, floor = closed_form("head_lipschitz"), closed_form("recalled_floor")
        size = self.limit_v + self.drift_v / tau
        norm_q = _over(self.gain_q * root(self.width), floor(self.limit_q, self.drift_q, tau))
        norm_k = _over(self.gain_k * root(self.width), floor(self.limit_k, self.drift_k, tau))
        lift, gains = root(self.width * eps), (self.gain_q, self.gain_k)
        return (
            head(self.values, size, *gains, norm_q * self.queries, norm_k * self.keys, one),
            head(
                self.drift_v,
                size,
                *gains,
                norm_q * (self.drift_q + lift),
                norm_k * (self.drift_k + lift),
                one,
            ),
        )


class Strength(NamedTuple):
    """The numbers of a post-norm block of attention and MLP with recall tau W_e e.

    Args:
        internal: whether the recall is internal; otherwise it is external.
        heads: the heads of the attention.
        out: 2-norm of W_o.
        out_bias: |b_o|.
        mix: 2-norm of W_x.
        drift: how far the mix can be from tau c: |W_x| H + |b|.
        state: the largest norm H of a token of the state.
        limit: the smallest |c + a| (external) or |a| (internal) of a token, a the attention to the
            tokens c in the limit.
        slope: Lipschitz constant of the MLP.
        limit_mlp: external: the smallest |y + m(y)| of a token at y = N_0(c + a); internal: the
            smallest |W_2 ReLU(W_1 c)|.
        shift_mlp: internal: tau x the distance of m(x)/tau from W_2 ReLU(W_1 c).
        gains: the largest gains of the two norms.
        width: the width of the state.
        eps: the constant of all norms.
    """

    internal: bool
    heads: tuple[Head, ...]
    out: Number
    out_bias: Number
    mix: Number
    drift: Number
    state: Number
    limit: Number
    slope: Number
    limit_mlp: Number
    shift_mlp: Number
    gains: tuple[Number, Number]
    width: Number
    eps: Number

    def _attention(self, tau: Number) -> tuple[Number, Number]:
        pairs = [head.constants(tau, self.eps) for head in self.heads]
        slopes, shifts = (root(sum(x * x for x in column)) for column in zip(*pairs, strict=True))
        return self.out * slopes, self.out * shifts + self.out_bias

    def factors(self, tau: Number) -> tuple[Number, Number]:
        """The bounds of the two sub-blocks at a recall strength.

        Args:
            tau: the strength, positive.

        Returns:
            The Lipschitz constants in the largest 2-norm of a token: of attention with its norm
            and, for external recall, the mix; and of the MLP with its norm. They are infinite
            where the strength is too small for the bound.
        """
        slope, shift = self._attention(tau)
        block, floor = closed_form("sub_block_lipschitz"), closed_form("recalled_floor")
        radius, lift = root(self.width), root(self.width * self.eps)
        first, second = (gain * radius for gain in self.gains)
        if self.internal:
            near = floor(self.limit, self.state + shift, tau)
            near_mlp = floor(self.limit_mlp, first + self.shift_mlp, tau)
            norm = _least(_over(first, tau * near), _over(first, lift))
            norm_mlp = _least(_over(second, tau * near_mlp), _over(second, lift))
            return (block(norm, 1, 1, self.mix, slope), block(norm_mlp, 1, 1, self.mix, self.slope))
        norm = _over(first, floor(self.limit, self.drift + shift, tau))
        away = norm * (self.drift + shift + lift) / tau
        near_mlp = self.limit_mlp - (1 + self.slope) * away
        squared = self.width * self.eps + (near_mlp * near_mlp if near_mlp > 0 else 0)
        return (
            self.mix / tau * block(norm, 1, 1, 1, slope),
            block(_over(second, root(squared)), 1, 1, 1, self.slope),
        )

    def kappa(self, tau: Number) -> Number:
        """The bound of the Lipschitz constant of the step; it does not increase with tau."""
        one, two = self.factors(tau)
        return one * two
