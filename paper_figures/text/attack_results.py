"""The results of attacks, read from the folder that `loopstab attack --out` wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...numerics.attack.journal import RESULTS, Journal
from ...numerics.attack.verdict import Fate, SuiteReport
from ...numerics.suites import all_suites
from ...support.errors import UsageError
from ...support.printable import printable

GRAVITY = (Fate.FALSIFIED, Fate.BROKEN, Fate.NO_POWER, Fate.UNDECIDED, Fate.SURVIVED)
"""The verdict on a claim is the first of these that one of its suites has."""


@dataclass(frozen=True)
class Attacks:
    """Results of attacks, as a folder tells them.

    No case was tried here. Every stored counterexample, and every witness of a dropped hypothesis,
    was judged again; the numbers of cases that were tried without one, of undecided cases and of
    seconds are those of the file, and anyone who can write the file can write others.

    Args:
        reports: in the order of the suites. A suite that was attacked with several seeds or limits
            has several reports.
        suites: how many suites exist.
        file: the file that was read.
        judged_again: how many stored counterexamples and witnesses were judged again.
        not_counted: one line for each witness that does not hold up.
        others: how many results are not shown, because they are of other sources or were altered.
    """

    reports: tuple[SuiteReport, ...]
    suites: int
    file: str
    judged_again: int = 0
    not_counted: tuple[str, ...] = ()
    others: int = 0

    @classmethod
    def read(cls, folder: str | Path) -> Attacks:
        """The results in a folder that are of the suites as their sources are now.

        Raises `UsageError` if there are none or they are damaged.
        """
        place = {suite.label: i for i, suite in enumerate(all_suites())}
        journal = Journal(Path(folder))
        found = journal.results(all_suites())
        reports = sorted(found.reports, key=lambda r: (place[r.label], r.profile, r.seed))
        if not reports:
            others = f" ({found.others} of other sources or altered)" if found.others else ""
            raise UsageError(
                f"no results of attacks in {Path(folder) / RESULTS}{others}: write them with"
                f" loopstab attack --out {folder}"
            )
        return cls(
            tuple(reports),
            len(place),
            printable(str(journal.file), kept=frozenset()),
            found.judged_again,
            found.not_counted,
            found.others,
        )

    @property
    def origin(self) -> str:
        """Where the numbers of cases come from."""
        return f"read from {self.file}, not run here"

    @property
    def falsified(self) -> list[str]:
        """Claims to which a counterexample was found."""
        return [claim for claim, own in self._by_claim().items() if _fate(own) is Fate.FALSIFIED]

    @property
    def complaints(self) -> list[str]:
        """One line for each thing that is wrong; empty if every suite survived."""
        lines = [line for report in self.reports for line in report.complaints]
        return [*lines, *self.not_counted]

    @property
    def notes(self) -> list[str]:
        """What was done with the results here, and what is not shown."""
        notes = [
            f"The numbers of cases tried and undecided are {self.origin}. {self.judged_again}"
            " stored counterexamples, those with a hypothesis dropped among them, were judged again"
            " here."
        ]
        if self.others:
            notes.append(
                f"Not shown: {self.others} results of other sources, or altered; run the attack"
                " again to see results of these sources."
            )
        return notes

    def rows(self) -> list[dict[str, Any]]:
        """A table for a reader, with a row for each claim."""
        return [
            {
                "claim": claim,
                "verdict": _fate(own).words,
                "suites": len({r.suite for r in own}),
                "cases tried": sum(r.tried for r in own),
                "undecided": sum(r.undecided for r in own),
                "cases": self.origin,
                "drops with a counterexample": _share_of_drops(own),
                "judged by": ", ".join(dict.fromkeys(r.kind for r in own)),
                "profile (seeds)": _profiles(own),
            }
            for claim, own in self._by_claim().items()
        ]

    def line(self) -> str:
        """The results in one sentence."""
        attacked = {r.label for r in self.reports}
        survived = attacked - {r.label for r in self.reports if r.fate is not Fate.SURVIVED}
        drops = [power for report in self.reports for power in report.power]
        found = (
            f"counterexamples to {', '.join(self.falsified)}"
            if self.falsified
            else "no counterexample to any claim"
        )
        others = f" Not shown: {self.others} results of other sources." if self.others else ""
        return (
            f"Attacks ({self.origin}): {len(attacked)} of {self.suites} suites tried"
            f" {sum(r.tried for r in self.reports)} cases ({sum(r.undecided for r in self.reports)}"
            f" undecided) and found {found}; {len(survived)} suites survived. Judged again here:"
            f" {self.judged_again} stored counterexamples; {sum(p.fired for p in drops)} of"
            f" {len(drops)} dropped hypotheses have one.{others}"
        )

    def to_json(self) -> dict[str, Any]:
        """A plain object: the sentence, a row for each claim, and every result.

        The cases of the counterexamples are left out: they lie in files beside the results.
        """
        reports = [r.to_json() for r in self.reports]
        for report in reports:
            for part in (report, *report["power"]):
                if part["evidence"] is not None:
                    del part["evidence"]["case"]
        claims = []
        for row, own in zip(self.rows(), self._by_claim().values(), strict=True):
            drops = row.pop("drops with a counterexample")
            claims.append({**row, "verdict": str(_fate(own)), "drops fired": drops})
        return {
            "line": self.line(),
            "cases": self.origin,
            "judged_again": self.judged_again,
            "not_counted": list(self.not_counted),
            "not_shown": self.others,
            "claims": claims,
            "results": reports,
        }

    def _by_claim(self) -> dict[str, list[SuiteReport]]:
        return {
            claim: [r for r in self.reports if r.claim == claim]
            for claim in dict.fromkeys(r.claim for r in self.reports)
        }


def _fate(reports: Sequence[SuiteReport]) -> Fate:
    return min((report.fate for report in reports), key=GRAVITY.index)


def _share_of_drops(reports: Sequence[SuiteReport]) -> str:
    drops = [power for report in reports for power in report.power]
    return f"{sum(power.fired for power in drops)} of {len(drops)}"


def _profiles(reports: Sequence[SuiteReport]) -> str:
    """The profiles, each with the seeds that were used."""
    texts = []
    for profile in dict.fromkeys(r.profile for r in reports):
        seeds = sorted({r.seed for r in reports if r.profile == profile})
        texts.append(f"{profile} ({', '.join(map(str, seeds))})")
    return "; ".join(texts)
