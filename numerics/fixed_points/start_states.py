"""States from which fixed points are searched: along the orbit of a loop, and around it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from ..loops.protocol import LoopedMap, LoopError, advance, packed, start

MODERATE = 100
"""Norm, relative to the start, from which an orbit counts as gone and is cut."""


def orbit_states(loop: LoopedMap, e: Array, iterations: int, h: Array | None = None) -> list[Array]:
    """The states h_0, h_1, ... of an orbit, up to where it leaves the finite range."""
    h = start(loop, e) if h is None else np.array(h, copy=True)
    limit = MODERATE * (1 + float(np.linalg.norm(h)))
    states = [h]
    with np.errstate(all="ignore"):
        for _ in range(iterations):
            try:
                h = np.array(advance(loop, h, e), copy=True)
            except LoopError:
                break
            if not float(np.linalg.norm(h)) <= limit:
                break
            states.append(h)
    return states


def start_states(
    loop: LoopedMap, e: Array, starts: Any, radius: float | None, iterations: int, seed: int
) -> tuple[list[Array], list[Array], float]:
    """The states from which to search, the random ones among them, and the radius.

    A quarter of the states lie on the orbit, spaced evenly in the logarithm of time; the others are
    orbit states moved in a random direction by a random distance of up to the radius.

    Args:
        loop: the loop.
        e: its input.
        starts: number of states, or the states themselves.
        radius: largest distance from the orbit; default None: twice the largest norm of the
            orbit, or the square root of the dimension where the orbit stays at 0.
        iterations: length of the orbit.
        seed: seed of the random directions and distances.

    Raises:
        UsageError: there is no state, their shape is not that of the loop's states, or the radius
            is not positive.
    """
    orbit = orbit_states(loop, e, iterations)
    first = orbit[0]
    largest = max(float(np.linalg.norm(h)) for h in orbit)
    if radius is None:
        radius = 2 * largest or float(np.sqrt(first.size))
    if not (np.isfinite(radius) and radius > 0):
        raise UsageError(f"the radius of the starts must be positive and finite, not {radius}")
    if not isinstance(starts, int | np.integer):
        given = _given(loop, e, starts, first)
        return given, given, radius
    if starts < 1:
        raise UsageError(f"a search for fixed points needs at least one start, not {starts}")
    on_orbit = min((starts + 3) // 4, len(orbit))
    times = np.unique(np.geomspace(1, len(orbit), on_orbit).round().astype(int) - 1)
    random = moved(orbit, int(starts) - len(times), radius, seed)
    return [*(orbit[t] for t in times), *random], random, radius


def _given(loop: LoopedMap, e: Array, starts: Any, like: Array) -> list[Array]:
    """Start states of the user: numbers in rows, or states of the structure of the loop."""
    try:
        rows = np.asarray(starts, like.dtype)
        given = list(rows) if rows.shape[1:] == like.shape else []
    except (TypeError, ValueError):  # not an array of numbers
        given = []
    given = given or [packed(loop, state, e) for state in starts]
    wrong = [h.shape for h in given if h.shape != like.shape]
    if wrong or not given:
        found = f"a start has shape {wrong[0]}, not {like.shape}" if wrong else "no start is given"
        raise UsageError(f"{found}: give states like that of initial(e), or their number")
    return given


def moved(orbit: list[Array], count: int, radius: float, seed: int) -> list[Array]:
    """States of an orbit, each moved in a random direction by a random distance of up to radius."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(count):
        h = orbit[rng.integers(len(orbit))]
        side = rng.standard_normal(h.shape)
        length = radius * rng.uniform() / max(float(np.linalg.norm(side)), 1e-300)
        out.append((h + length * side).astype(h.dtype))
    return out
