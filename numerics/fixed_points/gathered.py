"""Which of the states that Newton's method found are the same fixed point."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arrays import Array
from ..loops.protocol import LoopedMap, LoopError, advance, packed
from ..spectra.linearisation import Linearisation
from .error_radius import ROUNDING, ErrorRadius, error_radius
from .newton import newton, tolerance
from .newton_result import NewtonResult

BETWEEN = (0.5, 0.31, 0.77)
"""Places between two states at which a manifold through both must have a fixed point as well."""
LOOSE = 10
"""Residual, in units of the tolerance, at which a state in between counts as fixed."""
BESIDE = 0.15
"""Largest distance of these fixed points from the straight line, relative to its length."""


@dataclass
class Group:
    """States that count as one fixed point, or as one manifold of them.

    Args:
        j: the linearisation at the state of the smallest residual that was found first.
        error: its error radius.
        residual: its relative residual.
        members: all states, the first one that of `j`.
        reached: number of starts from which Newton's method ended at one of them.
    """

    j: Linearisation
    error: ErrorRadius
    residual: float
    members: list[Array] = field(default_factory=list)
    reached: int = 0

    @property
    def degenerate(self) -> bool:
        """Whether the state has no finite error radius: I - J is singular, or too nearly so."""
        return not np.isfinite(self.error.radius)

    @property
    def extent(self) -> float:
        """The largest distance between two members."""
        flat = np.array(self.members, np.float64).reshape(len(self.members), -1)
        return max(float(np.linalg.norm(flat - row, axis=1).max()) for row in flat)


class Gathered:
    """The states that were found so far, by fixed point.

    Args:
        loop: the loop.
        e: its input.
        scale: the size of the states.
        tol: the tolerance of Newton's method; None for its default.
        seed: seed of the sampled constants.
    """

    def __init__(self, loop: LoopedMap, e: Any, scale: float, tol: float | None, seed: int):
        self.loop, self.e, self.scale, self.tol, self.seed = loop, e, scale, tol, seed
        self.products = 0
        self._isolated: list[Group] = []
        self._degenerate: list[Group] = []

    def add(self, found: NewtonResult, reached: int = 1) -> None:
        """Add a state that so many starts reached to the group of its fixed point, or a new one."""
        h = packed(self.loop, found.state, self.e)
        for group in self._isolated:
            if self._same(group, h):
                group.members.append(h)
                group.reached += reached
                return
        for group in sorted(self._degenerate, key=lambda g: _distance(g.members[0], h)):
            if self._connected(group, h):
                self._degenerate.append(Group(group.j, group.error, found.residual, [h], reached))
                return
            break
        try:
            j = Linearisation(self.loop, h, self.e)
            error = error_radius(self.loop, j, self.scale, seed=self.seed)
        except LoopError:
            return
        group = Group(j, error, found.residual, [h], reached)
        (self._degenerate if group.degenerate else self._isolated).append(group)

    def groups(self) -> list[Group]:
        """One group for each fixed point, those with most members first."""
        return sorted([*self._isolated, *self._manifolds()], key=lambda g: -g.reached)

    def undecided(self, groups: list[Group]) -> tuple[tuple[int, int], ...]:
        """Pairs of groups that are neither proved to be distinct nor one."""
        return tuple(
            (i, k)
            for k, b in enumerate(groups)
            for i, a in enumerate(groups[:k])
            if _gap(a, b) <= _reach(a) + _reach(b)
        )

    def _same(self, group: Group, h: Array) -> bool:
        """Whether the state's error ball meets that of the group, and lies where it is unique."""
        size = max(float(np.linalg.norm(h.astype(np.float64))), self.scale)
        defect = _distance(advance(self.loop, h, self.e), h)
        own = 2 * group.error.inverse * (defect + ROUNDING * group.j.unit * size)
        distance = _distance(group.members[0], h)
        unique = distance + own <= group.error.isolation or group.error.curvature is None
        return unique and distance <= group.error.radius + own

    def _manifolds(self) -> list[Group]:
        """The degenerate states, joined to the nearest ones with which they are connected."""
        left = self._degenerate
        parts = list(range(len(left)))
        apart: set[tuple[int, int]] = set()
        pairs = [(i, k) for k in range(len(left)) for i in range(k)]
        pairs.sort(key=lambda p: _distance(left[p[0]].members[0], left[p[1]].members[0]))
        for i, k in pairs:
            one, two = sorted((parts[i], parts[k]))
            if one == two or (one, two) in apart:
                continue
            if self._connected(left[i], left[k].members[0]):
                parts = [one if part == two else part for part in parts]
            else:
                apart.add((one, two))
        out = []
        for part in dict.fromkeys(parts):
            same = [group for group, p in zip(left, parts, strict=True) if p == part]
            first = same[0]
            members = [group.members[0] for group in same]
            reached = sum(group.reached for group in same)
            out.append(Group(first.j, first.error, first.residual, members, reached))
        return out

    def _connected(self, group: Group, b: Array) -> bool:
        """Whether there are fixed points all along the way from a group's state to another."""
        a = group.members[0]
        limit = LOOSE * (tolerance(group.j.unit) if self.tol is None else self.tol)
        distance = _distance(a, b)
        if distance == 0:
            return True
        for share in BETWEEN:
            place = ((1 - share) * a + share * b).astype(a.dtype)
            try:
                looked = newton(self.loop, place, self.e, scale=self.scale, most=0)
                if looked.residual <= limit:
                    continue
                found = newton(self.loop, place, self.e, scale=self.scale, tol=self.tol, most=8)
            except LoopError:
                return False
            self.products += found.products
            if not found.converged:
                return False
            there = packed(self.loop, found.state, self.e)
            if _distance(there, place) > BESIDE * distance:
                return False
        return True


def _distance(a: Array, b: Array) -> float:
    return float(np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64)))


def _gap(a: Group, b: Group) -> float:
    return min(_distance(x, y) for x in a.members for y in b.members)


def _reach(group: Group) -> float:
    """How far from its members a true fixed point of the group may be."""
    return group.extent if group.degenerate else group.error.radius
