"""Wrong variants of polynomial sentences, for the mutation test.

Each function takes premises, a conclusion and a random generator. It returns what it changed, as
text, with the new premises and conclusion, or None when the sentence does not allow the change.
Premises are only weakened and conclusions only strengthened: the reverse would stay true.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sympy as sp

from .expression_mutants import Path, put, shorten, sign_flipped

Given = Sequence[Any]
Made = tuple[str, Given, Any]

STEP = sp.Rational(1, 10)
"""by how much an inequality is moved"""
_STRICT = {sp.LessThan: sp.StrictLessThan, sp.GreaterThan: sp.StrictGreaterThan}
_BELOW = (sp.LessThan, sp.StrictLessThan)
_ABOVE = (sp.GreaterThan, sp.StrictGreaterThan)


def atoms(node: Any, path: Path = (), sign: int = 1) -> Iterator[tuple[Path, Any, int]]:
    """Every relation in a logical formula, with its path and a sign.

    The sign is 1 where a stronger relation makes the formula stronger, -1 where it makes it
    weaker, and 0 where it may do either (on a side of an equivalence).
    """
    if isinstance(node, sp.core.relational.Relational):
        yield path, node, sign
    elif isinstance(node, (sp.And, sp.Or, sp.Not, sp.Implies, sp.Equivalent)):
        for number, part in enumerate(node.args):
            below = sign
            if isinstance(node, sp.Equivalent):
                below = 0
            elif isinstance(node, sp.Not) or (isinstance(node, sp.Implies) and number == 0):
                below = -sign
            yield from atoms(part, (*path, number), below)


def _moved(relation: Any, sign: int) -> Any | None:
    """The inequality made stronger (sign >= 0) or weaker; an equality is shifted, so is neither."""
    step = STEP if sign >= 0 else -STEP
    if isinstance(relation, _BELOW):
        return relation.func(relation.lhs + step, relation.rhs)
    if isinstance(relation, _ABOVE):
        return relation.func(relation.lhs - step, relation.rhs)
    return sp.Eq(relation.lhs + step, relation.rhs) if isinstance(relation, sp.Equality) else None


def _choose(
    node: Any, rng: random.Random, fits: Callable[[Any], bool] = lambda node: True
) -> tuple[Path, Any, int] | None:
    found = [item for item in atoms(node) if fits(item[1])]
    return rng.choice(found) if found else None


def premise_dropped(given: Given, then: Any, rng: random.Random) -> Made | None:
    """A premise is dropped."""
    if not given:
        return None
    number = rng.randrange(len(given))
    return f"without {shorten(given[number])}", [*given[:number], *given[number + 1 :]], then


def premise_relaxed(given: Given, then: Any, rng: random.Random) -> Made | None:
    """An inequality among the premises is weakened by `STEP`."""
    inequalities = [n for n, item in enumerate(given) if isinstance(item, _BELOW + _ABOVE)]
    if not inequalities:
        return None
    number = rng.choice(inequalities)
    weaker = _moved(given[number], -1)
    premises = [*given[:number], weaker, *given[number + 1 :]]
    return f"{shorten(weaker)} for {shorten(given[number])}", premises, then


def conclusion_negated(given: Given, then: Any, rng: random.Random) -> Made | None:
    """A relation in the conclusion becomes its negation."""
    where = _choose(then, rng)
    if where is None:
        return f"not ({shorten(then)})", given, sp.Not(then)
    path, node, _ = where
    return f"not {shorten(node)}", given, put(then, path, sp.Not(node))


def conclusion_strict(given: Given, then: Any, rng: random.Random) -> Made | None:
    """A weak inequality in the conclusion becomes strict, unless this would weaken the whole."""
    where = _choose(then, rng, lambda node: type(node) in _STRICT)
    if where is None or where[2] < 0:
        return None
    path, node, _ = where
    strict = _STRICT[type(node)](node.lhs, node.rhs)
    return f"{shorten(strict)} for {shorten(node)}", given, put(then, path, strict)


def conclusion_tightened(given: Given, then: Any, rng: random.Random) -> Made | None:
    """A relation in the conclusion is strengthened by `STEP`."""
    where = _choose(then, rng)
    if where is None:
        return None
    path, node, sign = where
    tighter = _moved(node, sign)
    if tighter is None:
        return None
    return f"{shorten(tighter)} for {shorten(node)}", given, put(then, path, tighter)


def conclusion_sign_flipped(given: Given, then: Any, rng: random.Random) -> Made | None:
    """A sign in a relation of the conclusion changes: that of a term, or that of whole sides.

    A term is chosen where the chosen side is a sum. Otherwise both sides of an inequality change
    sign, or the chosen side of an equality.
    """
    where = _choose(then, rng)
    if where is None:
        return None
    path, node, _ = where
    sides = list(node.args)
    number = rng.randrange(2)
    if isinstance(sides[number], sp.Add):
        made = sign_flipped(sides[number], rng)
        assert made is not None
        text, sides[number] = made
    elif isinstance(node, _BELOW + _ABOVE):
        text, sides = "sign of both sides", [-side for side in sides]
    elif 0 in sides:
        return None  # x = 0 and -x = 0 are one
    else:
        text, sides[number] = f"sign of {shorten(sides[number])}", -sides[number]
    return f"{text} in {shorten(node)}", given, put(then, path, node.func(*sides))


SENTENCE_MUTATIONS: dict[str, Callable[[Given, Any, random.Random], Made | None]] = {
    "premise dropped": premise_dropped,
    "conclusion strict": conclusion_strict,
    "conclusion tightened": conclusion_tightened,
    "premise relaxed": premise_relaxed,
    "conclusion negated": conclusion_negated,
    "sign flipped": conclusion_sign_flipped,
}
