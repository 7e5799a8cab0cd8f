"""The property suites: one module for each claim, under the names that `theory` gives the claims.

Every module below this package that has a tuple `SUITES` takes part.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING

from ...support.errors import UsageError
from ...theory.claims import ORDER

if TYPE_CHECKING:
    from ..attack.suite import Suite


@cache
def all_suites() -> tuple[Suite, ...]:
    """Every suite, in the order of the ledger; `UsageError` when two share claim and name."""
    modules = (import_module(module.name) for module in walk_packages(__path__, f"{__name__}."))
    suites = [suite for module in modules for suite in getattr(module, "SUITES", ())]
    labels = [suite.label for suite in suites]
    twice = {label for label in labels if labels.count(label) > 1}
    if twice:
        raise UsageError(
            f"the suites {', '.join(sorted(twice))} exist twice: names are ids and must differ"
        )
    return tuple(
        sorted(suites, key=lambda suite: (ORDER.find(suite.claim[0]), suite.claim[1:], suite.name))
    )


def find_suites(claims: Iterable[str] = ()) -> tuple[Suite, ...]:
    """The suites of these claims, or all; `UsageError` for an unknown claim, and for one that has
    no suite.
    """
    wanted, suites = tuple(dict.fromkeys(claims)), all_suites()
    if not wanted:
        return suites
    attacked = tuple(dict.fromkeys(suite.claim for suite in suites))
    missing = [claim for claim in wanted if claim not in attacked]
    if missing:
        from ...theory.claims import find_claims

        find_claims(missing)  # names those of the ledger if one is unknown
        raise UsageError(
            f"no suite attacks {', '.join(missing)} yet: there are suites for {', '.join(attacked)}"
        )
    return tuple(suite for suite in suites if suite.claim in wanted)
