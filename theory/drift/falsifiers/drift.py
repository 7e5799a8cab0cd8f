"""R3 as programs: its sentences in exact arithmetic, and what breaks them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from ...kernel.exact import Matrix, Vector, add, rational_root
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from ...recall.scalar_loop import ScalarBlock, ScalarLoop

LOOPS = 32
"""iterations of an orbit that is compared with a bound for every t"""


class Tokens(NamedTuple):
    """Sub-blocks of width 1 that add slope x (mean of the normalised tokens) + bias to each token.

    That is attention with equal weights; for one token it is an update of that token.
    """

    blocks: tuple[ScalarBlock, ...]
    state: Vector

    def step(self) -> Vector:
        """The state after one iteration."""
        z = list(self.state)
        for block in self.blocks:
            mean = sum((block.read(x) for x in z), Fraction(0)) / len(z)
            z = [x + block.slope * mean + block.bias for x in z]
        return z


def tokens(*state: int, blocks: tuple[tuple[int, ...], ...]) -> Tokens:
    """Tokens, and the slope, bias and eps of each sub-block."""
    exact = [[Fraction(x) for x in (*block, 0)[:3]] for block in blocks]
    made = tuple(ScalarBlock(slope, bias, eps) for slope, bias, eps in exact)
    return Tokens(made, [Fraction(x) for x in state])


def _rests(case: Tokens) -> str | None:
    if list(case.step()) == list(case.state):
        return f"the state ({', '.join(map(str, case.state))}) is fixed"
    return None


REST = Predicate(
    name="rest",
    sentence=(
        "(a) One pre sub-block, one token and eps = 0: no state is fixed if -b is not a value of u"
        " on the sphere, and that holds for every output bias b off a closed null set."
    ),
    concluded_by=("generic_bias_excludes",),
    assumptions={
        "one_sub_block": lambda case: len(case.blocks) == 1,
        "one_token": lambda case: len(case.state) == 1,
        "eps_zero": lambda case: all(block.eps == 0 for block in case.blocks),
        "generic_bias": lambda case: all(abs(b.bias) != abs(b.slope) for b in case.blocks),
    },
    refute=_rests,
    example=lambda: tokens(3, blocks=((-2, 1),)),
)


class Peri(NamedTuple):
    """Constant updates u, normalised to gain u/sqrt(|u|^2 + k): N(u)/R with k = d eps."""

    gain: Vector
    updates: tuple[Vector, ...]
    k: Fraction = Fraction(0)


def _short_step(case: Peri) -> str | None:
    """|h' - h|/R against min|gain|, and against 0."""
    step: Vector = [Fraction(0)] * len(case.gain)
    for update in case.updates:
        size = rational_root(sum((x * x for x in update), case.k))
        step = add(step, [g * x / size for g, x in zip(case.gain, update, strict=True)])
    square = sum((x * x for x in step), Fraction(0))
    if square == 0 or square < min(g * g for g in case.gain):
        return f"gains ({', '.join(map(str, case.gain))}): |h' - h|^2/R^2 = {square}"
    return None


def peri(gain: Any, *updates: Any, k: int = 0) -> Peri:
    """A case from integers."""
    vectors = ([Fraction(x) for x in vector] for vector in (gain, *updates))
    first, *rest = vectors
    return Peri(first, tuple(rest), Fraction(k))


PERI = Predicate(
    name="peri",
    sentence=(
        "One peri sub-block, eps = 0 and a gain without zeros: |h' - h| >= R min|gamma| for every"
        " token, so no state is fixed."
    ),
    concluded_by=("peri_never",),
    assumptions={
        "one_sub_block": lambda case: len(case.updates) == 1,
        "eps_zero": lambda case: case.k == 0,
        "gain_without_zeros": lambda case: all(case.gain),
    },
    refute=_short_step,
    example=lambda: peri((1, -2), (3, 4)),
)


def _off_the_cone(loop: ScalarLoop) -> str | None:
    """c_0 t - |h_0| <= |h_t| <= |h_0| + C t, with c_0 = |bias| - |slope| where that is positive."""
    (block,) = loop.blocks
    found = loop.cycle()
    if found:
        return found
    least, start = max(abs(block.bias) - abs(block.slope), Fraction(0)), abs(loop.start)
    for t, h in enumerate(loop.orbit(LOOPS)):
        if not least * t - start <= abs(h) <= start + block.bound * t:
            return f"|h_{t}| = {float(abs(h)):.4g}, c_0 = {least}, C = {block.bound}"
    return None


def residual(slope: Any, bias: Any, start: Any, weight: Any = 1) -> ScalarLoop:
    """h' = z + slope sign(z) + bias, z = weight h, from numbers or their strings."""
    block = ScalarBlock(Fraction(slope), Fraction(bias))
    return ScalarLoop(Fraction(weight), Fraction(0), (block,), Fraction(start))


GROWTH = Predicate(
    name="growth",
    sentence=(
        "(b) If 0 has the distance c_0 > 0 from the closed convex hull of the values of U, then c_0"
        " t - |h_0| <= |h_t| <= |h_0| + C t, and no state is fixed."
    ),
    concluded_by=("linear_growth",),
    assumptions={
        "bounded_update": lambda loop: loop.weight == 1 and loop.drive == 0 and loop.normalised,
        "outside_hull": lambda loop: all(abs(b.bias) > abs(b.slope) for b in loop.blocks),
    },
    refute=_off_the_cone,
    example=lambda: residual(-2, 3, -5),
)


class Sink(NamedTuple):
    """Tokens with directions near n_i: growths a_i = <n_i, u_i>, and the Jacobian DV."""

    growths: Vector
    slopes: Matrix


def hurwitz(matrix: Matrix) -> bool:
    """Whether all eigenvalues of a matrix of size 1 or 2 have a negative real part."""
    if len(matrix) == 1:
        return matrix[0][0] < 0
    (a, b), (c, d) = matrix
    return a + d < 0 < a * d - b * c


def _leaves(case: Sink) -> str | None:
    """Linearised in log t the directions follow V_i/a_i, and |h_i|/t -> a_i."""
    if min(case.growths) < 0:
        return f"|h_t|/t cannot tend to {min(case.growths)}"
    flow = [[v / a for v in row] for a, row in zip(case.growths, case.slopes, strict=True)]
    if not hurwitz(flow):
        rows = "; ".join(", ".join(map(str, row)) for row in flow)
        return f"the directions follow the matrix [{rows}], which is not stable"
    return None


def sink(growths: Any, *slopes: Any) -> Sink:
    """A case from numbers or their strings."""
    return Sink([Fraction(a) for a in growths], [[Fraction(x) for x in row] for row in slopes])


SETTLES = Predicate(
    name="settles",
    sentence=(
        "(c) One token, n* a hyperbolic sink of V(n) = P_n u(n), where u(n) is the limit of U(r n),"
        " and a = <n*, u(n*)> > 0: from an open set of states n_t -> n*, |h_t|/t -> a, and relative"
        " step x t -> 1."
    ),
    concluded_by=("settles",),
    assumptions={
        "one_token": lambda case: len(case.growths) == 1,
        "sink": lambda case: hurwitz(case.slopes),
        "outward": lambda case: all(a > 0 for a in case.growths),
    },
    refute=_leaves,
    example=lambda: sink((2,), (-1,)),
)

PREDICATES = (REST, PERI, GROWTH, SETTLES)

FALSIFIERS = (
    # u(1) = -1 + 1
    Falsifier("cancelling_bias", "generic_bias", REST, lambda: tokens(1, blocks=((-1, 1),))),
    # the updates 1 and -1
    Falsifier(
        "second_sub_block", "one_sub_block", REST, lambda: tokens(1, blocks=((0, 1), (0, -1)))
    ),
    # N(3) = 3/sqrt(9 + 16) = 3/5
    Falsifier("epsilon_opens_the_ball", "eps_zero", REST, lambda: tokens(3, blocks=((-5, 3, 16),))),
    # the mean of N(1) and N(-1) is 0, which one token cannot have
    Falsifier("two_tokens", "one_token", REST, lambda: tokens(1, -1, blocks=((1, 0),))),
    Falsifier("gain_with_a_zero", "gain_without_zeros", PERI, lambda: peri((0, 1), (1, 0))),
    Falsifier("zero_in_the_hull", "outside_hull", GROWTH, lambda: residual(-2, 1, "1/2")),
    # h' = h/2 + 1 tends to 2
    Falsifier(
        "weight_below_one", "bounded_update", GROWTH, lambda: residual(0, 1, 0, weight="1/2")
    ),
    Falsifier("source", "sink", SETTLES, lambda: sink((1,), (1,))),
    Falsifier("inward_sink", "outward", SETTLES, lambda: sink((-1,), (-2,))),
    Falsifier(
        "tokens_of_unequal_growth", "one_token", SETTLES, lambda: sink(("1/4", 1), (1, -4), (2, -3))
    ),
)
