"""N6 as programs, and for each of its assumptions an exact loop in which the law fails without it.

A case is a loop whose limit is known in closed form: A = G + shift, G Ginibre of scale sigma, with
an input that is independent of G, or an eigenvector of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import sympy as sp

from ...formulas import formula
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate


class LinearLimit(NamedTuple):
    """The loop N(a h + A h + beta e) in the limit, or at d = 1.

    Args:
        a: the residual strength.
        sigma: the scale of the Gaussian part of A.
        beta: the strength of the recall.
        shift: the mean of the diagonal entries of A.
        eigenvalue: e is an eigenvector of the Gaussian part with this eigenvalue; None if e is
            independent of A.
        eps: the epsilon of the norm.
        largest: whether the fixed point is the one with the largest s; otherwise it is that of the
            smallest w.
        width: the dimension; None for the limit.
    """

    a: Any
    sigma: Any
    beta: Any
    shift: Any = 0
    eigenvalue: Any = None
    eps: Any = 0
    largest: bool = True
    width: int | None = None

    @property
    def gap(self) -> Any:
        """w = s - a - shift at the fixed point, exactly."""
        if self.eigenvalue is not None:  # h = e, and A e = (shift + eigenvalue) e
            return self.eigenvalue + self.beta
        w = sp.Symbol("w")
        s = self.a + self.shift + w
        # beta^2/(w^2 - sigma^2) = |h|^2/d = 1 - eps/s^2
        excess = (w**2 - self.sigma**2) * (s**2 - self.eps) - self.beta**2 * s**2
        roots = sp.real_roots(sp.Poly(sp.cancel(excess / s**2 if self.eps == 0 else excess), w))
        return max(roots) if self.largest else min(roots)

    @property
    def scale(self) -> Any:
        """The scale s of the pre-norm state."""
        return self.a + self.shift + self.gap

    @property
    def radius(self) -> Any:
        """The spectral radius: the point of the disc |nu| <= sigma around a + shift, over s."""
        return (abs(self.a + self.shift) + self.sigma) / self.scale

    @property
    def sensitivity(self) -> Any:
        """(1/d) tr S S^T: S = 0 at d = 1, where the state is a sign."""
        return 0 if self.width == 1 else self.beta**2 / (self.gap**2 - self.sigma**2)


def _unequal(left: Any, right: Any) -> bool:
    return sp.simplify(left - right) != 0


def _scale(case: LinearLimit) -> str | None:
    law = formula("mean_field_scale")(case.a, case.sigma, case.beta)
    return f"{case}: s = {case.scale}, the law says {law}" if _unequal(case.scale, law) else None


def _radius(case: LinearLimit) -> str | None:
    law = formula("mean_field_rho")(case.a, case.sigma, case.beta)
    if case.radius < 1 and not _unequal(case.radius, law):
        return None
    return f"{case}: rho = {case.radius}, the law says {law} and below 1"


def _sensitivity(case: LinearLimit) -> str | None:
    found = case.sensitivity
    return f"{case}: (1/d) tr S S^T = {found}, not 1" if _unequal(found, 1) else None


_ENSEMBLE = {
    "ginibre": lambda case: case.shift == 0,
    "independent": lambda case: case.eigenvalue is None,
    "eps_zero_gain_one": lambda case: case.eps == 0,
}


def _example() -> LinearLimit:
    return LinearLimit(2, 3, 4)


SCALE = Predicate(
    name="scale",
    sentence="At the fixed point with the largest s, s tends to a + sqrt(sigma^2 + beta^2).",
    concluded_by=("largest_root",),
    assumptions={
        **_ENSEMBLE,
        "largest": lambda case: case.largest,
        "recall": lambda case: case.beta > 0,
    },
    refute=_scale,
    example=_example,
)
RADIUS = Predicate(
    name="radius",
    sentence=(
        "At that fixed point rho tends to (a + sigma)/(a + sqrt(sigma^2 + beta^2)), which is below"
        " 1 for beta > 0."
    ),
    concluded_by=("rho_law", "threshold"),
    assumptions={
        **_ENSEMBLE,
        "largest": lambda case: case.largest,
        "recall": lambda case: case.beta > 0,
    },
    refute=_radius,
    example=_example,
)
SENSITIVITY = Predicate(
    name="sensitivity",
    sentence="At that fixed point (1/d) tr S S^T tends to 1.",
    concluded_by=("sensitivity",),
    assumptions={
        **_ENSEMBLE,
        "recall": lambda case: case.beta > 0,
        "limit": lambda case: case.width is None,
    },
    refute=_sensitivity,
    example=_example,
)
PREDICATES = (SCALE, RADIUS, SENSITIVITY)

FALSIFIERS = (
    Falsifier(
        "input_chosen_after_the_weights",
        "independent",
        SCALE,
        lambda: LinearLimit(0, 3, 4, eigenvalue=3),
    ),
    Falsifier("shifted_weights", "ginibre", SCALE, lambda: LinearLimit(0, 3, 4, shift=1)),
    Falsifier(
        "another_fixed_point", "largest", RADIUS, lambda: LinearLimit(6, 3, 4, largest=False)
    ),
    Falsifier("no_recall", "recall", RADIUS, lambda: LinearLimit(0, 1, 0)),
    # h = e and (1/d) tr S S^T = beta^2/((nu + beta)^2 - sigma^2) for the eigenvalue nu of e
    Falsifier(
        "sensitivity_along_an_eigenvector",
        "independent",
        SENSITIVITY,
        lambda: LinearLimit(0, 3, 4, eigenvalue=3),
    ),
    Falsifier("one_dimension", "limit", SENSITIVITY, lambda: LinearLimit(0, 1, 1, width=1)),
    Falsifier(
        "epsilon", "eps_zero_gain_one", SCALE, lambda: LinearLimit(0, 1, sp.Rational(3, 2), eps=1)
    ),
)
