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
from .law import INF, ClosedForm, LoopLaw, Parameter, Point, Samples
from .stack import Scaled, measure

EPS = 1e-6
SHAPE = ("width", "sub_blocks")
SCALES = ("block", "state", "recall", "bias")


@dataclass(frozen=True)
class LinearBlock(LoopLaw):
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

    def closed_form(self, values: Mapping[str, Array]) -> ClosedForm:
        """The block forms of N7, where they hold, with the scaling variable of N6 for both.

        They hold for one sub-block under post normalisation, with recall and without offset.
        """
        a, none = self.architecture, ClosedForm.none(values["block"])
        if a.norm is not Norm.POST or a.residual is not Residual.ADD or a.recall is Recall.NONE:
            return none
        block, state, recall, width = (
            np.asarray(values[name], float) for name in ("block", "state", "recall", "width")
        )
        if a.recall is Recall.EXTERNAL:
            rho = numeric("external_block_rho")(state, recall)
        else:
            rho = numeric("internal_block_rho")(block, state, recall)
        with np.errstate(invalid="ignore"):
            trust = numeric("scaling_variable")(state, recall, width)
        holds = (np.asarray(values["sub_blocks"]) == 1) & (np.asarray(values["bias"]) == 0)
        return none._replace(rho=np.where(holds, rho, np.nan), trust=np.where(holds, trust, np.nan))

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
