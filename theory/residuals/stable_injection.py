"""S2: stable injection, h' = A h + B e + R(h, e) with a diagonal A of entries in (0, 1)."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..architecture import Residual
from ..formulas import formula
from ..kernel.algebra import Equation, Words, letters
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, both, cited, decided, deduced, identity
from .falsifiers.stable_injection import FALSIFIERS, PREDICATES


def _coordinate():
    a, h, r, bound, width, new = sp.symbols("a h r C W n")
    given = (a > 0, a < 1, r >= -bound, r <= bound, sp.Eq(width * (1 - a), bound))
    moved = a * h + r
    return [
        Sentence((*given, h >= -width, h <= width), both(moved >= -width, moved <= width)),
        # |h'| - W <= a (|h| - W)
        Sentence(
            (new <= a * h + bound, sp.Eq(width * (1 - a), bound)), new - width <= a * (h - width)
        ),
    ]


def _width():
    a, bound = sp.symbols("a C")
    width = formula("decay_box")(a, bound)
    return [Equation(a * width + bound, width)]


def _absorbed():
    x, y, start, power, a = sp.symbols("x y s p a")
    return [
        Sentence((sp.Eq(x, start), sp.Eq(power, 1)), sp.Eq(x, power * start)),
        Sentence((a >= 0, x <= power * start, y <= a * x), y <= (a * power) * start),
    ]


def _kappa():
    top, slope, far, linear, rest, new = sp.symbols("a L x y r n")
    # y = |A (h - k)| <= max a_i |h - k|
    given = (top > 0, far >= 0, linear <= top * far, rest <= slope * far, new <= linear + rest)
    return [Sentence(given, new <= (top + slope) * far)]


def _diagonal():
    a, top, x = sp.symbols("a A x")
    return [Sentence((a > 0, a <= top), (a * x) ** 2 <= (top * x) ** 2)]


def _sensitivity():
    q, inject, direct = letters("Q B K")  # Q = I - A - D
    found = q**-1 * (inject + direct)
    return [Words((1 - q) * found + inject + direct, found)]


def _not_decided():
    z: Any = sp.Symbol("z")
    decay, update = sp.diag(sp.Rational(9, 10), 0), sp.Matrix([[2, -4], [1, -2]])
    return [
        Equation(update.charpoly(z).as_expr(), z**2),
        Equation(
            (decay + update).charpoly(z).as_expr(),
            z**2 - z * sp.Rational(9, 10) - sp.Rational(9, 5),
        ),
    ]


def _root_beyond_one():
    z, bound = sp.symbols("z N")
    polynomial = z**2 - z * sp.Rational(9, 10) - sp.Rational(9, 5)
    return [
        Sentence((sp.Eq(z, 1), sp.Eq(bound, polynomial)), sp.Eq(bound, -sp.Rational(17, 10))),
        Sentence((sp.Eq(z, 2), sp.Eq(bound, polynomial)), sp.Eq(bound, sp.Rational(2, 5))),
    ]


_STEPS = (
    decided(
        "coordinate",
        "|h_i| <= W and W (1 - a_i) = C_i: |h_i'| <= W; and always |h_i'| - W <= a_i (|h_i| - W)",
        "every d, every L",
        _coordinate,
        ("decays", "bounded"),
    ),
    identity("width", "W = C/(1 - a) solves a W + C = W", "no size", _width),
    decided(
        "absorbed",
        "|h_{t,i}| - W <= a_i^t (|h_{0,i}| - W)",
        "every d, every L, every t by induction",
        _absorbed,
        ("coordinate",),
    ),
    cited(
        "fixed_point",
        "brouwer",
        "f has a fixed point in the box",
        "every d, every L",
        {"convex": ("coordinate",), "continuous": ("continuous",), "self_map": ("coordinate",)},
    ),
    decided(
        "diagonal",
        "|A x|_2 <= max a_i |x|_2: in each coordinate, and the squares add up",
        "every d",
        _diagonal,
        ("decays",),
    ),
    decided(
        "kappa",
        "|f(h) - f(k)| <= (max a_i + L)|h - k|",
        "every d, every L",
        _kappa,
        ("diagonal", "lipschitz"),
    ),
    deduced(
        "complete", "R^n is complete, and f maps it into itself", "every d, every L", ("kappa",)
    ),
    cited(
        "one_fixed_point",
        "banach",
        "one fixed point, reached from every state at the rate max a_i + L",
        "every d, every L",
        {"complete": ("complete",), "self_map": ("complete",), "contraction": ("kappa", "small")},
    ),
    identity(
        "sensitivity",
        "with D = D_h R and K = D_e R: S = (I - A - D)^{-1} (B + K) solves S = (A + D) S + B + K",
        "every d",
        _sensitivity,
        ("differentiable",),
    ),
    identity(
        "not_decided",
        "A = diag(9/10, 0) and D = [[2, -4], [1, -2]]: D has the characteristic polynomial z^2,"
        " A + D has z^2 - 9 z/10 - 9/5",
        "d = 2",
        _not_decided,
    ),
    decided(
        "root_beyond_one",
        "that polynomial is -17/10 at 1 and 2/5 at 2: an eigenvalue of A + D lies between",
        "d = 2",
        _root_beyond_one,
        ("not_decided",),
    ),
)

_DECAY = frozenset({Residual.DECAY})

S2 = Claim(
    id="S2",
    title="Stable injection bounds the state, and no more",
    source="extension",
    statement=(
        "f(h, e) = A h + B e + R(h, e), A diagonal with entries a_i = exp(-Delta_i), Delta_i > 0. "
        + PREDICATES[0].sentence
        + " Every orbit then has |h_{t,i}| - C_i/(1 - a_i) <= a_i^t (|h_{0,i}| - C_i/(1 - a_i)),"
        " and a continuous R leaves a fixed point in the box. "
        + PREDICATES[1].sentence
        + " At a fixed point J = A + D_h R, and S = (I - J)^{-1} (B + D_e R) if 1 is not an"
        " eigenvalue of J. rho(A) < 1 alone gives none of this: with R = h and a = 1/2 every state"
        " but 0 grows by 3/2, and with R = min(1, max(-1, -3 h)) and a = 1/2, which is bounded, the"
        " only fixed point repels and 2/3, -2/3 is a 2-cycle. Not even rho(A) < 1 together with"
        " rho(D_h R) < 1 makes a fixed point attract: A = diag(9/10, 0), D_h R = [[2, -4], [1,"
        " -2]]."
    ),
    assumptions=(
        Assumption("decays", "0 < a_i < 1"),
        Assumption("bounded", "|(B e + R(h, e))_i| <= C_i for every state (the box only)"),
        Assumption("continuous", "R is continuous (existence only)"),
        Assumption("lipschitz", "R has the Lipschitz constant L in h (contraction only)"),
        Assumption("small", "max a_i + L < 1 (contraction only)"),
        Assumption("differentiable", "R is C^1 near the fixed point (sensitivity only)"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        "Pre and peri updates of the residual decay are bounded: they see N(h), so attention and"
        " MLP have a compact set of arguments for each input.",
        "R2 has the same for any W_x with rho(W_x) < 1; a diagonal A makes the box explicit, and no"
        " power of A is large.",
        "That the fixed point attracts where rho(A + D_h R) < 1, with all its consequences, is L1.",
        "Related: H. Prairie et al., Parcae: Scaling Laws for Stable Looped Language Models (arXiv"
        " 2604.12946), with A = exp(Delta A_c) for a negative diagonal A_c. Read through its"
        " abstract and summaries: the instability of other loops is derived there from the linear"
        " part alone, without R.",
    ),
    latex=(
        r"Let $f(h,e)=Ah+Be+R(h,e)$ with $A=\operatorname{diag}(a_i)$,"
        r" $a_i=e^{-\Delta_i}\in(0,1)$. If $|(Be+R)_i|\le C_i$ for all states, then"
        r" \[|h_{t,i}|-\frac{C_i}{1-a_i}\le a_i^t\Bigl(|h_{0,i}|-\frac{C_i}{1-a_i}\Bigr),\] the"
        r" box $|h_i|\le C_i/(1-a_i)$ is mapped into itself, and for continuous $R$ it contains a"
        r" fixed point. If $\operatorname{Lip}_hR\le L$ and $\kappa=\max a_i+L<1$, there is one"
        r" fixed point and $|h_t-h^*|\le\kappa^t|h_0-h^*|$. At a fixed point $J=A+D_hR$ and"
        r" $S=(I-J)^{-1}(B+D_eR)$ if $1\notin\operatorname{spec}J$. $\rho(A)<1$ alone gives"
        r" neither: $a=\frac12$ with $R=h$ grows like $(3/2)^t$; $a=\frac12$ with"
        r" $R=\min(1,\max(-1,-3h))$ has the repelling fixed point $0$ and the 2-cycle"
        r" $\pm\frac23$; and $A=\operatorname{diag}(\frac9{10},0)$,"
        r" $D_hR=\bigl(\begin{smallmatrix}2&-4\\1&-2\end{smallmatrix}\bigr)$ has $\rho(A)<1$,"
        r" $\rho(D_hR)=0$ and $\rho(J)>1$."
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "exists",
            "Each input has a fixed point in an explicit box that attracts all orbits; nothing is"
            " said about its basin.",
            outer_norm=False,
            residuals=_DECAY,
            regimes=frozenset(Regime),
            when="the update is bounded and continuous",
        ),
        Consequence(
            Axis.REACHABILITY,
            "yes, if small gain",
            "One fixed point, reached from every state.",
            outer_norm=False,
            residuals=_DECAY,
            regimes=frozenset({Regime.CONTRACTIVE}),
            when="max a_i + Lip R < 1",
        ),
    ),
)
