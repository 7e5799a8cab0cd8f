"""Claim M5: rho < 1 bounds neither the transient of the powers nor the resolvent at 1.

The Kreiss constant bounds them, up to a factor e d.
"""

from __future__ import annotations

import random

import sympy as sp

from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix, rational
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, cited, decided, deduced, enclosed, identity
from .falsifiers.non_normality import FALSIFIERS, PREDICATES
from .kreiss import (
    below_powers,
    corner_norm,
    example,
    geometric_sum,
    jordan_kreiss,
    jordan_kreiss_bound,
    jordan_powers,
    sharp_in_the_limit,
    shift,
    shift_maximum,
    shift_peak,
    unbounded,
)


def _sum_model(rng: random.Random, size: int):
    j, partial, power = letters("J Sigma Pi")
    m = random_matrix(rng, size)
    return {j: m, partial: diagonal([1] * size) + m, power: m * m}


def _neumann():
    # X = J/z, Sigma = Sum_{k<t} X^k and Pi = X^t: (1 - X) Sigma = 1 - Pi, from t = 1 to t + 1
    x, partial, power, q = letters("J Sigma Pi Q")
    rules = (((x, partial), partial - 1 + power),)
    return [
        Words((1 - x) * (partial + power), 1 - x * power, rules, _sum_model),
        # Q = I - J, and Sigma = Q^{-1}(1 - Pi)
        Words(q**-1 - q**-1 * (1 - power), q**-1 * power),
    ]


def _plane():
    p, q, x, y = sp.symbols("p q x y")
    size = x**2 + y**2
    image = (p * x - q * y) ** 2 + (q * x + p * y) ** 2
    gap = ((1 - p) * x + q * y) ** 2 + (-q * x + (1 - p) * y) ** 2
    return [Equation(image, (p**2 + q**2) * size), Equation(gap, ((1 - p) ** 2 + q**2) * size)]


def _normal_resolvent():
    p, q, rho = sp.symbols("p q r")
    given = (rho >= 0, rho < 1, p**2 + q**2 <= rho**2)
    return [Sentence(given, (1 - p) ** 2 + q**2 >= (1 - rho) ** 2)]


def _diagonalised():
    v, values, power, gap = letters("V L Pi R")  # Pi = L^t, R = I - L
    return [
        Words((v * values * v**-1) * (v * power * v**-1), v * (values * power) * v**-1),
        Words((1 - v * (1 - gap) * v**-1) * (v * gap**-1 * v**-1), sp.Integer(1)),
    ]


def _condition_number():
    # v = |V|, u = |V^{-1}|, l = |L^t| <= r (or |(I - L)^{-1}|), p the norm of the product
    v, u, diagonal_norm, r, inner, p = sp.symbols("v u l r x p")
    chain = (p <= v * inner, inner <= diagonal_norm * u)
    return [Sentence((v >= 0, u >= 0, diagonal_norm <= r, *chain), p <= v * u * r)]


def _projector_model(rng: random.Random, size: int):
    p, n, q, power = letters("P N Q Pi")
    basis = random_matrix(rng, size)
    rest = [rational(rng) for _ in range(size - 1)]
    rest = [x if x != 1 else x + 1 for x in rest]
    inverse = [1 / (1 - x) for x in rest]
    values = {
        p: [1] + [0] * (size - 1),
        n: [0, *rest],
        q: [1, *inverse],
        power: [0, *(x**3 for x in rest)],
    }
    return {name: basis * diagonal(row) * basis.inv() for name, row in values.items()}


def _projector():
    p, n, q, power = letters("P N Q Pi")  # J = lambda P + N, Q = (I - N)^{-1}, Pi = N^t
    eigenvalue, scalar = sp.symbols("lambda L")  # L = lambda^t
    j = eigenvalue * p + n
    zero = sp.Integer(0)
    rules = (
        ((p, p), p),
        ((p, n), zero),
        ((n, p), zero),
        ((p, power), zero),
        ((n, q), q - 1),
        ((q, p), p),
        ((p, q), p),
    )
    resolvent = p / (1 - eigenvalue) + q - p
    after = eigenvalue * scalar * p + n * power
    return [
        Words(j * (scalar * p + power), after, rules, _projector_model),
        Words((1 - j) * resolvent, sp.Integer(1), rules, _projector_model),
        Words(resolvent * p, p / (1 - eigenvalue), rules, _projector_model),
    ]


def _sensitivity():
    gap, k = letters("R K")  # R = I - J
    return [Words((gap**-1 * k) * k**-1, gap**-1), Words((1 - gap) * gap**-1 * k + k, gap**-1 * k)]


_STEPS = (
    identity(
        "neumann",
        "(I - J/z) Sum_{k<t} J^k/z^k = I - J^t/z^t (t = 1: J^0 = I); (I - J)^{-1} - Sum_{k<t} J^k ="
        " (I - J)^{-1} J^t: the error of a gradient cut to t loops",
        "every d, every t by induction",
        _neumann,
    ),
    cited(
        "powers_vanish",
        "gelfand",
        "J^t -> 0, so C = sup_t |J^t| is finite",
        "every d",
        {"radius": ("contractive",)},
    ),
    identity(
        "geometric_sum",
        "(x - 1) Sum_{k<t} x^{-k-1} = 1 - x^{-t}",
        "every t by induction",
        geometric_sum,
    ),
    decided(
        "kreiss_below_powers",
        "|z| = x > 1: (x - 1)(1 - C x^{-t})|(z - J)^{-1}| <= C(1 - x^{-t}) for every t, so K <= C",
        "every d",
        below_powers,
        ("neumann", "geometric_sum", "powers_vanish"),
    ),
    cited(
        "powers_below_kreiss",
        "kreiss",
        "C <= e d K; with J/q for J, |J^t| <= e d K(J/q) q^t for every q > rho(J)",
        "every d",
        {"finite": ("kreiss_below_powers", "powers_vanish")},
        ("size",),
    ),
    identity(
        "shift",
        "J = c x shift of size d, |shift^k| = 1 for k < d and shift^d = 0: (z - J) Sum_{j<k}"
        " J^j/z^{j+1} = 1 - J^k/z^k, which is 1 at k = d, so (z - J)^{-1} = Sum_{k<d} c^k"
        " shift^k/z^{k+1} and |J^{d-1}| = c^{d-1}",
        "every d, every k by induction",
        shift,
    ),
    identity(
        "shift_maximum",
        "(x - 1)/x^{k+1} has its maximum over x > 1 at x = (k+1)/k, k^k/(k+1)^{k+1}: c^{d-1} times"
        " that at k = d - 1 is below K, and K <= 1 + Sum_{0<k<d} c^k k^k/(k+1)^{k+1}, so C/K ->"
        " d^d/(d-1)^{d-1} as c -> infinity",
        "every k",
        shift_maximum,
        ("shift",),
    ),
    decided(
        "shift_peak",
        "the maximum as a polynomial inequality in x (x >= -3 for k = 2); d = 2: C/K passes"
        " every bound below 4",
        "k in {1, 2, 3}",
        shift_peak,
        ("shift_maximum",),
    ),
    enclosed(
        "sharp_in_the_limit",
        "d^d/(d-1)^{d-1} over e d is (1 + 1/(d-1))^{d-1}/e: 0.736, 0.937, 0.992",
        "d in {2, 8, 64}",
        sharp_in_the_limit,
        ("shift_maximum", "powers_below_kreiss"),
    ),
    deduced(
        "no_smaller_factor",
        "(1 + 1/(d-1))^{d-1} -> e, so that no factor below e d(1 - o(1)) serves",
        "d -> infinity",
        ("shift_maximum",),
    ),
    identity(
        "jordan_family",
        "J = [[r, c], [0, r]]: rho = r; J^t has the corner t c r^{t-1}, (I - J)^{-1} the corner"
        " c/(1-r)^2",
        "d = 2, every t by induction",
        jordan_powers,
    ),
    decided(
        "unbounded",
        "at any fixed rho = r in (0, 1) c makes |J| and |(I - J)^{-1}| larger than any bound, and"
        " |J^t| larger than any M r^t",
        "d = 2",
        unbounded,
        ("jordan_family",),
    ),
    identity(
        "corner_norm",
        "|[[a, b], [0, a]]|_2 = s with b = s - a^2/s, the larger singular value (the other is"
        " a^2/s)",
        "d = 2",
        corner_norm,
    ),
    identity(
        "jordan_kreiss",
        "c > 2(1-r): K(J) = c/(4(1-r)) + (1-r)/c makes K^2 u^2 - c K(u - g) - (u - g)^2 a square, g"
        " = 1 - r, zero at u = 2c^2 g/(c^2 - 4g^2)",
        "d = 2",
        jordan_kreiss,
        ("jordan_family", "steep"),
    ),
    decided(
        "jordan_kreiss_bound",
        "that is the Kreiss constant: (x - 1)|(x - J)^{-1}| <= K, with equality at x = r + u (on"
        " |z| = x the resolvent is largest at z = x)",
        "d = 2",
        jordan_kreiss_bound,
        ("jordan_kreiss", "corner_norm"),
    ),
    enclosed(
        "example",
        "r = 1/2, c = 8: rho = 1/2, K = 65/16, C = |J| = 8.03, |(I - J)^{-1}| = 32.1 against 1/(1 -"
        " rho) = 2",
        "d = 2",
        example,
        ("corner_norm", "jordan_kreiss_bound"),
    ),
    cited(
        "normal_blocks",
        "normal_form",
        "a normal J is an orthogonal sum of blocks p and [[p, -q], [q, p]]",
        "every d",
        {"normal": ("normal",)},
    ),
    identity(
        "normal_powers",
        "on a block |J v|^2 = (p^2 + q^2)|v|^2 and |(I - J) v|^2 = ((1-p)^2 + q^2)|v|^2",
        "every d",
        _plane,
    ),
    decided(
        "normal_resolvent",
        "so a normal J has |J^t| = rho^t, and |(I - J)^{-1}| <= 1/(1 - rho), attained by a real"
        " eigenvalue rho",
        "every d",
        _normal_resolvent,
        ("normal_blocks", "normal_powers", "contractive"),
    ),
    identity(
        "diagonalised",
        "J = V L V^{-1}: J^t = V L^t V^{-1}, (I - J)^{-1} = V (I - L)^{-1} V^{-1}",
        "every d, every t by induction",
        _diagonalised,
        ("diagonalisable",),
    ),
    decided(
        "condition_number",
        "|L^t| = rho^t and |(I - L)^{-1}| <= 1/(1 - rho), as L is normal, so |J^t| <="
        " |V||V^{-1}| rho^t and |(I - J)^{-1}| <= |V||V^{-1}|/(1 - rho): log|V||V^{-1}| is what"
        " non-normality can cost",
        "every d",
        _condition_number,
        ("diagonalised", "normal_resolvent", "contractive"),
    ),
    identity(
        "spectral_projector",
        "J = lambda P + N, P the spectral projector of a semisimple lambda: J^t = lambda^t P + N^t,"
        " (I - J)^{-1} = P/(1 - lambda) + (I - N)^{-1} - P, so |(I - J)^{-1}| >= 1/|1 - lambda|",
        "every d, every t >= 1 by induction",
        _projector,
    ),
    identity(
        "sensitivity",
        "S = (I - J)^{-1} K and (I - J)^{-1} = S K^{-1}: sigma_min(K)|(I - J)^{-1}| <= |S| <="
        " |K||(I - J)^{-1}|",
        "every d",
        _sensitivity,
    ),
)

M5 = Claim(
    id="M5",
    title="Non-normality: what the spectral radius does not bound",
    source="extension",
    statement=(
        "Let J be a real d x d matrix, K = K(J) = sup over |z| > 1 of (|z| - 1)|(z - J)^{-1}|_2,"
        " and C = sup_t |J^t|_2. If rho(J) < 1, then C is finite, and K <= C <= e d K. No factor"
        " below e d(1 - o(1)) serves. rho(J) bounds neither C nor |(I - J)^{-1}| nor S: [[r, c],"
        " [0, r]] has rho = r, the corners c, c/(1-r)^2 and, for c > 2(1-r), K = c/(4(1-r)) +"
        " (1-r)/c. |J^t| <= e d K(J/q) q^t for every q > rho(J), but not M rho^t in general. For a"
        " normal J, |J^t| = rho^t and |(I - J)^{-1}| <= 1/(1 - rho). For J = V L V^{-1} with a"
        " diagonal L, |J^t| <= |V||V^{-1}| rho^t and |(I - J)^{-1}| <= |V||V^{-1}|/(1 - rho)."
    ),
    assumptions=(
        Assumption("contractive", "rho(J) < 1"),
        Assumption("normal", "J J^T = J^T J (only where the statement says normal)"),
        Assumption("size", "d is the size of J (upper bound by the Kreiss constant)"),
        Assumption("steep", "c > 2(1 - r) (closed form of K of a Jordan block)"),
        Assumption(
            "diagonalisable", "J = V L V^{-1}, L diagonal (complex; only for the condition number)"
        ),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        (
            "The constant C of a rate rho^t is not the Kreiss constant: K bounds sup|J^t| and thus"
            " no rate; a rate q > rho has e d K(J/q), and a defective dominant eigenvalue has no"
            " constant at q = rho: |J^t| = t c r^{t-1} + ... ."
        ),
        (
            "e d is approached as d -> infinity; at fixed d the shift reaches d^d/(d-1)^{d-1} only,"
            " 4 against 2e = 5.44 at d = 2."
        ),
    ),
    latex=(
        r"Let $J\in\mathbb{R}^{d\times d}$, $\rho(J)<1$,"
        r" $\mathcal{K}(J)=\sup_{|z|>1}(|z|-1)\,|(z-J)^{-1}|_2$. Then"
        r" \[\mathcal{K}(J)\le\sup_{t\ge0}|J^t|_2\le e\,d\,\mathcal{K}(J),\] where $e\,d$ cannot be"
        r" lowered by a factor $1-\delta$ for all $d$, and $|J^t|_2\le e\,d\,\mathcal{K}(J/q)\,q^t$"
        r" for every $q>\rho(J)$. The spectral radius alone bounds neither side nor the resolvent"
        r" at $1$: for $J=\bigl(\begin{smallmatrix}r&c\\0&r\end{smallmatrix}\bigr)$, $0<r<1$,"
        r" $\rho(J)=r$ while $|J|_2\ge c$, $|(I-J)^{-1}|_2\ge c/(1-r)^2$ and $|J^t|_2\ge"
        r" tc\,r^{t-1}$, and $\mathcal{K}(J)=\frac{c}{4(1-r)}+\frac{1-r}{c}$ if $c>2(1-r)$. For"
        r" normal $J$, $|J^t|_2=\rho(J)^t$ and $|(I-J)^{-1}|_2\le1/(1-\rho(J))$; for $J=V\Lambda"
        r" V^{-1}$ the same up to the factor $|V|_2|V^{-1}|_2$. With $S=(I-J)^{-1}K$:"
        r" $\sigma_{\min}(K)\,|(I-J)^{-1}|_2\le|S|_2\le|K|_2\,|(I-J)^{-1}|_2$."
    ),
    consequences=(
        Consequence(
            Axis.GEOMETRY,
            "rho is not enough",
            "rho < 1 makes gradients converge but bounds neither their transient nor the"
            " sensitivity of the limit: report |(I - J)^{-1}| and the Kreiss constant beside rho.",
            regimes=frozenset({Regime.CONTRACTIVE}),
        ),
    ),
)
