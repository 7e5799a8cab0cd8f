"""A named theorem: precise statement, reference, and the hypotheses that a citing step must
discharge.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Theorem:
    """A theorem of the literature; `hypotheses` maps a short key to what has to be shown."""

    title: str
    statement: str
    reference: str
    hypotheses: dict[str, str]
