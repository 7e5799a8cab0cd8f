"""Steps of A5: powers of M on the eigenvalues of largest modulus, and the limit of the direction.

They also show when that limit does not exist.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix, rational
from ..kernel.proof import Sentence, cited, decided, deduced, identity


def _block_letters() -> tuple[sp.Symbol, ...]:
    return letters("U N V")  # V stands for U^{t-k+1}


def _block_rules(k: int):
    u, n, v = _block_letters()
    return (((u, n), n * u), ((v, n), n * v), ((v, u), u * v), ((n,) * k, sp.Integer(0)))


def _block_model(k: int):
    """Draws matrices that satisfy the rules: N nilpotent with N^k = 0, U N = N U, U an isometry.

    U is a rotation with rational cosine and sine where the size is even, otherwise +1 or -1.
    """

    def draw(rng: random.Random, size: int) -> dict[sp.Symbol, Any]:
        u, n, v = _block_letters()
        basis = random_matrix(rng, size)
        inverse = basis.inv()
        turn, shift = diagonal([rng.choice((-1, 1))] * size), diagonal([0] * size)
        if size % 2 == 0 and rng.random() < 0.6:
            q = rational(rng)
            c, s = (1 - q**2) / (1 + q**2), 2 * q / (1 + q**2)
            cell = ((c, s), (-s, c))
            turn = _entries(size, lambda i, j: cell[i % 2][j % 2] if i // 2 == j // 2 else 0)
            if k >= 2:
                shift = _entries(size, lambda i, j: int(j == i + 2))
        else:
            shift = _entries(size, lambda i, j: int(j == i + 1 and j % k != 0))
        values = {u: basis * turn * inverse, n: basis * shift * inverse}
        values[v] = values[u] * values[u]
        return values

    return draw


def _entries(size: int, entry: Any):
    """The square rational matrix with entry(i, j) in row i and column j."""
    matrix = diagonal([0] * size)
    for i in range(size):
        for j in range(size):
            value = sp.Rational(entry(i, j))
            matrix[i, j] = diagonal([value])[0, 0]
    return matrix


def _choose(t: Any, k: int) -> sp.Expr:
    """The binomial coefficient binom(t, k) as a polynomial in t."""
    return sp.Mul(*[t - i for i in range(k)]) / sp.factorial(k)


def _power(t: Any, k: int, scale: Any) -> Any:
    """Sum_{j<k} binom(t, j) (rho U)^{t-j} N^j with rho^{t-k+1} = scale and U^{t-k+1} = V."""
    u, n, v = _block_letters()
    first = scale * v
    rotation = sp.Symbol("rho") * u
    terms = (_choose(t, j) * first * rotation ** (k - 1 - j) * n**j for j in range(k))
    return sum(terms, sp.Integer(0))


def _block_power():
    u, n, v = _block_letters()
    rho, t, scale = sp.symbols("rho t L")
    equations = []
    for k in (2, 3, 4):
        after = _power(t + 1, k, rho * scale).subs(v, u * v)
        before = (rho * u + n) * _power(t, k, scale)
        equations.append(Words(before, after, _block_rules(k), _block_model(k)))
    return equations


def _leading():
    rho, t = sp.symbols("rho t")
    # the weight of N^{k-2} in M^t over that of N^{k-1}
    return [
        Equation(_choose(t, k - 2) * rho / _choose(t, k - 1), rho * (k - 1) / (t - k + 2))
        for k in (2, 3, 4, 5, 6)
    ]


def _eigenvector():
    _, n, _ = _block_letters()
    rho = sp.Symbol("rho")
    return [Words((rho + n) * n ** (k - 1), rho * n ** (k - 1) + n**k) for k in (1, 2, 3, 4)]


def _isometric(rng: random.Random, size: int):
    t, g, u = letters("T G U")
    basis = random_matrix(rng, size)
    order = rng.sample(range(size), size)
    signed = _entries(size, lambda i, j: rng.choice((-1, 1)) if order[i] == j else 0)
    inverse = basis.inv()
    values = {u: basis * signed * inverse, g: inverse.transpose() * inverse}
    values[t] = values[u].transpose()
    return values


def _isometry():
    t, g, u = letters("T G U")  # T = U^T, <x, y> = x^T G y, T G U = G
    rules = (((t, g, u), g),)
    return [
        Words(t**4 * g * u**4, g, rules, _isometric),
        Words((t - 1) * t**4 * g * u**4 * (u - 1), 2 * g - t * g - g * u, rules, _isometric),
    ]


def _unit_eigenvalue():
    x, y = sp.symbols("x y")
    return [Sentence((sp.Eq(x**2 + y**2, 1),), sp.Equivalent((x - 1) ** 2 + y**2 > 0, x < 1))]


def _jordan_rate():
    rho, x, y, t = sp.symbols("rho x y t", positive=True)
    tangent = formula("power_iteration_jordan_tangent")
    equations = [Equation(t * tangent(rho, x, y, t) - rho, -(rho**2) * x / (rho * x + t * y))]
    for steps in (1, 2, 5):
        image = sp.Matrix([[rho, 1], [0, rho]]) ** steps * sp.Matrix([x, y])
        equations.append(Equation(image[1] / image[0], tangent(rho, x, y, steps)))
    return equations


JORDAN_STEPS = (
    cited(
        "decomposition",
        "jordan_chevalley",
        "on the eigenvalues of modulus rho M = rho U + N, U an isometry that commutes with N, N^k ="
        " 0, N^{k-1} != 0",
        "every d",
        {"not_nilpotent": ("power",)},
    ),
    identity(
        "block_power",
        "(rho U + N)^t = Sum_{j<k} binom(t, j) (rho U)^{t-j} N^j",
        "every d, k in {2..4}, every t by induction",
        _block_power,
        ("decomposition",),
    ),
    identity(
        "leading_term",
        "the term N^{k-2} weighs rho (k-1)/(t-k+2) against the term N^{k-1}: what is not leading is"
        " O(1/t)",
        "every d, k in {2..6}, every t",
        _leading,
        ("block_power",),
    ),
    cited(
        "rest",
        "gelfand",
        "(M/rho)^t -> 0 geometrically on the eigenvalues of modulus < rho",
        "every d",
        {"radius": ("decomposition",)},
    ),
    identity(
        "eigenvectors",
        "all equal +rho (U = 1): (rho + N) N^{k-1} = rho N^{k-1} + N^k and N^k = 0: the limit is an"
        " eigenvector and fixed",
        "every d, k in {1..4}",
        _eigenvector,
        ("decomposition", "positive"),
    ),
    deduced(
        "convergence",
        "W = N^{k-1} times the spectral projector is not 0, so W h_0 != 0 off a proper subspace, a"
        " null set; there h_t -> N(W h_0)",
        "every d",
        ("homogeneous", "leading_term", "rest", "eigenvectors", "almost_every"),
    ),
    identity(
        "isometry",
        "the leading terms v_t = U^t v have constant |v_t| and constant |v_{t+1} - v_t| = |U v - v|"
        " in the adapted norm",
        "every d, t = 4",
        _isometry,
        ("decomposition",),
    ),
    decided(
        "unit_eigenvalue",
        "|l/rho| = 1: |l/rho - 1| > 0 iff l is not +rho",
        "every d",
        _unit_eigenvalue,
        ("decomposition",),
    ),
    deduced(
        "necessity",
        "if h_t converges, so does v_t (its adapted norm is constant), hence U v = v for v = W h_0"
        " (up to a power of U): with a largest block at l != +rho this is a proper subspace of h_0,"
        " so h_t converges from almost no h_0",
        "every d",
        ("isometry", "unit_eigenvalue", "leading_term", "rest"),
    ),
    identity(
        "jordan_rate",
        "M = [[rho, 1], [0, rho]]: the tangent of the angle to the limit is rho y/(rho x + t y), t"
        " times it tends to rho: rate 1/t",
        "d = 2, t in {1, 2, 5}",
        _jordan_rate,
        ("block_power",),
    ),
)
