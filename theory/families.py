"""The families of claims: each is a package of `theory`. This is the only list of them."""

from __future__ import annotations

FAMILIES = (
    "autonomous",
    "recall",
    "drift",
    "geometry",
    "outer_norm",
    "mean_field",
    "local",
    "bounds",
    "residuals",
)
"""in the order in which the ledger reads them; each package has a module `formulas`"""


def package(family: str) -> str:
    """The import name of a family's package.

    Args:
        family: one of `FAMILIES`.

    Example:
        >>> from loopstab.theory.families import package
        >>> package("recall")
        'loopstab.theory.recall'
    """
    return f"{__package__}.{family}"
