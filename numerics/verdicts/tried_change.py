"""What a change did to a loop on some inputs, or why it was not tried."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...support.jsonable import jsonable
from .change import Change

DIGITS = 1e-8
"""Residual until which iterations are counted."""
NOT_FOUND = "no fixed point found"
SETTLED = "fixed-point"


@dataclass(frozen=True)
class Effect:
    """What a loop does on all inputs.

    Args:
        outcomes: the outcome of each input, such as `fixed-point`, `2-cycle` or `drift`.
        rho: the spectral radius at the fixed point of each input; None where there is none.
        confirmed: whether the spectrum confirms the outcome of each input.
        states: the number of different states at which inputs settle.
        right: share of the inputs whose answer at the end is right; None where nobody says so.
        alike: whether all inputs are equal, so that one state for all of them says nothing.

    Example:
        >>> from loopstab.numerics.verdicts.tried_change import Effect
        >>> found = Effect(("fixed-point", "2-cycle"), (0.5, 1.5), (True, False), states=1)
        >>> found.counts, found.settled, found.median_rho
        ({'fixed-point': 1, '2-cycle': 1}, 1, 1.0)
    """

    outcomes: tuple[str, ...]
    rho: tuple[float | None, ...]
    confirmed: tuple[bool, ...]
    states: int = 0
    right: float | None = None
    alike: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """The number of inputs with each outcome, most frequent first."""
        return dict(Counter(self.outcomes).most_common())

    @property
    def settled(self) -> int:
        """The number of inputs whose orbit settles at a fixed point."""
        return self.outcomes.count(SETTLED)

    @property
    def one_state(self) -> bool:
        """Whether at least two of different inputs settle, and all that do at the same state."""
        return self.settled > 1 and self.states == 1 and not self.alike

    @property
    def useful(self) -> int:
        """The same, but 0 if all of them settle at one state, whatever the input."""
        return 0 if self.one_state else self.settled

    @property
    def median_rho(self) -> float | None:
        """The median of the known spectral radii."""
        known = [value for value in self.rho if value is not None]
        return float(np.median(known)) if known else None

    @property
    def iterations(self) -> int | None:
        """The median of the iterations for 8 digits that the spectral radii predict."""
        known = [
            1.0 if rho <= DIGITS else math.log(DIGITS) / math.log(rho)
            for rho, name in zip(self.rho, self.outcomes, strict=True)
            if name == SETTLED and rho is not None and rho < 1
        ]
        return math.ceil(np.median(known)) if known else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object."""
        return jsonable(
            {
                "counts": self.counts,
                "outcomes": self.outcomes,
                "rho": self.rho,
                "median_rho": self.median_rho,
                "confirmed": self.confirmed,
                "states": self.states,
                "right": self.right,
            }
        )


@dataclass(frozen=True)
class TriedChange:
    """One candidate, with what it did.

    Args:
        name: the change in words.
        step: exactly what was run, in symbols; f is the step of the loop.
        fixed_points: `kept`, `moved`, or `not reached` where the loop only stops earlier.
        claim: the claim of the ledger that explains it.
        because: what that claim says about it, in one sentence.
        before: what the loop does without it.
        after: what it does with it; None if it was not tried.
        reason: why it was not tried; empty if it was.
        moved: change of the last state of each input, relative to the state before; None where one
            of them is not finite.
        unchanged: share of the inputs whose answer is the same; None without a `readout`.
        cost: what it costs.
        verdict: what it did, in plain words.
        rank: 1 for the change that did most; ties have the same rank. None if it was not tried.
        change: the change of the step in numbers, such as its damping factor `change.damp` and its
            strength `change.recall`; None for a solver, for fewer loops, and where nothing was run.
        stop: the iterations after which it stops; None unless it stops earlier.
    """

    name: str
    step: str
    fixed_points: str
    claim: str
    because: str
    before: Effect
    after: Effect | None = None
    reason: str = ""
    moved: tuple[float | None, ...] = ()
    unchanged: float | None = None
    cost: str = ""
    verdict: str = ""
    rank: int | None = None
    change: Change | None = None
    stop: int | None = None

    @property
    def tried(self) -> bool:
        """Whether it was tried."""
        return self.after is not None

    @property
    def needs(self) -> str:
        """What is left to do before it can be used."""
        if not self.tried:
            return self.reason
        if self.fixed_points == "moved":
            return "the fixed points move: retrain, or check the accuracy"
        return "the fixed points stay; check the answers on more inputs"

    @property
    def median_moved(self) -> float | None:
        """The median of the known relative changes of the last states."""
        known = [value for value in self.moved if value is not None]
        return float(np.median(known)) if known else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object."""
        out = dict(self.__dict__)
        out["before"] = self.before.to_json()
        out["after"] = None if self.after is None else self.after.to_json()
        out["change"] = None if self.change is None else asdict(self.change)
        out |= {"tried": self.tried, "needs": self.needs, "median_moved": self.median_moved}
        return jsonable(out)


def verdict_words(before: Effect, after: Effect) -> str:
    """What became of the inputs, in plain words.

    Example:
        >>> from loopstab.numerics.verdicts.tried_change import Effect, verdict_words
        >>> unknown = {"rho": (None,) * 3, "confirmed": (True,) * 3}
        >>> before = Effect(("drift", "drift", "fixed-point"), **unknown)
        >>> verdict_words(before, Effect(("fixed-point", "2-cycle", "fixed-point"), **unknown))
        '2 of 3 inputs settle instead of 1; 1 became a 2-cycle'
    """
    total = len(after.outcomes)
    if total == 1:
        parts = [_alone(before.outcomes[0], after.outcomes[0])]
    else:
        same = after.settled == before.settled
        instead = "as before" if same else f"instead of {before.settled}"
        parts = [f"{after.settled} of {total} inputs settle {instead}"]
        became, stayed = Counter(), Counter()
        for old, new in zip(before.outcomes, after.outcomes, strict=True):
            if new != SETTLED:
                (stayed if old == new else became)[new] += 1
        parts += [f"{count} became {_noun(name, count)}" for name, count in became.most_common()]
        parts += [
            f"{count} {'stays' if count == 1 else 'stay'} {_noun(name, count)}"
            for name, count in stayed.most_common()
        ]
    doubtful = sum(
        name == SETTLED and not sure
        for name, sure in zip(after.outcomes, after.confirmed, strict=True)
    )
    if doubtful:
        parts.append(f"the spectrum does not confirm {doubtful} of these fixed points")
    if after.one_state:
        parts.append("all that settle end at one state, whatever the input")
    elif after.settled > 1 and before.settled > 1 and after.states != before.states:
        parts.append(f"they end at {after.states} states instead of {before.states}")
    return "; ".join([*parts, *right_words(before, after)])


def right_words(before: Effect, after: Effect) -> list[str]:
    """How many answers are right, where somebody says so.

    Example:
        >>> from loopstab.numerics.verdicts.tried_change import Effect, right_words
        >>> one = ("drift",), (None,), (False,)
        >>> right_words(Effect(*one, right=0.0), Effect(*one, right=1.0))
        ['1 of 1 answers are right instead of 0']
    """
    if before.right is None or after.right is None:
        return []
    total = len(after.outcomes)
    right, was = round(total * after.right), round(total * before.right)
    return [f"{right} of {total} answers are right instead of {was}"]


def _alone(old: str, new: str) -> str:
    if new == SETTLED:
        return "the input settles" + (" as before" if old == new else "")
    return f"the orbit {'stays' if old == new else 'became'} {_noun(new, 1)}"


def _noun(name: str, count: int) -> str:
    if name.endswith("cycle"):
        return f"a {name}" if count == 1 else f"{name}s"
    nouns = {"drift": "a drift", "growth": "unbounded", "explosion": "an explosion"}
    return nouns.get(name, name)
