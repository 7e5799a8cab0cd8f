"""Claim M1: under outer normalisation, a residual path moves the multipliers of a fixed point.

It moves neither the fixed point nor its sensitivity.
"""

from __future__ import annotations

import random

import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix, rational
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, decided, identity
from ..kernel.vectors import span
from .falsifiers.residual_strength import FALSIFIERS, PREDICATES
from .jacobian import rms_jacobian


def _fixed_points():
    a, w, size = sp.symbols("a w R", positive=True)
    s = sp.Symbol("s", positive=True)
    (h,) = span("h", {("h", "h"): size**2})
    z = a * h + w * h  # z = a h + g(h, e) with g = w h
    return [
        Equation(z.dot(z), ((a + w) * size) ** 2),
        Equation(((size / ((a + w) * size)) * z)["h"], sp.Integer(1)),
        # conversely, N(z) = h means z = s h with s = |z|/R, so g = (s - a) h and w = s - a
        Equation((s * h - a * h)["h"], s - a),
    ]


def _projected(rng: random.Random, size: int):
    p, d, v = letters("P D v")
    basis = random_matrix(rng, size)
    rank = rng.randint(1, size)
    projector = basis * diagonal([1] * rank + [0] * (size - rank)) * basis.inv()
    update = random_matrix(rng, size)
    return {p: projector, d: update, v: projector * random_matrix(rng, size)}


def _tangent_jacobian():
    p, d, v = letters("P D v")
    a, s = sp.symbols("a s")
    rules = (((p, p), p), ((p, v), v))
    # J_a = (1/s) P (a + D); for v = P v, that is on the tangent space, it is (a + P D P)/s
    return [Words(p * (a + d) * v / s, (a * v + p * d * p * v) / s, rules, _projected)]


def _explicit():
    """The same from the Jacobian of N1 for d = 2, 3, with h along the first axis after a rotation.

    Here d s^2 = |z|^2, as z = s h and |h|^2 = d.
    """
    equations = []
    x, a, w, root = sp.symbols("x a w r")
    for d in (2, 3):
        entries = sp.Matrix(d, d, sp.symbols(f"D:{d * d}"))
        h = sp.Matrix([root] + [0] * (d - 1))
        jacobian = rms_jacobian((a + w) * h, sp.ones(d, 1), a + w) * (a * sp.eye(d) + entries)
        tangent = jacobian[1:, 1:]
        reduced = (a * sp.eye(d - 1) + entries[1:, 1:]) / (a + w)
        equations += [
            Equation(tangent[i, j], reduced[i, j]) for i in range(d - 1) for j in range(d - 1)
        ]
        left = ((a + w) * x * sp.eye(d - 1) - (a + w) * tangent).det(method="berkowitz")
        right = (((a + w) * x - a) * sp.eye(d - 1) - entries[1:, 1:]).det(method="berkowitz")
        equations.append(Equation(left, right))
    return equations


def _eigen_model(rng: random.Random, size: int):
    """An update D with an eigenvector: the first column of v, whose other columns are 0."""
    d, v = letters("D v")
    nu = sp.Symbol("nu")
    basis, value = random_matrix(rng, size), rational(rng)
    values = [value, *(rational(rng) for _ in range(size - 1))]
    first = diagonal([1] + [0] * (size - 1))
    return {d: basis * diagonal(values) * basis.inv(), v: basis * first, nu: value}


def _spectrum():
    d, v = letters("D v")  # D = P Dg P on the tangent space, D v = nu v
    a, w, nu = sp.symbols("a w nu")
    rules = (((d, v), nu * v),)
    return [Words((a + d) / (a + w) * v, (a + nu) / (a + w) * v, rules, _eigen_model)]


def _sensitivity():
    d, k = letters("D K")  # D = P Dg P on the tangent space, K = P D_e g
    q = sp.Symbol("Q", commutative=False)  # w - D, invertible
    a, w = sp.symbols("a w")
    return [
        Words((a + w) * (1 - (a + d) / (a + w)), w - d),
        # with D = w - Q: (I - J_a)^{-1} K_a = Q^{-1} K solves S = J_a S + K_a for every a
        Words((a + w - q) / (a + w) * (q**-1 * k) + k / (a + w), q**-1 * k),
    ]


def _tokens():
    # U = a + W and T = W - P Dg P, where W holds the scales w_i of all tokens
    scale, gap, recalled = letters("U T K")
    jacobian = scale**-1 * (scale - gap)  # (a + W)^{-1}(a + P Dg P)
    return [
        Words(jacobian, 1 - scale**-1 * gap),
        Words(jacobian * gap**-1 * recalled + scale**-1 * recalled, gap**-1 * recalled),
    ]


def _two_tokens():
    """Two tokens at d = 2 with w = (1, 4) and T = W - P Dg P = [[2, 7], [-1, -3]]."""
    a = sp.Symbol("a")
    gap = sp.diag(1 / (a + 1), 1 / (a + 4)) * sp.Matrix([[2, 7], [-1, -3]])  # I - J_a
    trace, det = sp.symbols("p q")
    known = (sp.Eq((a + 1) * (a + 4) * trace, 5 - a), sp.Eq((a + 1) * (a + 4) * det, 1))
    # Jury's test for J_a = I - gap: both multipliers lie in the open unit disc
    stable = sp.And(det > 0, det < trace, 4 - 2 * trace + det > 0)
    equations = [
        Equation(gap.trace(), (5 - a) / ((a + 1) * (a + 4))),
        Equation(gap.det(), 1 / ((a + 1) * (a + 4))),
    ]
    return equations, [Sentence((*known, a >= 0), sp.Equivalent(stable, a < 4))]


def _symbols():
    return sp.symbols("a b w u v")  # b > a is the larger residual strength; nu = u + i v


def _stable(a: sp.Expr, w: sp.Expr, u: sp.Expr, v: sp.Expr):
    """The multiplier (a + nu)/(a + w) lies in the open unit disc."""
    return (a + u) ** 2 + v**2 < (a + w) ** 2


def _monotone():
    a, b, w, u, v = _symbols()
    return [Sentence((b > a, a + w > 0, _stable(a, w, u, v)), _stable(b, w, u, v))]


def _large():
    a, b, w, u, v = _symbols()
    return [
        Sentence((), sp.Equivalent(_stable(a, w, u, v), 2 * a * (w - u) > u**2 + v**2 - w**2)),
        Sentence((a + w > 0, _stable(a, w, u, v)), u < w),
        Sentence((u >= w, b > a, a + w > 0), sp.Not(_stable(b, w, u, v))),
    ]


def _speed():
    a, b, w, u, _ = _symbols()
    weak, strong = (a + u) ** 2 * (b + w) ** 2, (b + u) ** 2 * (a + w) ** 2
    return [
        # real nu in [-a, w): the multiplier (a + nu)/(a + w) is not negative and grows with a
        Sentence((b > a, a + u >= 0, u < w), weak < strong),
        # nu <= -b: the multiplier is negative and its modulus shrinks, so that a stronger residual
        # path speeds up convergence
        Sentence((b > a, a + w > 0, b + u <= 0), weak > strong),
    ]


def _derivative():
    a, w, u, v = sp.symbols("a w u v")
    square = ((a + u) ** 2 + v**2) / (a + w) ** 2
    return [Equation(sp.diff(square, a), 2 * ((a + u) * (w - u) - v**2) / (a + w) ** 3)]


def _law():
    a, sigma, w, beta = sp.symbols("a sigma w beta", positive=True)
    rho = formula("mean_field_rho")
    # the law of N6 is the image of the circle |nu| = sigma, at w^2 = sigma^2 + beta^2
    expression = rho(a, sigma, beta).subs(sp.sqrt(sigma**2 + beta**2), w)
    return [Equation(expression, (a + sigma) / (a + w))]


_STEPS = (
    identity(
        "same_fixed_points",
        "|h| = R and g(h, e) = w h with a + w > 0: N(a h + g) = h; conversely a fixed point has g ="
        " w h with w = s - a, s > 0",
        "every d",
        _fixed_points,
        ("gain_one", "eps_zero", "outward", "one_norm"),
    ),
    identity(
        "tangent_jacobian",
        "on h^perp J_a = (a + P Dg P)/(a + w), P the projector on h^perp",
        "every d",
        _tangent_jacobian,
        ("same_fixed_points", "one_scale"),
    ),
    identity(
        "spectrum",
        "P Dg P v = nu v gives J_a v = (a + nu)/(a + w) v, for complex nu as well: the spectrum of"
        " J_a is (a + nu)/(a + w)",
        "every d",
        _spectrum,
        ("tangent_jacobian",),
    ),
    identity(
        "explicit_jacobian",
        "the same from the entries of DN(z), z = (a + w) h; characteristic polynomials agree:"
        " spectrum (a + nu)/(a + w)",
        "d in {2, 3}",
        _explicit,
        ("tangent_jacobian",),
    ),
    identity(
        "same_sensitivity",
        "(a + w)(I - J_a) = w - P Dg P: S = (w - P Dg P)^{-1} P D_e g solves S = J_a S + K_a for"
        " every a",
        "every d",
        _sensitivity,
        ("tangent_jacobian",),
    ),
    decided(
        "monotone_stability",
        "a + w > 0, a' > a: |a + nu| < a + w implies |a' + nu| < a' + w, for every complex nu",
        "every d",
        _monotone,
        ("spectrum", "outward"),
    ),
    decided(
        "large_residual",
        "stable iff 2a(w - Re nu) > |nu|^2 - w^2; so a -> infinity leaves exactly Re nu < w",
        "every d",
        _large,
        ("monotone_stability", "left_of_scale"),
    ),
    identity(
        "speed_derivative",
        "d|m|^2/da = 2((a + Re nu)(w - Re nu) - (Im nu)^2)/(a + w)^3 for m = (a + nu)/(a + w)",
        "every d",
        _derivative,
    ),
    decided(
        "speed",
        "convergence along nu slows with a for real 0 <= nu < w, and gets faster while a <= -nu for"
        " real nu < 0",
        "every d",
        _speed,
        ("speed_derivative",),
    ),
    identity(
        "mean_field",
        "the mean-field law is this map at |nu| = sigma, w^2 = sigma^2 + beta^2",
        "every d",
        _law,
    ),
    identity(
        "several_tokens",
        "tokens of scales w_i, W = diag(w_i): J_a = I - (a + W)^{-1}(W - P Dg P), so S still does"
        " not depend on a, but spec J_a is no function of spec(P Dg P) alone",
        "every d, every L",
        _tokens,
        ("same_fixed_points",),
    ),
    identity(
        "two_tokens",
        "d = 2, w = (1, 4), P Dg P = [[-1, -7], [1, 7]]: I - J_a has trace (5 - a)/((a+1)(a+4)) and"
        " determinant 1/((a+1)(a+4))",
        "d = 2, L = 2",
        lambda: _two_tokens()[0],
        ("several_tokens",),
    ),
    decided(
        "two_tokens_lose_stability",
        "that fixed point is stable iff a < 4 (a >= 0): with unequal scales a larger residual"
        " strength can destabilise",
        "d = 2, L = 2",
        lambda: _two_tokens()[1],
        ("two_tokens",),
    ),
)

M1 = Claim(
    id="M1",
    title="Residual-strength lemma",
    source="extension",
    statement=(
        "Let f_a(h) = N(a h + g(h, e)), gamma = 1, eps = 0. The points |h| = R with g(h, e) = w h"
        " are fixed for every a with a + w > 0. Their sensitivity S does not depend on a. With one"
        " token, or tokens of equal w, J_a has on h^perp the spectrum (a + nu)/(a + w), nu in"
        " spec(P Dg P). For one token, or tokens of equal w, stable at a implies stable at every"
        " a' > a. If moreover Re nu < w for every nu, it is stable for every large a. For tokens"
        " of unequal w, J_a = I - (a + W)^{-1}(W - P Dg P), and a larger a can destabilise."
    ),
    assumptions=(
        Assumption("gain_one", "gamma = 1"),
        Assumption("eps_zero", "eps = 0"),
        Assumption("outward", "a + w > 0 (s > 0 at the smaller a); w > 0 is the case a = 0"),
        Assumption(
            "one_scale",
            "one token, or several with the same w at the fixed point (spectrum and stability)",
        ),
        Assumption(
            "one_norm", "one sub-block in each loop, whose result goes through one outer norm"
        ),
        Assumption("left_of_scale", "Re nu < w for every nu (stability for large a)"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        (
            "The residual path a h is that of recall none or internal. With external recall the"
            " path carries the mix W_x h + W_e e + b, so that the lemma says nothing of it; nor"
            " does it of two norms in each loop, trained gains, or eps > 0."
        ),
        (
            "w > 0 is sufficient, not necessary: a + w > 0 at the smaller a is what the implication"
            " needs."
        ),
        (
            "'A residual path slows convergence' is too wide: it does for real 0 <= nu < w and for"
            " all nu as a -> infinity, but for real nu < 0 a residual strength up to -nu speeds"
            " convergence up (w = 2, nu = -1: multiplier -1/2 at a = 0, 0 at a = 1)."
        ),
        (
            "'A residual path can only help stability' holds for one token (or equal scales) only:"
            " two tokens at d = 2 with w = (1, 4) and P Dg P = [[-1, -7], [1, 7]] are stable for 0"
            " <= a < 4 and unstable for a > 4. With gains or eps > 0 the fixed points themselves"
            " move."
        ),
    ),
    latex=(
        r"$f_a(h)=N(ah+g(h,e))$, $\gamma=1$, $\varepsilon=0$. If $|h|=R$, $g(h,e)=wh$ and $a+w>0$,"
        r" then $f_a(h)=h$; every fixed point is of this form. On $h^\perp$, with"
        r" $P=I-hh^\top/R^2$: \[J_a=\frac{a+P\,D_hg\,P}{a+w},\qquad"
        r"\operatorname{spec}J_a=\Bigl\{\frac{a+\nu}{a+w}:"
        r"\nu\in\operatorname{spec}(P\,D_hg\,P)\Bigr\},\qquad"
        r" S=(w-P\,D_hg\,P)^{-1}P\,D_eg,\] so $S$ does not depend on $a$, $\rho(J_a)<1$ implies"
        r" $\rho(J_{a'})<1$ for every $a'>a$, and $\rho(J_a)<1$ for all large $a$ iff"
        r" $\operatorname{Re}\nu<w$ for every $\nu$. For several tokens with scales"
        r" $W=\operatorname{diag}(w_i)$, $J_a=I-(a+W)^{-1}(W-P\,D_hg\,P)$; $S$ is still independent"
        r" of $a$, but stability need not be monotone in $a$ unless all $w_i$ are equal."
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "helped by the residual",
            "A fixed point that is stable without the residual path (or with a weaker one) stays"
            " stable with it.",
            frozenset({Recall.NONE, Recall.INTERNAL}),
            True,
            frozenset({Residual.ADD}),
            frozenset({Regime.CONTRACTIVE}),
            "one norm in each loop, one token or equal scales; gain 1, eps = 0",
        ),
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "same for every residual",
            "The sensitivity of the limit does not depend on the residual strength.",
            frozenset({Recall.INTERNAL}),
            True,
            frozenset({Residual.ADD}),
            frozenset({Regime.CONTRACTIVE}),
            "one norm in each loop; gain 1, eps = 0",
        ),
    ),
)
