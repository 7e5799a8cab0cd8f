"""What an attack on one suite found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

MOST_UNDECIDED = 0.1
"""share of undecided cases above which a suite has not survived"""


class Fate(StrEnum):
    """The verdict on a suite; only `survived` is good."""

    SURVIVED = "survived"
    """no counterexample, nearly every case decided, and every drop found one"""
    FALLEN = "fallen"
    """a case that satisfies every hypothesis is a counterexample"""
    BROKEN = "broken"
    """a judge or a strategy raised an error"""
    POWERLESS = "powerless"
    """without one of its hypotheses the suite found no counterexample either"""
    UNDECIDED = "undecided"
    """more than a tenth of the cases could not be judged, or none was"""


@dataclass(frozen=True)
class Evidence:
    """A case that fell, as plain data (`numerics.attack.case.to_json`), readable, and with what the
    judge said.
    """

    case: Mapping[str, Any]
    shown: str
    words: str
    error: bool = False
    file: str | None = None


@dataclass(frozen=True)
class Power:
    """The search without one hypothesis: cases judged until the first counterexample (all, if there
    was none).
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
class Report:
    """One suite under one profile and seed. `kind` is the suite's evidence: closed form,
    certificate or sample.
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
            return Fate.FALLEN
        if any(evidence is not None and evidence.error for evidence in found):
            return Fate.BROKEN
        if not all(power.fired for power in self.power):
            return Fate.POWERLESS
        if self.tried == 0 or self.undecided > MOST_UNDECIDED * self.tried:
            return Fate.UNDECIDED
        return Fate.SURVIVED

    @property
    def complaints(self) -> list[str]:
        """What is wrong, a line each; empty if the suite survived."""
        out = []
        if self.evidence is not None:
            word = "broken" if self.evidence.error else "the claim fell"
            out.append(f"{self.label}: {word}: {self.evidence.words}; {self.evidence.shown}")
        for power in self.power:
            if power.evidence is not None and power.evidence.error:
                out.append(
                    f"{self.label}, without '{power.hypothesis}': {power.evidence.words};"
                    f" {power.evidence.shown}"
                )
            elif not power.fired:
                undecided = f", {power.undecided} undecided" if power.undecided else ""
                out.append(
                    f"{self.label}: no counterexample without '{power.hypothesis}' in"
                    f" {power.examples} cases{undecided}"
                )
        if self.fate is Fate.UNDECIDED:
            out.append(f"{self.label}: {self.undecided} of {self.tried} cases undecided")
        return out

    def to_json(self) -> dict[str, Any]:
        """Plain object."""
        out = asdict(self)
        for part in (out, *out["power"]):
            part["seconds"] = round(part["seconds"], 3)
        powers = [
            {**data, "fired": power.fired}
            for data, power in zip(out["power"], self.power, strict=True)
        ]
        return {**out, "power": powers, "fate": str(self.fate)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """The report written by `to_json`; `TypeError` or `KeyError` for anything else."""
        rest = {
            key: value for key, value in data.items() if key not in ("fate", "power", "evidence")
        }
        powers = [
            {key: value for key, value in power.items() if key != "fired"}
            for power in data["power"]
        ]
        power = tuple(Power(**{**item, "evidence": _evidence(item["evidence"])}) for item in powers)
        return cls(**rest, evidence=_evidence(data["evidence"]), power=power)


def _evidence(data: Mapping[str, Any] | None) -> Evidence | None:
    return None if data is None else Evidence(**data)
