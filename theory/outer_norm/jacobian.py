"""N1: the Jacobian of RMSNorm and LayerNorm, its eigenvalues and null directions."""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from theory.algebra import Equation, rational
from theory.claim import Assumption, Claim
from theory.formulas import formula
from theory.outer_norm.jacobian_attacks import FALSIFIERS
from theory.proof import Sentence, cited, decided, deduced, identity
from theory.vectors import Span, span

S = sp.Symbol("s", positive=True)


def rms_jacobian(z: sp.Matrix, gain: sp.Matrix, s: sp.Expr) -> sp.Matrix:
    """DN(z) = (1/s) diag(gain)(I - z z^T/(d s^2)), s = sqrt(mean z^2 + eps) (N1); z and gain are columns of length d."""
    d = z.rows
    return sp.diag(*gain) * (sp.eye(d) - z * z.T / (d * s**2)) / s


def _variables(d: int) -> tuple[Any, Any]:
    return sp.Matrix(sp.symbols(f"z:{d}", real=True)), sp.Matrix(sp.symbols(f"g:{d}", real=True))


def _name_root(expression: sp.Expr, square: sp.Expr, eps: sp.Symbol) -> sp.Expr:
    """Replace eps by s^2 - square, so that sqrt(square + eps) becomes s."""
    return expression.subs(eps, S**2 - square)


def _entries():
    eps = sp.Symbol("eps", positive=True)
    equations = []
    for d in (1, 2, 3, 4):
        z, gain = _variables(d)
        square = z.dot(z) / d
        norm = (sp.diag(*gain) * z) / sp.sqrt(square + eps)
        wanted = rms_jacobian(z, gain, S)
        jacobian = norm.jacobian(z)
        equations += [Equation(_name_root(jacobian[i, j], square, eps), wanted[i, j]) for i in range(d) for j in range(d)]
    return equations


def _directional(z: Span, v: Span, d: Any, eps: Any) -> Span:
    """d/dtau N(z + tau v) at tau = 0, gain 1, by differentiating the coefficients."""
    tau: Any = sp.Symbol("tau", real=True)
    moved: Span = z + Span.__rmul__(v, tau)
    size = sp.sqrt(moved.dot(moved) / d + eps)
    return moved.map(lambda c: sp.diff(c / size, tau).subs(tau, 0))


def _every_d():
    d, eps, zz, zv, vv = sp.symbols("d epsilon zz zv vv", positive=True)
    z, v = span("z v", {("z", "z"): zz, ("v", "z"): zv, ("v", "v"): vv})
    found = _directional(z, v, d, eps).map(lambda c: c.subs(eps, S**2 - zz / d))
    wanted = (1 / S) * v - (zv / (d * S**3)) * z
    return [Equation(found[n], wanted[n]) for n in ("z", "v")]


def _eigenvalues():
    d, eps, zz, vv = sp.symbols("d epsilon zz vv", positive=True)
    z, v = span("z v", {("z", "z"): zz, ("v", "z"): 0, ("v", "v"): vv})
    across = _directional(z, v, d, eps).map(lambda c: c.subs(eps, S**2 - zz / d))
    along = _directional(z, z, d, eps)
    radial = formula("rmsnorm_radial")(S, eps)
    return [
        Equation(across["v"], formula("rmsnorm_tangential")(S)),
        Equation(across["z"], sp.Integer(0)),
        Equation(along["z"].subs(zz, d * (S**2 - eps)), radial, (), lambda rng: _ordered(rng, d, eps)),
    ]


def _ordered(rng: random.Random, d: sp.Symbol, eps: sp.Symbol) -> dict[sp.Symbol, Any]:
    root = rational(rng, positive=True)
    return {S: root, eps: root**2 * sp.Rational(rng.randint(1, 9), 10), d: sp.Integer(rng.randint(1, 9))}


def _no_epsilon():
    radius, length, zv, vv = sp.symbols("R n zv vv", positive=True)
    z, v = span("z v", {("z", "z"): length**2, ("v", "z"): zv, ("v", "v"): vv})
    found = _directional(z, v, radius**2, sp.Integer(0))
    wanted = (radius / length) * (v - (zv / length**2) * z)
    null = _directional(z, z, radius**2, sp.Integer(0))
    return [Equation(found[n], wanted[n]) for n in ("z", "v")] + [Equation(null["z"], sp.Integer(0))]


def _sphere_point(size: int, offset: int = 0):
    """Draw z, gains and s with d s^2 = |z|^2, by scaling a rational point of the unit sphere."""

    def draw(rng: random.Random):
        z, gain = _variables(size)
        free = [rational(rng) for _ in range(size - 1)]
        total = sum((x**2 for x in free), sp.Integer(0))
        unit = [2 * x / (1 + total) for x in free] + [(total - 1) / (total + 1)]
        length = rational(rng, positive=True)
        return {
            **dict(zip(z, (length * x for x in unit), strict=True)),
            **{g: rational(rng) for g in gain},
            sp.Symbol("n", positive=True): length,
        }

    return draw


def _with_gain():
    equations = []
    length = sp.Symbol("n", positive=True)  # |z|
    for d in (2, 3, 4):
        z, gain = _variables(d)
        inner = sp.eye(d) - z * z.T / length**2  # s DN = diag(gain) inner at eps = 0
        right = sp.diag(*gain) * inner * z
        left = sp.Matrix([zi / gi for zi, gi in zip(z, gain, strict=True)]).T * sp.diag(*gain) * inner
        relation = (z.dot(z) - length**2,)
        for entry in (*right, *left):
            equations.append(Equation(entry, sp.Integer(0), relation, _sphere_point(d)))
    return equations


def _layer_norm():
    eps = sp.Symbol("eps", positive=True)
    equations = []
    for d in (2, 3, 4):
        z, _ = _variables(d)
        centre = sp.eye(d) - sp.ones(d, d) / d
        centred = centre * z
        square = centred.dot(centred) / d
        jacobian = (centred / sp.sqrt(square + eps)).jacobian(z).applyfunc(lambda entry, square=square: _name_root(entry, square, eps))
        wanted = (centre - centred * centred.T / (d * S**2)) / S
        equations += [Equation(jacobian[i, j], wanted[i, j]) for i in range(d) for j in range(d)]
        equations += [Equation(entry, sp.Integer(0)) for entry in wanted * sp.ones(d, 1)]
        # along C z the factor is (1 - |Cz|^2/(d s^2))/s = eps/s^3: null only at eps = 0
        residual = wanted * centred - (S**2 - square) / S**3 * centred
        equations += [Equation(entry, sp.Integer(0)) for entry in residual]
    return equations


def _layer_norm_rest():
    d, zz, vv = sp.symbols("d zz vv", positive=True)
    # on vectors v across both 1 and C z the operator (1/s)(C - Cz Cz^T/(d s^2)) acts as 1/s; c stands for C z
    c, v, one = span("c v one", {("c", "c"): zz, ("c", "v"): 0, ("v", "v"): vv, ("c", "one"): 0, ("one", "v"): 0, ("one", "one"): d})
    centred = v - (one.dot(v) / d) * one
    image = (1 / S) * centred - (c.dot(v) / (d * S**3)) * c
    return [Equation(image["v"], 1 / S), Equation(image["c"], sp.Integer(0)), Equation(image["one"], sp.Integer(0))]


def _sizes():
    s, eps, mean = sp.symbols("s e q")
    return [Sentence((s > 0, eps >= 0, mean >= 0, sp.Eq(s**2, mean + eps)), sp.And(eps <= s**2, sp.Implies(mean > 0, eps < s**2)))]


def _exchange():
    x = sp.Symbol("x")
    equations = []
    for d in (2, 3):
        a = sp.Matrix(d, d, sp.symbols(f"a:{d * d}"))
        b = sp.Matrix(d, d, sp.symbols(f"b:{d * d}"))
        left, right = ((x * sp.eye(d) - m).det(method="berkowitz") for m in (a * b, b * a))
        equations.append(Equation(left, right))
    return equations


_STEPS = (
    identity("entries", "dN_i/dz_j = (gamma_i/s)(delta_ij - z_i z_j/(d s^2))", "d = 1..4", _entries, ("regular",)),
    identity("directional_derivative", "DN(z) v = v/s - z <z, v>/(d s^3), gain 1", "every d", _every_d, ("regular", "gain_one")),
    identity(
        "eigenvalues",
        "gain 1: 1/s on the tangent space z^perp, eps/s^3 along z",
        "every d",
        _eigenvalues,
        ("directional_derivative",),
    ),
    decided(
        "radial_is_smaller", "eps/s^3 <= 1/s, strictly for z != 0: |DN(z)|_2 = 1/s for d >= 2", "every d >= 2", _sizes, ("eigenvalues",)
    ),
    identity(
        "no_epsilon",
        "eps = 0, R = sqrt(d): DN(z) v = (R/|z|)(v - z <z, v>/|z|^2), and DN(z) z = 0",
        "every d",
        _no_epsilon,
        ("directional_derivative", "eps_zero"),
    ),
    identity(
        "null_vectors_with_gain",
        "eps = 0, any gain without zeros: DN z = 0 and (z / gamma)^T DN = 0",
        "d = 2, 3, 4",
        _with_gain,
        ("entries", "eps_zero"),
    ),
    identity(
        "layer_norm",
        "LayerNorm: DN = (1/s)(C - Cz Cz^T/(d s^2)); DN 1 = 0 always, DN Cz = (eps/s^3) Cz, null iff eps = 0",
        "d = 2, 3, 4",
        _layer_norm,
        ("regular",),
    ),
    identity(
        "layer_norm_rest",
        "on vectors across 1 and Cz it is 1/s: no other null direction",
        "every d >= 3",
        _layer_norm_rest,
        ("layer_norm",),
    ),
    identity("characteristic_polynomial", "A B and B A have one characteristic polynomial", "d = 2, 3", _exchange),
    cited(
        "exchange",
        "charpoly_exchange",
        "P J and P J P = (P J) P have the same spectrum",
        "every d",
        {"square": ("characteristic_polynomial",)},
    ),
    deduced(
        "composed",
        "the loop N(f) has Jacobian DN(z) J; at gain 1, eps = 0 its spectrum is 0 and that of its restriction to h*^perp, so rho is "
        "unambiguous",
        "every d",
        ("no_epsilon", "exchange"),
    ),
)

N1 = Claim(
    id="N1",
    title="Jacobian of the outer normalisation",
    source="paper+extension",
    statement="N(z) = gamma o z/s, s = sqrt(mean z^2 + eps): DN(z) = (1/s) diag(gamma)(I - z z^T/(d s^2)). Gain 1: eigenvalue 1/s "
    "across z, eps/s^3 along z; "
    "eps = 0: (R/|z|)(I - z z^T/|z|^2), DN(z) z = 0. LayerNorm: null directions 1 and Cz at eps = 0, only 1 at eps > 0 (d >= 3, Cz != 0).",
    assumptions=(
        Assumption("regular", "s > 0: z != 0 or eps > 0 (LayerNorm: Cz != 0 or eps > 0)"),
        Assumption("gain_one", "gamma = 1 (eigenvalues only)"),
        Assumption("eps_zero", "eps = 0 (null direction only)"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    notes=("LayerNorm has two null directions only at eps = 0; at eps > 0 the second becomes eps/s^3.",),
)
