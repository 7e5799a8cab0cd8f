"""What a step checked, from its JSON object: counted, as lines of text, and as LaTeX."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...theory.kernel.proof import EVALUATED
from .markup import latex_of_prose

KINDS = ("equation", "sentence", "bound")
"""what a machine checks; theorems and their hypotheses are printed with the step that cites them"""
CUT = r"\dots"
"""stands for a side of a formula that is too long to be shown"""


def checked_items(step: Mapping[str, Any]) -> list[Mapping[str, str]]:
    """The equations, sentences and bounds of a step."""
    return [item for item in step["content"] if item["kind"] in KINDS]


def is_counted(item: Mapping[str, str]) -> bool:
    """Whether an item is a check of its own.

    An equation whose two sides became one expression while they were built is not.
    """
    return item["checked"] != EVALUATED


def has_formula(item: Mapping[str, str]) -> bool:
    """Whether an item can be shown as a formula; if not, it is shown as plain text."""
    return bool(item["latex"]) and CUT not in item["latex"]


def how(item: Mapping[str, str]) -> str:
    """How an item was checked, in a few words."""
    if not is_counted(item):
        return "became one expression when it was built; not counted"
    return {"z3": "z3 alone", "cvc5": "cvc5 alone", "": "not checked"}.get(
        item["checked"], item["checked"]
    )


def totals(steps: Sequence[Mapping[str, Any]]) -> str:
    """The numbers of equations, sentences and bounds of steps, and what decided them.

    Example:
        >>> from loopstab.paper_figures.text.step_content import totals
        >>> checks = ["normal form and random points", "by evaluation when built"]
        >>> content = [{"kind": "equation", "checked": words} for words in checks]
        >>> content += [{"kind": "sentence", "checked": "z3 and cvc5"}] * 2
        >>> totals([{"content": content}])
        '1 equation (and 1 evaluated when built), 2 sentences (z3 and cvc5)'
    """
    items = [item for step in steps for item in checked_items(step)]
    return ", ".join(_parts(items))


def _parts(items: Sequence[Mapping[str, str]]) -> Iterator[str]:
    for kind in KINDS:
        found = [item for item in items if item["kind"] == kind]
        counted = [item for item in found if is_counted(item)]
        evaluated = len(found) - len(counted)
        if not found:
            continue
        text = f"{len(counted)} {kind}{'' if len(counted) == 1 else 's'}"
        if evaluated:
            text += f" (and {evaluated} evaluated when built)"
        solvers = Counter(how(item) for item in found) if kind == "sentence" else Counter()
        if len(solvers) == 1:
            text += f" ({next(iter(solvers))})"
        elif solvers:
            text += f" ({', '.join(f'{n} by {name}' for name, n in solvers.items())})"
        yield text


def text_lines(step: Mapping[str, Any]) -> list[str]:
    """A line for each item: its kind, the formula in plain text, and how it was checked."""
    return [f"{item['kind']}: {item['text']}  [{how(item)}]" for item in checked_items(step)]


def latex_items(step: Mapping[str, Any]) -> list[str]:
    r"""The items as `\item`s of LaTeX, their formulas in a text that TeX can break."""
    return [
        rf"\item {_latex(item)} \quad{{[{latex_of_prose(how(item))}]}}"
        for item in checked_items(step)
    ]


def _latex(item: Mapping[str, str]) -> str:
    if not has_formula(item):
        return latex_of_prose(item["text"])
    # TeX does not break a line between \left and \right
    formula = item["latex"].replace(r"\left(", "(").replace(r"\right)", ")")
    return f"${formula}$"
