"""The report of the attack on one suite, and its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

MOST_UNDECIDED = 0.1
"""The share of undecided cases above which a suite counts as undecided: then too few cases were
judged to speak of survival.
"""


class Fate(StrEnum):
    """The verdict on a suite; only `SURVIVED` is good. Values are those of the JSON files."""

    SURVIVED = "survived"
    """No counterexample; nearly every case decided; a counterexample for every drop."""
    FALSIFIED = "fallen"
    """A case that satisfies every hypothesis is a counterexample."""
    BROKEN = "broken"
    """A judge or a strategy raised an error."""
    NO_POWER = "powerless"
    """With one of its hypotheses dropped the suite found no counterexample either."""
    UNDECIDED = "undecided"
    """More than `MOST_UNDECIDED` of the cases could not be judged, or there was none."""

    @property
    def words(self) -> str:
        """The verdict as it is printed: the name of the member."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True)
class Evidence:
    """A counterexample as plain data.

    `case` is the case as `numerics.attack.case.to_json` writes it, `shown` the same case for a
    reader, `words` the judge's description, `file` where the case is saved. With `error`, the judge
    or the strategy raised an error on this case instead.
    """

    case: Mapping[str, Any]
    shown: str
    words: str
    error: bool = False
    file: str | None = None


@dataclass(frozen=True)
class Power:
    """The search with one hypothesis dropped.

    `examples` counts the cases judged, up to the first counterexample if there was one.
    """

    hypothesis: str
    examples: int
    undecided: int
    seconds: float
    evidence: Evidence | None

    @property
    def fired(self) -> bool:
        """Whether a counterexample was found."""
        return self.evidence is not None and not self.evidence.error


@dataclass(frozen=True)
class SuiteReport:
    """The attack on one suite under one profile and seed.

    `statement` is the suite's property and `kind` its evidence: closed form, certificate or sample.
    `tried` counts the cases judged, `undecided` those of them without a decision; `evidence` is the
    counterexample, if one was found, and `power` has a search for each hypothesis dropped.
    """

    claim: str
    suite: str
    statement: str
    kind: str
    profile: str
    seed: int
    tried: int
    undecided: int
    seconds: float
    evidence: Evidence | None
    power: tuple[Power, ...]

    @property
    def label(self) -> str:
        """Claim and suite."""
        return f"{self.claim}/{self.suite}"

    @property
    def fate(self) -> Fate:
        """The verdict."""
        found = [self.evidence, *(power.evidence for power in self.power)]
        if self.evidence is not None and not self.evidence.error:
            return Fate.FALSIFIED
        if any(evidence is not None and evidence.error for evidence in found):
            return Fate.BROKEN
        if not all(power.fired for power in self.power):
            return Fate.NO_POWER
        if self.tried == 0 or self.undecided > MOST_UNDECIDED * self.tried:
            return Fate.UNDECIDED
        return Fate.SURVIVED

    @property
    def complaints(self) -> list[str]:
        """One line for each thing that is wrong; empty if the suite survived."""
        out = []
        if self.evidence is not None:
            word = "broken" if self.evidence.error else "the claim is falsified"
            out.append(f"{self.label}: {word}: {self.evidence.words}; {self.evidence.shown}")
        for power in self.power:
            without = f"without '{power.hypothesis}'"
            if power.evidence is not None and power.evidence.error:
                evidence = power.evidence
                out.append(f"{self.label}, {without}: {evidence.words}; {evidence.shown}")
            elif not power.fired:
                cases = f"{power.examples} cases"
                if power.undecided:
                    cases += f", {power.undecided} undecided"
                out.append(f"{self.label}: no counterexample {without} in {cases}")
        if self.fate is Fate.UNDECIDED:
            out.append(f"{self.label}: {self.undecided} of {self.tried} cases undecided")
        return out

    def to_json(self) -> dict[str, Any]:
        """The report as a plain object."""
        out = asdict(self)
        for part in (out, *out["power"]):
            part["seconds"] = round(part["seconds"], 3)
        powers = [
            {**data, "fired": power.fired}
            for data, power in zip(out["power"], self.power, strict=True)
        ]
        return {**out, "power": powers, "fate": str(self.fate)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SuiteReport:
        """The report written by `to_json`; raises `TypeError` or `KeyError` for anything else."""
        fields = {key: value for key, value in data.items() if key != "fate"}
        powers = []
        for power in data["power"]:
            item = {key: value for key, value in power.items() if key != "fired"}
            powers.append(Power(**{**item, "evidence": _evidence(item["evidence"])}))
        evidence = _evidence(data["evidence"])
        return cls(**{**fields, "evidence": evidence, "power": tuple(powers)})


def _evidence(data: Mapping[str, Any] | None) -> Evidence | None:
    return None if data is None else Evidence(**data)
