"""What the theory says about an architecture, in the words of a measurement: outcomes that are
excluded, and the one expected.

One rule per claim, by its id: the `Prediction` that this claim alone makes, or None. `predict`
combines them. Standard library only, so that `models` can use it without SymPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..support.errors import UsageError
from .architecture import Architecture, Recall, Residual
from .outcome import Outcome

_BOUNDED = frozenset(outcome for outcome in Outcome if outcome.bounded)
# "undecided" is a lack of evidence, not a behaviour; "non-finite" is outside the domain on which
# the loop is defined
_BEHAVIOURS = frozenset(Outcome) - {Outcome.UNDECIDED, Outcome.NON_FINITE}
_FIXED = frozenset({Outcome.FIXED_POINT})
# the implicit function theorem, whatever the architecture: S = (I - J)^{-1} K
_SMOOTH = "smooth at a reachable non-degenerate fixed point, through the resolvent"


@dataclass(frozen=True)
class Weights:
    """What is measured of a trained loop; None means not measured.

    `rho_wx` is the spectral radius of W_x (external recall without outer norm, R2). `kappa` is a
    Lipschitz constant of the loop body on its whole state space (N3); below 1 the contraction
    principle applies to every architecture. Raises `UsageError` when a value is negative or not
    finite.
    """

    rho_wx: float | None = None
    kappa: float | None = None

    def __post_init__(self) -> None:
        for name in ("rho_wx", "kappa"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise UsageError(
                    f"{name} = {value}: it must be a finite number >= 0, or None when it is not"
                    " measured"
                )


@dataclass(frozen=True)
class Prediction:
    """`allowed`: outcomes that no theorem excludes; `expected`: the one that the theory's narrative
    names, None where it names none.

    An expected outcome that does not occur is a finding about the narrative (X1-X4, R3, M1); one
    outside `allowed` contradicts a theorem. `undecided` is never allowed nor excluded: it agrees
    with nothing and contradicts nothing. `claims` are the ids that it rests on. `input_dependence`
    says how the limit depends on the input.
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


Rule = Callable[[Architecture, Weights], Prediction | None]

rules: dict[str, Rule] = {}
"""the rule of each claim that predicts something, by claim id; a claim without rule predicts
nothing
"""


def predict(architecture: Architecture, weights: Weights | None = None) -> Prediction:
    """The prediction for one member of the family, given what was measured of its weights.

    `allowed` is the intersection over all rules, `expected` comes from the most specific rule that
    names an outcome (the one that allows least; the earlier of two), `input_dependence` likewise.
    `claims` are the rules that it rests on.
    """
    weights = weights or Weights()
    said = [p for rule in rules.values() if (p := rule(architecture, weights)) is not None]
    said.sort(key=lambda p: len(p.allowed))  # stable: the most specific first
    allowed, expected, dependence, used = _BEHAVIOURS, None, "", []
    for p in said:
        settled = len(allowed) == 1  # nothing is left to say about the outcome
        speaks = bool(p.input_dependence) and not dependence
        if speaks or (p.reason and not settled):
            used.append(p)
        allowed &= p.allowed
        expected = expected or (p.expected if p.expected in allowed else None)
        dependence = dependence or p.input_dependence
    reasons = [p.reason for p in used if p.reason]
    if expected is None:
        reasons.append("which of the outcomes left is not claimed")
    claims = tuple(claim for p in used for claim in p.claims)
    return Prediction(
        architecture, expected, allowed, claims, "; ".join(reasons), dependence or _SMOOTH
    )


def rule(claim: str) -> Callable[[Rule], Rule]:
    """Decorator: the rule of a claim; `UsageError` when the claim already has one."""

    def take(function: Rule) -> Rule:
        if claim in rules:
            raise UsageError(f"claim {claim} has two rules of prediction: merge them")
        rules[claim] = function
        return function

    return take


def _free(architecture: Architecture) -> bool:
    """No outer norm and a plain residual: the update is bounded, the state need not be."""
    return not architecture.outer_norm and architecture.residual is Residual.ADD


@rule("N3")
def _contraction(architecture: Architecture, weights: Weights) -> Prediction | None:
    if weights.kappa is None or weights.kappa >= 1:
        return None
    reason = (
        f"kappa = {weights.kappa:.4g} < 1: one fixed point, reached from every state at that rate"
    )
    return Prediction(architecture, Outcome.FIXED_POINT, _FIXED, ("N3",), reason, "")


@rule("N4")
def _strong_dependence(architecture: Architecture, weights: Weights) -> Prediction | None:
    if architecture.recall is Recall.NONE or weights.kappa is None or weights.kappa >= 1:
        return None
    return Prediction(architecture, None, _BEHAVIOURS, ("N4",), "", _SMOOTH)


@rule("N2")
def _compact(architecture: Architecture, weights: Weights) -> Prediction | None:
    if not architecture.outer_norm:
        return None
    return Prediction(
        architecture,
        None,
        _BOUNDED,
        ("N2",),
        "the state lives in a compact set, so orbits are bounded",
        "",
    )


@rule("N8")
def _gru_box(architecture: Architecture, weights: Weights) -> Prediction | None:
    if architecture.outer_norm or architecture.residual is not Residual.GRU:
        return None
    reason = "a GRU cell maps a box strictly inside (-1, 1)^d into itself, so orbits are bounded"
    return Prediction(architecture, None, _BOUNDED, ("N8",), reason, "")


@rule("R2")
def _external_recall(architecture: Architecture, weights: Weights) -> Prediction | None:
    if architecture.recall is not Recall.EXTERNAL or not _free(architecture):
        return None
    rho = weights.rho_wx
    if rho is None:
        reason = "rho(W_x) is not measured, and it decides: below 1 bounded, above 1 not"
        return Prediction(architecture, None, _BEHAVIOURS, ("R2",), reason, "")
    measured = f"rho(W_x) = {rho:.4g}"
    if rho < 1:
        reason = f"{measured} < 1 and a bounded update: an absorbing ball"
        return Prediction(architecture, Outcome.FIXED_POINT, _BOUNDED, ("R2",), reason, "")
    if rho > 1:
        reason = (
            f"{measured} > 1: an open set of states diverges at that rate; states outside it may"
            " stay bounded, so nothing is excluded"
        )
        return Prediction(
            architecture,
            Outcome.EXPLOSION,
            _BEHAVIOURS,
            ("R2",),
            reason,
            "none: the orbit has no limit",
        )
    reason = (
        f"{measured} exactly: polynomial growth at most, of the order of the largest Jordan block"
        " on the unit circle"
    )
    return Prediction(architecture, None, _BEHAVIOURS - {Outcome.EXPLOSION}, ("R2",), reason, "")


@rule("R3")
def _drift(architecture: Architecture, weights: Weights) -> Prediction | None:
    if not _free(architecture):
        return None
    if architecture.recall is Recall.EXTERNAL:
        if weights.rho_wx != 1:
            return None
        reason = "W_x = I is the residual stream of internal recall, where a bounded update drifts"
        return Prediction(
            architecture, None, _BEHAVIOURS - {Outcome.EXPLOSION}, ("R3",), reason, ""
        )
    reason = (
        "the update is bounded, so |h_t| <= |h_0| + C t: no explosion, no growth faster than"
        " linear; generically no fixed point"
    )
    return Prediction(architecture, Outcome.DRIFT, _BOUNDED | {Outcome.DRIFT}, ("R3",), reason, "")


@rule("M4")
def _settled_direction(architecture: Architecture, weights: Weights) -> Prediction | None:
    if (
        not _free(architecture)
        or architecture.recall is Recall.EXTERNAL
        or (weights.kappa is not None and weights.kappa < 1)
    ):
        return None  # a contraction has a fixed point, so it does not drift
    if architecture.recall is Recall.NONE:
        dependence = (
            "none where the direction settles at a sink of the direction flow (locally constant)"
        )
    else:
        dependence = "through the direction, smooth where it settles; the norm grows"
    return Prediction(architecture, None, _BEHAVIOURS, ("M4",), "", dependence)


@rule("M1")
def _residual_strength(architecture: Architecture, weights: Weights) -> Prediction | None:
    if (
        not architecture.outer_norm
        or architecture.recall is Recall.NONE
        or architecture.residual is Residual.GRU
    ):
        return None  # the lemma does not cover a gated residual
    reason = (
        "for one token, or tokens of equal scale, a residual path can only help stability; large"
        " weights may still cycle"
    )
    return Prediction(architecture, Outcome.FIXED_POINT, _BEHAVIOURS, ("M1",), reason, "")


@rule("N6")
def _mean_field(architecture: Architecture, weights: Weights) -> Prediction | None:
    if (
        not architecture.outer_norm
        or architecture.recall is Recall.NONE
        or architecture.residual is Residual.GRU
    ):
        return None
    reason = "recall pulls the radius below 1 (large width, random weights)"
    return Prediction(architecture, Outcome.FIXED_POINT, _BEHAVIOURS, ("N6",), reason, "")


@rule("A3")
def _no_recall(architecture: Architecture, weights: Weights) -> Prediction | None:
    if architecture.recall is not Recall.NONE:
        return None
    return Prediction(
        architecture, None, _BEHAVIOURS, ("A3",), "", "none at a reachable fixed point"
    )
