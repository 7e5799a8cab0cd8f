"""Closed forms for the mean-field laws of N(a h + A h + beta e) and N(a h + A phi(h) + beta e).

a is the residual strength, sigma the scale of A, and beta that of the recall (claims N6, N7).
"""

from __future__ import annotations

import sympy as sp

from ..formulas import positive, real, register


def _rho(a: sp.Expr, sigma: sp.Expr, beta: sp.Expr) -> sp.Expr:
    return (a + sigma) / (a + sp.sqrt(sigma**2 + beta**2))


@register(
    "N6",
    "norm_balance",
    "scale s of the pre-norm state at the fixed point, |z| = s R, as d -> infinity",
)
def mean_field_scale():
    a, sigma, beta = positive("a sigma beta")
    return (a, sigma, beta), a + sp.sqrt(sigma**2 + beta**2)


@register(
    "N6",
    "rho_law",
    "spectral radius of the loop at its fixed point, as d -> infinity at fixed beta/sigma",
)
def mean_field_rho():
    a, sigma, beta = positive("a sigma beta")
    return (a, sigma, beta), _rho(a, sigma, beta)


@register(
    "N6",
    "rho_law",
    "the same with the bulk edge at width d: r = E rho(Ginibre_d) of unit variance (1.053 at d ="
    " 100, measured); right for a = 0, an upper bound for a > 0",
)
def mean_field_rho_finite():
    a, sigma, beta, r = positive("a sigma beta r")
    return (a, sigma, beta, r), (a + sigma * r) / (a + sp.sqrt(sigma**2 + beta**2))


@register(
    "N6",
    "level_lines",
    "recall strength beta at which the law gives spectral radius rho (0 < rho <= 1): the level"
    " line",
)
def mean_field_level():
    a, sigma, rho = positive("a sigma rho")
    w = sp.Dummy("w", positive=True)
    (root,) = sp.solve(sp.Eq(rho * (a + w), a + sigma), w)
    return (a, sigma, rho), sp.sqrt(root**2 - sigma**2)


@register(
    "N6",
    "finite_width_scale",
    "x = (beta/sigma) d^(1/4): finite-width scaling variable of the law, trustworthy from about 3",
)
def scaling_variable():
    sigma, beta, d = positive("sigma beta d")
    return (sigma, beta, d), beta / sigma * d ** sp.Rational(1, 4)


@register(
    "N6",
    "iterations",
    "loops until the distance to the fixed point has shrunk by the factor `shrink` < 1, at the rate"
    " of the law",
)
def mean_field_iterations():
    a, sigma, beta, shrink = positive("a sigma beta shrink")
    return (a, sigma, beta, shrink), sp.log(shrink) / sp.log(_rho(a, sigma, beta))


@register(
    "N7",
    "block_scales",
    "spectral radius of N((I + A)(W_x h + W_e e)), Ginibre scales s_x, s_e; the scale of A cancels",
)
def external_block_rho():
    x, e = positive("s_x s_e")
    return (x, e), x / sp.sqrt(x**2 + e**2)


@register(
    "N7", "block_scales", "spectral radius of N(h + A(W_x h + W_e e)), Ginibre scales s_A, s_x, s_e"
)
def internal_block_rho():
    k, x, e = positive("s_A s_x s_e")
    return (k, x, e), (1 + k * x) / (1 + k * sp.sqrt(x**2 + e**2))


@register(
    "N7",
    "gain_law",
    "spectral radius with elementwise gain of root mean square g and no residual path (a = 0)",
)
def mean_field_rho_gain():
    gain, sigma, beta = positive("g sigma beta")
    return (gain, sigma, beta), gain * sigma / sp.sqrt((gain * sigma) ** 2 + beta**2)


# N7: q = E phi(h)^2 and c = E phi'(h)^2, h the (standard Gaussian, unless said) entries of the
# fixed point


@register(
    "N7",
    "norm_balance",
    "scale s of the pre-norm state with activation moment q = E phi^2, |z| = s R",
)
def mean_field_scale_nonlinear():
    a, sigma, beta, q = positive("a sigma beta q")
    return (a, sigma, beta, q), a + sp.sqrt(sigma**2 * q + beta**2)


@register(
    "N7",
    "rho_law",
    "spectral radius of N(a h + A phi(h) + beta e) at its fixed point; q = E phi^2, c = E phi'^2",
)
def mean_field_rho_nonlinear():
    a, sigma, beta, q, c = positive("a sigma beta q c")
    return (a, sigma, beta, q, c), (a + sigma * sp.sqrt(c)) / (a + sp.sqrt(sigma**2 * q + beta**2))


@register(
    "N7",
    "edge_identity",
    "beta_c: recall strength above which rho < 1, whatever a; undefined for c < q",
)
def mean_field_threshold():
    sigma, q, c = positive("sigma q c")
    return (sigma, q, c), sigma * sp.sqrt(c - q)


@register(
    "N7",
    "sensitivity_series",
    "(1/d) tr S S^T, S the derivative of the fixed point by the input; infinite at beta_c; N6: 1",
)
def mean_field_sensitivity():
    sigma, beta, q, c = positive("sigma beta q c")
    return (sigma, beta, q, c), beta**2 / (beta**2 - sigma**2 * (c - q))


@register(
    "N7",
    "level_lines",
    "recall strength beta at which the nonlinear law gives spectral radius rho (0 < rho <= 1)",
)
def mean_field_level_nonlinear():
    a, sigma, rho, q, c = positive("a sigma rho q c")
    return (a, sigma, rho, q, c), sp.sqrt(((a + sigma * sp.sqrt(c)) / rho - a) ** 2 - sigma**2 * q)


@register(
    "N7",
    "finite_width",
    "d^(1/4) sqrt(beta^2 - beta_c^2)/(sigma sqrt(c)): finite-width scaling variable of the"
    " nonlinear law",
)
def scaling_variable_nonlinear():
    sigma, beta, d, q, c = positive("sigma beta d q c")
    return (sigma, beta, d, q, c), d ** sp.Rational(1, 4) * sp.sqrt(
        (beta**2 - sigma**2 * (c - q)) / c
    ) / sigma


@register(
    "N7",
    "share_balance",
    "beta/sigma at which the input makes up the share u = beta/w of h = sqrt(1 - u^2) g + u e; q ="
    " E phi(h)^2",
)
def recall_of_share():
    u, q = positive("u q")
    return (u, q), u * sp.sqrt(q / (1 - u**2))


@register(
    "N7",
    "outlier",
    "eigenvalue nu* of A phi' besides the bulk, in units of w; v = u^2, q = E phi(h)^2, slope ="
    " dq/dv",
)
def input_outlier():
    v, q, slope = sp.symbols("v q slope", real=True)
    return (v, q, slope), -v * (1 - v) * slope / q


@register(
    "N7",
    "square_outlier",
    "spectral radius with bulk radius sigma sqrt(c) and one further real eigenvalue nu*, both in"
    " units of w = s - a",
)
def mean_field_rho_outlier():
    a, w, bulk = positive("a w bulk")
    (nu,) = real("nu")
    return (a, w, bulk, nu), sp.Max(a + w * bulk, sp.Abs(a + w * nu)) / (a + w)


@register(
    "N7",
    "linear_relu_moments",
    "E phi(g)^2 for phi(x) = k x, g standard Gaussian; also E phi'(g)^2",
)
def linear_moment():
    (k,) = positive("k")
    return (k,), k**2


@register("N7", "linear_relu_moments", "E phi(g)^2 for phi(x) = ReLU(k x), k > 0; also E phi'(g)^2")
def relu_moment():
    (k,) = positive("k")
    return (k,), k**2 / 2


@register("N7", "erf_moments", "E erf(k g)^2")
def erf_moment():
    (k,) = positive("k")
    return (k,), 2 / sp.pi * sp.asin(2 * k**2 / (1 + 2 * k**2))


@register("N7", "erf_moments", "E (d/dx erf(k x))^2 at x = g")
def erf_slope():
    (k,) = positive("k")
    return (k,), 4 * k**2 / (sp.pi * sp.sqrt(1 + 4 * k**2))


@register("N7", "sin_moments", "E sin(k h)^2 for h = s g + m")
def sin_moment():
    k, s, m = positive("k s m")
    return (k, s, m), (1 - sp.exp(-2 * k**2 * s**2) * sp.cos(2 * k * m)) / 2


@register("N7", "sin_moments", "E (d/dx sin(k x))^2 at x = s g + m")
def sin_slope():
    k, s, m = positive("k s m")
    return (k, s, m), k**2 * (1 + sp.exp(-2 * k**2 * s**2) * sp.cos(2 * k * m)) / 2


@register("N7", "gelu_moments", "E GELU(k g)^2, GELU(x) = x Phi(x)")
def gelu_moment():
    (k,) = positive("k")
    quarter = sp.Rational(1, 4) + sp.asin(k**2 / (1 + k**2)) / (2 * sp.pi)
    return (k,), k**2 * (quarter + k**2 / (sp.pi * (1 + k**2) * sp.sqrt(1 + 2 * k**2)))


@register("N7", "gelu_moments", "E (d/dx GELU(k x))^2 at x = g")
def gelu_slope():
    (k,) = positive("k")
    quarter = sp.Rational(1, 4) + sp.asin(k**2 / (1 + k**2)) / (2 * sp.pi)
    root = sp.sqrt(1 + 2 * k**2)
    return (k,), k**2 * (
        quarter + k**2 / (sp.pi * (1 + k**2) * root) + k**2 / (2 * sp.pi * root**3)
    )


def _mean_over_g(body, u):
    return sp.Integral(body * sp.exp(-(u**2) / 2), (u, -sp.oo, sp.oo)) / sp.sqrt(2 * sp.pi)


@register("N7", "tanh_moments", "E tanh(k h)^2 for h = s g + m")
def tanh_moment():
    k, s, m = positive("k s m")
    (u,) = real("u")
    return (k, s, m), _mean_over_g(sp.tanh(k * (s * u + m)) ** 2, u)


@register("N7", "tanh_moments", "E (d/dx tanh(k x))^2 at x = s g + m")
def tanh_slope():
    k, s, m = positive("k s m")
    (u,) = real("u")
    return (k, s, m), _mean_over_g(k**2 * (1 - sp.tanh(k * (s * u + m)) ** 2) ** 2, u)


@register(
    "N7",
    "sparse_mixture",
    "a moment for sparse inputs: entries +-1/sqrt(p) with probability p (moment `on`), else 0"
    " (moment `off`)",
)
def sparse_mixture():
    p, on, off = positive("p on off")
    return (p, on, off), p * on + (1 - p) * off
