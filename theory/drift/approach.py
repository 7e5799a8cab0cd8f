"""Steps of M4: how fast the direction of a drifting loop approaches a sink."""

from __future__ import annotations

import flint
import sympy as sp

from ..kernel.algebra import Equation
from ..kernel.proof import Bound, Sentence, cited, decided, deduced, enclosed, identity


def _supersolution():
    t, beta, theta, power, after, kappa, push, x, y = sp.symbols("t b h p q c K x y")
    # p = t^-theta, q = (t + 1)^-theta (Bernoulli: t q >= (t - theta) p); forcing K/t^{j+1}, and
    # t^j p >= 1 when theta <= j
    order = (
        t >= beta,
        beta > theta,
        theta > 0,
        kappa >= 0,
        x <= kappa * power,
        t * after >= (t - theta) * power,
    )
    sentences = [Sentence((*order, power >= 0, t * y <= (t - beta) * x), y <= kappa * after)]
    for j in (1, 2):
        forced = (
            t**j * power >= 1,
            push >= 0,
            push <= kappa * (beta - theta),
            t ** (j + 1) * y <= t**j * (t - beta) * x + push,
        )
        sentences.append(Sentence((*order, *forced), y <= kappa * after))
    return sentences


def _rate_step():
    # x, y: deviations at t and t + 1; r = |h_t|, g = a + delta, c x/r bounds what is not linear
    t, r, growth, m, bend, x, y, push, beta = sp.symbols("t r g m c x y p beta")
    given = (t > 0, r > 0, r <= growth * t, x >= 0, beta >= 0, beta * growth <= m - bend)
    bound = r * y <= (r - m) * x + bend * x + r * push
    return [Sentence((*given, bound), t * y <= (t - beta) * x + t * push)]


def _forced():
    t, beta, kappa, w, x = sp.symbols("t beta kappa w x")
    response = kappa / (t + 1) - (1 - beta / t) * kappa / t - (beta - 1) * kappa / t**2
    later = kappa / (t + 1) ** 2 - (1 - beta / t) * kappa / t**2 - (beta - 2) * kappa / t**3
    return [
        Equation(response, kappa / (t**2 * (t + 1))),
        Equation(later, kappa * (3 * t + 2) / (t**3 * (t + 1) ** 2)),
        # beta = 1: (t - 1) x_t gains w/t in every iteration, the harmonic sum
        Equation(t * ((1 - 1 / t) * x + w / t**2), (t - 1) * x + w / t),
    ]


def _products():
    # f = s (s - 1) ... (s - k + 1); the product from s + 1 down is f (s + 1)/(s + 1 - k)
    s, a, k, f, scale = sp.symbols("s a k f c")
    nu, r, after = (1 - k) * a, a * s, f * (s + 1) / (s + 1 - k)
    multiplier = (r + nu) / (r + a)
    return [
        Equation(multiplier, (s + 1 - k) / (s + 1)),
        Equation(multiplier * scale / f, scale / after),
    ]


def _gamma():
    bounds = []
    for beta in ("0.5", "1.5", "2.5"):
        power, s = flint.arb(beta), flint.arb(10) ** 6
        ratio = (s + 1 - power).lgamma() - (s + 1).lgamma() + power * s.log()
        label = f"s^b Gamma(s+1-b)/Gamma(s+1), b = {beta}, s = 10^6"
        bounds.append(Bound(label, ratio.exp(), "0.99999", "1.00001"))
    return bounds


APPROACH_STEPS = (
    cited(
        "powers",
        "bernoulli",
        "(t + 1)^-theta >= (1 - theta/t) t^-theta for theta > 0",
        "no size",
        {"exponent": ("direction_flow", "sink")},
    ),
    decided(
        "supersolution",
        "|x'| <= (1 - beta/t)|x| + K/t^{j+1}, 0 < theta < beta, theta <= j: c t^-theta with c >="
        " K/(beta - theta) stays above; K = 0 needs no j",
        "every d >= 2, every t, j in {1, 2}",
        _supersolution,
        ("powers",),
    ),
    decided(
        "rate_step",
        "r <= (a + delta) t: |x'| <= (1 - m/r)|x| + c|x|/r + p gives |x'| <= (1 - beta/t)|x| + p as"
        " soon as beta (a + delta) <= m - c; u is C^1, so |V - DV x| <= c|x| for |x| <= E(c), for"
        " every c > 0",
        "every d >= 2",
        _rate_step,
        ("adapted_product", "smooth"),
    ),
    deduced(
        "rate",
        "|n_t - n_inf| = O(t^-theta) for every theta < mu/a with theta <= j: r_t/t -> a and x_t ->"
        " 0 (R3 c) put every beta < mu/a into `rate_step` from some t on, and p <= K/t^{j+1},"
        " where j = oo for one sub-block with eps = 0 (u is a function of n, the error of the step"
        " vanishes at n*), j = 2 for one with eps > 0, j = 1 for two",
        "every d >= 2",
        (
            "supersolution",
            "rate_step",
            "residual_strength",
            "limit_direction",
            "one_sub_block",
            "eps_zero",
        ),
    ),
    identity(
        "forced_response",
        "forcing w/t^{j+1} leaves kappa/t^j, kappa (mu/a - j) = w, up to a residual of order"
        " t^{-j-2} (j = 1, 2): the rates 1/t and 1/t^2 are attained; at mu = a, j = 1 it leaves w"
        " log(t)/t",
        "every d >= 2, every t",
        _forced,
        ("supersolution",),
    ),
    identity(
        "exact_products",
        "one sub-block, eps = 0, mu/a = k: the deviation at r = a s is c/(s (s-1) ... (s-k+1)) ~"
        " s^-k, faster than 1/s for k > 1",
        "every k >= 2",
        _products,
        ("residual_strength",),
    ),
    enclosed(
        "broken_products",
        "mu/a = b = 1/2, 3/2 and 5/2: Gamma(s+1-b)/Gamma(s+1) is s^-b within 1e-5 at s = 10^6",
        "no size",
        _gamma,
        ("residual_strength",),
    ),
)
