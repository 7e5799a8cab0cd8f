"""The rows of an advice: a change of the step, a solver instead of iteration, fewer loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..arrays import Array
from ..loops.protocol import LoopError
from .baseline import Baseline, different
from .candidates import ANDERSON, NEWTON, STOP, Candidate
from .changed_loop import ChangedLoop
from .loop_facts import recalled
from .solves import SolvedPoint, by_anderson
from .state_reader import same
from .tried_change import NOT_FOUND, SETTLED, TriedChange, right_words, verdict_words

SMALL = 1e-3
"""Relative step after which further iterations change little."""
STEADY = 0.9
"""Share of the run before which the answers must have changed for the last time."""


def change_row(base: Baseline, candidate: Candidate) -> TriedChange:
    """The row of a change of the step: the changed loop is run on all inputs.

    Args:
        base: what the loop does as it is.
        candidate: the change, or why it is not tried.
    """
    change, before = candidate.change, base.effect
    row = TriedChange(candidate.name, "", "", candidate.claim, candidate.because, before)
    if change is None:
        return replace(row, reason=candidate.reason)
    fixed_points = "kept" if change.keeps else "moved"
    row = replace(row, step=change.formula, change=change, fixed_points=fixed_points)
    loop = ChangedLoop(base.inputs.loop, change, recalled(base.inputs)[0])
    try:
        found = base.inputs.verdicts(loop, base.limits)
    except LoopError as error:
        return replace(row, reason=f"it fails: {error}")
    after = base.effect_of(found)
    each = "1 evaluation of f an iteration"
    needed = after.iterations
    return replace(
        row,
        after=after,
        **base.compared([one.state for one in found]),
        cost=each if needed is None else f"{each}, about {needed} iterations for 8 digits",
        verdict=verdict_words(before, after),
    )


def solve_rows(base: Baseline) -> list[TriedChange]:
    """The rows of Newton's and of Anderson's method on the inputs that are hard to reach.

    Args:
        base: what the loop does as it is.
    """
    reason = "" if base.hard else "every input settles soon"
    if base.timed:
        reason = "the step changes with the iteration, so that it has no fixed point to solve for"
    if reason:
        both = (NEWTON, ANDERSON)
        return [TriedChange(*words, base.effect, reason=reason) for words in both]
    points: list[SolvedPoint | None] = [None] * len(base.inputs)
    for i in base.hard:
        given, h = base.inputs.one(i), base.inputs.whole(base.inputs.first[i])
        points[i] = by_anderson(base.inputs.loop, h, given, base.limits)
    return [_solved(base, NEWTON, base.newton), _solved(base, ANDERSON, points)]


def _solved(
    base: Baseline, words: tuple[str, str, str, str, str], points: list[SolvedPoint | None]
) -> TriedChange:
    before = base.effect
    outcomes, rho = list(before.outcomes), list(before.rho)
    states: list[Array | None] = list(base.ends)
    confirmed = list(before.confirmed)
    for i in base.hard:
        point = points[i]
        outcomes[i] = NOT_FOUND if point is None else SETTLED
        rho[i] = None if point is None else point.rho
        confirmed[i] = point is not None
        states[i] = None if point is None else base.inputs.bare(point.state)
    found = [point for point in (points[i] for i in base.hard) if point is not None]
    count = different([h for h in states if h is not None])
    right = base.answers.right(states)
    after = replace(
        before,
        outcomes=tuple(outcomes),
        rho=tuple(rho),
        confirmed=tuple(confirmed),
        states=count,
        right=right,
    )
    ways = (("do not settle", base.moving), ("settle slowly", base.slow))
    what = " or ".join(words for words, some in ways if some)
    text = [f"a fixed point is found for {len(found)} of {len(base.hard)} inputs that {what}"]
    known = [point.rho for point in found if point.rho is not None]
    if repels := sum(value > 1 for value in known):
        text.append(f"{repels} of {len(known)} have rho > 1: iteration does not reach them")
    steps = int(np.median([point.steps for point in found])) if found else None
    row = TriedChange(*words, before, after, **base.compared(states))
    return replace(
        row,
        cost="none was found" if steps is None else f"about {steps} evaluations of f",
        verdict="; ".join([*text, *right_words(before, after)]),
    )


def stop_rows(base: Baseline, given: Sequence[int]) -> list[TriedChange]:
    """The rows of stopping earlier: at the least step, where answers stay, and as asked.

    Args:
        base: what the loop does as it is.
        given: numbers of iterations after which to stop, as asked.
    """
    row = TriedChange(*STOP, base.effect)
    steps = [one.trajectory.relative_steps for one in base.found]
    length = min(map(len, steps))
    if length < 2:
        return [replace(row, reason="the orbit leaves the finite range at once")]
    together = np.array([each[:length] for each in steps])
    places = {}
    if base.moving:
        least = int(np.argmin(np.median(together, axis=0))) + 1
        places[least] = "where the median step is least"
    else:
        large = np.flatnonzero(together.max(axis=0) > SMALL)
        places[int(large[-1]) + 1 if len(large) else 1] = f"then no state moves by {SMALL:g}"
    constant = _constant_from(base, length)
    steady = constant is not None and constant <= STEADY * length
    if steady and constant:
        places[constant] = "from there on no answer changes in the run"
    places |= {stop: "as asked" for stop in given if stop not in places}
    rows = [
        _stopped(base, row, time, places[time], states)
        for time, states in enumerate(base.inputs.orbit(max(places)))
        if time in places
    ]
    if constant is not None and not steady:
        reason = (
            "no place from which the answers are constant: some answer still changes in the last"
            f" {1 - STEADY:.0%} of the run"
        )
        rows.append(replace(row, reason=reason))
    return rows


def _constant_from(base: Baseline, length: int) -> int | None:
    """From which of that many iterations on no answer changes; None without a readout."""
    if base.answers.readout is None:
        return None
    changed, last = 0, base.answers.of(base.inputs.first)
    for time, states in enumerate(base.inputs.orbit(length)):
        answers = base.answers.of(states)
        if not all(same(answers, last)):
            changed = time
        last = answers
    return changed


def _stopped(
    base: Baseline, row: TriedChange, stop: int, why: str, states: list[Array]
) -> TriedChange:
    after = replace(base.effect, right=base.answers.right(states))
    compared = base.compared(states)
    words = [f"{why}: the orbits are as before"]
    if compared["unchanged"] is not None:
        words.append(f"{compared['unchanged']:.0%} of the answers are those of the end")
    return replace(
        row,
        step=f"h_t at t = {stop}",
        stop=stop,
        fixed_points="not reached",
        after=after,
        **compared,
        cost=f"{stop} evaluation{'s' * (stop > 1)} of f",
        verdict="; ".join([*words, *right_words(base.effect, after)]),
    )
