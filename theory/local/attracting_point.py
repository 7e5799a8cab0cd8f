"""L1: the loop near a fixed point of spectral radius below 1, with or without recall."""

from __future__ import annotations

from ..architecture import Recall
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from .attracting_steps import STEPS
from .falsifiers import quadratic_loop, scalar_loop

_CONTRACTIVE = frozenset({Regime.CONTRACTIVE})

L1 = Claim(
    id="L1",
    title="The loop near an attracting fixed point, with recall",
    source="extension",
    statement=(
        "h_{t+1} = f(h_t, e), where e is the input or a weight, h* = f(h*, e_0), J = D_h f and K ="
        " D_e f at (h*, e_0), rho(J) < 1, S = (I - J)^{-1} K. "
        + " ".join(
            item.sentence for item in (*quadratic_loop.PREDICATES[:2], *scalar_loop.PREDICATES)
        )
        + " In every case dh_t/de -> S, whatever dh_0/de, and S has the rank of K: without recall"
        " S = 0. "
        + " ".join(item.sentence for item in quadratic_loop.PREDICATES[2:])
        + " Its Euclidean norm is at most C q^k |S|_2 with C = |Sum_{k<n} q^(-2k) (J^T)^k"
        " J^k|_2^(1/2), or C = e d K(J/q) for the Kreiss constant K. The gradient of one loop (k ="
        " 1) errs by J S, that of k damped loops by ((1 - w) I + w J)^k S."
    ),
    assumptions=(
        Assumption("fixed_point", "h* = f(h*, e_0)"),
        Assumption("differentiable", "f is C^1 in (h, e) near (h*, e_0)"),
        Assumption("contractive", "rho(J) < 1, that is |J^n|_2 <= q^n for some n and some q < 1"),
        Assumption(
            "lipschitz",
            "|D_h f(h, e_0) - J|_* <= M |h - h*|_* for |h - h*|_* <= r, and q + M r < 1 (explicit"
            " ball and rates only)",
        ),
        Assumption("in_ball", "|h_0 - h*|_* <= r (explicit ball and rates only)"),
        Assumption("basin", "the orbit of h_0 at e_0 converges to h*"),
        Assumption("recall", "K = D_e f(h*, e_0) is not 0 (strong dependence only)"),
    ),
    steps=STEPS,
    falsifiers=quadratic_loop.FALSIFIERS + scalar_loop.FALSIFIERS,
    predicates=quadratic_loop.PREDICATES + scalar_loop.PREDICATES,
    notes=(
        "This is local: f need not be a contraction anywhere else, and |J|_2 may be large. With an"
        " outer norm J may be taken in all coordinates or on tangent vectors: J maps into the"
        " tangent space, so the eigenvalues other than 0 are the same.",
        "A ReLU network is C^1 near a fixed point at which no argument of a ReLU is 0.",
        "At rho(J) = 1 an orbit may converge and its limit need not be differentiable: the limit"
        " of h' = h - h^3 + e is the cube root of e.",
        "No constant C serves at the rate rho(J) itself: [[r, 1], [0, r]]^k has the entry k"
        " r^(k-1).",
        "Related results: A. Griewank et al., Derivative convergence for iterative equation"
        " solvers (1993); A. Shaban et al., Truncated back-propagation for bilevel optimization"
        " (arXiv 1810.10667); Z. Geng et al., On training implicit models (arXiv 2111.05177),"
        " which names the damped sum the phantom gradient; S. Bai et al., Deep equilibrium models"
        " (arXiv 1909.01377).",
    ),
    latex=(
        r"Let $h_{t+1}=f(h_t,e)$, where $e$ is the input or a weight, $h^*=f(h^*,e_0)$, $f$ of"
        r" class $C^1$ near $(h^*,e_0)$, $J=D_hf$ and $K=D_ef$ there, and $\rho(J)<1$. For every"
        r" $q\in(\rho(J),1)$ some $n$ has $\|J^n\|_2\le q^n$, and then \[|x|_*^2=x^\top Px,\qquad"
        r" P=\sum_{k<n}q^{-2k}(J^\top)^kJ^k,\qquad |x|_2\le|x|_*,\qquad |Jx|_*\le q|x|_*.\] If"
        r" $|D_hf(h,e_0)-J|_*\le M|h-h^*|_*$ for $|h-h^*|_*\le r$ and $s=q+Mr<1$, every orbit from"
        r" that ball has $|h_t-h^*|_*\le s^t|h_0-h^*|_*$. Whenever the orbit of $h_0$ at $e_0$"
        r" converges to $h^*$, the orbits of starts near $h_0$ and inputs near $e_0$ converge,"
        r" their limit $h_\infty(e)$ is $C^1$, and \[\frac{dh_t}{de}\longrightarrow"
        r" Dh_\infty(e_0)=S=(I-J)^{-1}K,\qquad \operatorname{rank}S=\operatorname{rank}K.\] If"
        r" $D_ef$ has the Lipschitz constant $M_e$ in the ball,"
        r" \[\Bigl|\frac{dh_t}{de}-S\Bigr|_*\le"
        r" s^t\Bigl|\frac{dh_0}{de}-S\Bigr|_*+t\,s^{t-1}(M|S|_*+M_e)\,|h_0-h^*|_*.\] Truncated"
        r" backpropagation at $h^*$ errs by $S-\sum_{j<k}J^jK=J^kS$, with $|J^kS|_*\le q^k|S|_*$"
        r" and $\|J^k\|_2\le Cq^k$ for $C=\|P\|_2^{1/2}$ or $C=e\,d\,\mathcal K(J/q)$; $k$ damped"
        r" loops err by $((1-w)I+wJ)^kS$."
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "yes",
            "Every orbit from an explicit ball converges, and the basin is open.",
            regimes=_CONTRACTIVE,
            when="f is C^1 near the fixed point",
        ),
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "yes",
            "The limit is C^1 in the input with derivative (I - J)^{-1} K, of the rank of K.",
            recalls=frozenset({Recall.EXTERNAL, Recall.INTERNAL}),
            regimes=_CONTRACTIVE,
            when="f is C^1 and K = D_e f is not 0 at the fixed point",
        ),
        Consequence(
            Axis.GEOMETRY,
            "yes",
            "Gradients converge to (I - J)^{-1} D f, and cutting them to k loops errs by C q^k.",
            regimes=_CONTRACTIVE,
            when="f is C^1 near the fixed point and the orbit reaches it",
        ),
    ),
)
