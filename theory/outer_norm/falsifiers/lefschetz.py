"""M2 as a program: maps that permute tokens and turn them by rational matrices, and a torn map."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import flint

from ...kernel.exact import Matrix
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate


class SphereMap(NamedTuple):
    """F(h_1, ..., h_L) = (O_1 h_2, ..., O_L h_1) with orthogonal O_i, on the sphere of R^d.

    With `torn` the map of one token is h -> -e_1 for h_1 > 0 and h -> e_1 otherwise, which is not
    onto; its degree counts as 0.
    """

    maps: tuple[Matrix, ...]
    torn: bool = False

    @property
    def dimension(self) -> int:
        """The width d."""
        return len(self.maps[0])

    @property
    def product(self) -> flint.fmpq_mat:
        """O_1 ... O_L: the state is fixed iff this fixes h_1."""
        d = self.dimension
        total = flint.fmpq_mat(d, d, [int(i == j) for i in range(d) for j in range(d)])
        for matrix in self.maps:
            exact = [Fraction(x) for row in matrix for x in row]
            entries = [flint.fmpq(x.numerator, x.denominator) for x in exact]
            total = total * flint.fmpq_mat(d, d, entries)
        return total

    @property
    def degree(self) -> int:
        """That of the product; each exchange of two spheres of dimension d - 1 adds (-1)^{d-1}."""
        if self.torn:
            return 0
        turned = 1 if self.product.det() > 0 else -1
        return turned * (-1) ** ((self.dimension - 1) * (len(self.maps) - 1))


def sphere_map(*maps: Any, torn: bool = False) -> SphereMap:
    """A map from rows of integers or fractions."""
    exact = tuple([[Fraction(x) for x in row] for row in matrix] for matrix in maps)
    return SphereMap(exact, torn)


def _nothing_fixed(case: SphereMap) -> str | None:
    if case.torn:  # the only values are e_1 and -e_1, and they are exchanged
        return f"d = {case.dimension}: F(e_1) = -e_1, F(-e_1) = e_1, and there are no other values"
    d, product = case.dimension, case.product
    gap = flint.fmpq_mat(d, d, [int(i == j) for i in range(d) for j in range(d)]) - product
    if gap.det() == 0:
        return None
    return f"L = {len(case.maps)}, d = {d}, degree {case.degree}: no eigenvalue is 1"


FIXED = Predicate(
    name="fixed_state",
    sentence=(
        "For d >= 2 a continuous self-map F of the sphere |h| = R of R^d has a fixed point unless"
        " deg F = (-1)^d."
    ),
    concluded_by=("antipodal", "lefschetz"),
    assumptions={
        "continuous": lambda case: not case.torn,
        "one_token": lambda case: len(case.maps) == 1,
        "degree": lambda case: case.degree != (-1) ** (case.dimension * len(case.maps)),
    },
    refute=_nothing_fixed,
    example=lambda: sphere_map(((1, 0), (0, -1))),
)

PREDICATES = (FIXED,)

FALSIFIERS = (
    Falsifier("quarter_turn", "degree", FIXED, lambda: sphere_map(((0, -1), (1, 0)))),
    Falsifier("torn_circle", "continuous", FIXED, lambda: sphere_map(((1, 0), (0, 1)), torn=True)),
    # F(h_1, h_2) = (h_2, -h_1) in space
    Falsifier(
        "two_tokens",
        "one_token",
        FIXED,
        lambda: sphere_map(
            *([[s * (i == j) for j in range(3)] for i in range(3)] for s in (1, -1))
        ),
    ),
)
