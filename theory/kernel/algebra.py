"""Equations that can be refuted: between rational functions, and between words of matrices.

Both kinds are tried in two ways: an exact normal form, and exact rational values (of numbers or
matrices) at random points of the equation as it is written.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flint
import sympy as sp

from ...support.errors import UsageError

POINTS = 24
"""random points per equation; a false identity is violated at almost every one"""
DRAWS = 10 * POINTS
"""points drawn at most, as some of them are poles or singular matrices"""
SIZES = (1, 2, 3, 4)
"""sizes of the random matrices, a quarter of `POINTS` of each"""

Point = Mapping[sp.Symbol, Any]


def letters(text: str) -> tuple[sp.Symbol, ...]:
    """Symbols that do not commute, from their names separated by spaces: the letters of `Words`."""
    return sp.symbols(text, commutative=False, seq=True)


def rational(rng: random.Random, positive: bool = False) -> Any:
    """A random non-zero rational with numerator up to 19 and denominator up to 7."""
    sign = 1 if positive else rng.choice((-1, 1))
    return sp.Rational(sign * rng.randint(1, 19), rng.randint(1, 7))


@dataclass(frozen=True)
class Equation:
    """left = right between rational functions of commuting symbols.

    `where` lists relations between the symbols: polynomials that vanish. With relations, `point`
    must draw rational values that satisfy them. A square root or another irrational function is
    written as a symbol with its relation.
    """

    left: Any
    right: Any
    where: tuple[sp.Expr, ...] = ()
    point: Callable[[random.Random], Point] | None = None

    @property
    def holds_when_built(self) -> bool:
        """Whether both sides are one expression: SymPy evaluated them when they were built."""
        return bool(sp.sympify(self.left) == sp.sympify(self.right))

    def refute(self, rng: random.Random) -> str | None:
        """Why the equation fails, in words; None when all random points and the normal form agree.

        The points are tried first because they are cheap.
        """
        left, right = sp.sympify(self.left), sp.sympify(self.right)
        if self.where and self.point is None:
            raise UsageError(
                "an equation with relations needs points that satisfy them: give a function `point`"
            )
        return self._refute_at_points(left, right, rng) or self._refute_normal_form(left, right)

    def _refute_at_points(self, left: Any, right: Any, rng: random.Random) -> str | None:
        symbols = sorted(left.free_symbols | right.free_symbols, key=str)
        checked = 0
        for _ in range(DRAWS):
            values = (
                self.point(rng)
                if self.point
                else {x: rational(rng, bool(x.is_positive)) for x in symbols}
            )
            for relation in self.where:
                if relation.xreplace(dict(values)) != 0:
                    raise UsageError(
                        f"the random point violates the relation {relation} = 0; correct the"
                        " function that draws it"
                    )
            a, b = left.xreplace(dict(values)), right.xreplace(dict(values))
            if not (a.is_finite and b.is_finite):
                continue
            if not (a.is_Rational and b.is_Rational):
                return f"not a rational number at a rational point: {_short(a)} against {_short(b)}"
            if a != b:
                return f"at {_show(values)} the left side is {a}, the right side {b}"
            checked += 1
            if checked == POINTS:
                return None
        return f"only {checked} regular points found of {POINTS}"

    def _refute_normal_form(self, left: Any, right: Any) -> str | None:
        numerator = sp.expand(sp.numer(sp.together(left - right)))
        if numerator != 0 and self.where:
            symbols = numerator.free_symbols.union(*(poly.free_symbols for poly in self.where))
            basis = sp.groebner(self.where, *sorted(symbols, key=str), order="grevlex")
            numerator = sp.expand(basis.reduce(numerator)[1])
        if numerator == 0:
            return None
        return f"normal form of left - right is not zero but {_short(numerator)}"


Rules = Sequence[tuple[tuple[sp.Symbol, ...], sp.Expr]]


@dataclass(frozen=True)
class Words:
    """left = right between words: an identity for matrices of every size.

    A word is a product of letters, which do not commute, and of their inverses; the sides are
    sums of words with commuting scalars as coefficients. `rules` rewrite adjacent letters, such as
    ((P, P), P) for a projector. `model(rng, d)` draws rational d x d matrices that satisfy the
    rules, and the scalars that occur in them; without rules every letter becomes a random matrix.
    """

    left: Any
    right: Any
    rules: Rules = ()
    model: Callable[[random.Random, int], Mapping[sp.Symbol, Any]] | None = None

    @property
    def holds_when_built(self) -> bool:
        """Whether both sides are one expression: SymPy evaluated them when they were built."""
        return bool(sp.sympify(self.left) == sp.sympify(self.right))

    def refute(self, rng: random.Random) -> str | None:
        """Why the equation fails, in words; None if random matrices agree and the words cancel."""
        if self.rules and self.model is None:
            raise UsageError("rewriting rules need a model: random matrices that satisfy them")
        return self._refute_at_matrices(rng) or self._refute_normal_form()

    def _refute_at_matrices(self, rng: random.Random) -> str | None:
        wanted = POINTS // len(SIZES)
        for size in SIZES:
            checked = 0
            for _ in range(DRAWS):
                values = self._values(rng, size)
                for word, image in self.rules:
                    if _matrix(sp.Mul(*word), values, size) != _matrix(image, values, size):
                        raise UsageError(
                            f"the model violates the rule {word} -> {image}; correct it"
                        )
                try:
                    equal = _matrix(self.left, values, size) == _matrix(self.right, values, size)
                except ZeroDivisionError:
                    continue
                if not equal:
                    return f"unequal for random rational matrices of size {size}"
                checked += 1
                if checked == wanted:
                    break
            else:
                return f"only {checked} regular matrices of size {size} found of {wanted}"
        return None

    def _refute_normal_form(self) -> str | None:
        remainder = sp.simplify(_rewrite(self.left - self.right, self.rules))
        return None if remainder == 0 else f"left over after rewriting: {_short(remainder)}"

    def _values(self, rng: random.Random, size: int) -> dict[sp.Symbol, Any]:
        values = dict(self.model(rng, size)) if self.model else {}
        for x in sorted(self.left.free_symbols | self.right.free_symbols, key=str):
            if x not in values:
                values[x] = random_matrix(rng, size) if not x.is_commutative else rational(rng)
        return values


def random_matrix(rng: random.Random, size: int) -> flint.fmpq_mat:
    """A random invertible rational matrix with small entries."""
    while True:
        entries = [flint.fmpq(rng.randint(-5, 5), rng.randint(1, 3)) for _ in range(size * size)]
        matrix = flint.fmpq_mat(size, size, entries)
        if matrix.det() != 0:
            return matrix


def diagonal(values: Sequence[Any]) -> flint.fmpq_mat:
    """The diagonal matrix of these rationals (int, Fraction or SymPy Rational)."""
    size = len(values)
    matrix = flint.fmpq_mat(size, size)
    for i, value in enumerate(values):
        matrix[i, i] = fmpq(value)
    return matrix


def fmpq(value: Any) -> flint.fmpq:
    """A rational (int, Fraction or SymPy Rational) as a rational of flint."""
    value = sp.Rational(value)
    return flint.fmpq(int(value.p), int(value.q))


def _matrix(expression: sp.Expr, values: Mapping[sp.Symbol, Any], size: int) -> flint.fmpq_mat:
    """The exact value of a word; scalars stand for multiples of the identity."""
    if isinstance(expression, sp.Symbol):
        value = values[expression]
        return value if isinstance(value, flint.fmpq_mat) else diagonal([value] * size)
    if expression.is_Rational:
        return diagonal([expression] * size)
    if isinstance(expression, sp.Add):
        total = diagonal([0] * size)
        for term in expression.args:
            total = total + _matrix(term, values, size)
        return total
    if isinstance(expression, sp.Mul):
        product = diagonal([1] * size)
        for factor in expression.args:
            product = product * _matrix(factor, values, size)
        return product
    if isinstance(expression, sp.Pow) and expression.exp.is_Integer:
        base = _matrix(expression.base, values, size)
        power = int(expression.exp)
        base = base.inv() if power < 0 else base
        result = diagonal([1] * size)
        for _ in range(abs(power)):
            result = result * base
        return result
    raise UsageError(
        f"cannot evaluate {expression} on matrices: use sums, products and integer powers"
    )


def _rewrite(expression: sp.Expr, rules: Rules) -> sp.Expr:
    """Expand, and rewrite every word until no rule applies."""
    pending, total = [sp.expand(expression)], sp.Integer(0)
    while pending:
        for term in sp.Add.make_args(pending.pop()):
            changed = _rewrite_term(term, rules)
            if changed is None:
                total += term
            else:
                pending.append(sp.expand(changed))
    return total


def _rewrite_term(term: sp.Expr, rules: Rules) -> sp.Expr | None:
    scalars, factors = term.args_cnc()
    word: list[sp.Expr] = []
    for letter in factors:
        base, power = letter.as_base_exp()
        word.extend([base] * int(power) if power.is_Integer and power > 0 else [letter])
    for pattern, image in rules:
        for i in range(len(word) - len(pattern) + 1):
            if tuple(word[i : i + len(pattern)]) == pattern:
                return sp.Mul(*scalars, *word[:i], image, *word[i + len(pattern) :])
    return None


def _show(values: Point) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def _short(expression: object, limit: int = 120) -> str:
    text = str(expression)
    return text if len(text) <= limit else text[: limit - 3] + "..."
