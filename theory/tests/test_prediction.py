"""Predictions: what each architecture and each measurement of weights leaves possible."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import Architecture, Norm, Outcome, Recall, Residual, UsageError, Weights, predict
from loopstab.theory.prediction import rule

BOUNDED = {o for o in Outcome if o.bounded}
FIXED, DRIFT, EXPLOSION = Outcome.FIXED_POINT, Outcome.DRIFT, Outcome.EXPLOSION

CASES = [
    # architecture, weights, expected, allowed besides undecided, a claim
    ("none/pre", Weights(), DRIFT, BOUNDED | {DRIFT}, "R3"),
    ("none/peri", Weights(), DRIFT, BOUNDED | {DRIFT}, "R3"),
    ("internal/pre", Weights(), DRIFT, BOUNDED | {DRIFT}, "R3"),
    ("internal/peri", Weights(), DRIFT, BOUNDED | {DRIFT}, "R3"),
    ("external/pre", Weights(), None, BOUNDED | {DRIFT, EXPLOSION, Outcome.GROWTH}, "R2"),
    ("external/pre", Weights(rho_wx=0.9), FIXED, BOUNDED, "R2"),
    (
        "external/peri",
        Weights(rho_wx=1.1),
        EXPLOSION,
        BOUNDED | {DRIFT, EXPLOSION, Outcome.GROWTH},
        "R2",
    ),
    ("external/pre", Weights(rho_wx=1.0), None, BOUNDED | {DRIFT, Outcome.GROWTH}, "R3"),
    ("none/post", Weights(), None, BOUNDED, "A3"),
    ("internal/post", Weights(), FIXED, BOUNDED, "M1"),
    ("external/sandwich", Weights(kappa=1.5), FIXED, BOUNDED, "M1"),
    ("external/post", Weights(kappa=0.9), FIXED, {FIXED}, "N3"),
    ("none/sandwich", Weights(kappa=0.9), FIXED, {FIXED}, "A3"),
    ("external/pre", Weights(rho_wx=0.5, kappa=0.9), FIXED, {FIXED}, "N3"),
    ("external/pre/gru", Weights(rho_wx=3.0), None, BOUNDED, "N8"),
    ("none/peri/gru", Weights(), None, BOUNDED, "N8"),
    ("internal/post/gru", Weights(), None, BOUNDED, "N2"),
]


@pytest.mark.parametrize(("text", "weights", "expected", "allowed", "claim"), CASES)
def test_predictions(text, weights, expected, allowed, claim):
    prediction = predict(Architecture.parse(text), weights)
    assert prediction.expected is expected
    assert prediction.allowed == allowed
    assert not prediction.excludes(Outcome.UNDECIDED)
    assert claim in prediction.claims
    assert prediction.excludes(Outcome.NON_FINITE)


@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
@pytest.mark.parametrize(
    "weights", [Weights(), Weights(rho_wx=0.5, kappa=0.5), Weights(rho_wx=2.0, kappa=2.0)]
)
def test_every_member_has_a_consistent_prediction(architecture, weights):
    prediction = predict(architecture, weights)
    assert prediction.expected is None or prediction.expected in prediction.allowed
    assert prediction.claims
    assert prediction.reason
    if architecture.recall is Recall.NONE:
        assert prediction.input_dependence.startswith("none")
    if architecture.outer_norm or architecture.residual is Residual.GRU:
        assert prediction.allowed <= BOUNDED
    # an undecided measurement must not count as agreement
    assert Outcome.UNDECIDED not in prediction.allowed


@settings(deadline=None)
@given(st.floats(0, 5), st.floats(0, 5))
def test_more_recall_radius_never_excludes_more(low, high):
    low, high = sorted((low, high))
    architecture = Architecture(Recall.EXTERNAL, Norm.PRE)
    assert (
        predict(architecture, Weights(rho_wx=low)).allowed
        <= predict(architecture, Weights(rho_wx=high)).allowed
    )


@pytest.mark.parametrize(
    "bad", [{"rho_wx": -1.0}, {"kappa": float("nan")}, {"rho_wx": float("inf")}]
)
def test_bad_weights(bad):
    with pytest.raises(UsageError, match="finite number"):
        Weights(**bad)


def test_a_claim_has_one_rule():
    with pytest.raises(UsageError, match="N3 has two rules"):
        rule("N3")(lambda architecture, weights: None)
