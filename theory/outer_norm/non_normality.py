"""Claim M5: rho < 1 bounds neither the transient of the powers nor the resolvent at 1.

The Kreiss constant bounds them, up to a factor e d.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix, rational
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, cited, decided, deduced, enclosed, identity
from .falsifiers.non_normality import FALSIFIERS
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
    j, partial, power, q = letters("J Sigma Pi Q")
    y = sp.Symbol("y")  # y = 1/z

    def terms(x: Any, t: int) -> Any:
        return sum((x**k for k in range(t)), sp.Integer(0))

    # the step of the induction at y = 1: Sigma = Sum_{k<t} J^k and Pi = J^t have
    # (I - J) Sigma = I - Pi
    rules = (((j, partial), partial - 1 + power),)
    induction = Words((1 - j) * (partial + power), 1 - j * power, rules, _sum_model)
    times = (1, 2, 3, 6)
    return [
        *(Words((1 - y * j) * terms(y * j, t), 1 - y**t * j**t) for t in times),
        induction,
        # Q = I - J: the first t terms leave J^t (I - J)^{-1} of the resolvent
        *(Words(q**-1 - terms(1 - q, t), (1 - q) ** t * q**-1) for t in times),
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
    v, values, gap = letters("V L R")  # R = I - L
    return [
        *(Words((v * values * v**-1) ** t, v * values**t * v**-1) for t in (1, 2, 3, 5)),
        Words((1 - v * (1 - gap) * v**-1) * (v * gap**-1 * v**-1), sp.Integer(1)),
    ]


def _projector_model(rng: random.Random, size: int):
    p, n, q = letters("P N Q")
    basis = random_matrix(rng, size)
    rest = [rational(rng) for _ in range(size - 1)]
    rest = [x if x != 1 else x + 1 for x in rest]
    inverse = [1 / (1 - x) for x in rest]
    values = {p: [1] + [0] * (size - 1), n: [0, *rest], q: [1, *inverse]}
    return {name: basis * diagonal(row) * basis.inv() for name, row in values.items()}


def _projector():
    p, n, q = letters("P N Q")  # J = lambda P + N, Q = (I - N)^{-1}
    eigenvalue = sp.Symbol("lambda")
    j = eigenvalue * p + n
    zero = sp.Integer(0)
    rules = (((p, p), p), ((p, n), zero), ((n, p), zero), ((n, q), q - 1), ((q, p), p), ((p, q), p))
    resolvent = p / (1 - eigenvalue) + q - p
    return [
        *(Words(j**t, eigenvalue**t * p + n**t, rules, _projector_model) for t in (1, 2, 3, 4)),
        Words((1 - j) * resolvent, sp.Integer(1), rules, _projector_model),
        Words(resolvent * p, p / (1 - eigenvalue), rules, _projector_model),
    ]


def _sensitivity():
    gap, k = letters("R K")  # R = I - J
    return [Words((gap**-1 * k) * k**-1, gap**-1), Words((1 - gap) * gap**-1 * k + k, gap**-1 * k)]


_STEPS = (
    identity(
        "neumann",
        "(I - J/z) Sum_{k<t} J^k/z^k = I - J^t/z^t; (I - J)^{-1} - Sum_{k<t} J^k = J^t (I -"
        " J)^{-1}: the error of a gradient cut to t loops",
        "every d, t in {1, 2, 3, 6}",
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
        "geometric_sum", "(x - 1) Sum_{k<t} x^{-k-1} = 1 - x^{-t}", "t in {1..6}", geometric_sum
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
    ),
    identity(
        "shift",
        "J = c x shift of size d: (z - J)^{-1} = Sum_{k<d} c^k shift^k/z^{k+1}, |J^{d-1}| ="
        " c^{d-1}",
        "d in {2, 3, 4}",
        shift,
        ("neumann",),
    ),
    identity(
        "shift_maximum",
        "(x - 1)/x^{k+1} has its maximum over x > 1 at x = (k+1)/k, k^k/(k+1)^{k+1}: c^{d-1} times"
        " that at k = d - 1 is below K, and K <= 1 + Sum_{0<k<d} c^k k^k/(k+1)^{k+1}, so C/K ->"
        " d^d/(d-1)^{d-1} as c -> infinity",
        "k in {1, 2, 3, 7, 63}",
        shift_maximum,
        ("shift",),
    ),
    decided(
        "shift_peak",
        "the maximum as a polynomial inequality; d = 2: C/K passes every bound below 4",
        "k in {1, 2, 3}",
        shift_peak,
        ("shift_maximum",),
    ),
    enclosed(
        "sharp_in_the_limit",
        "d^d/(d-1)^{d-1} over e d is (1 + 1/(d-1))^{d-1}/e, which tends to 1: no factor below e d(1"
        " - o(1)) serves",
        "d in {2, 8, 64}",
        sharp_in_the_limit,
        ("shift_maximum", "powers_below_kreiss"),
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
        ("jordan_family",),
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
        "every d, t in {1, 2, 3, 5}",
        _diagonalised,
        ("diagonalisable",),
    ),
    deduced(
        "condition_number",
        "so |J^t| <= |V||V^{-1}| rho^t and |(I - J)^{-1}| <= |V||V^{-1}|/(1 - rho): log|V||V^{-1}|"
        " is what non-normality can cost",
        "every d",
        ("diagonalised", "contractive"),
    ),
    identity(
        "spectral_projector",
        "J = lambda P + N, P the spectral projector of a semisimple lambda: J^t = lambda^t P + N^t,"
        " (I - J)^{-1} = P/(1 - lambda) + (I - N)^{-1} - P, so |(I - J)^{-1}| >= 1/|1 - lambda|",
        "every d, t in {1..4}",
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
        "J real d x d, rho(J) < 1, K(J) = sup over |z| > 1 of (|z| - 1)|(z - J)^{-1}|_2, C = sup_t"
        " |J^t|_2: K <= C <= e d K, and no factor below e d(1 - o(1)) serves. rho(J) bounds neither"
        " C nor |(I - J)^{-1}| nor S: [[r, c], [0, r]] has rho = r, the corners c, c/(1-r)^2 and,"
        " for c > 2(1-r), K = c/(4(1-r)) + (1-r)/c. |J^t| <= e d K(J/q) q^t for every q > rho(J),"
        " but not M rho^t in general. Normal J: C = 1, |(I - J)^{-1}| <= 1/(1 - rho); J = V L"
        " V^{-1}: both at most |V||V^{-1}| times that."
    ),
    assumptions=(
        Assumption("contractive", "rho(J) < 1"),
        Assumption("normal", "J J^T = J^T J (only where the statement says normal)"),
        Assumption(
            "diagonalisable", "J = V L V^{-1}, L diagonal (complex; only for the condition number)"
        ),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
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
