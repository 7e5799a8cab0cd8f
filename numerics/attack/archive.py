"""Counterexamples as files that can be judged again: exact JSON, named by their content."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...support.errors import UsageError
from ...support.files import write_json
from .case import digest, from_json, in_words
from .search import judged
from .suite import Case, Suite, Undecided
from .verdict import Evidence, SuiteReport

FOLDER, WITNESSES = "counterexamples", "witnesses"
"""The folders of counterexamples to a claim, and of those with a hypothesis dropped, which witness
the power of a suite.
"""
_TEXTS = ("claim", "suite", "profile", "version", "words")
_FIELDS = dict.fromkeys(_TEXTS, str) | {"without": (str, type(None)), "seed": int, "case": dict}


@dataclass(frozen=True)
class Replay:
    """A case judged again.

    `then` and `now` are the judge's words when the case was saved and today; `now` is None when the
    property holds, and also when the judge is `undecided`.
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
        """Whether the case is still a counterexample, or may be one (undecided)."""
        return self.now is not None or self.undecided

    def to_json(self) -> dict[str, Any]:
        """The result as a plain object, with the case in words."""
        verdict = "undecided" if self.undecided else "breaks" if self.breaks else "holds"
        return {
            "claim": self.claim,
            "suite": self.suite,
            "without": self.without,
            "verdict": verdict,
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
    label = f"{report.claim.replace(chr(39), 'prime')}-{report.suite}"
    name = re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-")
    case = digest({**facts, "case": evidence.case})
    folder.mkdir(parents=True, exist_ok=True)
    return write_json(folder / f"{name}-{case}.json", {**content, "digest": digest(content)})


def load(path: str | Path) -> dict[str, Any]:
    """The content of a saved file, with its `case` as arrays.

    Raises `UsageError` if the file is missing or damaged.
    """
    try:
        data = json.loads(Path(path).read_text())
        content = {key: value for key, value in data.items() if key != "digest"}
        if data["digest"] != digest(content):
            raise ValueError("its content does not match its digest")
        if set(content) != set(_FIELDS) or not all(
            isinstance(content[key], kind) for key, kind in _FIELDS.items()
        ):
            raise ValueError("it is not a counterexample written by loopstab attack")
        return {**content, "case": from_json(content["case"])}
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror or error}; name a file written by loopstab attack"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(
            f"{path} is damaged ({error}): run the attack again to write it anew"
        ) from None


def replay(path: str | Path, suites: Sequence[Suite]) -> Replay:
    """Judge a saved case again; raises `UsageError` if its suite is not among `suites`."""
    content = load(path)
    label = f"{content['claim']}/{content['suite']}"
    suite = next((suite for suite in suites if suite.label == label), None)
    if suite is None:
        known = ", ".join(suite.label for suite in suites)
        raise UsageError(
            f"{path} belongs to the suite {label}, which does not exist; the suites are {known}"
        )
    now, undecided = None, False
    try:
        now = judged(suite.judge, content["case"])
    except Undecided:
        undecided = True
    except Exception as error:
        now = f"the judge failed: {type(error).__name__}: {error}"
    return Replay(
        claim=suite.claim,
        suite=suite.name,
        without=content["without"],
        case=content["case"],
        then=content["words"],
        now=now,
        undecided=undecided,
    )
