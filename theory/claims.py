"""The ledger: every claim of the package, in the order of their ids."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from ..support.errors import UsageError
from .families import FAMILIES, package
from .kernel.claim import Claim, require_distinct

ORDER = "ARNM"
"""families of ids: autonomous, recall, outer normalisation, extensions"""


@cache
def ledger() -> tuple[Claim, ...]:
    """All claims: autonomous (A), recall (R), outer normalisation (N), extensions (M); `UsageError`
    when two share an id.
    """
    claims = [claim for family in FAMILIES for claim in _claims_of(family)]
    require_distinct("ledger", (claim.id for claim in claims))
    return tuple(sorted(claims, key=lambda claim: (ORDER.find(claim.id[0]), claim.id[1:])))


@cache
def families() -> dict[str, str]:
    """The family of each claim, by id."""
    return {claim.id: family for family in FAMILIES for claim in _claims_of(family)}


def find_claims(ids: Iterable[str] = ()) -> tuple[Claim, ...]:
    """The claims with these ids, or all; `UsageError` with the known ids otherwise."""
    known = {claim.id: claim for claim in ledger()}
    wanted = tuple(ids) or tuple(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise UsageError(f"unknown claim {', '.join(unknown)}: the ledger has {', '.join(known)}")
    return tuple(known[name] for name in wanted)


@cache
def _claims_of(family: str) -> tuple[Claim, ...]:
    """Every `Claim` that a module of the family defines, each once."""
    found = (value for name in modules_of(family) for value in vars(import_module(name)).values())
    return tuple({id(value): value for value in found if isinstance(value, Claim)}.values())


def modules_of(family: str) -> tuple[str, ...]:
    """The modules of a family's package, without those of its sub-packages."""
    home = package(family)
    return tuple(
        f"{home}.{module.name}"
        for module in iter_modules(import_module(home).__path__)
        if not module.ispkg
    )
