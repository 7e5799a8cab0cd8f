"""The ledger: every claim of the package, in the order of their ids.

A claim is found where it is defined: every module of a family's package is imported, and each
`Claim` at the top level of a module is in the ledger. There is no list to extend.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from ..support.errors import UsageError
from .families import FAMILIES, package
from .kernel.claim import Claim, require_distinct

ORDER = "ARNMLS"
"""first letters of the ids: autonomous, recall, outer normalisation, extensions, local theorems and
bounds for trained loops, other residuals
"""


@cache
def ledger() -> tuple[Claim, ...]:
    """All claims of the package.

    Returns:
        The claims in the order of their ids: autonomous loops (A), recall (R), outer
        normalisation (N), extensions (M), local theorems and bounds for trained loops (L), other
        residuals (S).

    Raises:
        UsageError: two claims have the same id.

    Example:
        >>> from loopstab import ledger
        >>> [claim.title for claim in ledger() if claim.id == "R1"]
        ['Resolvent law of linear loops with recall']
    """
    claims = [claim for family in FAMILIES for claim in _claims_of(family)]
    require_distinct("ledger", (claim.id for claim in claims))
    return tuple(sorted(claims, key=lambda claim: (ORDER.find(claim.id[0]), claim.id[1:])))


@cache
def families() -> dict[str, str]:
    """The family of each claim, by claim id."""
    return {claim.id: family for family in FAMILIES for claim in _claims_of(family)}


def find_claims(ids: Iterable[str] = ()) -> tuple[Claim, ...]:
    """The claims with these ids, or the whole ledger when there are none.

    Raises:
        UsageError: an id is unknown; the message lists the known ones.
    """
    known = {claim.id: claim for claim in ledger()}
    wanted = tuple(ids) or tuple(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise UsageError(f"unknown claim {', '.join(unknown)}: the ledger has {', '.join(known)}")
    return tuple(known[name] for name in wanted)


@cache
def _claims_of(family: str) -> tuple[Claim, ...]:
    """Every `Claim` at the top level of a module of the family, each once."""
    found = (value for name in modules_of(family) for value in vars(import_module(name)).values())
    return tuple({id(value): value for value in found if isinstance(value, Claim)}.values())


def modules_of(family: str) -> tuple[str, ...]:
    """The names of the modules in a family's package, without its sub-packages."""
    home = package(family)
    return tuple(
        f"{home}.{module.name}"
        for module in iter_modules(import_module(home).__path__)
        if not module.ispkg
    )
