"""R3: a residual stream with a bounded update that is never normalised.

When it has no fixed point, when it drifts, and what else can happen.
"""

from __future__ import annotations

from ..architecture import Recall, Residual
from ..kernel.claim import Assumption, Axis, Claim, Consequence
from .falsifiers.drift import FALSIFIERS, PREDICATES
from .no_fixed_point import NO_FIXED_POINT_STEPS
from .settling import SETTLING_STEPS
from .wandering import WANDERING_STEPS

DRIFTING = frozenset({Recall.NONE, Recall.INTERNAL})
"""the kinds of recall that leave the residual stream untouched"""

R3 = Claim(
    id="R3",
    title="Drift of residual streams with a bounded update",
    source="extension",
    statement=(
        "Let h' = h + U(h, e), |U| <= C (recall none or internal, pre or peri), with e fixed. (a)"
        " One pre sub-block, one token and eps = 0: no state is fixed if -b is not a value of u on"
        " the sphere, and that holds for every output bias b off a closed null set. One peri"
        " sub-block, eps = 0 and a gain without zeros: |h' - h| >= R min|gamma| for every token,"
        " so no state is fixed. (b) If 0 has the distance c_0 > 0 from the closed convex hull of"
        " the values of U, then c_0 t - |h_0| <= |h_t| <= |h_0| + C t, and no state is fixed. (c)"
        " One token, n* a hyperbolic sink of V(n) = P_n u(n), where u(n) is the limit of U(r n),"
        " and a = <n*, u(n*)> > 0: from an open set of states n_t -> n*, |h_t|/t -> a, and"
        " relative step x t -> 1. (d) Otherwise, already in the plane, on open sets of updates, an"
        " orbit can stay bounded without a fixed point, |h_t|/t can oscillate for ever, and the"
        " direction can turn for ever (u = n + Omega n: relative step x t -> sqrt(1 + omega^2) >"
        " 1). (e) Two sub-blocks with |u_1 + u_2| >= delta on the sphere: fixed points lie within"
        " C (1 + l/delta), and can be reachable."
    ),
    assumptions=(
        Assumption(
            "bounded_update",
            "h' = h + U(h, e) with |U| <= C (R2), additive residual, recall none or internal",
        ),
        Assumption("one_sub_block", "one sub-block per loop (a)"),
        Assumption("one_token", "one token, or an update that acts on each token by itself (a, c)"),
        Assumption("eps_zero", "eps = 0 in the norm that is read (a)"),
        Assumption(
            "generic_bias", "-b is not a value of u on the sphere; u Lipschitz there (a, pre)"
        ),
        Assumption("gain_without_zeros", "no gain of the outer norm of the update is 0 (a, peri)"),
        Assumption("outside_hull", "0 is outside the closed convex hull of the values of U (b)"),
        Assumption("smooth", "u is C^1 near n* (c)"),
        Assumption(
            "sink",
            "V(n*) = 0 and every eigenvalue of DV(n*) on the tangent space has real part < -m <"
            " 0 (c)",
        ),
        Assumption("outward", "a = <n*, u(n*)> > 0 (c)"),
    ),
    steps=(*SETTLING_STEPS, *NO_FIXED_POINT_STEPS, *WANDERING_STEPS),
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        (
            "(a) said that peri has no fixed point for any parameter: false for a gain with a zero,"
            " where gamma = (0, 1), u = (1, 0) gives h' = h."
        ),
        (
            "Linear growth of the norm with a limit of |h_t|/t is not a theorem: (d) holds the"
            " counterexamples."
        ),
        (
            "(a) holds off a closed null set of biases, and there the step is bounded below"
            " uniformly: more than 'almost every bias'."
        ),
        (
            "(c) is for one token. With several tokens of growths a_i the sink must be one of"
            " V_i/a_i: DV = ((1, -4), (2, -3)) is a sink, but with a = (1/4, 1) the directions"
            " leave it."
        ),
        (
            "(e) Two pre sub-blocks without recall can have a reachable fixed point (J = 0) on an"
            " open set of parameters: drift is not universal."
        ),
        (
            "Turning for ever is an open property, the limit |u|/a > 1 of relative step x t is not:"
            " where the gain varies, it oscillates."
        ),
        (
            "How often random blocks drift at initialisation is measured elsewhere and is no part"
            " of this proof."
        ),
    ),
    latex=(
        r"Let $h_{t+1} = h_t + U(h_t, e)$ with $|U| \le C$ and $e$ fixed (recall none or internal,"
        r" pre- or peri-normalised sub-blocks). (a) For one sub-block, one token and $\varepsilon"
        r" = 0$: with pre-normalisation, $U = u(N(h)) + b$ and $u$ Lipschitz, there is no fixed"
        r" point for every $b$ outside a closed Lebesgue-null set; with peri-normalisation and a"
        r" gain without zeros there is none, $|U| \ge \sqrt d\,\min_i|\gamma_i| > 0$. (b) If $0$"
        r" has distance $c_0 > 0$ from the closed convex hull of the values of $U$, then $c_0 t -"
        r" |h_0| \le |h_t| \le |h_0| + C t$. (c) For one token let $u(n) = \lim_{r\to\infty} U(r"
        r" n)$ be $C^1$, $V(n) = (I - nn^{\top})u(n)$, and $n^*$ with $V(n^*) = 0$, the spectrum"
        r" of $DV(n^*)$ in the open left half-plane and $a = \langle n^*, u(n^*)\rangle > 0$. From"
        r" an open set of states $h_t/|h_t| \to n^*$, $|h_t|/t \to a$ and $t\,|h_{t+1} -"
        r" h_t|/|h_t| \to 1$. (d) In the plane, on open sets of updates, an orbit stays bounded"
        r" without a fixed point ($u(n) = -\sqrt d\, n + b$, $|b| < \sqrt d$), $|h_t|/t$ has no"
        r" limit ($u(n) = (1 + 0.8\,n_1)n + 3Jn$), or the direction turns for ever ($u(n) = n +"
        r" \Omega n$, $t\,|h_{t+1} - h_t|/|h_t| \to \sqrt{1 + \omega^2}$). (e) For two sub-blocks,"
        r" $\varepsilon = 0$, $|u_1| \le C$, $u_2$ $l$-Lipschitz in the direction and $|u_1 + u_2|"
        r" \ge \delta$ on the sphere, every fixed point has $|h| \le C(1 + l/\delta)$."
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "almost never",
            "There is no fixed point to reach for any output bias off a closed null set (peri: for"
            " any gain without zeros).",
            recalls=DRIFTING,
            outer_norm=False,
            residuals=frozenset({Residual.ADD}),
            when="one sub-block, one token, eps = 0",
        ),
        Consequence(
            Axis.REACHABILITY,
            "no",
            "The norm grows linearly from every state: there is no fixed point.",
            recalls=DRIFTING,
            outer_norm=False,
            residuals=frozenset({Residual.ADD}),
            when="0 outside the closed convex hull of the update",
        ),
    ),
)
