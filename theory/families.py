"""The families of claims: one package of `theory` each."""

from __future__ import annotations

FAMILIES = ("autonomous", "recall", "drift", "geometry", "outer_norm", "mean_field")
"""in the order in which the ledger reads them; each has a module `formulas`"""


def package(family: str) -> str:
    """The import name of a family's package.

    Args:
        family: one of `FAMILIES`.

    Example:
        >>> package("recall")
        'loopstab.theory.recall'
    """
    return f"{__package__}.{family}"
