"""The table of the paper: architecture x spectral regime x axis, read off the consequences of the
claims.

A cell says what the claims say and which ones; where none speaks it is "not claimed".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ..support.errors import UsageError
from .architecture import Recall, Residual
from .kernel.claim import Axis, Claim, Consequence, Kind, Regime

NOT_CLAIMED = "not claimed"


@dataclass(frozen=True)
class Entry:
    """One consequence of one claim; `measured` when the claim rests on a measured step, so that it
    is not a theorem.
    """

    claim: str
    consequence: Consequence
    measured: bool

    def __str__(self) -> str:
        when = f" when {self.consequence.when}" if self.consequence.when else ""
        return f"{self.consequence.answer}{when} ({self.claim}{'*' if self.measured else ''})"


@dataclass(frozen=True)
class Cell:
    """What the ledger says about one axis, for one class of architectures in one regime."""

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
        """Plain data; an empty list of entries is a cell where nothing is claimed."""
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
    """All 3 x 2 x 2 x 3 x 3 cells; `UsageError` naming two claims that contradict each other in a
    cell.
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
    for recall in Recall:
        for outer_norm in (False, True):
            for residual in Residual:
                for regime in Regime:
                    for axis in Axis:
                        chosen = tuple(
                            e
                            for e in entries
                            if _covers(e.consequence, recall, outer_norm, residual, regime, axis)
                        )
                        yield Cell(recall, outer_norm, residual, regime, axis, chosen)


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
    """1 for answers that begin with yes, -1 for those that deny (no, not, none, never, almost
    never), 0 for all others.
    """
    words = answer.lower().replace(",", " ").split()
    if words[:2] == ["almost", "never"] or words[0] in ("no", "not", "none", "never"):
        return -1
    return 1 if words[0] == "yes" else 0


def _require_agreement(cell: Cell, first: Entry, second: Entry) -> None:
    """Opposite answers may stand together only under two different conditions."""
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
    """The table for a reader: a row for each architecture and regime, a column for each axis;
    residuals that agree share their rows.
    """
    text = {(c.recall, c.outer_norm, c.residual, c.regime, c.axis): str(c) for c in cells}
    table = []
    for recall in Recall:
        for outer_norm in (False, True):
            said = {
                r: [text[recall, outer_norm, r, regime, axis] for regime in Regime for axis in Axis]
                for r in Residual
            }
            merged = said[Residual.ADD] == said[Residual.GRU]
            for residual in (Residual.ADD,) if merged else Residual:
                table += [
                    {
                        "recall": str(recall),
                        "outer norm": "yes" if outer_norm else "no",
                        "residual": "add, gru" if merged else str(residual),
                        "regime": str(regime),
                        **{
                            str(axis): text[recall, outer_norm, residual, regime, axis]
                            for axis in Axis
                        },
                    }
                    for regime in Regime
                ]
    return table
