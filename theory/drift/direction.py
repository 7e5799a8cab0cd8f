"""M4: fixed points of the direction.

A read-out that normalises first sees a convergent signal, although the loop drifts.
"""

from __future__ import annotations

import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.algebra import Equation, Words, letters
from ..kernel.claim import Assumption, Axis, Claim, Consequence
from ..kernel.proof import Sentence, both, cited, decided, deduced, identity
from ..kernel.vectors import span
from .approach import APPROACH_STEPS
from .falsifiers.direction import FALSIFIERS, PREDICATES


def _direction_jacobian():
    a, nu, c, bend, step = sp.symbols("a nu c g epsilon", real=True)
    # x across n, g = Du x with P g = nu x: g = c n + nu x
    n, x = span("n x", {("n", "n"): 1, ("n", "x"): 0, ("x", "x"): bend})
    update = a * n + step * (c * n + nu * x)
    moved = n + step * x
    field = update - (update.dot(moved) / moved.dot(moved)) * moved
    slope = field.map(lambda part: sp.diff(part, step).subs(step, 0))
    exponent = formula("direction_exponent")(nu, a)
    return [
        Equation(slope["n"], sp.Integer(0)),
        Equation(slope["x"], nu - a),
        Equation(-slope["x"] / a, exponent),
    ]


def _strength():
    r, nu, a, c, bend, step = sp.symbols("r nu a c g epsilon", real=True)
    n, x = span("n x", {("n", "n"): 1, ("n", "x"): 0, ("x", "x"): bend})
    # n -> (r n + u)/|r n + u|: to first order, a move along x leaves the length r + a unchanged
    moved = r * (n + step * x) + a * n + step * (c * n + nu * x)
    across = sp.diff(moved["x"] / moved["n"], step).subs(step, 0)
    return [Equation(across, (r + nu) / (r + a)), Equation(across, 1 - (a - nu) / (r + a))]


def _flow():
    t, a, nu = sp.symbols("t a nu", positive=True)
    # dx/dt = (nu - a) x/r on r = a t, solved by t^-exponent
    orbit = t ** -formula("direction_exponent")(nu, a)
    return [Equation(sp.simplify(a * t * sp.diff(orbit, t) / orbit), nu - a)]


def _derivative():
    slope, by_input, move = letters("D E x")  # D = DV on the tangent space, E = D_e V
    solved = -(slope**-1) * by_input
    return [
        Words(slope * solved + by_input, sp.Integer(0)),
        Words(slope**-1 * (slope * move), move),
    ]


def _invertible():
    # s = |x|^2 and i = <x, DV x> in the adapted inner product; DV x = 0 gives i = 0
    m, square, inner = sp.symbols("m s i")
    given = (m > 0, square >= 0, inner <= -m * square)
    return [Sentence((*given, sp.Eq(inner, 0)), sp.Eq(square, 0))]


def _sink_persists():
    # i, k: <x, DV x> at e_0 and at e; a, b: the growths there
    m, square, inner, near, a, b = sp.symbols("m s i k a b")
    close = (4 * (near - inner) <= m * square, 2 * b >= a)
    given = (m > 0, a > 0, square >= 0, inner <= -m * square, *close)
    r, x, y, push, edge = sp.symbols("r x y K delta")
    step = r**2 * y <= (r**2 - (3 * m / 4) * r) * x + push
    return [
        Sentence(given, both(4 * near <= -3 * m * square, b > 0)),
        Sentence((m > 0, r >= m, x <= edge, 4 * push <= 3 * m * edge * r, step), y <= edge),
    ]


def _no_recall():
    # the derivative x of the branch solves DV x = -g with g = D_e V e'; here g = 0, so that
    # i = <x, DV x> = -<x, g> = 0
    m, square, inner, by_input, off = sp.symbols("m s i g k")
    given = (
        m > 0,
        square >= 0,
        inner <= -m * square,
        sp.Eq(inner, -off),
        off**2 <= square * by_input,
    )
    return [Sentence((*given, sp.Eq(by_input, 0)), sp.Eq(square, 0))]


def _read_out():
    d, eps, length = sp.symbols("d epsilon r", positive=True)
    (n,) = span("n", {("n", "n"): 1})
    h = length * n
    mean_square = h.dot(h) / d + eps  # N(h) = h/sqrt(mean_square), against R n
    return [Equation(h.dot(h) / mean_square, d * n.dot(n) * length**2 / (length**2 + d * eps))]


def _read_out_eps():
    r, k, w = sp.symbols("r k w")
    given = (r > 0, w > 0, sp.Eq(w**2, r**2 + k))
    return [
        Sentence(given[2:], sp.Eq(k - 2 * r * (w - r), (w - r) ** 2)),
        Sentence(given, sp.Equivalent(w >= r, k >= 0)),
    ]


_STEPS = (
    identity(
        "direction_jacobian",
        "V(n) = P_n u(n), u(n*) = a n*: DV = P Du - a on the tangent space, so an eigenvalue nu of"
        " P Du decays with exponent 1 - nu/a = mu/a",
        "every d >= 2",
        _direction_jacobian,
        ("sink",),
    ),
    identity(
        "residual_strength",
        "one loop at norm r multiplies the deviation by (r + nu)/(r + a) = 1 - mu/(r + a): M1 with"
        " the norm as residual strength",
        "every d >= 2",
        _strength,
        ("direction_jacobian",),
    ),
    identity(
        "direction_flow",
        "r = a t: the direction obeys dn/dlog t = V(n)/a, and a deviation along the eigenvalue nu"
        " is t^-(1 - nu/a)",
        "every d >= 2",
        _flow,
        ("direction_jacobian",),
    ),
    cited(
        "adapted_product",
        "lyapunov",
        "an inner product on the tangent space with <x, DV x> <= -m |x|^2 for any m < mu",
        "every d >= 2",
        {"hurwitz": ("sink",)},
    ),
    decided(
        "regular",
        "then DV x = 0 only for x = 0: DV is invertible at a sink",
        "every d >= 2",
        _invertible,
        ("adapted_product",),
    ),
    cited(
        "branch",
        "implicit_function",
        "near e_0 the zeros of V(., e) near n* are one C^1 branch n*(e)",
        "every d >= 2",
        {"smooth": ("smooth",), "invertible": ("regular",)},
    ),
    identity(
        "derivative",
        "D n*(e) = -(DV)^{-1} D_e V, of the rank of D_e V",
        "every d >= 2",
        _derivative,
        ("branch",),
    ),
    decided(
        "sink_persists",
        "DV and a are continuous along the branch: where <x, DV x> moves by m|x|^2/4 at most and a"
        " by a/2, n*(e) is a sink with 3m/4, its growth is positive, and |x| <= delta is kept with"
        " 3m/4 for m, for all these e at once",
        "every d >= 2",
        _sink_persists,
        ("adapted_product", "branch", "outward", "smooth"),
    ),
    deduced(
        "limit_direction",
        "The orbit of e_0 is inside |x| < delta and beyond r_0 after finitely many loops, so by"
        " continuity of h_0 and of the step it is there for e near e_0, where it is trapped and R3"
        " c gives n_inf(e) = n*(e): n_inf is C^1 there, with D n_inf != 0 iff D_e V != 0",
        "every d >= 2",
        ("branch", "derivative", "sink_persists", "one_token", "smooth"),
    ),
    decided(
        "without_recall",
        "recall none: V does not contain e, so D_e V = 0, and DV x = 0 has only the solution D"
        " n_inf = 0: n_inf is locally constant",
        "every d >= 2",
        _no_recall,
        ("limit_direction", "recall_free", "adapted_product"),
    ),
    identity(
        "read_out",
        "|N(h)|^2 = d r^2/(r^2 + d eps): R n at eps = 0, and along n always",
        "every d",
        _read_out,
    ),
    decided(
        "read_out_epsilon",
        "sqrt(r^2 + d eps) exceeds r by d eps/(2 r) at most: N(h) -> R n as r -> oo",
        "every d",
        _read_out_eps,
        ("read_out",),
    ),
    deduced(
        "signal",
        "N(h_t) -> R n_inf(e): a continuous head that starts with RMSNorm converges, although |h_t|"
        " ~ a t",
        "every d >= 2",
        ("limit_direction", "read_out", "read_out_epsilon", "outward"),
    ),
    *APPROACH_STEPS,
)

M4 = Claim(
    id="M4",
    title="Directional fixed points",
    source="extension",
    statement=(
        "Under R3 c, with u C^1 in (n, e) and h_0 continuous in e: n_inf(e) = lim h_t/|h_t| is C^1"
        " near e_0 with D n_inf = -(DV)^{-1} D_e V, DV = P Du - a. With recall none n_inf is"
        " locally constant. N(h_t) -> R n_inf(e), so a read-out that starts with RMSNorm sees a"
        " convergent signal. For one sub-block with eps = 0, |n_t - n_inf| = O(t^-theta) for every"
        " theta < mu/a, where mu = a - nu and nu is the largest real part of the spectrum of P Du."
        " For two sub-blocks the same holds for theta <= 1, and for one with eps > 0 for theta <="
        " 2."
    ),
    assumptions=(
        Assumption("sink", "n* is a hyperbolic sink of V(., e_0), V(n, e) = P_n u(n, e)"),
        Assumption("outward", "a = <n*, u(n*)> > 0"),
        Assumption(
            "smooth", "u is C^1 in direction and input near (n*, e_0), and h_0 is continuous in e"
        ),
        Assumption("one_token", "one token"),
        Assumption("recall_free", "the update does not read e (local constancy only)"),
        Assumption("one_sub_block", "one sub-block per loop (rate beyond 1/t only)"),
        Assumption("eps_zero", "eps = 0 in the norm that is read (rate beyond 1/t^2 only)"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        (
            "The rate was said to be t^{-min(1, mu/a)} always: that is an upper bound, sharp for"
            " two sub-blocks. One sub-block with eps = 0 maps the ray of n* into itself and settles"
            " like t^{-mu/a}, however large mu/a is; with eps > 0 like t^{-min(2, mu/a)}."
        ),
        (
            "With several tokens the zeros of V and D n_inf = -(DV)^{-1} D_e V are unchanged, but"
            " the rates are those of V_i/a_i (R3)."
        ),
        "Convergence of the direction does not say that dn_t/de converges to D n_inf.",
    ),
    latex=(
        r"Let $V(n, e) = (I - nn^{\top})u(n, e)$ be $C^1$ near $(n^*, e_0)$, $n^*$ a hyperbolic"
        r" sink of $V(\cdot, e_0)$ with $a = "
        r"\langle n^*, u(n^*, e_0)\rangle > 0$, for one token, and $h_0(e_0)$ in the open set of"
        r" claim R3(c). Then $n_\infty(e) = \lim_t "
        r"h_t/|h_t|$ is $C^1$ near $e_0$, $D n_\infty = -(DV)^{-1} D_e V$ with $DV = P\,Du - a$ on"
        r" the tangent space, and locally constant "
        r"if the update does not read $e$; $N(h_t) \to \sqrt d\, n_\infty(e)$. With $\nu$ the"
        r" largest real part of the spectrum of $P\,Du$ "
        r"and $\mu = a - \nu$, $|h_t/|h_t| - n_\infty| = O(t^{-\theta})$ for every $\theta < \mu/a$"
        r" with $\theta \le j$, where $j = 1$ for "
        r"two sub-blocks, $j = 2$ for one sub-block with $\varepsilon > 0$ and $j = \infty$ for one"
        r" sub-block with $\varepsilon = 0$; the "
        r"bounds $1/t$ and $1/t^2$ are attained for $\mu > a$ and $\mu > 2a$, and $\log(t)/t$"
        r" occurs for $\mu = a$."
    ),
    consequences=(
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "by direction",
            "The limit direction is C^1 in the input, with the rank of D_e V; the state itself has"
            " no limit.",
            recalls=frozenset({Recall.INTERNAL}),
            outer_norm=False,
            residuals=frozenset({Residual.ADD}),
            when="the direction settles at an outward sink",
        ),
        Consequence(
            Axis.INPUT_DEPENDENCE,
            "no",
            "The limit direction is locally constant in the input.",
            recalls=frozenset({Recall.NONE}),
            outer_norm=False,
            residuals=frozenset({Residual.ADD}),
            when="the direction settles at an outward sink",
        ),
    ),
)
