"""A2': which parameters reach every direction, by architecture; the rank has to be tested at fixed points."""

from __future__ import annotations

import random

import flint
import sympy as sp

from theory.algebra import Equation, Words, fmpq, random_matrix, rational
from theory.autonomous.surjectivity_attacks import FALSIFIERS
from theory.claim import Assumption, Axis, Claim, Consequence
from theory.proof import Bound, Sentence, cited, decided, deduced, identity
from theory.proof import enclosed as enclosed_step
from theory.vectors import Span, span

D = sp.Symbol("d", positive=True)


def _norm_derivative(z: Span, change: Span, s2: sp.Expr) -> Span:
    """s DN(z) change = change - z <z, change>/(d s^2), gain 1; a gain multiplies it by diag(gamma) afterwards."""
    return change - (z.dot(change) / (D * s2)) * z


def _epsilon_positive():
    zz, zw, eps = sp.symbols("zz zw epsilon", positive=True)
    z, w = span("z w", {("z", "z"): zz, ("w", "z"): zw, ("w", "w"): 1})
    change = w + (zw / (D * eps)) * z  # its image is w: DN(z) is invertible
    image = _norm_derivative(z, change, zz / D + eps)
    return [Equation(image["w"], 1), Equation(image["z"] + eps, eps)]


def _epsilon_zero():
    zz, zw = sp.symbols("zz zw", positive=True)
    z, w = span("z w", {("z", "z"): zz, ("w", "z"): zw, ("w", "w"): 1})
    s2 = zz / D
    image = _norm_derivative(z, w, s2)
    twice = _norm_derivative(z, image, s2)
    return [
        Equation(z.dot(image) + zw, zw),  # the range is across z ...
        Equation(twice["z"], image["z"]),  # ... and all of it: s DN is the projector on z^perp
        Equation(twice["w"], image["w"]),
        # peri: with the gain, v = (v - n <n, v>/d) + n <n, v>/d, the second part reached by moving gamma (gamma o n <n, v>/d)
        Equation((image + (zw / zz) * z)["z"] + 1, 1),
        Equation((image + (zw / zz) * z)["w"], 1),
    ]


def _gru():
    u, w, v, h = sp.symbols("u w v h", positive=True)
    # tanh x = (u - 1)/(u + 1), u = e^{2x}; update gate w/(1 + w), reset gate v/(1 + v), w and v exponentials
    n, gate, reset = (u - 1) / (u + 1), w / (1 + w), v / (1 + v)
    state = (1 - gate) * n + gate * h
    by_bias = sp.diff(state, u) * 2 * u  # du/dx = 2u
    return [
        Equation(by_bias, (1 - gate) * (1 - n**2)),
        Equation(by_bias, 4 * u / ((1 + w) * (1 + u) ** 2)),
        Equation(reset * by_bias, 4 * u * v / ((1 + v) * (1 + w) * (1 + u) ** 2)),
    ]


def _shared_model(rng: random.Random, size: int):
    t1, s1 = sp.symbols("T_1 S_1", commutative=False)
    value = random_matrix(rng, size)
    return {t1: value, s1: value.inv()}


def _shared_bias():
    t1, t2, s1, v, db = sp.symbols("T_1 T_2 S_1 v db", commutative=False, seq=True)
    # D_b f = (T_1; T_2; ...): the rows (v T_2 T_1^{-1}, -v) annihilate its image
    rules = (((s1, t1), sp.Integer(1)),)
    return [Words(v * t2 * s1 * t1 * db, v * t2 * db, rules, _shared_model)]


def _output_layer():
    equations = []
    for tokens in (2, 3):
        names = [f"a{i}" for i in range(tokens)]
        table = {(names[i], names[j]): sp.Symbol(f"g{i}{j}") for i in range(tokens) for j in range(i, tokens)}
        vectors = span(" ".join(names), table)  # the vectors (a_i, 1)
        gram = sp.Matrix(tokens, tokens, lambda i, j: table[names[min(i, j)], names[max(i, j)]])  # noqa: B023
        adjugate, det = gram.adjugate(), gram.det(method="berkowitz")
        for j in range(tokens):
            dual = sum((adjugate[j, i] * vectors[i] for i in range(1, tokens)), adjugate[j, 0] * vectors[0])
            # (dW, db) = Sum_j w_j dual_j^T/det moves token i by Sum_j w_j <dual_j, a_i>/det = w_i
            equations += [Equation(dual.dot(vectors[i]), det if i == j else 0) for i in range(tokens)]
    return equations


def _output_layer_necessary():
    change, a1, a2 = sp.symbols("dW a_1 a_2", commutative=False, seq=True)
    x, y, z = sp.symbols("x y z")
    third = -(x / z) * a1 - (y / z) * a2  # x a_1 + y a_2 + z a_3 = 0
    return [Words(x * change * a1 + y * change * a2, -z * change * third)]


def _kronecker():
    equations = []
    for tokens, d in ((2, 2), (2, 3), (3, 2)):
        entries = sp.Matrix(tokens, tokens, lambda i, j: sp.Symbol(f"a{i}_{j}") if j < tokens - 1 else sp.Integer(1))  # noqa: B023
        matrix = sp.Matrix(sp.kronecker_product(entries, sp.eye(d)))
        equations.append(Equation(matrix.det(method="berkowitz"), entries.det(method="berkowitz") ** d))
    return equations


def _too_many_tokens():
    d, tokens, hidden = sp.symbols("d L k")
    return [
        Sentence((d > 0, tokens > hidden + 1), d * (hidden + 1) < d * tokens),
        Sentence((d > 0, tokens >= 2), 2 * d <= d * tokens),
        Sentence((d > 0, tokens >= 3), 3 * (2 * d) <= 2 * d * tokens),  # bias and gain together have 2 d numbers
    ]


def _peri_one_block():
    x, a, low = sp.symbols("x a g")
    # entry by entry (gamma_i n_i)^2 >= min gamma^2 n_i^2; summed with |n|^2 = d
    return [Sentence((low > 0, sp.Or(a >= low, a <= -low)), (a * x) ** 2 >= low**2 * x**2)]


def _random_states():
    c, nw, mw = sp.symbols("c nw mw")
    n, m, w = span("n1 n2 w", {("n1", "n1"): D, ("n1", "n2"): D * c, ("n2", "n2"): D, ("n1", "w"): nw, ("n2", "w"): mw, ("w", "w"): 1})
    second = (nw / (D * (1 - c**2))) * (n - c * m)  # across n2
    first = w - second  # across n1
    return [Equation(n.dot(first) + c, c), Equation(m.dot(second) + c, c), Equation(n.dot(second), nw)]


def _at_fixed_points():
    nx, ny = sp.symbols("nx ny")
    n, x, y = span("n1 x y", {("n1", "n1"): D, ("n1", "x"): nx, ("n1", "y"): ny, ("x", "x"): 1, ("x", "y"): 0, ("y", "y"): 1})
    other = (-1) * n  # a fixed point: n2 = -n1
    change = _norm_derivative(n, x, sp.Integer(1)) + _norm_derivative(other, y, sp.Integer(1))
    reached = _norm_derivative(n, x, sp.Integer(1))
    return [
        Equation(n.dot(change) + nx, nx),  # D(f - h) by states and by parameters is of this form: never along n1
        Equation(reached.dot(x), 1 - nx**2 / D),  # all of n1^perp is reached
    ]


def _line_of_fixed_points():
    size, eigenvalue, t = sp.symbols("R lambda t", positive=True)
    table = {("v", "v"): 1, ("v", "x"): 0, ("qx", "v"): sp.Symbol("qv"), ("x", "x"): 1, ("qx", "x"): sp.Symbol("qxx"), ("qx", "qx"): 1}
    v, x, qx = span("v x qx", table)
    # |v| = 1, h = t v, Q v = lambda v: n1 = R v, h + n1 = (t + R) v, z2 = -Q R v, |z2| = lambda R
    z2 = (-eigenvalue * size) * v
    n2 = (size / (eigenvalue * size)) * z2
    # a change x across v: dn1 = (R/t) x, dN(h + n1) = R/(t + R) (x + dn1) = (R/t) x, dz2 = -(R/t) Q x
    first = (size / t) * x
    middle = (size / (t + size)) * (x + first)
    dz2 = (-size / t) * qx
    second = (size / (eigenvalue * size)) * (dz2 - v.dot(dz2) * v)
    projected = qx - v.dot(qx) * v  # P Q x
    total = first + second
    return [
        Equation((n2 + size * v)["v"] + 1, 1),
        Equation(middle["x"], first["x"]),
        Equation(total["x"], size / t),
        Equation(total["qx"], -size / (eigenvalue * t) * projected["qx"]),
        Equation(total["v"], -size / (eigenvalue * t) * projected["v"]),
    ]


def _simple_model(rng: random.Random, size: int):
    q, x, v = sp.symbols("Q x v", commutative=False)
    eigenvalue, mu = sp.symbols("lambda mu")
    basis, value, coupling = random_matrix(rng, size), rational(rng), rational(rng)

    def unit(i: int, j: int, entry: object = 1) -> flint.fmpq_mat:
        return flint.fmpq_mat(
            [[fmpq(entry) if (a, b) == (i, j) and max(i, j) < size else flint.fmpq(0) for b in range(size)] for a in range(size)]
        )

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
    q, x, v = sp.symbols("Q x v", commutative=False)
    eigenvalue, mu = sp.symbols("lambda mu")
    rules = (((q, x), eigenvalue * x + mu * v), ((q, v), eigenvalue * v))
    # P Q x = lambda x means Q x = lambda x + mu v: then (Q - lambda)^2 x = 0
    return [
        Words((q - eigenvalue) * x, mu * v, rules, _simple_model),
        Words(q * q * x, 2 * eigenvalue * q * x - eigenvalue**2 * x, rules, _simple_model),
    ]


CELLS = 8


def _rectangle():
    """Ball certificate, d = 2: u1(n) = W1 n + c1, u2(m) = -W2 m + c2, every number within 1/1000 of W1 = I, W2 = diag(1, -1/2), c = 0."""
    (left, right), (low, high) = (1, 2), (flint.fmpq(-3, 10), flint.fmpq(3, 10))

    def cell(a: flint.fmpq | int, b: flint.fmpq | int, k: int) -> flint.arb:
        start, width = flint.fmpq(a), flint.fmpq(b) - flint.fmpq(a)
        return flint.arb(start + width * k / CELLS).union(flint.arb(start + width * (k + 1) / CELLS))

    xs, ys = ([cell(a, b, k) for k in range(CELLS)] for a, b in ((left, right), (low, high)))
    edges = [_merged([_cross_and_dot(x, flint.arb(y))[0] for x in xs]) for y in (low, high)]
    inner = _merged([_cross_and_dot(x, y)[1] for x in xs for y in ys])
    return [
        Bound("n1 x (-n2) on the lower edge h2 = -0.3", edges[0], "0.43", "0.89"),
        Bound("n1 x (-n2) on the upper edge h2 = 0.3", edges[1], "-0.89", "-0.43"),
        Bound("<n1, n2> on the rectangle", inner, "-2.01", "-1.78"),
    ]


def _cross_and_dot(x: flint.arb, y: flint.arb) -> tuple[flint.arb, flint.arb]:
    near = flint.arb(0, "0.001")
    one, half = 1 + near, flint.arb("0.5") + near

    def normed(a: flint.arb, b: flint.arb) -> tuple[flint.arb, flint.arb]:
        first = flint.arb(2).sqrt() / (1 + (b / a) ** 2).sqrt()  # by the slope b/a, for tight balls; a keeps its sign
        return (first if a > 0 else -first), (b / a) * (first if a > 0 else -first)

    a, b = normed(x, y)
    n1 = normed(one * a + near * b + near, near * a + one * b + near)
    a, b = normed(x + n1[0], y + n1[1])
    n2 = normed(-one * a + near * b + near, near * a + half * b + near)
    return n2[0] * n1[1] - n1[0] * n2[1], n1[0] * n2[0] + n1[1] * n2[1]


def _merged(balls: list[flint.arb]) -> flint.arb:
    total = balls[0]
    for ball in balls[1:]:
        total = total.union(ball)
    return total


_STEPS = (
    identity(
        "norm_with_epsilon",
        "eps > 0: DN(z)(w + z <z,w>/(d eps)) = w/s, so N is a local diffeomorphism; one token: the last bias is onto for pre (D_b f = I), "
        "peri, post, sandwich when no gain vanishes",
        "every d, L = 1",
        _epsilon_positive,
        ("gains",),
    ),
    identity(
        "norm_without_epsilon",
        "eps = 0: s DN(z) is the projector on z^perp: post and sandwich are onto the tangent space; peri lacks one direction, which the "
        "gain supplies (bias and gain together onto)",
        "every d, L = 1",
        _epsilon_zero,
        ("gains",),
    ),
    identity(
        "gru",
        "gru: the candidate bias has derivative diag((1 - zeta)(1 - n^2)), a quotient of positive terms; the hidden candidate bias that "
        "times "
        "r > 0",
        "every d (entry by entry), L = 1",
        _gru,
    ),
    identity(
        "shared_bias",
        "several tokens, T_1 invertible: the rows (v T_2 T_1^{-1}, -v) annihilate D_b f = (T_1; T_2; ..): a shared bias is never onto",
        "every d, L >= 2 (two of the tokens)",
        _shared_bias,
    ),
    identity(
        "output_layer",
        "the last linear map moves token i by dW a_i + db: vectors dual to the (a_i, 1) exist when their Gram determinant is not zero, and "
        "then every (w_1, .., w_L) is reached; after it act the T_i, so the image is that of T_1 x .. x T_L",
        "every d and hidden width, L = 2, 3",
        _output_layer,
        ("independent",),
    ),
    identity(
        "output_layer_necessary",
        "Sum x_i (a_i, 1) = 0 forces Sum x_i (dW a_i + db) = 0: dependence costs d directions per relation (equal tokens: x = (1, -1, 0))",
        "every d and hidden width, L = 3",
        _output_layer_necessary,
    ),
    identity(
        "output_layer_determinant",
        "L = hidden + 1: the derivative is the Kronecker product with I_d, of determinant det((a_i, 1))^d",
        "(L, d) = (2, 2), (2, 3), (3, 2)",
        _kronecker,
    ),
    decided(
        "counting",
        "rank <= d (shared bias) is at most half of L d, rank <= 2d (bias and gain, L >= 3) at most two thirds, and "
        "rank <= d(hidden + 1) < L d when L > hidden + 1",
        "every d, L, hidden",
        _too_many_tokens,
    ),
    deduced(
        "equal_tokens",
        "tokens that are equal stay equal (M6), so every derivative by shared parameters is equal on them: rank <= d x number of distinct "
        "tokens whatever the parameters; on the invariant subspace of the partition the lemma applies with L = that number",
        "every d, every L",
        ("output_layer", "output_layer_necessary"),
    ),
    cited(
        "generic",
        "parametric_transversality",
        "so for almost every parameter every fixed point where the rank is full is non-degenerate",
        "every d, every L",
        {
            "smooth": ("smooth",),
            "rank": ("norm_with_epsilon", "norm_without_epsilon", "gru", "output_layer", "at_fixed_points"),
        },
    ),
    decided(
        "peri_one_block",
        "peri, one sub-block, eps = 0: |h' - h|^2 = Sum gamma_i^2 n_i^2 >= d min gamma^2 > 0: no fixed point for any parameter",
        "every d (entry by entry)",
        _peri_one_block,
        ("gains",),
    ),
    identity(
        "gain_free_random_states",
        "gain-free peri with two sub-blocks: n1^perp + n2^perp is everything unless n2 = +-n1, so D_theta f has rank d at random states",
        "every d >= 2",
        _random_states,
    ),
    identity(
        "gain_free_fixed_points",
        "a fixed point has n2 = -n1: D_theta f and J - I both map into n1^perp, rank d - 1: every fixed point is degenerate",
        "every d >= 2",
        _at_fixed_points,
    ),
    identity(
        "line_of_fixed_points",
        "u1(n) = n, u2(m) = -Q m, Q v = lambda v with lambda > 0: every t v is fixed; across v the derivative is (R/(lambda t))(lambda - "
        "P Q)",
        "every d >= 2",
        _line_of_fixed_points,
    ),
    identity(
        "simple_eigenvalue",
        "P Q x = lambda x across v means (Q - lambda)^2 x = 0; if lambda is algebraically simple x = 0, so the derivative has rank d - 1",
        "every d >= 2",
        _simple,
    ),
    cited(
        "open_set_of_curves",
        "implicit_function",
        "n1 + n2 = 0 is d - 1 equations in d unknowns with a derivative of rank d - 1: all nearby parameters have a curve of fixed points",
        "every d >= 2",
        {"smooth": ("smooth",), "invertible": ("line_of_fixed_points", "simple_eigenvalue")},
    ),
    enclosed_step(
        "rectangle_of_fixed_points",
        "two affine sub-blocks within 1/1000 of u1(n) = n, u2(m) = -diag(1, -1/2) m: on [1, 2] x [-0.3, 0.3] n2 turns away from -n1 to "
        "different sides below and above, never to n1: every vertical line holds a fixed point, uncountably many for every such parameter",
        "d = 2, a box of 12 parameters",
        _rectangle,
        ("gain_free_fixed_points",),
    ),
)

A2_PRIME = Claim(
    id="A2'",
    title="Which parameters reach every direction, by architecture",
    source="paper+extension",
    statement="The rank hypothesis of A2. One token: the last bias is onto R^d for pre and, with eps > 0 and gains without zeros, for "
    "peri, post, "
    "sandwich; with eps = 0 it is onto the tangent space for post and sandwich, and bias and gain together are onto for peri; gru: the "
    "candidate bias. L tokens: a shared bias has rank <= d < L d; the last linear map (W2, b2) is onto iff (a_1, 1), .., (a_L, 1) are "
    "linearly "
    "independent, which needs L <= hidden + 1; equal tokens are treated per partition. The rank must be tested at fixed points: gain-free "
    "peri "
    "with two sub-blocks, eps = 0, has rank d at random states and d - 1 at every fixed point, and curves of fixed points on an open set "
    "of "
    "parameters. Peri with one sub-block, eps = 0 has no fixed point: |h' - h| >= sqrt(d) min|gamma|.",
    latex=r"Let $N(z)=\gamma\circ z/s$, $s^2=\frac1d|z|^2+\varepsilon$, with all $\gamma_i\neq0$. \emph{One token.} The derivative of the "
    r"loop "
    r"in its last bias is onto $\mathbb{R}^d$ for pre, and for peri, post and sandwich if $\varepsilon>0$; if $\varepsilon=0$ it is onto "
    r"the "
    r"tangent space $T_{f(h)}$ for post and sandwich, and the derivative in $(b,\gamma)$ is onto $\mathbb{R}^d$ for peri. For gru the "
    r"derivative in the candidate bias is $\mathrm{diag}((1-\zeta)(1-n^2))$, invertible. \emph{$L\geq2$ tokens.} A shared bias has rank at "
    r"most $d<Ld$. The derivative in the last linear map $a_i\mapsto W_2a_i+b_2$ has rank $Ld$ iff $(a_1,1),\dots,(a_L,1)$ are linearly "
    r"independent, which needs $L\leq\mathrm{hidden}+1$. \emph{Fixed points.} For $h'=h+n_1+n_2$ with $|n_1|=|n_2|=\sqrt d$ (peri, two "
    r"sub-blocks, $\gamma=1$, $\varepsilon=0$) every fixed point has $n_2=-n_1$; there the derivatives in all parameters and $J-I$ map "
    r"into "
    r"$n_1^\perp$, so $\det(I-J)=0$, although at states with $n_2\neq\pm n_1$ the parameters have rank $d$; on a non-empty open set of "
    r"parameters the fixed points form curves. For one such sub-block $|h'-h|\geq\sqrt d\,\min_i|\gamma_i|$.",
    assumptions=(
        Assumption(
            "smooth", "f is C^1 in state and parameters: no argument of a norm vanishes (eps > 0 in every norm makes it everywhere)"
        ),
        Assumption("gains", "no entry of a gain gamma vanishes"),
        Assumption("independent", "several tokens: the vectors (a_i, 1) of the last hidden activations are linearly independent"),
        Assumption("at_fixed_points", "the rank is tested at the fixed points, not at random states"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    consequences=(
        Consequence(
            Axis.GEOMETRY,
            "rank d - 1",
            "Gain-free peri with two sub-blocks and eps = 0: I - J is singular at every fixed point, for every parameter.",
            outer_norm=False,
            when="peri, gamma fixed to 1, eps = 0, two sub-blocks",
        ),
        Consequence(
            Axis.REACHABILITY,
            "no fixed point",
            "Peri with one sub-block and eps = 0 has no fixed point at all.",
            outer_norm=False,
            when="peri, additive residual, one sub-block, no or internal recall, eps = 0",
        ),
    ),
    notes=(
        "A shared bias does not suffice for several tokens, as an earlier version had it; a per-position output bias would.",
        "Gain-free peri passes the rank test at random states and fails it at every fixed point.",
        "Tokens that are parallel but not equal lose rank as equal ones do under pre, eps = 0, one sub-block (n(h_1) = n(h_2)).",
        "(b, gamma) at peri, eps = 0: moving gamma already reaches every entry with n_i != 0; gains without zeros cover n_i = 0.",
    ),
)
