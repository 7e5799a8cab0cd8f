"""Steps of A2' about peri without epsilon: where its fixed points are degenerate.

With one sub-block it has no fixed points. With two sub-blocks and no gain, its fixed points form
curves of degenerate ones.
"""

from __future__ import annotations

import random
from typing import Any

import flint
import sympy as sp

from ..kernel.algebra import Equation, Words, fmpq, letters, random_matrix, rational
from ..kernel.proof import Bound, Sentence, cited, decided, enclosed, identity
from ..kernel.vectors import Span, span

D = sp.Symbol("d", positive=True)
"""the dimension of a token"""


def norm_derivative(z: Span, change: Span, s2: sp.Expr) -> Span:
    """s DN(z) change = change - z <z, change>/(d s^2), at gain 1.

    A gain multiplies the result by diag(gamma).
    """
    along: Any = z.dot(change) / (D * s2)
    return change - along * z


def _peri_one_block():
    x, a, low = sp.symbols("x a g")
    # entry by entry (gamma_i n_i)^2 >= min gamma^2 n_i^2; then sum over i with |n|^2 = d
    return [Sentence((low > 0, sp.Or(a >= low, a <= -low)), (a * x) ** 2 >= low**2 * x**2)]


def _random_states():
    c, nw, mw = sp.symbols("c nw mw")
    table = {("n1", "n1"): D, ("n1", "n2"): D * c, ("n2", "n2"): D}
    table |= {("n1", "w"): nw, ("n2", "w"): mw, ("w", "w"): 1}
    n, m, w = span("n1 n2 w", table)
    second = (nw / (D * (1 - c**2))) * (n - c * m)  # orthogonal to n2
    first = w - second  # orthogonal to n1
    return [
        Equation(n.dot(first) + c, c),
        Equation(m.dot(second) + c, c),
        Equation(n.dot(second), nw),
    ]


def _at_fixed_points():
    nx, ny = sp.symbols("nx ny")
    table = {("n1", "n1"): D, ("n1", "x"): nx, ("n1", "y"): ny}
    table |= {("x", "x"): 1, ("x", "y"): 0, ("y", "y"): 1}
    n, x, y = span("n1 x y", table)
    other = (-1) * n  # at a fixed point n2 = -n1
    change = norm_derivative(n, x, sp.Integer(1)) + norm_derivative(other, y, sp.Integer(1))
    reached = norm_derivative(n, x, sp.Integer(1))
    return [
        # the derivatives of f - h by state and by parameters have this form: never along n1 ...
        Equation(n.dot(change) + nx, nx),
        # ... and they reach all of n1^perp
        Equation(reached.dot(x), 1 - nx**2 / D),
    ]


def _line_of_fixed_points():
    size, eigenvalue, t = sp.symbols("R lambda t", positive=True)
    qv, qxx = sp.symbols("qv qxx")
    table = {("v", "v"): 1, ("v", "x"): 0, ("x", "x"): 1}
    table |= {("qx", "v"): qv, ("qx", "x"): qxx, ("qx", "qx"): 1}
    v, x, qx = span("v x qx", table)
    # |v| = 1, h = t v, Q v = lambda v: n1 = R v, h + n1 = (t + R) v, z2 = -Q R v, |z2| = lambda R
    z2 = (-eigenvalue * size) * v
    n2: Any = (size / (eigenvalue * size)) * z2
    # a change x orthogonal to v: dn1 = (R/t) x, dN(h + n1) = R/(t + R) (x + dn1) = (R/t) x,
    # dz2 = -(R/t) Q x
    first = (size / t) * x
    middle: Any = (size / (t + size)) * (x + first)
    dz2 = (-size / t) * qx
    second = (size / (eigenvalue * size)) * (dz2 - v.dot(dz2) * v)
    projected: Any = qx - v.dot(qx) * v  # P Q x
    total = first + second
    return [
        Equation((n2 + size * v)["v"] + 1, 1),
        Equation(middle["x"], first["x"]),
        Equation(total["x"], size / t),
        Equation(total["qx"], -size / (eigenvalue * t) * projected["qx"]),
        Equation(total["v"], -size / (eigenvalue * t) * projected["v"]),
    ]


def _simple_model(rng: random.Random, size: int):
    q, x, v = letters("Q x v")
    eigenvalue, mu = sp.symbols("lambda mu")
    basis, value, coupling = random_matrix(rng, size), rational(rng), rational(rng)

    def unit(i: int, j: int, entry: object = 1) -> flint.fmpq_mat:
        matrix = flint.fmpq_mat(size, size)
        if max(i, j) < size:
            matrix[i, j] = fmpq(entry)
        return matrix

    block = unit(0, 1, coupling)
    for i in range(size):
        block = block + unit(i, i, value if i < 2 else rational(rng))
    return {
        q: basis * block * basis.inv(),
        v: basis * unit(0, 0) if size > 1 else unit(1, 1),
        x: basis * unit(1, 0),
        eigenvalue: value,
        mu: coupling,
    }


def _simple():
    q, x, v = letters("Q x v")
    eigenvalue, mu = sp.symbols("lambda mu")
    rules = (((q, x), eigenvalue * x + mu * v), ((q, v), eigenvalue * v))
    # P Q x = lambda x means Q x = lambda x + mu v: then (Q - lambda)^2 x = 0
    return [
        Words((q - eigenvalue) * x, mu * v, rules, _simple_model),
        Words(q * q * x, 2 * eigenvalue * q * x - eigenvalue**2 * x, rules, _simple_model),
    ]


CELLS = 8
"""pieces of each side of the rectangle; with fewer, the balls are wider than the bounds"""


def _rectangle():
    """A certificate in balls for an open set of parameters, d = 2.

    The updates are u1(n) = W1 n + c1 and u2(m) = -W2 m + c2, with every number within 1/1000 of
    W1 = I, W2 = diag(1, -1/2), c1 = c2 = 0.
    """
    (left, right), (low, high) = (1, 2), (flint.fmpq(-3, 10), flint.fmpq(3, 10))

    def cell(a: flint.fmpq | int, b: flint.fmpq | int, k: int) -> flint.arb:
        start, width = flint.fmpq(a), flint.fmpq(b) - flint.fmpq(a)
        ends = [flint.arb(start + width * i / CELLS) for i in (k, k + 1)]
        return ends[0].union(ends[1])

    xs, ys = ([cell(a, b, k) for k in range(CELLS)] for a, b in ((left, right), (low, high)))
    edges = [_merged([_cross_and_dot(x, flint.arb(y))[0] for x in xs]) for y in (low, high)]
    inner = _merged([_cross_and_dot(x, y)[1] for x in xs for y in ys])
    return [
        Bound("n1 x (-n2) on the lower edge h2 = -0.3", edges[0], "0.43", "0.89"),
        Bound("n1 x (-n2) on the upper edge h2 = 0.3", edges[1], "-0.89", "-0.43"),
        Bound("<n1, n2> on the rectangle", inner, "-2.01", "-1.78"),
    ]


def _cross_and_dot(x: flint.arb, y: flint.arb) -> tuple[flint.arb, flint.arb]:
    """n1 x (-n2) and <n1, n2> at the state (x, y)."""
    near = flint.arb(0, "0.001")
    one, half = 1 + near, flint.arb("0.5") + near

    def normed(a: flint.arb, b: flint.arb) -> tuple[flint.arb, flint.arb]:
        # written with the slope b/a, so that the balls are tight; a has a fixed sign
        size = flint.arb(2).sqrt() / (1 + (b / a) ** 2).sqrt()
        first = size if a > 0 else -size
        return first, (b / a) * first

    a, b = normed(x, y)
    n1 = normed(one * a + near * b + near, near * a + one * b + near)
    a, b = normed(x + n1[0], y + n1[1])
    n2 = normed(-one * a + near * b + near, near * a + half * b + near)
    return n2[0] * n1[1] - n1[0] * n2[1], n1[0] * n2[0] + n1[1] * n2[1]


def _merged(balls: list[flint.arb]) -> flint.arb:
    """One ball that contains all of them."""
    total = balls[0]
    for ball in balls[1:]:
        total = total.union(ball)
    return total


STEPS = (
    decided(
        "peri_one_block",
        "peri, one sub-block, eps = 0, no external recall: |h' - h|^2 = Sum gamma_i^2 n_i^2 >= d"
        " min gamma^2 > 0: no fixed point for any parameter",
        "every d",
        _peri_one_block,
        ("gains", "epsilon", "direct"),
    ),
    identity(
        "gain_free_random_states",
        "gain-free peri with two sub-blocks: n1^perp + n2^perp is everything unless n2 = +-n1, so"
        " D_theta f has rank d at random states",
        "every d >= 2",
        _random_states,
    ),
    identity(
        "gain_free_fixed_points",
        "without external recall a fixed point has n2 = -n1: D_theta f and J - I both map into"
        " n1^perp, rank d - 1: every fixed point is degenerate",
        "every d >= 2",
        _at_fixed_points,
        ("direct",),
    ),
    identity(
        "line_of_fixed_points",
        "u1(n) = n, u2(m) = -Q m, Q v = lambda v with lambda > 0: every t v is fixed; across v the"
        " derivative is (R/(lambda t))(lambda - P Q)",
        "every d >= 2",
        _line_of_fixed_points,
    ),
    identity(
        "simple_eigenvalue",
        "P Q x = lambda x across v means (Q - lambda)^2 x = 0; if lambda is algebraically simple x"
        " = 0, so the derivative has rank d - 1",
        "every d >= 2",
        _simple,
    ),
    cited(
        "open_set_of_curves",
        "implicit_function",
        "n1 + n2 = 0 is d - 1 equations in d unknowns with a derivative of rank d - 1: all nearby"
        " parameters have a curve of fixed points",
        "every d >= 2",
        {"smooth": ("smooth",), "invertible": ("line_of_fixed_points", "simple_eigenvalue")},
    ),
    enclosed(
        "rectangle_of_fixed_points",
        "two affine sub-blocks within 1/1000 of u1(n) = n, u2(m) = -diag(1, -1/2) m: on [1, 2] x"
        " [-0.3, 0.3] n2 turns away from -n1 to different sides below and above, never to n1: every"
        " vertical line holds a fixed point, uncountably many for every such parameter",
        "d = 2",
        _rectangle,
        ("gain_free_fixed_points",),
    ),
)
