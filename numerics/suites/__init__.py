"""The property suites: one module for each claim, under the names that `theory` gives the claims.

Every module below this package that defines a tuple `SUITES` takes part.
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
    """Every suite, in the order of the ledger.

    Returns:
        The suites, ordered by claim, then by name.

    Raises:
        UsageError: two suites have the same claim and name.

    Example:
        >>> from loopstab.numerics.suites import all_suites
        >>> from loopstab.theory.claims import ledger
        >>> {suite.claim for suite in all_suites()} == {claim.id for claim in ledger()}
        True
    """
    modules = (import_module(module.name) for module in walk_packages(__path__, f"{__name__}."))
    suites = [suite for module in modules for suite in getattr(module, "SUITES", ())]
    labels = [suite.label for suite in suites]
    twice = {label for label in labels if labels.count(label) > 1}
    if twice:
        raise UsageError(
            f"the suites {', '.join(sorted(twice))} exist twice: rename one of each, because claim"
            " and name identify a suite"
        )
    return tuple(
        sorted(suites, key=lambda suite: (ORDER.find(suite.claim[0]), suite.claim[1:], suite.name))
    )


def find_suites(claims: Iterable[str] = ()) -> tuple[Suite, ...]:
    """The suites of some claims.

    Args:
        claims: ids of claims; all suites are returned when there is none.

    Returns:
        The suites, in the order of the ledger.

    Raises:
        UsageError: a claim is unknown, or no suite attacks it.

    Example:
        >>> from loopstab.numerics.suites import find_suites
        >>> [suite.name for suite in find_suites(["A3"])]
        ['constant', 'monotone', 'segment']
    """
    wanted, suites = tuple(dict.fromkeys(claims)), all_suites()
    if not wanted:
        return suites
    attacked = tuple(dict.fromkeys(suite.claim for suite in suites))
    missing = [claim for claim in wanted if claim not in attacked]
    if missing:
        from ...theory.claims import find_claims

        find_claims(missing)  # an unknown claim raises an error that lists those of the ledger
        raise UsageError(
            f"no suite attacks {', '.join(missing)} yet: there are suites for {', '.join(attacked)}"
        )
    return tuple(suite for suite in suites if suite.claim in wanted)
