"""Loops with a bounded update at width 1, in exact arithmetic, for predicates and falsifiers.

At d = 1 RMSNorm is z/sqrt(z^2 + eps), for eps = 0 the sign of z, so that orbits of rational starts
are rational.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from ..kernel.exact import rational_root


class ScalarBlock(NamedTuple):
    """The update slope n + bias, n the normalised stream, or the stream itself."""

    slope: Fraction
    bias: Fraction = Fraction(0)
    eps: Fraction = Fraction(0)
    normalised: bool = True

    def read(self, z: Fraction) -> Fraction:
        """N(z), with N(0) = 0 at eps = 0; or z where the update reads the stream itself."""
        if not self.normalised:
            return z
        return z / rational_root(z * z + self.eps) if z else Fraction(0)

    def __call__(self, z: Fraction) -> Fraction:
        """The update that is added to the stream z."""
        return self.slope * self.read(z) + self.bias

    @property
    def bound(self) -> Fraction:
        """The bound of |update|, where the stream is normalised."""
        return abs(self.slope) + abs(self.bias)


class ScalarLoop(NamedTuple):
    """h' = z + updates with z = weight h + drive, and a start."""

    weight: Fraction
    drive: Fraction
    blocks: tuple[ScalarBlock, ...]
    start: Fraction

    def step(self, h: Fraction) -> Fraction:
        """One iteration."""
        z = self.weight * h + self.drive
        for block in self.blocks:
            z = z + block(z)
        return z

    def orbit(self, loops: int) -> Iterator[Fraction]:
        """The states h_0, ..., h_loops."""
        h = Fraction(self.start)
        yield h
        for _ in range(loops):
            h = self.step(h)
            yield h

    @property
    def bound(self) -> Fraction:
        """The bound C of the total update, where every block is normalised."""
        return sum((block.bound for block in self.blocks), Fraction(0))

    @property
    def normalised(self) -> bool:
        """Whether every block reads its stream through the norm."""
        return all(block.normalised for block in self.blocks)

    def cycle(self, loops: int = 64) -> str | None:
        """The orbit in words if it comes back to a state exactly, otherwise None."""
        seen: list[Fraction] = []
        for h in self.orbit(loops):
            if h in seen:
                states = ", ".join(map(str, seen[seen.index(h) :]))
                return f"from h_0 = {self.start} the orbit repeats {states} for ever"
            seen.append(h)
        return None

    def diverges(self, loops: int = 64) -> str | None:
        """A proof in words that the orbit of a loop with one block is unbounded, otherwise None.

        Where the step is affine with a slope of 1 or more on a ray, and moves a state outwards on
        it, it moves every later state in the same direction, and at least as far.
        """
        (block,) = self.blocks
        slope = self.weight if block.normalised else (1 + block.slope) * self.weight
        affine = not block.normalised or block.eps == 0
        for h in self.orbit(loops):
            side, move = self.weight * h + self.drive, self.step(h) - h
            if affine and slope >= 1 and move and (not block.normalised or side * move > 0):
                return f"from h = {h} on every step has the sign of {move}, and its size or more"
        return None
