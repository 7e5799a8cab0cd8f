"""Claim N1: the Jacobians of RMSNorm and LayerNorm, their eigenvalues and null directions."""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.algebra import Equation, rational
from ..kernel.claim import Assumption, Axis, Claim, Consequence
from ..kernel.proof import Sentence, cited, decided, deduced, identity
from ..kernel.vectors import Span, span
from .falsifiers.jacobian import FALSIFIERS
from .layer_norm import directions, entries, jacobian_every_d
from .sub_blocks import one_sub_block, two_sub_blocks

S = sp.Symbol("s", positive=True)
"""the scale sqrt(mean z^2 + eps)"""


def rms_jacobian(z: sp.Matrix, gain: sp.Matrix, s: sp.Expr) -> sp.Matrix:
    """DN(z) = (1/s) diag(gain)(I - z z^T/(d s^2)), the Jacobian of RMSNorm (N1).

    Args:
        z: the argument, a column of length d.
        gain: the gain, a column of length d.
        s: the scale sqrt(mean z^2 + eps).
    """
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
        equations += [
            Equation(_name_root(jacobian[i, j], square, eps), wanted[i, j])
            for i in range(d)
            for j in range(d)
        ]
    return equations


def _directional(z: Span, v: Span, d: Any, eps: Any) -> Span:
    """d/dtau N(z + tau v) at tau = 0 and gain 1, by differentiating the coefficients."""
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
    found, radial = along["z"].subs(zz, d * (S**2 - eps)), formula("rmsnorm_radial")(S, eps)
    return [
        Equation(across["v"], formula("rmsnorm_tangential")(S)),
        Equation(across["z"], sp.Integer(0)),
        Equation(found, radial, (), lambda rng: _ordered(rng, d, eps)),
    ]


def _ordered(rng: random.Random, d: sp.Symbol, eps: sp.Symbol) -> dict[sp.Symbol, Any]:
    """Random values with eps < s^2."""
    root = rational(rng, positive=True)
    share = sp.Rational(rng.randint(1, 9), 10)
    return {S: root, eps: root**2 * share, d: sp.Integer(rng.randint(1, 9))}


def _no_epsilon():
    radius, length, zv, vv = sp.symbols("R n zv vv", positive=True)
    z, v = span("z v", {("z", "z"): length**2, ("v", "z"): zv, ("v", "v"): vv})
    found = _directional(z, v, radius**2, sp.Integer(0))
    wanted = (radius / length) * (v - (zv / length**2) * z)
    null = _directional(z, z, radius**2, sp.Integer(0))
    return [Equation(found[n], wanted[n]) for n in ("z", "v")] + [
        Equation(null["z"], sp.Integer(0))
    ]


def _sphere_point(size: int, offset: int = 0):
    """Draws z, its rational length n and the gains, by scaling a rational point of the sphere."""

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
        row = sp.Matrix([zi / gi for zi, gi in zip(z, gain, strict=True)]).T
        left = row * sp.diag(*gain) * inner
        relation = (z.dot(z) - length**2,)
        for entry in (*right, *left):
            equations.append(Equation(entry, sp.Integer(0), relation, _sphere_point(d)))
    return equations


def _sizes():
    s, eps, mean = sp.symbols("s e q")
    given = (mean >= 0, sp.Eq(s**2, mean + eps))
    return [Sentence(given, sp.And(eps <= s**2, sp.Equivalent(mean > 0, eps < s**2)))]


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
    identity(
        "entries",
        "dN_i/dz_j = (gamma_i/s)(delta_ij - z_i z_j/(d s^2))",
        "d in {1..4}",
        _entries,
        ("regular",),
    ),
    identity(
        "directional_derivative",
        "DN(z) v = v/s - z <z, v>/(d s^3), gain 1",
        "every d",
        _every_d,
        ("regular", "gain_one"),
    ),
    identity(
        "eigenvalues",
        "gain 1: 1/s on the tangent space z^perp, eps/s^3 along z",
        "every d",
        _eigenvalues,
        ("directional_derivative",),
    ),
    decided(
        "radial_is_smaller",
        "eps/s^3 <= 1/s, strictly for z != 0: |DN(z)|_2 = 1/s for d >= 2",
        "every d >= 2",
        _sizes,
        ("eigenvalues",),
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
        "d in {2, 3, 4}",
        _with_gain,
        ("entries", "eps_zero"),
    ),
    identity(
        "layer_norm",
        "LayerNorm: DN(z) v = (1/s)(C v - Cz <Cz, v>/(d s^2)), C the projector across (1, ..., 1)",
        "every d",
        jacobian_every_d,
        ("regular",),
    ),
    identity(
        "layer_norm_directions",
        "DN 1 = 0 always, DN Cz = (eps/s^3) Cz, 1/s across both: null directions 1 and Cz at eps ="
        " 0, only 1 at eps > 0",
        "every d",
        directions,
        ("layer_norm",),
    ),
    identity(
        "layer_norm_entries",
        "the same from the entries of LayerNorm",
        "d in {2, 3}",
        entries,
        ("layer_norm",),
    ),
    identity(
        "characteristic_polynomial",
        "A B and B A have one characteristic polynomial",
        "d in {2, 3}",
        _exchange,
    ),
    cited(
        "exchange",
        "charpoly_exchange",
        "P J and P J P = (P J) P have the same spectrum",
        "every d",
        {"square": ("characteristic_polynomial",)},
    ),
    deduced(
        "composed",
        "the loop N(f) has Jacobian DN(z) J; at gain 1, eps = 0 its spectrum is 0 and that of its"
        " restriction to h*^perp, so rho is unambiguous",
        "every d",
        ("no_epsilon", "exchange"),
    ),
    identity(
        "one_sub_block",
        "J = DN (I + A), DN (I + A) W_x, DN (I + A W_x) and K = 0, DN (I + A) W_e, DN A W_e for"
        " recall none, external, internal",
        "every d, every L",
        one_sub_block,
        ("composed",),
    ),
    identity(
        "two_sub_blocks",
        "external: J = (I+A_2)(I+A_1) W_x, K = (I+A_2)(I+A_1) W_e; internal: J = (I+A_2 W_x)(I+A_1"
        " W_x), K = (I+A_2 W_x) A_1 W_e + A_2 W_e; with N after each sub-block DN_1 stands between"
        " the factors: J = DN_2 (I+A_2) DN_1 (I+A_1) W_x and so on",
        "every d, every L",
        two_sub_blocks,
        ("one_sub_block",),
    ),
)

N1 = Claim(
    id="N1",
    title="Jacobian of the outer normalisation",
    source="paper+extension",
    statement=(
        "N(z) = gamma o z/s, s = sqrt(mean z^2 + eps): DN(z) = (1/s) diag(gamma)(I - z z^T/(d"
        " s^2)). Gain 1: eigenvalue 1/s across z, eps/s^3 along z; eps = 0: (R/|z|)(I - z"
        " z^T/|z|^2), DN(z) z = 0. LayerNorm: null directions 1 and Cz at eps = 0, only 1 at eps >"
        " 0 (d >= 3, Cz != 0)."
    ),
    assumptions=(
        Assumption("regular", "s > 0: z != 0 or eps > 0 (LayerNorm: Cz != 0 or eps > 0)"),
        Assumption("gain_one", "gamma = 1 (eigenvalues only)"),
        Assumption("eps_zero", "eps = 0 (null direction only)"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    notes=(
        "LayerNorm has two null directions only at eps = 0; at eps > 0 the second becomes eps/s^3.",
        (
            "'Outer normalisation: J^ = DN(z) J' holds for one sub-block. Post and sandwich blocks"
            " normalise after each of their two sub-blocks, so DN_1 also stands between the factors"
            " of J and in K."
        ),
    ),
    latex=(
        r"$N(z)=\gamma\circ z/s$, $s=\sqrt{|z|^2/d+\varepsilon}>0$:"
        r" \[DN(z)=\tfrac1s\operatorname{diag}(\gamma)\Bigl(I-\frac{zz^\top}{d\,s^2}\Bigr).\] For"
        r" $\gamma=1$: eigenvalue $1/s$ on $z^\perp$, $\varepsilon/s^3$ along $z$; for"
        r" $\varepsilon=0$ and any $\gamma$ without zeros $DN(z)z=0$ and $(\gamma^{-1}\circ z)^\top"
        r" DN(z)=0$. LayerNorm $z\mapsto Cz/s$, $C=I-\mathbf1\mathbf1^\top/d$,"
        r" $s=\sqrt{|Cz|^2/d+\varepsilon}$:"
        r" $DN(z)=\tfrac1s\bigl(C-\tfrac{Cz(Cz)^\top}{d\,s^2}\bigr)$, with null space"
        r" $\operatorname{span}(\mathbf1,Cz)$ at $\varepsilon=0$ and"
        r" $\operatorname{span}(\mathbf1)$ at $\varepsilon>0$. A loop with $N$ after each of two"
        r" sub-blocks has $J=DN_2(I+A_2)DN_1(I+A_1)W_x$, $K=DN_2(I+A_2)DN_1(I+A_1)W_e$ with"
        r" external recall and $J=DN_2(I+A_2W_x)DN_1(I+A_1W_x)$,"
        r" $K=DN_2\bigl((I+A_2W_x)DN_1A_1W_e+A_2W_e\bigr)$ with internal recall."
    ),
    consequences=(
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "on the sphere",
            "At eps = 0 and gain 1 the limit moves on the sphere only: its derivative has rank at"
            " most d - 1 per token.",
            frozenset({Recall.EXTERNAL, Recall.INTERNAL}),
            True,
            frozenset({Residual.ADD}),
            when="eps = 0",
        ),
    ),
)
