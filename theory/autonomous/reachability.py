"""Claim A4: which fixed points are reached, by spectral regime."""

from __future__ import annotations

import sympy as sp

from ..architecture import Recall
from ..kernel.algebra import Words, letters
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, both, cited, decided, deduced, identity
from .corners import INVERTIBLE, K, P, S, invertible_model
from .falsifiers.reachability import FALSIFIERS, PREDICATES
from .reachability_examples import EXAMPLES
from .relu_blocks import RELU_BLOCKS
from .sphere_map import STEPS as SPHERE_MAP


def _contraction():
    x, y, kappa, eta = sp.symbols("x y kappa eta")
    # in an adapted norm and on a small ball, with x = |h - h*|: |J(h - h*)| <= kappa x and
    # |f(h) - h* - J(h - h*)| <= eta x
    return [Sentence((kappa + eta < 1, x > 0, y <= kappa * x + eta * x), y < x)]


def _cone():
    x, y, x1, y1, mu, delta, eta = sp.symbols("x y x1 y1 mu delta eta")
    # x and y are the unstable and the centre-stable part of the difference of two orbits; the error
    # of each is at most eta max(x, y)
    constants = (delta >= -1, mu >= 1 + delta + 2 * eta)
    given = (*constants, y >= 0, x >= y, x1 >= mu * x - eta * x, y1 <= (1 + delta) * y + eta * x)
    return [Sentence(given, both(y1 <= (1 + delta + eta) * x, x1 >= (1 + delta + eta) * x))]


def _growth():
    t, eta, x0, x, x1, r, power = sp.symbols("t eta x0 x x1 r u")
    return [
        # induction over t with u = (1 + eta)^t
        Sentence((eta > 0, x >= power * x0, x1 >= (1 + eta) * x), x1 >= power * (1 + eta) * x0),
        # x_t <= 2 r in a ball of radius r; (1 + eta)^t >= 1 + t eta is Bernoulli's inequality
        Sentence(
            (x0 >= 0, power >= 1 + t * eta, x >= power * x0, x <= 2 * r),
            (1 + t * eta) * x0 <= 2 * r,
        ),
        # so x_0 = 0: otherwise some t has t eta x_0 > 2 r
        Sentence((x0 > 0, t * eta * x0 > 2 * r), (1 + t * eta) * x0 > 2 * r),
    ]


def _affine_encoder():
    h, c, y = letters("h c y")
    # e -> K e + c is onto, with right inverse S of K: h is the image of S(h - c) + (1 - S K) y for
    # every y, so preimages of null sets are null by Fubini's theorem
    image = K * (S * (P * h - P * c) + (1 - S * K) * y) + P * c
    return [Words(image, P * h, INVERTIBLE, invertible_model)]


_STEPS = (
    cited(
        "adapted_norm",
        "spectral_splitting",
        "rho(J) < 1: a norm with |J x| <= kappa|x|, kappa < 1; rho(J) > 1: E^u of dimension >= 1"
        " and norms with |J u| >= mu|u|, |J c| <= (1 + delta)|c|, mu > 1 + delta",
        "every d",
        {"linear": ("smooth",)},
    ),
    decided(
        "local_contraction",
        "contractive: on a small ball about h* the distance shrinks, so the ball is mapped into"
        " itself and every orbit in it converges",
        "every d",
        _contraction,
        ("contractive", "adapted_norm"),
    ),
    deduced(
        "open_basin",
        "contractive: the basin is open (f^t is continuous and the ball is open); inputs near one"
        " that converges to h* converge to the same h* where f does not depend on the input: h_inf"
        " is locally constant",
        "every d",
        ("local_contraction", "smooth", "no_recall"),
    ),
    decided(
        "cone",
        "expansive: in a small ball, differences with |centre-stable part| <= |unstable part| stay"
        " so, and the unstable part grows by 1 + delta + eta at least",
        "every d",
        _cone,
        ("expanding", "adapted_norm"),
    ),
    decided(
        "growth",
        "t loops in the ball give (1 + t eta) x_0 <= 2r for every t: the unstable parts coincide,"
        " and with them the states",
        "every d, every t by induction",
        _growth,
        ("cone",),
    ),
    deduced(
        "lipschitz_graph",
        "so two states whose orbits stay in the ball differ less in E^u than in E^cs: they lie on a"
        " Lipschitz graph over a part of E^cs",
        "every d",
        ("growth",),
    ),
    cited(
        "graph_is_null",
        "area_formula",
        "the graph is a Lipschitz image of a part of E^cs, a null set since dim E^u >= 1",
        "every d",
        {"lipschitz": ("lipschitz_graph",), "measurable": ("lipschitz_graph",)},
    ),
    cited(
        "countable_cover",
        "lindelof",
        "countably many such balls cover all fixed points with rho > 1; an orbit that converges to"
        " one of them ends in the staying set of a ball (no discreteness needed)",
        "every d",
        {"cover": ("cone",)},
    ),
    cited(
        "local_diffeomorphism",
        "implicit_function",
        "on an open set of full measure f is C^1 with det Df != 0, a local diffeomorphism; the rest"
        " is null: f pulls null sets back to null sets",
        "every d",
        {"smooth": ("smooth",), "invertible": ("nonsingular",)},
    ),
    *RELU_BLOCKS,
    cited(
        "one_sample_point",
        "analytic_zero_set",
        "analytic f: det Df != 0 at one point per component of Omega is enough",
        "every d",
        {"analytic": ("smooth",), "nonzero": ("nonsingular",)},
    ),
    deduced(
        "expansive_is_null",
        "the starts that converge to a fixed point with rho > 1 lie in the union over t and the"
        " balls of the preimages under f^t of null sets: a null set",
        "every d",
        ("graph_is_null", "countable_cover", "local_diffeomorphism"),
    ),
    deduced(
        "inputs",
        "without recall f is the same for every input, and the encoder pulls that null set back to"
        " a null set of inputs",
        "every d",
        ("expansive_is_null", "encoder", "no_recall"),
    ),
    deduced(
        "with_recall",
        "with recall all this holds for f(., e), one input at a time: its null set of starts has"
        " probability 0 under a density of h_0 given e",
        "every d",
        ("expansive_is_null", "random_start"),
    ),
    identity(
        "affine_encoder",
        "e -> W e + c with W of rank n: the fibres are the affine spaces S(h - c) + ker W, so null"
        " sets are pulled back to null sets",
        "every n, every p",
        _affine_encoder,
    ),
    cited(
        "random_offset",
        "tonelli",
        "N a null Borel set that holds the starts of expansive_is_null; rank below n: {(e, c): W e"
        " + c in N} has null sections in c for each e, so for almost every offset c null sections"
        " in e",
        "every n",
        {"measurable": ("expansive_is_null",), "sections": ("expansive_is_null",)},
    ),
    *SPHERE_MAP,
    *EXAMPLES,
)

_NONE = frozenset({Recall.NONE})

A4 = Claim(
    id="A4",
    title="Which fixed points are reached, by spectral regime",
    source="paper+extension",
    statement=(
        "The loop is h_{t+1} = f(h_t, e), where f(., e) is continuous on an open set Omega, and C^1"
        " on an open set of full measure that contains the fixed points: smooth blocks, and ReLU"
        " blocks off their kinks. A fixed point with rho < 1 attracts every start in a ball around"
        " it. Without recall and with continuous h_0(e) the inputs near one that reaches it reach"
        " the same one: h_inf is locally constant there. If det Df != 0 almost everywhere, the"
        " starts from which h_t converges to a fixed point with rho > 1 are a null set. (Analytic"
        " f: det Df != 0 at one point per component is enough; ReLU: on every piece; outer norm,"
        " eps = 0: the tangential determinant.) So without recall almost no input reaches one if e"
        " -> h_0(e) pulls null sets back to null sets. (The identity, affine maps of rank n, and W"
        " e + c for almost every c do.) With recall, for every e, almost surely none is reached"
        " from an h_0 that has a density given e. For h' = N(M h) the tangential determinant is"
        " det M (|h|/|M h|)^d. None of these hypotheses can be dropped."
    ),
    latex=(
        r"Let $h_{t+1}=f(h_t,e)$, where $f(\cdot,e)$ is continuous on an open"
        r" $\Omega\subset\mathbb{R}^n$ and $C^1$ on an open set of full measure that contains the"
        r" fixed points considered (or a self-map of a $C^1$ manifold, with tangential"
        r" derivatives); $f(h)=Mh+b+O\,\mathrm{relu}(Wh+s)$ is, off its kinks. (i) If"
        r" $\rho(Df(h^*))<1$, $h^*$ attracts an open set of starts; if $f$ does not depend on $e$"
        r" and $h_0(e)$ is continuous, $h_\infty$ is locally constant on the inputs that reach it."
        r" (ii) If $\det Df\neq0$ almost everywhere, the set of starts whose orbit converges to a"
        r" fixed point with $\rho>1$ is null. If $f$ is real-analytic, $\det Df\neq0$ at one point"
        r" of each component of $\Omega$ suffices. (iii) So without recall almost no input reaches"
        r" such a point if preimages of null sets under $e\mapsto h_0(e)$ are null: for"
        r" $h_0(e)=e$, for affine maps of rank $n$, and for $h_0(e)=We+c$ with any $W$ and almost"
        r" every $c$. With recall it is reached with probability $0$, for every $e$, if $h_0$ has a"
        r" density given $e$. (iv) For $h'=N(Mh)$, $N(z)=\sqrt d\,z/|z|$, the determinant between"
        r" tangent spaces of the sphere is $\det M\,(|h|/|Mh|)^d$."
    ),
    assumptions=(
        Assumption(
            "smooth",
            "f(., e) is continuous on the open set Omega and C^1 on an open set of full measure"
            " that contains the fixed point (real-analytic for the one-point test); h_0 is"
            " continuous in e",
        ),
        Assumption("no_recall", "f does not depend on e (the parts about inputs)"),
        Assumption("contractive", "rho < 1 at the fixed point (first part)"),
        Assumption("expanding", "rho > 1 at the fixed point (second part)"),
        Assumption(
            "nonsingular",
            "det Df != 0 almost everywhere, on tangent spaces under outer normalisation with eps ="
            " 0 (second part)",
        ),
        Assumption(
            "encoder",
            "e -> h_0(e) pulls null sets back to null sets; outer normalisation: e -> f(h_0(e))"
            " does (second part)",
        ),
        Assumption(
            "random_start",
            "h_0 has a density given e; outer normalisation: f(h_0, e) has one (with recall)",
        ),
    ),
    steps=_STEPS,
    predicates=PREDICATES,
    falsifiers=FALSIFIERS,
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "yes",
            "A contractive fixed point is reached from an open set of states.",
            regimes=frozenset({Regime.CONTRACTIVE}),
            when="there is a fixed point with rho < 1",
        ),
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "no",
            "On the basin of a contractive fixed point of a loop without recall h_inf is locally"
            " constant.",
            recalls=_NONE,
            regimes=frozenset({Regime.CONTRACTIVE}),
            when="on the basin of a fixed point with rho < 1, h_0 continuous in the input",
        ),
        Consequence(
            Axis.REACHABILITY,
            "almost never",
            "Almost no input converges to an expanding fixed point of a loop without recall.",
            recalls=_NONE,
            regimes=frozenset({Regime.EXPANSIVE}),
            when="det Df != 0 almost everywhere and the encoder pulls null sets back",
        ),
        Consequence(
            Axis.REACHABILITY,
            "almost never",
            "An expanding fixed point of a loop with recall is reached with probability 0 from a"
            " random start.",
            recalls=frozenset(Recall) - _NONE,
            regimes=frozenset({Regime.EXPANSIVE}),
            when="det Df != 0 almost everywhere and h_0 has a density given e",
        ),
    ),
    notes=(
        (
            "det Df != 0 everywhere, as an earlier version had it, is false for real blocks and not"
            " needed: almost everywhere is enough."
        ),
        (
            "Under outer normalisation with eps = 0 det Df vanishes identically on R^n; the"
            " tangential determinant is the right one."
        ),
        (
            "The staying set needs neither an invertible J nor a hyperbolic one, and the fixed"
            " points need not be countable (Lindelof)."
        ),
        "Critical fixed points (eigenvalues on the circle, not 1) are not covered; A3 is.",
        (
            "Fixed points on a kink are not covered: both pieces may have rho > 1 and an open set"
            " of starts still converge."
        ),
        (
            "For gradient descent the argument is known: Lee et al. (2016), Panageas and Piliouras"
            " (2017); for ReLU networks Cheridito, Jentzen and Rossmannek (arXiv 2208.02083)."
        ),
        (
            "With recall a start h_0(e) that depends on the input may lie on the expanding fixed"
            " point of every input: h' = 2h - e, h_0 = e."
        ),
    ),
)
