"""The closed forms: known values, laws, and the proof step that guards each."""

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import UsageError, formula, ledger
from loopstab.theory.formulas import names, register

PI, LN2 = sp.pi, sp.log(2)
NUMBERS = [
    ("scalar_jacobian_none", (5, -1), 0),
    ("scalar_jacobian_external", (3, -2), -3),
    ("scalar_jacobian_internal", (3, -2), -5),
    ("internal_stable_area", (1,), 2),
    ("internal_stable_area", (2,), 4 + 4 * LN2),
    ("none_stable_area", (2,), 8),
    ("none_stable_area", (3,), 12),
    ("external_stable_area", (sp.Rational(1, 2),), 1),
    ("external_stable_area", (1,), 2 + 2 * LN2),
    ("external_stable_area", (2,), 4 + 2 * sp.log(12)),
    ("none_stable_probability", (sp.sqrt(2),), sp.erf(1) / 2),
    ("fold_coefficient", (sp.Rational(1, 2), sp.Rational(1, 3)), -sp.Rational(1, 12)),
    ("fold_offset", (sp.Rational(3, 5), 1), sp.atanh(1 / sp.sqrt(3)) - sp.sqrt(3) / 2),
    ("flip_coefficient_internal", (3, 0), 6),
    ("flip_coefficient_external", (1, 0), sp.Rational(2, 3)),
    ("flip_coefficient_external", (-3, sp.Rational(1, 3)), 0),
    ("planar_lyapunov_internal", (2, 1), -sp.Rational(1, 2)),
    ("planar_lyapunov_external", (1, 2), -sp.Rational(1, 2)),
    ("planar_lyapunov_external", (sp.sqrt(2), 1 / sp.sqrt(2)), 0),
    ("ratio_density", (1, 0, LN2), 1 / (2 * PI)),
    ("slope_density", (1, 0, sp.sqrt(2 * LN2)), 1 / (2 * PI)),
    ("external_slope_density", (1, 0), (1 - sp.exp(-sp.Rational(1, 2))) / PI),
    ("external_slope_density", (1, 2), (1 - sp.exp(-sp.Rational(5, 8))) / (5 * PI)),
    ("external_slope_density", (1, -2), (1 - sp.exp(-sp.Rational(5, 2))) / (5 * PI)),
    ("projected_density", (1, 1, 2, 1), (sp.exp(-1) - 1 + sp.sqrt(PI) * sp.erf(1)) / (PI * sp.E)),
    ("internal_cut_log_ratio", (2, 2), 2 * sp.Catalan / PI - (sp.EulerGamma + LN2) / 2),
    ("power_iteration_jordan_tangent", (2, 1, 3, 4), sp.Rational(3, 7)),
    ("ginibre_dominant_positive_2", (), sp.sqrt(2) / 4),
    ("image_cap_angle", (1, 2), sp.pi / 6),
    ("central_scale_squared", (sp.Rational(3, 5), 16), 25),
    ("sphere_lefschetz_number", (3, 1), 2),
    ("sphere_lefschetz_number", (3, -1), 0),
    ("sphere_lefschetz_number", (2, 1), 0),
    ("gru_box", (sp.Rational(1, 2), sp.Rational(1, 2)), sp.Rational(3, 4)),
    ("gru_entry_time", (sp.Rational(5, 2), sp.Rational(1, 2), sp.Rational(1, 2)), 2),
    ("sigmoid_saturation", (24,), 24 * sp.log(2)),
    ("update_bound", (2, 3, 1, 1, 2), 15),
    ("head_norm", (3, 4), 5),
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
    ("rmsnorm_tangential", (4,), sp.Rational(1, 4)),
    ("rmsnorm_radial", (2, 3), sp.Rational(3, 8)),
    ("tanh_fold_bias", (2,), sp.sqrt(2) - sp.log(1 + sp.sqrt(2))),
]


@pytest.mark.parametrize(("name", "values", "wanted"), NUMBERS)
def test_at_known_points(name, values, wanted):
    gap = formula(name)(*values) - wanted
    assert sp.simplify(gap) == 0 or abs(sp.N(gap, 30)) < 1e-25


def test_every_formula_of_the_stable_sets_has_a_known_value():
    family = {name for name in names() if formula(name).claim == "R4"}
    assert family - {row[0] for row in NUMBERS} == {  # test_sizes has these
        "internal_stable_probability",
        "external_stable_probability",
    }


def test_every_formula_has_a_guard():
    """A step of its claim, which test_ledger shows to fail for a mutant of the formula."""
    steps = {(claim.id, step.name) for claim in ledger() for step in claim.steps}
    assert not [name for name in names() if (formula(name).claim, formula(name).guard) not in steps]


def test_unknown_names_and_wrong_numbers_of_values():
    with pytest.raises(UsageError, match="mean_field_rho"):
        formula("mean_field")
    with pytest.raises(UsageError, match="takes 3 values"):
        formula("mean_field_rho")(1, 2)


def test_a_name_is_registered_once():
    def mean_field_rho():
        return (), sp.Integer(1)

    with pytest.raises(UsageError, match="two formulas are named mean_field_rho"):
        register("N6", "rho_law", "another")(mean_field_rho)


@settings(deadline=None, max_examples=25)
@given(st.fractions(0, 5), st.fractions(1, 9), st.fractions(1, 9))
def test_level_line_inverts_the_law(a, sigma, beta):
    a, sigma, beta = (sp.Rational(x.numerator, x.denominator) for x in (a, sigma, beta))
    rho = formula("mean_field_rho")(a, sigma, beta)
    level = float(formula("mean_field_level")(a, sigma, rho))
    assert level == pytest.approx(float(beta), rel=1e-9, abs=1e-9)
