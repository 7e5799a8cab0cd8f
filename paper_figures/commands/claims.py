"""Check and print the ledger."""

from __future__ import annotations

import json
from typing import Annotated

import tyro

from theory.errors import UsageError


def claims(claim: Annotated[tuple[str, ...], tyro.conf.Positional] = (), json_: Annotated[bool, tyro.conf.arg(name="json")] = False) -> int:
    """Check every claim of the ledger (or those named) and print the result.

    Exit status 1 if a claim is refuted, or a falsifier does not behave. Example: loopstab claims N3 M1 --json

    Args:
        claim: Claim ids; all when none is given.
        json_: Print a list of objects instead of a table.
    """
    from paper_figures.tables import print_claims
    from theory import check, ledger

    known = {c.id: c for c in ledger()}
    unknown = [c for c in claim if c not in known]
    if unknown:
        raise UsageError(f"unknown claim {', '.join(unknown)}: the ledger has {', '.join(known)}")
    reports = [check(known[c]) for c in (claim or known)]
    if json_:
        print(json.dumps([r.to_json() for r in reports], indent=1))
    else:
        print_claims(reports)
    return 1 if any(r.to_json()["verdict"] == "refuted" for r in reports) else 0
