"""All fixed points of N(M phi(h) + b) at eps = 0, proved.

They are the states h with w h = M phi(h) + b, |h|^2 = d, w > 0. In (h, w) the equations are
polynomial (with tanh for phi where it is asked for), so they are defined also where N is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...arrays import Array
from ...attack.suite import Undecided
from ...certificates.certify import certify
from ...certificates.coordinates import Coordinate, Vector, constant, product, squared, tanh, total
from ...certificates.maps import FunctionMap


@dataclass(frozen=True)
class State:
    """A proved state: `h` and the scale `w`, each within rounding of the true one.

    `index` is the sign of det(I - J) on the tangent space.
    """

    h: Array
    w: float
    index: int


def proved_states(
    matrix: Array, drive: Array, saturates: bool = False, max_boxes: int = 60_000
) -> tuple[State, ...]:
    """All fixed points of h -> N(M phi(h) + b), M (d, d), phi = tanh or the identity.

    Raises `Undecided` where the certificate is not complete.
    """
    d = len(drive)
    rows, shift = tuple(tuple(map(float, row)) for row in matrix), [float(b) for b in drive]

    def image(x: Vector) -> list[Coordinate]:
        h, w = x[:d], x[d]
        z = [
            u + b
            for u, b in zip(
                product(rows, [tanh(y) for y in h] if saturates else h), shift, strict=True
            )
        ]
        return [
            *(x + (y - w * x) for x, y in zip(h, z, strict=True)),
            w + (total(map(squared, h)) / float(d) - 1.0),
        ]

    def jacobian(x: Vector) -> list[list[Coordinate]]:
        h, w = x[:d], x[d]
        slopes = [1 - squared(tanh(y)) if saturates else constant(y, 1.0) for y in h]
        out = [[slope * m for slope, m in zip(slopes, row, strict=True)] for row in rows]
        for i, row in enumerate(out):
            row[i] = row[i] + 1.0 - w
            row.append(-h[i])
        return [*out, [*(y * (2.0 / d) for y in h), constant(w, 1.0)]]

    radius = np.sqrt(d) * (1 + 1e-9)
    largest = float(np.linalg.norm(matrix) + np.linalg.norm(drive) / np.sqrt(d)) + 1e-3
    box = np.append(np.full(d, -radius), 0.0), np.append(np.full(d, radius), largest)
    found = certify(FunctionMap(d + 1, image, jacobian), box, max_boxes=max_boxes)
    if found.count is None:
        raise Undecided(
            f"{len(found.points)} states proved, {len(found.undecided)} boxes undecided after"
            f" {found.boxes}"
        )
    # det of the bordered matrix [[w - Dz, h], [-2 h/d, 0]] = (2/d)|h|^2 det(w - P Dz on the tangent
    # space), whatever the sign of w > 0
    return tuple(State(p.center[:d], float(p.center[d]), p.index) for p in found.points)
