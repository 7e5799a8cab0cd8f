"""The data of a proof: kinds of steps, verdicts, assumptions, steps, and the claim that they make
up (THEORY.md section 4).

A claim is data; tests, report and command line only walk it. This module imports the standard
library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ...support.errors import UsageError
from ..architecture import Architecture, Recall, Residual
from ..prediction import Prediction, Weights, rules
from ..theorems import THEOREMS

if TYPE_CHECKING:
    from .falsifier import Falsifier

SOURCES = ("paper", "extension", "paper+extension")


class Kind(StrEnum):
    """What stands behind a step."""

    IDENTITY = "identity"
    """exact symbolic equality, reduced to zero and re-checked at random rational points"""
    DECIDED = "decided"
    """polynomial real arithmetic: z3 finds the negation unsatisfiable"""
    ENCLOSED = "enclosed"
    """a bound from ball arithmetic"""
    CITED = "cited"
    """a named theorem, its hypotheses discharged by earlier steps or assumptions; the theorem
    itself is not machine-checked
    """
    DEDUCED = "deduced"
    """an elementary step written for a reader, naming what it uses; not machine-checked"""
    MEASURED = "measured"
    """Monte Carlo; never part of a proof"""

    @property
    def machine_checked(self) -> bool:
        """Whether the content of the step itself is checked by a machine."""
        return self in (Kind.IDENTITY, Kind.DECIDED, Kind.ENCLOSED)


class Verdict(StrEnum):
    """Of a claim: proved, refuted or undecided. Of a step: passed, failed or undecided."""

    PROVED = "proved"
    """every step passed, none is measured, every falsifier fired, and none found a counterexample
    within the assumptions
    """
    REFUTED = "refuted"
    """a step failed, or a counterexample satisfies all assumptions"""
    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"


class Regime(StrEnum):
    """Spectral regime at a fixed point, by the spectral radius of the loop Jacobian there
    (THEORY.md section 1).
    """

    CONTRACTIVE = "contractive"
    """rho < 1"""
    CRITICAL = "critical"
    """rho = 1"""
    EXPANSIVE = "expansive"
    """rho > 1"""


class Axis(StrEnum):
    """What a fixed point can be good for (THEORY.md section 1)."""

    REACHABILITY = "reachability"
    """its basin has non-empty interior"""
    INPUT_DEPENDENCE = "input-dependence"
    """the limit is C^1 in the input with a non-zero derivative on some open set"""
    GEOMETRY = "geometry"
    """the limit is locally smooth, gradients through the loop converge, the set of stable
    parameters is large and round
    """


@dataclass(frozen=True)
class Consequence:
    """What a claim says about one axis, for a set of architectures and regimes: one or more cells
    of the paper's table.

    `answer` is one or two words (yes, no, almost never, if small gain); `statement` one sentence.
    The sets say where it applies; `outer_norm` None means with and without. `when` is a condition
    beyond the claim's own assumptions, empty if there is none.
    """

    axis: Axis
    answer: str
    statement: str
    recalls: frozenset[Recall] = frozenset(Recall)
    outer_norm: bool | None = None
    residuals: frozenset[Residual] = frozenset(Residual)
    regimes: frozenset[Regime] = frozenset(Regime)
    when: str = ""


@dataclass(frozen=True)
class Finding:
    """What the check of one step found: its verdict and one line of evidence or of cause."""

    verdict: Verdict
    detail: str


@dataclass(frozen=True)
class Assumption:
    """A named hypothesis of a claim."""

    name: str
    statement: str


@dataclass(frozen=True)
class Step:
    """One step of a proof.

    `dimensions` says for which d (and L, t) the check holds; `uses` names earlier steps and
    assumptions; `check` does the work. A cited step also has its `theorem` and, for each hypothesis
    of that theorem, the names that discharge it. A machine-checked step also has `build`, which
    returns its content (equations, sentences, bounds), and `judge`, which decides content of that
    kind: the mutation test judges altered content. Raises `UsageError` when a step that is not
    cited names a theorem, or the reverse.
    """

    name: str
    kind: Kind
    statement: str
    dimensions: str
    check: Callable[[], Finding]
    uses: tuple[str, ...] = ()
    theorem: str | None = None
    discharges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    build: Callable[[], Sequence[Any]] | None = None
    judge: Callable[[Sequence[Any]], Finding] | None = None

    def __post_init__(self) -> None:
        if (self.kind is Kind.CITED) != (self.theorem is not None):
            raise UsageError(
                f"step {self.name}: a cited step, and only a cited step, names its theorem"
            )

    @property
    def rests_on(self) -> tuple[str, ...]:
        """Names of every earlier step and assumption that the step leans on."""
        return self.uses + tuple(name for names in self.discharges.values() for name in names)


@dataclass(frozen=True)
class Claim:
    """A statement with its assumptions, its proof and the attacks on it.

    `source` is paper, extension or paper+extension. `latex` is the exact statement for the appendix
    (text with math between $ signs), `consequences` what it means for the three axes. `notes` are
    the corrections made to earlier versions of the statement. Raises `UsageError`, naming claim and
    step, on duplicate names, an empty field or an unknown theorem of a step, a step that rests on
    something unknown or later, an assumption that nothing uses, a falsifier that drops no
    assumption of the claim, and a claim without steps or without falsifier.
    """

    id: str
    title: str
    source: str
    statement: str
    assumptions: tuple[Assumption, ...]
    steps: tuple[Step, ...]
    falsifiers: tuple[Falsifier, ...]
    notes: tuple[str, ...] = ()
    latex: str = ""
    consequences: tuple[Consequence, ...] = ()

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise UsageError(
                f"claim {self.id}: unknown source {self.source!r}; use one of {', '.join(SOURCES)}"
            )
        if not self.steps or not self.falsifiers:
            raise UsageError(f"claim {self.id}: it needs at least one step and one falsifier")
        assumed = [item.name for item in self.assumptions]
        require_distinct(f"claim {self.id}", assumed + [step.name for step in self.steps])
        require_distinct(f"claim {self.id}, falsifiers", [item.name for item in self.falsifiers])
        known, used = set(assumed), set()
        for step in self.steps:
            self._require_complete(step)
            for name in step.rests_on:
                if name not in known:
                    raise UsageError(
                        f"claim {self.id}, step {step.name}: {name!r} is neither an assumption nor"
                        " an earlier step"
                    )
            used |= set(step.rests_on)
            known.add(step.name)
        for falsifier in self.falsifiers:
            if falsifier.drops not in assumed:
                raise UsageError(
                    f"claim {self.id}, falsifier {falsifier.name}: it drops {falsifier.drops!r},"
                    " which is not assumed"
                )
            used.add(falsifier.drops)
        idle = [name for name in assumed if name not in used]
        if idle:
            raise UsageError(
                f"claim {self.id}: assumption {idle[0]!r} is used by no step and no falsifier; drop"
                " it or use it"
            )

    def predict(
        self, architecture: Architecture, weights: Weights | None = None
    ) -> Prediction | None:
        """What this claim alone says about an architecture, given what was measured of its weights;
        None where it says nothing.
        """
        rule = rules.get(self.id)
        return rule(architecture, weights or Weights()) if rule else None

    def _require_complete(self, step: Step) -> None:
        where = f"claim {self.id}, step {step.name!r}"
        for name in ("name", "statement", "dimensions"):
            if not getattr(step, name).strip():
                raise UsageError(f"{where}: {name} is empty; say it")
        if step.theorem is not None and step.theorem not in THEOREMS:
            raise UsageError(
                f"{where}: unknown theorem {step.theorem!r}; the registry has {', '.join(THEOREMS)}"
            )


def require_distinct(where: str, names: Iterable[str]) -> None:
    """`UsageError` naming the first repeated name."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UsageError(
                f"{where}: the name {name!r} is used twice; names are ids and must differ"
            )
        seen.add(name)
