"""Claim N3: with outer normalisation, a loop contracts once the recalled input is large enough.

This holds whatever its spectral regime without the norm.
"""

from __future__ import annotations

import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.algebra import Equation, Words, letters
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, cited, decided, deduced, identity
from ..kernel.vectors import span
from .existence import inside_the_ball
from .falsifiers.contraction import FALSIFIERS, PREDICATES
from .sharp_example import SHARP_STEPS


def _lipschitz():
    # R^2 (2 - 2c/pq) <= (R^2/r^2)(p^2 + q^2 - 2c) without denominators, where |z1| = p, |z2| = q
    # and <z1, z2> = c
    p, q, c, r = sp.symbols("p q c r")
    given = (r > 0, p >= r, q >= r, c <= p * q)
    return [Sentence(given, r**2 * (2 * p * q - 2 * c) <= p * q * (p**2 + q**2 - 2 * c))]


def _projection():
    radius, r, length = sp.symbols("R r n", positive=True)
    (z,) = span("z", {("z", "z"): length**2})
    norm, projected = (radius / length) * z, (r / length) * z
    c = sp.Symbol("c", real=True)  # two states on the sphere of radius r: the ratio is attained
    return [
        Equation(norm["z"], ((radius / r) * projected)["z"]),
        Equation(projected.dot(projected), r**2),
        Equation(radius**2 * (2 - 2 * c / r**2), (radius / r) ** 2 * (r**2 + r**2 - 2 * c)),
    ]


def _lift():
    d, eps, zz, s = sp.symbols("d epsilon zz s", positive=True)
    # z~ = z + t with |t|^2 = d eps and t orthogonal to every z: |z~| = sqrt(d) s, and the part of
    # N_0(z~) = sqrt(d) z~/|z~| without t is z/s
    z, t = span("z t", {("z", "z"): zz, ("t", "z"): 0, ("t", "t"): d * eps})
    lifted = z + t
    point = {zz: d * (s**2 - eps)}
    root, lipschitz, r = sp.symbols("R l r", positive=True)
    kappa = formula("contraction_constant")
    squared = kappa(root**2, lipschitz, r, eps) ** 2
    attained = lipschitz * formula("rmsnorm_tangential")(s)
    return [
        Equation(lifted.dot(lifted).subs(point), d * s**2),
        Equation(((root / (root * s)) * lifted)["z"], 1 / s),
        Equation(squared, root**2 * lipschitz**2 / (r**2 + root**2 * eps)),
        # the constant is best possible: at |z| = r, where r^2 = d (s^2 - eps), the tangential
        # factor 1/s of DN(z) attains it
        Equation(squared.subs(r**2, root**2 * (s**2 - eps)), attained**2),
    ]


def _kappa():
    # |f(h) - f(k)| = y, |G(h) - G(k)| = x <= l u with u = |h - k|; by the steps before
    # y^2 (r^2 + d eps) <= R^2 x^2, and kappa^2 (r^2 + d eps) = R^2 l^2
    lipschitz, r, radius, kappa, shift, u, x, y = sp.symbols("l r R k e u x y")  # shift = d eps
    square = r**2 + shift
    given = (r > 0, shift >= 0, x >= 0, x <= lipschitz * u, square * y**2 <= radius**2 * x**2)
    defined = sp.Eq(kappa**2 * square, radius**2 * lipschitz**2)
    return [Sentence((*given, defined), y**2 <= kappa**2 * u**2)]


def affine() -> list[Sentence]:
    """From a bound of |A h| to one of |A h + B e|, and when kappa is below 1."""
    beta, n, size, ah, h, kappa = sp.symbols("beta n G x R k")
    # on |h| = R: |A h| = x <= n R, and |A h + B e| = G >= beta R - x (triangle inequality)
    return [
        Sentence((ah <= n * h, size >= beta * h - ah), size >= (beta - n) * h),
        Sentence((beta > n, sp.Eq(kappa * (beta - n), n)), sp.Equivalent(kappa < 1, beta > 2 * n)),
    ]


def _blocks():
    p, q, middle, product, constant = sp.symbols("p q x K k")
    # m sub-blocks have the constant K, the product of theirs; the next one has k
    given = (constant >= 0, middle <= product * p, q <= constant * middle)
    return [Sentence(given, q <= product * constant * p)]


def _tokens():
    before, after, step, lipschitz, r, radius, kappa = sp.symbols("m p g l r R k")
    # for each token i: before = max_j |h_j - k_j|, step = |G_i(h) - G_i(k)| <= l before, and
    # after <= (R/r) step
    constants = (r > 0, radius > 0, sp.Eq(kappa * r, radius * lipschitz))
    given = (*constants, step <= lipschitz * before, after * r <= radius * step)
    return [Sentence(given, after <= kappa * before)]


def _gain():
    gain, a, norm, k, b = letters("Gamma A N k b")  # the norm is 1/s at first, then N = DN
    s = sp.Symbol("s")
    h = gain * k
    return [
        Words(gain**-1 * (gain * (a * h + b) / s), (a * gain * k + b) / s),
        Words(gain**-1 * (gain * norm * a) * gain, norm * (a * gain)),
        # A = -a Gamma^{-1}: the sharp example, in the coordinate k
        Words(-s * gain**-1 * h, -s * k),
    ]


LIPSCHITZ_STEPS = (
    identity(
        "projection",
        "|z| >= r: N(z) = (R/r) x the nearest point of the ball of radius r; equality for |z1| ="
        " |z2| = r",
        "every d",
        _projection,
        ("outer_norm", "eps_zero"),
    ),
    decided(
        "lipschitz_directly",
        "|N z1 - N z2| <= (R/r)|z1 - z2|, from |z1|, |z2| >= r and <z1, z2> <= |z1||z2|",
        "every d",
        _lipschitz,
        ("projection",),
    ),
    identity(
        "epsilon_by_lifting",
        "eps > 0: z/s is the first d entries of N_0 at (z, sqrt(d eps)), of norm >= sqrt(r^2 + d"
        " eps): the constant is R/sqrt(r^2 + d eps)",
        "every d",
        _lift,
        ("lipschitz_directly",),
    ),
    decided(
        "kappa",
        "f = N(G): Lip_h f <= kappa = R l/sqrt(r^2 + d eps)",
        "every d",
        _kappa,
        ("lipschitz_directly", "epsilon_by_lifting", "lower_bound", "lipschitz_update", "gain_one"),
    ),
)
"""the steps that hold in every Euclidean space"""

_STEPS = (
    *LIPSCHITZ_STEPS,
    decided(
        "composition",
        "m sub-blocks in turn: the constants multiply, by induction from m = 1",
        "every d, every m by induction",
        _blocks,
        ("kappa",),
    ),
    decided(
        "tokens",
        "N acts on each token: if |G_i(h) - G_i(k)| <= l max_j |h_j - k_j| and |G_i| >= r for every"
        " token i, then kappa holds in the max norm",
        "every d, every L",
        _tokens,
        ("kappa",),
    ),
    identity(
        "self_map",
        "|N(z)|^2 = d - d^2 eps/(|z|^2 + d eps): N maps into the sphere |h| = R (eps = 0) or the"
        " ball (eps > 0)",
        "every d",
        inside_the_ball,
        ("outer_norm",),
    ),
    deduced("complete", "the sphere and the ball are closed in R^d", "every d", ("self_map",)),
    cited(
        "one_fixed_point",
        "banach",
        "kappa < 1: one fixed point, reached from every state at rate kappa",
        "every d",
        {
            "complete": ("complete",),
            "self_map": ("self_map",),
            "contraction": ("kappa", "composition", "small"),
        },
    ),
    decided(
        "affine_update",
        "G = A h + B e, |B e| = beta R, beta > |A|_2: |G| >= (beta - |A|_2) R, so kappa ="
        " |A|_2/(beta - |A|_2) < 1 iff beta > 2 |A|_2",
        "every d",
        affine,
        ("kappa",),
    ),
    *SHARP_STEPS,
    identity(
        "gain",
        "gain gamma without zeros: h = Gamma k turns N_gamma(A h + b) into N_1(A Gamma k + b) and"
        " J_h into Gamma^{-1} J_h Gamma = DN A Gamma, so |A|_2 becomes |A Gamma|_2 and kappa is the"
        " rate in |Gamma^{-1} h|; A = -a Gamma^{-1} is again sharp",
        "every d, every L",
        _gain,
        ("kappa", "affine_update", "gain_one"),
    ),
)

N3 = Claim(
    id="N3",
    title="Contraction under outer normalisation, in every spectral regime",
    source="paper+extension",
    statement=(
        "Let f = N(G(h, e)) with Lip_h G <= l and |G| >= r on the states, the sphere |h| = R at"
        " eps = 0 and the ball |h| <= R at eps > 0, and kappa = R l/sqrt(r^2 + d eps). Then |f(h) -"
        " f(k)| <= kappa |h - k| for all states h and k, and no smaller constant serves every such"
        " G; the constants of sub-blocks multiply, and with several tokens it holds in the max"
        " norm. If kappa < 1, f has exactly one fixed point, and every orbit tends to it at the"
        " rate kappa. For G = A h + B e with |B e| = beta R, beta > |A|_2 and eps = 0, kappa ="
        " |A|_2/(beta - |A|_2), which is below 1 iff beta > 2 |A|_2. For A = -a I and d >= 2 there"
        " is a fixed point iff beta > a, its multiplier is below 1 in modulus iff beta > 2 a, and"
        " for 0 < beta < 2 a there are 2-cycles. They are at cos(h, e) = beta/(2a)."
    ),
    assumptions=(
        Assumption("lower_bound", "|G(h, e)| >= r on the state space"),
        Assumption("lipschitz_update", "Lip_h G <= l on the state space"),
        Assumption("small", "kappa < 1 (affine update: beta > 2 |A|_2)"),
        Assumption("outer_norm", "N is the last operation of f"),
        Assumption(
            "eps_zero",
            "eps = 0 and states on the sphere (affine update and sharp example); eps > 0 enters"
            " kappa, with states in the ball",
        ),
        Assumption(
            "plane",
            "d >= 2 (sharp example): at d = 1 the sphere is two states, and a = 1, beta = 3/2 maps"
            " both to e in one loop",
        ),
        Assumption("below", "0 < beta < 2 a (the 2-cycles only)"),
        Assumption("gain_one", "gamma = 1; otherwise A is replaced by A diag(gamma)"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        ("The sharp example needs d >= 2: at d = 1 the loop N(-h + 3e/2) maps both states to e."),
        (
            "Recall plus outer normalisation alone does not imply contraction: it needs the input"
            " to dominate."
        ),
        (
            "Below beta = 2a orbits approach a 2-cycle that is not isolated for d >= 3 (multiplier"
            " 1 along the sphere of cycles)."
        ),
        (
            "With a gain kappa is the rate in the norm |Gamma^{-1} h|; |A Gamma|_2, not max|gamma|"
            " |A|_2, decides."
        ),
    ),
    latex=(
        r"Let $f(h,e)=N(G(h,e))$ with $\operatorname{Lip}_hG\le\ell$ and $|G|\ge r>0$ on the state"
        r" space (the sphere $|h|=R=\sqrt d$ for $\varepsilon=0$, the closed ball for"
        r" $\varepsilon>0$; $\gamma=1$). Then"
        r" \[\operatorname{Lip}_hf\le\kappa=\frac{R\,\ell}{\sqrt{r^2+d\,\varepsilon}},\] the best"
        r" constant; sub-blocks multiply, tokens in the maximum norm. If $\kappa<1$ there is one"
        r" fixed point and $|h_t-h^*|\le\kappa^t|h_0-h^*|$ for every $h_0$. For $G=Ah+Be$,"
        r" $|Be|=\beta R$, $\beta>|A|_2$, $\varepsilon=0$: $\kappa=|A|_2/(\beta-|A|_2)<1$ iff"
        r" $\beta>2|A|_2$. For $d\ge2$ this is sharp: $A=-aI$ has the stable fixed point $h^*=e$"
        r" iff $\beta>2a$ (multiplier $-a/(\beta-a)$ across $e$), for $\beta<2a$ the 2-cycles"
        r" $\cos(h,e)=\beta/(2a)$ with"
        r" two-step multipliers $(1-\beta^2/2a^2)^2$ and $1$, and for $\beta\le a$ no fixed point."
        r" A gain $\Gamma=\operatorname{diag}(\gamma)$ replaces $A$ by $A\Gamma$."
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "yes, if small gain",
            "One fixed point, reached from every state at the rate kappa, whatever the spectrum of"
            " the update.",
            frozenset(Recall),
            True,
            frozenset({Residual.ADD}),
            frozenset({Regime.CONTRACTIVE}),
            "kappa < 1: the pre-norm state dominates its variation (affine update: beta > 2 |A|_2)",
        ),
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "no",
            "Without recall the one fixed point is the same for every input.",
            frozenset({Recall.NONE}),
            True,
            frozenset({Residual.ADD}),
            frozenset({Regime.CONTRACTIVE}),
            "kappa < 1",
        ),
    ),
)
