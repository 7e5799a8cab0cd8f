"""The registry of closed forms: each is written once, in SymPy, and the upper floors lambdify it.

The `formulas` module of each family registers its own. A formula names the claim and the step of
its proof that derives or re-checks it: a mutant of the formula must make that step fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import sympy as sp

from ..support.errors import UsageError
from .families import FAMILIES, package


@dataclass(frozen=True)
class Formula:
    """A closed form, which can be called with values in place of its symbols.

    Args:
        name: its id in the registry.
        symbols: the arguments, in call order.
        expression: the closed form in these symbols.
        claim: id of the claim that it belongs to.
        guard: name of the step of that claim's proof that checks it.
        text: what it is, with units.

    Example:
        The radius of a loop of the mean-field law N6, with residual strength 0, gain 3 and recall
        strength 4:

        >>> from loopstab import formula
        >>> rho = formula("mean_field_rho")
        >>> rho.symbols
        (a, sigma, beta)
        >>> rho(0, 3, 4)
        3/5
    """

    name: str
    symbols: tuple[sp.Symbol, ...]
    expression: sp.Expr
    claim: str
    guard: str
    text: str

    def __call__(self, *values: object) -> sp.Expr:
        """The exact value of the expression.

        Args:
            *values: one for each of `symbols`: numbers, or SymPy expressions.

        Returns:
            The expression with the values in place of the symbols; exact for exact values.

        Raises:
            UsageError: the number of values is not that of the symbols.
        """
        if len(values) != len(self.symbols):
            names = ", ".join(map(str, self.symbols))
            raise UsageError(
                f"formula {self.name} takes {len(self.symbols)} values ({names}), got {len(values)}"
            )
        expression: Any = self.expression
        return expression.subs(
            dict(zip(self.symbols, map(sp.sympify, values), strict=True)), simultaneous=True
        )


Parts = tuple[tuple[sp.Symbol, ...], sp.Expr]
"""the symbols of a formula in call order, and its expression"""

_REGISTRY: dict[str, Callable[[], Formula]] = {}


def register(claim: str, guard: str, text: str) -> Callable[[Callable[[], Parts]], None]:
    """Decorator of a function that builds a formula; the name of the function is the formula's.

    Args:
        claim: id of the claim that the formula belongs to.
        guard: name of the step of that claim's proof that checks the formula.
        text: what the formula is, with units.

    Raises:
        UsageError: another formula has the name.
    """

    def take(build: Callable[[], Parts]) -> None:
        name = build.__name__
        if name in _REGISTRY:
            raise UsageError(f"two formulas are named {name}: names are ids and must differ")
        _REGISTRY[name] = cache(lambda: Formula(name, *build(), claim, guard, text))

    return take


@cache
def _load() -> None:
    for module in formula_modules():
        import_module(module)


def formula_modules() -> tuple[str, ...]:
    """The names of the modules that register formulas, one for each family."""
    return tuple(f"{package(family)}.formulas" for family in FAMILIES)


def names() -> tuple[str, ...]:
    """The names of all formulas, family by family."""
    _load()
    return tuple(_REGISTRY)


def formula(name: str) -> Formula:
    """Look up a closed form of the theory.

    Args:
        name: name of the formula, such as `"mean_field_rho"`.

    Returns:
        The formula; call it with the values of its symbols.

    Raises:
        UsageError: no formula has this name; the message lists the known ones.

    Example:
        The number of iterations until the residual 2 (1/2)^t has fallen to 1/8 (claim R1):

        >>> from loopstab import formula
        >>> from sympy import Rational
        >>> formula("iterations_to_tolerance")(Rational(1, 2), Rational(1, 8), 2).simplify()
        4
    """
    _load()
    try:
        return _REGISTRY[name]()
    except KeyError:
        raise UsageError(f"unknown formula {name!r}: use one of {', '.join(_REGISTRY)}") from None


def positive(text: str) -> tuple[sp.Symbol, ...]:
    """Positive symbols, from their names separated by spaces."""
    return sp.symbols(text, positive=True, seq=True)


def real(text: str) -> tuple[sp.Symbol, ...]:
    """Real symbols, from their names separated by spaces."""
    return sp.symbols(text, real=True, seq=True)
