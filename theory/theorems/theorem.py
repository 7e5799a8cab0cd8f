"""The record of a theorem of the literature that proofs may cite."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Theorem:
    """A theorem of the literature.

    Args:
        title: its name.
        statement: the precise statement.
        reference: where it is proved.
        hypotheses: for a short key each, what a step that cites the theorem has to discharge.
    """

    title: str
    statement: str
    reference: str
    hypotheses: dict[str, str]
