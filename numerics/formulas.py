"""Theory formulas as NumPy functions: one lambdify per formula, nothing retyped."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import sympy as sp
from scipy.integrate import quad

from ..support.errors import LoopstabError
from ..theory.formulas import formula


@cache
def numeric(name: str) -> Callable[..., Any]:
    """The named theory formula as a vectorised NumPy function of its symbols in order.

    A single integral is done by adaptive quadrature (`LoopstabError` when its error estimate
    exceeds 1e-8 relative). Raises `UsageError` for an unknown name.
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
    variable, low, high = integral.limits[0]
    body = sp.lambdify((variable, *symbols), integral.function, ["numpy", "scipy"])
    ends = sp.lambdify(symbols, (low, high), ["numpy", "scipy"])

    def value(*values: float) -> float:
        low, high = (float(end) for end in ends(*values))
        result, error = quad(
            body, low, high, args=tuple(map(float, values)), limit=400, epsabs=1e-13, epsrel=1e-11
        )[:2]
        if not error <= 1e-8 * max(abs(result), 1e-3):
            raise LoopstabError(
                f"quadrature of {integral.function} did not converge (error {error:.1e}); narrow"
                " the arguments"
            )
        return result

    return value
