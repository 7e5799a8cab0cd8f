"""Steps of N6 on the edge of the spectrum: P A has eigenvalues close to nu = sigma.

h depends on A, so that a theorem on perturbations independent of A does not apply. If a disc D
around sigma held no eigenvalue of P A, the logarithmic potential of the spectrum would be harmonic
in D, hence log|mu| there, as outside. By the determinant formula it is that of the circular law,
which is larger inside, plus (1/d) log|(mu/d) h^T (mu - A)^{-1} h|; and this term is not negative in
the limit, because a quadratic form of the Gaussian input is exponentially small with small
probability only, for all w of a net at once.
"""

from __future__ import annotations

import sympy as sp

from ..kernel.algebra import Equation, Words, letters
from ..kernel.proof import Sentence, cited, decided, deduced, identity
from ..kernel.vectors import Span, span

X, Y, COSINE, SINE, SCALE = sp.symbols("x y c s sigma", real=True)
"""mu = x + i y, the direction (c, s) of a real part, and sigma"""


def _real_part():
    (m,) = (sp.Symbol("A", real=True),)  # everything here is a function of A and commutes
    mu = X + sp.I * Y
    square = sp.expand((mu - m) * (sp.conjugate(mu) - m))
    # e^{-i phi} (mu - A)^{-1} = e^{-i phi} (conj(mu) - A)/N; its real part is L/N
    numerator = sp.expand((COSINE - sp.I * SINE) * (sp.conjugate(mu) - m))
    return [
        Equation(square, (m - X) ** 2 + Y**2),
        Equation(sp.re(numerator), X * COSINE - Y * SINE - COSINE * m),
    ]


def _congruence():
    n, m, left, right = letters("N M L R")  # N, L, and their transposes M = N^T, R = L^T
    inverse, other = n**-1, m**-1
    part = left * inverse + other * right
    return [Words(m * part * n, m * left + right * n)]


def _krylov(shift: int) -> list[Span]:
    """(a_k, L a_k, N a_k) for k = shift; in the limit <a_j, a_k> = sigma^{2k} for j = k, else 0."""
    names = [f"a{k}" for k in range(5)]
    gram = {
        (p, q): SCALE ** (2 * i) if i == j else 0
        for i, p in enumerate(names)
        for j, q in enumerate(names)
        if p <= q
    }
    a = span(" ".join(names), gram)
    near, far, farther = a[shift : shift + 3]
    level = X * COSINE - Y * SINE
    return [near, level * near - COSINE * far, farther - (2 * X) * far + (X**2 + Y**2) * near]


def _forms() -> list[sp.Expr]:
    """2 <v, S A^k v> = <N v, L A^k v> + <L v, N A^k v> for k = 0, 1, 2, with |v|^2 = d."""
    _, first, second = _krylov(0)
    return [
        second.dot(image) + first.dot(square)
        for _, image, square in (_krylov(shift) for shift in range(3))
    ]


def _directions():
    level, size = X * COSINE - Y * SINE, X**2 + Y**2
    wanted = [
        2 * (level * size + 2 * X * COSINE * SCALE**2),
        -(COSINE * SCALE**2 * (SCALE**2 + size) + 2 * X * level * SCALE**2),
        level * SCALE**4,
    ]
    return [Equation(found, form) for found, form in zip(_forms(), wanted, strict=True)]


def _directions_nonzero():
    x, y, c, s = sp.symbols("x y c s")
    # where the third vanishes, x c = y s, the second is -c sigma^2 (sigma^2 + |mu|^2)
    given = (sp.Ne(y, 0), sp.Eq(c**2 + s**2, 1), sp.Eq(x * c, y * s))
    return [Sentence(given, sp.Ne(c, 0))]


def _density():
    r, b = sp.symbols("r b", positive=True)
    primitive = -1 / (2 * b**2 * (1 + 4 * b**2 * r**2) ** sp.Rational(1, 4))
    integrand = r / (1 + 4 * b**2 * r**2) ** sp.Rational(5, 4)
    return [
        Equation(sp.simplify(sp.diff(primitive, r) / integrand), sp.Integer(1)),
        Equation(primitive.subs(r, 0), -1 / (2 * b**2)),
        Equation(sp.limit(primitive, r, sp.oo), sp.Integer(0)),
    ]


def _potentials():
    t = sp.Symbol("t", positive=True)  # |mu|^2/sigma^2
    gap = (t - 1 - sp.log(t)) / 2
    return [Equation(gap.subs(t, 1), sp.Integer(0)), Equation(sp.diff(gap, t), -(1 - t) / (2 * t))]


EDGE_STEPS = (
    deduced(
        "least_singular_value",
        "mu fixed: |(mu - A)^{-1}|_2 <= d^3 with probability -> 1. A unit x has |x_i| >= d^{-1/2}"
        " for some i, so |(mu - A) x| >= d^{-1/2} dist_i, the distance of column i from the span of"
        " the others; that is at least |n^* (mu e_i - A e_i)| for a unit normal n of theirs, which"
        " is independent of A e_i. The real or the imaginary part of n has norm >= 2^{-1/2}, so the"
        " real or the imaginary part of that number is Gaussian of deviation >= sigma (2 d)^{-1/2},"
        " and it is below d^{-5/2} in modulus with probability O(1/d^2); there are d columns",
        "d -> infinity",
        ("ginibre",),
    ),
    cited(
        "potential_of_the_weights",
        "circular_law_potential",
        "for almost every mu: (1/d) log|det(mu - A)| -> log|mu| if |mu| > sigma, and log sigma +"
        " (|mu|^2/sigma^2 - 1)/2 if |mu| < sigma",
        "d -> infinity",
        {"entries": ("ginibre",), "limit": ("limit",)},
    ),
    identity(
        "gap_of_potentials",
        "t = |mu|^2/sigma^2: the inner one exceeds log|mu| by (t - 1 - log t)/2, which is 0 at t ="
        " 1 and has the derivative -(1 - t)/(2 t): positive for t < 1",
        "no size",
        _potentials,
    ),
    identity(
        "real_part",
        "mu = x + i y: the real part of e^{-i phi} (mu - A)^{-1} is L N^{-1} with N = (A - x)^2 +"
        " y^2 and L = x cos phi - y sin phi - cos phi A",
        "every d",
        _real_part,
    ),
    identity(
        "congruence",
        "N^T (L N^{-1} + N^{-T} L^T) N = N^T L + L^T N =: 2 S, which has no inverse in it",
        "every d",
        _congruence,
    ),
    identity(
        "directions",
        "v Gaussian, a_k = A^k v: (2/d) <v, S a_0>, (2/d) <v, S a_1>, (2/d) <v, S a_2> tend to"
        " these polynomials in x, y, cos phi, sin phi and sigma",
        "d -> infinity",
        _directions,
        ("moments",),
    ),
    decided(
        "directions_nonzero",
        "y != 0: where the third limit vanishes (x cos phi = y sin phi), cos phi != 0, and the"
        " second is -cos phi sigma^2 (sigma^2 + |mu|^2) != 0",
        "no size",
        _directions_nonzero,
        ("directions",),
    ),
    deduced(
        "five_singular_values",
        "y != 0: with probability -> 1 the fifth singular value of the real part of e^{-i phi}"
        " ((mu - A)^{-1} + (mu - A)^{-T}) is above a constant for every phi. Take v_1, ..., v_5"
        " Gaussian and independent: <v_i, S A^k v_j>/d -> 0 for i != j, so with V = (v_1, ...,"
        " v_5)/sqrt(d) and Z the combination of V, A V, A^2 V with the limits above as"
        " coefficients, V^T S Z -> kappa I_5 with kappa >= kappa_0 > 0, uniformly in phi (the"
        " limits are linear in cos phi and sin phi); |V|, |Z| and |N| are bounded, and"
        " s_5(X Y Z) <= |X| s_5(Y) |Z|",
        "d -> infinity",
        (
            "real_part",
            "congruence",
            "directions",
            "directions_nonzero",
            "moments",
            "bounded_powers",
        ),
    ),
    identity("density", "Int_0^oo r (1 + 4 b^2 r^2)^{-5/4} dr = 1/(2 b^2)", "no size", _density),
    deduced(
        "small_ball",
        "A fixed, w fixed, B = (w-A)^{-T} (mu-A)^{-1} (w-A)^{-1}: the real part of e^{-i phi} g^T B"
        " g is a quadratic form with at least five eigenvalues of modulus >= b, for every phi"
        " (congruence by (w - A)^{-1}). Its characteristic function is Prod (1 - 2 i r l_j)^{-1/2},"
        " below (1 + 4 b^2 r^2)^{-5/4} in modulus; so (Re, Im) g^T B g has a density below 1/(4 pi"
        " b^2) (Fourier inversion in polar coordinates), and P(|g^T B g| <= t) <= t^2/(4 b^2)",
        "d -> infinity",
        ("five_singular_values", "density", "uniform_input", "bounded_powers"),
    ),
    deduced(
        "net",
        "for eta > 0, with probability -> 1, |(1/d) h^T (mu-A)^{-1} h| > e^{-eta d} at the random w"
        " of the fixed point: as a function of w this has a derivative below C d^3, and w lies in a"
        " compact subset of (sigma, oo). On a net of C d^3 e^{eta d} points, at each of which it is"
        " below 2 e^{-eta d} with probability O(d^2 e^{-2 eta d}), it is above 2 e^{-eta d} with"
        " probability 1 - O(d^5 e^{-eta d})",
        "d -> infinity",
        ("small_ball", "least_singular_value", "resolvent_series", "largest_root"),
    ),
    deduced(
        "potential",
        "(1/d) log|det(mu - P A)| -> log|mu| in probability for almost every |mu| > sigma; for"
        " almost every |mu| < sigma off the real axis it is at least log sigma + (|mu|^2/sigma^2 -"
        " 1)/2 - eta with probability -> 1, for every eta > 0",
        "d -> infinity",
        (
            "projector_determinant_every_d",
            "potential_of_the_weights",
            "outlier_function",
            "zero_free",
            "net",
        ),
    ),
    cited(
        "bulk",
        "harmonic_continuation",
        "for every 0 < eps < sigma, with probability -> 1 P A has an eigenvalue within eps of"
        " sigma. Otherwise there are matrices, d -> infinity, with all of the above and no"
        " eigenvalue in D = {|mu - sigma| < eps}. Their spectral measures lie in a compact set; let"
        " m be a limit, and U its logarithmic potential. It is log|mu| for |mu| > sigma, harmonic"
        " in D, hence log|mu| in D. At a point mu of D with |mu| < sigma, y != 0, the potentials"
        " converge to U(mu) = log|mu|, which is smaller than their lower bound",
        "d -> infinity",
        {"harmonic": ("potential",), "open_set": ("potential", "no_outliers")},
        ("gap_of_potentials", "bounded_powers"),
    ),
)
