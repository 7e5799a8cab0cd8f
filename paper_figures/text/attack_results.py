"""Results of attacks, from the folder of `loopstab attack --out` or as the package ships them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ...numerics.attack.budget import PROFILES, Budget
from ...numerics.attack.journal import RESULTS, Journal
from ...numerics.attack.verdict import Fate, SuiteReport
from ...numerics.suites import all_suites
from ...support.errors import UsageError
from ...support.printable import printable

SHIPPED = Path(__file__).parents[1] / "records" / "attack"
"""The folder of the results that the package ships."""
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
        shipped: whether they are those that the package ships.
        earlier: shipped results of suites whose sources have changed since, as the file tells them.
        commands: the commands that made the results.
        keys: a hash of the keys of all results in the file, which depend on the sources, limits and
            seeds under which they were made.
    """

    reports: tuple[SuiteReport, ...]
    suites: int
    file: str
    judged_again: int = 0
    not_counted: tuple[str, ...] = ()
    others: int = 0
    shipped: bool = False
    earlier: tuple[SuiteReport, ...] = ()
    commands: tuple[str, ...] = ()
    keys: str = ""

    @classmethod
    def read(cls, folder: str | Path) -> Attacks:
        """The results in a folder that are of the suites as their sources are now.

        Raises `UsageError` if there are none or they are damaged.
        """
        journal = Journal(Path(folder))
        found = journal.results(all_suites())
        if not found.reports:
            others = f" ({found.others} of other sources or altered)" if found.others else ""
            raise UsageError(
                f"no results of attacks in {Path(folder) / RESULTS}{others}: write them with"
                f" loopstab attack --out {folder}"
            )
        return cls(
            _in_order(found.reports),
            len(all_suites()),
            printable(str(journal.file), kept=frozenset()),
            found.judged_again,
            found.not_counted,
            found.others,
            commands=_commands(journal),
            keys=_hash(journal),
        )

    @classmethod
    def read_shipped(cls, folder: str | Path = SHIPPED) -> Attacks:
        """The results that come with the sources; nothing is judged again.

        Results of suites whose sources have changed since are told too, apart from the others. In
        a file from elsewhere such a result cannot be told from an altered one.

        Raises `UsageError` if the file is damaged.
        """
        journal = Journal(Path(folder))
        suites = {suite.label: suite for suite in all_suites()}
        lines = [line for line in journal.lines.values() if line.report.label in suites]
        now = [line for line in lines if line.belongs_to(suites[line.report.label])]
        try:
            for line in now:
                line.require_possible(suites[line.report.label])
        except ValueError as error:
            raise UsageError(f"{journal.file} is damaged ({error}): restore it") from None
        return cls(
            _in_order(line.report for line in now),
            len(suites),
            RESULTS,
            others=len(journal.lines) - len(lines),
            shipped=True,
            earlier=_in_order(line.report for line in lines if line not in now),
            commands=_commands(journal),
            keys=_hash(journal),
        )

    @property
    def origin(self) -> str:
        """Where the numbers of cases come from."""
        return f"{'shipped' if self.shipped else f'read from {self.file}'}, not run here"

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
        again = (
            "No stored counterexample was judged again here: loopstab report --attacks does that."
            if self.shipped
            else f"{self.judged_again} stored counterexamples, those with a hypothesis dropped"
            " among them, were judged again here."
        )
        notes = [
            f"The numbers of cases tried and undecided are {self.origin}. {again}",
            f"Made by: {' and '.join(self.commands)}. Hash of the keys of the results, which depend"
            f" on sources, limits and seeds: {self.keys}.",
        ]
        if self.earlier:
            labels = ", ".join(dict.fromkeys(report.label for report in self.earlier))
            notes.append(
                "Made by an earlier version, and in none of the tables: the sources of"
                f" {len(self.earlier)} suites have changed since. They are {labels}."
            )
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
        if self.earlier:
            others += f" {len(self.earlier)} suites were attacked by an earlier version."
        again = f" Judged again here: {self.judged_again} stored counterexamples;"
        return (
            f"Attacks ({self.origin}): {len(attacked)} of {self.suites} suites tried"
            f" {sum(r.tried for r in self.reports)} cases ({sum(r.undecided for r in self.reports)}"
            f" undecided) and found {found}; {len(survived)} suites survived."
            f"{'' if self.shipped else again} {sum(p.fired for p in drops)} of {len(drops)}"
            f" dropped hypotheses have one.{others}"
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
            "commands": list(self.commands),
            "keys": self.keys,
            "by_an_earlier_version": [report.label for report in self.earlier],
            "claims": claims,
            "results": reports,
        }

    def _by_claim(self) -> dict[str, list[SuiteReport]]:
        return {
            claim: [r for r in self.reports if r.claim == claim]
            for claim in dict.fromkeys(r.claim for r in self.reports)
        }


def _in_order(reports: Iterable[SuiteReport]) -> tuple[SuiteReport, ...]:
    """In the order of the suites."""
    place = {suite.label: i for i, suite in enumerate(all_suites())}
    return tuple(sorted(reports, key=lambda r: (place[r.label], r.profile, r.seed)))


def _commands(journal: Journal) -> tuple[str, ...]:
    found = (_command(line.limits, line.report.seed) for line in journal.lines.values())
    return tuple(dict.fromkeys(found))


def _hash(journal: Journal) -> str:
    return sha256("".join(sorted(journal.lines)).encode()).hexdigest()[:12]


def _command(limits: Budget, seed: int) -> str:
    """The command that attacks under these limits."""
    usual = PROFILES[limits.name]
    examples = f" --examples {limits.examples}" if limits.examples != usual.examples else ""
    command = f"loopstab attack --profile {limits.name}{examples} --seed {seed}"
    bound = f", {limits.seconds:.3g} s for each search" if limits.seconds != usual.seconds else ""
    return command + bound


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
