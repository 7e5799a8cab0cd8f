"""R2 as programs: its sentences at d = 1, 2 in exact arithmetic, and what breaks them.

The loops have width 1 (`scalar_loop`), are Jordan blocks, or are planar with rational norms.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from typing import Any, NamedTuple

import flint
import sympy as sp

from ...formulas import formula
from ...kernel.exact import Matrix, Vector, add, apply, rational_root
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from ..scalar_loop import ScalarBlock, ScalarLoop

LOOPS = 32
"""iterations of an orbit that is compared with a bound for every t"""


def _value(name: str, *values: Fraction) -> Fraction:
    """A closed form of the registry at rationals, where its value is rational."""
    return Fraction(str(formula(name)(*(sp.Rational(str(x)) for x in values))))


class Heads(NamedTuple):
    """Attention with heads of width 1 and output matrix out I: rational averages of values.

    Args:
        out: the factor of the output matrix.
        values: the row of each head's value matrix.
        tokens: the normalised tokens.
        weights: the attention weights of each head for one query, at least 0, with sum 1.
    """

    out: Fraction
    values: tuple[Vector, ...]
    tokens: tuple[Vector, ...]
    weights: tuple[Vector, ...]


def _square(x: Vector) -> Fraction:
    return sum((v * v for v in x), Fraction(0))


def _exceeds_bound(case: Heads) -> str | None:
    """|u|^2 against the square of `update_bound`, its inner norm folded over the heads."""
    update = [
        case.out * sum(a * y for a, y in zip(row, apply(case.tokens, head), strict=True))
        for row, head in zip(case.weights, case.values, strict=True)
    ]
    norms = [sp.sqrt(sp.Rational(str(_square(head)))) for head in case.values]
    inner = reduce(formula("head_norm"), norms)
    size = sp.sqrt(len(case.tokens[0]))
    bound = formula("update_bound")(sp.Rational(str(abs(case.out))), inner, 0, 0, size)
    if sp.Rational(str(_square(update))) > sp.expand(bound**2):
        return f"{len(norms)} heads: |u|^2 = {_square(update)} > {sp.expand(bound**2)}"
    return None


BOUND = Predicate(
    name="update_bound",
    sentence="|U| <= C, the sum of the bounds of the sub-blocks.",
    concluded_by=("bounded",),
    assumptions={"normalisation": lambda case: all(_square(x) <= len(x) for x in case.tokens)},
    refute=_exceeds_bound,
    example=lambda: Heads(
        Fraction(1),
        ((Fraction(1), Fraction(0)), (Fraction(0), Fraction(1))),
        ((Fraction(7, 5), Fraction(1, 5)), (Fraction(1, 5), Fraction(7, 5))),
        ((Fraction(1), Fraction(0)), (Fraction(0), Fraction(1))),
    ),
)


def _stays_outside(loop: ScalarLoop) -> str | None:
    """|h_t| <= r + mu^t |h_0| with mu = |W_x|; for mu >= 1, a proof that the orbit is unbounded."""
    mu = abs(loop.weight)
    if mu >= 1:
        return loop.diverges()
    push = abs(loop.drive) + loop.bound
    radius = _value("absorbing_radius", mu, push) if push else Fraction(0)
    for t, h in enumerate(loop.orbit(LOOPS)):
        if abs(h) > radius + mu**t * abs(loop.start):
            return f"|h_{t}| = {float(abs(h)):.4g}, and the ball has the radius {radius}"
    return None


ABSORBED = Predicate(
    name="absorbed",
    sentence="If rho(W_x) < 1, every orbit enters an absorbing ball of an adapted norm.",
    concluded_by=("absorbing",),
    assumptions={
        "normalisation": lambda loop: loop.normalised,
        "contractive": lambda loop: abs(loop.weight) < 1,
    },
    refute=_stays_outside,
    example=lambda: scalar(Fraction(1, 2), 1, -3, 1, start=40),
)


def scalar(
    weight: Any,
    drive: Any,
    slope: Any,
    bias: Any = 0,
    eps: Any = 0,
    normalised: bool = True,
    start: Any = 0,
) -> ScalarLoop:
    """A loop of width 1 with one sub-block."""
    block = ScalarBlock(Fraction(slope), Fraction(bias), Fraction(eps), normalised)
    return ScalarLoop(Fraction(weight), Fraction(drive), (block,), Fraction(start))


def _no_fixed_point(loop: ScalarLoop) -> str | None:
    """h' - h has no zero: solved on each side of z = 0 (eps = 0), or by its signs far out."""
    (block,) = loop.blocks
    w, push = loop.weight, loop.drive + block.bias
    if not block.normalised:
        slope, shift = (1 + block.slope) * w, (1 + block.slope) * loop.drive + block.bias
        return None if slope != 1 or shift == 0 else f"h' = h + {shift}"
    if w == 1 and block.eps == 0:
        return None if abs(push) == abs(block.slope) else f"h' = h + {push} +- {block.slope}"
    if w == 1:  # |N| < 1 at eps > 0
        reached = abs(push) < abs(block.slope) or push == 0
        return None if reached else f"every step is {push} up to {abs(block.slope)}"
    if block.eps == 0:
        for side in (1, -1):
            h = (push + side * block.slope) / (1 - w)
            if (w * h + loop.drive) * side > 0:
                return None
        return f"h' = z + {block.slope} sign(z) + {block.bias}, z = {w} h + {loop.drive}"
    if abs(w) > 1:  # the step changes its sign far out, where the linear part is larger
        return None
    reach = _value("absorbing_radius", abs(w), abs(loop.drive) + loop.bound) + 1
    gaps = []
    for h in (reach, -reach):
        z = w * h + loop.drive
        ball = flint.arb(flint.fmpq(z.numerator, z.denominator))
        eps = flint.arb(flint.fmpq(block.eps.numerator, block.eps.denominator))
        rest = push + w * h - h
        read = ball / (ball * ball + eps).sqrt()
        slope = flint.fmpq(block.slope.numerator, block.slope.denominator)
        gaps.append(flint.fmpq(rest.numerator, rest.denominator) + slope * read)
    return None if gaps[0] < 0 < gaps[1] else f"h' - h has one sign at {reach} and {-reach}"


EXISTENCE = Predicate(
    name="existence",
    sentence="If moreover eps > 0, there is a fixed point for every input.",
    concluded_by=("fixed_point",),
    assumptions={
        "normalisation": lambda loop: loop.normalised,
        "contractive": lambda loop: abs(loop.weight) < 1,
        "eps_positive": lambda loop: all(block.eps > 0 for block in loop.blocks),
    },
    refute=_no_fixed_point,
    example=lambda: scalar(Fraction(1, 2), 1, -3, 1, eps=Fraction(1, 4)),
)


def _escaped(loop: ScalarLoop) -> bool:
    """|g_0| > C/(|W_x| - 1), where g = h + (W_x - 1)^{-1} drive; this needs |W_x| > 1."""
    w, (block,) = loop.weight, loop.blocks
    g = loop.start + loop.drive / (w - 1) if w != 1 else loop.start
    return abs(w) > 1 and abs(g) > (_value("escape_radius", abs(w), block.bound or Fraction(0)))


def _does_not_escape(loop: ScalarLoop) -> str | None:
    """|g_t| - r lies between mu^t (|g_0| - r) and mu^t (|g_0| + r), mu = |W_x|, for every t."""
    found = loop.cycle()
    if found or abs(loop.weight) <= 1:
        return found
    mu = abs(loop.weight)
    shift, radius = loop.drive / (loop.weight - 1), _value("escape_radius", mu, loop.bound)
    first = abs(loop.start + shift)
    for t, h in enumerate(loop.orbit(LOOPS)):
        excess = abs(h + shift) - radius
        if not mu**t * (first - radius) <= excess <= mu**t * (first + radius):
            return f"|g_{t}| = {float(abs(h + shift)):.4g} does not grow like {mu}^t"
    return None


ESCAPE = Predicate(
    name="escape",
    sentence=(
        "If rho(W_x) > 1, the orbit of a start with |P g_0|_* > C_*/(mu - 1) diverges, with"
        " (1/t) log|h_t| -> log rho(W_x)."
    ),
    concluded_by=("escape", "rate"),
    assumptions={"normalisation": lambda loop: loop.normalised, "escaping": _escaped},
    refute=_does_not_escape,
    example=lambda: scalar(2, 1, -1, 1, start=4),
)


class JordanLoop(NamedTuple):
    """W_x = J_k(eigenvalue), k = len(start), and a constant push."""

    eigenvalue: Fraction
    push: Vector
    start: Vector


def _outgrows(case: JordanLoop) -> str | None:
    """|h_t| <= (1 + t)^{k-1} (|h_0| + C t) in the max norm, as |J_k^s| <= (1 + s)^{k-1} there."""
    k, h = len(case.start), list(case.start)
    first, push = (max(map(abs, x)) for x in (case.start, case.push))
    for t in range(1, LOOPS + 1):
        shifted = [*h[1:], Fraction(0)]
        h = [case.eigenvalue * x + y + c for x, y, c in zip(h, shifted, case.push, strict=True)]
        size = max(map(abs, h))
        if size > (1 + t) ** (k - 1) * (first + t * push):
            return f"a block of size {k} at {case.eigenvalue}: |h_{t}| = {float(size):.4g}"
    return None


CRITICAL = Predicate(
    name="critical",
    sentence=(
        "If rho(W_x) = 1, |h_t| = O(t^k), where k is the size of the largest Jordan block on the"
        " unit circle."
    ),
    concluded_by=("critical_growth",),
    assumptions={"critical": lambda case: abs(case.eigenvalue) == 1},
    refute=_outgrows,
    example=lambda: JordanLoop(Fraction(-1), (Fraction(1),) * 3, (Fraction(2),) * 3),
)


class PlanarBlock(NamedTuple):
    """The update matrix n + bias, n = z/sqrt(|z|^2 + k): N(z)/R with k = d eps."""

    matrix: Matrix
    bias: Vector
    k: Fraction = Fraction(0)

    def moved(self, z: Vector, dz: Vector) -> tuple[Vector, Vector]:
        """The stream behind the sub-block, and its derivative along dz."""
        size = rational_root(_square(z) + self.k)
        n = [x / size for x in z]
        along = sum((x * y for x, y in zip(n, dz, strict=True)), Fraction(0))
        dn = [(y - along * x) / size for x, y in zip(n, dz, strict=True)]
        return add(z, add(apply(self.matrix, n), self.bias)), add(dz, apply(self.matrix, dn))


class Radial(NamedTuple):
    """A planar loop with W_x = `weight`, at the stream z = W_x h + W_e e + b."""

    weight: Matrix
    blocks: tuple[PlanarBlock, ...]
    stream: Vector


def _not_radial(case: Radial) -> str | None:
    """J z = omega z, omega the first entry of W_x, from the exact derivative along z."""
    omega = case.weight[0][0]
    z, moved = list(case.stream), apply(case.weight, case.stream)
    for block in case.blocks:
        z, moved = block.moved(z, moved)
    wanted = [omega * x for x in case.stream]
    if list(moved) != wanted:
        text = ", ".join(map(str, moved))
        return f"z = ({', '.join(map(str, case.stream))}), omega = {omega}: J z = ({text})"
    return None


RADIAL = Predicate(
    name="radial",
    sentence=(
        "If W_x = omega I, with one sub-block and eps = 0, then omega is an eigenvalue of J at"
        " every state."
    ),
    concluded_by=("radial_eigenvalue",),
    assumptions={
        "scalar_weight": lambda case: all(
            x == case.weight[0][0] * int(i == j)
            for i, row in enumerate(case.weight)
            for j, x in enumerate(row)
        ),
        "one_sub_block": lambda case: len(case.blocks) == 1,
        "eps_zero": lambda case: all(block.k == 0 for block in case.blocks),
    },
    refute=_not_radial,
    example=lambda: Radial(_diagonal(2, 2), (_block(((1, 2), (3, 4)), (5, 6)),), _vector(3, 4)),
)

PREDICATES = (BOUND, ABSORBED, EXISTENCE, ESCAPE, CRITICAL, RADIAL)


def _vector(*entries: int) -> Vector:
    return [Fraction(x) for x in entries]


def _diagonal(a: int, b: int) -> Matrix:
    return [_vector(a, 0), _vector(0, b)]


def _block(matrix: Any, bias: Any, k: int = 0) -> PlanarBlock:
    return PlanarBlock([_vector(*row) for row in matrix], _vector(*bias), Fraction(k))


FALSIFIERS = (
    # h' = 2 h + 1 with no update at all
    Falsifier("expanding_weight", "contractive", ABSORBED, lambda: scalar(2, 1, 0)),
    # h' = 3 (h/2), because the update is 2 z instead of 2 N(z)
    Falsifier(
        "unbounded_update",
        "normalisation",
        ABSORBED,
        lambda: scalar(Fraction(1, 2), 0, 2, normalised=False, start=1),
    ),
    # h' = h/2 - sign(h)
    Falsifier("jump_at_zero", "eps_positive", EXISTENCE, lambda: scalar(Fraction(1, 2), 0, -1)),
    # h' = 2 h - sign(h) swaps 1/3 and -1/3; the escape radius is 1
    Falsifier("start_inside", "escaping", ESCAPE, lambda: scalar(2, 0, -1, start=Fraction(1, 3))),
    Falsifier(
        "not_critical",
        "critical",
        CRITICAL,
        lambda: JordanLoop(Fraction(2), _vector(0), _vector(1)),
    ),
    # the constant (2, 8) turns z from (3, 4) to (5, 12), which the second block normalises
    Falsifier(
        "second_sub_block",
        "one_sub_block",
        RADIAL,
        lambda: Radial(
            _diagonal(1, 1),
            (_block(((0, 0), (0, 0)), (2, 8)), _block(((1, 0), (0, 1)), (0, 0))),
            _vector(3, 4),
        ),
    ),
    Falsifier(
        "epsilon_at_the_state",
        "eps_zero",
        RADIAL,
        lambda: Radial(_diagonal(1, 1), (_block(((1, 0), (0, 1)), (0, 0), 16),), _vector(3, 0)),
    ),
    Falsifier(
        "anisotropic_weight",
        "scalar_weight",
        RADIAL,
        lambda: Radial(_diagonal(2, 1), (_block(((0, 0), (0, 0)), (0, 0)),), _vector(3, 4)),
    ),
)
