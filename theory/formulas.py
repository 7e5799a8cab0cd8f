"""The registry of closed forms: each is written once, in SymPy, in the `formulas` module of its
family; upper floors lambdify them.

Each formula names the claim and the proof step that re-derive or re-check it: a mutant of the
formula must make that step fail.
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
    """A closed form: `expression` in `symbols` (call order), checked in step `guard` of `claim`;
    `text` says what it is, with units.
    """

    name: str
    symbols: tuple[sp.Symbol, ...]
    expression: sp.Expr
    claim: str
    guard: str
    text: str

    def __call__(self, *values: object) -> sp.Expr:
        """The expression with the values in place of the symbols, exact; `UsageError` on a wrong
        number of values.
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


_REGISTRY: dict[str, Callable[[], Formula]] = {}


def register(
    claim: str, guard: str, text: str
) -> Callable[[Callable[[], tuple[tuple[sp.Symbol, ...], sp.Expr]]], None]:
    """Decorator of a function that returns (symbols in call order, expression); its name becomes
    the formula's.
    """

    def take(build: Callable[[], tuple[tuple[sp.Symbol, ...], sp.Expr]]) -> None:
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
    """The modules that register formulas, one for each family."""
    return tuple(f"{package(family)}.formulas" for family in FAMILIES)


def names() -> tuple[str, ...]:
    """The known formulas, family by family."""
    _load()
    return tuple(_REGISTRY)


def formula(name: str) -> Formula:
    """The formula of that name; `UsageError` with the list of known names otherwise."""
    _load()
    try:
        return _REGISTRY[name]()
    except KeyError:
        raise UsageError(f"unknown formula {name!r}: use one of {', '.join(_REGISTRY)}") from None


def positive(text: str) -> tuple[sp.Symbol, ...]:
    """Positive symbols, by their names separated by spaces."""
    return sp.symbols(text, positive=True, seq=True)


def real(text: str) -> tuple[sp.Symbol, ...]:
    """Real symbols, by their names separated by spaces."""
    return sp.symbols(text, real=True, seq=True)
