"""The mean-field laws N6 (linear) and N7: N(a h + sigma G phi(slope h) + beta e)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ....theory.outcome import Outcome
from ...arrays import Array
from ...formulas import numeric
from ...loops.activations import LAWS, ArrayActivation
from ...orbits.outcome import classify
from . import linear, nonlinear
from .draw import random_draw
from .law import INF, ClosedForm, LoopLaw, Parameter, Point, Samples
from .orbits import LOOPS, TOLERANCE, iterations, orbits

COLUMNS = 64
"""The orbits that are iterated together."""
BESIDE = 1e-6
"""The distance from a fixed point, relative to its norm, at which an orbit has arrived."""
HORIZONS = (LOOPS, 4 * LOOPS, 16 * LOOPS)
"""The iterations after which an undecided orbit is looked at again.

Under weak recall and a = 0 the loop is close to power iteration: what remains of its transient is
the ratio of the two largest moduli of eigenvalues, to the power of the iterations, and at the width
of a map that ratio is often above 0.97.
"""
PARAMETERS = {
    "sigma": Parameter(1.0, 0, INF, "scale of the weights"),
    "beta": Parameter(1.0, 0, INF, "recall strength"),
    "residual": Parameter(1.0, 0, INF, "residual strength a", closed=True),
    "fraction": Parameter(
        0.5, 0, 1, "residual fraction a/(1 + a)", closed=True, form_of="residual"
    ),
    "slope": Parameter(1.0, 0, INF, "slope k of the activation phi(k x)"),
    "width": Parameter(128, 2, 1e5, "state width d", closed=True, integer=True),
}


@dataclass(frozen=True)
class MeanField(LoopLaw):
    """The law of one activation.

    For the linear law the fixed point of largest s is measured, found algebraically; for the others
    the one continued from strong recall, or where there is none the one that the orbit reached. A
    sample depends on alpha = a/sigma, t = beta/sigma, slope, width and the draw alone (the norm is
    scale-free), and is stored under these.
    """

    name: str
    shared = 2
    batch = 4 * COLUMNS
    sensitivity = "(1/d) tr S Sᵀ"

    @property
    def activation(self) -> ArrayActivation:
        """phi."""
        return LAWS[self.name]

    @property
    def title(self) -> str:
        """The loop as a formula."""
        phi = "h" if self.name == "linear" else f"{self.name}(k h)"
        return f"N(a h + A {phi} + β e)"

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """Those of every law, except that the linear one has no slope."""
        return {k: p for k, p in PARAMETERS.items() if k != "slope" or self.name != "linear"}

    def closed_form(self, values: Mapping[str, Array]) -> ClosedForm:
        """N6 or N7 (Gaussian input).

        The spectral radius is a theorem in the limit of large d for the linear law; for the others,
        it is measured. The sensitivity diverges at the threshold beta_c, and is NaN up to it. The
        scaling variable is NaN below that edge, where a nonlinear law has no stable fixed point.
        """
        a, sigma, beta = self._strengths(values)
        width = values["width"]
        linear_law = self.name == "linear"
        q, c = (1.0, 1.0) if linear_law else self._moments(values)
        with np.errstate(divide="ignore", invalid="ignore"):
            predicted = numeric("mean_field_sensitivity")(sigma, beta, q, c)
            sensitivity = np.where(beta**2 > sigma**2 * (c - q), predicted, np.nan)
            if linear_law:
                rho = numeric("mean_field_rho")(a, sigma, beta)
                trust = numeric("scaling_variable")(sigma, beta, width)
            else:
                rho = numeric("mean_field_rho_nonlinear")(a, sigma, beta, q, c)
                trust = numeric("scaling_variable_nonlinear")(sigma, beta, width, q, c)
        return ClosedForm(*(np.asarray(column, float) for column in (rho, sensitivity, trust)))

    def _strengths(self, values: Mapping[str, Array]) -> tuple[Array, Array, Array]:
        fraction = values.get("fraction")
        a = values["residual"] if fraction is None else fraction / (1 - np.asarray(fraction))
        a, sigma, beta = (np.asarray(x, float) for x in (a, values["sigma"], values["beta"]))
        return a, sigma, beta

    def _moments(self, values: Mapping[str, Array]) -> tuple[Array, Array]:
        slopes, where = np.unique(np.asarray(values["slope"], float), return_inverse=True)
        q, c = np.array([self.activation.moments(float(k)) for k in slopes]).T
        return q[where], c[where]

    def point(self, values: Mapping[str, float]) -> Point:
        """(width, slope, alpha, t), to 12 digits so that equal ratios are equal."""
        a, sigma, beta = (float(x) for x in self._strengths(values))  # type: ignore[arg-type]
        return (
            float(values["width"]),
            values.get("slope", 1.0),
            float(f"{a / sigma:.11e}"),
            float(f"{beta / sigma:.11e}"),
        )

    def measure(self, seed: tuple[int, ...], points: Sequence[Point]) -> Samples:
        """The fixed points, then the orbits in batches of similar length.

        An orbit that ends beside the fixed point of spectral radius below 1 with a step below
        `TOLERANCE` has reached it (it is inside its basin, up to rounding); every other one is
        classified by its trajectory, and followed for longer while that is undecided.
        """
        width, slope = points[0][:2]
        alpha, t = np.array(points)[:, 2:].T
        draw, out = random_draw(int(width), seed), Samples.empty(len(points))
        branch = nonlinear.FixedPointBranch(draw, self.activation, slope)
        h = np.full((draw.width, len(t)), np.nan)
        if self.name == "linear":
            at = linear.measure(draw, alpha, t)
            h, out.rho[:], out.sensitivity[:] = at.h, at.rho, at.sensitivity
        else:
            for strength in np.unique(t):
                at = branch.at(float(strength))
                if at is not None:
                    same = np.flatnonzero(t == strength)
                    h[:, same] = at[0][:, None]
                    _fill(branch, *at, alpha, t, same, out)
        order = np.argsort(out.rho, kind="stable")  # orbits that run together should end together
        for horizon in HORIZONS:
            for some in (order[i : i + COLUMNS] for i in range(0, len(order), COLUMNS)):
                found = orbits(draw, self.activation, slope, alpha[some], t[some], horizon)
                loops = iterations(found.relative_steps)
                distance = np.linalg.norm(found.last - h[:, some].T, axis=1)
                beside = distance < BESIDE * np.sqrt(draw.width)
                arrived = beside & (out.rho[some] < 1) & (found.relative_steps[-1] < TOLERANCE)
                out.outcome[some[arrived]] = str(Outcome.FIXED_POINT)
                out.iterations[some[arrived]] = loops[arrived]
                for i in np.flatnonzero(~arrived).tolist():
                    k, outcome = some[i], classify(found.trajectory(i)).outcome
                    out.outcome[k] = str(outcome)
                    if outcome is Outcome.FIXED_POINT:
                        out.iterations[k] = loops[i]
                        if np.isnan(out.rho[k]):
                            self._at_limit(branch, found.last[i], alpha, t, int(k), out)
            order = order[out.outcome[order] == str(Outcome.UNDECIDED)]
        return out

    def _at_limit(
        self,
        branch: nonlinear.FixedPointBranch,
        h: Array,
        alpha: Array,
        t: Array,
        k: int,
        out: Samples,
    ) -> None:
        """Sample k at the fixed point that its orbit reached, h."""
        w = float(h @ (branch.image(h) + t[k] * branch.draw.e)) / len(h)
        found = branch.correct(h, w, float(t[k]), least=-float(alpha[k]))
        if found is not None:
            _fill(branch, *found, alpha, t, np.array([k]), out)


def _fill(
    branch: nonlinear.FixedPointBranch,
    h: Array,
    w: float,
    alpha: Array,
    t: Array,
    where: Array,
    out: Samples,
) -> None:
    """Spectral radius and sensitivity of the loops `where`, which share the fixed point."""
    roots = nonlinear.spectrum(branch, h)
    out.rho[where] = [np.abs(alpha[k] + roots).max() / (alpha[k] + w) for k in where]
    out.sensitivity[where] = nonlinear.sensitivity(branch, h, w, float(t[where[0]]))
