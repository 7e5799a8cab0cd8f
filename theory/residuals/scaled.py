"""S1: residuals that are scaled, and loops that are damped: (1 - w) h + w g(h, e)."""

from __future__ import annotations

import sympy as sp

from ..architecture import Recall, Residual
from ..formulas import formula
from ..kernel.algebra import Equation, Words, letters
from ..kernel.claim import Assumption, Axis, Claim, Consequence, Regime
from ..kernel.proof import Sentence, both, cited, decided, identity
from .falsifiers.damping import FALSIFIERS, PREDICATES


def _norms():
    w, h, g, bound, new = sp.symbols("w h g C n")
    # new = |(1 - w) h + w g| <= (1 - w)|h| + w |g|
    step = (w >= 0, w <= 1, h >= 0, g >= 0, g <= bound, new <= (1 - w) * h + w * g)
    return [
        Sentence(step, new - bound <= (1 - w) * (h - bound)),
        Sentence((*step, h <= bound), new <= bound),
    ]


def _absorbed():
    x, y, start, power, share = sp.symbols("x y s p q")
    # x = |h_t| - C, p = q^t, q = 1 - w
    return [
        Sentence((sp.Eq(x, start), sp.Eq(power, 1)), sp.Eq(x, power * start)),
        Sentence((share >= 0, x <= power * start, y <= share * x), y <= (share * power) * start),
    ]


def _same_points():
    w, h, g = sp.symbols("w h g")
    return [Equation((1 - w) * h + w * g - h, w * (g - h))]


def _same_sensitivity():
    q, direct = letters("Q K")  # Q = I - G
    w = sp.Symbol("w")
    return [
        Words(1 - ((1 - w) + w * (1 - q)), w * q),
        Words(((1 - w) + w * (1 - q)) * (q**-1 * direct) + w * direct, q**-1 * direct),
    ]


def _eigenvalues():
    jacobian = sp.Symbol("G", commutative=False)
    w, z = sp.symbols("w z")
    return [Words(z - ((1 - w) + w * jacobian), w * ((z - 1 + w) / w - jacobian))]


def _boundary():
    p, q, w = sp.symbols("p q w")
    square = (1 - w + w * p) ** 2 + (w * q) ** 2
    return [
        Equation(square, 1 - 2 * w * (1 - p) + w**2 * ((1 - p) ** 2 + q**2)),
        Equation(square.subs(w, formula("damping_limit")(p, q)), sp.Integer(1)),
    ]


def _modulus():
    p, q, w, limit = sp.symbols("p q w W")
    square = 1 - 2 * w * (1 - p) + w**2 * ((1 - p) ** 2 + q**2)
    far = (1 - p) ** 2 + q**2
    at_limit = sp.Eq(limit * far, 2 * (1 - p))
    return [
        Sentence((w > 0, far > 0, at_limit, w < limit), square < 1),
        Sentence((w > 0, far > 0, at_limit, w >= limit), square >= 1),
        Sentence((sp.Eq(p, 1), sp.Eq(q, 0)), sp.Eq(square, 1)),
    ]


def _some_damping():
    p, q, w, limit = sp.symbols("p q w W")
    far = (1 - p) ** 2 + q**2
    return [
        Sentence((p < 1, sp.Eq(limit * far, 2 * (1 - p))), limit > 0),
        Sentence((p >= 1, w > 0), (1 - w + w * p) ** 2 + (w * q) ** 2 >= 1),
    ]


def _lipschitz():
    w, far, moved, slope, new = sp.symbols("w x g L n")
    step = (w >= 0, w <= 1, far >= 0, moved <= slope * far, new <= (1 - w) * far + w * moved)
    return [
        Sentence(step, new <= (1 - w + w * slope) * far),
        Sentence(
            (w > 0, w <= 1, slope >= 0, slope < 1),
            both(1 - w + w * slope < 1, 1 - w + w * slope >= slope),
        ),
    ]


def _ray():
    d, m, eps = sp.symbols("d m epsilon", positive=True)
    # m = mean h^2, s^2 = m + eps; DN(h) h = (h - h |h|^2/(d s^2))/s = c h/s
    return [Equation(1 - d * m / (d * (m + eps)), eps / (m + eps))]


def _toys():
    c, r = sp.symbols("c r", positive=True)
    x, y = sp.symbols("x y")
    found = []
    for sign in (-1, 1):
        # z = sign c h + e with e = (r - sign c)(1, 0) is r (1, 0) at h = (1, 0)
        z = sp.Matrix([sign * c * x + r - sign * c, sign * c * y])
        n = z / sp.sqrt(z.dot(z))
        jacobian = n.jacobian([x, y]).subs({x: 1, y: 0})
        found += [Equation(jacobian[1, 1], sign * c / r), Equation(jacobian[0, 0], sp.Integer(0))]
    # h = n x and h' = (1 - w) n x + w Q x with |x| = 1 and Q x across x
    n, w = sp.symbols("n w")
    return [*found, Equation(((1 - w) * n - n) ** 2 + w**2, w**2 * (1 + n**2))]


def _toy_limits():
    c, r, w, n, moved = sp.symbols("c r w n m")
    # the eigenvalue 1 - w + w l times r
    swings, leaves = (1 - w) * r - w * c, (1 - w) * r + w * c
    return [
        Sentence((c > 0, r > 0, w > 0, w < 1, w * (r + c) < 2 * r), both(swings < r, swings > -r)),
        Sentence((c >= r, r > 0, w > 0), leaves >= r),
        # m = |h' - h|^2 for the quarter turn, see `toys`
        Sentence((w > 0, sp.Eq(moved, w**2 * (1 + n**2))), moved > 0),
    ]


_STEPS = (
    decided(
        "norms",
        "|f| - C <= (1 - w)(|h| - C), and |f| <= C if |h| <= C",
        "every d, every L",
        _norms,
        ("bounded", "share"),
    ),
    decided(
        "absorbed",
        "|h_t| - C <= (1 - w)^t (|h_0| - C)",
        "every d, every L, every t by induction",
        _absorbed,
        ("norms",),
    ),
    cited(
        "fixed_point",
        "brouwer",
        "g has a fixed point in the ball |h| <= C",
        "every d, every L",
        {"convex": ("norms",), "continuous": ("continuous",), "self_map": ("norms",)},
    ),
    identity("same_points", "f(h) - h = w (g(h) - h)", "every d", _same_points, ("moves",)),
    identity(
        "same_sensitivity",
        "I - D_h f = w (I - G) and D_e f = w K, so S = (I - G)^{-1} K solves S = (D_h f) S + D_e f",
        "every d",
        _same_sensitivity,
        ("moves",),
    ),
    identity(
        "eigenvalues",
        "z - ((1 - w) I + w G) = w ((z - 1 + w)/w - G): l is an eigenvalue of G if and only if 1 -"
        " w + w l is one of D_h f",
        "every d",
        _eigenvalues,
        ("positive", "spectrum"),
    ),
    identity(
        "boundary",
        "|1 - w + w l|^2 = 1 - 2 w (1 - Re l) + w^2 |1 - l|^2, which is 1 at w = 2 (1 - Re l)/|1 -"
        " l|^2",
        "no size",
        _boundary,
    ),
    decided(
        "modulus",
        "for w > 0, |1 - w + w l| < 1 if and only if w < 2 (1 - Re l)/|1 - l|^2; never for l = 1",
        "no size",
        _modulus,
        ("boundary", "positive"),
    ),
    decided(
        "some_damping",
        "Re l < 1: the limit is positive; Re l >= 1: |1 - w + w l| >= 1 for every w > 0",
        "no size",
        _some_damping,
        ("modulus", "left"),
    ),
    decided(
        "lipschitz",
        "Lip g <= L: Lip f <= 1 - w + w L, which lies between L and 1 if L < 1",
        "every d, every L",
        _lipschitz,
        ("share",),
    ),
    identity(
        "ray",
        "DN(h) h = (eps/s^2) N(h), which is 0 for eps = 0; then the derivative of h + a u(N(h), e)"
        " maps h to h",
        "every d",
        _ray,
        ("eps_zero",),
    ),
    identity(
        "toys",
        "N(-c h + e) and N(c h + e) in the plane, with N(x) = x for the fixed point x and |A x + e|"
        " = r: the eigenvalues are 0 along x and -c/r or c/r across it; the damped quarter turn"
        " moves a state of length n by the square root of w^2 (1 + n^2)",
        "d = 2",
        _toys,
    ),
    decided(
        "toy_limits",
        "1 - w - w c/r lies in (-1, 1) for w < 2 r/(r + c); 1 - w + w c/r >= 1 if c >= r; the turn"
        " has no fixed point, as w^2 (1 + n^2) > 0",
        "d = 2",
        _toy_limits,
        ("toys", "eigenvalues"),
    ),
)

_FREE = frozenset({Recall.NONE, Recall.INTERNAL})

S1 = Claim(
    id="S1",
    title="Scaled residuals and damping: the same fixed points, other eigenvalues",
    source="extension",
    statement=(
        "f(h, e) = (1 - w) h + w g(h, e): a sub-block of the residual scaled, with update g and"
        " strength w, or a whole step g that is damped with w at test time. "
        + PREDICATES[0].sentence
        + " Every orbit then has |h_t| - C <= (1 - w)^t (|h_0| - C), and a continuous g has a fixed"
        " point in the ball. "
        + " ".join(item.sentence for item in PREDICATES[1:4])
        + " If Re l >= 1 for some eigenvalue, no w > 0 does. If Lip g <= L and 0 <= w <= 1, Lip f"
        " <= 1 - w + w L: it is below 1 if L < 1, but never below L. "
        + PREDICATES[4].sentence
        + " In the plane, with |x| = R: h' = N(-c h + (r + c) x) has the fixed point x, which"
        " repels across x if c > r and attracts after damping with w < 2 r/(r + c); h' = N(c h + (r"
        " - c) x) with c >= r has the fixed point x, which no damping makes attract; the quarter"
        " turn h' = N(Q h) has no fixed point, and damping gives it none."
    ),
    assumptions=(
        Assumption("bounded", "|g(h, e)| <= C for every state (bounded updates; the ball only)"),
        Assumption("share", "0 <= w <= 1 (the ball and the Lipschitz constant)"),
        Assumption("continuous", "g is continuous (existence only)"),
        Assumption("moves", "w != 0 (fixed points and sensitivity)"),
        Assumption("positive", "w > 0 (eigenvalues)"),
        Assumption("spectrum", "l runs through the eigenvalues of G = D_h g(h*, e)"),
        Assumption("left", "Re l < 1 for every eigenvalue l of G (existence of w only)"),
        Assumption("eps_zero", "eps = 0 (the step without the factor 1 - w only)"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
    notes=(
        "Two scaled sub-blocks in a row map the ball of the larger C into itself. Their fixed"
        " points depend on both strengths; for the whole step damping is as stated.",
        "With external recall the stream is scaled to (1 - a_1)(1 - a_2) W_x, and R2 applies with"
        " this matrix: rho(W_x) < 1 is enough for bounded orbits.",
        "A damped state of a post-norm loop leaves the sphere; its fixed points do not.",
        "For eps > 0 the derivative along h is not 1 but differs from it by a term of the order"
        " eps/|h|^3: the step without the factor 1 - w attracts only slowly in that direction.",
        "Related: S. Movahedi et al., Fixed-Point Reasoners: Stable and Adaptive Deep Looped"
        " Transformers (arXiv 2606.18206), use pre-norm with learnt residual scaling and damp"
        " oscillations at test time. Read through its abstract and summaries; the toy failures"
        " here are ours.",
    ),
    latex=(
        r"Let $f(h,e)=(1-w)h+w\,g(h,e)$. If $|g|\le C$ and $0\le w\le1$,"
        r" \[|h_t|-C\le(1-w)^t(|h_0|-C),\] so the ball $|h|\le C$ is mapped into itself and"
        r" contains a fixed point if $g$ is continuous. For $w\ne0$, $f(h,e)=h$ if and only if"
        r" $g(h,e)=h$, and with $G=D_hg$, $K=D_eg$ at such a point $S=(I-G)^{-1}K$ does not"
        r" depend on $w$. The eigenvalues of $D_hf$ are $1-w+w\lambda$,"
        r" $\lambda\in\operatorname{spec}G$; for $w>0$ \[\rho(D_hf)<1\iff"
        r" w<w^*=\min_\lambda\frac{2(1-\operatorname{Re}\lambda)}{|1-\lambda|^2}\] ($0$ for"
        r" $\lambda=1$). Some $w\in(0,1]$ does it if and only if $\operatorname{Re}\lambda<1$ for"
        r" every $\lambda$. If $\operatorname{Lip}g\le L$ and $0\le w\le1$,"
        r" $\operatorname{Lip}f\le1-w+wL$. The step $h+a\,u(N(h),e)$ with $\varepsilon=0$ has"
        r" $Jh=h$ at every $h\ne0$, whatever $a$ is. In the plane, $|x|=R$: the fixed point $x$"
        r" of $N(-ch+(r+c)x)$ has the eigenvalues $0,-c/r$ and attracts for $w<2r/(r+c)$; that of"
        r" $N(ch+(r-c)x)$ has $0,c/r$ and attracts for no $w>0$ if $c\ge r$; a quarter turn has"
        r" no fixed point, damped or not."
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "exists",
            "Each input has a fixed point in an explicit ball that attracts all orbits.",
            _FREE,
            False,
            frozenset({Residual.SCALED}),
            frozenset(Regime),
            "the update is bounded and continuous",
        ),
        Consequence(
            Axis.REACHABILITY,
            "exists",
            "Each input has a fixed point in a bounded set that attracts all orbits.",
            frozenset({Recall.EXTERNAL}),
            False,
            frozenset({Residual.SCALED}),
            frozenset(Regime),
            "the update is bounded and continuous and rho(W_x) < 1",
        ),
        Consequence(
            Axis.GEOMETRY,
            "damping sets the rate",
            "Damping moves each eigenvalue l to 1 - w + w l and leaves the fixed points and their"
            " sensitivity; some w makes the point attract if and only if every Re l < 1.",
        ),
    ),
)
