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


@dataclass(frozen=True)
class Weights:
    """What has been measured of the weights of a loop; None stands for "not measured".

    A claim whose hypotheses are not measured to hold says nothing.

    Args:
        rho_wx: spectral radius of W_x, which decides for external recall without outer norm
            (claim R2).
        kappa: certified Lipschitz constant of the loop body on its whole state space (claim L3);
            below 1 the contraction principle applies to every architecture (claim N3).
        rho: spectral radius of the Jacobian at the fixed point that the orbit reaches, the loop
            being C^1 there (claim L1).
        full_rank: whether the derivative of the loop by its parameters is onto at the fixed
            points (claim A2'), so that for almost all parameters they are isolated.
        hull_distance: distance of 0 from the closed convex hull of the values of the update
            (claim R3 b).
        sink: whether the direction of the orbit settles at a hyperbolic sink of the direction flow,
            with an outward update (claims R3 c and M4, one token).
        escapes: whether the start lies in the open set of states that diverge (claim R2).

    Raises:
        UsageError: a number is negative or not finite.

    Example:
        >>> from loopstab import Weights
        >>> Weights(rho_wx=0.9).rho is None
        True
    """

    rho_wx: float | None = None
    kappa: float | None = None
    rho: float | None = None
    full_rank: bool | None = None
    hull_distance: float | None = None
    sink: bool | None = None
    escapes: bool | None = None

    def __post_init__(self) -> None:
        for name in ("rho_wx", "kappa", "rho", "hull_distance"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise UsageError(
                    f"{name} = {value}: it must be a finite number >= 0, or None when it is not"
                    " measured"
                )


@dataclass(frozen=True)
class Prediction:
    """What one or more claims predict for a member of the family of architectures.

    An outcome outside `allowed` contradicts a theorem, and so does every outcome but the expected
    one. `undecided` is neither allowed nor excluded: it agrees with nothing and contradicts
    nothing.

    Args:
        architecture: the member that the prediction is made for.
        expected: the only outcome that the theorems leave; None where they leave several.
        allowed: the outcomes that no theorem excludes.
        claims: ids of the claims that the prediction rests on.
        reason: why, in words.
        input_dependence: how the limit depends on the input, in words; empty where the claims do
            not say.

    Example:
        >>> from loopstab import Architecture, Outcome, predict
        >>> prediction = predict(Architecture.parse("internal/post"))
        >>> prediction.expected, prediction.excludes(Outcome.EXPLOSION), prediction.constrains
        (None, True, False)
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

    @property
    def constrains(self) -> bool:
        """Whether a theorem excludes an outcome that is not impossible already.

        The last operation of a step with outer norm or gated residual keeps the state bounded, so
        that it cannot drift, grow or explode.
        """
        return bool(conceivable(self.architecture) - self.allowed)


def conceivable(architecture: Architecture) -> frozenset[Outcome]:
    """The outcomes that the last operation of the step does not make impossible by itself.

    Args:
        architecture: a member of the family.

    Example:
        >>> from loopstab import Architecture
        >>> from loopstab.theory.prediction import conceivable
        >>> sorted(map(str, conceivable(Architecture.parse("none/post"))))
        ['aperiodic', 'critical', 'cycle', 'fixed-point', 'neutral']
    """
    bounded = architecture.outer_norm or architecture.residual is Residual.GRU
    return _BOUNDED if bounded else _BEHAVIOURS


Rule = Callable[[Architecture, Weights], Prediction | None]

rules: dict[str, Rule] = {}
"""the rule of each claim that predicts something, by claim id; the other claims predict nothing"""


def predict(architecture: Architecture, weights: Weights | None = None) -> Prediction:
    """Predict the long-run behaviour of a loop from its architecture and what is known of it.

    Args:
        architecture: a member of the family.
        weights: what was measured of the loop; by default nothing.

    Returns:
        The prediction of all claims together. `allowed` is the intersection over their rules, and
        `input_dependence` comes from the most specific rule that says something about it: the one
        that allows the fewest outcomes.

    Example:
        >>> from loopstab import Architecture, Weights, predict
        >>> external = Architecture.parse("external/post")
        >>> str(predict(external, Weights(kappa=0.9)).expected)
        'fixed-point'
        >>> predict(external).input_dependence
        ''
        >>> predict(external, Weights(rho=0.9)).claims
        ('N2', 'L1')
    """
    weights = weights or Weights()
    made = [p for rule in rules.values() if (p := rule(architecture, weights)) is not None]
    made.sort(key=lambda p: len(p.allowed))  # stable: the most specific first
    allowed, dependence, used = _BEHAVIOURS, "", []
    for p in made:
        settled = len(allowed) == 1  # nothing is left to say about the outcome
        new_dependence = bool(p.input_dependence) and not dependence
        if new_dependence or (p.reason and not settled):
            used.append(p)
        allowed &= p.allowed
        dependence = dependence or p.input_dependence
    reasons = [p.reason for p in used if p.reason]
    expected = next(iter(allowed)) if len(allowed) == 1 else None
    if expected is None:
        reasons.append("no claim says which of the remaining outcomes occurs")
    claims = tuple(claim for p in used for claim in p.claims)
    return Prediction(architecture, expected, allowed, claims, "; ".join(reasons), dependence)


class Said(NamedTuple):
    """What the rule of a claim says: the fields of a `Prediction` without those it shares."""

    allowed: frozenset[Outcome] = _BEHAVIOURS
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
            allowed, reason, dependence = said
            expected = next(iter(allowed)) if len(allowed) == 1 else None
            return Prediction(architecture, expected, allowed, (claim,), reason, dependence)

        rules[claim] = predicted

    return take


def _free(architecture: Architecture) -> bool:
    """No outer norm and an additive residual: the update is bounded, the state need not be."""
    return not architecture.outer_norm and architecture.residual is Residual.ADD


def _leaks(architecture: Architecture, residual: Residual) -> bool:
    """No outer norm, and this residual, which shrinks the state in every iteration."""
    return not architecture.outer_norm and architecture.residual is residual


def _below_one(value: float | None) -> bool:
    return value is not None and value < 1


@rule("N3")
def _contraction(architecture: Architecture, weights: Weights) -> Said | None:
    if not _below_one(weights.kappa):
        return None
    reason = (
        f"kappa = {weights.kappa:.4g} < 1: one fixed point, reached from every state at that rate"
    )
    return Said(_FIXED, reason)


@rule("N2")
def _compact(architecture: Architecture, weights: Weights) -> Said | None:
    if not architecture.outer_norm:
        return None
    return Said(_BOUNDED, "the state lives in a compact set, so orbits are bounded")


@rule("N8")
def _gru_box(architecture: Architecture, weights: Weights) -> Said | None:
    if architecture.outer_norm or architecture.residual is not Residual.GRU:
        return None
    reason = "a GRU cell maps a box strictly inside (-1, 1)^d into itself, so orbits are bounded"
    return Said(_BOUNDED, reason)


@rule("R2")
def _external_recall(architecture: Architecture, weights: Weights) -> Said | None:
    if architecture.recall is not Recall.EXTERNAL or not _free(architecture):
        return None
    rho = weights.rho_wx
    if rho is None:
        reason = "rho(W_x) is not measured, and it decides: below 1 bounded, above 1 not"
        return Said(reason=reason)
    measured = f"rho(W_x) = {rho:.4g}"
    if rho < 1:
        return Said(_BOUNDED, f"{measured} < 1 and a bounded update: an absorbing ball")
    if rho > 1 and weights.escapes:
        reason = f"{measured} > 1, and the start lies in the open set that diverges at that rate"
        return Said(frozenset({Outcome.EXPLOSION}), reason, "none: the orbit has no limit")
    if rho > 1:
        reason = (
            f"{measured} > 1: an open set of states diverges at that rate; states outside it may"
            " stay bounded, so nothing is excluded"
        )
        return Said(reason=reason)
    reason = (
        f"{measured} exactly: polynomial growth at most, of the order of the largest Jordan block"
        " on the unit circle"
    )
    return Said(_BEHAVIOURS - {Outcome.EXPLOSION}, reason)


@rule("R3")
def _drift(architecture: Architecture, weights: Weights) -> Said | None:
    if not _free(architecture) or architecture.recall.in_stream:
        return None
    bounded = "the update is bounded, so |h_t| <= |h_0| + C t"
    if weights.hull_distance:
        reason = f"{bounded}, and 0 is outside the convex hull of its values: the norm grows like t"
        return Said(frozenset({Outcome.DRIFT}), reason)
    if weights.sink:
        reason = f"{bounded}, and the direction settles at a sink of the direction flow"
        return Said(frozenset({Outcome.DRIFT}), reason)
    reason = f"{bounded}: no explosion, no growth faster than linear"
    return Said(_BOUNDED | {Outcome.DRIFT}, reason)


@rule("S1")
def _scaled(architecture: Architecture, weights: Weights) -> Said | None:
    if not _leaks(architecture, Residual.SCALED):
        return None
    if not architecture.recall.in_stream:
        return Said(_BOUNDED, "(1 - a) h + a u with a bounded update reaches a ball")
    if _below_one(weights.rho_wx):
        reason = f"rho(W_x) = {weights.rho_wx:.4g} < 1, scaled down further, and a bounded update"
        return Said(_BOUNDED, reason)
    return Said(reason="bounded if rho(W_x) < 1, which is not measured to hold")


@rule("S2")
def _stable_injection(architecture: Architecture, weights: Weights) -> Said | None:
    if not _leaks(architecture, Residual.DECAY):
        return None
    return Said(_BOUNDED, "A h plus a bounded update, 0 < A < 1, reaches a box")


@rule("M4")
def _settled_direction(architecture: Architecture, weights: Weights) -> Said | None:
    if not _free(architecture) or architecture.recall.in_stream or not weights.sink:
        return None
    if architecture.recall is Recall.NONE:
        dependence = "none: the direction is locally constant, and the norm grows"
    else:
        dependence = "through the direction, which is smooth; the norm grows"
    return Said(input_dependence=dependence)


@rule("L1")
def _local(architecture: Architecture, weights: Weights) -> Said | None:
    if architecture.recall is Recall.NONE or not _below_one(weights.rho):
        return None
    dependence = (
        f"smooth: rho = {weights.rho:.4g} < 1 at the fixed point that is reached, and the limit is"
        " C^1 in the input with derivative (I - J)^{-1} K"
    )
    return Said(input_dependence=dependence)


@rule("A3")
def _no_recall(architecture: Architecture, weights: Weights) -> Said | None:
    if architecture.recall is not Recall.NONE:
        return None
    if _below_one(weights.rho) or _below_one(weights.kappa):
        dependence = "none: the fixed point that is reached is isolated, so the limit is locally"
        return Said(input_dependence=f"{dependence} constant")
    if weights.full_rank:
        dependence = "none where the limit is continuous, for almost all parameters (A2')"
        return Said(input_dependence=dependence)
    return None
