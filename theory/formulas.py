"""Every closed form of the package, written once, in SymPy; the floors above turn them into numbers with lambdify.

Each formula is re-derived or re-checked by a step of the claim that it names (R3's is not in the ledger yet).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp

from theory.errors import UsageError


@dataclass(frozen=True)
class Formula:
    """A closed form: `expression` in `symbols` (call order), proved in `claim`; `text` says what it is, with units."""

    name: str
    symbols: tuple[sp.Symbol, ...]
    expression: sp.Expr
    claim: str
    text: str

    def __call__(self, *values: object) -> sp.Expr:
        """The expression with the values in place of the symbols, exact; `UsageError` on a wrong number of values."""
        if len(values) != len(self.symbols):
            names = ", ".join(map(str, self.symbols))
            raise UsageError(f"formula {self.name} takes {len(self.symbols)} values ({names}), got {len(values)}")
        expression: Any = self.expression
        return expression.subs(dict(zip(self.symbols, map(sp.sympify, values), strict=True)), simultaneous=True)


_REGISTRY: dict[str, Callable[[], Formula]] = {}


def _register(claim: str, text: str) -> Callable[[Callable[[], tuple[tuple[sp.Symbol, ...], sp.Expr]]], None]:
    def take(build: Callable[[], tuple[tuple[sp.Symbol, ...], sp.Expr]]) -> None:
        name = build.__name__.removeprefix("_")
        _REGISTRY[name] = cache(lambda: Formula(name, *build(), claim, text))

    return take


def names() -> tuple[str, ...]:
    """The known formulas, in the order in which they are written here."""
    return tuple(_REGISTRY)


def formula(name: str) -> Formula:
    """The formula of that name; `UsageError` with the list of known names otherwise."""
    try:
        return _REGISTRY[name]()
    except KeyError:
        raise UsageError(f"unknown formula {name!r}: use one of {', '.join(_REGISTRY)}") from None


def _positive(text: str) -> tuple[sp.Symbol, ...]:
    return sp.symbols(text, positive=True, seq=True)


def _real(text: str) -> tuple[sp.Symbol, ...]:
    return sp.symbols(text, real=True, seq=True)


# The mean-field law of N(a h + A h + beta e): a is the residual strength (0, 1), sigma the scale of A, beta that of the recall.


@_register("N6", "scale s of the pre-norm state at the fixed point, |z| = s R, as d -> infinity")
def _mean_field_scale():
    a, sigma, beta = _positive("a sigma beta")
    return (a, sigma, beta), a + sp.sqrt(sigma**2 + beta**2)


@_register("N6", "spectral radius of the loop at its fixed point, as d -> infinity at fixed beta/sigma")
def _mean_field_rho():
    a, sigma, beta = _positive("a sigma beta")
    return (a, sigma, beta), (a + sigma) / (a + sp.sqrt(sigma**2 + beta**2))


@_register(
    "N6", "the same with the bulk edge at width d: r = E rho(Ginibre_d) of unit variance (1.053 at d = 100); an empirical correction"
)
def _mean_field_rho_finite():
    a, sigma, beta, r = _positive("a sigma beta r")
    return (a, sigma, beta, r), (a + sigma * r) / (a + sp.sqrt(sigma**2 + beta**2))


@_register("N6", "recall strength beta at which the law gives spectral radius rho (0 < rho <= 1): the level line")
def _mean_field_level():
    a, sigma, rho = _positive("a sigma rho")
    w = sp.Dummy("w", positive=True)
    (root,) = sp.solve(sp.Eq(rho * (a + w), a + sigma), w)
    return (a, sigma, rho), sp.sqrt(root**2 - sigma**2)


@_register("N6", "x = (beta/sigma) d^(1/4): finite-width scaling variable of the law, trustworthy from about 3")
def _scaling_variable():
    sigma, beta, d = _positive("sigma beta d")
    return (sigma, beta, d), beta / sigma * d ** sp.Rational(1, 4)


@_register("N3", "kappa: Lipschitz constant of N after a map with Lipschitz constant `lipschitz` and norm at least r")
def _contraction_constant():
    d, lipschitz, r, eps = _positive("d lipschitz r eps")
    return (d, lipschitz, r, eps), sp.sqrt(d) * lipschitz / sp.sqrt(r**2 + d * eps)


@_register("R1", "loops until the residual C rho^t falls to tol (X5); needs 0 < rho < 1")
def _iterations_to_tolerance():
    rho, tol, c = _positive("rho tol C")
    return (rho, tol, c), (sp.log(tol) - sp.log(c)) / sp.log(rho)


@_register("R3", "relative step |h_{t+1} - h_t| / |h_t| of a drift whose direction has settled, at loop t")
def _drift_relative_step():
    (t,) = _positive("t")
    return (t,), 1 / t


# Scalar linearised loops: x = W_x, y = A (THEORY.md section 2).


@_register("R4", "J = dh'/dh of the scalar loop without recall")
def _scalar_jacobian_none():
    x, y = _real("x y")
    return (x, y), 1 + y


@_register("R4", "J = dh'/dh of the scalar loop with external recall")
def _scalar_jacobian_external():
    x, y = _real("x y")
    return (x, y), (1 + y) * x


@_register("R4", "J = dh'/dh of the scalar loop with internal recall")
def _scalar_jacobian_internal():
    x, y = _real("x y")
    return (x, y), 1 + x * y


@_register("R4", "area of the internal stable set -2 < x y < 0 within the box [-a, a]^2")
def _internal_stable_area():
    (a,) = _positive("a")
    return (a,), sp.Piecewise((2 * a**2, a**2 <= 2), (4 + 4 * sp.log(a**2 / 2), True))


@_register("R4", "P(-2 < x y < 0) for independent x, y ~ N(0, s^2)")
def _internal_stable_probability():
    s, u = _positive("s u")
    return (s,), sp.Integral(sp.besselk(0, u), (u, 0, 2 / s**2)) / sp.pi


@_register("R4", "P(|(1 + y) x| < 1) for independent x, y ~ N(0, s^2); the integration variable is |1 + y|, so no node is singular")
def _external_stable_probability():
    s, u = _positive("s u")
    density = (sp.exp(-((u - 1) ** 2) / (2 * s**2)) + sp.exp(-((u + 1) ** 2) / (2 * s**2))) / (s * sp.sqrt(2 * sp.pi))
    return (s,), sp.Integral(sp.erf(1 / (sp.sqrt(2) * s * u)) * density, (u, 0, sp.oo))


@_register("N1", "eigenvalue of DN(z) across z: 1/s, s = sqrt(mean z^2 + eps), gain 1")
def _rmsnorm_tangential():
    (s,) = _positive("s")
    return (s,), 1 / s


@_register("N1", "eigenvalue of DN(z) along z: eps/s^3, gain 1")
def _rmsnorm_radial():
    s, eps = _positive("s eps")
    return (s, eps), eps / s**3
