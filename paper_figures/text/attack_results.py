"""What attacks found, read from the results that `loopstab attack --out` wrote: a row for each
claim.
"""

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
"""the fate of a claim is the first of these that one of its suites met"""


@dataclass(frozen=True)
class Attacks:
    """Results in the order of the suites, several of a suite that was attacked with several seeds
    or limits; and how many suites exist.
    """

    reports: tuple[SuiteReport, ...]
    suites: int

    @classmethod
    def read(cls, folder: str | Path) -> Attacks:
        """The results in a folder, without those of suites that no longer exist; `UsageError` if
        there are none or they are damaged.
        """
        place = {suite.label: i for i, suite in enumerate(all_suites())}
        known = [report for report in Journal(Path(folder)).reports() if report.label in place]
        if not known:
            raise UsageError(
                f"no results of attacks in {Path(folder) / RESULTS}: write them with loopstab"
                f" attack --out {folder}"
            )
        return cls(
            tuple(sorted(known, key=lambda r: (place[r.label], r.profile, r.seed))), len(place)
        )

    @property
    def fallen(self) -> list[str]:
        """Claims of which a counterexample was found."""
        return [
            claim for claim, reports in self._by_claim().items() if _fate(reports) is Fate.FALSIFIED
        ]

    @property
    def complaints(self) -> list[str]:
        """What is wrong, a line each; empty if every suite survived."""
        return [line for report in self.reports for line in report.complaints]

    def rows(self) -> list[dict[str, Any]]:
        """A row for each claim: plain values only."""
        return [
            {
                "claim": claim,
                "verdict": str(_fate(own)),
                "suites": len({r.suite for r in own}),
                "cases tried": sum(r.tried for r in own),
                "undecided": sum(r.undecided for r in own),
                "drops fired": (
                    f"{sum(p.fired for r in own for p in r.power)} of"
                    f" {sum(len(r.power) for r in own)}"
                ),
                "judged by": ", ".join(dict.fromkeys(r.kind for r in own)),
                "profile (seeds)": "; ".join(
                    f"{p} ({', '.join(s)})" for p, s in _profiles(own).items()
                ),
            }
            for claim, own in self._by_claim().items()
        ]

    def line(self) -> str:
        """One sentence."""
        attacked = {r.label for r in self.reports}
        survived = attacked - {r.label for r in self.reports if r.fate is not Fate.SURVIVED}
        drops = [power for report in self.reports for power in report.power]
        fell = (
            f"counterexamples to {', '.join(self.fallen)}"
            if self.fallen
            else "no counterexample to any claim"
        )
        return (
            f"Attacks: {len(attacked)} of {self.suites} suites tried"
            f" {sum(r.tried for r in self.reports)} cases ({sum(r.undecided for r in self.reports)}"
            f" undecided) and found {fell}; {len(survived)} suites survived,"
            f" {sum(p.fired for p in drops)} of {len(drops)} dropped hypotheses were found out."
        )

    def to_json(self) -> dict[str, Any]:
        """Plain object: the rows, and every result without its cases, which lie beside the
        results.
        """
        reports = [r.to_json() for r in self.reports]
        for report in reports:
            for part in (report, *report["power"]):
                if part["evidence"] is not None:
                    del part["evidence"]["case"]
        return {"line": self.line(), "claims": self.rows(), "results": reports}

    def _by_claim(self) -> dict[str, list[SuiteReport]]:
        return {
            claim: [r for r in self.reports if r.claim == claim]
            for claim in dict.fromkeys(r.claim for r in self.reports)
        }


def _fate(reports: Sequence[SuiteReport]) -> Fate:
    return min((report.fate for report in reports), key=GRAVITY.index)


def _profiles(reports: Sequence[SuiteReport]) -> dict[str, list[str]]:
    seeds = {
        profile: sorted({r.seed for r in reports if r.profile == profile})
        for profile in dict.fromkeys(r.profile for r in reports)
    }
    return {profile: [str(seed) for seed in found] for profile, found in seeds.items()}
