"""Find all fixed points of a map in a box, each proved to exist, to be unique and non-degenerate.

The method is branch and bound. Outward-rounded double arithmetic (`interval`, `krawczyk.narrowed`)
proves that a box is empty; the Krawczyk operator in arb proves existence, uniqueness and
non-degeneracy. What neither decides is returned as `undecided`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from .coordinates import widened
from .krawczyk import (
    PRECISION,
    Balls,
    hull,
    identity_minus,
    inside,
    midpoints,
    narrowed,
    proved_ball,
    square,
)
from .maps import CertifiedMap

CHUNK = 4096
"""Boxes evaluated at once: a few megabytes of arrays."""
FEW = 64
"""Number of boxes below which an evaluation costs as much as for one: then every side is cut."""
OVERLAP = 0.1
"""Share by which a box is widened before its test, so that no zero is lost on a shared face."""
SHRUNK = 0.6
"""A box narrowed below this share of its width is tested again before it is cut in two."""
SHOWN = 100
"""Undecided boxes written to JSON."""


@dataclass(frozen=True)
class FixedPoint:
    """A proved fixed point, the only one in its region.

    Args:
        center: Midpoint of the enclosure, (d,).
        radius: Half-widths of the enclosure, (d,).
        region: Box in which no other fixed point lies, (2, d): lower and upper ends.
        determinant: Ends of an enclosure of det(I - J) that excludes 0.
        radius_of_spectrum: Ends of an enclosure of rho(J); None if it could not be enclosed.
    """

    center: Array
    radius: Array
    region: Array
    determinant: tuple[float, float]
    radius_of_spectrum: tuple[float, float] | None

    @property
    def index(self) -> int:
        """Sign of det(I - J), proved."""
        return 1 if self.determinant[0] > 0 else -1

    @property
    def stable(self) -> bool | None:
        """True for rho(J) < 1, False for rho(J) > 1, None where neither is proved."""
        if (
            self.radius_of_spectrum is None
            or self.radius_of_spectrum[0] <= 1 <= self.radius_of_spectrum[1]
        ):
            return None
        return self.radius_of_spectrum[1] < 1

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "center": self.center.tolist(),
            "radius": self.radius.tolist(),
            "region": self.region.tolist(),
            "index": self.index,
            "determinant": list(self.determinant),
            "stable": self.stable,
            "spectral_radius": (
                None if self.radius_of_spectrum is None else list(self.radius_of_spectrum)
            ),
        }


@dataclass(frozen=True)
class Certificate:
    """The fixed points of a map in a box, and where others may lie.

    Args:
        box: Lower and upper ends of the box, (2, d).
        points: Proved fixed points in the box.
        undecided: Boxes in which further fixed points are neither proved nor excluded, (k, 2, d).
        boxes: Number of boxes examined.
        global_box: Whether the box is known to contain every fixed point of the map.

    Example:
        >>> from loopstab import certify
        >>> from loopstab.numerics.certificates.maps import TanhMap
        >>> found = certify(TanhMap.of([[1.0]], [[2.0]], [0.0]))  # h = tanh(2 h)
        >>> found.count, found.index_sum, found.global_box
        (3, 1, True)
        >>> sorted((round(abs(float(p.center[0])), 4), p.stable) for p in found.points)
        [(0.0, False), (0.9575, True), (0.9575, True)]
    """

    box: Array
    points: tuple[FixedPoint, ...]
    undecided: Array
    boxes: int
    global_box: bool

    @property
    def count(self) -> int | None:
        """The exact number of fixed points in the box; None where something is undecided."""
        return None if len(self.undecided) else len(self.points)

    @property
    def index_sum(self) -> int:
        """Sum of the indices of the proved points.

        It is 1 for a complete certificate of a map that sends a box into its interior
        (Lefschetz-Hopf).
        """
        return sum(point.index for point in self.points)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers; all points, but at most `SHOWN` of the undecided boxes."""
        return {
            "count": self.count,
            "found": len(self.points),
            "undecided": len(self.undecided),
            "stable": sum(point.stable is True for point in self.points),
            "index_sum": self.index_sum,
            "box": self.box.tolist(),
            "global_box": self.global_box,
            "boxes": self.boxes,
            "points": [point.to_json() for point in self.points],
            "undecided_boxes": self.undecided[:SHOWN].tolist(),
        }


def certify(
    f: CertifiedMap,
    box: tuple[Any, Any] | None = None,
    *,
    min_width: float = 1e-7,
    max_boxes: int = 200_000,
) -> Certificate:
    """Find every fixed point of a map in a box, and prove that there is no other.

    Args:
        f: Map that can be evaluated with error bounds, such as `TanhMap`, `NormMap` or
            `FunctionMap` of `loopstab.numerics.certificates.maps`.
        box: Lower and upper ends of the box, numbers or (d,) each. Default: the box that provably
            contains every fixed point, `f.bounds()`.
        min_width: A box narrower than this share of the first box is left undecided.
        max_boxes: Number of boxes after which the remaining ones are left undecided.

    Returns:
        The proved fixed points and the undecided boxes, as a `Certificate`. Its `count` is exact
        where nothing is undecided.

    Raises:
        UsageError: If no box is given for a map without bounds, if the ends of the box are not
            finite with low < high, or if the map is undefined somewhere in the box.

    Example:
        >>> from loopstab import certify
        >>> from loopstab.numerics.certificates.maps import FunctionMap
        >>> logistic = FunctionMap(  # h -> 2 h (1 - h)
        ...     1, lambda h: [2 * h[0] * (1 - h[0])], lambda h: [[2 - 4 * h[0]]]
        ... )
        >>> found = certify(logistic, (-1.0, 2.0))
        >>> found.count
        2
        >>> sorted(round(float(p.center[0]), 6) for p in found.points)
        [0.0, 0.5]
    """
    low, high = _box(f, box)
    search = _Search(f, low, high, min_width * float((high - low).max()))
    boxes, work = np.stack((low, high))[None], 0
    while len(boxes) and work + len(boxes) <= max_boxes:
        work += len(boxes)
        boxes = np.concatenate(
            [search.split(boxes[i : i + CHUNK]) for i in range(0, len(boxes), CHUNK)]
        )
        boxes = boxes[~search.known(boxes)]
    undecided = np.concatenate((boxes, *search.undecided))
    undecided = undecided[~search.known(undecided)]
    # proved, but inside or outside of the box is not
    boundary = [np.stack((p.center - p.radius, p.center + p.radius))[None] for p in search.boundary]
    undecided = np.concatenate((undecided, *boundary))
    return Certificate(np.stack((low, high)), tuple(search.points), undecided, work, box is None)


def _box(f: CertifiedMap, box: tuple[Any, Any] | None) -> tuple[Array, Array]:
    ends = f.bounds() if box is None else box
    if ends is None:
        raise UsageError(
            "this map has no known box that contains its fixed points: give a box (low, high)"
        )
    low, high = (np.array(np.broadcast_to(np.asarray(end, dtype=float), (f.size,))) for end in ends)
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
        raise UsageError(
            f"a box needs finite ends low < high, not {low.tolist()} and {high.tolist()}"
        )
    return low, high


class _Search:
    """The state of one branch-and-bound search."""

    def __init__(self, f: CertifiedMap, low: Array, high: Array, min_width: float):
        self.f, self.low, self.high, self.min_width = f, low, high, min_width
        self.points: list[FixedPoint] = []
        self.outside: list[FixedPoint] = []
        self.boundary: list[FixedPoint] = []
        self.undecided: list[Array] = [np.empty((0, 2, f.size))]

    def proved(self) -> tuple[FixedPoint, ...]:
        """All proved points; some lie outside the box, because the regions extend beyond it."""
        return *self.points, *self.outside, *self.boundary

    def known(self, boxes: Array) -> Array:
        """Which boxes (k, 2, d) lie in the region of a proved point and contain no other."""
        out = np.zeros(len(boxes), dtype=bool)
        for point in self.proved():
            out |= ((boxes[:, 0] >= point.region[0]) & (boxes[:, 1] <= point.region[1])).all(1)
        return out

    def split(self, boxes: Array) -> Array:
        """One round: the boxes that remain, narrowed or halved.

        Boxes proved empty or to hold one fixed point are removed; small ones become undecided.
        """
        low, high = boxes[:, 0], boxes[:, 1]
        # widened, so that a zero on a shared face lies inside one of them
        wide = np.stack(widened(low, high, OVERLAP), 1)
        pieces = narrowed(self.f, wide[:, 0], wide[:, 1])
        keep = ~pieces.empty
        for i in np.flatnonzero(pieces.unique):
            keep[i] = not self._accept(wide[i], np.stack((pieces.low[i], pieces.high[i])))
        new_low, new_high = np.fmax(low, pieces.low), np.fmin(high, pieces.high)
        keep &= (new_low <= new_high).all(1)
        low, high, new_low, new_high = low[keep], high[keep], new_low[keep], new_high[keep]
        small = (new_high - new_low).max(1) < self.min_width
        if small.any():
            self._give_up(np.stack((new_low, new_high), 1)[small], pieces.defined[keep][small])
        low, high, new_low, new_high = low[~small], high[~small], new_low[~small], new_high[~small]
        shrunk = (new_high - new_low).max(1) < SHRUNK * (high - low).max(1)
        new = np.stack((new_low, new_high), 1)
        parts = _halves(new[~shrunk])
        for _ in range(self.f.size - 1):
            if len(parts) < FEW:
                parts = _halves(parts)
        return np.concatenate((new[shrunk], parts))

    def _give_up(self, boxes: Array, defined: Array) -> None:
        if not defined.all():
            place = boxes[~defined][0].mean(0).tolist()
            raise UsageError(
                f"the map is not defined near {place}, in the box: choose a box inside its domain,"
                " or eps > 0"
            )
        self.undecided.append(boxes)

    def _accept(self, box: Array, part: Array) -> bool:
        """Record the one fixed point of `box`, which lies in `part`; False if arb cannot prove it.

        A fixed point that is already recorded is accepted without a new proof.
        """
        if self.known(part[None])[0]:
            return True
        wide_part = np.stack(widened(part[0], part[1], 1.0))
        for region in (box, wide_part):
            ball = proved_ball(self.f, region[0], region[1])
            if ball is not None:
                return self._add(ball, region)
        return False

    def _add(self, ball: Balls, region: Array) -> bool:
        """Record a proved point once; False if it cannot be told apart from a recorded one."""
        with flint.ctx.workprec(PRECISION):  # as in the proof of the regions: the same balls
            for point in self.proved():
                if inside(ball, hull(*point.region)):
                    return True
                if all(x.overlaps(y) for x, y in zip(ball, _ball_of(point), strict=True)):
                    return False
        point = _describe(self.f, ball, region)
        if point is None:
            return False
        lower, upper = point.center - point.radius, point.center + point.radius
        if (lower >= self.low).all() and (upper <= self.high).all():
            self.points.append(point)
        elif (upper < self.low).any() or (lower > self.high).any():
            self.outside.append(point)
        else:
            self.boundary.append(point)
        return True


def _halves(boxes: Array) -> Array:
    """Boxes (k, 2, d), each cut in two across its widest side, (2k, 2, d)."""
    low, high = boxes[:, 0], boxes[:, 1]
    rows, widest = np.arange(len(boxes)), (high - low).argmax(1)
    left, right = boxes.copy(), boxes.copy()
    left[rows, 1, widest] = right[rows, 0, widest] = midpoints(low, high)[rows, widest]
    return np.concatenate((left, right))


def _ball_of(point: FixedPoint) -> Balls:
    return hull(point.center - point.radius, point.center + point.radius)


def _describe(f: CertifiedMap, ball: Balls, region: Array) -> FixedPoint | None:
    """Determinant and spectrum of the Jacobian over the ball; None if the determinant may be 0."""
    with flint.ctx.workprec(PRECISION):
        jacobian = square(f.jacobian(ball))
        determinant = identity_minus(jacobian).det()
        if determinant.contains(0):
            return None
        center = np.array([float(x.mid()) for x in ball])
        radius = np.array([2 * float(x.rad()) + 2 * np.spacing(abs(float(x.mid()))) for x in ball])
        try:
            moduli = [abs(value) for value in flint.acb_mat(jacobian).eig()]
            lower, upper = (
                max(float(end(m)) for m in moduli) for end in (flint.arb.lower, flint.arb.upper)
            )
            spectrum = (max(0.0, np.nextafter(lower, -np.inf)), float(np.nextafter(upper, np.inf)))
        except ValueError:  # multiple or nearly multiple eigenvalues
            spectrum = None
        ends = (
            float(np.nextafter(float(determinant.lower()), -np.inf)),
            float(np.nextafter(float(determinant.upper()), np.inf)),
        )
        return FixedPoint(center, radius, region, ends, spectrum)
