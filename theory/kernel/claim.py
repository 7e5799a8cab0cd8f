"""The data of a proof: kinds of steps, verdicts, assumptions, steps, and the claim they make up.

A claim is data: the checks, the report and the command line only read it. This module imports the
standard library only. `docs/vocabulary.md` explains the words.
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
from .binding import require_bound
from .dimensions import Size, excesses, parse

if TYPE_CHECKING:
    from .content import Item
    from .falsifier import Falsifier
    from .predicate import Predicate

SOURCES = ("paper", "extension", "paper+extension")
"""where a claim comes from: the paper arXiv 2604.15259, this package, or both"""


class Kind(StrEnum):
    """How a step of a proof is established.

    Example:
        >>> from loopstab import Kind
        >>> [str(kind) for kind in Kind if kind.machine_checked]
        ['identity', 'decided', 'enclosed']
    """

    IDENTITY = "identity"
    """exact symbolic equality, reduced to zero and re-checked at random rational points"""
    DECIDED = "decided"
    """polynomial real arithmetic: z3 finds the negation unsatisfiable"""
    ENCLOSED = "enclosed"
    """a bound from ball arithmetic"""
    CITED = "cited"
    """a theorem of the literature whose hypotheses are discharged by earlier steps or assumptions;
    the theorem itself is not machine-checked
    """
    DEDUCED = "deduced"
    """an elementary deduction written for a reader, which names what it uses; not machine-checked
    """
    MEASURED = "measured"
    """Monte Carlo; a claim with such a step is never proved"""

    @property
    def machine_checked(self) -> bool:
        """Whether a machine checks the content of the step itself."""
        return self in (Kind.IDENTITY, Kind.DECIDED, Kind.ENCLOSED)


class Verdict(StrEnum):
    """The result of a check.

    A claim is proved, refuted or undecided; a step has passed, failed or is undecided.

    Example:
        >>> from loopstab import check, ledger
        >>> str(check(next(claim for claim in ledger() if claim.id == "N3")).verdict)
        'proved'
    """

    PROVED = "proved"
    """every step passed, none is measured, and every falsifier found a counterexample without its
    assumption and none with all of them
    """
    REFUTED = "refuted"
    """a step failed, or a counterexample satisfies all assumptions"""
    PASSED = "passed"
    """the step holds"""
    FAILED = "failed"
    """the step is wrong, or incomplete"""
    UNDECIDED = "undecided"
    """neither: z3 reached its limit, a ball touches its bound, a step is measured, or a falsifier
    found nothing
    """


class Regime(StrEnum):
    """Spectral regime at a fixed point, by the spectral radius rho of the loop Jacobian there."""

    CONTRACTIVE = "contractive"
    """rho < 1"""
    CRITICAL = "critical"
    """rho = 1"""
    EXPANSIVE = "expansive"
    """rho > 1"""


class Axis(StrEnum):
    """The three properties that make a fixed point useful; the columns of the paper's table."""

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
    """What a claim says about one axis: an entry in one or more cells of the paper's table.

    Args:
        axis: the axis.
        answer: one or two words, such as yes, no, almost never.
        statement: one sentence.
        recalls: the kinds of recall for which it holds; by default all.
        outer_norm: with (True), without (False) or in both cases (None).
        residuals: the kinds of residual for which it holds; by default all.
        regimes: the spectral regimes in which it holds; by default all.
        when: a condition beyond the assumptions of the claim; empty if there is none.
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
    """What the check of a step found.

    Args:
        verdict: passed, failed or undecided.
        detail: one line with the evidence or the cause.
        checked: for each part of the content, how it was checked.
        content: what was checked, for a reader.
    """

    verdict: Verdict
    detail: str
    checked: tuple[str, ...] = ()
    content: tuple[Item, ...] = ()


@dataclass(frozen=True)
class Assumption:
    """A named hypothesis of a claim.

    Args:
        name: short name by which steps and falsifiers refer to it.
        statement: the hypothesis in words.

    Example:
        >>> from loopstab import ledger
        >>> claim = next(claim for claim in ledger() if claim.id == "R1")
        >>> claim.assumptions[1]
        Assumption(name='contractive', statement='rho(M) < 1')
    """

    name: str
    statement: str


@dataclass(frozen=True)
class Step:
    """One step of a proof.

    The builders of `theory.kernel.proof` (`identity`, `decided`, `enclosed`, `cited`, `deduced`,
    `measured`) make steps.

    Args:
        name: short name, by which later steps refer to it.
        kind: how the step is established.
        statement: what the step says.
        dimensions: for which sizes (d, number of tokens, time) the step holds; the module
            `theory.kernel.dimensions` gives the forms of the text.
        check: runs the check.
        uses: names of the earlier steps and assumptions that it rests on.
        theorem: key of the theorem that a cited step applies; None for every other step.
        discharges: for each hypothesis of that theorem, the names that discharge it.
        build: returns the content of a machine-checked step: equations, sentences or bounds.
        judge: decides content of that kind; the mutation test gives it altered content.
        induction: names of the earlier steps that are the base case and the induction step from
            which this one follows; empty if it does not follow by induction.
        show: renders what the step checks.

    Attributes:
        sizes: `dimensions` as data, by the name of the size.

    Raises:
        UsageError: a step that is not cited names a theorem, or a cited step does not; the text of
            `dimensions` has no known form.

    Example:
        >>> from loopstab import ledger
        >>> claim = next(claim for claim in ledger() if claim.id == "R1")
        >>> step = claim.steps[3]
        >>> step.name, str(step.kind), step.theorem, step.rests_on
        ('decay', 'cited', 'gelfand', ('contractive',))
        >>> str(step.check().verdict)
        'passed'
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
    induction: tuple[str, str] | tuple[()] = ()
    show: Callable[[], tuple[Item, ...]] | None = None
    sizes: Mapping[str, Size] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "sizes", parse(self.dimensions))
        except UsageError as error:
            raise UsageError(f"step {self.name}: {error}") from None
        if (self.kind is Kind.CITED) != (self.theorem is not None):
            raise UsageError(
                f"step {self.name}: a cited step, and only a cited step, names its theorem"
            )

    def content(self) -> tuple[Item, ...]:
        """What the step checks, rendered for a reader: equations, sentences, bounds, hypotheses.

        Returns:
            Nothing for a deduced or measured step. How each item is checked is in the finding of
            `check`.

        Example:
            >>> from loopstab import ledger
            >>> claim = next(claim for claim in ledger() if claim.id == "R1")
            >>> claim.steps[0].content()[2].text
            'B + (1 - Q)*Q^(-1)*B = Q^(-1)*B'
        """
        return self.show() if self.show else ()

    @property
    def rests_on(self) -> tuple[str, ...]:
        """Names of all earlier steps and assumptions that the step rests on."""
        discharging = tuple(name for names in self.discharges.values() for name in names)
        return self.uses + discharging + self.induction


@dataclass(frozen=True)
class Claim:
    """A statement with its assumptions, its proof and the attacks on it.

    Args:
        id: short id, such as N3; the ledger is ordered by it.
        title: a few words.
        source: `paper`, `extension` or `paper+extension`.
        statement: the statement in plain text.
        assumptions: the hypotheses; each is used by a step or dropped by a falsifier.
        steps: the proof, in order: a step rests on assumptions and earlier steps only.
        falsifiers: the attacks; each drops one of the assumptions.
        notes: corrections made to earlier versions of the statement.
        latex: the exact statement for the appendix, text with mathematics between $ signs.
        consequences: what the claim means for the three axes of the paper's table.
        predicates: sentences of the statement as programs, which falsifiers and suites evaluate.

    Raises:
        UsageError: two names are equal; a step has an empty field or an unknown theorem; a step
            rests on something unknown or later, or claims more sizes than the steps that it uses;
            nothing uses an assumption; a falsifier drops something that is not assumed; a
            predicate, a falsifier and the proof are not about one thing; there is no step, no
            predicate or no falsifier; the source is unknown. The message names the claim and the
            step.

    Example:
        >>> from loopstab import Architecture, Weights, ledger
        >>> claim = next(claim for claim in ledger() if claim.id == "N3")
        >>> claim.source, len(claim.falsifiers) >= 1
        ('paper+extension', True)
        >>> prediction = claim.predict(Architecture.parse("external/post"), Weights(kappa=0.5))
        >>> str(prediction.expected)
        'fixed-point'
    """

    id: str
    title: str
    source: str
    statement: str
    assumptions: tuple[Assumption, ...]
    steps: tuple[Step, ...]
    falsifiers: tuple[Falsifier[Any], ...]
    notes: tuple[str, ...] = ()
    latex: str = ""
    consequences: tuple[Consequence, ...] = ()
    predicates: tuple[Predicate[Any], ...] = ()

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise UsageError(
                f"claim {self.id}: unknown source {self.source!r}; use one of {', '.join(SOURCES)}"
            )
        if not self.steps or not self.falsifiers or not self.predicates:
            raise UsageError(
                f"claim {self.id}: it needs at least one step, one predicate and one falsifier"
            )
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
        require_bound(self)
        used |= {falsifier.drops for falsifier in self.falsifiers}
        for predicate in self.predicates:
            used |= set(predicate.assumptions)
        for name, reason in excesses(self.steps):
            raise UsageError(
                f"claim {self.id}, step {name}: it claims more sizes than it uses: {reason}"
            )
        idle = [name for name in assumed if name not in used]
        if idle:
            raise UsageError(
                f"claim {self.id}: assumption {idle[0]!r} is used by no step and no falsifier; drop"
                " it or use it"
            )

    def predict(
        self, architecture: Architecture, weights: Weights | None = None
    ) -> Prediction | None:
        """What this claim alone predicts for an architecture.

        Args:
            architecture: a member of the family of architectures.
            weights: what was measured of the loop; by default nothing.

        Returns:
            The prediction, or None where the claim says nothing.
        """
        rule = rules.get(self.id)
        return rule(architecture, weights or Weights()) if rule else None

    def _require_complete(self, step: Step) -> None:
        where = f"claim {self.id}, step {step.name!r}"
        for name in ("name", "statement"):
            if not getattr(step, name).strip():
                raise UsageError(f"{where}: {name} is empty; fill it in")
        if step.theorem is not None and step.theorem not in THEOREMS:
            raise UsageError(
                f"{where}: unknown theorem {step.theorem!r}; the registry has {', '.join(THEOREMS)}"
            )


def require_distinct(where: str, names: Iterable[str]) -> None:
    """Raise `UsageError` with the first name that occurs twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UsageError(
                f"{where}: the name {name!r} is used twice; names are ids and must differ"
            )
        seen.add(name)
