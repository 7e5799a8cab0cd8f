"""L3: explicit Lipschitz constants of attention with QK-norm, MLP, norms, and whole blocks."""

from __future__ import annotations

import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, decided
from .lipschitz_predicates import BLOCK, FALSIFIERS, HEAD, MLP, NORM, PREDICATES, SOFTMAX
from .norms import norm_steps
from .slopes import ACTIVATION_STEPS
from .softmax import SOFTMAX_STEPS, chain, head_steps


def _mlp_bound():
    out, slope, inner, before, hidden, after, delta = sp.symbols("n_2 s n_1 a b c x")
    steps = ((before, inner * delta), (hidden, slope * before), (after, out * hidden))
    return chain((out, slope), steps, out * slope * inner * delta)


def _sub_block():
    total, update, argument, mix, inner = sp.symbols("l_sum l_update l_argument l_mix l_u")
    delta, read, mixed, moved, normed, out = sp.symbols("x a b c y z")
    constant = formula("sub_block_lipschitz")(total, update, argument, mix, inner)
    steps = (
        (read, argument * delta),
        (mixed, mix * read),
        (moved, inner * mixed),
        (normed, update * moved),
        (out, total * (delta + normed)),
    )
    return chain((total, update, mix, inner), steps, constant * delta)


def _compose():
    stream, first, second, delta, mixed, middle, out = sp.symbols("w k_1 k_2 x a b y")
    steps = ((mixed, stream * delta), (middle, first * mixed), (out, second * middle))
    return chain((first, second), steps, stream * first * second * delta)


def _ball():
    # before a norm z moves by at most l rho from z* within the ball; values by at most n rho
    size, centre, constant, rho, moved = sp.symbols("z c l rho m")
    reach = moved <= constant * rho
    return [
        Sentence((reach, size >= centre - moved), size >= centre - constant * rho),
        Sentence((reach, size <= centre + moved), size <= centre + constant * rho),
    ]


_STEPS = (
    *SOFTMAX_STEPS,
    *norm_steps("floor"),
    *head_steps("norm_bound"),
    *ACTIVATION_STEPS,
    decided(
        "mlp_bound",
        "W_2 phi(W_1 x + b_1) + b_2 has the constant n_2 s n_1, token by token",
        "every d, every L",
        _mlp_bound,
        ("slopes", "slope", "weights"),
    ),
    decided(
        "sub_block",
        "post: l_sum (1 + l_u); pre: 1 + l_u l_argument; peri: 1 + l_update l_u l_argument;"
        " sandwich: l_sum (1 + l_u l_argument); internal recall puts |W_x| before the update",
        "every d, every L",
        _sub_block,
        ("norm_bound", "heads", "mlp_bound"),
    ),
    decided(
        "block",
        "sub-blocks multiply; external recall puts |W_x| before the first: kappa = |W_x| l_1 l_2",
        "every d, every L",
        _compose,
        ("sub_block",),
    ),
    decided(
        "ball",
        "on a ball of radius rho around a state the smallest norm before a norm falls by l rho at"
        " most, and the largest value grows by n_v rho at most, with the constants up to there",
        "every d, every L",
        _ball,
        ("sub_block",),
    ),
)

L3 = Claim(
    id="L3",
    title="Lipschitz bounds of attention, MLP and norms",
    source="extension",
    statement=(
        f"{SOFTMAX} {NORM} LayerNorm has the same constant if r bounds the norms after the mean is"
        f" taken away. {HEAD} Heads add in squares, and W_o multiplies. {MLP} The slope s is 1"
        f" for ReLU and tanh, 1.129 for GELU and 1.1 for SiLU. {BLOCK} The sub-blocks of a block"
        " multiply, and external recall contributes |W_x|. So kappa is a number for every network:"
        " on the whole state space with r = 0, that is through eps, and on a ball around a state"
        " with the norms that stand there."
    ),
    assumptions=(
        Assumption("probabilities", "p_j >= 0 and Sum_j p_j = 1"),
        Assumption(
            "qk_norm",
            "queries and keys of every head pass RMSNorm, with largest gains g_q and g_k; scores"
            " are divided by the square root of the head's width",
        ),
        Assumption("weights", "n_q, n_k, n_v, n_1, n_2, ... bound the 2-norms of the weights"),
        Assumption(
            "floor",
            "r bounds the norms before each RMSNorm from below on the set considered; l_q = n_q g_q"
            " sqrt(d)/sqrt(r^2 + d eps) for queries, and l_k for keys",
        ),
        Assumption("values", "|v_j| <= V for the values of the head on the set considered"),
        Assumption("visible", "at most n queries see each key (2-norm over all tokens only)"),
        Assumption("slope", "|phi'| <= s for the activation of the MLP"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        "Dot-product attention without QK-norm is not Lipschitz (Kim, Papamakarios and Mnih, ICML"
        " 2021, arXiv 2006.04710); the growth like sqrt(n) in the 2-norm is known too (Castin,"
        " Ablin and Peyre, ICML 2024, arXiv 2312.14820). Dasoulas, Scaman and Virmaux (ICML 2021,"
        " arXiv 2103.04886) normalise scores to bound the constant; Qi et al. (ICLR 2023, arXiv"
        " 2304.09856) bound cosine attention. No theorem of theirs is used here.",
        "The constant through eps alone is g/sqrt(eps) for every norm: a thousand at eps = 1e-6."
        " Products of such numbers bound the loop, but say little about it.",
        "Pre- and peri-normalised sub-blocks have constants of at least 1, so that these bounds"
        " never prove that they contract without |W_x| < 1.",
    ),
    latex=(
        r"Let $S=\operatorname{diag}(p)-pp^{\mathsf T}$ be the derivative of softmax; then"
        r" $\|S\|_2\le\frac12$. RMSNorm with largest gain $g$ has on $\{|z|\ge r\}$ the Lipschitz"
        r" constant $\Lambda=g\sqrt d/\sqrt{r^2+d\varepsilon}$ (LayerNorm: $r$ bounds"
        r" $|z-\bar z|$). A head of width $d_h$ whose queries and keys pass RMSNorm, with"
        r" $\ell_q=\|W_q\|\Lambda_q$, $\ell_k=\|W_k\|\Lambda_k$ and $|v_j|\le V$, has the constant"
        r" $\sqrt n\,\|W_v\|+V(g_k\ell_q+\sqrt n\,g_q\ell_k)$ in the 2-norm over all tokens, if at"
        r" most $n$ queries see each key, and the same with $n=1$ in the norm $\max_i|x_i|$."
        r" Several heads have $\|W_o\|(\sum_h\ell_h^2)^{1/2}$. An MLP has"
        r" $\|W_2\|\,s\,\|W_1\|$ with $s=\sup|\varphi'|$: $1$ for ReLU and $\tanh$,"
        r" $\Phi(\sqrt2)+\sqrt2\,\varphi(\sqrt2)=1.1289\ldots$ for GELU, and at most $1.1$ for"
        r" SiLU."
        r" A sub-block has $\Lambda_{\mathrm{sum}}(1+\Lambda_{\mathrm{update}}\,\ell_u\,\ell_{"
        r"\mathrm{mix}}\,\Lambda_{\mathrm{argument}})$, sub-blocks multiply, and external recall"
        r" contributes $\|W_x\|$."
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "yes, if kappa < 1",
            "One fixed point, reached from every state, where the product of the constants is below"
            " 1.",
            frozenset(Recall),
            True,
            frozenset({Residual.ADD}),
            frozenset({Regime.CONTRACTIVE}),
            "QK-norm; kappa < 1 from the weights",
        ),
    ),
)
