"""What the claims say that the loop of an `Architecture` does, in the words in which it is measured."""

from __future__ import annotations

from dataclasses import dataclass

from theory.architecture import Architecture, Recall, Residual
from theory.outcome import Outcome

BOUNDED = frozenset(outcome for outcome in Outcome if outcome.bounded)
AT_MOST_LINEAR = BOUNDED | {Outcome.DRIFT}
ANY = AT_MOST_LINEAR | {Outcome.GROWTH, Outcome.EXPLOSION}


@dataclass(frozen=True)
class Weights:
    """Measured facts: `rho_wx` spectral radius of W_x; `kappa` a contraction constant valid on the whole state space (N3)."""

    rho_wx: float | None = None
    kappa: float | None = None


@dataclass(frozen=True)
class Prediction:
    """`allowed`: outcomes that no theorem excludes; `expected`: what the theory's account of trained loops expects, None
    where it claims nothing; `input_dependence` of the limit; `claims` justify both."""

    architecture: Architecture
    expected: Outcome | None
    allowed: frozenset[Outcome]
    claims: tuple[str, ...]
    reason: str
    input_dependence: str


def predict(architecture: Architecture, weights: Weights | None = None) -> Prediction:
    """The prediction for an architecture with measured weights; all eps > 0, as in the models.

    Outer normalisation keeps states in a compact set; gru keeps them in a cube (N8). Without either, an update that ends or
    begins with N is bounded, so the norm grows at most linearly when the residual stream is the identity (R3), and is
    governed by rho(W_x) with external recall (R2).
    """
    weights = weights or Weights()
    recall = architecture.recall
    dependence = "none at a reachable fixed point (A3)" if recall is Recall.NONE else "smooth where a fixed point is reached"
    if weights.kappa is not None and weights.kappa < 1:
        reason = f"contraction constant {weights.kappa:.3g} < 1: one fixed point, reached from every state"
        return Prediction(architecture, Outcome.FIXED_POINT, frozenset({Outcome.FIXED_POINT}), ("N3",), reason, dependence)
    if architecture.outer_norm:
        if recall is Recall.NONE:
            reason = "states live in a compact set; without recall nothing is claimed about which bounded outcome"
            return Prediction(architecture, None, BOUNDED, ("N1", "A3"), reason, dependence)
        reason = "states live in a compact set; recall with outer normalisation is expected to give a reachable fixed point"
        return Prediction(architecture, Outcome.FIXED_POINT, BOUNDED, ("N1", "M1", "X3"), reason, dependence)
    if architecture.residual is Residual.GRU:
        reason = "a gru state ends in a cube that is mapped inside itself; nothing is claimed about which bounded outcome"
        return Prediction(architecture, None, BOUNDED, ("N8",), reason, dependence)
    if recall is not Recall.EXTERNAL:
        form = "the update is bounded and the residual stream is the identity: growth is at most linear, drift is expected"
        return Prediction(architecture, Outcome.DRIFT, AT_MOST_LINEAR, ("R3", "X3"), form, "of the direction only, if it settles (M4)")
    if weights.rho_wx is None or weights.rho_wx == 1:
        return Prediction(architecture, None, ANY, ("R2",), "rho(W_x) decides, and was not measured or equals 1", dependence)
    if weights.rho_wx < 1:
        reason = f"rho(W_x) = {weights.rho_wx:.3g} < 1 and a bounded update: an absorbing ball"
        return Prediction(architecture, Outcome.FIXED_POINT, BOUNDED, ("R2",), reason, dependence)
    reason = f"rho(W_x) = {weights.rho_wx:.3g} > 1: an open set of states diverges; orbits inside may stay bounded"
    return Prediction(architecture, Outcome.EXPLOSION, ANY, ("R2", "X4"), reason, dependence)
