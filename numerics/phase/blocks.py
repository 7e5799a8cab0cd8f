"""Every `Architecture` with linear sub-blocks as a phase diagram: u(x) = A x, recall W_x, W_e, as in `numerics.maps`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from numerics.diagnosis import run
from numerics.loop import Array
from numerics.maps import GRUCell, LinearLoop, RMSNorm
from numerics.numeric import numeric
from numerics.operator import Linearisation
from numerics.phase.law import Parameter, Point, Samples, complete
from numerics.phase.orbits import iterations
from theory.architecture import Architecture, Norm, Recall, Residual
from theory.outcome import Outcome

LOOPS = 400
PROBES = 8
"""random changes of the input whose responses are averaged"""
NEWTON = 20
EPS = 1e-6
INF = float("inf")
NAMES = ("block", "state", "recall", "bias", "sub_blocks", "width")


@dataclass(frozen=True)
class LinearBlock:
    """Loops of one architecture: Ginibre matrices of scale `block` (A), `state` (W_x), `recall` (W_e), a Gaussian offset `bias`.

    The fixed point: the limit of the orbit from h_0 = e, else what Newton's method finds from its last state. The sensitivity is
    the mean of norm(S v)^2/norm(v)^2 over `PROBES` random v, an estimate of (1/d) tr S S^T.
    """

    architecture: Architecture
    shared = 1
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
            "sub_blocks": Parameter(1, 1, 3, "sub-blocks per loop, 1 or 2", closed=True, integer=True),
            "width": Parameter(64, 2, 2e3, "state width d", closed=True, integer=True),
        }

    def complete(self, given: Mapping[str, float]) -> dict[str, float]:
        """Checked values of all parameters."""
        return complete(self, given)

    def theory(self, values: Mapping[str, Array]) -> Array:
        """The block forms of N6, for one sub-block under post normalisation with recall and no offset; NaN elsewhere."""
        block, state, recall, bias, subs, _ = np.broadcast_arrays(*(np.asarray(values[name], float) for name in NAMES))
        a, out = self.architecture, np.full(block.shape, np.nan)
        if a.norm is not Norm.POST or a.residual is not Residual.ADD or a.recall is Recall.NONE:
            return out
        if a.recall is Recall.EXTERNAL:
            rho = numeric("external_block_rho")(state, recall)
        else:
            rho = numeric("internal_block_rho")(block, state, recall)
        return np.where((subs == 1) & (bias == 0), rho, out)

    def trust(self, values: Mapping[str, Array]) -> Array:
        """The scaling variable of the law with sigma = s_x, beta = s_e (both block forms have that ratio)."""
        with np.errstate(invalid="ignore"):
            x = numeric("scaling_variable")(*(np.asarray(values[name], float) for name in ("state", "recall", "width")))
        return np.where(np.isnan(self.theory(values)), np.nan, x)

    def point(self, values: Mapping[str, float]) -> Point:
        """Width first, then the other parameters."""
        return tuple(float(values[name]) for name in ("width", *NAMES[:-1]))

    def measure(self, seed: tuple[int, ...], points: Sequence[Point]) -> Samples:
        """Each loop by itself: its matrices are those of the draw, scaled."""
        out = Samples.empty(len(points))
        for i, point in enumerate(points):
            loop, e = self._loop(seed, point)
            orbit = run(loop, e, LOOPS)
            outcome = orbit.diagnosis.outcome
            out.outcome[i] = str(outcome)
            if outcome is Outcome.FIXED_POINT:
                out.iterations[i] = iterations(orbit.trajectory.relative_steps)
            h = _newton(loop, orbit.trajectory.tail[-1], e) if outcome.bounded else None
            if h is not None:
                jacobian = loop.jacobian(h, e)
                out.rho[i] = np.abs(np.linalg.eigvals(jacobian)).max()
                v = np.random.default_rng(0).standard_normal((PROBES, len(e)))
                j = Linearisation(loop, h, e)
                k = np.column_stack([j.input_product(row) for row in v])
                response = np.linalg.solve(np.eye(len(h)) - jacobian, k)
                out.sensitivity[i] = np.mean(np.sum(response**2, axis=0) / np.sum(v**2, axis=1))
        return out

    def _loop(self, seed: tuple[int, ...], point: Point) -> tuple[LinearLoop, Array]:
        width, block, state, recall, bias, subs = point
        d, rng = int(width), np.random.default_rng(seed)

        def ginibre(rows: int = 1) -> Array:
            return rng.standard_normal((rows * d, d)) / np.sqrt(d)

        e = rng.standard_normal(d)
        w_x, w_e, b = state * ginibre(), recall * ginibre(), bias * rng.standard_normal(d)
        blocks = tuple(block * ginibre() for _ in range(int(subs)))
        cells: list[Any] = []
        if self.architecture.residual is Residual.GRU:
            cells = [GRUCell(ginibre(3), ginibre(3), rng.standard_normal(3 * d)) for _ in range(int(subs))]
        norm = RMSNorm(np.ones(d), EPS)
        return LinearLoop(self.architecture, blocks, w_x, w_e, b, norm, tuple(cells)), e * np.sqrt(d) / np.linalg.norm(e)


def _newton(loop: LinearLoop, h: Array, e: Array) -> Array | None:
    """The fixed point that Newton's method finds from h; None when it finds none."""
    with np.errstate(all="ignore"):
        for _ in range(NEWTON):
            defect = loop.step(h, e) - h
            if np.linalg.norm(defect) <= 1e-11 * np.linalg.norm(h):
                return h
            try:
                h = h + np.linalg.solve(np.eye(len(h)) - loop.jacobian(h, e), defect)
            except np.linalg.LinAlgError:
                return None
            if not np.isfinite(h).all():
                return None
    return None
