"""What a step checks, rendered for a reader: equations, sentences, bounds, hypotheses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter, greek_letters_set

from .algebra import Equation, Words

LIMIT = 2000
"""characters of a formula that are shown; a longer one is cut and says so"""


@dataclass(frozen=True)
class Item:
    """One thing that a step checks.

    Args:
        kind: `equation`, `sentence`, `bound`, `theorem` or `hypothesis`.
        text: plain text.
        latex: the formula in LaTeX, without $ signs; empty where there is only text.
        checked: how it was checked, such as `z3 and cvc5`; empty if it was not checked.
    """

    kind: str
    text: str
    latex: str
    checked: str = ""

    def to_json(self) -> dict[str, str]:
        """The four fields as JSON data."""
        return asdict(self)


class _Printer(LatexPrinter):
    """SymPy's LaTeX, with names of several letters upright: zw is one symbol."""

    def _print_Symbol(self, expr: Any, style: str = "plain") -> str:
        head, *indices = expr.name.split("_")
        letters = head.rstrip("0123456789")
        if letters in greek_letters_set:
            shown = "\\" + letters
        elif len(letters) > 1:
            shown = rf"\mathit{{{letters}}}"
        else:
            shown = letters or head
        below = [head[len(letters) :], *indices] if letters else indices
        below = [part if len(part) < 2 else rf"\mathit{{{part}}}" for part in below if part]
        return f"{shown}_{{{','.join(below)}}}" if below else shown


def latex(expression: Any) -> str:
    """An expression or formula of SymPy in LaTeX.

    Example:
        >>> import sympy as sp
        >>> from loopstab.theory.kernel.content import latex
        >>> latex(sp.Symbol("sigma_h") ** 2 <= sp.Rational(1, 2) * sp.Symbol("h0"))
        '\\\\sigma_{h}^{2} \\\\leq \\\\frac{h_{0}}{2}'
    """
    return _cut(_Printer().doprint(expression))


def text(expression: Any) -> str:
    """An expression or formula of SymPy in plain text."""
    return _cut(str(expression).replace("**", "^"))


def _cut(shown: str) -> str:
    return shown if len(shown) <= LIMIT else r"\dots" if "\\" in shown else shown[:LIMIT] + " ..."


def equation(item: Equation | Words) -> Item:
    """left = right, and the relations or rules under which it holds."""
    left, right = sp.sympify(item.left), sp.sympify(item.right)
    if isinstance(item, Equation):
        relations = [(relation, sp.Integer(0)) for relation in item.where]
    else:
        relations = [(sp.Mul(*word), image) for word, image in item.rules]
    plain = ", ".join(f"{text(a)} = {text(b)}" for a, b in relations)
    formula = r",\ ".join(f"{latex(a)} = {latex(b)}" for a, b in relations)
    return Item(
        "equation",
        f"{text(left)} = {text(right)}" + (f" where {plain}" if plain else ""),
        f"{latex(left)} = {latex(right)}"
        + (rf" \quad\text{{where }} {formula}" if formula else ""),
    )


def sentence(given: Sequence[Any], then: Any) -> Item:
    """The premises and the conclusion."""
    if not given:
        return Item("sentence", text(then), latex(then))
    premises = " and ".join(text(part) for part in given)
    formula = r",\ ".join(latex(part) for part in given)
    return Item(
        "sentence", f"{premises} implies {text(then)}", rf"{formula} \implies {latex(then)}"
    )


def bound(label: str, value: Any, low: str, high: str) -> Item:
    """low < value < high, the ball with twelve digits."""
    return Item("bound", f"{low} < {label} = {value.str(12)} < {high}", "")


def theorem(
    title: str, statement: str, hypotheses: Sequence[tuple[str, Sequence[str]]]
) -> tuple[Item, ...]:
    """A cited theorem, and each hypothesis with the names that discharge it."""
    return (
        Item("theorem", f"{title}: {statement}", ""),
        *(
            Item("hypothesis", words, "", f"by {', '.join(names)}" if names else "")
            for words, names in hypotheses
        ),
    )
