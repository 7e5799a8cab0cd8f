"""The results of attacks in a folder, so that an interrupted run can be resumed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...support.errors import LoopstabError, UsageError
from ...support.files import write_atomic
from .archive import FOLDER, WITNESSES, save
from .verdict import Evidence, SuiteReport

RESULTS = "results.jsonl"
"""The name of the file of results in a folder."""


class Journal:
    """The results in a folder: one JSON line each, in a file that is rewritten at every change.

    Raises `UsageError` if a line is damaged, and `LoopstabError` if the file cannot be read.
    """

    def __init__(self, folder: Path):
        self.folder, self.file = folder, folder / RESULTS
        try:
            lines = self.file.read_text().splitlines() if self.file.exists() else []
            self.lines: dict[str, dict[str, Any]] = {
                data["key"]: data for data in map(json.loads, lines)
            }
            self.reports()
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{self.file} is damaged ({error}): delete it, and the suites are attacked again"
            ) from None
        except OSError as error:
            raise LoopstabError(
                f"cannot read {self.file}: {error.strerror or error}; choose another --out"
            ) from None

    def find(self, key: str) -> SuiteReport | None:
        """The result stored under this key."""
        return _report(self.lines[key]) if key in self.lines else None

    def reports(self) -> list[SuiteReport]:
        """All results, whatever their seeds and limits."""
        return [_report(data) for data in self.lines.values()]

    def keep(self, key: str, report: SuiteReport) -> SuiteReport:
        """Write a result and its counterexamples; returns it with the names of their files."""
        evidence = self._saved(report, report.evidence, None, FOLDER)
        power = tuple(
            replace(p, evidence=self._saved(report, p.evidence, p.hypothesis, WITNESSES))
            for p in report.power
        )
        self.lines[key] = {"key": key, **replace(report, evidence=evidence, power=power).to_json()}
        lines = (json.dumps(line, allow_nan=False) + "\n" for line in self.lines.values())
        write_atomic(self.file, "".join(lines))
        return _report(self.lines[key])

    def _saved(
        self, report: SuiteReport, evidence: Evidence | None, without: str | None, folder: str
    ) -> Evidence | None:
        if evidence is None:
            return None
        path = save(report, evidence, without, self.folder / folder)
        return replace(evidence, file=str(path.relative_to(self.folder)))


def _report(data: dict[str, Any]) -> SuiteReport:
    return SuiteReport.from_json({key: value for key, value in data.items() if key != "key"})
