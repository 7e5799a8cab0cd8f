"""Claim N5: under a uniform contraction, backpropagation through the loop is well behaved.

The gradient is bounded, forgets its start, and may be truncated.
"""

from __future__ import annotations

import random

import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, decided, deduced, identity
from .falsifiers.gradients import FALSIFIERS, PREDICATES

J, F, X, Y = letters("J F X Y")
"""D_h f and D_theta f at h_t, the gradient dh_t/dtheta, and that of a loop cut off before"""
START, ROW = letters("G_0 r")
"""G_0 = dh_0/dtheta, and the derivative r of the loss by h_{t+1}, a row"""


def _jacobian_norm():
    # on a curve c of states with c'(0) = v, for t small enough: |f(c(t)) - f(c(0))|/t = q is within
    # delta of x = |D_h f v|, and |c(t) - c(0)|/t = p within delta of n = |v|; if x > kappa n, take
    # the delta below
    kappa, x, n, q, p, delta = sp.symbols("k x n q p delta")
    near = (x <= q + delta, p <= n + delta, q <= kappa * p)
    chosen = sp.Eq(2 * (1 + kappa) * delta, x - kappa * n)
    return [Sentence((kappa >= 0, *near, chosen), x <= kappa * n)]


def _unrolled():
    power, total = letters("Pi Sigma")
    # dh_t/dtheta = Sigma + Pi G_0 becomes J (Sigma + Pi G_0) + F = (J Sigma + F) + (J Pi) G_0; one
    # loop has Sigma = F and Pi = J
    return [
        Words(J * START + F, F + J * START),
        Words(J * (total + power * START) + F, (J * total + F) + (J * power) * START),
    ]


def _reverse():
    # r_{t+1} dh_{t+1}/dtheta = r_{t+1} F_t + r_t dh_t/dtheta with r_t = r_{t+1} J_t: the terms
    # summed so far and the rest keep their total, the derivative of the loss, for every t
    return [Words(ROW * (J * X + F), ROW * F + (ROW * J) * X)]


def _tangent_model(rng: random.Random, size: int):
    p, n = letters("P N")
    basis = random_matrix(rng, size)
    projector = basis * diagonal([1] * (size - 1) + [0]) * basis.inv()
    return {p: projector, n: projector * random_matrix(rng, size)}


def _tangent():
    p, n, d, gradient, direct = letters("P N D X B")  # J_t = N D, F_t = N B with N = DN(z_t) = P N
    total = n * d * gradient + n * direct
    return [Words(p * total, total, (((p, n), n),), _tangent_model)]


def _recursion_bound():
    kappa, power, top, start, x, y = sp.symbols("q p m a x y")
    # power = kappa^t, y = |dh_{t+1}/dtheta|, and
    # x = |dh_t/dtheta| <= top (1 - power)/(1 - kappa) + power start
    given = (kappa >= 0, kappa < 1, y <= kappa * x + top)
    before = (1 - kappa) * x <= top * (1 - power) + (1 - kappa) * power * start
    after = (1 - kappa) * y <= top * (1 - kappa * power) + (1 - kappa) * kappa * power * start
    weaker = (1 - kappa) * x <= top + (1 - kappa) * power * start
    return [
        Sentence((kappa < 1, sp.Eq(power, 1), x <= start), before),
        Sentence((*given, before), after),
        # the weaker bound, without kappa^T
        Sentence((top >= 0, power >= 0, before), weaker),
    ]


def _tail():
    # the cut gradient Y starts from 0 at h_{T-k}: the difference X - Y starts from dh_{T-k}/dtheta
    return [Words((J * X + F) - F, J * X), Words((J * X + F) - (J * Y + F), J * (X - Y))]


def _tail_bound():
    kappa, cut, rest, top, start, x, y = sp.symbols("q c p m a x y")
    # cut = kappa^k, rest = kappa^{T-k}, x = |dh_{T-k}/dtheta|, y = |error| <= cut x
    bounded = (1 - kappa) * x <= top * (1 - rest) + (1 - kappa) * rest * start
    given = (kappa < 1, cut >= 0, y <= cut * x, bounded)
    error = (1 - kappa) * y <= top * (cut - cut * rest) + (1 - kappa) * cut * rest * start
    weaker = (1 - kappa) * y <= cut * top + (1 - kappa) * cut * rest * start
    return [Sentence(given, error), Sentence((*given, top >= 0, rest >= 0), weaker)]


def _attained():
    """Both bounds are equalities for h' = kappa h + top theta with dh_0/dtheta = start.

    There dh_{T+1}/dtheta = kappa dh_T/dtheta + top, and the last k + 1 loops have the term
    kappa^k top more than the last k.
    """
    kappa, top, start, loops, cut = sp.symbols("kappa m a T k", positive=True)
    p, c = sp.symbols("p c", positive=True)

    def named(value: sp.Expr) -> sp.Expr:
        # kappa^T and kappa^k are named, so that the equation is between rational functions
        return sp.expand(value, power_exp=True).subs({kappa**loops: p, kappa**cut: c})

    def bound(at: sp.Expr) -> sp.Expr:
        return named(formula("gradient_bound")(kappa, at, top, start))

    def error(kept: sp.Expr) -> sp.Expr:
        return named(formula("truncation_bound")(kappa, kept, loops, top, start))

    return [
        Equation(bound(sp.Integer(0)), start),
        Equation(bound(loops + 1), kappa * bound(loops) + top),
        Equation(error(sp.Integer(0)), bound(loops)),
        Equation(error(cut) - error(cut + 1), c * top),
    ]


def _limit_recursion():
    jacobian, limit, direct, direct_limit, gradient, solution = letters("J J_* F F_* X S")
    # S = J_* S + F_* and X' = J X + F
    error = jacobian * gradient + direct - (limit * solution + direct_limit)
    shrunk, moved = jacobian * (gradient - solution), (jacobian - limit) * solution
    return [Words(error, shrunk + moved + (direct - direct_limit))]


def _limit_bound():
    kappa, power, t, start, c, x, y = sp.symbols("q p t a c x y")
    # power = kappa^{t-1}: x <= kappa^t start + c t kappa^{t-1} and y <= kappa x + c kappa^t
    before = x <= kappa * power * start + c * t * power
    first = (sp.Eq(power, 1), sp.Eq(t, 1), x <= kappa * start + c)
    after = y <= kappa**2 * power * start + c * (t + 1) * kappa * power
    return [
        Sentence(first, before),
        Sentence((kappa >= 0, before, y <= kappa * x + c * kappa * power), after),
    ]


def _first_loop():
    kappa, power, factor, x, y = sp.symbols("q p C x y")
    # x = |dh_t/dh_0| <= kappa^{t-1} C with C = |D_h f| at h_0; C = kappa for h_0 on the sphere
    before = x <= power * factor
    return [
        Sentence((sp.Eq(power, 1), x <= factor), before),
        Sentence((kappa >= 0, before, y <= kappa * x), y <= kappa * power * factor),
    ]


def _parameter_slope():
    top, slope, size, radius, r, x = sp.symbols("m g z R r x")
    # |DN(z)| = R/|z| at eps = 0 (N1), |z| >= r, |D_theta G| <= slope
    constants = (r > 0, radius > 0, slope >= 0, sp.Eq(top * r, radius * slope))
    return [Sentence((*constants, size >= r, x * size <= radius * slope), x <= top)]


_STEPS = (
    decided(
        "jacobian_norm",
        "a kappa-Lipschitz map of the state space has |D_h f v| <= kappa |v| for every tangent"
        " vector v of it (the norm is that of N3)",
        "every d, every L",
        _jacobian_norm,
        ("uniform", "differentiable"),
    ),
    identity(
        "tangent",
        "N = P N for the projector P on the tangent space at h_{t+1}: J_t X + F_t stays in its"
        " range, so only tangential norms count",
        "every d, every L, every t",
        _tangent,
        ("on_sphere",),
    ),
    identity(
        "unrolled",
        "dh_{t+1}/dtheta = J_t dh_t/dtheta + F_t unrolls to Sum_j J_{T-1} ... J_{j+1} F_j + J_{T-1}"
        " ... J_0 dh_0/dtheta",
        "every d, every T by induction",
        _unrolled,
    ),
    identity(
        "reverse_mode",
        "backpropagation (r_T = loss'(h_T), r_t = r_{t+1} J_t) sums the same terms: Sum r_{t+1} F_t"
        " + r_0 dh_0/dtheta",
        "every d, every T by induction",
        _reverse,
        ("unrolled",),
    ),
    decided(
        "bound",
        "|dh_T/dtheta| <= sup|F|(1 - kappa^T)/(1 - kappa) + kappa^T |dh_0/dtheta| <= sup|F|/(1 -"
        " kappa) + kappa^T |dh_0/dtheta|",
        "every d, every T by induction",
        _recursion_bound,
        ("unrolled", "jacobian_norm", "tangent"),
    ),
    decided(
        "start",
        "|dh_T/dh_0| <= kappa^{T-1}|D_h f(h_0)|: kappa^T from the sphere, one other factor for h_0"
        " off it",
        "every d, every T by induction",
        _first_loop,
        ("jacobian_norm", "on_sphere"),
    ),
    identity(
        "tail",
        "the gradient minus its last k terms is J_{T-1} ... J_{T-k} dh_{T-k}/dtheta",
        "every d, every T, every k by induction",
        _tail,
        ("unrolled",),
    ),
    decided(
        "tail_bound",
        "so the last k loops err by <= sup|F|(kappa^k - kappa^T)/(1 - kappa) + kappa^T"
        " |dh_0/dtheta|, at most kappa^k sup|F|/(1 - kappa) if the start does not depend on theta",
        "every d, every k, every T",
        _tail_bound,
        ("tail", "bound", "start_fixed"),
    ),
    identity(
        "attained",
        "h' = kappa h + m theta attains both bounds at every T and k",
        "d = 1, every T by induction, every k by induction",
        _attained,
        ("bound", "tail_bound"),
    ),
    decided(
        "parameter_slope",
        "outer normalisation, eps = 0: |D_theta f| <= (R/r) sup|D_theta G|",
        "every d",
        _parameter_slope,
    ),
    identity(
        "limit_recursion",
        "with S = J_* S + F_* at the fixed point: X' - S = J(X - S) + (J - J_*) S + (F - F_*)",
        "every d",
        _limit_recursion,
    ),
    decided(
        "limit_bound",
        "Lipschitz derivatives, |(J_t - J_*) S + F_t - F_*| <= c kappa^t: |dh_T/dtheta - S| <="
        " kappa^T |dh_0/dtheta - S| + c T kappa^{T-1}",
        "every d, every T by induction",
        _limit_bound,
        ("limit_recursion", "jacobian_norm"),
    ),
    deduced(
        "convergence",
        "so gradients through the loop converge to dh*/dtheta = (I - J_*)^{-1} F_*; with continuous"
        " derivatives only, they do without a rate",
        "every d, every L",
        ("limit_bound", "uniform", "differentiable"),
    ),
)

N5 = Claim(
    id="N5",
    title="Stable backpropagation under a uniform contraction",
    source="paper+extension",
    statement=(
        "Let h_{t+1} = f(h_t, theta) with Lip_h f <= kappa < 1 on the state space (N3) and F ="
        " D_theta f. Then |dh_T/dtheta| <= sup|F| (1 - kappa^T)/(1 - kappa) + kappa^T"
        " |dh_0/dtheta|, with the sup over the states visited. The start is forgotten: |dh_T/dh_0|"
        " <= kappa^T for h_0 in the state space, and kappa^{T-1}|D_h f(h_0)| for h_0 off it. If"
        " dh_0/dtheta = 0, the gradient through the last k loops alone errs by at most kappa^k"
        " sup|F|/(1 - kappa); a trained encoder adds kappa^T |dh_0/dtheta|. The gradient converges"
        " to (I - J_*)^{-1} F_*, within O(T kappa^T) for Lipschitz derivatives."
    ),
    assumptions=(
        Assumption(
            "uniform",
            "Lip_h f <= kappa < 1 on the state space, as N3 gives it; rho(J) < 1 at the fixed point"
            " is not enough",
        ),
        Assumption("differentiable", "f is C^1 in (h, theta) on the states visited"),
        Assumption(
            "on_sphere",
            "h_0 is in the state space, the sphere |h| = R at eps = 0 (otherwise one factor more)",
        ),
        Assumption(
            "start_fixed",
            "dh_0/dtheta = 0: theta is not a parameter of the encoder (truncation bound only)",
        ),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        (
            "The truncation bound kappa^k sup|F|/(1 - kappa) lacked the term kappa^T |dh_0/dtheta|:"
            " h' = h/2 + theta, dh_0/dtheta = 100, T = 2, k = 1 errs by 25.5 > 1."
        ),
        (
            "'With rho < 1 only: C rho^k, C the Kreiss constant' is too wide: J = [[r, 1], [0, r]]"
            " has |J^k| >= k r^{k-1}, so no C serves at the rate rho itself; M5 gives e d K(J/q)"
            " q^k for every q > rho."
        ),
        (
            "Several tokens: kappa is a constant of the max norm over tokens, and the bounds are in"
            " that norm."
        ),
    ),
    latex=(
        r"Let $h_{t+1}=f(h_t,\theta)$ with $\operatorname{Lip}_hf\le\kappa<1$ on the state space,"
        r" $J_t=D_hf(h_t,\theta)$, $F_t=D_\theta f(h_t,\theta)$ and $m=\sup_t|F_t|$. Then"
        r" \[\frac{dh_T}{d\theta}=\sum_{j<T}J_{T-1}\cdots J_{j+1}F_j+J_{T-1}\cdots"
        r" J_0\frac{dh_0}{d\theta},\qquad\Bigl|\frac{dh_T}{d\theta}\Bigr|\le"
        r" m\,\frac{1-\kappa^T}{1-\kappa}+\kappa^T\Bigl|\frac{dh_0}{d\theta}\Bigr|,\]"
        r" $|dh_T/dh_0|\le\kappa^T$ for $h_0$ in the state space ($\kappa^{T-1}|D_hf(h_0,\theta)|$"
        r" otherwise), and the sum cut to its last $k$ terms errs by at most"
        r" $m(\kappa^k-\kappa^T)/(1-\kappa)+\kappa^T|dh_0/d\theta|$, which is at most"
        r" $\kappa^km/(1-\kappa)$ when $dh_0/d\theta=0$. Both bounds are attained. The gradient"
        r" converges to $(I-J_*)^{-1}F_*$; if $D_hf$ and $D_\theta f$ are Lipschitz, within"
        r" $O(T\kappa^T)$."
    ),
    consequences=(
        Consequence(
            Axis.GEOMETRY,
            "yes, if small gain",
            "Gradients through the loop are bounded by sup|D_theta f|/(1 - kappa), converge, and"
            " may be cut to the last k loops at the cost of kappa^k.",
            frozenset(Recall),
            True,
            frozenset({Residual.ADD}),
            frozenset({Regime.CONTRACTIVE}),
            "kappa < 1 (N3)",
        ),
    ),
)
