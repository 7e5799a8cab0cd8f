"""Attacks on the claims of the ledger."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from ...support.errors import UsageError, check_seed_and_jobs
from ...support.jsonable import json_text
from ...support.locks import exclusive_folder
from ...support.option_bounds import COUNT, MINUTES, check_options
from ...support.printable import printable
from ...support.schema import Maybe

if TYPE_CHECKING:
    from ...numerics.attack.budget import Budget
    from ...numerics.attack.verdict import SuiteReport


def attack(
    claim: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    profile: Literal["quick", "default", "deep"] = "quick",
    seed: int = 0,
    out: Path = Path("runs/attack"),
    minutes: float | None = None,
    examples: int | None = None,
    jobs: int = 1,
    replay: Path | None = None,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Search counterexamples to claims, and test the search itself.

    Each suite draws cases that satisfy all hypotheses of a property, and judges them independently
    of the proof. A counterexample is shrunk and written to OUT/counterexamples. Then each
    hypothesis is dropped in turn: a suite that finds no counterexample there either has no power.
    With the profile deep, suites that were finished in OUT with the same seed, limits and sources
    are skipped, so the same command resumes an interrupted run. Their counterexamples are judged
    again; the number of their cases is what OUT/results.jsonl says, and is printed as such.

    Examples: loopstab attack A1 A3 --profile quick --seed 1
     loopstab attack --profile deep --minutes 120 --jobs 2 --out runs/deep
     loopstab attack --replay runs/attack/counterexamples/A1-limit-0123456789abcdef.json

    Exit status: 0 if every suite survived and every dropped hypothesis yielded a counterexample. 1
    if a claim is falsified, a suite is undecided or broken, or a dropped hypothesis yielded none;
    each is named. 2 for a wrong request. With --replay: 0 if the case no longer breaks the
    property; 1 if it still does, or the judge is undecided; 2 for a damaged file, and for a case
    that the suite does not draw: other fields, or other assumptions fail than the one that the file
    names. A case of a dropped hypothesis must break the property and does not refute the claim; the
    verdict says so, and with --json so does the field refutes.

    Args:
        claim: Ids of claims. Without any, every claim that has suites is attacked.
        profile: How long to search: quick (seconds), default (minutes) or deep (--minutes).
        seed: Seed of the cases.
        out: Folder for results.jsonl and the counterexamples.
        minutes: Time limit of the whole command, shared by the suites; shrinking takes longer.
        examples: Number of cases for a suite of cost 1; the others judge fewer.
        jobs: Number of suites that run at the same time, in processes; -1 for all cores.
        replay: Judge the case in this file again, and do nothing else.
        json_: Print one JSON object instead of a table.
    """
    from ...numerics.attack.budget import find_budget
    from ...numerics.suites import all_suites, find_suites

    if replay is not None:
        if claim:
            raise UsageError("--replay judges one file: name no claims beside it")
        return _replay(replay, json_)
    check_seed_and_jobs(seed, jobs)
    check_options(minutes=(minutes, Maybe(MINUTES)), examples=(examples, Maybe(COUNT)))
    suites = find_suites(claim) if claim else all_suites()
    budget = find_budget(profile).limited(examples=examples)
    if minutes is not None:
        searches = sum(1 + budget.power_share * len(suite.drops) for suite in suites)
        budget = budget.limited(seconds=60 * minutes * _cores(jobs) / searches)
    kept: list[SuiteReport] = []
    with exclusive_folder(out):
        reports = _run(suites, budget, seed, out, jobs, kept)
    lines = [line for report in reports for line in report.complaints]
    if json_:
        print(
            json_text(
                {
                    "profile": profile,
                    "seed": seed,
                    "read, not run": [report.label for report in kept],
                    "suites": [report.to_json() for report in reports],
                }
            )
        )
    else:
        _print(reports, out)
        if kept:
            print(
                f"{len(kept)} of these suites, with {sum(report.tried for report in kept)} cases,"
                f" are read from {out}, not run here; their counterexamples were judged again"
            )
    for line in lines:
        print(line, file=sys.stderr)
    return 1 if lines else 0


def _cores(jobs: int) -> int:
    from joblib import cpu_count

    return cpu_count() if jobs == -1 else jobs


def _run(
    suites: Any, budget: Budget, seed: int, out: Path, jobs: int, kept: list[SuiteReport]
) -> list[SuiteReport]:
    """Attack the suites; those whose results were read are appended to `kept`."""
    from ...numerics.attack.runner import attack_all
    from ...numerics.suites import find_suites
    from ...support.progress_bar import progress_bar

    reports: dict[str, SuiteReport] = {}
    with progress_bar(total=len(suites), unit="suite") as bar:
        cases = 0

        def count(more: int) -> None:
            nonlocal cases
            cases += more
            # drawn at most once a second
            bar.set_postfix_str(f"{cases} cases", refresh=time.time() - bar.last_print_t > 1)

        for report in attack_all(
            suites,
            budget,
            seed,
            find=find_suites,
            out=out,
            resume=budget.name == "deep",
            jobs=jobs,
            progress=count,
            kept=kept.append,
        ):
            reports[report.label] = report
            bar.set_description(report.label)
            bar.update()
    return [reports[suite.label] for suite in suites]


def _print(reports: list[SuiteReport], out: Path) -> None:
    from ..text.tables import print_rows

    rows = [
        {
            "claim": report.claim,
            "suite": report.suite,
            "judged by": report.kind,
            "tried": report.tried,
            "undecided": report.undecided,
            "seconds": report.seconds + sum(power.seconds for power in report.power),
            "verdict": report.fate.words,
            "drops": f"{sum(p.fired for p in report.power)} / {len(report.power)}",
            "cases needed": ", ".join(
                str(power.examples) if power.fired else "-" for power in report.power
            ),
        }
        for report in reports
    ]
    print_rows(rows, "attacks")
    for report in reports:
        if report.evidence is not None:
            print(
                f"{report.label}: {report.evidence.words}\n  {report.evidence.shown}\n "
                f" {out / (report.evidence.file or '')}"
            )
    survived = sum(not report.complaints for report in reports)
    drops = [power for report in reports for power in report.power]
    print(
        f"{survived} of {len(reports)} suites survived {sum(report.tried for report in reports)}"
        f" cases ({sum(report.undecided for report in reports)} undecided);"
        f" {sum(power.fired for power in drops)} of {len(drops)} dropped hypotheses yielded a"
        " counterexample"
    )


def _replay(path: Path, json_: bool) -> int:
    from ...numerics.attack.archive import replay
    from ...numerics.suites import all_suites

    judged = replay(path, all_suites())
    data = judged.to_json()
    if json_:
        print(json_text(data))
    else:
        without = f" without '{judged.without}'" if judged.without and judged.now is None else ""
        now = judged.now or ("undecided" if judged.undecided else "the property holds")
        lines = (
            f"{judged.claim}/{judged.suite}{without}: {judged.verdict}",
            f"  {data['case']}",
            f"  then, by the file: {judged.then}",
            f"  now: {now}",
        )
        for line in lines:
            print(printable(line, kept=frozenset()))
    return 1 if judged.breaks else 0
