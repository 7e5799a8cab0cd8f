"""R2: external recall with a bounded update (pre or peri normalisation).

Below rho(W_x) = 1 every orbit enters an absorbing ball; above it an open set of states escapes.
"""

from __future__ import annotations

import flint
import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.algebra import Equation, fmpq
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Bound, Sentence, both, cited, decided, enclosed, identity
from ..kernel.vectors import span
from .escape import ESCAPE_STEPS
from .falsifiers.bounded_update import FALSIFIERS, PREDICATES
from .unit_radius import UNIT_RADIUS_STEPS


def _normalised():
    d, eps, s = sp.symbols("d epsilon s", positive=True)
    (z,) = span("z", {("z", "z"): d * (s**2 - eps)})
    n = (1 / s) * z
    return [Equation(d - n.dot(n), d * eps / s**2)]


def _entries():
    x, gate, gain, bound = sp.symbols("x p g G")
    # |v|^2, |w|^2, <v, w>; w is an average of L vectors with |.|^2 <= m, v one more such vector
    v, w, vw, weight, size = sp.symbols("v w c a m")
    mean = weight**2 * v + 2 * weight * (1 - weight) * vw + (1 - weight) ** 2 * w
    return [
        Sentence(
            (sp.Ne(x, 0),), sp.Equivalent((gain * x) ** 2 <= bound**2 * x**2, gain**2 <= bound**2)
        ),
        Sentence((sp.Ne(x, 0), gate >= 0), sp.Equivalent((gate * x) ** 2 <= x**2, gate <= 1)),
        Sentence((weight >= 0, weight <= 1, v <= size, w <= size, 2 * vw <= v + w), mean <= size),
    ]


def _heads():
    # y, x: sizes of the outputs of the heads so far and of the next one; P, p (B, b) the norms of
    # their value matrices (biases); r, s the folded norms
    norm, head, bias, shift, size = sp.symbols("P p B b n")
    x, y, r, s, mixed = sp.symbols("x y r s k")
    folded = (
        sp.Eq(r**2, formula("head_norm")(norm, head) ** 2),
        sp.Eq(s**2, formula("head_norm")(bias, shift) ** 2),
    )
    positive = tuple(letter >= 0 for letter in (norm, head, bias, shift, size, x, y, r, s))
    cauchy = (r**2 - norm**2 - head**2, s**2 - bias**2 - shift**2)
    return [
        Sentence(folded, both(*(sp.Eq(gap, 0) for gap in cauchy))),
        Sentence(
            (), (norm * bias + head * shift) ** 2 <= (norm**2 + head**2) * (bias**2 + shift**2)
        ),
        Sentence((r >= 0, s >= 0, mixed**2 <= r**2 * s**2), mixed <= r * s),
        Sentence(
            (*positive[:7], y <= norm * size + bias, x <= head * size + shift),
            y**2 + x**2
            <= (norm**2 + head**2) * size**2
            + 2 * size * (norm * bias + head * shift)
            + bias**2
            + shift**2,
        ),
        Sentence(
            (size >= 0, mixed <= r * s),
            r**2 * size**2 + 2 * size * mixed + s**2 <= (r * size + s) ** 2,
        ),
    ]


def _one_norm_is_too_small():
    # W_v = W_o = I, tokens sqrt(2) e_i, scores +-1: each head puts sigma(2) on its own token
    share = 1 / (1 + (-flint.arb(2)).exp())
    one, two = flint.arb(2).sqrt(), flint.arb(fmpq(formula("head_norm")(1, 1) ** 2)).sqrt()
    return [
        Bound("|u|", 2 * share, "1.7615", "1.7616"),
        Bound("|W_o||W_v| R", one, "1.4142", "1.4143"),
        Bound("update_bound", two * one, "1.9999", "2.0001"),
    ]


def _update_bound():
    out, inner, inner_bias, out_bias, size, hidden, update = sp.symbols("o i b c n x y")
    bound = formula("update_bound")(out, inner, inner_bias, out_bias, size)
    chain = ((hidden, inner * size + inner_bias), (update, out * hidden + out_bias))
    return [
        Sentence((out >= 0, *(left <= right for left, right in chain)), update <= bound),
        Sentence(tuple(sp.Eq(left, right) for left, right in chain), sp.Eq(update, bound)),
    ]


def _bounded():
    # x = |sum of the updates so far| <= S, y = |the next update| <= c, i their inner product
    x, y, inner, total, one, after = sp.symbols("x y i S c z")
    given = (x >= 0, y >= 0, after >= 0, x <= total, y <= one, inner**2 <= x**2 * y**2)
    return [
        Sentence((x >= 0, y >= 0, inner**2 <= x**2 * y**2), inner <= x * y),
        Sentence(
            (*given[:5], inner <= x * y, sp.Eq(after**2, x**2 + 2 * inner + y**2)),
            after <= total + one,
        ),
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
        "A gain multiplies norms by max|gamma| at most. Gates 0 <= p <= 1 (ReLU, GELU, SiLU: x"
        " p(x)) do not enlarge entries. An attention average of L + 1 vectors is an average of one"
        " of them and of an average of L, so it is no longer than the longest.",
        "every d, every L by induction",
        _entries,
    ),
    decided(
        "heads",
        "If the output of the heads so far is at most P n + B and that of one more head at most p"
        " n + b, then together they are at most r n + s, r^2 = P^2 + p^2, s^2 = B^2 + b^2: the"
        " norm of the value matrices of several heads is the root of the sum of their squares.",
        "every d, every heads by induction",
        _heads,
        ("entries",),
    ),
    enclosed(
        "one_norm_is_too_small",
        "Two heads of width 1, W_v = W_o = I, W_q = ((1, 1), (1, 1)), W_k = ((1, -1), (-1, 1)),"
        " tokens (sqrt 2, 0), (0, sqrt 2): |u| = 2 sigma(2) = 1.7616 exceeds |W_o||W_v| R ="
        " sqrt 2, but not the bound with both heads, 2.",
        "d = 2, heads = 2",
        _one_norm_is_too_small,
    ),
    decided(
        "update_bound",
        "|W_out|(|W_in| n + |b_in|) + |b_out| bounds the update of an MLP (W_2, W_1) or attention"
        " (W_o, W_v folded over the heads) sub-block. For an affine update it is attained.",
        "every d, every L",
        _update_bound,
        ("entries", "normalised", "heads"),
    ),
    decided(
        "bounded",
        "|U| <= C, the sum of the bounds of the sub-blocks: one more update of size c adds c at"
        " most. With n = R max|gamma| (pre) or R max|gamma_out| for each sub-block (peri); tokens"
        " in the max norm.",
        "every d, every L, every blocks by induction",
        _bounded,
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
        "|h'|_* <= mu |h|_* + C_*, C_* = sup |c + U|_*: the distance to the radius r = C_*/(1 -"
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
        "Let h' = z + U(z), z = W_x h + c, c = W_e e + b, where U is the total update of pre or"
        " peri sub-blocks. |U| <= C, the sum of the bounds of the sub-blocks. That of a pre"
        " sub-block is |W_out|(|W_in| n + |b_in|) + |b_out|, n = R max|gamma|, where the norm of"
        " the value matrix of attention is the root of the sum of squares over its heads; that of"
        " a peri sub-block is R max|gamma_out|. If rho(W_x) < 1, every orbit enters an absorbing"
        " ball of an adapted norm. If moreover eps > 0, there is a fixed point for every input. At"
        " eps = 0 there may be none. Let P be the spectral projector on the eigenvalues of modulus"
        " rho(W_x), and g = P h + (W_x - I)^{-1} P c, with the inverse on the image of P, where it"
        " exists. If rho(W_x) > 1, the orbit of a start with |P g_0|_* > C_*/(mu - 1) diverges,"
        " with (1/t) log|h_t| -> log rho(W_x). If rho(W_x) = 1, |h_t| = O(t^k), where k is the"
        " size of the largest Jordan block on the unit circle. If W_x = omega I, with one"
        " sub-block and eps = 0, then omega is an eigenvalue of J at every state. In general"
        " rho(W_x) > 1 does not exclude a stable fixed point."
    ),
    assumptions=(
        Assumption(
            "normalisation",
            "pre or peri, additive residual: every sub-block reads its stream through RMSNorm, with"
            " activations x p(x), 0 <= p <= 1",
        ),
        Assumption("contractive", "rho(W_x) < 1 (absorbing ball and fixed point)"),
        Assumption("eps_positive", "eps > 0 in every norm of the block (fixed point only)"),
        Assumption("expansive", "rho(W_x) > 1 (divergence)"),
        Assumption(
            "escaping",
            "|g_0|_* > C_*/(mu - 1) for some 1 < mu < rho(W_x), C_* = sup |P U|_* (divergence)",
        ),
        Assumption("critical", "rho(W_x) = 1 (polynomial growth)"),
        Assumption("scalar_weight", "W_x = omega I (radial eigenvalue)"),
        Assumption("one_sub_block", "one sub-block per loop (radial eigenvalue)"),
        Assumption("eps_zero", "eps = 0 in the inner norm (radial eigenvalue)"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        (
            "The bound of attention was |W_o|(|W_v| n + |b_v|) for any number of heads: with two"
            " heads an update of norm 1.7616 exceeds it, 1.4142."
        ),
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
            "The escape set was stated with (W_x - I)^{-1}, which does not exist for W_x = diag(2,"
            " 1); only the inverse on the image of P is needed, where no eigenvalue is 1. Its"
            " radius does not depend on the input."
        ),
    ),
    latex=(
        r"Let $h_{t+1} = z_t + U(z_t)$ with $z_t = W_x h_t + c$, $c = W_e e + b$, and $U$ the"
        r" total update of pre- or peri-normalised sub-blocks, so that $|U| \le C$; per sub-block"
        r" $C = \|W_{\mathrm{out}}\|(w\sqrt d\,\|\gamma\|_\infty + |b_{\mathrm{in}}|) +"
        r" |b_{\mathrm{out}}|$ (pre), where $w = \|W_{\mathrm{in}}\|$ in an MLP and $w = (\sum_h"
        r" \|W_{v,h}\|^2)^{1/2}$ over the heads of attention, or $\sqrt"
        r" d\,\|\gamma_{\mathrm{out}}\|_\infty$ (peri). (i) If $\rho(W_x) < \mu < 1$, there is a"
        r" norm with $\|W_x\|_* \le \mu$ and $|h_{t+1}|_* - r \le \mu(|h_t|_* - r)$, $r ="
        r" C_*/(1-\mu)$, $C_* = \sup|c + U|_*$; if moreover $\varepsilon > 0$ in every norm, a"
        r" fixed point exists for every $e$. For $\varepsilon = 0$ this fails: $h' = xh -"
        r" k\,h/|h|$, $0 < x < 1$, $k > 0$, has none. (ii) Let $1 < \mu < \rho(W_x)$, $P$ the"
        r" spectral projector on the eigenvalues of modulus $\rho(W_x)$, $V = ((W_x -"
        r" I)|_{\operatorname{im} P})^{-1}P$ and $C_* = \sup|PU|_*$. The set $\{|Ph + Vc|_* >"
        r" C_*/(\mu - 1)\}$ is open and forward invariant, and on it $\frac1t \log|h_t| \to"
        r" \log\rho(W_x)$. (iii) If $\rho(W_x) = 1$, then $|h_t| = O(t^k)$ with $k$ the size of"
        r" the largest Jordan block on the unit circle, and the order is attained. (iv) If $W_x ="
        r" \omega I$, with one sub-block and $\varepsilon = 0$, then $J z = \omega z$ at every"
        r" state. In general $\rho(W_x) > 1$ does not exclude a stable fixed point: $W_x ="
        r" \mathrm{diag}(1.05, 0.1)$, input term $(0, 1)$, $u(n) = (-n_1/2, 0)$."
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
