"""Claim N1: the Jacobian of RMSNorm, its eigenvalues and null directions, and that of loops."""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix, rational
from ..kernel.claim import Assumption, Axis, Claim, Consequence
from ..kernel.proof import Sentence, decided, identity
from ..kernel.vectors import Span, span
from .falsifiers.jacobian import FALSIFIERS, PREDICATES
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


def _with_gain():
    # P = s DN at gain 1 and eps = 0; the columns of z are multiples of the state, the rows of its
    # transpose r are too: P z = 0 and r P = 0
    gain, projector, state, row = letters("Gamma P z r")
    rules = (((projector, state), sp.Integer(0)), ((row, projector), sp.Integer(0)))

    def model(rng: random.Random, size: int):
        basis = random_matrix(rng, size)
        p = basis * diagonal([1] * (size - 1) + [0]) * basis.inv()
        one, free = diagonal([1] * size), random_matrix(rng, size)
        return {projector: p, state: free - p * free, row: free * (one - p)}

    return [
        Words(gain * projector * state, sp.Integer(0), rules, model),
        Words(row * gain**-1 * (gain * projector), sp.Integer(0), rules, model),
    ]


def _sizes():
    s, eps, mean = sp.symbols("s e q")
    given = (mean >= 0, sp.Eq(s**2, mean + eps))
    return [Sentence(given, sp.And(eps <= s**2, sp.Equivalent(mean > 0, eps < s**2)))]


def _exchange_model(rng: random.Random, size: int):
    """Random A and B, a number l, and T = l - B A, which is invertible."""
    while True:
        a, b, value = random_matrix(rng, size), random_matrix(rng, size), rational(rng)
        t = diagonal([value] * size) - b * a
        if t.det() != 0:
            return {LEFT: a, RIGHT: b, GAP: t, VALUE: value}


LEFT, RIGHT, GAP = letters("A B T")
VALUE = sp.Symbol("l")


def _exchange():
    # T = l - B A
    rules = (((RIGHT, LEFT), VALUE - GAP),)
    inverse = 1 + LEFT * GAP**-1 * RIGHT  # l (l - A B)^{-1}
    return [
        Words((VALUE - LEFT * RIGHT) * inverse, VALUE, rules, _exchange_model),
        Words(inverse * (VALUE - LEFT * RIGHT), VALUE, rules, _exchange_model),
    ]


def _composed():
    projector, body = letters("P J")  # P projects across the new state, s P J is the Jacobian
    s = sp.Symbol("s")

    def model(rng: random.Random, size: int):
        basis = random_matrix(rng, size)
        return {projector: basis * diagonal([1] * (size - 1) + [0]) * basis.inv()}

    rules = (((projector, projector), projector),)
    loop = projector * body / s
    return [
        Words(projector * loop, loop, rules, model),
        Words((1 - projector) * loop, sp.Integer(0), rules, model),
        Words((loop * projector) * projector, loop * projector, rules, model),
    ]


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
        "eps = 0, any gain without zeros: DN z = 0 (with zeros too) and (z / gamma)^T DN = 0",
        "every d",
        _with_gain,
        ("no_epsilon",),
    ),
    identity(
        "exchange",
        "l != 0: if T = l - B A is invertible, so is l - A B, with inverse (I + A T^{-1} B)/l: A B"
        " and B A have the same eigenvalues except 0",
        "every d",
        _exchange,
    ),
    identity(
        "composed",
        "gain 1, eps = 0: the loop N(f) has the Jacobian J^ = DN(z) J = P J/s, whose range is"
        " across the new state; by the exchange of P and J^, J^ = P J^ and its restriction J^ P"
        " have the same eigenvalues except 0, so rho is unambiguous",
        "every d",
        _composed,
        ("no_epsilon", "exchange", "gain_one", "single_norm"),
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
        "Let N(z) = gamma o z/s with s = sqrt(mean z^2 + eps). Where s > 0, N is differentiable"
        " with DN(z) = (1/s) diag(gamma)(I - z z^T/(d s^2)). At gain 1, DN(z) v = v/s for every v"
        " across z, and DN(z) z = (eps/s^3) z. At eps = 0, DN(z) z = 0 for every gain. The"
        " Jacobian of a loop with the norm after each sub-block is the product of these matrices"
        " and those of the sub-blocks, for each kind of recall. N9 is the same for LayerNorm."
    ),
    assumptions=(
        Assumption("regular", "s > 0: z != 0 or eps > 0"),
        Assumption("gain_one", "gamma = 1 (eigenvalues only)"),
        Assumption("eps_zero", "eps = 0 (null direction only)"),
        Assumption(
            "single_norm",
            "the loop is N(f) with one norm (its spectrum only); with more sub-blocks norms also"
            " stand between the factors",
        ),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
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
        r" DN(z)=0$. A loop with $N$ after each of two"
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
