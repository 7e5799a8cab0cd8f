"""A branch of fixed points, and the bifurcations on it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from ...support.jsonable import jsonable
from ..arrays import Array


@dataclass(frozen=True)
class Crossing:
    """A point of a branch at which an eigenvalue of J crosses the unit circle.

    Args:
        parameter: the parameter there.
        state: the fixed point.
        eigenvalue: the eigenvalue that crosses.
        kind: `fold` (eigenvalue 1, and the branch turns back), `branch point` (eigenvalue 1, and
            it goes on: transcritical or pitchfork), `flip` (eigenvalue -1: a 2-cycle begins), or
            `Neimark-Sacker` (a complex pair: an invariant circle begins).
        after: number of the point of the branch after which it lies.
    """

    parameter: float
    state: Array
    eigenvalue: complex
    kind: str
    after: int

    def to_json(self) -> dict[str, Any]:
        """The fields as a plain JSON object."""
        return jsonable({f.name: getattr(self, f.name) for f in fields(self)})


@dataclass(frozen=True)
class SolutionBranch:
    """A branch of fixed points, in the order of its arc length.

    Args:
        parameters: the parameter at each point, (m,); every given value that the branch passes is
            among them, once for each passage.
        states: the fixed points as arrays, (m, *state shape).
        radii: the spectral radius of J at each point, (m,).
        unstable: number of eigenvalues outside the unit circle at each point, (m,).
        crossings: where eigenvalues cross the unit circle. Two that cross in opposite directions
            between neighbouring points are not seen.
        complete: whether the branch ended because it left the range of the parameter.
        products: number of products with J.
        advice: why it ended otherwise.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, continuation
        >>> def of(a):
        ...     return FunctionLoop(lambda h, e: np.tanh(a * h), np.copy)
        >>> branch = continuation(of, np.linspace(0.5, 1.5, 5), np.zeros(1), np.zeros(1))
        >>> branch.complete, branch.radii[-1].round(6), branch.crossings[0].kind
        (True, np.float64(1.5), 'branch point')
    """

    parameters: Array
    states: Array
    radii: Array
    unstable: Array
    crossings: tuple[Crossing, ...]
    complete: bool
    products: int
    advice: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields as a plain JSON object."""
        out = {f.name: getattr(self, f.name) for f in fields(self)}
        return jsonable({**out, "crossings": [crossing.to_json() for crossing in self.crossings]})
