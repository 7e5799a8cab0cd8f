"""Random transformer blocks as laws: attention and MLP on several tokens, any `Architecture`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ....support.errors import UsageError
from ....theory.architecture import Architecture, Recall
from ...arrays import Array
from ...loops.activations import ACTIVATIONS
from ...loops.block_loop import BlockLoop, random_loop
from .law import INF, LoopLaw, Parameter, Point, Samples
from .stack import Scaled, measure

PREFIX = "transformer"
SHAPE = ("width", "tokens", "heads")
SCALES = ("block", "state", "recall")


@dataclass(frozen=True)
class TransformerBlock(LoopLaw):
    """Loops of one architecture whose sub-blocks are attention, then an MLP of width 2 d.

    The sub-blocks are those of `numerics.loops.block_loop.random_loop`. `block` is the scale of
    their output matrices, `state` that of W_x, `recall` that of W_e; without recall there are no
    such matrices. The biases do not scale: their entries are N(0, 1/100). The input is a Gaussian
    vector of norm sqrt(d) for each token.

    No theorem gives the spectral radius. How fixed point and sensitivity are found:
    `loopstab.numerics.phase.laws.stack`.
    """

    architecture: Architecture
    activation: str = "gelu"
    shared = len(SHAPE)
    batch = 64
    sensitivity = "mean of |S v|²/|v|²"

    @classmethod
    def parse(cls, name: str) -> TransformerBlock:
        """Read transformer[-ACTIVATION]:recall/norm[/residual]."""
        kind, _, architecture = name.partition(":")
        _, dash, activation = kind.partition("-")
        activation = activation if dash else cls.activation
        if activation not in ACTIVATIONS:
            raise UsageError(
                f"unknown activation {activation!r} in {name!r}: use one of"
                f" {', '.join(ACTIVATIONS)}"
            )
        return cls(Architecture.parse(architecture), activation)

    @property
    def name(self) -> str:
        """transformer[-ACTIVATION]:recall/norm[/residual]."""
        kind = PREFIX if self.activation == type(self).activation else f"{PREFIX}-{self.activation}"
        return f"{kind}:{self.architecture}"

    @property
    def title(self) -> str:
        """The architecture."""
        return f"{self.architecture}, attention and {self.activation} MLP"

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The scales of the matrices that the architecture has, and the sizes."""
        recalls = {
            "state": Parameter(1.0, 0, INF, "scale s_x of W_x", closed=True),
            "recall": Parameter(1.0, 0, INF, "scale s_e of W_e", closed=True),
        }
        return {
            "block": Parameter(1.0, 0, INF, "scale s_A of the sub-blocks", closed=True),
            **({} if self.architecture.recall is Recall.NONE else recalls),
            "tokens": Parameter(4, 1, 1e3, "tokens", closed=True, integer=True),
            "width": Parameter(16, 2, 2e3, "state width d per token", closed=True, integer=True),
            "heads": Parameter(2, 1, 1e3, "attention heads", closed=True, integer=True),
        }

    def point(self, values: Mapping[str, float]) -> Point:
        """The sizes, then the scales (1 where the architecture has no such matrix).

        Raises `UsageError` for a width that the heads do not divide.
        """
        width, heads = values["width"], values["heads"]
        if width % heads:
            raise UsageError(
                f"{heads:g} heads do not divide the width {width:g}: set heads=1, or cells with"
                " other widths"
            )
        return tuple(float(values.get(name, 1.0)) for name in (*SHAPE, *SCALES))

    def measure(self, seed: tuple[int, ...], points: Sequence[Point]) -> Samples:
        """Measure loops of one draw: the orbits together, then each fixed point by itself."""
        loop, e = self.drawn(seed, points[0])
        return measure(loop, np.array(points)[:, self.shared :], e)

    def drawn(self, seed: tuple[int, ...], shape: Point) -> tuple[Scaled, Array]:
        """The loop of a draw as a function of its scales, and its input."""
        width, tokens, heads = (int(n) for n in shape[: self.shared])

        def loop(scales: Array) -> BlockLoop:
            block, state, recall = scales
            sizes = {"activation": self.activation, "heads": heads, "seed": (*seed, 1)}
            return random_loop(
                self.architecture, width, scale=block, state=state, recall=recall, **sizes
            )

        e = np.random.default_rng(seed).standard_normal((tokens, width))
        return loop, e * np.sqrt(width) / np.linalg.norm(e, axis=1, keepdims=True)
