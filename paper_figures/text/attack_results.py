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

GRAVITY = (Fate.FALSIFIED, Fate.BROKEN, Fate.NO_POWER, Fate.UNDECIDED, Fate.SURVIVED)
"""The verdict on a claim is the first of these that one of its suites has."""


@dataclass(frozen=True)
class Attacks:
    """Results of attacks.

    Args:
        reports: in the order of the suites. A suite that was attacked with several seeds or limits
            has several reports.
        suites: how many suites exist.
    """

    reports: tuple[SuiteReport, ...]
    suites: int

    @classmethod
    def read(cls, folder: str | Path) -> Attacks:
        """The results in a folder, without those of suites that no longer exist.

        Raises `UsageError` if there are none or they are damaged.
        """
        place = {suite.label: i for i, suite in enumerate(all_suites())}
        known = [report for report in Journal(Path(folder)).reports() if report.label in place]
        if not known:
            raise UsageError(
                f"no results of attacks in {Path(folder) / RESULTS}: write them with loopstab"
                f" attack --out {folder}"
            )
        known.sort(key=lambda report: (place[report.label], report.profile, report.seed))
        return cls(tuple(known), len(place))

    @property
    def falsified(self) -> list[str]:
        """Claims to which a counterexample was found."""
        return [claim for claim, own in self._by_claim().items() if _fate(own) is Fate.FALSIFIED]

    @property
    def complaints(self) -> list[str]:
        """One line for each thing that is wrong; empty if every suite survived."""
        return [line for report in self.reports for line in report.complaints]

    def rows(self) -> list[dict[str, Any]]:
        """A table for a reader, with a row for each claim."""
        return [
            {
                "claim": claim,
                "verdict": _fate(own).words,
                "suites": len({r.suite for r in own}),
                "cases tried": sum(r.tried for r in own),
                "undecided": sum(r.undecided for r in own),
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
        return (
            f"Attacks: {len(attacked)} of {self.suites} suites tried"
            f" {sum(r.tried for r in self.reports)} cases ({sum(r.undecided for r in self.reports)}"
            f" undecided) and found {found}; {len(survived)} suites survived, and"
            f" {sum(p.fired for p in drops)} of {len(drops)} dropped hypotheses yielded a"
            " counterexample."
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
        return {"line": self.line(), "claims": claims, "results": reports}

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
