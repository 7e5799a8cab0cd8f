"""What the theory says about an architecture, in the words of a measurement: outcomes that are excluded, and the one expected.

Standard library only at import, so that `models` can use it without SymPy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from theory.architecture import Architecture, Recall, Residual
from theory.errors import UsageError
from theory.outcome import Outcome

_BOUNDED = frozenset(outcome for outcome in Outcome if outcome.bounded)
# "undecided" is a lack of evidence, not a behaviour; "non-finite" is outside the domain on which the loop is defined
_BEHAVIOURS = frozenset(Outcome) - {Outcome.UNDECIDED, Outcome.NON_FINITE}


@dataclass(frozen=True)
class Weights:
    """What is measured of a trained loop; None means not measured.

    `rho_wx` is the spectral radius of W_x (external recall without outer norm, R2). `kappa` is a Lipschitz constant of the loop body on its
    whole state space (N3); below 1 the contraction principle applies to every architecture. Raises `UsageError` when a value is negative
    or not finite.
    """

    rho_wx: float | None = None
    kappa: float | None = None

    def __post_init__(self) -> None:
        for name in ("rho_wx", "kappa"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise UsageError(f"{name} = {value}: it must be a finite number >= 0, or None when it is not measured")


@dataclass(frozen=True)
class Prediction:
    """`allowed`: outcomes that no theorem excludes; `expected`: the one that the theory's narrative names, None where it names none.

    An expected outcome that does not occur is a finding about the narrative (X1-X4, R3, M1); one outside `allowed` contradicts a theorem.
    `undecided` is never allowed nor excluded: it agrees with nothing and contradicts nothing.
    `claims` are the ids that it rests on; the ledger does not hold all of them yet.
    """

    architecture: Architecture
    expected: Outcome | None
    allowed: frozenset[Outcome]
    claims: tuple[str, ...]
    reason: str
    input_dependence: str

    def excludes(self, outcome: Outcome) -> bool:
        """Whether measuring this outcome would contradict a theorem."""
        return outcome is not Outcome.UNDECIDED and outcome not in self.allowed


def predict(architecture: Architecture, weights: Weights | None = None) -> Prediction:
    """The prediction for one member of the family, given what was measured of its weights.

    Sources: R2 and R3 (no outer norm), N2, N3 and M1 (outer norm), N8 (gru), A3 and M4 (input-dependence).
    """
    weights = weights or Weights()
    if weights.kappa is not None and weights.kappa < 1:
        reason = f"kappa = {weights.kappa:.4g} < 1: one fixed point, reached from every state at that rate"
        claims = ("N3", "A3") if architecture.recall is Recall.NONE else ("N3", "N4")
        return Prediction(
            architecture, Outcome.FIXED_POINT, frozenset({Outcome.FIXED_POINT}), claims, reason, _at_fixed_point(architecture)
        )
    if architecture.outer_norm:
        return _outer_norm(architecture)
    if architecture.residual is Residual.GRU:
        reason = "a GRU cell maps a box strictly inside (-1, 1)^d into itself, so orbits are bounded; which bounded outcome is not claimed"
        claims = ("N8", "A3") if architecture.recall is Recall.NONE else ("N8",)
        return Prediction(architecture, None, _BOUNDED, claims, reason, _at_fixed_point(architecture))
    if architecture.recall is Recall.EXTERNAL:
        return _external(architecture, weights.rho_wx)
    reason = "the update is bounded, so |h_t| <= |h_0| + C t: no explosion, no growth faster than linear; generically no fixed point"
    if architecture.recall is Recall.NONE:
        dependence = "none where the direction settles at a sink of the direction flow (locally constant)"
    else:
        dependence = "through the direction, smooth where it settles; the norm grows"
    return Prediction(architecture, Outcome.DRIFT, _BOUNDED | {Outcome.DRIFT}, ("R3", "M4"), reason, dependence)


def _outer_norm(architecture: Architecture) -> Prediction:
    dependence = _at_fixed_point(architecture)
    autonomous = architecture.recall is Recall.NONE
    reason = "the state lives in a compact set, so orbits are bounded"
    if autonomous:
        return Prediction(architecture, None, _BOUNDED, ("N2", "A3"), reason + "; which bounded outcome is not claimed", dependence)
    if architecture.residual is Residual.GRU:
        return Prediction(
            architecture, None, _BOUNDED, ("N2",), reason + "; the residual-strength lemma does not cover a gated residual", dependence
        )
    return Prediction(
        architecture,
        Outcome.FIXED_POINT,
        _BOUNDED,
        ("N2", "M1", "N6"),
        reason + "; a residual path can only help stability and recall pulls the radius below 1, but large weights may still cycle",
        dependence,
    )


def _external(architecture: Architecture, rho: float | None) -> Prediction:
    dependence = _at_fixed_point(architecture)
    if rho is None:
        return Prediction(
            architecture, None, _BEHAVIOURS, ("R2",), "rho(W_x) is not measured, and it decides: below 1 bounded, above 1 not", dependence
        )
    measured = f"rho(W_x) = {rho:.4g}"
    if rho < 1:
        return Prediction(
            architecture, Outcome.FIXED_POINT, _BOUNDED, ("R2",), f"{measured} < 1 and a bounded update: an absorbing ball", dependence
        )
    if rho > 1:
        reason = f"{measured} > 1: an open set of states diverges at that rate; states outside it may stay bounded, so nothing is excluded"
        return Prediction(architecture, Outcome.EXPLOSION, _BEHAVIOURS, ("R2", "X4"), reason, "none: the orbit has no limit")
    reason = f"{measured} exactly: polynomial growth at most, of the order of the largest Jordan block on the unit circle"
    return Prediction(architecture, None, _BEHAVIOURS - {Outcome.EXPLOSION}, ("R2", "R3"), reason, dependence)


def _at_fixed_point(architecture: Architecture) -> str:
    if architecture.recall is Recall.NONE:
        return "none at a reachable fixed point"
    return "smooth at a reachable non-degenerate fixed point, through the resolvent"
