"""Counterexamples as files that can be judged again: exact JSON, named by their content."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...support.errors import UsageError
from ...support.files import write_json
from ...support.printable import printable
from ...support.regular_file import read_regular
from ...support.schema import Anything, MapOf, Maybe, ObjectOf, Text, Whole
from ...support.strict_json import parse_json
from .case import MOST_FIELDS, digest, from_json, in_words
from .retrial import RetrialError, retry
from .suite import Case, Suite
from .verdict import Evidence, SuiteReport

FOLDER, WITNESSES = "counterexamples", "witnesses"
"""The folders of counterexamples to a claim, and of those with a hypothesis dropped, which witness
the power of a suite.
"""
MOST_BYTES = 10_000_000
"""Bytes of a file; the largest cases that are drawn need a thousandth of it."""
FILE_NAME = re.compile(rf"(?:{FOLDER}|{WITNESSES})/[A-Za-z0-9-]+\.json")
"""The files that results name, relative to their folder."""
LAST_SEED = 2**64
RECORD = ObjectOf(
    {
        "claim": Text(20),
        "suite": Text(200),
        "without": Maybe(Text(1000)),
        "profile": Text(100),
        "seed": Whole(0, LAST_SEED),
        "version": Text(100),
        "words": Text(100_000),
        "case": MapOf(Anything(), most=MOST_FIELDS),
        "digest": Text(16),
    }
)
"""The fields of a file."""


@dataclass(frozen=True)
class Replay:
    """A case judged again.

    `then` is what the file says, `now` the judge's words today; `now` is None when the property
    holds, and also when the judge is `undecided`.
    """

    claim: str
    suite: str
    without: str | None
    case: Case
    then: str
    now: str | None
    undecided: bool = False

    @property
    def breaks(self) -> bool:
        """Whether the case still breaks the property, or may break it (undecided)."""
        return self.now is not None or self.undecided

    @property
    def refutes(self) -> bool:
        """Whether the case refutes the claim: it breaks the property, and no hypothesis fails."""
        return self.now is not None and self.without is None

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        if self.undecided:
            return "undecided"
        if self.now is None:
            return "holds"
        return "breaks" if self.refutes else f"breaks, as it must without '{self.without}'"

    def to_json(self) -> dict[str, Any]:
        """The result as a plain object, with the case in words."""
        return {
            "claim": self.claim,
            "suite": self.suite,
            "without": self.without,
            "verdict": self.verdict,
            "refutes": self.refutes,
            "then": self.then,
            "now": self.now,
            "case": in_words(self.case),
        }


def save(report: SuiteReport, evidence: Evidence, without: str | None, folder: Path) -> Path:
    """Write one counterexample; the same case always gets the same file name."""
    facts = {"claim": report.claim, "suite": report.suite, "without": without}
    content = {
        **facts,
        "profile": report.profile,
        "seed": report.seed,
        "version": version("loopstab"),
        "words": evidence.words,
        "case": evidence.case,
    }
    name = f"{file_stem(report.claim, report.suite)}-{digest({**facts, 'case': evidence.case})}"
    folder.mkdir(parents=True, exist_ok=True)
    return write_json(folder / f"{name}.json", {**content, "digest": digest(content)})


def file_stem(claim: str, suite: str) -> str:
    """How the names of a suite's files begin."""
    label = f"{claim.replace(chr(39), 'prime')}-{suite}"
    return re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-")


def load(path: str | Path) -> dict[str, Any]:
    """The content of a saved file, with its `case` as arrays.

    The digest of the file shows that it is whole. It does not show who wrote it, or that the case
    is one of the suite: for that the case is judged again.

    Raises `UsageError` if the file is missing or damaged.
    """
    try:
        data = parse_json(read_regular(path, MOST_BYTES))
        RECORD.check(data, "")
        content = {key: value for key, value in data.items() if key != "digest"}
        if data["digest"] != digest(content):
            raise ValueError("its content does not match its digest")
        return {**content, "case": from_json(content["case"])}
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror or error}; name a file written by loopstab attack"
        ) from None
    except ValueError as error:
        raise UsageError(
            _line(f"{path} is damaged ({error}): run the attack again to write it anew")
        ) from None


def replay(path: str | Path, suites: Sequence[Suite]) -> Replay:
    """Judge a saved case again.

    Raises `UsageError` if the file is damaged, its suite is not among `suites`, or the suite could
    not have drawn its case: see `retry`.
    """
    content = load(path)
    label = f"{content['claim']}/{content['suite']}"
    suite = next((suite for suite in suites if suite.label == label), None)
    if suite is None:
        known = ", ".join(suite.label for suite in suites)
        raise UsageError(
            _line(
                f"{path} belongs to the suite {label}, which does not exist; the suites are {known}"
            )
        )
    try:
        found = retry(suite, content["without"], content["case"])
    except RetrialError as error:
        raise UsageError(_line(f"{path} {error}; name a file written by loopstab attack")) from None
    return Replay(
        claim=suite.claim,
        suite=suite.name,
        without=content["without"],
        case=found.case,
        then=content["words"],
        now=found.words,
        undecided=found.undecided,
    )


def _line(text: str) -> str:
    """The text on one line, without anything that acts on a terminal."""
    return printable(" ".join(text.split()), kept=frozenset())
