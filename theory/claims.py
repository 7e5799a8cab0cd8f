"""The ledger: every claim of the package, in the order of THEORY.md section 3."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from theory.claim import Claim, require_distinct

FAMILIES = ("autonomous", "recall", "geometry", "outer_norm", "contraction", "residual_strength", "mean_field")
"""one module per family; each has a tuple CLAIMS"""


@cache
def ledger() -> tuple[Claim, ...]:
    """All claims; `UsageError` when two share an id."""
    claims = tuple(claim for family in FAMILIES for claim in import_module(f"theory.{family}").CLAIMS)
    require_distinct("ledger", (claim.id for claim in claims))
    return claims
