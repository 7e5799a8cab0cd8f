"""L5: several different blocks in one iteration."""

from __future__ import annotations

import sympy as sp

from ..kernel.algebra import Words, letters
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, cited, decided, deduced, identity
from .falsifiers.blocks import FALSIFIERS, PREDICATES


def _around():
    first, rest = letters("J B")  # all blocks but the first, and the first
    z = sp.Symbol("z")
    return [Words(first * (z - rest * first) - (z - first * rest) * first, sp.Integer(0))]


def _kappa():
    before, total, kappa, far, x, y = sp.symbols("P Q k d x y")
    # x = |h^i - k^i| <= P d, y = |h^{i+1} - k^{i+1}| <= k x
    base = Sentence((sp.Eq(before, 1), sp.Eq(x, far)), x <= before * far)
    step = Sentence(
        (x <= before * far, y <= kappa * x, kappa >= 0, sp.Eq(total, kappa * before)),
        y <= total * far,
    )
    return [base, step]


def _chain():
    product, total, start, jacobian, direct = letters("P T X J K")
    return [
        Words(
            jacobian * (product * start + total) + direct,
            (jacobian * product) * start + (jacobian * total + direct),
        )
    ]


def _sensitivity():
    q, total = letters("Q T")  # Q = I - J_k ... J_1
    return [
        Words((1 - q) * (q**-1 * total) + total, q**-1 * total),
        Words(q**-1 * (q * total), total),
    ]


def _stream():
    product, state, rest, next_, other = letters("P h u M v")
    # h^i = P h + u with a bounded u: h^{i+1} = M h^i + v
    return [
        Words(
            next_ * (product * state + rest) + other,
            (next_ * product) * state + (next_ * rest + other),
        )
    ]


def _stream_bound():
    rest, other, norm, moved, new = sp.symbols("u v M x n")
    given = (moved <= norm * rest, new <= moved + other)
    return [Sentence(given, new <= norm * rest + other)]


_STEPS = (
    identity(
        "around",
        "with B = J_{i-1} ... J_1 J_k ... J_{i+1}, the product that begins with block i is B J_i,"
        " the next one J_i B: J_i (z - B J_i) = (z - J_i B) J_i",
        "every d, every k",
        _around,
        ("closed", "differentiable"),
    ),
    cited(
        "same_spectrum",
        "charpoly_exchange",
        "B J_i and J_i B have the same characteristic polynomial; so all rotations have",
        "every d, every k",
        {"square": ("around",)},
    ),
    decided(
        "kappa",
        "|h^i - k^i| <= kappa_i ... kappa_1 |h^0 - k^0|",
        "every d, every k by induction",
        _kappa,
        ("lipschitz",),
    ),
    deduced(
        "self_map",
        "if f_i maps X_{i-1} into X_i and X_k = X_0, F maps X_0 into itself; the other sets need"
        " neither be compact nor convex",
        "every d, every k",
        ("maps",),
    ),
    cited(
        "fixed_point",
        "brouwer",
        "F has a fixed point, and there is one state in each X_i",
        "every d, every k",
        {"convex": ("compact",), "continuous": ("continuous",), "self_map": ("self_map",)},
    ),
    deduced(
        "complete",
        "a closed set of states, R^n for example, is complete, and F maps it into itself",
        "every d, every k",
        ("kappa",),
    ),
    cited(
        "one_fixed_point",
        "banach",
        "the product is below 1: F has one fixed point, and every orbit converges to it",
        "every d, every k",
        {"complete": ("complete",), "self_map": ("complete",), "contraction": ("kappa", "small")},
    ),
    identity(
        "chain",
        "the derivative of h^{i+1} by the input is J_{i+1} times that of h^i, plus K_{i+1} (from i"
        " to i + 1)",
        "every d, every k by induction",
        _chain,
        ("differentiable",),
    ),
    identity(
        "sensitivity",
        "(I - J_k ... J_1)^{-1} Sum_j J_k ... J_{j+1} K_j is the only solution of X = J_k ... J_1 X"
        " + Sum",
        "every d, every k",
        _sensitivity,
        ("chain", "regular", "closed"),
    ),
    identity(
        "stream",
        "if f_i(h) = M_i h + u_i, then F(h) = M_k ... M_1 h + u (from i to i + 1)",
        "every d, every k by induction",
        _stream,
    ),
    decided(
        "stream_bound",
        "|M u + v| <= |M| |u| + |v|: u stays bounded",
        "every d, every k",
        _stream_bound,
        ("stream",),
    ),
)

L5 = Claim(
    id="L5",
    title="Several blocks per iteration: products, and one fixed point per layer",
    source="extension",
    statement=(
        "One iteration is F = f_k o ... o f_1: h^0 = h, h^i = f_i(h^{i-1}, e), F(h, e) = h^k; J_i ="
        " D_h f_i and K_i = D_e f_i along these states. "
        + " ".join(item.sentence for item in PREDICATES)
        + " If f_i maps X_{i-1} into X_i, X_k = X_0 is compact and convex and the blocks are"
        " continuous, F has a fixed point in X_0: an outer norm of the last block is enough. If"
        " f_i(h) = M_i h + u_i with bounded u_i, then F(h) = M_k ... M_1 h + u with a bounded u."
    ),
    assumptions=(
        Assumption("closed", "h^k = h^0: a fixed point of F (its rotations and its motion)"),
        Assumption("differentiable", "f_i is C^1 near h^{i-1} (spectra and motion)"),
        Assumption("lipschitz", "f_i has the Lipschitz constant kappa_i in h (contraction)"),
        Assumption("small", "kappa_1 ... kappa_k < 1 (contraction)"),
        Assumption("regular", "1 is not an eigenvalue of J_k ... J_1 (motion)"),
        Assumption("maps", "f_i maps X_{i-1} into X_i, and X_k = X_0 (existence)"),
        Assumption("compact", "X_0 is compact and convex (existence)"),
        Assumption("continuous", "every f_i is continuous (existence)"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        "The spectral radii of the single blocks say nothing: [[0, 2], [0, 0]] and [[0, 0], [2,"
        " 0]] have radius 0, their product has the eigenvalue 4. The Lipschitz constants multiply.",
        "So for the loop F: N2 needs an outer norm at the last sub-block only; the constants of N3"
        " multiply over the blocks, and some may exceed 1; R2 holds with W_x replaced by the"
        " product of the streams' matrices; R3 b holds for the sum of the updates of all blocks,"
        " each at the state that it sees. N4 and N5 hold with J = J_k ... J_1 and K = Sum_j J_k ..."
        " J_{j+1} K_j.",
        "A2' needs one block whose parameters move its image in every direction, followed by blocks"
        " with invertible Jacobians; the last block always serves. A4 and L1 to L4 are about any"
        " loop of class C^1, so about F as it stands.",
        "Related: H. Blayney et al., A Mechanistic Analysis of Looped Reasoning Language Models"
        " (arXiv 2604.11791), see that each layer of a looped stack converges to its own fixed"
        " point. Read through its abstract. By the first sentence this is the same event as one"
        " fixed point of F, with one rate for all layers.",
    ),
    latex=(
        r"Let $F=f_k\circ\dots\circ f_1$, $h^i=f_i(h^{i-1},e)$, $J_i=D_hf_i$, $K_i=D_ef_i$. If"
        r" $h^k=h^0$, every $h^i$ is a fixed point of $f_i\circ\dots\circ f_1\circ"
        r" f_k\circ\dots\circ f_{i+1}$, and the Jacobians $J_i\cdots J_1J_k\cdots J_{i+1}$ all have"
        r" the same characteristic polynomial. If $\operatorname{Lip}f_i\le\kappa_i$ and"
        r" $\kappa=\kappa_1\cdots\kappa_k<1$, $F$ has one fixed point, and every orbit converges to"
        r" it at the rate $\kappa$. If $1\notin\operatorname{spec}J_k\cdots J_1$,"
        r" \[\frac{dh^0}{de}=(I-J_k\cdots J_1)^{-1}\sum_{j\le k}J_k\cdots J_{j+1}K_j.\] If"
        r" $f_i(X_{i-1})\subseteq X_i$ with $X_k=X_0$ compact and convex and all $f_i$ continuous,"
        r" $F$ has a fixed point in $X_0$. If $f_i(h)=M_ih+u_i$ with bounded $u_i$, then"
        r" $F(h)=M_k\cdots M_1h+u$ with bounded $u$."
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "yes, if small gain",
            "Several blocks per iteration: one fixed point per layer, reached from every state.",
            regimes=frozenset({Regime.CONTRACTIVE}),
            when="the product of the Lipschitz constants of the blocks is below 1",
        ),
    ),
)
