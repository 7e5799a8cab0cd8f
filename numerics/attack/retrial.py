"""A case from a file, judged again only if the suite could have drawn it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from .case_fields import fault, fields_of
from .search import judged
from .suite import Case, Drop, Suite, Undecided


class RetrialError(ValueError):
    """The case is none of the suite's; the message continues a sentence that begins with a file."""


@dataclass(frozen=True)
class Retrial:
    """A case judged again.

    `words` is what the judge says today: None when the property holds, and also when it is
    `undecided`. The fields of `case` are in the order in which the suite draws them.
    """

    case: Case
    words: str | None
    undecided: bool = False


def retry(suite: Suite, without: str | None, case: Case) -> Retrial:
    """Judge a case again.

    Args:
        suite: the suite.
        without: the hypothesis that was dropped, or None.
        case: the case, as `case.from_json` read it.

    Returns:
        What the judge says of it.

    Raises:
        RetrialError: the suite has no such drop; its strategy draws no such fields; the case does
            not satisfy the assumptions, or fails others than the dropped one; or it cannot be
            judged.
    """
    drop = _drop(suite, without)
    fields = fields_of(suite, drop)
    problem = fault(case, fields)
    if problem is not None:
        raise RetrialError(f"is malformed: {problem}")
    case = {name: case[name] for name in fields if name in case}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a forged case may be as wild as it likes
            failing = suite.failing(case)
            if failing == ((drop.assumption,) if drop else ()):
                return Retrial(case, judged(suite.judge, case))
    except Undecided:
        return Retrial(case, None, undecided=True)
    except Exception as error:
        raise RetrialError(
            f"is malformed: {suite.label} cannot judge its case ({type(error).__name__}: {error})"
        ) from None
    if failing is None:
        raise RetrialError(
            f"cannot be judged: {suite.label} does not tell which assumptions fail at a case"
        )
    broken = ", ".join(failing) or "no assumption"
    if drop is None:
        raise RetrialError(
            f"is no counterexample: the case breaks {broken}, which {suite.label} assumes"
        )
    raise RetrialError(
        f"is no counterexample without {drop.hypothesis!r}: the case breaks {broken}, where"
        f" {drop.assumption} alone must fail"
    )


def _drop(suite: Suite, without: str | None) -> Drop | None:
    if without is None:
        return None
    for drop in suite.drops:
        if drop.hypothesis == without:
            return drop
    raise RetrialError(
        f"is malformed: {suite.label} has no dropped hypothesis {without[:100]!r}; it has"
        f" {', '.join(repr(drop.hypothesis) for drop in suite.drops) or 'none'}"
    )
