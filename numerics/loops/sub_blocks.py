"""Sub-blocks on several tokens, with exact Jacobian products: MLP and attention (QK-norm,
softmax).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from ..ensembles.matrices import ginibre
from ..formulas import numeric
from .activations import ACTIVATIONS, ArrayActivation
from .dual import Dual


class DualSubBlock(Protocol):
    """An update u of (tokens, width), as value and derivative."""

    def __call__(self, x: Dual) -> Dual:
        """The update u(x)."""
        ...

    def bound(self, size: float) -> float:
        """Bound of |u| per token when every token has |x| <= size (R2, update_bound)."""
        ...


@dataclass(frozen=True)
class DualMLP:
    """Token by token W_2 phi(W_1 x + b_1) + b_2."""

    w1: Array
    b1: Array
    w2: Array
    b2: Array
    activation: ArrayActivation

    @classmethod
    def linear(cls, matrix: Array) -> DualMLP:
        """The update x -> matrix x, for matrices (d, d) or a stack of them."""
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
        """Ginibre weights, biases of independent N(0, 1/100); `scale` is that of the output
        matrix.
        """
        b1, b2 = rng.standard_normal(hidden) / 10, rng.standard_normal(width) / 10
        return cls(
            ginibre(rng, hidden, 1.0, width), b1, ginibre(rng, width, scale, hidden), b2, activation
        )

    def __call__(self, x: Dual) -> Dual:
        """The update."""
        return (x.linear(self.w1) + self.b1).map(self.activation).linear(self.w2) + self.b2

    def bound(self, size: float) -> float:
        """R2, update_bound, by spectral norms of the weights."""
        w1, w2, b1, b2 = (float(np.linalg.norm(x, 2)) for x in (self.w1, self.w2, self.b1, self.b2))
        return float(numeric("update_bound")(self.activation.slope * w2, w1, b1, b2, size))


@dataclass(frozen=True)
class DualAttention:
    """Every token attends to every token; queries and keys are normalised per head (QK-norm), so
    the scores are bounded.
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
                f"attention needs a width that its heads divide and eps > 0, not {len(self.w_q)},"
                f" {self.heads}, {self.eps}"
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
        """Ginibre weights; `scale` is that of the output matrix."""
        return cls(
            ginibre(rng, width),
            ginibre(rng, width),
            ginibre(rng, width),
            ginibre(rng, width, scale),
            heads,
            eps,
        )

    def __call__(self, x: Dual) -> Dual:
        """The update."""
        q, k = (x.linear(w).split(self.heads).rms_norm(self.eps) for w in (self.w_q, self.w_k))
        v = x.linear(self.w_v).split(self.heads)
        scores = q.product(k.transposed()) * (1 / np.sqrt(len(self.w_q) // self.heads))
        return scores.softmax().product(v).joined().linear(self.w_o)

    def bound(self, size: float) -> float:
        """R2, update_bound: an average does not exceed the largest value vector, head by head."""
        heads = np.split(self.w_v, self.heads)
        value = float(np.sqrt(sum(np.linalg.norm(head, 2) ** 2 for head in heads)))
        return float(numeric("update_bound")(np.linalg.norm(self.w_o, 2), value, 0.0, 0.0, size))
