"""The table of the paper: architecture x spectral regime x axis, read off the claims.

A cell holds the consequences of the claims that cover it; without any it is "not claimed".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from ..support.errors import UsageError
from .architecture import Recall, Residual
from .kernel.claim import Axis, Claim, Consequence, Kind, Regime

NOT_CLAIMED = "not claimed"


@dataclass(frozen=True)
class Entry:
    """One consequence of one claim; `measured` if a step of the claim is: then it is no theorem."""

    claim: str
    consequence: Consequence
    measured: bool

    def __str__(self) -> str:
        when = f" when {self.consequence.when}" if self.consequence.when else ""
        return f"{self.consequence.answer}{when} ({self.claim}{'*' if self.measured else ''})"


@dataclass(frozen=True)
class Cell:
    """What the ledger says about one axis for one class of architectures in one regime."""

    recall: Recall
    outer_norm: bool
    residual: Residual
    regime: Regime
    axis: Axis
    entries: tuple[Entry, ...]

    def __str__(self) -> str:
        return "; ".join(map(str, self.entries)) or NOT_CLAIMED

    @property
    def place(self) -> str:
        """The cell in words."""
        norm = "outer norm" if self.outer_norm else "no outer norm"
        return f"{self.recall} recall, {norm}, {self.residual}, {self.regime}, {self.axis}"

    def to_json(self) -> dict[str, Any]:
        """The cell as JSON data; its list of entries is empty where nothing is claimed."""
        return {
            "recall": str(self.recall),
            "outer_norm": self.outer_norm,
            "residual": str(self.residual),
            "regime": str(self.regime),
            "axis": str(self.axis),
            "entries": [
                {
                    "claim": entry.claim,
                    "answer": entry.consequence.answer,
                    "when": entry.consequence.when,
                    "statement": entry.consequence.statement,
                    "measured": entry.measured,
                }
                for entry in self.entries
            ],
        }


def paper_table(claims: Iterable[Claim]) -> tuple[Cell, ...]:
    """All 3 x 2 x 2 x 3 x 3 cells of the table.

    Raises:
        UsageError: two claims contradict each other in a cell; the message names them.
    """
    entries = [
        Entry(claim.id, consequence, any(step.kind is Kind.MEASURED for step in claim.steps))
        for claim in claims
        for consequence in claim.consequences
    ]
    cells = tuple(_cells(entries))
    for cell in cells:
        for first, second in combinations(cell.entries, 2):
            _require_agreement(cell, first, second)
    return cells


def _cells(entries: Sequence[Entry]) -> Iterator[Cell]:
    for place in product(Recall, (False, True), Residual, Regime, Axis):
        yield Cell(*place, tuple(entry for entry in entries if _covers(entry.consequence, *place)))


def _covers(
    item: Consequence,
    recall: Recall,
    outer_norm: bool,
    residual: Residual,
    regime: Regime,
    axis: Axis,
) -> bool:
    return (
        item.axis is axis
        and recall in item.recalls
        and item.outer_norm in (None, outer_norm)
        and residual in item.residuals
        and regime in item.regimes
    )


def polarity(answer: str) -> int:
    """The sign of an answer.

    Args:
        answer: one or two words, such as "yes" or "almost never".

    Returns:
        1 for an answer that begins with yes, -1 for one that denies (no, not, none, never, almost
        never), 0 for every other.
    """
    words = answer.lower().replace(",", " ").split()
    if words[:2] == ["almost", "never"] or words[0] in ("no", "not", "none", "never"):
        return -1
    return 1 if words[0] == "yes" else 0


def _require_agreement(cell: Cell, first: Entry, second: Entry) -> None:
    """Raise `UsageError` if two answers are opposite and not under two different conditions."""
    one, other = first.consequence, second.consequence
    if polarity(one.answer) * polarity(other.answer) < 0 and (
        not one.when or not other.when or one.when == other.when
    ):
        raise UsageError(
            f"claims {first.claim} ({one.answer!r}) and {second.claim} ({other.answer!r})"
            f" contradict each other at {cell.place}: correct one, or say in its `when` under which"
            " condition it holds"
        )


def rows(cells: Sequence[Cell]) -> list[dict[str, str]]:
    """The table for a reader: a row for each architecture and regime, a column for each axis.

    Residuals that have the same entries share their rows.
    """
    text = {(c.recall, c.outer_norm, c.residual, c.regime, c.axis): str(c) for c in cells}
    table = []
    for recall, outer_norm in product(Recall, (False, True)):
        groups: dict[tuple[str, ...], list[Residual]] = {}
        for residual in Residual:
            block = (text[recall, outer_norm, residual, *p] for p in product(Regime, Axis))
            groups.setdefault(tuple(block), []).append(residual)
        for residuals, regime in product(groups.values(), Regime):
            place = {
                "recall": str(recall),
                "outer norm": "yes" if outer_norm else "no",
                "residual": ", ".join(residuals),
                "regime": str(regime),
            }
            answers = {
                str(axis): text[recall, outer_norm, residuals[0], regime, axis] for axis in Axis
            }
            table.append(place | answers)
    return table
