"""Changes of a loop that were tried, in the order of what they did."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .tried_change import Effect, TriedChange

HEADS = ("rank", "change", "settle", "rho", "moved", "same", "right", "fixed points", "claim")
NO_PROMISE = (
    "tried on these inputs and these weights only: no promise for others, and what moves the fixed"
    " points needs retraining or a check of the accuracy"
)


@dataclass(frozen=True)
class Advice:
    """What was found wrong with a loop, and what changes did to it.

    Args:
        before: what the loop does on all inputs.
        problems: what is wrong, one sentence each; empty if nothing needs a change.
        rows: the candidates: those that were tried in the order of what they did (how many inputs
            settle at states that depend on the input, then how many answers are right), then the
            others with the reason.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, advise
        >>> found = advise(FunctionLoop(lambda h, e: h / 2 + e, np.zeros_like), np.eye(3))
        >>> print(found)
        3 inputs: fixed-point 3, rho 0.5
        nothing needs a change
    """

    before: Effect
    problems: tuple[str, ...]
    rows: tuple[TriedChange, ...]

    @property
    def tried(self) -> tuple[TriedChange, ...]:
        """The rows of the changes that were tried."""
        return tuple(row for row in self.rows if row.tried)

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in self.before.counts.items())
        rho = "" if self.before.median_rho is None else f", rho {self.before.median_rho:.4g}"
        right = "" if self.before.right is None else f", right {self.before.right:.0%}"
        total = len(self.before.outcomes)
        out = [f"{total} input{'s' * (total > 1)}: {counts}{rho}{right}"]
        if not self.problems:
            return "\n".join([*out, "nothing needs a change"])
        out += list(self.problems)
        table = [HEADS, *(self._cells(row) for row in self.tried)]
        kept = [k for k in range(len(HEADS)) if any(row[k] not in ("", "-") for row in table[1:])]
        widths = {k: max(len(row[k]) for row in table) for k in kept}
        if self.tried:
            out.append("")
            out += ["  ".join(f"{row[k]:{widths[k]}}" for k in kept).rstrip() for row in table]
        out.append("")
        out += [
            f"{row.rank}. {row.name}, {row.step}: {row.verdict} ({row.cost})" for row in self.tried
        ]
        said = {f"{row.claim}: {row.because}": None for row in self.tried}
        out += ["", *said]
        for row in self.rows:
            if not row.tried:
                out.append(f"not tried: {row.name} ({row.claim}): {row.reason}")
        return "\n".join([*out, NO_PROMISE])

    def _cells(self, row: TriedChange) -> tuple[str, ...]:
        assert row.after is not None
        total = len(self.before.outcomes)
        return (
            str(row.rank),
            f"{row.name}: {row.step}",
            f"{row.before.settled} -> {row.after.settled} of {total}",
            f"{_number(row.before.median_rho)} -> {_number(row.after.median_rho)}",
            _number(row.median_moved),
            _share(row.unchanged),
            f"{_share(row.before.right)} -> {_share(row.after.right)}"
            if row.after.right is not None
            else "-",
            row.fixed_points,
            row.claim,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object."""
        return {
            "before": self.before.to_json(),
            "problems": list(self.problems),
            "rows": [row.to_json() for row in self.rows],
        }


def ranked(rows: list[TriedChange]) -> tuple[TriedChange, ...]:
    """The rows in order, each of those that were tried with its rank; ties have the same one.

    Within a tie those that keep the fixed points come first, then those that move the states least;
    that order means nothing.
    """

    def merit(row: TriedChange) -> tuple[int, float]:
        assert row.after is not None
        right = row.after.right
        return row.after.useful, -1.0 if right is None else right

    def order(row: TriedChange) -> tuple[float, ...]:
        moved = row.median_moved
        settled, right = merit(row)
        far = float("inf") if moved is None else float(f"{moved:.6g}")
        return -settled, -right, row.fixed_points != "kept", far

    tried = sorted((row for row in rows if row.tried), key=order)
    found: list[TriedChange] = []
    for place, row in enumerate(tried, 1):
        tie = found and merit(found[-1]) == merit(row)
        found.append(replace(row, rank=found[-1].rank if tie else place))
    return (*found, *(row for row in rows if not row.tried))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
