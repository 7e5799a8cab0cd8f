"""Closed forms for outer normalisation (claims N1-N4, N8, M2, M5)."""

from __future__ import annotations

import sympy as sp

from ..formulas import positive, register


@register(
    "N3",
    "epsilon_by_lifting",
    "kappa: Lipschitz constant of N after a map with Lipschitz constant `lipschitz` and norm at"
    " least r",
)
def contraction_constant():
    d, lipschitz, r, eps = positive("d lipschitz r eps")
    return (d, lipschitz, r, eps), sp.sqrt(d) * lipschitz / sp.sqrt(r**2 + d * eps)


@register(
    "N1", "eigenvalues", "eigenvalue of DN(z) across z: 1/s, s = sqrt(mean z^2 + eps), gain 1"
)
def rmsnorm_tangential():
    (s,) = positive("s")
    return (s,), 1 / s


@register("N1", "eigenvalues", "eigenvalue of DN(z) along z: eps/s^3, gain 1")
def rmsnorm_radial():
    s, eps = positive("s eps")
    return (s, eps), eps / s**3


@register(
    "N4",
    "bounds_attained",
    "upper bound of sigma_1(S), eps = 0: b = |D_e G|_2, s = |z|/R, k = |P D_h G P|_2/s < 1, gain 1",
)
def sensitivity_upper():
    b, s, k = positive("b s k")
    return (b, s, k), b / (s * (1 - k))


@register(
    "N4",
    "bounds_attained",
    "lower bound of sigma_{d-1}(S), eps = 0: b = sigma_min(D_e G), s = |z|/R, k = |P D_h G P|_2/s,"
    " gain 1",
)
def sensitivity_lower():
    b, s, k = positive("b s k")
    return (b, s, k), b / (s * (1 + k))


@register(
    "N4",
    "epsilon_bounds_attained",
    "lower bound of sigma_d(S), eps > 0: b = sigma_min(D_e G), k = |J|_2, gain 1",
)
def sensitivity_lower_epsilon():
    b, s, eps, k = positive("b s eps k")
    return (b, s, eps, k), eps * b / (s**3 * (1 + k))


@register(
    "N5",
    "attained",
    "bound of |dh_T/dtheta| after `loops`: top = sup |D_theta f|, start = |dh_0/dtheta|,"
    " contraction constant kappa < 1",
)
def gradient_bound():
    kappa, loops, top, start = positive("kappa loops top start")
    return (kappa, loops, top, start), top * (1 - kappa**loops) / (1 - kappa) + kappa**loops * start


@register(
    "N5",
    "attained",
    "error of the gradient truncated to the last k of `loops`, same symbols; at most kappa^k top/(1"
    " - kappa) when start = 0",
)
def truncation_bound():
    kappa, k, loops, top, start = positive("kappa k loops top start")
    return (kappa, k, loops, top, start), top * (kappa**k - kappa**loops) / (
        1 - kappa
    ) + kappa**loops * start


@register(
    "M5",
    "sharp_in_the_limit",
    "upper bound of sup_t |J^t|_2: e d K, K the Kreiss constant of the d x d matrix J (Spijker)",
)
def kreiss_upper():
    d, kreiss = positive("d K")
    return (d, kreiss), sp.E * d * kreiss


@register(
    "M5",
    "jordan_kreiss",
    "Kreiss constant of [[r, c], [0, r]], 0 < r < 1, c > 2(1 - r): unbounded in c at spectral"
    " radius r",
)
def kreiss_jordan():
    r, c = positive("r c")
    return (r, c), c / (4 * (1 - r)) + (1 - r) / c


@register(
    "N2",
    "cap",
    "angle of the cap around B e that holds the image of N(g + B e), |g| <= G < |B e|; radians",
)
def image_cap_angle():
    bound, recall = positive("G b")
    return (bound, recall), sp.asin(bound / recall)


@register(
    "N2",
    "central_point",
    "squared scale s^2 at the central fixed point h = x e of N(-a h + beta e), |e| = R, gain 1",
)
def central_scale_squared():
    x, eps = positive("x eps")
    return (x, eps), eps / (1 - x**2)


@register(
    "M2",
    "lefschetz_number",
    "Lefschetz number of a self-map of the sphere of R^d of that degree; not 0 forces a fixed"
    " point",
)
def sphere_lefschetz_number():
    d, degree = sp.symbols("d degree", integer=True)
    return (d, degree), 1 + (-1) ** (d - 1) * degree


@register(
    "N8",
    "strictly_inside",
    "q: [-1, 1]^d is mapped into [-q, q]^d when update gates are at most z and candidates at most n"
    " in modulus",
)
def gru_box():
    z, n = positive("z n")
    return (z, n), 1 - (1 - z) * (1 - n)


@register(
    "N8",
    "entry_time",
    "loops after which every state of the box of radius H is in (-1, 1)^d; gates <= z, candidates"
    " <= n there",
)
def gru_entry_time():
    size, z, n = positive("H z n")
    return (size, z, n), sp.log((size - n) / (1 - n)) / sp.log(1 / z)


@register(
    "N8",
    "saturation_formula",
    "x beyond which 1/(1 + exp(-x)) is computed as 1, with p bits of significand (24: float32, 53:"
    " float64)",
)
def sigmoid_saturation():
    (bits,) = positive("p")
    return (bits,), bits * sp.log(2)
