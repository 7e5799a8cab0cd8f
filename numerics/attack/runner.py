"""Attacks on one suite, or on many, whose results are kept so that a run can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from joblib import Parallel

from ...support.errors import UsageError
from ...support.files import output_folder
from ...support.worker_processes import tied
from .budget import Budget
from .case import in_words, to_json
from .journal import Journal
from .search import Counterexample, Progress, search
from .suite import Suite
from .verdict import Evidence, Power, SuiteReport

Find = Callable[[Iterable[str]], Iterable[Suite]]
"""Returns the suites of the claims with these ids."""


def attack(
    suite: Suite, budget: Budget, seed: int = 0, progress: Progress | None = None
) -> SuiteReport:
    """Search for a counterexample, then for one with each hypothesis dropped in turn.

    Args:
        suite: the suite.
        budget: how many cases are judged, and for how long.
        seed: the seed of the cases, which depend on suite, budget and seed alone.
        progress: called with the number of cases judged since the last call.

    Returns:
        What was found; `fate` is the verdict and `complaints` says what is wrong.

    Example:
        >>> from loopstab.numerics.attack.budget import find_budget
        >>> from loopstab.numerics.attack.runner import attack
        >>> from loopstab.numerics.suites import find_suites
        >>> report = attack(find_suites(["A1"])[0], find_budget("quick").limited(examples=10))
        >>> report.fate.words, report.tried
        ('survived', 10)
    """
    source = f"{seed}/{suite.label}"
    limits: dict[str, Any] = {"shrink_steps": budget.steps(suite.cost), "progress": progress}
    result = search(
        suite.draw(budget.size),
        suite.judge,
        misfit=suite.misfit,
        examples=budget.cases(suite.cost),
        seconds=budget.seconds,
        source=source,
        **limits,
    )
    powers = []
    for drop in suite.drops:
        without = search(
            drop.cases(),
            suite.judge,
            misfit=partial(suite.misfit, dropped=drop.assumption),
            examples=budget.power_cases(suite.cost),
            seconds=budget.power_share * budget.seconds,
            source=f"{source}/{drop.hypothesis}",
            **limits,
        )
        powers.append(
            Power(
                hypothesis=drop.hypothesis,
                examples=without.tried,
                undecided=without.undecided,
                seconds=without.seconds,
                evidence=_evidence(without.found),
            )
        )
    return SuiteReport(
        claim=suite.claim,
        suite=suite.name,
        statement=suite.property,
        kind=suite.evidence,
        profile=budget.name,
        seed=seed,
        tried=result.tried,
        undecided=result.undecided,
        seconds=result.seconds,
        evidence=_evidence(result.found),
        power=tuple(powers),
    )


def _evidence(found: Counterexample | None) -> Evidence | None:
    if found is None:
        return None
    return Evidence(to_json(found.case), in_words(found.case), found.words, found.error)


def attack_all(
    suites: Sequence[Suite],
    budget: Budget,
    seed: int = 0,
    *,
    find: Find | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
    kept: Callable[[SuiteReport], None] | None = None,
) -> Iterator[SuiteReport]:
    """Attack many suites; the reports are yielded as they come.

    Args:
        suites: the suites.
        budget: how many cases of each suite are judged, and for how long.
        seed: the seed of the cases.
        find: returns the suites of given claims. It is needed for several jobs, and must be a
            function of a module: strategies and judges cannot be sent between processes, so each
            process finds its suites again.
        out: a folder for results.jsonl and every counterexample; None to write nothing.
        resume: skip a suite that has a result in `out` of the same seed, limits and sources, whose
            counterexample and witnesses still are some.
        jobs: suites at a time, each in a process of its own; -1 for all cores.
        progress: called with the number of cases judged since the last call, if there is one job.
        kept: called with each report that was read from `out`: its cases are not tried now, and
            their number is what the file says.

    Returns:
        An iterator of the reports. They do not depend on `jobs`, but their order does.

    Raises:
        UsageError: the results in `out` are damaged, `out` cannot be written, or `find` is missing.

    Example:
        >>> from loopstab.numerics.attack.budget import find_budget
        >>> from loopstab.numerics.attack.runner import attack_all
        >>> from loopstab.numerics.suites import find_suites
        >>> reports = attack_all(find_suites(["A1"])[:2], find_budget("quick").limited(examples=5))
        >>> [report.fate.words for report in reports]
        ['survived', 'survived']
    """
    if jobs != 1 and find is None:
        raise UsageError("several jobs need `find`, a function that returns the suites of a claim")
    journal = Journal(output_folder(out)) if out is not None else None
    known = {suite.label: suite for suite in suites}
    todo = []
    for suite in suites:
        done = journal.find(suite, budget, seed) if journal is not None and resume else None
        if done is None:
            todo.append(suite)
            continue
        if kept is not None:
            kept(done)
        yield done
    if jobs == 1:
        reports = (attack(suite, budget, seed, progress) for suite in todo)
    else:
        pool = Parallel(n_jobs=jobs, return_as="generator_unordered")
        reports = cast(
            Iterator[SuiteReport],
            pool(tied(_found)(find, suite.claim, suite.name, budget, seed) for suite in todo),
        )
    for report in reports:
        yield report if journal is None else journal.keep(known[report.label], budget, report)


def _found(find: Find, claim: str, name: str, budget: Budget, seed: int) -> SuiteReport:
    """Attack the suite of that claim and name, in another process."""
    suite = next(suite for suite in find([claim]) if suite.name == name)
    return attack(suite, budget, seed)
