"""Steps of R4 in the plane: Neimark-Sacker bifurcations of tanh loops with a rotated update.

The update is turned by a rotation Q of angle phi, and tanh acts on each component. Internal recall
is h' = h + y Q tanh(x h), where x = 1 means no recall; external recall is h' = x h + y Q tanh(x h).
With z = h_1 + i h_2 and the multiplier mu, both are
z' = mu z - (y x^3/4) e^{i phi} (z |z|^2 + conj(z)^3/3) + O(|z|^5).
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, rational
from ..kernel.claim import Step
from ..kernel.proof import Sentence, both, cited, decided, identity

X, Y, C, S = sp.symbols("x y c s", real=True)
"""x, y, and the cosine and sine of phi"""
UNIT = C**2 + S**2 - 1
"""vanishes because c and s are a cosine and a sine"""
TURN = C + sp.I * S
"""e^{i phi}"""


def _angle(rng: random.Random):
    q = rational(rng) / 7
    return (1 - q**2) / (1 + q**2), 2 * q / (1 + q**2)


def _anywhere(rng: random.Random):
    c, s = _angle(rng)
    return {C: c, S: s, X: rational(rng), Y: rational(rng)}


def _crossing_internal(rng: random.Random):
    c, s = _angle(rng)
    x = rational(rng)
    return {C: c, S: s, X: x, Y: -2 * c / x}


def _crossing_external(rng: random.Random):
    """A random rational point where the external multiplier e^{i psi} has modulus 1.

    It follows from the law of sines in the triangle 0, 1, 1 + y e^{i phi} = e^{i psi}/x.
    """
    (c, s), (cosine, sine) = _angle(rng), _angle(rng)
    across = s * cosine - c * sine  # the sine of phi - psi
    if across == 0 or s == 0 or sine == 0:
        return _crossing_external(rng)
    return {C: c, S: s, Y: sine / across, X: across / s}


def _multiplier(recall: str) -> sp.Expr:
    return 1 + X * Y * TURN if recall == "internal" else X * (1 + Y * TURN)


def _cubic():
    p, q = sp.symbols("p q", real=True)
    z, bar = p + sp.I * q, p - sp.I * q
    cube = sp.expand(sp.Rational(3, 4) * z**2 * bar + sp.Rational(1, 4) * bar**3)
    h = sp.Symbol("h")
    series = sp.expand(sp.series(sp.tanh(X * h), h, 0, 5).removeO())
    return [
        Equation(sp.re(cube), p**3),
        Equation(sp.im(cube), q**3),
        Equation(series, X * h - X**3 * h**3 / 3),
    ]


def _moduli():
    equations = []
    internal = (1 + 2 * X * Y * C + (X * Y) ** 2, 1 - (X * Y) ** 2 / 2)
    external = (X**2 * (1 + 2 * Y * C + Y**2), (1 + X**2 - X**2 * Y**2) / (2 * X))
    # |mu|^2 everywhere, and Re mu where |mu| = 1
    for recall, (square, real_part) in (("internal", internal), ("external", external)):
        mu = _multiplier(recall)
        half_trace = sp.expand((mu + sp.conjugate(mu)) / 2)
        equations += [
            Equation(sp.expand(mu * sp.conjugate(mu)), square, (UNIT,), _anywhere),
            Equation(half_trace, real_part, *_relations(recall)),
        ]
    return equations


def _relations(recall: str):
    """The relations that |mu| = 1, and random rational points that satisfy them."""
    if recall == "internal":
        return (UNIT, X * Y + 2 * C), _crossing_internal
    return (UNIT, X**2 * (1 + 2 * Y * C + Y**2) - 1), _crossing_external


def _lyapunov():
    equations = []
    for recall in ("internal", "external"):
        third = -Y * X**3 * TURN / 4  # the coefficient of z |z|^2
        value = sp.expand(sp.re(sp.expand(sp.conjugate(_multiplier(recall)) * third)))
        arguments = (X, X * Y) if recall == "internal" else (X, Y)
        wanted = formula(f"planar_lyapunov_{recall}")(*arguments)
        equations.append(Equation(value, wanted, *_relations(recall)))
    return equations


def _crossing():
    x, y, c, r = sp.symbols("x y c r")
    internal, external = 1 + 2 * r * c + r**2, x**2 * (1 + 2 * y * c + y**2)
    speed, external_speed = sp.diff(internal, r), sp.diff(external, x)
    at_internal = (c**2 <= 1, sp.Ne(r, 0), sp.Eq(internal, 1))
    at_external = (c**2 <= 1, sp.Eq(external, 1))
    return [
        Sentence(at_internal, both(sp.Eq(speed, r), r**2 <= 4)),
        Sentence(at_external, both(sp.Eq(external_speed * x, 2), sp.Ne(external_speed, 0))),
    ]


def _resonances():
    # k = Re mu on the unit circle; Re mu^n is the Chebyshev polynomial T_n(k)
    k, r = sp.symbols("k r")

    def one_of(value: sp.Expr, candidates: tuple) -> Any:
        equations: list[Any] = [sp.Eq(value, candidate) for candidate in candidates]
        return sp.Or(*equations)

    powers: list[Any] = [sp.Eq(sp.chebyshevt(n, k), 1) for n in (1, 2, 3, 4)]
    resonant = sp.Or(*powers)
    listed, square = one_of(k, (1, -1, -sp.Rational(1, 2), 0)), one_of(r**2, (0, 2, 3, 4))
    return [
        Sentence((), sp.Equivalent(resonant, listed)),
        Sentence((sp.Eq(2 * k, 2 - r**2),), sp.Equivalent(listed, square)),
    ]


def _signs():
    x, y, c, r = sp.symbols("x y c r")
    internal = formula("planar_lyapunov_internal")(x, r)
    external = formula("planar_lyapunov_external")(x, y)
    given = (c**2 <= 1, sp.Eq(x**2 * (1 + 2 * y * c + y**2), 1), y > 0)
    supercritical = sp.Equivalent(external < 0, y > -c)
    degenerate = sp.Equivalent(sp.Eq(external, 0), sp.Eq(y, -c))
    return [
        Sentence((sp.Ne(x, 0), sp.Ne(r, 0)), internal < 0),
        Sentence(given, both(supercritical, degenerate)),
        Sentence((*given, x**2 <= 1), external < 0),
    ]


PLANAR_STEPS: tuple[Step, ...] = (
    identity(
        "planar_cubic",
        "h_1^3 + i h_2^3 = (3/4) z |z|^2 + (1/4) conj(z)^3: there are no quadratic terms and the"
        " cubic ones are as stated",
        "d = 2",
        _cubic,
        ("odd",),
    ),
    identity(
        "planar_multipliers",
        "|mu|^2 = 1 + 2 x y c + x^2 y^2 (internal), x^2 (1 + 2 y c + y^2) (external); on |mu| = 1:"
        " Re mu = 1 - (x y)^2/2, (1 + x^2 - x^2 y^2)/(2 x)",
        "d = 2",
        _moduli,
    ),
    identity(
        "planar_lyapunov",
        "at |mu| = 1 the first Lyapunov coefficient a = Re(conj(mu) c_1) is -(x^2/8)(x y)^2"
        " (internal), -(x^2/8)(1 - x^2 + x^2 y^2) (external)",
        "d = 2",
        _lyapunov,
        ("planar_cubic", "planar_multipliers"),
    ),
    decided(
        "planar_crossing",
        "the pair crosses the circle with non-zero speed: d|mu|^2/d(xy) = x y (internal, |x y| <="
        " 2), d|mu|^2/dx = 2/x (external)",
        "d = 2",
        _crossing,
        ("planar_multipliers",),
    ),
    decided(
        "resonances",
        "mu^n = 1 for some n <= 4 iff Re mu is 1, -1, -1/2 or 0; internal: iff (x y)^2 is 0, 4, 3"
        " or 2",
        "d = 2",
        _resonances,
        ("planar_multipliers",),
    ),
    decided(
        "planar_signs",
        "internal: a < 0 always; external, y > 0: a < 0 iff y > -cos phi, always if |x| <= 1",
        "d = 2",
        _signs,
        ("planar_lyapunov", "planar_crossing"),
    ),
    cited(
        "neimark_sacker_internal",
        "neimark_sacker",
        "internal and none (x = 1): as |x y| grows through -2 cos phi sign(x y) a stable closed"
        " invariant curve is born around the fixed point: supercritical",
        "d = 2",
        {
            "pair": ("planar_multipliers",),
            "crossing": ("planar_crossing",),
            "nonresonance": ("resonances", "nonresonant"),
            "lyapunov": ("planar_signs",),
        },
    ),
    cited(
        "neimark_sacker_external",
        "neimark_sacker",
        "external, y > 0: as |x| grows through 1/|1 + y e^{i phi}| a closed invariant curve is"
        " born, stable and outside iff y > -cos phi, unstable and inside iff y < -cos phi",
        "d = 2",
        {
            "pair": ("planar_multipliers",),
            "crossing": ("planar_crossing",),
            "nonresonance": ("resonances", "nonresonant"),
            "lyapunov": ("planar_signs", "nondegenerate"),
        },
    ),
)
