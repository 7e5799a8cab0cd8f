"""A5 as predicates about rational matrices, and an exact witness for each assumption."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from ...formulas import formula
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from ..exact_orbits import (
    Exact,
    Polynomial,
    Z,
    annihilator,
    column,
    factors,
    identity,
    limit_direction,
    matrix,
    modulus_square,
    parallel,
    text,
    top,
    value,
)


class Iteration(NamedTuple):
    """h' = N(M h) from two starts; most sentences are about the first one."""

    m: Exact
    starts: tuple[Exact, Exact]


class Part(NamedTuple):
    """The eigenvalues of an irreducible factor of the characteristic polynomial.

    Attributes:
        factor: the factor, monic.
        others: the product of the other factors with their multiplicities.
        block: the size of the largest Jordan block, from the ranks of factor(M)^j.
    """

    factor: Polynomial
    others: Polynomial
    block: int

    def component(self, m: Exact, h: Exact) -> Exact:
        """What h has in the largest blocks, up to an invertible map: 0 iff it misses them."""
        return value(self.others * self.factor ** (self.block - 1), m, h)


def parts(m: Exact) -> list[Part]:
    """The parts of the spectrum of M."""
    found, whole, size = [], m.charpoly(), m.nrows()
    for factor, multiplicity in factors(whole):
        image = value(factor, m, identity(size))
        ranks, power = [size], identity(size)
        while len(ranks) < 2 or ranks[-1] < ranks[-2]:
            power = power * image
            ranks.append(power.rank())
        found.append(Part(factor, whole / factor**multiplicity, len(ranks) - 2))
    return found


def largest(m: Exact) -> list[Part]:
    """The parts of largest modulus, and among them those with the largest Jordan blocks."""
    dominant = of_modulus(parts(m), max(modulus_square(part.factor) for part in parts(m)))
    block = max(part.block for part in dominant)
    return [part for part in dominant if part.block == block]


def of_modulus(spectrum: list[Part], square: object) -> list[Part]:
    """The parts whose eigenvalues have this squared modulus."""
    return [part for part in spectrum if modulus_square(part.factor) == square]


def criterion(m: Exact) -> bool:
    """Whether every eigenvalue of modulus rho(M) with the largest Jordan block equals +rho(M)."""
    return all(part.factor.degree() == 1 and part.factor[0] <= 0 for part in largest(m))


def _felt(case: Iteration) -> bool:
    h = case.starts[0]
    return any(part.component(case.m, h) != h * 0 for part in largest(case.m))


def _felt_elsewhere(case: Iteration) -> bool:
    h = case.starts[0]
    return any(
        part.component(case.m, h) != h * 0
        for part in largest(case.m)
        if part.factor.degree() > 1 or part.factor[0] >= 0
    )


def _simple(case: Iteration) -> bool:
    [*dominant] = of_modulus(parts(case.m), top(case.m.charpoly()).square)
    return sum(case.m.nrows() - part.others.degree() for part in dominant) == 1


def _second(m: Exact) -> list[Part]:
    """The parts of the second largest modulus."""
    spectrum, square = parts(m), top(m.charpoly()).square
    rest = [part for part in spectrum if modulus_square(part.factor) < square]
    return of_modulus(rest, max((modulus_square(part.factor) for part in rest), default=None))


def _feels_the_second(case: Iteration) -> bool:
    h = case.starts[0]
    return any(value(part.others, case.m, h) != h * 0 for part in _second(case.m))


def _where(case: Iteration) -> str:
    return f"M = {text(case.m)}, h_0 = {text(case.starts[0])}"


def _other_limit(case: Iteration) -> str | None:
    """The limit against W h_0 = (M - rho)^{k-1} s(M) h_0/s(rho), where s has the other factors."""
    h = case.starts[0]
    found = limit_direction(case.m, h)
    if found is None:
        return f"{_where(case)}: the direction does not converge"
    [part, *_] = largest(case.m)
    said = part.component(case.m, h) * part.others(-part.factor[0])
    product = (said.transpose() * found[1])[0, 0]
    if product > 0 and parallel(said, found[1]):
        return None
    return f"{_where(case)}: the limit is along {text(found[1])}, and W h_0 along {text(said)}"


def _converges(case: Iteration) -> str | None:
    found = limit_direction(case.m, case.starts[0])
    return None if found is None else f"{_where(case)}: the limit is along {text(found[1])}"


def _two_lines(case: Iteration) -> str | None:
    ends = [limit_direction(case.m, h) for h in case.starts]
    if ends[0] is None or ends[1] is None or parallel(ends[0][1], ends[1][1]):
        return None
    return f"M = {text(case.m)}: two limits are along {text(ends[0][1])} and {text(ends[1][1])}"


def _other_rate(case: Iteration) -> str | None:
    """The modulus that M^t h_0/l^t - P h_0 feels, against |l_2|."""
    [dominant] = largest(case.m)
    h, root = case.starts[0], -dominant.factor[0]
    rest = h - value(dominant.others, case.m, h) * (1 / dominant.others(root))
    feels = annihilator(case.m, rest)
    square = top(feels).square if feels.degree() else 0
    said = modulus_square(_second(case.m)[0].factor)
    if square == said:
        return None
    return (
        f"{_where(case)}: the square of the rate is {square / root**2}, that of |l_2|/|l_1| is"
        f" {said / root**2}"
    )


def _other_probability(spread: Fraction) -> str | None:
    """For M = S + sqrt(v) A, S + A Ginibre, S symmetric and A antisymmetric: z^2 has the factor v.

    So P(z^2 < x^2 + y^2) = E e^{-v g^2/2} = 1/sqrt(1 + v) for a standard Gaussian g.
    """
    square = 1 / (4 * (1 + spread))
    if square == Fraction(str(formula("ginibre_dominant_positive_2")() ** 2)):
        return None
    return f"S + sqrt({spread}) A: the square of the probability is {square}, not 1/8"


def _case(rows: list[list[object]], *starts: list[object]) -> Iteration:
    first, second = column(starts[0]), column(starts[-1])
    return Iteration(matrix(rows), (first, second))


_DOMINANT = {
    "power": lambda case: case.m.charpoly() != Z ** case.m.nrows(),
    "positive": lambda case: criterion(case.m),
    "almost_every": _felt,
}

LIMIT = Predicate(
    "limit",
    "If every eigenvalue of modulus rho(M) with a block of size k equals +rho(M), h_t -> N(W h_0)"
    " from every h_0 with W h_0 != 0, W = (M - rho)^{k-1} P_rho.",
    ("convergence", "eigenvectors"),
    _DOMINANT,
    _other_limit,
    lambda: _case([[1, 1, 0], [0, 1, 0], [0, 0, -1]], [3, -2, 5]),
)
OTHERWISE = Predicate(
    "otherwise",
    "Otherwise h_t converges from no h_0 outside a proper subspace.",
    ("necessity",),
    {"power": _DOMINANT["power"], "outside": _felt_elsewhere},
    _converges,
    lambda: _case([[1, 0], [0, -1]], [1, 1]),
)
ONE_BIT = Predicate(
    "one_bit",
    "If the dominant eigenvalue is simple, all limits are +-v for one vector v, one bit of the"
    " input.",
    ("one_bit", "convergence"),
    {**_DOMINANT, "simple": _simple},
    _two_lines,
    lambda: _case([[2, 0], [1, 1]], [1, 0], [-3, 5]),
)
RATE = Predicate(
    "rate",
    "Then |h_t - h_inf|^{1/t} -> |l_2|/|l_1| if h_0 has a component on l_2.",
    ("rate",),
    {**_DOMINANT, "simple": _simple, "second": _feels_the_second},
    _other_rate,
    lambda: _case([[4, 0, 0], [0, 0, -2], [0, 2, 0]], [1, 1, 0]),
)
PROBABILITY = Predicate(
    "probability",
    "For independent N(0, 1) entries and d = 2 this has probability 1/(2 sqrt 2).",
    ("probability",),
    {"ginibre": lambda spread: spread == 1},
    _other_probability,
    lambda: Fraction(1),
)

PREDICATES = (LIMIT, OTHERWISE, ONE_BIT, RATE, PROBABILITY)
FALSIFIERS = (
    Falsifier("minus_one", "positive", LIMIT, lambda: _case([[-1]], [1])),
    Falsifier("dominant_missed", "almost_every", LIMIT, lambda: _case([[2, 0], [0, 1]], [0, 1])),
    Falsifier("zero_matrix", "power", LIMIT, lambda: _case([[0]], [1])),
    Falsifier("turning_missed", "outside", OTHERWISE, lambda: _case([[1, 0], [0, -1]], [1, 0])),
    Falsifier("identity", "simple", ONE_BIT, lambda: _case([[1, 0], [0, 1]], [1, 0], [0, 1])),
    Falsifier(
        "second_missed", "second", RATE, lambda: _case([[4, 0, 0], [0, 2, 0], [0, 0, 1]], [1, 0, 1])
    ),
    Falsifier("symmetric_entries", "ginibre", PROBABILITY, lambda: Fraction(0)),
)
