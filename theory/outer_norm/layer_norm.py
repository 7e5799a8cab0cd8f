"""Claim N9: loops with LayerNorm, which live in the space of mean 0: N1 to N4 with d - 1 for d."""

from __future__ import annotations

from ..architecture import Recall, Residual
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from .falsifiers.layer_norm import FALSIFIERS, PREDICATES
from .layer_norm_steps import STEPS

N9 = Claim(
    id="N9",
    title="LayerNorm: existence, contraction and sensitivity",
    source="extension",
    statement=(
        "Let f(h, e) = N(z(h, e)) with N(z) = gamma o C z/s + c, C = I - 1 1^T/d, s = sqrt(|C"
        " z|^2/d + eps) and d >= 3: LayerNorm with gain gamma, zeros allowed, and bias c. The"
        " states are h = gamma o k + c with mean k = 0 and |k| < R, or |k| = R at eps = 0: a ball"
        " or a sphere of one dimension less than under RMSNorm. Where s > 0, DN(z) = (1/s)"
        " diag(gamma)(C - C z (C z)^T/(d s^2)). At gain 1 and eps = 0, DN(z) 1 = 0, DN(z) C z = 0,"
        " and DN(z) v = v/s for every v across both. At eps > 0 only 1 is null, and C z has the"
        " factor eps/s^3. If eps > 0 and z is continuous on the states, f has a fixed point for"
        " every e. If eps = 0 and z = g(h, e) + B e with g continuous and |C B e| > G >= |C g| on"
        " the states, f has a fixed point. Let u(k) = C z(gamma o k + c, e) have Lip u <= l and |u|"
        " >= r on the states; then kappa = R l/sqrt(r^2 + d eps) is a Lipschitz constant of the"
        " loop in k. If kappa < 1, f has exactly one fixed point, and every orbit tends to it, in k"
        " at the rate kappa. For z = A h + B e, |C(A c + B e)| = beta R and eps = 0, kappa < 1 iff"
        " beta > 2 |C A diag(gamma) C|_2. For A = -a I, gain 1, bias 0, an input of mean 0 and d >="
        " 3 there is a fixed point iff beta > a, its multiplier is below 1 in modulus iff beta > 2"
        " a, and for 0 < beta < 2 a there are 2-cycles. For kappa < 1, gain 1, bias 0, eps = 0 and"
        " invertible B = D_e z, the limit is C^1 in e, and its derivative S has the range across 1"
        " and h*, of dimension d - 2, and the null directions B^{-1} 1 and B^{-1} C z; with L"
        " tokens its rank is L(d - 2). Its other singular values are between sigma_min(B)/(s(1 +"
        " k)) and |B|_2/(s(1 - k)). With a gain without zeros and a bias, S = diag(gamma) S_k has"
        " the same rank. At eps > 0 the rank is d - 1, with the null direction B^{-1} 1."
    ),
    assumptions=(
        Assumption("outer_norm", "N is the last operation of f"),
        Assumption("regular", "s > 0: the entries of z are not all equal, or eps > 0"),
        Assumption("eps_zero", "eps = 0 (null direction C z, sphere, rank d - 2)"),
        Assumption("epsilon", "eps > 0 (existence without a condition on g, rank d - 1)"),
        Assumption("continuous", "z is continuous in h on the states"),
        Assumption("dominates", "eps = 0 and |C B e| > G, every token"),
        Assumption("state_space", "G >= |C g| on all states"),
        Assumption("lower_bound", "|C z| >= r on the states"),
        Assumption("lipschitz_update", "k -> C z(gamma o k + c, e) is l-Lipschitz on the states"),
        Assumption("small", "kappa < 1 (several tokens: k < 1 as well)"),
        Assumption(
            "plane",
            "d >= 3 (sharp example): at d = 2 the states are two, and a = 1, beta = 3/2 maps both"
            " to e in one loop",
        ),
        Assumption("differentiable", "z is C^1 near (h*, e)"),
        Assumption("recall_invertible", "B = D_e z(h*, e) is invertible (rank and lower bound)"),
        Assumption("gain_one", "gamma = 1 (eigenvalues, range; other gains by h = gamma o k + c)"),
    ),
    steps=STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        (
            "That LayerNorm projects on the space of mean 0 and scales to the sphere is known: S."
            " Brody, U. Alon, E. Yahav, On the expressivity role of LayerNorm in transformers'"
            " attention, arXiv 2305.02582; P. Riechers, Geometry and dynamics of LayerNorm, arXiv"
            " 2405.04134. What follows for loops is ours."
        ),
        (
            "A gain with zeros: existence and contraction hold as they stand; the rank of S is that"
            " of diag(gamma) S_k, at most the number of gains that are not 0."
        ),
        (
            "At d = 2 the space of mean 0 is a line: the limit is locally constant in the input at"
            " eps = 0, as the rank d - 2 = 0 says."
        ),
        (
            "LayerNorm hides from the loop what is parallel to 1 in the input, at every token; that"
            " part of e never reaches the limit."
        ),
    ),
    latex=(
        r"Let $N(z)=\gamma\circ Cz/s+c$, $C=I-\mathbf1\mathbf1^\top/d$,"
        r" $s=\sqrt{|Cz|^2/d+\varepsilon}>0$, $d\ge3$, and $f=N(z(h,e))$. Then"
        r" \[DN(z)=\tfrac1s\operatorname{diag}(\gamma)\Bigl(C-\frac{Cz(Cz)^\top}{d\,s^2}\Bigr),\]"
        r" with null space $\operatorname{span}(\mathbf1,Cz)$ at $\varepsilon=0$, $\gamma=1$, and"
        r" $\operatorname{span}(\mathbf1)$ at $\varepsilon>0$. With $h=\gamma\circ k+c$ the loop"
        r" lives on $\{k\perp\mathbf1:|k|=\sqrt d\}$ ($|k|<\sqrt d$ for $\varepsilon>0$). (i) If"
        r" $\varepsilon>0$ and $z$ is continuous there is a fixed point for every $e$; if"
        r" $\varepsilon=0$, $z=g+Be$ and $|CBe|>G\ge|Cg|$ on the states, as well. (ii) If"
        r" $u(k)=Cz(\gamma\circ k+c,e)$ is $\ell$-Lipschitz with $|u|\ge r$, then $\kappa=\sqrt"
        r" d\,\ell/\sqrt{r^2+d\varepsilon}$ is a Lipschitz constant in $k$, and $\kappa<1$ gives"
        r" one fixed point, reached from every state; for $z=Ah+Be$, $|C(Ac+Be)|=\beta\sqrt d$:"
        r" iff $\beta>2|CA\operatorname{diag}(\gamma)C|_2$. (iii) If $\kappa<1$, $\varepsilon=0$,"
        r" $\gamma=1$, $c=0$ and $B=D_ez$ is invertible, $S=dh_\infty/de$ has the range"
        r" $\{\mathbf1,h^*\}^\perp$, rank $d-2$ per token, null directions $B^{-1}\mathbf1$ and"
        r" $B^{-1}Cz$, and \[\frac{\sigma_{\min}(B)}{s(1+k)}\le\sigma_{d-2}(S),\qquad"
        r" \sigma_1(S)\le\frac{|B|_2}{s(1-k)};\] for $\varepsilon>0$ the rank is $d-1$."
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "yes, if small gain",
            "With LayerNorm as the outer norm there is one fixed point, reached from every state,"
            " at the rate kappa.",
            frozenset(Recall),
            True,
            frozenset({Residual.ADD}),
            frozenset({Regime.CONTRACTIVE}),
            "LayerNorm, d >= 3 and kappa < 1 (affine update: beta > 2 |C A diag(gamma) C|_2)",
        ),
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "yes, if small gain",
            "With LayerNorm as the outer norm the limit is C^1 in the input with a derivative of"
            " rank d - 2 per token (d - 1 if eps > 0).",
            frozenset({Recall.EXTERNAL, Recall.INTERNAL}),
            True,
            frozenset({Residual.ADD}),
            frozenset({Regime.CONTRACTIVE}),
            "LayerNorm, d >= 3, kappa < 1 and D_e z invertible",
        ),
    ),
)
