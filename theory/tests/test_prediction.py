"""Predictions, laziness of the public names, and formulas against independent evaluations."""

import subprocess
import sys

import flint
import mpmath
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import loopstab
from loopstab import (
    Architecture,
    Norm,
    Outcome,
    Recall,
    Residual,
    UsageError,
    Weights,
    formula,
    ledger,
    predict,
)
from loopstab.theory.formulas import names
from loopstab.theory.geometry.probability_enclosures import (
    external_probability,
    internal_probability,
)
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


def test_public_names_are_lazy():
    code = (
        "import sys; from loopstab import Architecture, predict, Weights, Outcome,"
        " LoopstabError;predict(Architecture.parse('internal/post'), Weights(kappa=.5));heavy ="
        " {'sympy', 'z3', 'flint', 'numpy', 'torch'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_numpy_or_torch_on_this_floor():
    code = (
        "import sys, loopstab; [loopstab.check(c) for c in loopstab.ledger()[:1]]; assert not"
        " {'numpy', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_exist():
    for name in loopstab.__all__:
        assert getattr(loopstab, name) is not None
    with pytest.raises(AttributeError, match="no attribute"):
        _ = loopstab.nothing


@pytest.mark.parametrize("s", ["1/2", "1", "2"])
def test_probability_formulas_agree_with_their_enclosures(s):
    """The formula as upper floors integrate it (mpmath) against the ball that the proof uses: two
    routes.
    """
    for name, enclosure in (
        ("internal_stable_probability", internal_probability),
        ("external_stable_probability", external_probability),
    ):
        expression = formula(name)(sp.Rational(s))
        integral = next(iter(expression.atoms(sp.Integral)))
        variable, low, high = integral.limits[0]
        integrand = sp.lambdify(variable, integral.function, "mpmath")
        end = mpmath.mpf(60) if high is sp.oo else mpmath.mpf(float(high))
        middle = [mpmath.mpf(k) for k in (1, 2, 4, 8, 16) if k < end]
        value = mpmath.quad(integrand, [mpmath.mpf(float(low)), *middle, end]) * float(
            expression / integral
        )
        ball = enclosure(s)
        assert abs(float(value) - float(ball.mid())) < 1e-12
        assert float(ball.rad()) < 1e-12


def test_the_small_ball_is_inside_the_large_one():
    with flint.ctx.workprec(200):
        sharp = external_probability("1")
    assert external_probability("1").overlaps(sharp)


NUMBERS = [
    ("power_iteration_jordan_tangent", (2, 1, 3, 4), sp.Rational(3, 7)),
    ("ginibre_dominant_positive_2", (), sp.sqrt(2) / 4),
    ("image_cap_angle", (1, 2), sp.pi / 6),
    ("central_scale_squared", (sp.Rational(3, 5), 16), 25),
    ("sphere_lefschetz_number", (3, 1), 2),
    ("gru_box", (sp.Rational(1, 2), sp.Rational(1, 2)), sp.Rational(3, 4)),
    ("gru_entry_time", (sp.Rational(5, 2), sp.Rational(1, 2), sp.Rational(1, 2)), 2),
    ("sigmoid_saturation", (24,), 24 * sp.log(2)),
    ("update_bound", (2, 3, 1, 1, 2), 15),
    ("absorbing_radius", (sp.Rational(1, 2), 3), 6),
    ("escape_radius", (sp.Rational(3, 2), 3), 6),
    ("fixed_point_radius", (2, 3, 1), 8),
    ("direction_exponent", (-1, 2), sp.Rational(3, 2)),
    ("sensitivity_upper", (6, 2, sp.Rational(1, 2)), 6),
    ("sensitivity_lower", (6, 2, sp.Rational(1, 2)), 2),
    ("sensitivity_lower_epsilon", (6, 2, 1, sp.Rational(1, 2)), sp.Rational(1, 2)),
    ("gradient_bound", (sp.Rational(1, 2), 2, 1, 100), sp.Rational(53, 2)),
    ("truncation_bound", (sp.Rational(1, 2), 1, 2, 1, 100), sp.Rational(51, 2)),
    ("kreiss_upper", (2, 3), 6 * sp.E),
    ("kreiss_jordan", (sp.Rational(1, 2), 8), sp.Rational(65, 16)),
    ("mean_field_scale", (1, 3, 4), 6),
    ("mean_field_rho", (1, 3, 4), sp.Rational(2, 3)),
    ("mean_field_rho", (0, 3, 4), sp.Rational(3, 5)),
    ("mean_field_rho_finite", (0, 3, 4, 2), sp.Rational(6, 5)),
    ("mean_field_level", (1, 3, sp.Rational(2, 3)), 4),
    ("mean_field_level", (0, 3, 1), 0),
    ("scaling_variable", (2, 3, 16), 3),
    ("contraction_constant", (4, 3, 2, 0), 3),
    ("contraction_constant", (4, 3, 2, sp.Rational(5, 4)), 2),
    ("iterations_to_tolerance", (sp.Rational(1, 2), sp.Rational(1, 8), 2), 4),
    ("drift_relative_step", (1600,), sp.Rational(1, 1600)),
    ("scalar_jacobian_none", (5, -1), 0),
    ("scalar_jacobian_external", (3, -2), -3),
    ("scalar_jacobian_internal", (3, -2), -5),
    ("internal_stable_area", (1,), 2),
    ("internal_stable_area", (2,), 4 + 4 * sp.log(2)),
    ("rmsnorm_tangential", (4,), sp.Rational(1, 4)),
    ("rmsnorm_radial", (2, 3), sp.Rational(3, 8)),
]


@pytest.mark.parametrize(("name", "values", "wanted"), NUMBERS)
def test_formulas_at_known_points(name, values, wanted):
    assert sp.simplify(formula(name)(*values) - wanted) == 0


def test_every_formula_has_a_guard():
    """A formula without a row above rests on the proof step that it names: test_ledger checks that
    a mutant of the formula fails there.
    """
    steps = {(claim.id, step.name) for claim in ledger() for step in claim.steps}
    awaited = {
        name for name in names() if formula(name).claim not in {claim.id for claim in ledger()}
    }
    assert {
        name for name in names() if (formula(name).claim, formula(name).guard) not in steps
    } == awaited


@settings(deadline=None, max_examples=25)
@given(st.fractions(0, 5), st.fractions(1, 9), st.fractions(1, 9))
def test_level_line_inverts_the_law(a, sigma, beta):
    a, sigma, beta = (sp.Rational(x.numerator, x.denominator) for x in (a, sigma, beta))
    rho = formula("mean_field_rho")(a, sigma, beta)
    assert abs(float(formula("mean_field_level")(a, sigma, rho)) - float(beta)) < 1e-9 * (
        1 + float(beta)
    )


def test_a_residual_path_can_speed_convergence_up():
    """M1's counterexample to 'a residual path slows convergence': w = 2, nu = -1."""
    w, nu = sp.Integer(2), sp.Integer(-1)
    multiplier = [abs((a + nu) / (a + w)) for a in (0, sp.Rational(1, 2), 1, 5)]
    assert multiplier == [sp.Rational(1, 2), sp.Rational(1, 5), 0, sp.Rational(4, 7)]
