"""Claim A2': which parameters of an architecture reach every direction of the state.

The rank has to be tested at fixed points.
"""

from __future__ import annotations

import random

import sympy as sp
from flint import fmpq_mat

from ..architecture import Recall, Residual
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix
from ..kernel.claim import Assumption, Axis, Claim, Consequence
from ..kernel.proof import Sentence, cited, decided, deduced, identity
from ..kernel.vectors import span
from .corners import LEFT, SINGULAR, A, P, singular_model
from .falsifiers.surjectivity import BIAS_AND_GAIN, FALSIFIERS, LAST_MAP, ONE_SUB_BLOCK, PREDICATES
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


def _independent_rows(rng: random.Random, size: int):
    """X = p X with independent rows, its transpose T, and G = (X T)^-1 on the first n axes."""
    x, transpose, inverse = letters("X T G")
    n = rng.randint(1, size)
    projector = diagonal([1] * n + [0] * (size - n))
    rows = projector * random_matrix(rng, size)
    gram = rows * rows.transpose()
    small = fmpq_mat([[gram[i, j] for j in range(n)] for i in range(n)]).inv()
    placed = fmpq_mat(size, size)
    for i in range(n):
        for j in range(n):
            placed[i, j] = small[i, j]
    return {P: projector, x: rows, transpose: rows.transpose(), inverse: placed}


def _output_layer():
    # the rows of X are the (a_i, 1), T is the transpose and G the inverse of the Gram matrix X T;
    # (dW, db)^T = T G w moves the tokens by X T G w, and p w = w on the L tokens
    x, transpose, inverse, w = letters("X T G w")
    rules = (((x, transpose, inverse), P), ((P, P), P))
    return [Words(x * transpose * inverse * P * w, P * w, rules, _independent_rows)]


def _output_layer_necessary():
    # l A = 0: a relation between the rows (a_i, 1) of A is one between their images under any map
    moved = letters("Y")[0]
    return [Words(LEFT * A * moved + LEFT, LEFT, SINGULAR, singular_model)]


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
        "every d",
        _epsilon_positive,
        ("gains", "epsilon"),
    ),
    identity(
        "norm_without_epsilon",
        "eps = 0, z != 0: s DN(z) is the projector on z^perp: post and sandwich are onto the"
        " tangent space; peri lacks one direction, which the gain supplies (bias and gain together"
        " onto)",
        "every d",
        _epsilon_zero,
        ("smooth", "gains", "learned_gains"),
    ),
    identity(
        "gru",
        "gru: the candidate bias has derivative diag((1 - zeta)(1 - n^2)), a quotient of positive"
        " terms; the hidden candidate bias that times r > 0",
        "every d",
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
        "the last linear map moves token i by dW a_i + db. X has the rows (a_i, 1); they are"
        " independent iff X X^T is invertible (|X^T x|^2 = x^T X X^T x), and then (dW, db)^T = X^T"
        " (X X^T)^-1 w moves the tokens by any w; after it act the T_i, so the image is that of T_1"
        " x .. x T_L",
        "every d, every L, every m",
        _output_layer,
        ("independent", "whole_map"),
    ),
    identity(
        "output_layer_necessary",
        "Sum x_i (a_i, 1) = 0 forces Sum x_i (dW a_i + db) = 0: dependence costs d directions per"
        " relation (equal tokens: x = (1, -1, 0, ..))",
        "every d, every L, every m",
        _output_layer_necessary,
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
        "generic_one_token",
        "parametric_transversality",
        "one token: for almost every parameter every fixed point where the rank is full is"
        " non-degenerate",
        "every d, L = 1",
        {
            "smooth": ("smooth",),
            "rank": ("norm_with_epsilon", "norm_without_epsilon", "gru", "at_fixed_points"),
        },
    ),
    cited(
        "generic",
        "parametric_transversality",
        "several tokens: the same for the last linear map, where the (a_i, 1) are independent and"
        " each T_i is invertible",
        "every d, every L",
        {"smooth": ("smooth",), "rank": ("output_layer", "norm_with_epsilon", "at_fixed_points")},
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
        f" space for post and sandwich; gru: the candidate bias. {BIAS_AND_GAIN.sentence}"
        " L tokens: a shared bias has rank <= d < L d."
        f" {LAST_MAP.sentence}, and only if: this needs L <= hidden + 1; equal tokens are treated"
        " per partition. The rank must be tested at fixed points: without external recall,"
        " gain-free peri with two sub-blocks, eps = 0, has rank d at random states and d - 1 at"
        " every fixed point, and curves of fixed points on an open set of parameters."
        f" {ONE_SUB_BLOCK.sentence}"
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
        r" $|n_1|=|n_2|=\sqrt d$ (peri without external recall, two sub-blocks, $\gamma=1$,"
        r" $\varepsilon=0$) every fixed"
        r" point has $n_2=-n_1$; there the derivatives in all parameters and $J-I$ map into"
        r" $n_1^\perp$, so $\det(I-J)=0$, although at states with $n_2\neq\pm n_1$ the parameters"
        r" have rank $d$; on a non-empty open set of parameters the fixed points form curves. For"
        r" one such sub-block $|h'-h|\geq\sqrt d\,\min_i|\gamma_i|$. With external recall,"
        r" $h'=z+\gamma\circ n$ with $z=W_xh+W_ee+b$, there can be fixed points."
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
            "whole_map",
            "several tokens: the parameters are the whole last linear map, not its bias alone",
        ),
        Assumption(
            "learned_gains", "peri with eps = 0: the gain of the last norm is a parameter too"
        ),
        Assumption("epsilon", "eps > 0 or eps = 0 in the norms, as each sentence says"),
        Assumption(
            "direct",
            "for the sentences about fixed points of peri: no external recall, so that the residual"
            " stream carries h itself",
        ),
        Assumption(
            "at_fixed_points", "the rank is tested at the fixed points, not at random states"
        ),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
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
        (
            "External recall can give peri with one sub-block a fixed point: W_x = 0, W_e e = (1,"
            " 2) and an update along (1, 2) fix h = (1 + sqrt(2/5)) (1, 2) = (1.632, 3.265)."
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
