"""Predictions: what each architecture and each measurement of weights leaves possible."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import Architecture, Norm, Outcome, Recall, Residual, UsageError, Weights, predict
from loopstab.theory.prediction import rule, rules

BOUNDED = {o for o in Outcome if o.bounded}
ALL = set(Outcome) - {Outcome.UNDECIDED, Outcome.NON_FINITE}
FIXED, DRIFT, EXPLOSION = Outcome.FIXED_POINT, Outcome.DRIFT, Outcome.EXPLOSION

CASES = [
    # architecture, weights, expected, allowed besides undecided, a claim
    ("none/pre", Weights(), None, BOUNDED | {DRIFT}, "R3"),
    ("none/peri", Weights(hull_distance=0.1), DRIFT, {DRIFT}, "R3"),
    ("none/peri", Weights(hull_distance=0.0), None, BOUNDED | {DRIFT}, "R3"),
    ("internal/pre", Weights(sink=True), DRIFT, {DRIFT}, "M4"),
    ("internal/peri", Weights(), None, BOUNDED | {DRIFT}, "R3"),
    ("external/pre", Weights(), None, ALL, "R2"),
    ("external/pre", Weights(rho_wx=0.9), None, BOUNDED, "R2"),
    ("external/peri", Weights(rho_wx=1.1), None, ALL, "R2"),
    ("external/peri", Weights(rho_wx=1.1, escapes=True), EXPLOSION, {EXPLOSION}, "R2"),
    ("external/pre", Weights(rho_wx=1.0), None, ALL - {EXPLOSION}, "R2"),
    ("none/post", Weights(), None, BOUNDED, "N2"),
    ("none/post", Weights(rho=0.9), None, BOUNDED, "A3"),
    ("none/post", Weights(full_rank=True), None, BOUNDED, "A3"),
    ("internal/post", Weights(), None, BOUNDED, "N2"),
    ("internal/post", Weights(rho=0.9), None, BOUNDED, "L1"),
    ("external/sandwich", Weights(kappa=1.5, rho=1.5), None, BOUNDED, "N2"),
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
    assert (prediction.expected is None) == (len(prediction.allowed) > 1)


SAYS = [
    # architecture, weights, the beginning of what is said about the input
    ("external/post", Weights(), ""),
    ("external/post", Weights(kappa=0.9), ""),
    ("external/post", Weights(rho=1.0), ""),
    ("external/post", Weights(rho=0.99), "smooth"),
    ("internal/pre/gru", Weights(rho=0.5), "smooth"),
    ("none/post", Weights(), ""),
    ("none/post", Weights(rho=1.2), ""),
    ("none/post", Weights(rho=0.5), "none: the fixed point"),
    ("none/pre", Weights(kappa=0.5), "none: the fixed point"),
    ("none/post", Weights(full_rank=True), "none where the limit is continuous"),
    ("none/post", Weights(full_rank=False), ""),
    ("none/pre", Weights(sink=True), "none: the direction"),
    ("internal/pre", Weights(sink=True), "through the direction"),
    ("external/pre", Weights(sink=True), ""),
]


@pytest.mark.parametrize(("text", "weights", "begins"), SAYS)
def test_dependence_on_the_input_is_said_only_where_hypotheses_are_measured(text, weights, begins):
    said = predict(Architecture.parse(text), weights).input_dependence
    assert said.startswith(begins)
    assert bool(said) == bool(begins)


def test_what_compares_loops_or_holds_in_the_limit_predicts_no_outcome():
    assert not {"M1", "N6"} & set(rules)


CONSTRAINS = [
    ("internal/post", Weights(rho=0.9), False),
    ("none/sandwich", Weights(), False),
    ("none/pre/gru", Weights(), False),
    ("external/post", Weights(kappa=0.5), True),
    ("internal/peri", Weights(), True),
    ("external/pre", Weights(), False),
    ("external/pre", Weights(rho_wx=0.5), True),
]


@pytest.mark.parametrize(("text", "weights", "constrains"), CONSTRAINS)
def test_what_the_last_operation_makes_impossible_is_no_constraint(text, weights, constrains):
    assert predict(Architecture.parse(text), weights).constrains is constrains


@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
@pytest.mark.parametrize(
    "weights", [Weights(), Weights(rho_wx=0.5, kappa=0.5), Weights(rho_wx=2.0, kappa=2.0)]
)
def test_every_member_has_a_consistent_prediction(architecture, weights):
    prediction = predict(architecture, weights)
    assert prediction.expected is None or prediction.expected in prediction.allowed
    assert prediction.claims
    assert prediction.reason
    if architecture.recall is Recall.NONE and prediction.input_dependence:
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
    "bad", [{"rho_wx": -1.0}, {"kappa": float("nan")}, {"rho_wx": float("inf")}, {"rho": -0.1}]
)
def test_bad_weights(bad):
    with pytest.raises(UsageError, match="finite number"):
        Weights(**bad)


def test_a_claim_has_one_rule():
    with pytest.raises(UsageError, match="N3 has two rules"):
        rule("N3")(lambda architecture, weights: None)
