"""Claim A2': which parameters of an architecture reach every direction of the state.

The rank has to be tested at fixed points.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..architecture import Recall, Residual
from ..kernel.algebra import Equation, Words, letters, random_matrix
from ..kernel.claim import Assumption, Axis, Claim, Consequence
from ..kernel.proof import Sentence, cited, decided, deduced, identity
from ..kernel.vectors import span
from .falsifiers.surjectivity import FALSIFIERS
from .peri import STEPS as PERI_STEPS
from .peri import D, norm_derivative


def _epsilon_positive():
    zz, zw, eps = sp.symbols("zz zw epsilon", positive=True)
    z, w = span("z w", {("z", "z"): zz, ("w", "z"): zw, ("w", "w"): 1})
    change = w + (zw / (D * eps)) * z  # its image is w: DN(z) is invertible
    image = norm_derivative(z, change, zz / D + eps)
    return [Equation(image["w"], 1), Equation(image["z"] + eps, eps)]


def _epsilon_zero():
    zz, zw = sp.symbols("zz zw", positive=True)
    z, w = span("z w", {("z", "z"): zz, ("w", "z"): zw, ("w", "w"): 1})
    s2 = zz / D
    image = norm_derivative(z, w, s2)
    twice = norm_derivative(z, image, s2)
    return [
        # the range lies in z^perp, and fills it: s DN is the projector on z^perp
        Equation(z.dot(image) + zw, zw),
        Equation(twice["z"], image["z"]),
        Equation(twice["w"], image["w"]),
        # peri with its gain: v = (v - n <n, v>/d) + n <n, v>/d, and a change of gamma reaches the
        # second part, gamma o n <n, v>/d
        Equation((image + (zw / zz) * z)["z"] + 1, 1),
        Equation((image + (zw / zz) * z)["w"], 1),
    ]


def _gru():
    u, w, v, h = sp.symbols("u w v h", positive=True)
    # tanh x = (u - 1)/(u + 1) with u = e^{2x}; the update gate is w/(1 + w), the reset gate
    # v/(1 + v), where w and v are exponentials too
    n, gate, reset = (u - 1) / (u + 1), w / (1 + w), v / (1 + v)
    state = (1 - gate) * n + gate * h
    by_bias = sp.diff(state, u) * 2 * u  # du/dx = 2u
    return [
        Equation(by_bias, (1 - gate) * (1 - n**2)),
        Equation(by_bias, 4 * u / ((1 + w) * (1 + u) ** 2)),
        Equation(reset * by_bias, 4 * u * v / ((1 + v) * (1 + w) * (1 + u) ** 2)),
    ]


def _shared_model(rng: random.Random, size: int):
    t1, s1 = letters("T_1 S_1")
    value = random_matrix(rng, size)
    return {t1: value, s1: value.inv()}


def _shared_bias():
    t1, t2, s1, v, db = letters("T_1 T_2 S_1 v db")
    # D_b f = (T_1; T_2; ...): the rows (v T_2 T_1^{-1}, -v) annihilate its image
    rules = (((s1, t1), sp.Integer(1)),)
    return [Words(v * t2 * s1 * t1 * db, v * t2 * db, rules, _shared_model)]


def _output_layer():
    equations = []
    for tokens in (2, 3):
        gram = sp.Matrix(tokens, tokens, lambda i, j: sp.Symbol(f"g{min(i, j)}{max(i, j)}"))
        adjugate, det = gram.adjugate(), gram.det(method="berkowitz")
        names = [f"a{i}" for i in range(tokens)]
        pairs = [(i, j) for i in range(tokens) for j in range(i, tokens)]
        vectors = span(" ".join(names), {(names[i], names[j]): gram[i, j] for i, j in pairs})
        for j in range(tokens):
            first, *others = (adjugate[j, i] * vectors[i] for i in range(tokens))
            dual: Any = sum(others, first)
            # the vectors are (a_i, 1); (dW, db) = Sum_j w_j dual_j^T/det moves token i by
            # Sum_j w_j <dual_j, a_i>/det = w_i
            equations += [
                Equation(dual.dot(vectors[i]), det if i == j else 0) for i in range(tokens)
            ]
    return equations


def _output_layer_necessary():
    change, a1, a2 = letters("dW a_1 a_2")
    x, y, z = sp.symbols("x y z")
    third = -(x / z) * a1 - (y / z) * a2  # x a_1 + y a_2 + z a_3 = 0
    return [Words(x * change * a1 + y * change * a2, -z * change * third)]


def _kronecker():
    equations = []
    for tokens, d in ((2, 2), (2, 3), (3, 2)):
        free = [[sp.Symbol(f"a{i}_{j}") for j in range(tokens - 1)] for i in range(tokens)]
        entries: Any = sp.Matrix([[*row, sp.Integer(1)] for row in free])
        matrix = sp.Matrix(sp.kronecker_product(entries, sp.eye(d)))
        small = entries.det(method="berkowitz")
        equations.append(Equation(matrix.det(method="berkowitz"), small**d))
    return equations


def _too_many_tokens():
    d, tokens, hidden = sp.symbols("d L k")
    return [
        Sentence((d > 0, tokens > hidden + 1), d * (hidden + 1) < d * tokens),
        Sentence((d > 0, tokens >= 2), 2 * d <= d * tokens),
        # bias and gain together have 2 d numbers
        Sentence((d > 0, tokens >= 3), 3 * (2 * d) <= 2 * d * tokens),
    ]


_STEPS = (
    identity(
        "norm_with_epsilon",
        "eps > 0: DN(z)(w + z <z,w>/(d eps)) = w/s, so N is a local diffeomorphism; one token: the"
        " last bias is onto for pre (D_b f = I), peri, post, sandwich when no gain vanishes",
        "every d, L = 1",
        _epsilon_positive,
        ("gains",),
    ),
    identity(
        "norm_without_epsilon",
        "eps = 0: s DN(z) is the projector on z^perp: post and sandwich are onto the tangent space;"
        " peri lacks one direction, which the gain supplies (bias and gain together onto)",
        "every d, L = 1",
        _epsilon_zero,
        ("gains",),
    ),
    identity(
        "gru",
        "gru: the candidate bias has derivative diag((1 - zeta)(1 - n^2)), a quotient of positive"
        " terms; the hidden candidate bias that times r > 0",
        "every d, L = 1",
        _gru,
    ),
    identity(
        "shared_bias",
        "several tokens, T_1 invertible: the rows (v T_2 T_1^{-1}, -v) annihilate D_b f = (T_1;"
        " T_2; ..): a shared bias is never onto",
        "every d, every L >= 2",
        _shared_bias,
    ),
    identity(
        "output_layer",
        "the last linear map moves token i by dW a_i + db: vectors dual to the (a_i, 1) exist when"
        " their Gram determinant is not zero, and then every (w_1, .., w_L) is reached; after it"
        " act the T_i, so the image is that of T_1 x .. x T_L",
        "every d, every m, L in {2, 3}",
        _output_layer,
        ("independent",),
    ),
    identity(
        "output_layer_necessary",
        "Sum x_i (a_i, 1) = 0 forces Sum x_i (dW a_i + db) = 0: dependence costs d directions per"
        " relation (equal tokens: x = (1, -1, 0))",
        "every d, every m, L = 3",
        _output_layer_necessary,
    ),
    identity(
        "output_layer_determinant",
        "L = hidden + 1: the derivative is the Kronecker product with I_d, of determinant det((a_i,"
        " 1))^d",
        "L in {2, 3}, d in {2, 3}",
        _kronecker,
    ),
    decided(
        "counting",
        "rank <= d (shared bias) is at most half of L d, rank <= 2d (bias and gain, L >= 3) at most"
        " two thirds, and rank <= d(hidden + 1) < L d when L > hidden + 1",
        "every d, every L, every m",
        _too_many_tokens,
    ),
    deduced(
        "equal_tokens",
        "tokens that are equal stay equal (M6), so every derivative by shared parameters is equal"
        " on them: rank <= d x number of distinct tokens whatever the parameters; on the invariant"
        " subspace of the partition the lemma applies with L = that number",
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
            "rank": (
                "norm_with_epsilon",
                "norm_without_epsilon",
                "gru",
                "output_layer",
                "at_fixed_points",
            ),
        },
    ),
    *PERI_STEPS,
)

_DIRECT = frozenset({Recall.NONE, Recall.INTERNAL})  # the residual stream carries h itself
_ADD = frozenset({Residual.ADD})

A2_PRIME = Claim(
    id="A2'",
    title="Which parameters reach every direction, by architecture",
    source="paper+extension",
    statement=(
        "The rank hypothesis of A2. One token: the last bias is onto R^d for pre and, with eps > 0"
        " and gains without zeros, for peri, post, sandwich; with eps = 0 it is onto the tangent"
        " space for post and sandwich, and bias and gain together are onto for peri; gru: the"
        " candidate bias. L tokens: a shared bias has rank <= d < L d; the last linear map (W2, b2)"
        " is onto iff (a_1, 1), .., (a_L, 1) are linearly independent, which needs L <= hidden + 1;"
        " equal tokens are treated per partition. The rank must be tested at fixed points:"
        " gain-free peri with two sub-blocks, eps = 0, has rank d at random states and d - 1 at"
        " every fixed point, and curves of fixed points on an open set of parameters. Peri with one"
        " sub-block, eps = 0 has no fixed point: |h' - h| >= sqrt(d) min|gamma|."
    ),
    latex=(
        r"Let $N(z)=\gamma\circ z/s$, $s^2=\frac1d|z|^2+\varepsilon$, with all $\gamma_i\neq0$."
        r" \emph{One token.} The derivative of the loop in its last bias is onto $\mathbb{R}^d$ for"
        r" pre, and for peri, post and sandwich if $\varepsilon>0$; if $\varepsilon=0$ it is onto"
        r" the tangent space $T_{f(h)}$ for post and sandwich, and the derivative in $(b,\gamma)$"
        r" is onto $\mathbb{R}^d$ for peri. For gru the derivative in the candidate bias is"
        r" $\mathrm{diag}((1-\zeta)(1-n^2))$, invertible. \emph{$L\geq2$ tokens.} A shared bias has"
        r" rank at most $d<Ld$. The derivative in the last linear map $a_i\mapsto W_2a_i+b_2$ has"
        r" rank $Ld$ iff $(a_1,1),\dots,(a_L,1)$ are linearly independent, which needs"
        r" $L\leq\mathrm{hidden}+1$. \emph{Fixed points.} For $h'=h+n_1+n_2$ with"
        r" $|n_1|=|n_2|=\sqrt d$ (peri, two sub-blocks, $\gamma=1$, $\varepsilon=0$) every fixed"
        r" point has $n_2=-n_1$; there the derivatives in all parameters and $J-I$ map into"
        r" $n_1^\perp$, so $\det(I-J)=0$, although at states with $n_2\neq\pm n_1$ the parameters"
        r" have rank $d$; on a non-empty open set of parameters the fixed points form curves. For"
        r" one such sub-block $|h'-h|\geq\sqrt d\,\min_i|\gamma_i|$."
    ),
    assumptions=(
        Assumption(
            "smooth",
            "f is C^1 in state and parameters: no argument of a norm vanishes (eps > 0 in every"
            " norm makes it everywhere)",
        ),
        Assumption("gains", "no entry of a gain gamma vanishes"),
        Assumption(
            "independent",
            "several tokens: the vectors (a_i, 1) of the last hidden activations are linearly"
            " independent",
        ),
        Assumption(
            "at_fixed_points", "the rank is tested at the fixed points, not at random states"
        ),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    consequences=(
        Consequence(
            Axis.GEOMETRY,
            "rank d - 1",
            "Gain-free peri with two sub-blocks and eps = 0: I - J is singular at every fixed"
            " point, for every parameter.",
            recalls=_DIRECT,
            outer_norm=False,
            residuals=_ADD,
            when="peri, gamma fixed to 1, eps = 0, two sub-blocks",
        ),
        Consequence(
            Axis.REACHABILITY,
            "no fixed point",
            "Peri with one sub-block and eps = 0 has no fixed point at all.",
            recalls=_DIRECT,
            outer_norm=False,
            residuals=_ADD,
            when="peri, one sub-block, eps = 0, no gain vanishes",
        ),
    ),
    notes=(
        (
            "A shared bias does not suffice for several tokens, as an earlier version had it; a"
            " per-position output bias would."
        ),
        "Gain-free peri passes the rank test at random states and fails it at every fixed point.",
        (
            "Tokens that are parallel but not equal lose rank as equal ones do under pre, eps = 0,"
            " one sub-block (n(h_1) = n(h_2))."
        ),
        (
            "Peri, eps = 0, several tokens: (W2, b2) reaches L(d - 1) directions, the gain the"
            " others iff the vectors n_i o n_i are independent (L <= d at most)."
        ),
        (
            "(b, gamma) at peri, eps = 0: moving gamma already reaches every entry with n_i != 0;"
            " gains without zeros cover n_i = 0."
        ),
    ),
)
