"""Branches of fixed points of a loop with a parameter, past folds, with their bifurcations.

The branch is followed by its arc length (H. Keller, Numerical solution of bifurcation and nonlinear
eigenvalue problems, 1977): a step along the tangent, and Newton's method in the plane normal to it,
for the state and the parameter together. At a fold the parameter turns back and the method goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from ..loops.protocol import LoopedMap, LoopError, packed
from .arc import Arc, Place, Stopped
from .newton import newton
from .solution_branch import Crossing, SolutionBranch

SHORTEST = 1e-4
"""Shortest step along the branch, relative to the first one."""
LONGEST = 1.0
"""Longest step, relative to the first one."""
EASY = 3
"""Newton steps up to which the next step along the branch is made longer."""
CLOSE = 1e-10
"""Length of the arc, relative to a step, to which a crossing is located."""
ZERO = 1e-12
"""Value of the function whose sign changes at which it counts as 0."""
ASIDE = (0.5, 0.25, 0.75, 0.1, 0.9, 0.01, 0.99)
"""Places to be tried where the method finds no point of the branch."""
TRIES = 60
"""Points that are computed to locate it."""
REAL = 1e-6
"""Imaginary part, relative to the modulus, from which an eigenvalue counts as complex."""
DONE = "stopped after {} points: raise `most` to follow the branch further"
SHORT = "no further point of the branch was found near the parameter {:.6g}"


def continuation(
    loop_of: Callable[[float], LoopedMap],
    values: Sequence[float] | Array,
    e: Any,
    h0: Any,
    *,
    tol: float | None = None,
    most: int = 1000,
    seed: int = 0,
) -> SolutionBranch:
    """Follow a fixed point of a loop while a parameter moves.

    Args:
        loop_of: the loop as a function of the parameter.
        values: the values of the parameter, at least two, rising or falling. The branch starts at
            the first and ends where it leaves their range, also by turning back at a fold.
        e: the input.
        h0: a state near the fixed point at the first value, of any shape or structure.
        tol: largest relative residual; default 100 roundings of the state.
        most: largest number of points of the branch; default 1000.
        seed: seed of the eigenvalue solves above 512 dimensions.

    Returns:
        The points with their spectral radii, and where these cross 1, as a `SolutionBranch`.

    Raises:
        UsageError: `values` are fewer than two, or neither rising nor falling.
        LoopError: Newton's method finds no fixed point from `h0` at the first value.

    Example:
        The fixed point 1 - 1/r of the logistic map loses its stability at r = 3, by a flip:

        >>> import numpy as np
        >>> from loopstab import FunctionLoop, continuation
        >>> def logistic(r):
        ...     return FunctionLoop(lambda h, e: r * h * (1 - h), np.copy)
        >>> branch = continuation(logistic, np.linspace(2, 4, 9), np.zeros(1), np.array([0.5]))
        >>> [(c.kind, round(c.parameter, 6)) for c in branch.crossings]
        [('flip', 3.0)]
    """
    grid = np.asarray(values, float)
    steps = np.diff(grid) if grid.ndim == 1 else np.zeros(0)
    if not len(steps) or not (np.isfinite(grid).all() and ((steps > 0).all() or (steps < 0).all())):
        raise UsageError("continuation needs two or more values, all rising or all falling")
    begun = loop_of(float(grid[0]))
    first = newton(begun, h0, e, tol=tol)
    if not first.converged:
        raise LoopError(
            f"no fixed point found at the first value {grid[0]:.6g} (residual"
            f" {first.residual:.1e}: {first.advice}): give a state nearer to one"
        )
    with np.errstate(all="ignore"):
        return _Branch(Arc(loop_of, e, packed(begun, first.state, e), grid, tol, seed), grid).run(
            most
        )


class _Branch:
    """The branch that is followed: its points so far, and the crossings between them."""

    def __init__(self, arc: Arc, grid: Array):
        self.arc, self.grid = arc, grid
        self.places: list[Place] = [arc.first(float(grid[0]), float(np.sign(grid[1] - grid[0])))]
        self.crossings: list[Crossing] = []

    def run(self, most: int) -> SolutionBranch:
        """Follow the branch to its end."""
        begun = step = float(np.abs(np.diff(self.grid)).max()) / self.arc.parameter_scale
        low, high = float(self.grid.min()), float(self.grid.max())
        complete, advice = False, DONE.format(most)
        while len(self.places) < most:
            here = self.places[-1]
            try:
                new, taken = self.arc.onward(here, step)
            except Stopped as stopped:
                step /= 2
                if step < SHORTEST * begun:
                    advice = str(stopped) or SHORT.format(here.parameter)
                    break
                continue
            target = self._crossed_value(here, new)
            if target is not None:
                new = self.arc.at_parameter(here, new, target) or new
            self._look_between(here, new)
            self.places.append(new)
            if not low < new.parameter < high:
                complete, advice = True, ""
                break
            if taken <= EASY:
                step = min(1.5 * step, LONGEST * begun)
        spectra = [self.arc.moduli(place) for place in self.places]
        return SolutionBranch(
            np.array([place.parameter for place in self.places]),
            np.array([self.arc.state(place.x) for place in self.places]),
            np.array([moduli[0] for moduli in spectra]),
            np.array([int(np.count_nonzero(moduli > 1)) for moduli in spectra]),
            tuple(self.crossings),
            complete,
            self.arc.products,
            advice,
        )

    def _crossed_value(self, here: Place, new: Place) -> float | None:
        """The first given value strictly behind one point and not behind the next."""
        rising = new.parameter > here.parameter
        between = [
            float(v)
            for v in self.grid
            if min(here.parameter, new.parameter) <= v <= max(here.parameter, new.parameter)
            and abs(v - here.parameter) > 1e-9 * self.arc.parameter_scale
        ]
        return (min(between) if rising else max(between)) if between else None

    def _look_between(self, a: Place, b: Place) -> None:
        """Find the crossings between two neighbouring points, one after the other."""
        turns = bool(a.tangent[-1] * b.tangent[-1] < 0)
        if turns:
            self._look_at_turn(a, b)
        outside, end = (int(np.count_nonzero(self.arc.moduli(place) > 1)) for place in (a, b))
        rising = end > outside
        while outside != end:
            # moduli are continuous in their order, so the modulus with this number crosses 1
            number = outside if rising else outside - 1

            def above(place: Place, number: int = number) -> float:
                return float(self.arc.moduli(place)[number]) - 1

            found = self._root(above, a, b)
            if found is None:
                break
            x, place, a = found
            value = complex(self.arc.values(place)[number])
            kind = _kind(value)
            if not (turns and kind == "branch point"):  # that is the fold
                self._record(x, value, kind)
            count = 2 if kind == "Neimark-Sacker" else 1
            outside += count if rising else -count

    def _look_at_turn(self, a: Place, b: Place) -> None:
        """Find the point between a and b at which the parameter turns back."""
        found = self._root(lambda place: float(place.tangent[-1]), a, b)
        if found is None:
            return
        values = self.arc.values(found[1])
        nearest = complex(values[np.argmin(np.abs(values - 1))])
        # det(I - J) changes its sign at a fold, and not on the curved branch of a pitchfork
        fold = _odd(self.arc.values(a)) != _odd(self.arc.values(b))
        self._record(found[0], nearest, "fold" if fold else "branch point")

    def _root(
        self, g: Callable[[Place], float], a: Place, b: Place
    ) -> tuple[Array, Place, Place] | None:
        """Where a function of the points between a and b changes its sign; None if it does not.

        The method is that of Illinois. Very close to a branch point no point may be found; the sign
        change is then interpolated. Returns the point in the units of the arc, the computed point
        next to it, and the one just behind it.
        """
        one, two, at_one, at_two = a, b, g(a), g(b)
        if at_one * at_two > 0:
            return None
        weight_one, weight_two, failed = at_one, at_two, 0
        close = CLOSE * float(np.linalg.norm(b.x - a.x))
        for _ in range(TRIES):
            if min(abs(at_one), abs(at_two)) <= ZERO or np.linalg.norm(two.x - one.x) <= close:
                break
            share = weight_one / (weight_one - weight_two)
            share = ASIDE[failed - 1] if failed else min(max(share, 1e-3), 1 - 1e-3)
            try:
                place = self.arc.between(one, two, share)
            except Stopped:
                failed += 1
                if failed > len(ASIDE):
                    break
                continue
            failed, value = 0, g(place)
            if value * at_two <= 0:
                one, at_one, weight_one, weight_two = place, value, value, weight_two / 2
            else:
                two, at_two, weight_one, weight_two = place, value, weight_one / 2, value
        part = 0.0 if at_one == 0 else at_one / (at_one - at_two)
        return one.x + part * (two.x - one.x), one if part < 0.5 else two, two

    def _record(self, x: Array, value: complex, kind: str) -> None:
        parameter = float(x[-1]) * self.arc.parameter_scale
        after = len(self.places) - 1
        self.crossings.append(Crossing(parameter, self.arc.state(x), value, kind, after))


def _kind(value: complex) -> str:
    """The bifurcation at which this eigenvalue crosses the unit circle if nothing turns back."""
    if _complex(value):
        return "Neimark-Sacker"
    return "flip" if value.real < 0 else "branch point"


def _odd(values: Array) -> bool:
    """Whether the number of real eigenvalues above 1 is odd: the sign of det(I - J)."""
    return sum(not _complex(value) and value.real > 1 for value in values) % 2 == 1


def _complex(value: complex) -> bool:
    return abs(value.imag) > REAL * abs(value)
