"""Everything that the verdicts of the report rest on, and where it is read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .backing import Assault, Proof
from .ruling import Judgement, Ruling
from .trained_runs import TrainedRun

if TYPE_CHECKING:
    from ..text.attack_results import Attacks
    from .measured_loops import MeasuredLoop
    from .recall_pairs import RecallTask


@dataclass(frozen=True)
class Grounds:
    """What is known when the verdicts are given.

    Args:
        claims: JSON objects of the checked claims, by their ids.
        attacks: results of attacks; None if there are none.
        runs: the shipped runs.
        loops: measurements of trained loops, one for each checkpoint, stage and level.
        recall: internal against external recall, one for each task and norm.
        looked_longer: the loops that have a forecast from more iterations, with that one.
    """

    claims: Mapping[str, Mapping[str, Any]]
    attacks: Attacks | None = None
    runs: Sequence[TrainedRun] = ()
    loops: Sequence[MeasuredLoop] = ()
    recall: Sequence[RecallTask] = ()
    looked_longer: Sequence[MeasuredLoop] = ()

    def proof(self, claims: Sequence[str]) -> Proof:
        """The counted steps of these claims; a claim that was not checked is left out."""
        return Proof.of([self.claims[claim] for claim in claims if claim in self.claims])

    def assault(self, claims: Sequence[str]) -> Assault:
        """The counted attacks on these claims."""
        return Assault.of(self.attacks, claims)

    def doubt(self, claims: Sequence[str]) -> Ruling | None:
        """The verdict *open* if a claim is not proved or an attack broke it, else None."""
        found = self.proof(claims).verdicts
        lacking = [f"{claim} was not checked" for claim in claims if claim not in found]
        lacking += [f"{claim} is {v}" for claim, v in found.items() if v != "proved"]
        broken = self.assault(claims).counterexamples
        lacking += [f"an attack broke {label}" for label in broken]
        return Ruling(Judgement.OPEN, f"{'; '.join(lacking)}.") if lacking else None
