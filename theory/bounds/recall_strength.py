"""L2: strong recall makes the whole post-norm block of attention and MLP contract."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.algebra import Equation, Words, letters
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, both, cited, decided, deduced, identity
from .norms import norm_steps
from .slopes import ACTIVATION_STEPS, HOMOGENEOUS_STEPS
from .softmax import SOFTMAX_STEPS, head_steps
from .strength_predicates import CONTRACTION, FALSIFIERS, MONOTONE, PREDICATES


def _scaled():
    tau, eps, d, s, zz = sp.symbols("tau epsilon d s x", positive=True)
    w, h, c, b, v = letters("W h c b V")
    mixed = c + (w * h + b) / tau
    return [
        # s(tau z)^2 with eps is tau^2 s(z)^2 with eps/tau^2
        Equation(tau**2 * zz / d + eps, tau**2 * (zz / d + eps / tau**2)),
        Equation(tau * s / (tau * s), sp.Integer(1)),
        Words(w * h + tau * c + b, tau * mixed),
        Words(v * (tau * mixed), tau * (v * mixed)),
        Words(h + tau * v, tau * (h / tau + v)),
    ]


def _at_least():
    limit, moved, tau, size, step = sp.symbols("alpha m tau x s")
    floor = formula("recalled_floor")(limit, moved, tau)
    given = (tau > 0, size >= limit - step, step * tau <= moved)
    return [Sentence(given, size * tau >= sp.expand(floor * tau))]


def _limit_distance():
    # directions: lifted vectors differ by (m + e)/tau at most, e = sqrt(d eps), and N_0 has g
    # sqrt(d)/r on norms of r and more; then the head between the two points
    moved, lift, tau, step, wide, square = sp.symbols("m e tau s w q")
    values, size, gain_q, gain_k, out = sp.symbols("a V g_q g_k o")
    moved_v, q, k, moved_q, moved_k = sp.symbols("m_v x y m_q m_k")
    bound = formula("head_lipschitz")(moved_v, size, gain_q, gain_k, moved_q, moved_k, 1)
    lifted = (moved >= 0, lift >= 0, tau > 0, step >= 0, wide >= 0, step * tau <= moved)
    nonnegative = (size >= 0, gain_q >= 0, gain_k >= 0, tau > 0)
    parts = ((values, moved_v), (q, moved_q), (k, moved_k))
    return [
        Sentence(
            (*lifted, sp.Eq(square * tau**2, lift**2), wide**2 <= step**2 + square),
            wide * tau <= moved + lift,
        ),
        Sentence(
            (
                *nonnegative,
                *(part * tau <= most for part, most in parts),
                out <= values + size * (gain_k * q + gain_q * k),
            ),
            out * tau <= bound,
        ),
    ]


def _external():
    # x moves by |W_x|/tau per unit of the state; sum by 1 + l_a; norm by n; second sub-block by k
    mix, tau, slope, norm, second, delta = sp.symbols("w tau l n k x")
    moved, total, middle, out = sp.symbols("a b c y")
    given = (
        *(symbol >= 0 for symbol in (slope, norm, second)),
        tau > 0,
        moved * tau <= mix * delta,
        total <= (1 + slope) * moved,
        middle <= norm * total,
        out <= second * middle,
    )
    # before the second norm: y is within a of N_0(c + a_i), so y + m(y) is within (1 + l_m) a
    limit, away, gap, size = sp.symbols("alpha d g s")
    return [
        Sentence(given, out * tau <= mix * (1 + slope) * norm * second * delta),
        Sentence(
            (slope >= 0, gap <= away, size >= limit - (1 + slope) * gap),
            size >= limit - (1 + slope) * away,
        ),
    ]


def _internal():
    # one sub-block: N at h/tau + a(c + (W_x h + b)/tau), through its floor or through eps
    mix, tau, slope, norm, delta = sp.symbols("w tau l n x")
    moved, read, total, out, rough = sp.symbols("a b c y e")
    given = (
        tau > 0,
        moved * tau <= delta,
        read * tau <= slope * mix * delta,
        total <= moved + read,
    )
    return [
        Sentence(
            (*given, norm >= 0, out <= norm * total), out * tau <= (1 + mix * slope) * norm * delta
        ),
        # with eps/tau^2 the constant of the norm is tau e: the factor 1/tau is used up
        Sentence(
            (*given, rough >= 0, out <= tau * rough * total),
            out <= (1 + mix * slope) * rough * delta,
        ),
    ]


def _one_of(x: Any, *values: Any) -> Any:
    """x is one of two values."""
    equal: Any = sp.Eq
    first, second = (equal(x, value) for value in values)
    return sp.Or(first, second)


def _factors():
    # every factor is made of alpha - m/tau, V + m/tau, 1/tau, sums, products and quotients
    tau, later, limit, moved, a, b = sp.symbols("tau sigma alpha m a b")
    low, high, c, e, p, q = sp.symbols("l h c e p q")
    order = (tau > 0, later >= tau, moved >= 0)
    return [
        Sentence((*order, sp.Eq(a * tau, moved), sp.Eq(b * later, moved)), b <= a),
        Sentence((low > 0, high >= low, sp.Eq(a * low, 1), sp.Eq(b * high, 1)), b <= a),
        Sentence((b <= a, b >= 0, e <= c, e >= 0), both(b * e <= a * c, b + e <= a + c)),
        Sentence((b <= a,), limit - b >= limit - a),
        # the smaller of two terms, and the positive part
        Sentence((b <= a, e <= c, p <= b, p <= e, _one_of(q, a, c)), p <= q),
        Sentence((high >= low, q >= 0, q >= high, _one_of(p, 0, low)), p <= q),
    ]


def _monotone():
    first, later, start, tau, p = sp.symbols("k_1 k tau_1 tau p")
    given = (tau > 0, later * tau <= start * first)
    return [
        Sentence((later <= first, first < 1), later < 1),
        Sentence((*given, tau > start * first), later < 1),
        # for every p > 0: kappa < p from tau = start first/p on, so kappa tends to 0
        Sentence((*given, tau * p > start * first), later < p),
    ]


def _threshold():
    start = sp.Symbol("tau_1", positive=True)
    threshold = formula("recall_threshold")
    return [
        Equation(threshold(start, 3).subs(start, 2), sp.Integer(6)),
        Equation(threshold(start, sp.Rational(1, 3)).subs(start, 2), sp.Integer(2)),
    ]


def _degenerate():
    # external: W_o W_v = -diag(1, 0), c = (1, 0), one token; then no recall in z + a(z)
    tau, x, y = sp.symbols("tau x y")
    z = sp.Matrix([x + tau, y])
    total = z + sp.diag(-1, 0) * z
    return [Equation(total[0], sp.Integer(0)), Equation(total[1], y)]


_STEPS = (
    *SOFTMAX_STEPS,
    *ACTIVATION_STEPS,
    *HOMOGENEOUS_STEPS,
    identity(
        "scaled",
        "N_eps(tau z) = N_(eps/tau^2)(z); W_x h + tau c + b = tau (c + (W_x h + b)/tau), and values"
        " are linear: with x = c + (W_x h + b)/tau, external: N(x + a(x)), internal: N(h/tau +"
        " a(x)), where a has the biases over tau and eps/tau^2",
        "every d, every L",
        _scaled,
    ),
    decided(
        "at_least",
        "what is within m/tau of a limit of norm alpha has the norm alpha - m/tau at least:"
        " queries and keys before their norm, the sums before the outer norm",
        "every d",
        _at_least,
        ("scaled", "directions", "states"),
    ),
    *norm_steps("at_least"),
    *head_steps("norm_bound"),
    decided(
        "limit_distance",
        "attention at x is within D/tau of its limit at c: lifted queries and keys differ by (m +"
        " sqrt(d eps))/tau, values by m_v/tau, the head passes both on",
        "every d, every L",
        _limit_distance,
        ("at_least", "norm_bound", "scores", "covariance", "heads", "scaled"),
    ),
    decided(
        "external",
        "external recall: kappa(tau) = (|W_x|/tau) (1 + l_a) (g sqrt(d)/r) k_2, r = alpha - (m +"
        " D)/tau, k_2 the constant of the MLP and its norm near N_0(c + a)",
        "every d, every L",
        _external,
        ("scaled", "limit_distance", "norm_bound", "limit", "heads", "slopes"),
    ),
    decided(
        "internal",
        "internal recall: each sub-block has the constant (1 + |W_x| l_u) times the smaller of g"
        " sqrt(d)/(tau r) and g/sqrt(eps), r = alpha - (H + D)/tau; the MLP is nearly homogeneous",
        "every d, every L",
        _internal,
        ("scaled", "limit_distance", "norm_bound", "limit", "nearly_homogeneous", "homogeneous"),
    ),
    decided(
        "factors",
        "every factor does not increase with tau: m/tau falls, so alpha - m/tau grows and its"
        " inverse falls; sums, products and the smaller of such terms fall",
        "no size",
        _factors,
        ("external", "internal"),
    ),
    decided(
        "monotone",
        "where one factor is (1/tau) x something that does not increase, kappa(tau) <= tau_1"
        " kappa(tau_1)/tau, which tends to 0 and is below 1 from max(tau_1, tau_1 kappa(tau_1)) on",
        "no size",
        _monotone,
        ("factors", "beyond"),
    ),
    identity(
        "threshold",
        "the registered threshold is max(tau_1, tau_1 kappa(tau_1)), at two points",
        "no size",
        _threshold,
        ("monotone",),
    ),
    deduced(
        "complete",
        "the states with |h_i| <= H are closed in the space of all states, and the step maps them"
        " into themselves, as |N(z)| <= g sqrt(d) = H",
        "every d, every L",
        ("states",),
    ),
    cited(
        "one_fixed_point",
        "banach",
        "kappa(tau) < 1: one fixed point, reached from every state at rate kappa(tau)",
        "every d, every L",
        {
            "complete": ("complete",),
            "self_map": ("complete",),
            "contraction": ("external", "internal", "monotone"),
        },
    ),
    identity(
        "degenerate",
        "a limit that vanishes: one token, c = (1, 0), W_o W_v = -diag(1, 0) gives z + a(z) = (0,"
        " (W_x h)_2) for every tau, so that no strength makes N(z + a(z)) contract",
        "d = 2",
        _degenerate,
    ),
)

L2 = Claim(
    id="L2",
    title="Strong recall makes the whole block contract",
    source="extension",
    statement=(
        "A post-norm block of attention with QK-norm and an MLP, recall x -> W_x x + tau W_e e + b,"
        " tokens c_i = W_e e_i, H = g sqrt(d) with the largest gain g of the outer norm."
        f" {CONTRACTION} {MONOTONE} kappa(tau) tends to 0 like 1/tau for external recall if no c_i"
        " + a_i vanishes, where a is the attention to the tokens c with normalised queries and keys"
        " and without biases; for internal recall if no a_i or no W_2 ReLU(W_1 c_i) vanishes (eps >"
        " 0), and like 1/tau^2 if neither does. Where kappa(tau) < 1 there is one fixed point, and"
        " every orbit that starts in the state space reaches it at the rate kappa(tau). Where a"
        " limit vanishes it can happen that no strength of the recall is enough."
    ),
    assumptions=(
        Assumption("probabilities", "attention weights: p_j >= 0 and Sum_j p_j = 1"),
        Assumption("qk_norm", "queries and keys of every head pass RMSNorm"),
        Assumption("weights", "n_q, n_k, n_v, ... bound the 2-norms of the weights"),
        Assumption("values", "|v_j| <= V for the values between the two points compared"),
        Assumption("visible", "at most n queries see each key (2-norm over all tokens only)"),
        Assumption("directions", "alpha_q <= |W_q c_i| and alpha_k <= |W_k c_i| for every token"),
        Assumption(
            "limit",
            "alpha <= |c_i + a_i| (external), alpha_1 <= |a_i| and alpha_2 <= |W_2 ReLU(W_1 c_i)|"
            " (internal) for every token",
        ),
        Assumption("states", "|h_i| <= H for every token, which holds after one iteration"),
        Assumption("homogeneous", "internal recall: the activation of the MLP is ReLU or GELU"),
        Assumption("beyond", "tau >= tau_0"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        "Where a query or a key of some head has no part in the recall (W_q c_i = 0), its direction"
        " comes from the state alone for every tau, and values of size tau are chosen by it.",
        "The constants multiply worst cases: tau_0 is an upper bound, and the loops of trained"
        " networks settle at far weaker recall.",
    ),
    latex=(
        r"Let the recall mix of a post-norm block be $x\mapsto W_xx+\tau c+b$, $c_i=W_ee_i$, and"
        r" $|h_i|\le H=\|\gamma\|_\infty\sqrt d$. Write $a_i$ for attention at the tokens $c$"
        r" without biases and with $\varepsilon=0$ in the norms of queries and keys, and suppose"
        r" $|W_qc_i|\ge\alpha_q>0$, $|W_kc_i|\ge\alpha_k>0$ in every head. There are explicit"
        r" constants such that, in the norm $\max_i|h_i|$ and with"
        r" $\Lambda_q=g_q\sqrt{d_h}/(\alpha_q-\beta_q/\tau)$, $V=\nu+\beta_v/\tau$,"
        r" \[\ell_a=\|W_o\|\Bigl(\sum_h\bigl(\|W_v\|+V(g_k\Lambda_q\|W_q\|+g_q\Lambda_k\|W_k\|)"
        r"\bigr)^2\Bigr)^{1/2},\] external recall has \[\kappa(\tau)=\frac{\|W_x\|}{\tau}(1+\ell_a)"
        r"\,\frac{g\sqrt d}{\alpha-m/\tau}\,\kappa_2,\qquad\alpha=\min_i|c_i+a_i|,\] and internal"
        r" recall the product over both sub-blocks of $(1+\|W_x\|\ell_u)\min\bigl(\frac{g\sqrt d}"
        r"{\tau\alpha-m},\frac{g}{\sqrt\varepsilon}\bigr)$ with $\alpha=\min_i|a_i|$ and"
        r" $\alpha=\min_i|W_2\operatorname{ReLU}(W_1c_i)|$. $\kappa$ does not increase, and"
        r" $\kappa(\tau)\le\tau_1\kappa(\tau_1)/\tau$ for $\tau\ge\tau_1$ if one such $\alpha>0$;"
        r" so the loop contracts for $\tau>\max(\tau_1,\tau_1\kappa(\tau_1))$. For"
        r" $W_oW_v=-\operatorname{diag}(1,0)$, one token and $c=(1,0)$ the limit $c+a$ vanishes and"
        r" $z+a(z)=(0,(W_xh)_2)$ for every $\tau$."
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "yes, if recall is strong",
            "One fixed point, reached from every state, once the recall is stronger than tau_0.",
            frozenset({Recall.EXTERNAL, Recall.INTERNAL}),
            True,
            frozenset({Residual.ADD}),
            frozenset({Regime.CONTRACTIVE}),
            "post-norm, QK-norm, tau > tau_0 from the weights; the limit update does not vanish",
        ),
    ),
)
