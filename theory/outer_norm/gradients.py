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
from .falsifiers.gradients import FALSIFIERS

LOOPS = 5
"""most iterations that are written out"""
J, F = letters(f"J:{LOOPS}"), letters(f"F:{LOOPS}")
"""J_t = D_h f and F_t = D_theta f, at h_t"""
START, ROW = letters("G_0 r")
"""G_0 = dh_0/dtheta, and the derivative r of the loss at h_T, a row"""


def _product(first: int, last: int) -> sp.Expr:
    """dh_{last+1}/dh_first = J_last ... J_first; the identity when last < first."""
    return sp.Mul(*J[first : last + 1][::-1])


def _gradient(loops: int, cut: int | None = None) -> sp.Expr:
    """The last `cut` terms of the unrolled derivative dh_T/dtheta, with T = loops.

    Where `cut` is None, all terms, and that of the start.
    """
    kept = range(loops - (cut or loops), loops)
    total = sum((_product(t + 1, loops - 1) * F[t] for t in kept), sp.Integer(0))
    return total + (_product(0, loops - 1) * START if cut is None else 0)


def _unrolled():
    power, total, jacobian, direct = letters("Pi Sigma J F")
    recursion = [Words(J[t] * _gradient(t) + F[t], _gradient(t + 1)) for t in range(1, LOOPS)]
    # induction over t: dh_t/dtheta = Sigma + Pi G_0 becomes J (Sigma + Pi G_0) + F, which is
    # (J Sigma + F) + (J Pi) G_0
    step = Words(
        jacobian * (total + power * START) + direct,
        (jacobian * total + direct) + (jacobian * power) * START,
    )
    return [*recursion, step]


def _reverse():
    """Backpropagation: the gradient of the loss is the sum of all r_{t+1} F_t and r_0 G_0.

    The adjoints are r_T = r and r_t = r_{t+1} J_t.
    """
    equations = []
    for loops in range(1, LOOPS + 1):
        adjoint, total = ROW, sp.Integer(0)
        for t in reversed(range(loops)):
            total += adjoint * F[t]
            adjoint = adjoint * J[t]
        equations.append(Words(total + adjoint * START, ROW * _gradient(loops)))
    return equations


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
        Sentence((*given, before), after),
        # the weaker bound, without kappa^T
        Sentence((top >= 0, power >= 0, before), weaker),
    ]


def _tail():
    equations = []
    for loops in range(2, LOOPS + 1):
        for cut in range(1, loops):
            error = _gradient(loops) - _gradient(loops, cut)
            first = _product(loops - cut, loops - 1)
            equations.append(Words(error, first * _gradient(loops - cut)))
    return equations


def _tail_bound():
    kappa, cut, rest, top, start, x, y = sp.symbols("q c p m a x y")
    # cut = kappa^k, rest = kappa^{T-k}, x = |dh_{T-k}/dtheta|, y = |error| <= cut x
    bounded = (1 - kappa) * x <= top * (1 - rest) + (1 - kappa) * rest * start
    given = (kappa < 1, cut >= 0, y <= cut * x, bounded)
    error = (1 - kappa) * y <= top * (cut - cut * rest) + (1 - kappa) * cut * rest * start
    weaker = (1 - kappa) * y <= cut * top + (1 - kappa) * cut * rest * start
    return [Sentence(given, error), Sentence((*given, top >= 0, rest >= 0), weaker)]


def _attained():
    """Both bounds are equalities for h' = kappa h + top theta with dh_0/dtheta = start."""
    kappa, top, start = sp.symbols("kappa m a", positive=True)
    bound, error = formula("gradient_bound"), formula("truncation_bound")
    equations, gradients = [Equation(bound(kappa, 0, top, start), start)], [start]
    for loops in range(1, LOOPS):
        gradients.append(kappa * gradients[-1] + top)
        equations.append(Equation(bound(kappa, loops, top, start), gradients[-1]))
        for cut in range(1, loops + 1):
            kept = sum((kappa**j * top for j in range(cut)), sp.Integer(0))
            equations.append(Equation(error(kappa, cut, loops, top, start), gradients[-1] - kept))
    return equations


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
    after = y <= kappa**2 * power * start + c * (t + 1) * kappa * power
    return [Sentence((kappa >= 0, before, y <= kappa * x + c * kappa * power), after)]


def _first_loop():
    kappa, power, factor, x, y = sp.symbols("q p C x y")
    # x = |dh_t/dh_0| <= kappa^{t-1} C with C = |D_h f| at h_0; C = kappa for h_0 on the sphere
    return [
        Sentence((kappa >= 0, x <= power * factor, y <= kappa * x), y <= kappa * power * factor)
    ]


def _parameter_slope():
    top, slope, size, radius, r, x = sp.symbols("m g z R r x")
    # |DN(z)| = R/|z| at eps = 0 (N1), |z| >= r, |D_theta G| <= slope
    constants = (r > 0, radius > 0, slope >= 0, sp.Eq(top * r, radius * slope))
    return [Sentence((*constants, size >= r, x * size <= radius * slope), x <= top)]


_STEPS = (
    deduced(
        "jacobian_norm",
        "a kappa-Lipschitz map of the state space has |D_h f v| <= kappa |v| for every tangent"
        " vector v of it (the norm is that of N3)",
        "every d, every L",
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
        "every d, T in {1..5}",
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
        "every d, T in {2..5}",
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
        "d = 1, T in {0..4}, k in {1..4}",
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
        "h_{t+1} = f(h_t, theta) with Lip_h f <= kappa < 1 on the state space (N3), F = D_theta f:"
        " |dh_T/dtheta| <= sup|F|/(1 - kappa) + kappa^T |dh_0/dtheta|, sup over the states visited;"
        " |dh_T/dh_0| <= kappa^T (kappa^{T-1}|D_h f(h_0)| for h_0 off the sphere); the last k loops"
        " alone err by <= kappa^k sup|F|/(1 - kappa), plus kappa^T |dh_0/dtheta| if the encoder is"
        " trained. The gradient converges to (I - J_*)^{-1} F_*, within O(T kappa^T) for Lipschitz"
        " derivatives."
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
