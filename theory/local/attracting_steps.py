"""Steps of the proof of L1: adapted norm, ball, smooth limit, gradients and their truncation."""

from __future__ import annotations

import random

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix, rational
from ..kernel.proof import Sentence, cited, decided, identity


def _telescope_model(rng: random.Random, size: int):
    """J, G = J^T, n, P = Sum_{k<n} c^k G^k J^k, U = G^n, V = J^n and w = c^n, for c = q^-2."""
    j = random_matrix(rng, size)
    g, c, n = j.transpose(), rational(rng), rng.randint(1, 4)
    scalars = [diagonal([c**k] * size) for k in range(n)]
    total = sum((s * g**k * j**k for k, s in enumerate(scalars)), j * 0)
    names = letters("J G P U V")
    values = dict(zip(names, (j, g, total, g**n, j**n), strict=True))
    return {**values, sp.Symbol("c"): c, sp.Symbol("w"): c**n}


def _sum(c: sp.Symbol, g: sp.Symbol, j: sp.Symbol, n: int) -> sp.Expr:
    """P = Sum_{k<n} c^k G^k J^k."""
    return sum((c**k * g**k * j**k for k in range(n)), sp.Integer(0))


def _stein():
    j, g, p, u, v = letters("J G P U V")  # G = J^T, U = G^n, V = J^n
    c, w = sp.symbols("c w")  # c = q^-2, w = c^n
    # the hypothesis of the induction: P - c G P J = I - w U V
    rules = (((g, p, j), (p - 1 + w * u * v) / c),)
    following = p + w * u * v
    return [
        *(
            Words(_sum(c, g, j, n) - c * g * _sum(c, g, j, n) * j, 1 - c**n * g**n * j**n)
            for n in (1, 2, 3)
        ),
        Words(
            following - c * g * following * j, 1 - c * w * g * u * v * j, rules, _telescope_model
        ),
    ]


def _adapted():
    x, y, w, z, q2, power = sp.symbols("x y w z q2 k")
    # x = |v|_*^2, y = |J v|_*^2, w = |v|_2^2, z = |J^n v|_2^2, q2 = q^2, power = q^(2n); the
    # identity x - y/q2 = w - z/power is that of the step before
    telescoped = sp.Eq(power * (q2 * x - y), q2 * (power * w - z))
    given = (q2 > 0, power > 0, z <= power * w)
    rest, first = sp.symbols("s f")
    return [
        Sentence((*given, telescoped), y <= q2 * x),
        # |v|_*^2 = |v|_2^2 + a sum of squares
        Sentence((sp.Eq(x, first**2 + rest**2),), x >= first**2),
    ]


def _euclidean():
    # a = |J^k v|_2, b = |J^k v|_*, x = |v|_*, y = |v|_2, C^2 = |P|_2, power = q^k
    a, b, x, y, c, power, q, following = sp.symbols("a b x y C p q n")
    return [
        Sentence((power >= 0, a <= b, b <= power * x, x <= c * y), a <= c * power * y),
        Sentence((q >= 0, b <= power * x, following <= q * b), following <= q * power * x),
    ]


def _invertible():
    x, q = sp.symbols("x q")
    return [Sentence((x >= 0, q < 1, x <= q * x), sp.Eq(x, 0))]


def _in_ball():
    x, y, q, m, r, s, first, power, slope = sp.symbols("x y q M r s a p n")
    # slope = |D_h f(h)|_* for a state of the ball, y = |f(h) - h*|_*
    sloped = (m >= 0, x >= 0, x <= r, sp.Eq(s, q + m * r))
    return [
        Sentence((*sloped, slope <= q + m * x), slope <= s),
        Sentence((s >= 0, s < 1, x >= 0, x <= r, y <= s * x), y <= r),
        Sentence((s >= 0, x <= power * first, y <= s * x), y <= s * power * first),
    ]


def _radius():
    q, m, s = sp.symbols("q M s", positive=True)
    return [Equation(q + m * formula("contraction_radius")(q, m, s), s)]


def _nearby():
    x, y, z, r, s = sp.symbols("x y z r s")
    # x = |h - h*|_*, y = |f(h, e) - h*|_*, z = |f(h*, e) - h*|_*, which is small for e near e_0
    mapped = Sentence((s >= 0, s < 1, x >= 0, x <= r, y <= s * x + z, z <= (1 - s) * r), y <= r)
    # h_t at (h_0, e_0) is within r/2 of h*, and h_t at (k_0, e) within r/2 of it
    enters = Sentence((2 * x < r, 2 * y < r, z <= x + y), z < r)
    return [mapped, enters]


def _implicit():
    q, k, change = letters("Q K D")  # Q = I - J
    return [
        # D = J D + K, the derivative of h = f(h, e), means Q D = K
        Words(change - ((1 - q) * change + k), q * change - k),
        Words((1 - q) * q**-1 * k + k, q**-1 * k),
    ]


def _rank():
    q, k, s = letters("Q K S")
    return [Words(q * (q**-1 * k), k), Words(q**-1 * (q * s), s)]


def _gradient_recursion():
    now, limit, direct, direct_limit, gradient, solution = letters("J_t J K_t K X S")
    # X' = J_t X + K_t and S = J S + K
    error = now * gradient + direct - (limit * solution + direct_limit)
    forced = (now - limit) * solution + (direct - direct_limit)
    return [Words(error, now * (gradient - solution) + forced)]


def _gradient_rate():
    s, power, t, start, c, x, y = sp.symbols("s p t a c x y")
    # power = s^(t-1): x <= s^t start + t s^(t-1) c and y <= s x + s^t c
    before = x <= s * power * start + t * power * c
    after = y <= s**2 * power * start + (t + 1) * s * power * c
    return [Sentence((s >= 0, before, y <= s * x + s * power * c), after)]


def _gradient_limit():
    s, x, y, bound, eps, top = sp.symbols("s x y b eps L")
    # x = |X_t - S|_*, y = |X_{t+1} - S|_*, eps bounds the forcing from some t on; top = limsup x
    return [
        Sentence((s >= 0, s < 1, x <= bound, eps <= (1 - s) * bound, y <= s * x + eps), y <= bound),
        Sentence(
            (s >= 0, s < 1, top >= 0, top <= s * top + eps, 2 * eps <= (1 - s) * top, eps >= 0),
            sp.Eq(top, 0),
        ),
    ]


def _neumann():
    q, k, kept, power = letters("Q K A V")  # V = J^k, A = Sum_{j<k} J^j K
    j, s = 1 - q, q**-1 * k
    return [
        Words(j * s + k, s),  # k = 1
        # the error of k + 1 terms is that of k terms less J^k K
        Words((kept + power * s) - (kept + power * k), power * j * s),
    ]


def _tail():
    product, kept, start, jacobian, direct = letters("Pi A X J_T K_T")
    # X_T = Pi X_{T-k} + A, with A the sum of the last k terms: the same for T + 1 and k + 1
    return [
        Words(
            jacobian * (product * start + kept) + direct,
            (jacobian * product) * start + (jacobian * kept + direct),
        )
    ]


def _truncation_bound():
    s, power, x, y, z, top, first = sp.symbols("s p x y z m a")
    # x = |X_{T-k}|_*, y <= s^k x; |X|_* <= m/(1 - s) + |X_0|_* all along
    recursion = Sentence(
        (s >= 0, s < 1, first >= 0, (1 - s) * x <= top + (1 - s) * first, z <= s * x + top),
        (1 - s) * z <= top + (1 - s) * first,
    )
    error = Sentence(
        (power >= 0, s < 1, y <= power * x, (1 - s) * x <= top + (1 - s) * first),
        (1 - s) * y <= power * (top + (1 - s) * first),
    )
    return [recursion, error]


def _phantom():
    q, k, kept, power = letters("Q K A V")
    w = sp.Symbol("w")
    damped, s = 1 - w * q, q**-1 * k  # (1 - w) I + w J
    return [
        Words((1 - w) + w * (1 - q), damped),
        Words(damped * s + w * k, s),
        Words((kept + power * s) - (kept + w * power * k), power * damped * s),
        Words(k - q**-1 * k, -(1 - q) * (q**-1 * k)),  # one term: K - S = -J S
    ]


STEPS = (
    cited(
        "gelfand",
        "gelfand",
        "for every q between rho(J) and 1 some n has |J^n|_2 <= q^n",
        "every d",
        {"radius": ("contractive",)},
    ),
    identity(
        "stein",
        "P = Sum_{k<n} q^(-2k) (J^T)^k J^k solves P - q^(-2) J^T P J = I - q^(-2n) (J^T)^n J^n (n ="
        " 1, and from n to n + 1); as n -> infinity this is Stein's equation with right side I",
        "every d, every n by induction",
        _stein,
    ),
    decided(
        "adapted_norm",
        "|x|_*^2 = x^T P x = Sum_{k<n} q^(-2k) |J^k x|_2^2 has |x|_2 <= |x|_* and |J x|_* <= q"
        " |x|_*",
        "every d, every n",
        _adapted,
        ("gelfand", "stein"),
    ),
    decided(
        "euclidean",
        "|J^k x|_2 <= |J^k x|_* <= q^k |x|_* <= C q^k |x|_2 with C = |P|_2^(1/2)",
        "every d, every k by induction",
        _euclidean,
        ("adapted_norm",),
    ),
    cited(
        "kreiss",
        "kreiss",
        "C may be replaced by e d K(J/q): the powers of J/q are bounded, so K(J/q) is finite",
        "every d, every k",
        {"finite": ("euclidean",)},
    ),
    cited(
        "slope_in_ball",
        "mean_value_inequality",
        "|f(h, e_0) - h*|_* <= sup |D_h f|_* |h - h*|_* over the ball",
        "every d",
        {"convex": ("adapted_norm",), "slope": ("differentiable", "lipschitz")},
        ("fixed_point",),
    ),
    decided(
        "ball",
        "|D_h f|_* <= q + M r = s in the ball, f(., e_0) maps it into itself, and |h_t - h*|_* <="
        " s^t |h_0 - h*|_* (from t to t + 1)",
        "every d, every t by induction",
        _in_ball,
        ("slope_in_ball", "adapted_norm", "in_ball"),
    ),
    identity("radius", "q + M r = s for r = (s - q)/M", "no size", _radius),
    decided(
        "invertible",
        "J x = x gives |x|_* <= q |x|_*, so x = 0: I - J is invertible",
        "every d",
        _invertible,
        ("adapted_norm",),
    ),
    cited(
        "fixed_point_moves",
        "implicit_function",
        "near (h*, e_0) the fixed points are the graph of one C^1 function h*(e)",
        "every d",
        {"smooth": ("differentiable",), "invertible": ("invertible",)},
        ("fixed_point",),
    ),
    identity(
        "derivative",
        "its derivative D = J D + K at e_0 is S = (I - J)^{-1} K",
        "every d",
        _implicit,
        ("fixed_point_moves",),
    ),
    decided(
        "nearby",
        "D_h f and f are continuous, so for e near e_0 |D_h f|_* <= s < 1 in one ball, |f(h*, e) -"
        " h*|_* <= (1 - s) r, and f(., e) maps the ball into itself; orbits of starts near h_0"
        " enter it, as h_t is continuous in (h_0, e)",
        "every d",
        _nearby,
        ("adapted_norm", "differentiable", "basin"),
    ),
    cited(
        "limit_is_smooth",
        "banach",
        "f(., e) is a contraction of the closed ball: the orbits converge to its one fixed point"
        " there, so h_inf(e) = h*(e), which is C^1 with derivative S at e_0",
        "every d",
        {
            "complete": ("adapted_norm",),
            "self_map": ("nearby",),
            "contraction": ("nearby", "slope_in_ball"),
        },
        ("fixed_point_moves", "derivative"),
    ),
    identity(
        "rank",
        "(I - J) S = K and S = (I - J)^{-1} K: S has the rank of K, and S = 0 only for K = 0",
        "every d",
        _rank,
        ("derivative", "recall"),
    ),
    identity(
        "gradient_recursion",
        "X_t = dh_t/de has X_{t+1} - S = J_t (X_t - S) + (J_t - J) S + (K_t - K)",
        "every d",
        _gradient_recursion,
        ("derivative",),
    ),
    decided(
        "gradient_limit",
        "J_t -> J and K_t -> K, and |J_t|_* <= s from some loop on: |X_t - S|_* stays bounded and"
        " its limit superior L has L <= s L + eps for every eps > 0, so X_t -> S",
        "every d",
        _gradient_limit,
        ("gradient_recursion", "limit_is_smooth", "differentiable"),
    ),
    decided(
        "gradient_rate",
        "in the ball |(J_t - J) S + K_t - K|_* <= (M |S|_* + M_e) s^t |h_0 - h*|_*, so |X_t - S|_*"
        " <= s^t |X_0 - S|_* + t s^(t-1) (M |S|_* + M_e) |h_0 - h*|_* (from t to t + 1)",
        "every d, every t by induction",
        _gradient_rate,
        ("gradient_recursion", "ball", "lipschitz"),
    ),
    identity(
        "neumann",
        "S - Sum_{j<k} J^j K = J^k S (k = 1, and from k to k + 1)",
        "every d, every k by induction",
        _neumann,
        ("derivative",),
    ),
    identity(
        "tail",
        "along an orbit the gradient less its last k terms is J_{T-1} ... J_{T-k} X_{T-k} (from T"
        " to T + 1)",
        "every d, every k, every T by induction",
        _tail,
        ("gradient_recursion",),
    ),
    decided(
        "truncation_bound",
        "the errors are at most q^k |S|_* and, in the ball, s^k (sup |K_t|_*/(1 - s) + |X_0|_*)",
        "every d, every k",
        _truncation_bound,
        ("neumann", "tail", "ball", "euclidean"),
    ),
    identity(
        "phantom",
        "k damped loops h' = (1 - w) h + w f(h, e) at h* yield w Sum_{j<k} D^j K with D = (1 - w)"
        " I + w J, which errs by D^k S; one undamped loop yields K, which errs by -J S",
        "every d, every k by induction",
        _phantom,
        ("derivative",),
    ),
)
