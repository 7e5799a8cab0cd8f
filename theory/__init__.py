"""loopstab's ground floor: claims about looped networks, their machine-checked proofs, and what they predict.

Public names are resolved on first use, so that `from theory import Architecture` imports neither SymPy nor z3.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theory.architecture import Architecture, Norm, Recall, Residual
    from theory.claim import Assumption, Claim, Kind, Step, Verdict
    from theory.claims import ledger
    from theory.errors import LoopstabError, UsageError
    from theory.falsifier import Falsifier
    from theory.formulas import Formula, formula
    from theory.outcome import Outcome
    from theory.prediction import Prediction, Weights, predict
    from theory.report import ClaimReport, check

_HOME = {
    "Architecture": "theory.architecture",
    "Recall": "theory.architecture",
    "Norm": "theory.architecture",
    "Residual": "theory.architecture",
    "Outcome": "theory.outcome",
    "LoopstabError": "theory.errors",
    "UsageError": "theory.errors",
    "Prediction": "theory.prediction",
    "Weights": "theory.prediction",
    "predict": "theory.prediction",
    "Formula": "theory.formulas",
    "formula": "theory.formulas",
    "Assumption": "theory.claim",
    "Claim": "theory.claim",
    "Kind": "theory.claim",
    "Step": "theory.claim",
    "Verdict": "theory.claim",
    "Falsifier": "theory.falsifier",
    "ClaimReport": "theory.report",
    "check": "theory.report",
    "ledger": "theory.claims",
}

__all__ = [
    "Architecture",
    "Assumption",
    "Claim",
    "ClaimReport",
    "Falsifier",
    "Formula",
    "Kind",
    "LoopstabError",
    "Norm",
    "Outcome",
    "Prediction",
    "Recall",
    "Residual",
    "Step",
    "UsageError",
    "Verdict",
    "Weights",
    "check",
    "formula",
    "ledger",
    "predict",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'theory' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
