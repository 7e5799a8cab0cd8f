"""Averages over independent entries of variance sigma^2/d, exact: second moments and invariance
under rotations (N6, N7).
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from ..kernel.algebra import Equation

VARIANCE = sp.Symbol("sigma", positive=True)

Linear = Mapping[tuple[int, int], sp.Expr]
"""coefficients of a linear form in the entries of A"""


def covariance(left: Linear, right: Linear, size: int) -> sp.Expr:
    """E left(A) right(A) for independent entries of mean 0 and variance sigma^2/size."""
    return (
        VARIANCE**2
        / size
        * sum((x * right[place] for place, x in left.items() if place in right), sp.Integer(0))
    )


def second_moments() -> list[Equation]:
    """E A X A^T = E A^T X A = (sigma^2/d) tr(X) I for d = 2, 3 and every X, entry by entry."""
    equations = []
    one = sp.Integer(1)
    for d in (2, 3):
        x = sp.Matrix(d, d, sp.symbols(f"x:{d * d}"))
        for i in range(d):
            for j in range(i, d):
                pairs = [(k, m) for k in range(d) for m in range(d)]
                rows = sum(
                    (x[k, m] * covariance({(i, k): one}, {(j, m): one}, d) for k, m in pairs),
                    sp.Integer(0),
                )
                columns = sum(
                    (x[k, m] * covariance({(k, i): one}, {(m, j): one}, d) for k, m in pairs),
                    sp.Integer(0),
                )
                wanted = VARIANCE**2 * x.trace() / d if i == j else sp.Integer(0)
                equations += [Equation(rows, wanted), Equation(columns, wanted)]
    return equations


def rotations() -> list[Equation]:
    """Cov((U^T A V)_ij, (U^T A V)_km) = (sigma^2/d) <u_i, u_k> <v_j, v_m>, for d = 2, 3 and any
    columns.
    """
    equations = []
    for d in (2, 3):
        u, v = (sp.Matrix(d, 2, sp.symbols(f"{name}:{2 * d}")).tolist() for name in "uv")
        for i, j, k, m in ((0, 0, 0, 0), (0, 1, 0, 1), (0, 0, 1, 1), (0, 1, 1, 0), (0, 0, 0, 1)):
            left = {(p, r): u[p][i] * v[r][j] for p in range(d) for r in range(d)}
            right = {(p, r): u[p][k] * v[r][m] for p in range(d) for r in range(d)}
            inner = sum(u[p][i] * u[p][k] for p in range(d)) * sum(
                v[r][j] * v[r][m] for r in range(d)
            )
            wanted = VARIANCE**2 / d * inner
            equations.append(Equation(covariance(left, right, d), wanted))
    return equations
