"""Random transformer blocks as phase diagrams: attention and MLP on several tokens, for every `Architecture`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from numerics.ensembles.activations import ACTIVATIONS
from numerics.ensembles.loops import BlockLoop, random_loop
from numerics.horizon import follow_batch
from numerics.loop import Array, LoopError
from numerics.operator import Linearisation
from numerics.phase.blocks import LOOPS, NEWTON, PROBES
from numerics.phase.law import Parameter, Point, Samples, complete
from numerics.phase.orbits import iterations
from numerics.resolvent import Resolvent
from numerics.spectrum import spectral_radius
from theory.architecture import Architecture, Recall
from theory.errors import UsageError
from theory.outcome import Outcome

PREFIX = "transformer"
DENSE = 256
"""up to this many dimensions (tokens x width) the Jacobian at the fixed point is a matrix, beyond it is known by its products"""
RESIDUAL = 1e-11
"""relative step at which Newton's method stops"""
INF = float("inf")
SHAPE = ("width", "tokens", "heads")
SCALES = ("block", "state", "recall")


@dataclass(frozen=True)
class TransformerBlock:
    """Loops of one architecture with the sub-blocks of `numerics.ensembles.random_loop`: attention, then an MLP of width 2 d.

    `block`: scale of the output matrices of both sub-blocks, `state`: of W_x, `recall`: of W_e; without recall there are no such
    matrices. The biases do not scale: entries N(0, 1/100). The input: a Gaussian vector of norm sqrt(d) per token.

    No theorem gives the spectral radius. The fixed point: the limit of the orbit from h_0 = e, else what Newton's method finds from the
    last state of a bounded orbit. The sensitivity is the mean of norm(S v)^2/norm(v)^2 over `PROBES` random v, an
    estimate of tr S S^T over the dimensions; 0 without recall.
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
            raise UsageError(f"unknown activation {activation!r} in {name!r}: use one of {', '.join(ACTIVATIONS)}")
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
        """The scales of what the architecture has, and the sizes."""
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

    def complete(self, given: Mapping[str, float]) -> dict[str, float]:
        """Checked values of all parameters."""
        return complete(self, given)

    def theory(self, values: Mapping[str, Array]) -> Array:
        """NaN: there is no closed form."""
        return np.full(np.shape(values["block"]), np.nan)

    def trust(self, values: Mapping[str, Array]) -> Array:
        """NaN, as the theory."""
        return self.theory(values)

    def point(self, values: Mapping[str, float]) -> Point:
        """Sizes first, then scales (1 where the architecture has no such matrix); `UsageError` for a width that the heads do not divide."""
        width, heads = values["width"], values["heads"]
        if width % heads:
            raise UsageError(f"{heads:g} heads do not divide the width {width:g}: set heads=1, or cells with other widths")
        return tuple(float(values.get(name, 1.0)) for name in (*SHAPE, *SCALES))

    def measure(self, seed: tuple[int, ...], points: Sequence[Point]) -> Samples:
        """The orbits together, as a stack of multiples of one draw; then each fixed point by itself."""
        out, scales = Samples.empty(len(points)), np.array(points)[:, self.shared :]
        e = self._draw(seed, points[0], scales[0])[1]
        orbits = follow_batch(_Stack(lambda kept: self._draw(seed, points[0], scales[kept].T[:, :, None, None])[0], e, len(points)), LOOPS)
        for i, (point, orbit) in enumerate(zip(points, orbits, strict=True)):
            outcome = orbit.diagnosis.outcome
            out.outcome[i] = str(outcome)
            if outcome is Outcome.FIXED_POINT:
                out.iterations[i] = iterations(orbit.trajectory.relative_steps)
            if not outcome.bounded:
                continue
            loop, _ = self._draw(seed, point, scales[i])
            local = _fixed_point(loop, orbit.trajectory.tail[-1].reshape(e.shape), e)
            if local is not None:
                out.rho[i] = local.radius()
                out.sensitivity[i] = local.sensitivity()
        return out

    def _draw(self, seed: tuple[int, ...], shape: Point, scales: Array) -> tuple[BlockLoop, Array]:
        """The loop and its input; scales (3,), or (3, K, 1, 1) for a stack of loops."""
        width, tokens, heads = (int(n) for n in shape[: self.shared])
        block, state, recall = scales
        rng = np.random.default_rng(seed)
        loop = random_loop(
            self.architecture, width, activation=self.activation, heads=heads, scale=block, state=state, recall=recall, seed=rng
        )
        e = rng.standard_normal((tokens, width))
        return loop, e * np.sqrt(width) / np.linalg.norm(e, axis=1, keepdims=True)


class _Stack:
    """Orbits of loops that differ in their scales alone, all from h_0 = e (`numerics.horizon.Orbits`)."""

    def __init__(self, loops: Callable[[Array], BlockLoop], e: Array, count: int):
        self.loops, self.e = loops, e
        self.h = np.repeat(e[None], count, axis=0)
        self.numbers = np.arange(count)
        self.loop = loops(self.numbers)

    def seen(self) -> Array:
        """The states."""
        return self.h

    def advance(self) -> None:
        """One loop."""
        self.h = self.loop.step(self.h, self.e)

    def keep(self, kept: Array) -> None:
        """Go on with these."""
        self.h, self.numbers = self.h[kept], self.numbers[kept]
        self.loop = self.loops(self.numbers)


class _Local:
    """A loop near a state: its Jacobian as a matrix up to `DENSE` dimensions, by products beyond."""

    def __init__(self, loop: BlockLoop, h: Array, e: Array):
        self.loop, self.h, self.e = loop, h, e
        self.products = Linearisation(loop, h, e)
        self.matrix = loop.jacobian(h, e) if h.size <= DENSE else None

    def solve(self, b: Array) -> Array:
        """(I - J)^{-1} of every row of b (m, n)."""
        if self.matrix is not None:
            return np.linalg.solve(np.eye(len(self.matrix)) - self.matrix, b.T).T
        resolvent = Resolvent(self.products)
        return np.array([resolvent(row) for row in b])

    def radius(self) -> float:
        """Spectral radius of J: LAPACK, or Arnoldi; LAPACK too where Arnoldi does not converge."""
        if self.matrix is None and (found := spectral_radius(self.products)).converged:
            return found.value
        return float(np.abs(np.linalg.eigvals(self.products.dense() if self.matrix is None else self.matrix)).max())

    def sensitivity(self) -> float:
        """The mean of norm(S v)^2/norm(v)^2 over the probes."""
        v = np.random.default_rng(0).standard_normal((PROBES, *self.e.shape))
        response = self.solve(self.loop.input_jvp(self.h, self.e, v).reshape(PROBES, -1))
        return float(np.mean(np.sum(response**2, axis=1) / np.sum(v**2, axis=(1, 2))))


def _fixed_point(loop: BlockLoop, h: Array, e: Array) -> _Local | None:
    """The loop at the fixed point that Newton's method finds from h; None when it finds none."""
    with np.errstate(all="ignore"):
        for _ in range(NEWTON):
            try:
                local = _Local(loop, h, e)
                defect = local.products.image - h
                if np.linalg.norm(defect) <= RESIDUAL * np.linalg.norm(h):
                    return local
                h = h + local.solve(defect.reshape(1, -1)).reshape(h.shape)
            except (LoopError, np.linalg.LinAlgError):  # left the domain, or met a singular I - J
                return None
    return None
