"""The ledger: every claim of the package, in the order of THEORY.md section 3."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from theory.claim import Claim, require_distinct

FAMILIES = ("autonomous", "recall", "drift", "geometry", "outer_norm", "mean_field")
"""one package per family; each has a tuple CLAIMS"""


@cache
def ledger() -> tuple[Claim, ...]:
    """All claims: autonomous (A), recall (R), outer normalisation (N), extensions (M); `UsageError` when two share an id."""
    claims = [claim for family in FAMILIES for claim in import_module(f"theory.{family}").CLAIMS]
    require_distinct("ledger", (claim.id for claim in claims))
    return tuple(sorted(claims, key=lambda claim: ("ARNM".index(claim.id[0]), claim.id[1:])))
