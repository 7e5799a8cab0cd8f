"""Residual tanh loops with random parts: the map, how cases of it are drawn, and what they are."""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis.strategies as st
import numpy as np

from ...arrays import Array
from ...attack.suite import Case
from ...certificates.maps import CertifiedMap, FunctionMap, TanhMap
from ...strategies.block_forms import SEEDS, matrix, vector
from .drawn_values import is_seed, on_grid, shaped

SIDE = 2.0
"""Half the side of the box that is searched where none is known to hold every fixed point."""


@dataclass(frozen=True)
class TanhLoop:
    """f(h) = r h + A tanh(W h + c) + b of a case, with random parts.

    r = `residual`, b = `bias` + `noise` x, c = `shift` y, with x and y normal.
    """

    residual: float
    outer: Array
    inner: Array
    drive: Array
    bias: Array

    @classmethod
    def of(cls, case: Case) -> TanhLoop:
        """The map of the case."""
        d, k = case["outer"].shape
        normal = np.random.default_rng(int(case["seed"])).standard_normal(d + k)
        return cls(
            case["residual"],
            case["outer"],
            case["inner"],
            case.get("shift", 0.0) * normal[d:],
            case["bias"] + case["noise"] * normal[:d],
        )

    def step(self, h: Array) -> Array:
        """f at states (..., d)."""
        return self.residual * h + np.tanh(h @ self.inner.T + self.drive) @ self.outer.T + self.bias

    def jacobian(self, h: Array) -> Array:
        """Df at one state."""
        slopes = 1 - np.tanh(self.inner @ h + self.drive) ** 2
        return self.residual * np.eye(h.size) + (self.outer * slopes) @ self.inner

    def certified(self) -> tuple[CertifiedMap, tuple[Array, Array] | None]:
        """The map for `certify`, with the box to search (None: all fixed points)."""
        plain = TanhMap.of(self.outer, self.inner, self.bias, self.drive)
        if self.residual == 0:
            return plain, None
        d, r = plain.size, self.residual

        def image(x):
            return [r * xi + u for xi, u in zip(x, plain.image(x), strict=True)]

        def derivative(x):
            return [
                [entry + r * (i == j) for j, entry in enumerate(row)]
                for i, row in enumerate(plain.jacobian(x))
            ]

        return FunctionMap(d, image, derivative), (np.full(d, -SIDE), np.full(d, SIDE))


def is_drawn(case: Case) -> bool:
    """Whether the bias is random: unit noise about sixteenths, so that no drawn one is critical."""
    return case["noise"] == 1 and is_seed(case["seed"]) and on_grid(case["bias"], 2)


def is_tanh_loop(case: Case, most: int = 64, *, part: int = 16) -> bool:
    """Whether the case is a `TanhLoop` of multiples of 1/part, up to 2 if something is random."""
    if not isinstance(case["outer"], np.ndarray) or case["outer"].ndim != 2:
        return False
    d, k = case["outer"].shape
    size = 2 if case["noise"] or case.get("shift", 0.0) else 64
    return (
        1 <= d <= most
        and d <= k <= d + 1
        and shaped(case, outer=(d, k), inner=(k, d), bias=(d,))
        and case["residual"] in (0, 1)
        and on_grid(case["outer"], size, part=part)
        and on_grid(case["inner"], size, part=part)
    )


@st.composite
def tanh_case(
    draw: st.DrawFn, residual: bool | None = None, most: int = 2, noise: float = 1.0
) -> Case:
    """A and W of sixteenths up to 2, hidden width up to d + 1; the bias is random."""
    d = draw(st.integers(1, most))
    k = draw(st.integers(d, d + 1))
    r = float(draw(st.booleans()) if residual is None else residual)
    return {
        "residual": r,
        "outer": draw(matrix(d, k)),
        "inner": draw(matrix(k, d)),
        "bias": draw(vector(d, 8)),
        "noise": noise,
        "seed": draw(SEEDS),
    }
