"""Counterexamples as files that can be judged again: JSON, exact, named by their content."""

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
from .verdict import Evidence, Report

FOLDER, WITNESSES = "counterexamples", "witnesses"
"""of claims, and of the drops: what shows that a suite has power"""
_TEXTS = ("claim", "suite", "profile", "version", "words")
_FIELDS = dict.fromkeys(_TEXTS, str) | {"without": (str, type(None)), "seed": int, "case": dict}


@dataclass(frozen=True)
class Replay:
    """A case judged again: what the judge said then and says now (None: the property holds), or
    that it cannot decide.
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
        """Whether the case still is a counterexample, or may be one."""
        return self.now is not None or self.undecided

    def to_json(self) -> dict[str, Any]:
        """Plain object without the case."""
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


def save(report: Report, evidence: Evidence, without: str | None, folder: Path) -> Path:
    """Write one case that fell; the same case always gets the same name."""
    content = {
        "claim": report.claim,
        "suite": report.suite,
        "without": without,
        "profile": report.profile,
        "seed": report.seed,
        "version": version("loopstab"),
        "words": evidence.words,
        "case": evidence.case,
    }
    name = re.sub(
        r"[^A-Za-z0-9]+", "-", f"{report.claim.replace(chr(39), 'prime')}-{report.suite}"
    ).strip("-")
    case = digest(
        {"claim": report.claim, "suite": report.suite, "without": without, "case": evidence.case}
    )
    folder.mkdir(parents=True, exist_ok=True)
    return write_json(folder / f"{name}-{case}.json", {**content, "digest": digest(content)})


def load(path: str | Path) -> dict[str, Any]:
    """The content of a saved case, its `case` as arrays; `UsageError` if the file is missing or
    damaged.
    """
    try:
        data = json.loads(Path(path).read_text())
        content = {key: value for key, value in data.items() if key != "digest"}
        if data["digest"] != digest(content):
            raise ValueError("its content does not fit its digest")
        if set(content) != set(_FIELDS) or not all(
            isinstance(content[key], kind) for key, kind in _FIELDS.items()
        ):
            raise ValueError("it is no counterexample of loopstab attack")
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
    """Judge a saved case again; `UsageError` if no suite of that name is left."""
    content = load(path)
    suite = next(
        (s for s in suites if (s.claim, s.name) == (content["claim"], content["suite"])), None
    )
    if suite is None:
        known = ", ".join(s.label for s in suites)
        raise UsageError(
            f"{path} is of the suite {content['claim']}/{content['suite']}, which does not exist:"
            f" there are {known}"
        )
    now, undecided = None, False
    try:
        now = judged(suite.judge, content["case"])
    except Undecided:
        undecided = True
    except Exception as error:
        now = f"the judge failed: {type(error).__name__}: {error}"
    return Replay(
        suite.claim,
        suite.name,
        content["without"],
        content["case"],
        content["words"],
        now,
        undecided,
    )
