"""The statements of the paper's abstract, one row each: claims, evidence, and the verdict's rule.

The rules are functions of the checked ledger, of the results of attacks and of the records of
trained loops, so that other results give other verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ...models.forecast.measured_scores import GOAL, ZERO
from . import duel_rules, forecast_rules, loop_rules, recall_pairs
from .grounds import Grounds
from .loop_rules import FEW
from .measured_loops import HALF, MOST
from .ruling import NOTHING, Judgement, Ruling, TrainedFinding

PAPER = "Stability and Generalization in Looped Transformers"
LINK = "https://arxiv.org/abs/2604.15259"


@dataclass(frozen=True)
class Statement:
    """A statement of the abstract, and how it is judged.

    Args:
        name: a short name for report.json.
        quote: words of the abstract.
        claims: ids of the claims that are about it.
        trained: what trained loops say.
        judge: the verdict that follows.
        rule: how it follows, in a sentence.
    """

    name: str
    quote: str
    claims: tuple[str, ...]
    trained: Callable[[Grounds], TrainedFinding]
    judge: Callable[[Grounds], Ruling]
    rule: str


@dataclass(frozen=True)
class Row:
    """A statement with its evidence and verdict."""

    statement: Statement
    proof: str
    attack: str
    finding: TrainedFinding
    ruling: Ruling

    def to_json(self, evidence: Grounds) -> dict[str, Any]:
        """A plain object with every number."""
        claims = self.statement.claims
        return {
            "name": self.statement.name,
            "quote": self.statement.quote,
            "claims": list(claims),
            "proof": {"text": self.proof, **evidence.proof(claims).to_json()},
            "attack": {"text": self.attack, **evidence.assault(claims).to_json()},
            "trained": {
                "text": self.finding.text,
                "runs": self.finding.runs,
                **dict(self.finding.numbers),
            },
            "verdict": str(self.ruling.verdict),
            "because": self.ruling.because,
            "rule": self.statement.rule,
        }


def rows(evidence: Grounds) -> list[Row]:
    """Judge every statement."""
    return [
        Row(
            s,
            evidence.proof(s.claims).text,
            evidence.assault(s.claims).text,
            s.trained(evidence),
            s.judge(evidence),
        )
        for s in STATEMENTS
    ]


def _proved(
    claims: tuple[str, ...],
    hypothesis: str,
    against: Callable[[Grounds], Sequence[str]] = lambda _: (),
) -> Callable[[Grounds], Ruling]:
    """The rule *holds with this hypothesis* where every claim is proved and nothing speaks against.

    `against` lists what was measured to contradict the statement under its hypothesis.
    """

    def judge(evidence: Grounds) -> Ruling:
        doubt = evidence.doubt(claims)
        found = list(against(evidence))
        if doubt is not None:
            return doubt
        if found:
            more = f" and {len(found) - 1} more" if found[1:] else ""
            return Ruling(Judgement.OPEN, f"the measurement contradicts it: {found[0]}{more}.")
        return Ruling(Judgement.HYPOTHESIS, hypothesis)

    return judge


_LEDGER = (
    "Holds with the hypothesis if every claim is proved and no attack broke one; open otherwise."
)
_AND_ANY = (
    f"{_LEDGER[:-1]}, or where one limit of a trained loop moves by more than {ZERO:g} of a change"
    " of the input."
)
_AND_MANY = f"{_LEDGER[:-1]}, or where more than {FEW:.0%} of the limits contradict it."
_DATA = f"Tasks with fewer than {recall_pairs.SEEDS} seeds do not decide, nor do the claims."
COUNTABLE, STRONG, REGIME = ("A2", "A2'"), ("A3", "A4", "M6"), ("A1", "A3", "A5")
REACHABLE, SMOOTH, STABLE = ("N2", "N3", "L2"), ("N4", "L1"), ("N5", "M5")
TOGETHER = ("N3", "N4", "N5", "R1")

STATEMENTS = (
    Statement(
        "characterises",
        "when fixed-point iteration yields meaningful predictions",
        (),
        forecast_rules.forecast,
        forecast_rules.characterises,
        "For each checkpoint, stage and level the most probable outcome of the forecast is compared"
        " with the most frequent one of the decided orbits. Holds if the 95 % interval of the"
        f" share, as if the cases were independent, lies above {GOAL:.0%}, corrected if below, open"
        " otherwise.",
    ),
    Statement(
        "countable",
        "looped networks without recall have countable fixed points",
        COUNTABLE,
        loop_rules.isolated,
        _proved(
            COUNTABLE,
            "for almost every parameter, where the parameters reach every direction at the fixed"
            " points; gain-free peri with \N{GREEK SMALL LETTER EPSILON} = 0 has curves of them.",
        ),
        _LEDGER,
    ),
    Statement(
        "no-strong-dependence",
        "cannot achieve strong input-dependence",
        STRONG,
        loop_rules.unmoved,
        _proved(
            STRONG,
            "where the limit is continuous in the input and fixed points are isolated. Then it is"
            " locally constant; it can still carry bits.",
            loop_rules.moved,
        ),
        _AND_ANY,
    ),
    Statement(
        "any-regime",
        "at any spectral regime",
        REGIME,
        lambda _: NOTHING,
        _proved(
            REGIME,
            "where fixed points are isolated. On a null set of weights they are not (eigenvalue 1,"
            " A1; a double dominant one, A5), and the limit follows the input.",
        ),
        _LEDGER,
    ),
    Statement(
        "reachable",
        "fixed points are simultaneously reachable",
        REACHABLE,
        loop_rules.reached,
        _proved(
            REACHABLE,
            "the step contracts (\N{GREEK SMALL LETTER KAPPA} < 1); strong recall makes it so where"
            " the limit update does not vanish.",
        ),
        _LEDGER,
    ),
    Statement(
        "smooth",
        "locally smooth in the input",
        SMOOTH,
        loop_rules.smooth,
        _proved(
            SMOOTH,
            "at an attracting fixed point (\N{GREEK SMALL LETTER RHO} < 1) that is reached.",
            loop_rules.not_smooth,
        ),
        _AND_MANY,
    ),
    Statement(
        "backpropagation",
        "supported by stable backpropagation",
        STABLE,
        loop_rules.backpropagation,
        _proved(
            STABLE,
            "a uniform contraction; \N{GREEK SMALL LETTER RHO} < 1 alone bounds no constant (M5).",
            loop_rules.diverging,
        ),
        _AND_MANY,
    ),
    Statement(
        "simultaneously",
        "simultaneously",
        TOGETHER,
        loop_rules.together,
        _proved(
            TOGETHER,
            "one and the same: \N{GREEK SMALL LETTER KAPPA} < 1. It is sufficient, not necessary.",
        ),
        _LEDGER,
    ),
    Statement(
        "reliably",
        "reliably produces a regime",
        (),
        loop_rules.reached,
        loop_rules.reliably,
        f"Holds if at least {MOST:.0%} of the orbits settle on every level in every trained loop"
        f" with recall and outer norm; corrected if on one level of one loop at most {HALF:.0%}"
        " would, even if every undecided orbit did; open otherwise.",
    ),
    Statement(
        "performance",
        "downstream performance tracks the framework's predictions",
        (),
        duel_rules.ahead,
        duel_rules.tracks,
        "Each run without recall or without outer norm is compared with those that have both, of"
        " the same task, recipe and seed, on its hardest level after 500 iterations. Holds if the"
        " 95 % interval of the share won lies above one half even if equal ones count as lost,"
        " corrected if it lies below even if they count as won, open otherwise.",
    ),
    Statement(
        "across",
        "across tasks and architectural configurations",
        (),
        duel_rules.by_group,
        duel_rules.across,
        "The same in every task and against every other architecture: holds if all intervals lie"
        " above one half, corrected if one lies below, open otherwise.",
    ),
    Statement(
        "competitive",
        "becomes competitive with",
        ("M1", "M7"),
        recall_pairs.differences,
        recall_pairs.competitive,
        f"Holds if a loss of more than {100 * recall_pairs.MARGIN:.0f} points is excluded on every"
        f" task; corrected if it is clear on one; open otherwise. {_DATA}",
    ),
    Statement(
        "once-normalised",
        "once outer normalization is applied",
        ("R2", "R3"),
        recall_pairs.contrast,
        recall_pairs.once_normalised,
        "Holds if internal recall is behind without outer norm on every task, and competitive with"
        " it; corrected if it is competitive without on every task, or behind with it on one; open"
        f" otherwise. {_DATA}",
    ),
    Statement(
        "sudoku",
        "on sudoku, substantially better than",
        ("M7",),
        recall_pairs.sudoku,
        recall_pairs.better_on_sudoku,
        f"Holds if the gain exceeds {100 * recall_pairs.MARGIN:.0f} points on every sudoku;"
        f" corrected if that is excluded on each; open otherwise, also where one has fewer than"
        f" {recall_pairs.SEEDS} seeds. The claims do not decide.",
    ),
)
"""The rows of the first screen, in the order of the abstract."""
