"""Steps of N6 and N7: exact averages over independent entries of variance sigma^2/d.

They are second moments and the invariance under rotations.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from ..kernel.algebra import Equation

VARIANCE = sp.Symbol("sigma", positive=True)

Linear = Mapping[tuple[int, int], sp.Expr]
"""a linear form in the entries of A, by its coefficients"""


def covariance(left: Linear, right: Linear, size: int) -> sp.Expr:
    """E left(A) right(A) for independent entries of mean 0 and variance sigma^2/size."""
    products = (x * right[place] for place, x in left.items() if place in right)
    return VARIANCE**2 / size * sum(products, sp.Integer(0))


def second_moments() -> list[Equation]:
    """E A X A^T = E A^T X A = (sigma^2/d) tr(X) I for d = 2, 3 and every X, entry by entry."""
    equations = []
    zero, one = sp.Integer(0), sp.Integer(1)
    for d in (2, 3):
        x = sp.Matrix(d, d, sp.symbols(f"x:{d * d}"))
        pairs = [(k, m) for k in range(d) for m in range(d)]
        for i in range(d):
            for j in range(i, d):
                rows = [x[k, m] * covariance({(i, k): one}, {(j, m): one}, d) for k, m in pairs]
                columns = [x[k, m] * covariance({(k, i): one}, {(m, j): one}, d) for k, m in pairs]
                wanted = VARIANCE**2 * x.trace() / d if i == j else zero
                equations += [Equation(sum(terms, zero), wanted) for terms in (rows, columns)]
    return equations


def rotations() -> list[Equation]:
    """Cov((U^T A V)_ij, (U^T A V)_km) = (sigma^2/d) <u_i, u_k> <v_j, v_m> for any columns.

    The columns are those of U and V, with d = 2, 3.
    """
    equations = []
    for d in (2, 3):
        u, v = (sp.Matrix(d, 2, sp.symbols(f"{name}:{2 * d}")).tolist() for name in "uv")
        for i, j, k, m in ((0, 0, 0, 0), (0, 1, 0, 1), (0, 0, 1, 1), (0, 1, 1, 0), (0, 0, 0, 1)):
            left = {(p, r): u[p][i] * v[r][j] for p in range(d) for r in range(d)}
            right = {(p, r): u[p][k] * v[r][m] for p in range(d) for r in range(d)}
            inner_u = sum(u[p][i] * u[p][k] for p in range(d))
            inner_v = sum(v[r][j] * v[r][m] for r in range(d))
            wanted = VARIANCE**2 / d * (inner_u * inner_v)
            equations.append(Equation(covariance(left, right, d), wanted))
    return equations
