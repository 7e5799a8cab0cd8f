"""Vectors of any dimension: linear combinations of named vectors with symbolic inner products.

An identity between the coefficients holds for every d, and for every choice of the named vectors
that has these inner products.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp


@dataclass(frozen=True)
class Span:
    """The sum of coefficient x named vector; `gram[a, b]`, a <= b, is the product of two names."""

    coefficients: Mapping[str, sp.Expr]
    gram: Mapping[tuple[str, str], sp.Expr] = field(repr=False)

    def __add__(self, other: Span) -> Span:
        names = {**self.coefficients, **other.coefficients}
        return Span({n: self[n] + other[n] for n in names}, self.gram)

    def __sub__(self, other: Span) -> Span:
        return self + (-1) * other

    def __rmul__(self, scalar: Any) -> Span:
        return Span({n: sp.sympify(scalar) * c for n, c in self.coefficients.items()}, self.gram)

    def __getitem__(self, name: str) -> sp.Expr:
        return sp.sympify(self.coefficients.get(name, sp.Integer(0)))

    def dot(self, other: Span) -> sp.Expr:
        """The inner product, in terms of `gram`."""
        total = sp.Integer(0)
        for a, x in self.coefficients.items():
            for b, y in other.coefficients.items():
                total += x * y * self.gram[min(a, b), max(a, b)]
        return sp.expand(total)

    def map(self, change: Any) -> Span:
        """The vector with `change` (a derivative, a substitution) applied to every coefficient."""
        return Span({n: change(c) for n, c in self.coefficients.items()}, self.gram)


def span(names: str, gram: Mapping[tuple[str, str], Any]) -> tuple[Span, ...]:
    """The named vectors, names separated by spaces, with these inner products.

    Args:
        names: such as `"n v"`.
        gram: the inner product of each pair of names; a pair stands in alphabetical order.
    """
    table = {key: sp.sympify(value) for key, value in gram.items()}
    return tuple(Span({name: sp.Integer(1)}, table) for name in names.split())
