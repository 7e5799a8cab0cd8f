"""Cases of residual streams with bounded updates (R2, R3).

h' = z + updates, z = W h + c, and the updates read their stream through RMSNorm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ...arrays import Array
from ...attack.suite import Case, Undecided
from ...formulas import numeric
from ...loops.activations import ACTIVATIONS
from ...strategies import fractions as draws

NORMS = ("pre", "peri", "raw")
"""With `raw`, the update reads its stream as it is, so that it is not bounded."""
GATED = ("identity", "tanh", "relu", "gelu")
"""The activations x p(x) with 0 <= p <= 1, for which R2 bounds the update; p = sin(x)/x is negative
for some x, and erf(x)/x exceeds 1.
"""
OFF_LATTICE = 2.0**-10
"""Keeps states and updates of short fractions from vanishing exactly, where a norm with eps = 0 is
not defined.
"""


@dataclass(frozen=True)
class Stream:
    """k sub-blocks u_i(n) = outer_i phi(inner_i n + inner_bias_i) + outer_bias_i.

    Arrays have a first axis of length k. `norm` is pre, u(N(z)); peri, N(u(N(z))); or raw, u(z).
    `outer_norm` ends the step with N; W = `weight` (d, d), c = `drive` (d,).
    """

    weight: Array
    drive: Array
    inner: Array
    inner_bias: Array
    outer: Array
    outer_bias: Array
    activation: str
    norm: str
    outer_norm: bool
    gain: Array
    eps: float

    @classmethod
    def of(cls, case: Case) -> Stream:
        """The stream of a case that has its fields."""
        return cls(**{name: case[name] for name in cls.__dataclass_fields__})

    def normalised(self, z: Array) -> Array:
        """gain z / sqrt(mean z^2 + eps); raises `Undecided` where this is not defined."""
        s = np.sqrt(np.mean(z * z) + self.eps)
        if s == 0:
            raise Undecided("the argument of a norm vanished at eps = 0")
        return self.gain * z / s

    def update(self, i: int, z: Array) -> Array:
        """The update that sub-block i adds to its stream z."""
        n = z if self.norm == "raw" else self.normalised(z)
        u = (
            self.outer[i] @ ACTIVATIONS[self.activation](self.inner[i] @ n + self.inner_bias[i])
            + self.outer_bias[i]
        )
        return self.normalised(u) if self.norm == "peri" else u

    def step(self, h: Array) -> Array:
        """One iteration."""
        z = self.weight @ h + self.drive
        for i in range(len(self.inner)):
            z = z + self.update(i, z)
        return self.normalised(z) if self.outer_norm else z

    def radius(self) -> float:
        """max |gain| sqrt(d), a bound of the norm of every normalised vector."""
        return float(np.sqrt(len(self.drive)) * np.abs(self.gain).max())

    def bound(self) -> float:
        """A bound of the total update (R2).

        The bound of each sub-block comes from the norms of its weights, or from its outer norm
        (peri).
        """
        if self.norm == "peri":
            return len(self.inner) * self.radius()
        weights = zip(self.outer, self.inner, self.inner_bias, self.outer_bias, strict=True)
        sizes = [[float(np.linalg.norm(x, 2)) for x in block] for block in weights]
        slope = ACTIVATIONS[self.activation].slope
        return sum(
            float(numeric("update_bound")(slope * o, i, ib, ob, self.radius()))
            for o, i, ib, ob in sizes
        )

    def lipschitz(self) -> float:
        """A bound of the Lipschitz constants of the sub-blocks on normalised vectors."""
        return float(
            sum(
                1.2 * np.linalg.norm(o, 2) * np.linalg.norm(i, 2)
                for o, i in zip(self.outer, self.inner, strict=True)
            )
        )


@st.composite
def updates(
    draw: Any,
    size: int,
    *,
    blocks: int | None = None,
    norm: str | None = None,
    eps: tuple[float, ...] = (0.0, 0.0625, 1.0),
) -> dict[str, Any]:
    """All fields of a `Stream` without outer norm, except weight and drive.

    There are `blocks` sub-blocks (None: 1 or 2), with `size` hidden units each.
    """
    k = draw(st.integers(1, 2)) if blocks is None else blocks
    stacks: dict[str, Any] = {}
    for name in ("inner", "outer"):
        stacks[name] = np.stack([draw(draws.entries(size, size)) for _ in range(k)])
        stacks[f"{name}_bias"] = np.stack([draw(draws.vectors(size, 2)) for _ in range(k)])
    norm = draw(st.sampled_from(NORMS[:2])) if norm is None else norm
    small = draw(st.sampled_from(eps))
    if norm == "peri" and small == 0:
        stacks["outer_bias"] = stacks["outer_bias"] + OFF_LATTICE
    gain = np.array([draw(draws.fractions(0.25, 2)) for _ in range(size)])
    return {
        **stacks,
        "activation": draw(st.sampled_from(GATED)),
        "norm": norm,
        "outer_norm": False,
        "gain": gain,
        "eps": small,
    }


def linear_updates(
    *blocks: tuple[Array, Array], eps: float = 0.0, norm: str = "pre", outer_norm: bool = False
) -> dict[str, Any]:
    """The fields for u_i(n) = A_i n/R + b_i, given the pairs (A_i, b_i).

    A_i acts on the unit direction n/R; the gain is 1.
    """
    d = len(blocks[0][1])
    return {
        "inner": np.stack([np.eye(d) / np.sqrt(d)] * len(blocks)),
        "inner_bias": np.zeros((len(blocks), d)),
        "outer": np.stack([a for a, _ in blocks]),
        "outer_bias": np.stack([b for _, b in blocks]),
        "activation": "identity",
        "norm": norm,
        "outer_norm": outer_norm,
        "gain": np.ones(d),
        "eps": eps,
    }
