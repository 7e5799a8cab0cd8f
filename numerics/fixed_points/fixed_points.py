"""All fixed points of a loop that Newton's method finds from many starts, stable and unstable.

Searching from the states along an orbit follows D. Sussillo and O. Barak (Opening the Black Box,
Neural Computation 25, 2013) and M. Golub and D. Sussillo (FixedPointFinder, JOSS 3, 2018), who
minimise norm(f(h) - h); Newton's method needs fewer steps and ends at the rounding of the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from ...support.errors import UsageError
from ...support.jsonable import jsonable
from ...support.progress_bar import progress_bar
from ..arrays import Array
from ..loops.protocol import LoopedMap, LoopError, protected, unpacked
from .basin_shares import Share, basin_shares, orbit_end
from .gathered import Gathered, Group
from .measured_point import MeasuredPoint, measured_point
from .newton import newton
from .proved_point import proved_point
from .start_states import start_states

NONE = "no fixed point found: the best residual is {:.1e}; give other starts or a larger radius"


@dataclass(frozen=True)
class FixedPoints:
    """The fixed points of a loop that a search found.

    A search proves that points exist, never that there are no others; `certify` counts all fixed
    points of small maps.

    Args:
        points: the points, the one that most starts reached first.
        starts: number of starts.
        failed: number of starts from which the method did not converge.
        best_residual: smallest relative residual of these; None if there are none.
        undecided: pairs of numbers of points whose error balls overlap, so that they may be one.
        basins: shares of the random starts whose orbits end at each stable point, and elsewhere.
        products: number of products with J.
        advice: what to know about the result; often empty.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, fixed_points
        >>> loop = FunctionLoop(lambda h, e: np.tanh(2 * h), lambda e: e + 1)
        >>> found = fixed_points(loop, np.zeros(1))
        >>> len(found.points), len(found.stable), len(found.unstable)
        (3, 2, 1)
    """

    points: tuple[MeasuredPoint, ...]
    starts: int
    failed: int
    best_residual: float | None
    undecided: tuple[tuple[int, int], ...]
    basins: tuple[Share, ...]
    products: int
    advice: str = ""

    @property
    def stable(self) -> tuple[MeasuredPoint, ...]:
        """The points with rho(J) < 1."""
        return tuple(p for p in self.points if p.stability == "stable")

    @property
    def unstable(self) -> tuple[MeasuredPoint, ...]:
        """The points with rho(J) > 1."""
        return tuple(p for p in self.points if p.stability == "unstable")

    def to_json(self) -> dict[str, Any]:
        """The fields as a plain JSON object."""
        out = {f.name: getattr(self, f.name) for f in fields(self)}
        out["points"] = [point.to_json() for point in self.points]
        out["basins"] = [share.to_json() for share in self.basins]
        return jsonable(out)


def fixed_points(
    loop: LoopedMap,
    e: Any = None,
    *,
    starts: int | Sequence[Any] | Array = 64,
    radius: float | None = None,
    iterate: int = 200,
    tol: float | None = None,
    orbits: int | None = None,
    loops: int = 2000,
    prove: bool = False,
    seed: int = 0,
    progress: bool = False,
) -> FixedPoints:
    """Search for the fixed points of a loop, stable and unstable, by Newton's method.

    Two results are one point if the second lies where the first is unique, and two points if their
    error balls are disjoint (`error_radius`); otherwise the pair is reported as undecided. Where
    I - J is singular, states are joined if states between them are fixed as well: they then belong
    to one manifold of fixed points, or to one critical point.

    Args:
        loop: the loop; one whose step depends on the time is taken at its time 0, or at another
            as `loop.at(t)`.
        e: its input.
        starts: number of starts, a quarter of them along the orbit of `initial(e)` and the others
            around it, default 64; or the start states, (k, *state shape).
        radius: largest distance of the random starts from the orbit; default: twice the
            largest norm of the orbit, or the square root of the dimension if it stays at 0.
        iterate: length of that orbit; default 200.
        tol: largest relative residual of a fixed point; default 100 roundings of the state.
        orbits: number of random starts whose orbits are followed as well, for `basins` and for
            stable points that Newton's method misses; default: all, and 0 for none.
        loops: largest length of these orbits; default 2000.
        prove: whether to prove each point with interval arithmetic: for loops in at most 16
            dimensions whose step is made of NumPy's arithmetic and elementary functions.
        seed: seed of the starts and of the spectra.
        progress: whether to show a progress bar.

    Returns:
        The points with their errors and spectra, as a `FixedPoints`.

    Raises:
        UsageError: the starts do not have the shape of the states, or a number is out of range.
        LoopError: the loop has no finite initial state, or its step is random or has a memory.

    Example:
        The logistic map at r = 3.8 has two fixed points, and its orbits end at neither:

        >>> import numpy as np
        >>> from loopstab import FunctionLoop, fixed_points
        >>> logistic = FunctionLoop(lambda h, e: 3.8 * h * (1 - h), lambda e: e)
        >>> found = fixed_points(logistic, np.array([0.3]), radius=0.5, prove=True)
        >>> for point in found.points:
        ...     print(point.stability, abs(point.state.round(6)), point.proof.stable)
        unstable [0.736842] False
        unstable [0.] False
    """
    if iterate < 0 or loops < 1 or (orbits is not None and orbits < 0):
        raise UsageError(
            "fixed_points needs iterate >= 0, loops >= 1 and orbits >= 0, not"
            f" {iterate}, {loops} and {orbits}"
        )
    with protected(loop), np.errstate(all="ignore"):
        states, random, reach = start_states(loop, e, starts, radius, iterate, seed)
        scale = max(reach, *(float(np.linalg.norm(h)) for h in states))
        gathered, failures, products = Gathered(loop, e, scale, tol, seed), [], 0
        error: LoopError | None = None
        for h in progress_bar(states, shown=progress, unit="start", desc="fixed points"):
            try:
                found = newton(loop, h, e, tol=tol, scale=scale)
            except LoopError as caught:  # the step is not finite there
                error = caught
                failures.append(np.inf)
                continue
            products += found.products
            if found.converged:
                gathered.add(found)
            else:
                failures.append(found.residual)
        if error is not None and len(failures) == len(states) and not np.isfinite(failures).any():
            raise error
        followed = random if orbits is None else random[:orbits]
        ends = [orbit_end(loop, e, h, scale, loops) for h in followed]
        for kind, h in ends:
            if kind == "settled":  # at a stable point that Newton's method may have missed
                found = newton(loop, h, e, tol=tol, scale=scale)
                products += found.products
                if found.converged:
                    gathered.add(found, reached=0)
        groups = gathered.groups()
        points = [_measured(loop, e, group, prove, seed) for group in groups]
        products += gathered.products + sum(group.j.products for group in groups)
        stable = [(i, p.state) for i, p in enumerate(points) if p.stability == "stable"]
        basins = basin_shares(ends, stable, scale)
    best = min(failures, default=None)
    return FixedPoints(
        tuple(replace(p, state=unpacked(loop, p.state, e)) for p in points),
        len(states),
        len(failures),
        best,
        gathered.undecided(groups),
        basins,
        products,
        "" if points or best is None else NONE.format(best),
    )


def _measured(loop: LoopedMap, e: Any, group: Group, prove: bool, seed: int) -> MeasuredPoint:
    proof = proved_point(loop, group.j.h, e, group.error.radius) if prove else None
    return measured_point(
        group.j,
        group.error,
        residual=group.residual,
        extent=group.extent,
        reached=group.reached,
        proof=proof,
        seed=seed,
    )
