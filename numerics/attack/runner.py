"""Attacks: one suite, or many with their results in a folder, so that a long run that was cut goes
on where it stood.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from joblib import Parallel, delayed

from ...support.errors import LoopstabError, UsageError
from ...support.files import output_folder, write_atomic
from ...support.sources import PACKAGE, source_digest
from ...theory.formulas import formula_modules
from .archive import FOLDER, WITNESSES, save
from .budget import Profile
from .case import digest, in_words, to_json
from .search import Fallen, Progress, search
from .suite import Suite
from .verdict import Evidence, Power, Report

RESULTS = "results.jsonl"


def attack(
    suite: Suite, profile: Profile, seed: int = 0, progress: Progress | None = None
) -> Report:
    """Search a counterexample among the cases, then one without each hypothesis; the cases depend
    on suite, profile and seed alone.

    `progress` is called with the number of cases judged since the last call.
    """
    source = f"{seed}/{suite.label}"
    limits: dict[str, Any] = {
        "seconds": profile.seconds,
        "shrink_seconds": profile.shrink_seconds,
        "progress": progress,
    }
    found = search(
        suite.draw(profile.size),
        suite.judge,
        examples=profile.cases(suite.cost),
        source=source,
        **limits,
    )
    powers = []
    for drop in suite.drops:
        examples, limits["seconds"] = (
            profile.power_cases(suite.cost),
            profile.power_share * profile.seconds,
        )
        without = search(
            drop.cases(),
            suite.judge,
            examples=examples,
            source=f"{source}/{drop.hypothesis}",
            **limits,
        )
        powers.append(
            Power(
                drop.hypothesis,
                without.tried,
                without.undecided,
                without.seconds,
                _evidence(without.fallen),
            )
        )
    return Report(
        suite.claim,
        suite.name,
        suite.property,
        suite.evidence,
        profile.name,
        seed,
        found.tried,
        found.undecided,
        found.seconds,
        _evidence(found.fallen),
        tuple(powers),
    )


def _evidence(fallen: Fallen | None) -> Evidence | None:
    return (
        None
        if fallen is None
        else Evidence(to_json(fallen.case), in_words(fallen.case), fallen.words, fallen.error)
    )


def attack_all(
    suites: Sequence[Suite],
    profile: Profile,
    seed: int = 0,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Iterator[Report]:
    """The reports as they come, `jobs` suites at a time; with `out`, every case that fell and
    out/results.jsonl are written.

    `resume`: a suite that has a result there, of the same seed, limits and source, is not attacked
    again. `progress` counts cases, and is used with one job only.
    """
    journal = Journal(output_folder(out)) if out is not None else None
    keys = {suite.label: _key(suite, profile, seed) for suite in suites}
    todo = []
    for suite in suites:
        done = journal.find(keys[suite.label]) if journal is not None and resume else None
        if done is None:
            todo.append(suite)
        else:
            yield done
    if jobs == 1:
        reports = (attack(suite, profile, seed, progress) for suite in todo)
    else:
        pool = Parallel(n_jobs=jobs, return_as="generator_unordered")
        reports = cast(
            Iterator[Report],
            pool(delayed(_attack_named)(suite.claim, suite.name, profile, seed) for suite in todo),
        )
    for report in reports:
        yield report if journal is None else journal.keep(keys[report.label], report)


def _attack_named(claim: str, name: str, profile: Profile, seed: int) -> Report:
    from ..suites import (
        find_suites,
    )  # in the worker: strategies and judges are not sent between processes

    suite = next(suite for suite in find_suites((claim,)) if suite.name == name)
    return attack(suite, profile, seed)


def _key(suite: Suite, profile: Profile, seed: int) -> str:
    """Hash of what a result depends on: limits, seed, version, and the sources of the judge, of its
    imports and of the formulas.
    """
    judge = getattr(suite.judge, "func", suite.judge)  # of a partial
    source = (
        source_digest(judge.__module__, *formula_modules())
        if judge.__module__.startswith(f"{PACKAGE}.")
        else _file_digest(judge)
    )
    return digest(
        {
            "suite": suite.label,
            "profile": vars(profile),
            "seed": seed,
            "version": version("loopstab"),
            "source": source,
        }
    )


def _file_digest(judge: Callable[..., Any]) -> str:
    """Of a judge outside loopstab: its own file alone."""
    return sha256(Path(inspect.getfile(judge)).read_bytes()).hexdigest()


class Journal:
    """The results of a folder, one JSON line each, rewritten as a whole at every change.
    `LoopstabError` if a line is damaged.
    """

    def __init__(self, folder: Path):
        self.folder, self.file = folder, folder / RESULTS
        try:
            lines = self.file.read_text().splitlines() if self.file.exists() else []
            self.lines: dict[str, dict[str, Any]] = {
                data["key"]: data for data in map(json.loads, lines)
            }
            for data in self.lines.values():
                _report(data)
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{self.file} is damaged ({error}): delete it, and the suites are attacked again"
            ) from None
        except OSError as error:
            raise LoopstabError(
                f"cannot read {self.file}: {error.strerror or error}; choose another --out"
            ) from None

    def find(self, key: str) -> Report | None:
        """The result of that key."""
        return _report(self.lines[key]) if key in self.lines else None

    def reports(self) -> list[Report]:
        """Every result, of whatever seed and limits."""
        return [_report(data) for data in self.lines.values()]

    def keep(self, key: str, report: Report) -> Report:
        """Write a result and the cases that fell; returns it with the names of their files."""
        evidence = self._saved(report, report.evidence, None, FOLDER)
        power = tuple(
            replace(p, evidence=self._saved(report, p.evidence, p.hypothesis, WITNESSES))
            for p in report.power
        )
        self.lines[key] = {"key": key, **replace(report, evidence=evidence, power=power).to_json()}
        write_atomic(
            self.file,
            "".join(json.dumps(line, allow_nan=False) + "\n" for line in self.lines.values()),
        )
        return _report(self.lines[key])

    def _saved(
        self, report: Report, evidence: Evidence | None, without: str | None, folder: str
    ) -> Evidence | None:
        if evidence is None:
            return None
        return replace(
            evidence,
            file=str(
                save(report, evidence, without, self.folder / folder).relative_to(self.folder)
            ),
        )


def _report(data: dict[str, Any]) -> Report:
    return Report.from_json({key: value for key, value in data.items() if key != "key"})
