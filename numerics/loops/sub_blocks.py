"""Sub-blocks on several tokens with exact Jacobian products: MLP and attention.

They act on dual numbers (`Dual`), so that one text gives value and derivative.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Protocol

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from ..ensembles.matrices import ginibre
from ..formulas import numeric
from .activations import ACTIVATIONS, ArrayActivation
from .dual import Dual


class DualSubBlock(Protocol):
    """An update u of states of shape (tokens, width), as value and derivative."""

    def __call__(self, x: Dual) -> Dual:
        """The update u(x)."""
        ...

    def bound(self, size: float) -> float:
        """A bound of |u(x)| for each token if |x| <= size for every token (R2, update_bound)."""
        ...


@dataclass(frozen=True)
class DualMLP:
    """The update W_2 phi(W_1 x + b_1) + b_2, token by token.

    Args:
        w1: the matrix W_1, of shape (hidden, width).
        b1: the bias b_1, of shape (hidden,).
        w2: the matrix W_2, of shape (width, hidden).
        b2: the bias b_2, of shape (width,).
        activation: phi.
    """

    w1: Array
    b1: Array
    w2: Array
    b2: Array
    activation: ArrayActivation

    @classmethod
    def linear(cls, matrix: Array) -> DualMLP:
        """The update x -> matrix x, for a matrix (d, d) or a stack of them."""
        d = matrix.shape[-1]
        return cls(np.eye(d), np.zeros(d), matrix, np.zeros(d), ACTIVATIONS["identity"])

    @classmethod
    def random(
        cls,
        rng: np.random.Generator,
        width: int,
        hidden: int,
        activation: ArrayActivation,
        scale: float | Array = 1.0,
    ) -> DualMLP:
        """Ginibre weights and independent N(0, 1/100) biases.

        `scale` multiplies the output matrix.
        """
        b1, b2 = rng.standard_normal(hidden) / 10, rng.standard_normal(width) / 10
        w1, w2 = ginibre(rng, hidden, 1.0, width), ginibre(rng, width, scale, hidden)
        return cls(w1, b1, w2, b2, activation)

    def __call__(self, x: Dual) -> Dual:
        """The update."""
        return (x.linear(self.w1) + self.b1).map(self.activation).linear(self.w2) + self.b2

    def bound(self, size: float) -> float:
        """The bound of R2, update_bound, from the spectral norms of the weights."""
        w1, w2, b1, b2 = (float(np.linalg.norm(x, 2)) for x in (self.w1, self.w2, self.b1, self.b2))
        return float(numeric("update_bound")(self.activation.slope * w2, w1, b1, b2, size))


@dataclass(frozen=True)
class DualAttention:
    """Softmax attention of every token to every token.

    Queries and keys are normalised in each head (QK-norm), so the scores are bounded.

    Args:
        w_q: the query matrix, of shape (width, width); `w_k`, `w_v` and `w_o` have the same shape.
        w_k: the key matrix.
        w_v: the value matrix.
        w_o: the output matrix.
        heads: number of heads, a divisor of the width.
        eps: the constant under the root of the normalisation, above 0.
    """

    w_q: Array
    w_k: Array
    w_v: Array
    w_o: Array
    heads: int
    eps: float

    def __post_init__(self) -> None:
        if len(self.w_q) % self.heads or not self.eps > 0:
            raise UsageError(
                "attention needs heads that divide the width, and eps > 0, not width"
                f" {len(self.w_q)}, {self.heads} heads and eps = {self.eps}"
            )

    @classmethod
    def random(
        cls,
        rng: np.random.Generator,
        width: int,
        heads: int,
        eps: float,
        scale: float | Array = 1.0,
    ) -> DualAttention:
        """Ginibre weights; `scale` multiplies the output matrix."""
        w_q, w_k, w_v = (ginibre(rng, width) for _ in range(3))
        return cls(w_q, w_k, w_v, ginibre(rng, width, scale), heads, eps)

    def __call__(self, x: Dual) -> Dual:
        """The update."""
        q, k = (x.linear(w).split(self.heads).rms_norm(self.eps) for w in (self.w_q, self.w_k))
        v = x.linear(self.w_v).split(self.heads)
        scores = q.product(k.transposed()) * (1 / np.sqrt(len(self.w_q) // self.heads))
        return scores.softmax().product(v).joined().linear(self.w_o)

    def bound(self, size: float) -> float:
        """The bound of R2, update_bound, with head_norm folded over the heads."""
        norms = [float(np.linalg.norm(head, 2)) for head in np.split(self.w_v, self.heads)]
        value = float(reduce(numeric("head_norm"), norms))
        return float(numeric("update_bound")(np.linalg.norm(self.w_o, 2), value, 0.0, 0.0, size))
