"""Orbits whose outcome is a theorem, disguised so that the classifier cannot see their normal form.

Every family is a normal form f(y) with known long-run behaviour. `_disguise` adds two or three
contracting coordinates (for half of the orbits slow ones that start large: a long transient), a
basis of condition up to about 10, and an offset: conjugate maps have the same outcome.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from zlib import crc32

import numpy as np
from tqdm import tqdm

from loopstab.numerics.arrays import Array
from loopstab.numerics.orbits.follow import LOOPS, Followed, follow
from loopstab.theory.outcome import Outcome

from .family import Draw, Map
from .fresh import FRESH
from .known import FAMILIES

FRESH_RATES = (0.95, 0.9995)
"""Range of the slow rates that disguise the fresh families."""


class Source(StrEnum):
    """The three sets of orbits."""

    BUILT = "built with"
    """the set that the thresholds of the classifier were set on"""
    HELD_OUT = "other ranges"
    """the same families in other ranges and dimensions, looked at while building: held out in
    name only
    """
    FRESH = "fresh families"
    """other families, on which nothing was tuned"""


@dataclass(frozen=True)
class Labelled:
    """An orbit with its truth.

    Args:
        family: the name of the family that it comes from.
        truth: what it does, by a theorem.
        period: the period of a cycle; None for every other orbit.
        orbit: the recorded trajectory, and what the classifier makes of it.
    """

    family: str
    truth: Outcome
    period: int | None
    orbit: Followed


def labelled(
    count: int = 504,
    source: Source = Source.BUILT,
    *,
    seed: int = 0,
    loops: int = LOOPS,
    limit: int | None = None,
    progress: bool = False,
) -> Iterator[Labelled]:
    """At least `count` orbits of every outcome, shared evenly by its families.

    An orbit depends on the seed, the set and the name of its family, not on the other families.

    Args:
        count: the least number of orbits of every outcome; default 504.
        source: the set; default the one that the classifier was built with.
        seed: the seed of the set; default 0.
        loops: iterations before the first look, as in `follow`; default `LOOPS`.
        limit: the most iterations of an orbit that stays undecided; default 16 times `loops`.
        progress: whether a progress bar counts the families; default False.
    """
    families = FRESH if source is Source.FRESH else FAMILIES
    slow = FRESH_RATES if source is Source.FRESH else None
    for name, (truth, family) in tqdm(families.items(), desc=source, disable=not progress):
        share = -(-count // sum(other is truth for other, _ in families.values()))
        rng = np.random.default_rng([seed, crc32(f"{source}/{name}".encode())])
        draw = Draw(rng, source is not Source.BUILT, share)
        f, y, *periods = family(draw)
        single = name.endswith("float32")
        step, h, view = _disguise(draw, f, y, truth, single=single, slow=slow)
        for i, orbit in enumerate(follow(step, h, loops, limit, view=view)):
            yield Labelled(name, truth, int(periods[0][i]) if periods else None, orbit)


def _disguise(
    draw: Draw,
    f: Map,
    y0: Array,
    truth: Outcome,
    *,
    single: bool,
    slow: tuple[float, float] | None = None,
) -> tuple[Map, Array, Map | None]:
    """The map in the coordinates h = V (y, rest) + offset, with rest' = rate rest.

    Only bounded orbits have an offset. Polynomial growth is iterated in its own coordinates and
    seen in the others: in a skew basis, rounding moves the eigenvalues of a Jordan block of size k
    by about eps^(1/k), and the floating-point map explodes.

    Args:
        draw: the parameters of the orbits.
        f: the normal form.
        y0: its initial states, of shape (size, k).
        truth: the outcome of the orbits.
        single: whether the map is iterated in float32.
        slow: the range of the slow rates, uniform in log(1 - rate); default those of the set.

    Returns:
        The step, the initial states, and the view of `follow`.
    """
    extra = 3 if draw.held_out else 2
    b, k = y0.shape
    long = draw.rng.random(b) < 0.5
    gentle = draw.u(0.95, 0.99, 0.96, 0.985)
    if slow is not None:
        gentle = 1 - np.exp(draw.rng.uniform(np.log1p(-slow[1]), np.log1p(-slow[0]), b))
    rate = np.where(long, gentle, draw.u(0.1, 0.8, 0.0, 0.7))[:, None]
    size = np.where(long, draw.u(1, 30, 3, 20), 1.0)[:, None]
    rest = draw.normal(extra) * size
    shape = (b, k + extra, k + extra)
    q1, q2 = (np.linalg.qr(draw.rng.standard_normal(shape))[0] for _ in range(2))
    v = q1 * draw.rng.uniform(0.3, 3, (b, 1, k + extra)) @ q2
    w = np.linalg.inv(v)
    offset = draw.normal(k + extra) * (3 if truth.bounded else 0)
    dtype = np.float32 if single else np.float64
    v, w, offset, rate = (a.astype(dtype) for a in (v, w, offset, rate))

    def inner(y: Array) -> Array:
        return np.concatenate((f(y[:, :k]), rate * y[:, k:]), axis=1).astype(dtype)

    def outside(y: Array) -> Array:
        return np.einsum("bij,bj->bi", v, y) + offset

    start = np.concatenate((y0, rest), axis=1).astype(dtype)
    if truth is Outcome.GROWTH:
        return inner, start, outside
    return (lambda h: outside(inner(np.einsum("bij,bj->bi", w, h - offset)))), outside(start), None
