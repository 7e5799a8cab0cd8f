"""What the claims say about an architecture, in the words of a measurement.

A claim that predicts something has one rule, registered under its id: the outcomes that it leaves
possible and the one that it expects. `predict` combines the rules. This module imports the
standard library only, so that `models` can use it without SymPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

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
    """What has been measured of the weights of a loop; None stands for "not measured".

    Args:
        rho_wx: spectral radius of W_x, which decides for external recall without outer norm
            (claim R2).
        kappa: Lipschitz constant of the loop body on its whole state space; below 1 the
            contraction principle applies to every architecture (claim N3).

    Raises:
        UsageError: a value is negative or not finite.

    Example:
        >>> from loopstab import Weights
        >>> Weights(rho_wx=0.9)
        Weights(rho_wx=0.9, kappa=None)
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
    """What one or more claims predict for a member of the family of architectures.

    An expected outcome that does not occur contradicts the narrative of the theory (R2, R3, M1,
    N6), not a theorem; an outcome outside `allowed` contradicts a theorem. `undecided` is neither
    allowed nor excluded: it agrees with nothing and contradicts nothing.

    Args:
        architecture: the member that the prediction is made for.
        expected: the outcome that the theory singles out; None where it singles out none.
        allowed: the outcomes that no theorem excludes.
        claims: ids of the claims that the prediction rests on.
        reason: why, in words.
        input_dependence: how the limit depends on the input, in words; empty where the claims do
            not say.

    Example:
        >>> from loopstab import Architecture, Outcome, predict
        >>> prediction = predict(Architecture.parse("internal/post"))
        >>> str(prediction.expected), prediction.excludes(Outcome.EXPLOSION)
        ('fixed-point', True)
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
"""the rule of each claim that predicts something, by claim id; the other claims predict nothing"""


def predict(architecture: Architecture, weights: Weights | None = None) -> Prediction:
    """Predict the long-run behaviour of a loop from its architecture and what is known of it.

    Args:
        architecture: a member of the family.
        weights: what was measured of the loop; by default nothing.

    Returns:
        The prediction of all claims together. `allowed` is the intersection over their rules.
        `expected` and `input_dependence` come from the most specific rule that says something
        about them: the one that allows the fewest outcomes.

    Example:
        >>> from loopstab import Architecture, Weights, predict
        >>> str(predict(Architecture.parse("external/pre"), Weights(rho_wx=1.1)).expected)
        'explosion'
        >>> predict(Architecture.parse("none/pre"), Weights(kappa=0.9)).claims
        ('N3', 'A3')
    """
    weights = weights or Weights()
    made = [p for rule in rules.values() if (p := rule(architecture, weights)) is not None]
    made.sort(key=lambda p: len(p.allowed))  # stable: the most specific first
    allowed, expected, dependence, used = _BEHAVIOURS, None, "", []
    for p in made:
        settled = len(allowed) == 1  # nothing is left to say about the outcome
        new_dependence = bool(p.input_dependence) and not dependence
        if new_dependence or (p.reason and not settled):
            used.append(p)
        allowed &= p.allowed
        expected = expected or (p.expected if p.expected in allowed else None)
        dependence = dependence or p.input_dependence
    reasons = [p.reason for p in used if p.reason]
    if expected is None:
        reasons.append("no claim says which of the remaining outcomes occurs")
    claims = tuple(claim for p in used for claim in p.claims)
    return Prediction(
        architecture, expected, allowed, claims, "; ".join(reasons), dependence or _SMOOTH
    )


class Said(NamedTuple):
    """What the rule of a claim says: the fields of a `Prediction` without those it shares."""

    allowed: frozenset[Outcome] = _BEHAVIOURS
    expected: Outcome | None = None
    reason: str = ""
    input_dependence: str = ""


def rule(claim: str) -> Callable[[Callable[[Architecture, Weights], Said | None]], None]:
    """Decorator of the rule of a claim, a function that returns what it says, or None.

    Raises:
        UsageError: the claim already has a rule.
    """

    def take(function: Callable[[Architecture, Weights], Said | None]) -> None:
        if claim in rules:
            raise UsageError(f"claim {claim} has two rules of prediction: merge them")

        def predicted(architecture: Architecture, weights: Weights) -> Prediction | None:
            said = function(architecture, weights)
            if said is None:
                return None
            allowed, expected, reason, dependence = said
            return Prediction(architecture, expected, allowed, (claim,), reason, dependence)

        rules[claim] = predicted

    return take


def _free(architecture: Architecture) -> bool:
    """No outer norm and an additive residual: the update is bounded, the state need not be."""
    return not architecture.outer_norm and architecture.residual is Residual.ADD


def _normalised_recall(architecture: Architecture) -> bool:
    """Recall, an outer norm and an additive residual: what M1 and N6 are about."""
    return (
        architecture.outer_norm
        and architecture.recall is not Recall.NONE
        and architecture.residual is not Residual.GRU
    )


@rule("N3")
def _contraction(architecture: Architecture, weights: Weights) -> Said | None:
    if weights.kappa is None or weights.kappa >= 1:
        return None
    reason = (
        f"kappa = {weights.kappa:.4g} < 1: one fixed point, reached from every state at that rate"
    )
    return Said(_FIXED, Outcome.FIXED_POINT, reason)


@rule("N4")
def _strong_dependence(architecture: Architecture, weights: Weights) -> Said | None:
    if architecture.recall is Recall.NONE or weights.kappa is None or weights.kappa >= 1:
        return None
    return Said(input_dependence=_SMOOTH)


@rule("N2")
def _compact(architecture: Architecture, weights: Weights) -> Said | None:
    if not architecture.outer_norm:
        return None
    return Said(_BOUNDED, reason="the state lives in a compact set, so orbits are bounded")


@rule("N8")
def _gru_box(architecture: Architecture, weights: Weights) -> Said | None:
    if architecture.outer_norm or architecture.residual is not Residual.GRU:
        return None
    reason = "a GRU cell maps a box strictly inside (-1, 1)^d into itself, so orbits are bounded"
    return Said(_BOUNDED, reason=reason)


@rule("R2")
def _external_recall(architecture: Architecture, weights: Weights) -> Said | None:
    if architecture.recall is not Recall.EXTERNAL or not _free(architecture):
        return None
    rho = weights.rho_wx
    if rho is None:
        return Said(reason="rho(W_x) is not measured, and it decides: below 1 bounded, above 1 not")
    measured = f"rho(W_x) = {rho:.4g}"
    if rho < 1:
        reason = f"{measured} < 1 and a bounded update: an absorbing ball"
        return Said(_BOUNDED, Outcome.FIXED_POINT, reason)
    if rho > 1:
        reason = (
            f"{measured} > 1: an open set of states diverges at that rate; states outside it may"
            " stay bounded, so nothing is excluded"
        )
        dependence = "none: the orbit has no limit"
        return Said(_BEHAVIOURS, Outcome.EXPLOSION, reason, dependence)
    reason = (
        f"{measured} exactly: polynomial growth at most, of the order of the largest Jordan block"
        " on the unit circle"
    )
    return Said(_BEHAVIOURS - {Outcome.EXPLOSION}, reason=reason)


@rule("R3")
def _drift(architecture: Architecture, weights: Weights) -> Said | None:
    if not _free(architecture):
        return None
    if architecture.recall.in_stream:
        if architecture.recall is not Recall.EXTERNAL or weights.rho_wx != 1:
            return None
        reason = "W_x = I is the residual stream of internal recall, where a bounded update drifts"
        return Said(_BEHAVIOURS - {Outcome.EXPLOSION}, reason=reason)
    reason = (
        "the update is bounded, so |h_t| <= |h_0| + C t: no explosion, no growth faster than"
        " linear; generically no fixed point"
    )
    return Said(_BOUNDED | {Outcome.DRIFT}, Outcome.DRIFT, reason)


@rule("M4")
def _settled_direction(architecture: Architecture, weights: Weights) -> Said | None:
    if not _free(architecture) or architecture.recall.in_stream:
        return None
    if weights.kappa is not None and weights.kappa < 1:
        return None  # a contraction has a fixed point, so it does not drift
    if architecture.recall is Recall.NONE:
        dependence = (
            "none where the direction settles at a sink of the direction flow (locally constant)"
        )
    else:
        dependence = "through the direction, smooth where it settles; the norm grows"
    return Said(input_dependence=dependence)


@rule("M1")
def _residual_strength(architecture: Architecture, weights: Weights) -> Said | None:
    if not _normalised_recall(architecture):
        return None
    reason = (
        "for one token, or tokens of equal scale, a residual path can only help stability; large"
        " weights may still cycle"
    )
    return Said(expected=Outcome.FIXED_POINT, reason=reason)


@rule("N6")
def _mean_field(architecture: Architecture, weights: Weights) -> Said | None:
    if not _normalised_recall(architecture):
        return None
    reason = "recall pulls the radius below 1 (large width, random weights)"
    return Said(expected=Outcome.FIXED_POINT, reason=reason)


@rule("A3")
def _no_recall(architecture: Architecture, weights: Weights) -> Said | None:
    if architecture.recall is not Recall.NONE:
        return None
    return Said(input_dependence="none at a reachable fixed point")
