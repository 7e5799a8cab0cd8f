"""A result as a line of a file, and what such a line can say at all.

No secret seals a line. What can be derived again is derived again: the key from suite, limits and
seed, the verdict from the counterexamples, and these from their cases. What is left is the number
of cases tried, which must be possible within the limits and is otherwise taken on trust.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ...support.schema import (
    Anything,
    Flag,
    ListOf,
    MapOf,
    Maybe,
    Number,
    ObjectOf,
    SchemaError,
    Text,
    Whole,
)
from .archive import FILE_NAME, LAST_SEED
from .budget import PROFILES, Budget
from .case import MOST_FIELDS, from_json
from .result_key import result_key
from .suite import Suite
from .verdict import Evidence, Fate, SuiteReport

LARGEST_COUNT = 10**12
LONGEST = 366 * 86400.0
"""Seconds that a search may have taken."""
FASTEST = 1e-5
"""Seconds that one case takes at the least: drawing one alone takes ten times as long."""
_COUNT = Whole(0, LARGEST_COUNT)
_WORDS = Text(100_000)
_LIMITS = ObjectOf(
    {
        "name": Text(100, names=tuple(PROFILES)),
        "examples": Whole(1, LARGEST_COUNT),
        "least": _COUNT,
        "power": Whole(1, LARGEST_COUNT),
        "seconds": Number(0, 1e12, above=True),
        "shrink": _COUNT,
        "size": Maybe(Whole(1, 10_000)),
        "power_share": Number(0, 1, above=True),
    }
)
_EVIDENCE = Maybe(
    ObjectOf(
        {
            "case": MapOf(Anything(), most=MOST_FIELDS),
            "shown": _WORDS,
            "words": _WORDS,
            "error": Flag(),
            "file": Maybe(Text(300)),
        }
    )
)
_POWER = ObjectOf(
    {
        "hypothesis": Text(1000),
        "examples": _COUNT,
        "undecided": _COUNT,
        "seconds": Number(0, LONGEST),
        "evidence": _EVIDENCE,
        "fired": Flag(),
    }
)
_LINE = ObjectOf(
    {
        "key": Text(16),
        "limits": _LIMITS,
        "claim": Text(20),
        "suite": Text(200),
        "statement": Text(10_000),
        "kind": Text(200),
        "profile": Text(100, names=tuple(PROFILES)),
        "seed": Whole(0, LAST_SEED),
        "tried": _COUNT,
        "undecided": _COUNT,
        "seconds": Number(0, LONGEST),
        "evidence": _EVIDENCE,
        "power": ListOf(_POWER, longest=1000),
        "fate": Text(names=tuple(map(str, Fate))),
    }
)


@dataclass(frozen=True)
class ResultLine:
    """A result with the limits under which it was found.

    Example:
        >>> from loopstab.numerics.attack.budget import PROFILES
        >>> from loopstab.numerics.attack.result_line import ResultLine
        >>> from loopstab.numerics.attack.runner import attack
        >>> from loopstab.numerics.suites import find_suites
        >>> suite, quick = find_suites(["A1"])[0], PROFILES["quick"].limited(examples=5)
        >>> line = ResultLine.of(suite, quick, attack(suite, quick))
        >>> ResultLine.from_json(line.to_json()).belongs_to(suite)
        True
    """

    key: str
    limits: Budget
    report: SuiteReport
    fate: str
    fired: tuple[bool, ...]

    @classmethod
    def of(cls, suite: Suite, limits: Budget, report: SuiteReport) -> ResultLine:
        """The line of a report on a suite."""
        key = result_key(suite, limits, report.seed)
        fired = tuple(power.fired for power in report.power)
        return cls(key, limits, report, str(report.fate), fired)

    def to_json(self) -> dict[str, Any]:
        """The line as a plain object."""
        return {"key": self.key, "limits": asdict(self.limits), **self.report.to_json()}

    @classmethod
    def from_json(cls, data: Any) -> ResultLine:
        """The line written by `to_json`; raises `SchemaError`, which names the field."""
        _LINE.check(data, "")
        report = {key: data[key] for key in data if key not in ("key", "limits")}
        for name, evidence in _all_evidence(data):
            if evidence["file"] is not None and not FILE_NAME.fullmatch(evidence["file"]):
                raise SchemaError(f"{name}.file is no name of a file of attacks")
            from_json(evidence["case"])
        return cls(
            data["key"],
            Budget(**data["limits"]),
            SuiteReport.from_json(report),
            data["fate"],
            tuple(power["fired"] for power in data["power"]),
        )

    @property
    def files(self) -> set[str]:
        """The files of its counterexamples and witnesses."""
        found = [self.report.evidence, *(power.evidence for power in self.report.power)]
        return {item.file for item in found if item is not None and item.file is not None}

    def belongs_to(self, suite: Suite) -> bool:
        """Whether it is a result of this suite as its sources are now.

        If it is not, the sources have changed since, or the line was altered.
        """
        if self.report.label != suite.label:
            return False
        return self.key == result_key(suite, self.limits, self.report.seed)

    def replaces(self, other: ResultLine) -> bool:
        """Whether both are results of the same suite, limits and seed, of whatever sources."""
        own, old = self.report, other.report
        return (own.label, own.seed, self.limits) == (old.label, old.seed, other.limits)

    def require_possible(self, suite: Suite) -> None:
        """Raise `SchemaError`, which names the field, if no attack on the suite ends like this."""
        report, limits = self.report, self.limits
        hypotheses = tuple(power.hypothesis for power in report.power)
        if report.statement != suite.property:
            raise SchemaError("statement is not the property of the suite")
        if report.kind != suite.evidence:
            raise SchemaError("kind is not the evidence of the suite")
        if report.profile != limits.name:
            raise SchemaError("profile is not that of the limits")
        if hypotheses != tuple(drop.hypothesis for drop in suite.drops):
            raise SchemaError("power does not have the dropped hypotheses of the suite")
        _require_search(
            "tried",
            (report.tried, limits.cases(suite.cost)),
            report.undecided,
            report.seconds,
            report.evidence,
        )
        for i, power in enumerate(report.power):
            _require_search(
                f"power[{i}].examples",
                (power.examples, limits.power_cases(suite.cost)),
                power.undecided,
                power.seconds,
                power.evidence,
            )
            if power.fired != self.fired[i]:
                raise SchemaError(f"power[{i}].fired does not follow from its evidence")
        if str(report.fate) != self.fate:
            raise SchemaError("fate does not follow from what was found")


def _require_search(
    name: str, tried: tuple[int, int], undecided: int, seconds: float, evidence: Evidence | None
) -> None:
    """Raise `SchemaError` unless a search may end like this.

    `tried` has the number of cases, and the most that the limits allow.
    """
    count, most = tried
    if count > most:
        raise SchemaError(f"{name} is {count}, but the limits allow {most} cases")
    if undecided > count:
        raise SchemaError(f"{name} is {count}, fewer than the {undecided} undecided cases")
    # results are written with three decimals
    if count * FASTEST > seconds + 0.001:
        raise SchemaError(f"{name} is {count}, more than {seconds:g} seconds allow")
    if evidence is not None and count == 0 and not evidence.error:
        raise SchemaError(f"{name} is 0, but there is a counterexample")


def _all_evidence(data: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    parts = [("evidence", data["evidence"])]
    parts += [(f"power[{i}].evidence", power["evidence"]) for i, power in enumerate(data["power"])]
    return [(name, evidence) for name, evidence in parts if evidence is not None]
