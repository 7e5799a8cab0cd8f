"""Findings and verdicts on what trained loops do: settle, depend on the input, backpropagate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...models.forecast.measured_scores import ZERO
from .grounds import Grounds
from .measured_loops import CLOSE, MOST, SLOWER, MeasuredLoop, at_the_end
from .ruling import Judgement, Ruling, TrainedFinding
from .trained_runs import GOOD

NO_RECALL = ("none/post", "none/peri")
FEW = 0.1
"""Share of the limits up to which exceptions do not contradict a statement: a difference over a
finite change of the input, and a fit to finitely many iterations, only approximate a limit.
"""


def reached(evidence: Grounds) -> TrainedFinding:
    """How many orbits reach a fixed point, with recall and outer norm."""
    return _settling(list(at_the_end(evidence.loops, *GOOD)))


def reliably(evidence: Grounds) -> Ruling:
    """Holds if at least `MOST` of the orbits settle in every trained loop.

    Corrected if in some loop at most `HALF` do, undecided orbits counted as settled.
    """
    loops = list(at_the_end(evidence.loops, *GOOD))
    tasks = {loop.task for loop in loops}
    failing = [loop for loop in loops if loop.fails]
    if failing:
        return Ruling(
            Judgement.CORRECTED,
            f"in {_count(failing, 'loop')} of {len(_names(loops))} at most half of the orbits of a"
            f" level reach a fixed point; there, {_by_task(failing)}.",
        )
    if not loops:
        return Ruling(Judgement.OPEN, "no trained loop was measured.")
    if all(loop.settles for loop in loops):
        return Ruling(
            Judgement.HOLDS,
            f"at least {MOST:.0%} settle in every one of {_count(loops, 'loop')}:"
            f" {'; '.join(sorted(tasks))}.",
        )
    some = [loop for loop in loops if not loop.settles]
    return Ruling(
        Judgement.OPEN,
        f"in {_count(some, 'loop')} of {len(_names(loops))} fewer than {MOST:.0%} of the orbits of"
        f" a level settle; there, {_by_task(some)}.",
    )


def unmoved(evidence: Grounds) -> TrainedFinding:
    """How far limits move with the input without recall, and how many limits there are."""
    loops = list(at_the_end(evidence.loops, *NO_RECALL))
    asked = [loop for loop in loops if loop.sensitivity]
    moves = [differences for loop in asked for _, differences in loop.sensitivity]
    if not loops:
        return TrainedFinding("Not measured.")
    parts = []
    if moves:
        parts.append(
            f"{len(moves)} limits of {_count(asked, 'loop')} without recall move by at most"
            f" {max(moves):.1e} of a change of the input."
        )
    most = max(loops, key=lambda loop: loop.distinct[0])
    if most.distinct[0] > 1:
        parts.append(
            f"{most.distinct[1]} inputs of {most.checkpoint} (level {most.level}) have"
            f" {most.distinct[0]} limits."
        )
    elif most.distinct[0]:
        parts.append("In each loop all inputs that settled have one limit.")
    return TrainedFinding(
        " ".join(parts) or "No orbit without recall settled.",
        {"moves": moves, "distinct": {_name(loop): loop.distinct for loop in loops}},
        len(_names(loop for loop in loops if loop.sensitivity or loop.distinct[1])),
    )


def moved(evidence: Grounds) -> list[str]:
    """The limits without recall that move with the input, by more than `ZERO` of its change."""
    return [
        f"{_name(loop)}: a limit moves by {differences:.1e} of a change of the input"
        for loop in at_the_end(evidence.loops, *NO_RECALL)
        for _, differences in loop.sensitivity
        if differences > ZERO
    ]


def isolated(evidence: Grounds) -> TrainedFinding:
    """Whether the fixed points that loops without recall reach are isolated: rho < 1."""
    loops = [loop for loop in at_the_end(evidence.loops, *NO_RECALL) if loop.rho]
    rho = [value for loop in loops for value in loop.rho]
    below = sum(value < 1 for value in rho)
    if not rho:
        return TrainedFinding("Not measured.")
    return TrainedFinding(
        f"rho < 1, so isolated: {below} of {len(rho)} limits of"
        f" {_count(loops, 'loop')} without recall.",
        {"rho": rho, "below 1": below},
        len(_names(loops)),
    )


def smooth(evidence: Grounds) -> TrainedFinding:
    """Whether the implicit derivative is what differences measure."""
    loops = [loop for loop in at_the_end(evidence.loops, *GOOD) if loop.sensitivity]
    pairs = [pair for loop in loops for pair in loop.sensitivity]
    if not pairs:
        return TrainedFinding("Not measured.")
    close = len(pairs) - sum(len(loop.jumps) for loop in loops)
    return TrainedFinding(
        f"The implicit derivative agrees with differences within {CLOSE:.0%} at {close} of"
        f" {len(pairs)} limits of {_count(loops, 'loop')}.",
        {"pairs": pairs, "close": close},
        len(_names(loops)),
    )


def not_smooth(evidence: Grounds) -> list[str]:
    """The limits at which they do not agree, if these are more than `FEW` of all limits."""
    loops = list(at_the_end(evidence.loops, *GOOD))
    return _if_many(
        [
            f"{_name(loop)}: derivative {a:.3g}, differences {b:.3g}"
            for loop in loops
            for a, b in loop.jumps
        ],
        sum(len(loop.sensitivity) for loop in loops),
    )


def diverging(evidence: Grounds) -> list[str]:
    """The limits at which truncated gradients do not converge, if more than `FEW` of all."""
    loops = list(at_the_end(evidence.loops, *GOOD))
    return _if_many(
        [
            f"{_name(loop)}: an iteration multiplies the error by {q:.3g}, rho is {rho:.3g}"
            for loop in loops
            for q, rho in loop.gradients
            if q >= 1
        ],
        sum(len(loop.gradients) for loop in loops),
    )


def backpropagation(evidence: Grounds) -> TrainedFinding:
    """How fast truncated gradients converge to the implicit one."""
    loops = [loop for loop in at_the_end(evidence.loops, *GOOD) if loop.gradients]
    pairs = [pair for loop in loops for pair in loop.gradients]
    if not pairs:
        return TrainedFinding("Not measured.")
    stable = [loop for loop in loops if loop.stable]
    below = sum(q < 1 for q, _ in pairs)
    return TrainedFinding(
        f"The error of the gradient through k loops, k up to 64, falls geometrically at {below} of"
        f" {len(pairs)} limits of {_count(loops, 'loop')}; in {len(stable)} of {len(loops)}"
        f" measurements it falls at every limit like ({SLOWER:g} rho)^k or faster.",
        {"pairs": pairs, "below 1": below},
        len(_names(loops)),
    )


def together(evidence: Grounds) -> TrainedFinding:
    """In how many measurements all three hold, where all three were measured."""
    loops = list(at_the_end(evidence.loops, *GOOD))
    both = [x for x in loops if x.smooth is not None and x.stable is not None]
    all_three = [x for x in both if x.settles and x.smooth and x.stable]
    if not loops:
        return TrainedFinding("Not measured.")
    return TrainedFinding(
        f"At least {MOST:.0%} of the orbits settle, smoothly and with stable gradients, in"
        f" {len(all_three)} of {len(loops)} measurements of {_count(loops, 'loop')}"
        f" ({len(loops) - len(both)} without a limit to ask).",
        {"measurements": len(loops), "all three": len(all_three), "asked": len(both)},
        len(_names(loops)),
    )


def _settling(loops: Sequence[MeasuredLoop]) -> TrainedFinding:
    if not loops:
        return TrainedFinding("Not measured.")
    groups = {}
    for task in sorted({loop.task for loop in loops}):
        own = [loop for loop in loops if loop.task == task]
        groups[task] = (sum(x.settled for x in own), sum(x.inputs for x in own))
    listed = "; ".join(f"{task}: {hits} of {n}" for task, (hits, n) in groups.items())
    return TrainedFinding(
        f"Orbits that reach a fixed point, by task: {listed} ({_count(loops, 'loop')}).",
        {"settled": groups},
        len(_names(loops)),
    )


def _if_many(found: list[str], limits: int) -> list[str]:
    return found if len(found) > FEW * limits else []


def _by_task(loops: Sequence[MeasuredLoop]) -> str:
    parts = []
    for task in sorted({loop.task for loop in loops}):
        own = [loop for loop in loops if loop.task == task]
        parts.append(f"{task}: {sum(x.settled for x in own)} of {sum(x.inputs for x in own)}")
    return "; ".join(parts)


def _names(loops: Iterable[MeasuredLoop]) -> set[str]:
    return {loop.checkpoint for loop in loops}


def _count(loops: Iterable[MeasuredLoop], what: str) -> str:
    n = len(_names(loops))
    return f"{n} {what}{'s' * (n != 1)}"


def _name(loop: MeasuredLoop) -> str:
    return f"{loop.checkpoint}, {loop.level}"
