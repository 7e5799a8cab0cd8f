"""Claim A4: which fixed points of a loop without recall are reached, by spectral regime."""

from __future__ import annotations

import sympy as sp

from ..architecture import Recall
from ..kernel.algebra import Equation, Words, letters
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, both, cited, decided, deduced, identity
from .corners import INVERTIBLE, K, P, S, invertible_model
from .falsifiers.reachability import FALSIFIERS
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
    ]


def _affine_encoder():
    h, c, y = letters("h c y")
    # e -> K e + c is onto, with right inverse S of K: h is the image of S(h - c) + (1 - S K) y for
    # every y, so preimages of null sets are null by Fubini's theorem
    image = K * (S * (P * h - P * c) + (1 - S * K) * y) + P * c
    return [Words(image, P * h, INVERTIBLE, invertible_model)]


def _plateau():
    h = sp.Symbol("h")
    piece = (h - 3) ** 2 * (h - sp.Rational(1, 2))  # joins the branches 2 h and 0
    slope = sp.diff(piece, h)
    return [
        Equation(piece.subs(h, 1), 2),
        Equation(slope.subs(h, 1), 2),
        Equation(piece.subs(h, 3) + h, h),
        Equation(slope, (h - 3) * (3 * h - 4)),
    ]


def _line_encoder():
    e, half, two, t = sp.symbols("e a b t")
    state = sp.Matrix([e, 0])
    loop = sp.diag(sp.Rational(1, 2), 2)
    return [
        *(Equation((loop**n * state)[0], e / 2**n) for n in (1, 2, 5)),
        Equation((loop * sp.Matrix([half, two]))[1], 2 * two),
        Equation((loop * state)[1] + t, t),
    ]


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
        " that converges to h* converge to the same h*: h_inf is locally constant",
        "every d",
        ("local_contraction",),
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
        "where det Df != 0 f is a local diffeomorphism; the rest is null: f pulls null sets back to"
        " null sets",
        "every d",
        {"smooth": ("smooth",), "invertible": ("nonsingular",)},
    ),
    cited(
        "one_sample_point",
        "analytic_zero_set",
        "analytic f: det Df != 0 at one point per component of Omega is enough",
        "every d",
        {"analytic": ("smooth",), "nonzero": ("nonsingular",)},
    ),
    deduced(
        "expansive_is_null",
        "the inputs that converge to a fixed point with rho > 1 lie in the union over t and the"
        " balls of the preimages of null sets: a null set",
        "every d",
        ("graph_is_null", "countable_cover", "local_diffeomorphism", "encoder"),
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
        "rank below n: {(e, c): W e + c in N} has null sections in c for each e, so for almost"
        " every offset c null sections in e",
        "every n",
        {"measurable": ("graph_is_null",), "sections": ("graph_is_null",)},
    ),
    *SPHERE_MAP,
    identity(
        "plateau",
        "det Df != 0 almost everywhere is needed: the C^1 map f = 2h, (h - 3)^2 (h - 1/2), 0 on h"
        " <= 1, [1, 3], h >= 3 doubles near 0 and sends all h >= 3 to 0",
        "d = 1",
        _plateau,
    ),
    identity(
        "line_of_inputs",
        "the encoder is needed: h' = diag(1/2, 2)h from h_0 = (e, 0) gives (e/2^t, 0): every input"
        " converges to the expanding fixed point",
        "d = 2",
        _line_encoder,
    ),
)

_NONE = frozenset({Recall.NONE})

A4 = Claim(
    id="A4",
    title="Which fixed points are reached without recall, by spectral regime",
    source="paper+extension",
    statement=(
        "h_{t+1} = f(h_t), h_0 = h_0(e), f C^1 on an open Omega. Contractive fixed points have open"
        " basins on which h_inf is locally constant. If det Df != 0 almost everywhere (analytic: at"
        " one point per component; outer norm, eps = 0: the tangential determinant) and e -> h_0"
        " pulls null sets back to null sets (h_0 = e, affine of rank n, or almost every offset),"
        " almost no input converges to a fixed point with rho > 1. For h' = N(M h) the tangential"
        " determinant is det M (|h|/|M h|)^d. Neither hypothesis can be dropped."
    ),
    latex=(
        r"Let $f$ be $C^1$ on an open $\Omega\subset\mathbb{R}^n$ (or a self-map of a $C^1$"
        r" manifold, with tangential derivatives), $h_{t+1}=f(h_t)$, $h_0=h_0(e)$ continuous. (i)"
        r" If $\rho(Df(h^*))<1$, the set of inputs with $h_t\to h^*$ is open, and $h_\infty$ is"
        r" locally constant on it. (ii) If $\det Df\neq0$ almost everywhere and preimages of null"
        r" sets under $e\mapsto h_0(e)$ are null, then the set of inputs $e$ whose orbit converges"
        r" to a fixed point with $\rho>1$ is null. If $f$ is real-analytic, $\det Df\neq0$ at one"
        r" point of each component of $\Omega$ suffices; the condition on $h_0$ holds for"
        r" $h_0(e)=e$, for affine maps of rank $n$, and for $h_0(e)=We+c$ with any $W$ and almost"
        r" every $c$. (iii) For $h'=N(Mh)$, $N(z)=\sqrt d\,z/|z|$, the determinant between tangent"
        r" spaces of the sphere is $\det M\,(|h|/|Mh|)^d$."
    ),
    assumptions=(
        Assumption(
            "smooth",
            "f is C^1 on the open set Omega (real-analytic for the one-point test); h_0 is"
            " continuous in e",
        ),
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
    ),
    steps=_STEPS,
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
            when="on the basin of a fixed point with rho < 1",
        ),
        Consequence(
            Axis.REACHABILITY,
            "almost never",
            "Almost no input converges to an expanding fixed point of a loop without recall.",
            recalls=_NONE,
            regimes=frozenset({Regime.EXPANSIVE}),
            when="det Df != 0 almost everywhere and the encoder pulls null sets back",
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
    ),
)
