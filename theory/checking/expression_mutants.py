"""Wrong variants of algebraic expressions, for the mutation test.

Each function takes an expression and a random generator. It returns what it changed, as text, and
the changed expression, or None when the place that it chose does not allow the change.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import sympy as sp

Path = tuple[int, ...]
"""the way from an expression to a node: the number of the argument to take at each level"""
MAX_NODES = 400
"""most nodes of an expression among which a place is chosen"""


def nodes(expression: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every node of sums, products, bases of powers and one-argument functions, with its path."""
    yield path, expression
    if isinstance(expression, (sp.Add, sp.Mul)) or (
        isinstance(expression, sp.Function) and len(expression.args) == 1
    ):
        for number, part in enumerate(expression.args):
            yield from nodes(part, (*path, number))
    elif isinstance(expression, sp.Pow):
        yield from nodes(expression.base, (*path, 0))


def put(expression: Any, path: Path, new: Any) -> Any:
    """The expression with `new` in the place of the node at `path`."""
    if not path:
        return new
    parts = list(expression.args)
    parts[path[0]] = put(parts[path[0]], path[1:], new)
    return expression.func(*parts)


def shorten(text: object, limit: int = 60) -> str:
    """The text, cut to at most `limit` characters."""
    line = str(text)
    return line if len(line) <= limit else line[: limit - 3] + "..."


def place(
    expression: Any, rng: random.Random, fits: Callable[[Any], bool]
) -> tuple[Path, Any] | None:
    """A random node that fits and its path; None if there is none."""
    found = []
    for number, (path, node) in enumerate(nodes(sp.sympify(expression))):
        if number == MAX_NODES:
            break
        if fits(node):
            found.append((path, node))
    return rng.choice(found) if found else None


def _changed(expression: Any, path: Path, new: Any, text: str) -> tuple[str, Any] | None:
    result = put(sp.sympify(expression), path, new)
    return None if result == expression else (text, result)


def sign_flipped(expression: Any, rng: random.Random) -> tuple[str, Any] | None:
    """A term of a sum, or the whole expression, changes sign."""
    where = place(expression, rng, lambda node: isinstance(node, sp.Add))
    if where is None:
        return None if expression == 0 else (f"- ({shorten(expression)})", -expression)
    path, node = where
    terms = list(node.args)
    number = rng.randrange(len(terms))
    terms[number] = -terms[number]
    return _changed(expression, path, node.func(*terms), f"sign of {shorten(node.args[number])}")


def term_dropped(expression: Any, rng: random.Random) -> tuple[str, Any] | None:
    """A sum loses a term."""
    where = place(expression, rng, lambda node: isinstance(node, sp.Add))
    if where is None:
        return None
    path, node = where
    terms = list(node.args)
    gone = terms.pop(rng.randrange(len(terms)))
    return _changed(expression, path, node.func(*terms), f"without the term {shorten(gone)}")


def factor_dropped(expression: Any, rng: random.Random) -> tuple[str, Any] | None:
    """A product loses a factor other than a sign."""
    where = place(expression, rng, lambda node: isinstance(node, sp.Mul))
    if where is None:
        return None
    path, node = where
    factors = list(node.args)
    gone = factors.pop(rng.randrange(len(factors)))
    if gone == -1:
        return None
    return _changed(expression, path, node.func(*factors), f"without the factor {shorten(gone)}")


def coefficient_changed(expression: Any, rng: random.Random) -> tuple[str, Any] | None:
    """A rational number grows by one; an expression without numbers is doubled."""
    where = place(expression, rng, lambda node: isinstance(node, sp.Rational))
    if where is None:
        return f"2 ({shorten(expression)})", 2 * expression
    path, node = where
    return _changed(expression, path, node + 1, f"{node + 1} for {node}")


def exponent_changed(expression: Any, rng: random.Random) -> tuple[str, Any] | None:
    """An exponent grows by one in modulus."""
    where = place(
        expression, rng, lambda node: isinstance(node, sp.Pow) and isinstance(node.exp, sp.Rational)
    )
    if where is None:
        return None
    path, node = where
    power = node.exp + (1 if node.exp > 0 else -1)
    text = f"{shorten(node.base)} to the power {power} for {node.exp}"
    return _changed(expression, path, node.base**power, text)


def letters_swapped(expression: Any, rng: random.Random) -> tuple[str, Any] | None:
    """Two neighbouring letters that do not commute change places."""
    where = place(
        expression, rng, lambda node: isinstance(node, sp.Mul) and len(node.args_cnc()[1]) > 1
    )
    if where is None:
        return None
    path, node = where
    scalars, letters = node.args_cnc()
    number = rng.randrange(len(letters) - 1)
    first, second = letters[number : number + 2]
    if sp.expand(first * second - second * first) == 0:
        return None
    letters[number : number + 2] = [second, first]
    text = f"{shorten(second)} before {shorten(first)}"
    return _changed(expression, path, sp.Mul(*scalars, *letters), text)


EXPRESSION_MUTATIONS: dict[str, Callable[[Any, random.Random], tuple[str, Any] | None]] = {
    "sign flipped": sign_flipped,
    "term dropped": term_dropped,
    "factor dropped": factor_dropped,
    "coefficient changed": coefficient_changed,
    "letters swapped": letters_swapped,
    "exponent changed": exponent_changed,
}
