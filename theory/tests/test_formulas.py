"""Every closed form of this family at a point where its value is known."""

import pytest
import sympy as sp

from loopstab.theory.formulas import formula, names

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
]


@pytest.mark.parametrize(("name", "values", "wanted"), NUMBERS)
def test_at_known_points(name, values, wanted):
    assert sp.simplify(formula(name)(*values) - wanted) == 0


def test_none_is_forgotten():
    family = {name for name in names() if formula(name).claim == "R4"}
    assert family - {row[0] for row in NUMBERS} == {
        "internal_stable_probability",
        "external_stable_probability",
    }
