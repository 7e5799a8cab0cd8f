"""The registered formulas of the theory as NumPy functions, generated and never retyped."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import sympy as sp
from scipy.integrate import quad

from ..support.errors import LoopstabError
from ..theory.formulas import formula

ACCURACY = 1e-8
"""Largest relative error estimate of a quadrature that counts as converged."""
SMALL = 1e-3
"""Size of an integral below which its error is compared absolutely."""


@cache
def numeric(name: str) -> Callable[..., Any]:
    """Turn a registered formula into a vectorised NumPy function.

    A formula with a single integral is evaluated by adaptive quadrature.

    Args:
        name: the name of the formula in the registry.

    Returns:
        A function of the formula's symbols, in their order (see `formula(name).symbols`), which
        takes numbers or arrays that broadcast together. It raises `LoopstabError` where the error
        estimate of a quadrature exceeds 1e-8, relative to the value or to 1e-3.

    Raises:
        UsageError: no formula has this name.

    Example:
        The spectral radius by the mean-field law N6, for residual strength 0, scale 3 and recall
        strength 4:

        >>> from loopstab import numeric
        >>> round(float(numeric("mean_field_rho")(0.0, 3.0, 4.0)), 6)
        0.6
    """
    f = formula(name)
    integrals = f.expression.atoms(sp.Integral)
    if not integrals:
        return sp.lambdify(f.symbols, f.expression, ["numpy", "scipy"])
    places = {integral: sp.Dummy() for integral in integrals}
    outer = sp.lambdify(
        (*f.symbols, *places.values()), f.expression.xreplace(places), ["numpy", "scipy"]
    )
    parts = [_integral(f.symbols, integral) for integral in places]
    return np.vectorize(
        lambda *values: outer(*values, *(part(*values) for part in parts)), otypes=[float]
    )


def _integral(symbols: tuple[sp.Symbol, ...], integral: Any) -> Callable[..., float]:
    """The integral as a function of the values of the symbols."""
    variable, low, high = integral.limits[0]
    body = sp.lambdify((variable, *symbols), integral.function, ["numpy", "scipy"])
    ends = sp.lambdify(symbols, (low, high), ["numpy", "scipy"])

    def value(*values: float) -> float:
        low, high = (float(end) for end in ends(*values))
        result, error = quad(
            body, low, high, args=tuple(map(float, values)), limit=400, epsabs=1e-13, epsrel=1e-11
        )[:2]
        if not error <= ACCURACY * max(abs(result), SMALL):
            raise LoopstabError(
                f"the quadrature of {integral.function} did not converge at {values} (error"
                f" {error:.1e}): give less extreme arguments"
            )
        return result

    return value
