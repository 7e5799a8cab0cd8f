"""Suites of R1-R4, M3, M4: a wrong formula is noticed, and the parts of judges against slow twins
(`test_attack` runs the suites).
"""

import numpy as np
import pytest
from attack_toys import counterexample
from hypothesis import HealthCheck, given, settings

from loopstab.numerics.attack.suite import Undecided
from loopstab.numerics.formulas import numeric
from loopstab.numerics.loops.dual import Dual
from loopstab.numerics.loops.sub_blocks import DualAttention
from loopstab.numerics.suites.autonomous import kac_rice as counts
from loopstab.numerics.suites.autonomous.kac_rice import kac_rice_relu
from loopstab.numerics.suites.drift import direction, drift, drift_exact, drift_settling
from loopstab.numerics.suites.geometry import bifurcations, stable_sets
from loopstab.numerics.suites.recall import bounded_update as recall
from loopstab.numerics.suites.recall import bounded_update_exact as recall_exact
from loopstab.numerics.suites.recall import bounded_update_existence as recall_existence
from loopstab.numerics.suites.recall import resolvent, unit_radius
from loopstab.numerics.suites.shared import residual_stream
from loopstab.numerics.suites.shared.residual_stream import Stream, linear_updates

MODULES = (
    resolvent,
    recall,
    recall_existence,
    recall_exact,
    unit_radius,
    drift,
    drift_exact,
    drift_settling,
    direction,
    counts,
    stable_sets,
    bifurcations,
)
SUITES = {
    f"{suite.claim} {suite.name}": (module, suite) for module in MODULES for suite in module.SUITES
}


def judged_twice(suite):
    def judge(case):
        verdict = suite.judge(case)
        assert suite.judge(case) == verdict
        return verdict

    return judge


@pytest.mark.parametrize(
    "label", [label for label, (_, suite) in SUITES.items() if suite.cost <= 5]
)
def test_judges_are_deterministic(label):
    suite = SUITES[label][1]
    assert counterexample(suite.cases(), judged_twice(suite), 2) is None


WRONG = {
    # a wrong variant of the formula, and the suite that must notice
    "iterations_to_tolerance": ("R1 iterations", lambda value: value + 1.5),
    "absorbing_radius": ("R2 absorbing", lambda value: 0.5 * value),
    "drift_relative_step": ("R3 one-over-t", lambda value: 1.2 * value),
    # a coarse bound: drawn fixed points stay a factor 5 inside
    "fixed_point_radius": ("R3 region", lambda value: value / 12),
    "escape_radius": ("R2 divergence", lambda value: 0.5 * value),
    "direction_exponent": ("M4 rate", lambda value: value + 0.5),
    "tanh_expected_count": ("M3 tanh-unit", lambda value: 1 + (value - 1) / 4),
    "internal_stable_area": ("R4 area", lambda value: 1.001 * value),
    "external_stable_area": ("R4 area", lambda value: 1.001 * value),
    "none_stable_area": ("R4 area", lambda value: 1.001 * value),
    "internal_stable_probability": ("R4 probability", lambda value: 0.98 * value),
    "external_stable_probability": ("R4 probability", lambda value: 0.98 * value),
    "none_stable_probability": ("R4 probability", lambda value: 0.98 * value),
    "fold_offset": ("R4 folds", lambda value: 0.9 * value),
    "planar_lyapunov_internal": ("R4 curves", lambda value: 1.5 * value),
    "planar_lyapunov_external": ("R4 curves", lambda value: 1.5 * value),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_formula_is_noticed(name, monkeypatch):
    label, change = WRONG[name]
    module, suite = SUITES[label]
    monkeypatch.setattr(
        module,
        "numeric",
        lambda asked: (lambda *x: change(numeric(asked)(*x))) if asked == name else numeric(asked),
    )
    found = counterexample(suite.cases(), suite.judge, max(4, round(60 / suite.cost)))
    assert found is not None
    assert not found.error


def test_a_stream_by_hand():
    fields = linear_updates((np.array([[0.0, 2.0], [0.0, 0.0]]), np.array([1.0, -1.0])))
    stream = Stream.of({**fields, "weight": np.eye(2), "drive": np.zeros(2)})
    # direction (3, 4)/5: A n = (8/5, 0)
    assert stream.step(np.array([3.0, 4.0])) == pytest.approx([3 + 1.6 + 1, 4 - 1])
    assert stream.bound() == pytest.approx(2 + np.sqrt(2))
    with pytest.raises(Undecided):
        stream.step(np.zeros(2))


def test_bound_of_a_stream_is_attained_and_never_exceeded():
    @settings(
        max_examples=30,
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(residual_stream.updates(2, eps=(0.0625,)))
    def run(fields):
        stream = Stream.of({**fields, "weight": np.eye(2), "drive": np.zeros(2)})
        for h in (
            np.random.default_rng(0).standard_normal((20, 2)) * np.logspace(-2, 4, 20)[:, None]
        ):
            assert np.linalg.norm(stream.step(h) - h) <= stream.bound() * (1 + 1e-12)

    run()
    tight = Stream.of(
        {
            **linear_updates((np.eye(2), np.array([1.0, 0.0]))),
            "weight": np.eye(2),
            "drive": np.zeros(2),
        }
    )
    assert np.linalg.norm(tight.step(np.array([5.0, 0.0])) - [5.0, 0.0]) == pytest.approx(
        tight.bound()
    )


def test_the_bound_of_attention_counts_the_heads():
    """R2: with W_v = W_o = I the norm of the whole value matrix gives sqrt(2): too small."""
    one, turned = np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([[1.0, -1.0], [-1.0, 1.0]])
    attention = DualAttention(one, turned, np.eye(2), np.eye(2), heads=2, eps=1e-12)
    update = attention(Dual.constant(np.sqrt(2) * np.eye(2))).value
    assert np.linalg.norm(update[0]) == pytest.approx(2 / (1 + np.exp(-2)), rel=1e-6)
    assert np.linalg.norm(update[0]) <= attention.bound(np.sqrt(2)) == pytest.approx(2)


def test_kac_rice_of_worked_cases():
    assert kac_rice_relu(np.array([[2.0, -2.0], [-2.0, 2.0]])) == pytest.approx(
        1.5, abs=1e-9
    )  # M3, planar_integral
    assert kac_rice_relu(np.array([[2.0]])) == pytest.approx(
        1.0
    )  # two fixed points for b < 0, none for b > 0
    assert kac_rice_relu(np.array([[0.5, 0.0], [0.0, -3.0]])) == pytest.approx(
        1.0, abs=1e-9
    )  # I - W D is a homeomorphism
