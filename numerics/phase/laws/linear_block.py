"""Blocks with linear sub-blocks u(x) = A x as laws, any `Architecture`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ....theory.architecture import Architecture, Norm, Recall, Residual
from ...arrays import Array
from ...ensembles.matrices import ginibre
from ...formulas import numeric
from ...loops.block_loop import BlockLoop
from ...loops.gru_cell import GRUCell
from ...loops.sub_blocks import DualMLP
from .law import Parameter, Point, Samples, complete
from .stack import Scaled, measure

EPS = 1e-6
INF = float("inf")
SHAPE = ("width", "sub_blocks")
SCALES = ("block", "state", "recall", "bias")


@dataclass(frozen=True)
class LinearBlock:
    """Loops of one architecture with Ginibre matrices.

    Their scales are `block` (A), `state` (W_x) and `recall` (W_e); `bias` is that of a Gaussian
    offset. How fixed point and sensitivity are found: `loopstab.numerics.phase.laws.stack`.
    """

    architecture: Architecture
    shared = len(SHAPE)
    batch = 16
    sensitivity = "mean of |S v|²/|v|²"

    @property
    def name(self) -> str:
        """recall/norm[/residual]."""
        return str(self.architecture)

    @property
    def title(self) -> str:
        """The architecture."""
        return f"{self.name}, linear sub-blocks"

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The scales, by name."""
        return {
            "block": Parameter(1.0, 0, INF, "scale s_A of the sub-blocks"),
            "state": Parameter(1.0, 0, INF, "scale s_x of W_x"),
            "recall": Parameter(1.0, 0, INF, "scale s_e of W_e"),
            "bias": Parameter(0.0, 0, INF, "scale of the offset b", closed=True),
            "sub_blocks": Parameter(
                1, 1, 3, "sub-blocks per loop, 1 or 2", closed=True, integer=True
            ),
            "width": Parameter(64, 2, 2e3, "state width d", closed=True, integer=True),
        }

    def complete(self, given: Mapping[str, float]) -> dict[str, float]:
        """Checked values of all parameters."""
        return complete(self, given)

    def theory(self, values: Mapping[str, Array]) -> Array:
        """The block forms of N7, where they hold; NaN elsewhere.

        They hold for one sub-block under post normalisation, with recall and without offset.
        """
        subs, block, state, recall, bias = np.broadcast_arrays(
            *(np.asarray(values[name], float) for name in ("sub_blocks", *SCALES))
        )
        a, out = self.architecture, np.full(block.shape, np.nan)
        if a.norm is not Norm.POST or a.residual is not Residual.ADD:
            return out
        if a.recall is Recall.EXTERNAL:
            rho = numeric("external_block_rho")(state, recall)
        elif a.recall is Recall.INTERNAL:
            rho = numeric("internal_block_rho")(block, state, recall)
        else:
            return out
        return np.where((subs == 1) & (bias == 0), rho, out)

    def sensitivity_theory(self, values: Mapping[str, Array]) -> Array:
        """NaN: there is no closed form."""
        return np.full(np.shape(values["block"]), np.nan)

    def trust(self, values: Mapping[str, Array]) -> Array:
        """The scaling variable of N6 with sigma = s_x, beta = s_e; NaN where N6 does not apply.

        Both block forms have that ratio.
        """
        with np.errstate(invalid="ignore"):
            names = ("state", "recall", "width")
            x = numeric("scaling_variable")(*(np.asarray(values[name], float) for name in names))
        return np.where(np.isnan(self.theory(values)), np.nan, x)

    def point(self, values: Mapping[str, float]) -> Point:
        """The sizes, then the scales."""
        return tuple(float(values[name]) for name in (*SHAPE, *SCALES))

    def measure(self, seed: tuple[int, ...], points: Sequence[Point]) -> Samples:
        """Measure loops of one draw: the orbits together, then each fixed point by itself."""
        loop, e = self.drawn(seed, points[0])
        return measure(loop, np.array(points)[:, self.shared :], e)

    def drawn(self, seed: tuple[int, ...], shape: Point) -> tuple[Scaled, Array]:
        """The loop of a draw as a function of its scales, and its input, one token."""
        d, subs = (int(n) for n in shape[: self.shared])
        rng = np.random.default_rng(seed)
        e = rng.standard_normal((1, d))
        w_x, w_e, b = ginibre(rng, d), ginibre(rng, d), rng.standard_normal(d)
        matrices = [ginibre(rng, d) for _ in range(subs)]
        cells: tuple[GRUCell, ...] = ()
        if self.architecture.residual is Residual.GRU:
            cells = tuple(_gru_cell(rng, d) for _ in matrices)

        def loop(scales: Array) -> BlockLoop:
            block, state, recall, bias = scales
            blocks = tuple(DualMLP.linear(block * matrix) for matrix in matrices)
            weights = (state * w_x, recall * w_e, bias * b, np.ones(d))
            # the strengths with which training starts
            return BlockLoop(self.architecture, blocks, *weights, EPS, cells, (1 / 2,) * subs)

        return loop, e * np.sqrt(d) / np.linalg.norm(e)


def _gru_cell(rng: np.random.Generator, d: int) -> GRUCell:
    u, v = (ginibre(rng, 3 * d, 1.0, d) for _ in range(2))
    return GRUCell(u, v, rng.standard_normal(3 * d))
