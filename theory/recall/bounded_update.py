"""R2: external recall with a bounded update (pre or peri normalisation).

Below rho(W_x) = 1 every orbit enters an absorbing ball; above it an open set of states escapes.
"""

from __future__ import annotations

import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, both, cited, decided, deduced, identity
from ..kernel.vectors import span
from .escape import ESCAPE_STEPS
from .falsifiers.bounded_update import FALSIFIERS
from .unit_radius import UNIT_RADIUS_STEPS


def _normalised():
    d, eps, s = sp.symbols("d epsilon s", positive=True)
    (z,) = span("z", {("z", "z"): d * (s**2 - eps)})
    n = (1 / s) * z
    return [Equation(d - n.dot(n), d * eps / s**2)]


def _entries():
    x, gate, gain, bound = sp.symbols("x p g G")
    # |v|^2, |w|^2, <v, w>; attention weights a, 1 - a
    v, w, vw, weight, size = sp.symbols("v w c a m")
    mean = weight**2 * v + 2 * weight * (1 - weight) * vw + (1 - weight) ** 2 * w
    return [
        Sentence(
            (sp.Ne(x, 0),), sp.Equivalent((gain * x) ** 2 <= bound**2 * x**2, gain**2 <= bound**2)
        ),
        Sentence((sp.Ne(x, 0), gate >= 0), sp.Equivalent((gate * x) ** 2 <= x**2, gate <= 1)),
        Sentence((weight >= 0, weight <= 1, v <= size, w <= size, 2 * vw <= v + w), mean <= size),
    ]


def _update_bound():
    out, inner, inner_bias, out_bias, size, hidden, update = sp.symbols("o i b c n x y")
    bound = formula("update_bound")(out, inner, inner_bias, out_bias, size)
    chain = ((hidden, inner * size + inner_bias), (update, out * hidden + out_bias))
    return [
        Sentence((out >= 0, *(left <= right for left, right in chain)), update <= bound),
        Sentence(tuple(sp.Eq(left, right) for left, right in chain), sp.Eq(update, bound)),
    ]


def _telescope():
    mu, x0, power, now, after, total = sp.symbols("mu x_0 p x_m x_n S")
    # p = mu^-m, S = Sum_{k<m} mu^-k x_k, T = Sum_{k<m} mu^-k x_{k+1} with x_k = |W^k x|;
    # first m = 1, then m -> m + 1
    claim = mu * (total - x0 + power * now)
    longer = mu * (total + power * now - x0 + (power / mu) * after)
    return [Equation(mu * (x0 - x0 + now / mu), now), Equation(claim + power * after, longer)]


def _adapted():
    mu, x0, last, total, moved = sp.symbols("mu x y S T")  # y = mu^-m |W^m x|
    step = sp.Eq(moved, mu * (total - x0 + last))
    return [Sentence((mu > 0, last <= x0, step), moved <= mu * total)]


def _radii():
    mu, c = sp.symbols("mu C", positive=True)
    inside, outside = formula("absorbing_radius")(mu, c), formula("escape_radius")(mu, c)
    return [Equation(mu * inside + c, inside), Equation(mu * outside - c, outside)]


def _absorbing():
    mu, c, x, y, radius, ball = sp.symbols("mu C x y r b")
    step = (sp.Eq(radius * (1 - mu), c), y <= mu * x + c)
    return [
        Sentence(step, y - radius <= mu * (x - radius)),
        Sentence((*step, mu >= 0, mu < 1, ball >= radius, x <= ball), y <= ball),
    ]


def _sign_flip():
    x, k, m = sp.symbols("x k m", positive=True)  # k = c R, m = |h|
    (h,) = span("h", {("h", "h"): m**2})
    image = x * h - (k / m) * h
    return [Equation(image["h"].subs(m, k / (1 + x)), sp.Integer(-1))]


def _no_fixed_point():
    x, k, m, after, cycle = sp.symbols("x k m q s")
    flipped = (x > 0, x < 1, m > 0, x * m < k, sp.Eq(cycle * (1 + x), k), sp.Eq(after, k - x * m))
    return [
        Sentence((k > 0, m > 0, sp.Eq(x * m - k, m)), x > 1),
        Sentence(flipped, both(after > 0, x * after < k, sp.Eq(after - cycle, -x * (m - cycle)))),
    ]


_STEPS = (
    identity(
        "normalised",
        "d - |N(z)|^2 = d eps/s^2 >= 0 for gain 1: |N(z)| <= R = sqrt(d)",
        "every d",
        _normalised,
        ("normalisation",),
    ),
    decided(
        "entries",
        "a gain multiplies norms by max|gamma| at most; gates 0 <= p <= 1 (ReLU, GELU, SiLU: x"
        " p(x)) do not enlarge entries; attention averages do not exceed the largest value vector",
        "every d, L = 2",
        _entries,
    ),
    decided(
        "update_bound",
        "|W_out|(|W_in| n + |b_in|) + |b_out| bounds the update of an attention (W_o, W_v) or MLP"
        " (W_2, W_1) sub-block; attained",
        "every d, every L",
        _update_bound,
        ("entries", "normalised"),
    ),
    deduced(
        "bounded",
        "h' = W_x h + W_e e + k(h) with |k| <= C per token: C = |b| + the sum of the bounds of the"
        " sub-blocks at n = R max|gamma| (pre), |b| + R Sum max|gamma_out| (peri); tokens in the"
        " max norm, W_x acts on each",
        "every d, every L, every m",
        ("update_bound", "normalised", "entries"),
    ),
    identity(
        "telescoping",
        "x_k = |W^k x|: Sum_{k<m} mu^-k x_{k+1} = mu (Sum_{k<m} mu^-k x_k - x_0 + mu^-m x_m)",
        "every d, every m by induction",
        _telescope,
    ),
    cited(
        "power_bound",
        "gelfand",
        "rho(W_x) < mu: |W_x^m| <= mu^m for some m",
        "every d",
        {"radius": ("contractive",)},
    ),
    decided(
        "adapted_norm",
        "then |x|_* = Sum_{k<m} mu^-k |W_x^k x| is a norm with |W_x x|_* <= mu |x|_*",
        "every d",
        _adapted,
        ("telescoping", "power_bound"),
    ),
    identity(
        "radii",
        "C/(1 - mu) and C/(mu - 1) are the fixed points of r -> mu r + C and r -> mu r - C",
        "no size",
        _radii,
    ),
    decided(
        "absorbing",
        "|h'|_* <= mu |h|_* + C_*, C_* = sup |W_e e + k|_*: the distance to the radius r = C_*/(1 -"
        " mu) shrinks by mu, and every ball of radius >= r is mapped into itself",
        "every d, every L",
        _absorbing,
        ("adapted_norm", "bounded", "radii"),
    ),
    cited(
        "fixed_point",
        "brouwer",
        "rho(W_x) < 1 and eps > 0: a fixed point for every e",
        "every d, every L",
        {
            "convex": ("absorbing", "adapted_norm"),
            "continuous": ("eps_positive",),
            "self_map": ("absorbing",),
        },
    ),
    identity(
        "two_cycle",
        "eps = 0, W_x = x I, u(n) = -(k/R) n, i.e. h' = x h - k h/|h|: h -> -h at |h| = k/(1 + x)",
        "every d",
        _sign_flip,
    ),
    decided(
        "no_fixed_point",
        "there, 0 < x < 1: no state h != 0 is fixed (and a value of norm k at h = 0 is not 0); the"
        " 2-cycle attracts |h| < k/x at rate x",
        "every d",
        _no_fixed_point,
        ("two_cycle",),
    ),
    *ESCAPE_STEPS,
    *UNIT_RADIUS_STEPS,
)

R2 = Claim(
    id="R2",
    title="External recall with a bounded update",
    source="extension",
    statement=(
        "h' = z + U(z), z = W_x h + W_e e + b, U the update of pre or peri sub-blocks: |U| <= C,"
        " explicit. rho(W_x) < 1: every orbit enters an absorbing ball of an adapted norm, and with"
        " eps > 0 there is a fixed point for every e (eps = 0: there may be none). rho(W_x) > 1:"
        " the open forward-invariant set |P g|_* > C_*/(mu - 1), g = h + (W_x - I)^{-1} W_e e,"
        " diverges with (1/t) log|h_t| -> log rho(W_x). rho(W_x) = 1: |h_t| = O(t^k), k the largest"
        " Jordan block on the circle. rho(W_x) = 1 is the threshold of global boundedness, not of"
        " stable fixed points, except for W_x = omega I, one sub-block, eps = 0, where omega is an"
        " eigenvalue of J everywhere."
    ),
    assumptions=(
        Assumption(
            "normalisation",
            "pre or peri, additive residual: every sub-block reads its stream through RMSNorm;"
            " activations x p(x)",
        ),
        Assumption("contractive", "rho(W_x) < 1 (absorbing ball and fixed point)"),
        Assumption("eps_positive", "eps > 0 in every norm of the block (fixed point only)"),
        Assumption("expansive", "rho(W_x) > 1 (divergence)"),
        Assumption("escaping", "|P g_0|_* > C_*/(mu - 1) for some 1 < mu < rho(W_x) (divergence)"),
        Assumption("critical", "rho(W_x) = 1 (polynomial growth)"),
        Assumption("scalar_weight", "W_x = omega I (radial eigenvalue)"),
        Assumption("one_sub_block", "one sub-block per loop (radial eigenvalue)"),
        Assumption("eps_zero", "eps = 0 in the inner norm (radial eigenvalue)"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    notes=(
        (
            "rho(W_x) = 1 was called the threshold whatever the block has learnt: false for fixed"
            " points, W_x = diag(1.05, 0.1) has a stable one."
        ),
        (
            "At eps = 0 the update jumps at z = 0 and Brouwer's theorem does not apply: h' = x h -"
            " k h/|h| has no fixed point."
        ),
        (
            "The radial eigenvalue omega sits at every state, not only at fixed points; with two"
            " sub-blocks it is lost, and a loop with omega > 1 can have a reachable fixed point."
        ),
        (
            "The escape set is stated for g = h + (W_x - I)^{-1} W_e e: its radius then does not"
            " depend on the input."
        ),
    ),
    latex=(
        r"Let $h_{t+1} = z_t + U(z_t)$ with $z_t = W_x h_t + W_e e + b$ and $U$ the total update of"
        r" pre- or peri-normalised "
        r"sub-blocks, so that $|U| \le C$; per sub-block $C ="
        r" \|W_{\mathrm{out}}\|(\|W_{\mathrm{in}}\|\sqrt d\,\|\gamma\|_\infty + "
        r"|b_{\mathrm{in}}|) + |b_{\mathrm{out}}|$ (pre) or $\sqrt"
        r" d\,\|\gamma_{\mathrm{out}}\|_\infty$ (peri). (i) If $\rho(W_x) < \mu < "
        r"1$, there is a norm with $\|W_x\|_* \le \mu$ and $|h_{t+1}|_* - r \le \mu(|h_t|_* - r)$,"
        r" $r = C_*/(1-\mu)$; if moreover "
        r"$\varepsilon > 0$ in every norm, a fixed point exists for every $e$. For $\varepsilon ="
        r" 0$ this fails: $h' = xh - k\,h/|h|$, $0 < "
        r"x < 1$, $k > 0$, has none. (ii) If $1 < \mu < \rho(W_x)$ and $P$ is the spectral"
        r" projector on the eigenvalues of modulus "
        r"$\rho(W_x)$, the set $\{|P(h + (W_x - I)^{-1} W_e e)|_* > C_*/(\mu - 1)\}$ is open and"
        r" forward invariant, and on it $\frac1t "
        r"\log|h_t| \to \log\rho(W_x)$. (iii) If $\rho(W_x) = 1$, then $|h_t| = O(t^k)$ with $k$"
        r" the size of the largest Jordan block on the "
        r"unit circle, and the order is attained. (iv) If $W_x = \omega I$, with one sub-block and"
        r" $\varepsilon = 0$, then $J z = \omega z$ "
        r"at every state. In general $\rho(W_x) > 1$ does not exclude a stable fixed point: $W_x ="
        r" \mathrm{diag}(1.05, 0.1)$, input term "
        r"$(0, 1)$, $u(n) = (-n_1/2, 0)$."
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "bounded",
            "Every orbit enters an absorbing ball that holds a fixed point; whether it is reached"
            " is not decided by rho(W_x).",
            recalls=frozenset({Recall.EXTERNAL}),
            outer_norm=False,
            residuals=frozenset({Residual.ADD}),
            when="rho(W_x) < 1 and eps > 0",
        ),
        Consequence(
            Axis.REACHABILITY,
            "not from afar",
            "An open set of states diverges at the rate log rho(W_x); a stable fixed point may"
            " exist beside it.",
            recalls=frozenset({Recall.EXTERNAL}),
            outer_norm=False,
            residuals=frozenset({Residual.ADD}),
            when="rho(W_x) > 1",
        ),
        Consequence(
            Axis.REACHABILITY,
            "not contractive",
            "omega is an eigenvalue of the loop Jacobian at every fixed point, so none is"
            " contractive.",
            recalls=frozenset({Recall.EXTERNAL}),
            outer_norm=False,
            residuals=frozenset({Residual.ADD}),
            regimes=frozenset({Regime.EXPANSIVE}),
            when="W_x = omega I with |omega| > 1, one sub-block, eps = 0",
        ),
    ),
)
