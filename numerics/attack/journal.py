"""The results of attacks in a folder, so that an interrupted run can be resumed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ...support.errors import LoopstabError, UsageError
from ...support.files import write_atomic
from ...support.printable import printable
from ...support.regular_file import read_regular
from ...support.strict_json import parse_json
from .archive import FOLDER, WITNESSES, file_stem, save
from .budget import Budget
from .case import from_json, in_words, to_json
from .result_key import result_key
from .result_line import ResultLine
from .retrial import RetrialError, retry
from .suite import Suite
from .verdict import Evidence, SuiteReport

RESULTS = "results.jsonl"
"""The name of the file of results in a folder."""
MOST_BYTES = 100_000_000
"""Bytes of that file; a line has a few thousand."""


@dataclass(frozen=True)
class Results:
    """Results that were read from a folder.

    Attributes:
        reports: the results of the suites as their sources are now.
        judged_again: how many stored counterexamples and witnesses were judged again.
        not_counted: one line for each witness that does not hold up; it is left out of `reports`.
        others: how many results are of other sources, or altered, and therefore not in `reports`.
    """

    reports: tuple[SuiteReport, ...]
    judged_again: int
    not_counted: tuple[str, ...]
    others: int


class Journal:
    """The results in a folder: one JSON line each, in a file that is rewritten at every change.

    Raises `UsageError`, which names line and field, if the file is damaged, and `LoopstabError` if
    it cannot be read.
    """

    def __init__(self, folder: Path):
        self.folder, self.file = folder, folder / RESULTS
        self.lines: dict[str, ResultLine] = {}
        self._numbers: dict[str, int] = {}
        try:
            text = read_regular(self.file, MOST_BYTES) if self.file.exists() else b""
        except OSError as error:
            raise LoopstabError(
                f"cannot read {self.file}: {error.strerror or error}; choose another --out"
            ) from None
        except ValueError as error:
            raise self._damaged(str(error)) from None
        for number, line in enumerate(text.split(b"\n"), 1):
            if line.strip():
                self._read(number, line)

    def _read(self, number: int, text: bytes) -> None:
        try:
            line = ResultLine.from_json(parse_json(text))
        except ValueError as error:
            raise self._damaged(f"line {number}: {error}") from None
        if line.key in self.lines:
            raise self._damaged(f"line {number}: key is that of line {self._numbers[line.key]}")
        self.lines[line.key], self._numbers[line.key] = line, number

    def find(self, suite: Suite, budget: Budget, seed: int) -> SuiteReport | None:
        """The result of the suite under these limits and seed, and of these sources.

        None if there is none, or if one of its witnesses does not hold up.
        """
        line = self.lines.get(result_key(suite, budget, seed))
        if line is None or not line.belongs_to(suite):
            return None
        found = self._check(line, suite)
        return None if found.not_counted else found.reports[0]

    def results(self, suites: Iterable[Suite]) -> Results:
        """All results of these suites, whatever their seeds and limits.

        The key of every line is derived again, and every counterexample and witness is judged
        again. The numbers of cases tried are those of the file.
        """
        known = {suite.label: suite for suite in suites}
        found: list[Results] = []
        for line in self.lines.values():
            suite = known.get(line.report.label)
            if suite is None or not line.belongs_to(suite):
                found.append(Results((), 0, (), 1))
            else:
                found.append(self._check(line, suite))
        return Results(
            tuple(report for part in found for report in part.reports),
            sum(part.judged_again for part in found),
            tuple(text for part in found for text in part.not_counted),
            sum(part.others for part in found),
        )

    def _check(self, line: ResultLine, suite: Suite) -> Results:
        """The result in a line whose key is right, with its evidence judged again."""
        try:
            line.require_possible(suite)
            report = line.report
            evidence, problem = _again(suite, None, report.evidence)
            if problem is not None:
                raise ValueError(f"evidence {problem}")
        except ValueError as error:
            raise self._damaged(f"line {self._numbers.get(line.key, 0)}: {error}") from None
        powers, lost = [], []
        for power in report.power:
            witness, problem = _again(suite, power.hypothesis, power.evidence)
            powers.append(replace(power, evidence=witness))
            if problem is not None:
                lost.append(
                    f"{report.label}: the stored witness without '{power.hypothesis}' {problem}; it"
                    " does not count"
                )
        stored = [report.evidence, *(power.evidence for power in report.power)]
        judged = sum(item is not None and not item.error for item in stored)
        checked = replace(report, evidence=evidence, power=tuple(powers))
        return Results((checked,), judged, tuple(lost), 0)

    def keep(self, suite: Suite, budget: Budget, report: SuiteReport) -> SuiteReport:
        """Write a result and its counterexamples; returns it with the names of their files.

        An older result of the same suite, limits and seed goes away, and so does every file of the
        suite that no result names any more.
        """
        evidence = self._saved(report, report.evidence, None, FOLDER)
        power = tuple(
            replace(p, evidence=self._saved(report, p.evidence, p.hypothesis, WITNESSES))
            for p in report.power
        )
        kept = replace(report, evidence=evidence, power=power)
        # as it will be read, with rounded times
        line = ResultLine.of(suite, budget, SuiteReport.from_json(kept.to_json()))
        lines = {key: old for key, old in self.lines.items() if not line.replaces(old)}
        self.lines = {**lines, line.key: line}
        texts = (json.dumps(item.to_json(), allow_nan=False) for item in self.lines.values())
        write_atomic(self.file, "".join(f"{text}\n" for text in texts))
        self._clear(suite)
        return line.report

    def _clear(self, suite: Suite) -> None:
        """Delete the files of the suite that no result names."""
        name = re.compile(rf"{re.escape(file_stem(suite.claim, suite.name))}-[0-9a-f]{{16}}\.json")
        named = {file for line in self.lines.values() for file in line.files}
        for folder in (self.folder / FOLDER, self.folder / WITNESSES):
            for path in folder.glob("*.json") if folder.is_dir() else ():
                if name.fullmatch(path.name) and f"{folder.name}/{path.name}" not in named:
                    path.unlink(missing_ok=True)

    def _saved(
        self, report: SuiteReport, evidence: Evidence | None, without: str | None, folder: str
    ) -> Evidence | None:
        if evidence is None:
            return None
        path = save(report, evidence, without, self.folder / folder)
        return replace(evidence, file=f"{folder}/{path.name}")

    def _damaged(self, why: str) -> UsageError:
        text = f"{self.file} is damaged ({why}): delete it, and the suites are attacked again"
        return UsageError(printable(" ".join(text.split()), kept=frozenset()))


def _again(
    suite: Suite, without: str | None, evidence: Evidence | None
) -> tuple[Evidence | None, str | None]:
    """The evidence as its case is judged today, or None and what is wrong with it.

    An error is kept as it stands: it counts against the suite in any case.
    """
    if evidence is None:
        return None, None
    case = from_json(evidence.case)
    if evidence.error:
        words = printable(" ".join(evidence.words.split()), kept=frozenset())
        return replace(evidence, words=words, shown=in_words(case)), None
    try:
        found = retry(suite, without, case)
    except RetrialError as error:
        return None, str(error)
    if found.words is None:
        return None, "no longer breaks the property"
    return replace(
        evidence, case=to_json(found.case), words=found.words, shown=in_words(found.case)
    ), None
