"""Random transformer blocks as a law: known cases, slow twins of the orbit and of the Jacobian, and
diagrams end to end.
"""

import numpy as np
import pytest

from loopstab import phase_diagram
from loopstab.numerics.loops.activations import ACTIVATIONS
from loopstab.numerics.loops.block_loop import BlockLoop, random_loop
from loopstab.numerics.loops.dual import Dual
from loopstab.numerics.loops.sub_blocks import DualMLP
from loopstab.numerics.phase.laws import tangent
from loopstab.numerics.phase.laws.law import complete
from loopstab.numerics.phase.laws.registry import law_named
from loopstab.numerics.phase.laws.stack import LOOPS
from loopstab.numerics.phase.laws.tangent import PROBES, fixed_point
from loopstab.numerics.phase.laws.transformer_block import TransformerBlock
from loopstab.support.errors import UsageError
from loopstab.theory.architecture import Architecture

SMALL = {"tokens": 3, "width": 4}


def points(law, **columns):
    """One point per entry of the columns, defaults elsewhere."""
    return [
        law.point(complete(law, dict(zip(columns, row, strict=True))))
        for row in zip(*columns.values(), strict=True)
    ]


def drawn(law, seed, point):
    """The loop and its input, without a stack."""
    loop, e = law.drawn(seed, point)
    return loop(np.array(point[law.shared :])), e


# Names and parameters


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
def test_names_are_read_back(architecture, activation):
    law = TransformerBlock(architecture, activation)
    assert law_named(law.name) == law
    assert set(law.parameters) - {"state", "recall"} == {"block", "tokens", "width", "heads"}
    assert (
        ("state" in law.parameters)
        == ("recall" in law.parameters)
        == (architecture.recall != "none")
    )
    values = {name: np.full(2, value) for name, value in complete(law, {}).items()}
    assert np.isnan(law.closed_form(values)).all()
    assert law.point(complete(law, {"width": 6, "tokens": 5, "heads": 3})) == (
        6.0,
        5.0,
        3.0,
        1.0,
        1.0,
        1.0,
    )


WRONG = [
    ({"law": "transformer:inner/post"}, "unknown recall"),
    ({"law": "transformer:internal"}, "cannot read architecture"),
    ({"law": "transformer-wave:internal/post"}, "unknown activation 'wave'"),
    ({"law": "transformer"}, "transformer:internal/post"),
    ({"law": "transformer-tanh"}, "unknown law"),
    ({"law": "linear:internal/post"}, "unknown law"),
    ({"x": "sigma:1:2"}, "no parameter 'sigma'"),
    ({"law": "transformer:none/post", "y": "tokens:2:4"}, "no parameter 'recall'"),
    ({"settings": {"block": -1.0}}, "block"),
    ({"settings": {"tokens": 0}}, "tokens"),
    ({"settings": {"heads": 1.5}}, "whole number"),
    ({"settings": {"heads": 3}}, "3 heads do not divide"),
    ({"y": "width:2:6"}, "2 heads do not divide the width 3"),
    ({"settings": {"slope": 2.0}}, "no parameter 'slope'"),
]


@pytest.mark.parametrize(("bad", "words"), WRONG, ids=[words for _, words in WRONG])
def test_wrong_requests(bad, words):
    with pytest.raises(UsageError, match=words) as error:
        phase_diagram(
            **{
                "law": "transformer:internal/post",
                "x": "recall:1:4",
                "y": "block:1:2",
                "grid": (2, 2),
                **bad,
            }
        )
    assert "\n" not in str(error.value)


# Known cases


def test_without_sub_blocks_external_recall_is_linear():
    """block = 0, pre: h' = W_x h + const, so rho = rho(W_x) and S = (I - W_x)^{-1} W_e on every
    token; diverges from rho = 1 on.
    """
    law = law_named("transformer:external/pre")
    wanted = points(law, block=[0.0] * 3, state=[0.0, 0.5, 3.0], tokens=[3] * 3)
    found = law.measure((5, 0), wanted)
    loop, _ = drawn(law, (5, 0), wanted[1])
    radius = np.abs(np.linalg.eigvals(loop.w_x)).max()
    assert found.rho[0] == 0
    assert found.rho[1] == pytest.approx(radius, abs=1e-9)
    assert 6 * radius > 1
    assert found.outcome.tolist() == ["fixed-point", "fixed-point", "explosion"]
    assert np.isnan([found.rho[2], found.iterations[2], found.sensitivity[2]]).all()
    v = np.random.default_rng(0).standard_normal((PROBES, 3, 16))
    response = v @ np.linalg.solve(np.eye(16) - loop.w_x, loop.w_e).T
    assert found.sensitivity[1] == pytest.approx(
        np.mean(np.sum(response**2, axis=(1, 2)) / np.sum(v**2, axis=(1, 2))), rel=1e-9
    )


def test_without_sub_blocks_or_recall_the_bias_of_the_mlp_is_the_limit():
    """block = 0, post: h' = N(h + b_2) on the sphere up to eps, so h* = sqrt(d) b_2/|b_2| and rho =
    1/(1 + |b_2|/sqrt(d)); S = 0.
    """
    law = law_named("transformer:none/post")
    (wanted,) = points(law, block=[0.0])
    found = law.measure((2, 0), [wanted])
    offset = drawn(law, (2, 0), wanted)[0].blocks[1].b2
    assert found.rho[0] == pytest.approx(1 / (1 + np.linalg.norm(offset) / 4), abs=1e-5)
    assert found.sensitivity[0] == 0
    assert found.outcome[0] == "fixed-point"


def test_residual_streams_drift():
    """R3, as measured: internal recall or none without outer normalisation has no bounded orbit."""
    for name in ("transformer:none/peri", "transformer:internal/pre"):
        law = law_named(name)
        found = law.measure((0, 0), points(law, block=[0.5, 1.0, 2.0]))
        assert set(found.outcome) <= {"drift", "growth", "undecided"}
        assert "drift" in found.outcome
        assert np.isnan(found.rho).all()


# Slow twins


@pytest.mark.parametrize(
    "name",
    [
        "transformer:external/peri",
        "transformer-tanh:internal/sandwich",
        "transformer:internal/post/gru",
    ],
)
def test_orbit_radius_and_sensitivity_are_those_of_plain_steps_and_differences(name):
    law = law_named(name)
    wanted = points(
        law, state=[0.3, 0.6], block=[0.5, 1.0], recall=[3.0, 2.0], tokens=[3, 3], width=[4, 4]
    )
    found = law.measure((1, 0), wanted)
    assert (found.outcome == "fixed-point").all()
    for k, point in enumerate(wanted):
        loop, e = drawn(law, (1, 0), point)
        np.testing.assert_allclose(np.linalg.norm(e, axis=1), 2, rtol=1e-14)
        h, steps = e, []
        for _ in range(LOOPS):
            new = loop.step(h, e)
            steps.append(np.linalg.norm(new - h) / np.linalg.norm(h))
            h = new
        assert found.iterations[k] == 1 + next(i for i in range(LOOPS) if max(steps[i:]) < 1e-8)

        def columns(f, n=h.size, shape=h.shape, step=1e-5):
            return np.column_stack(
                [
                    (f(step * v) - f(-step * v)).ravel() / (2 * step)
                    for v in np.eye(n).reshape(n, *shape)
                ]
            )

        j = columns(lambda v, h=h, e=e, loop=loop: loop.step(h + v, e))
        by_input = columns(lambda v, h=h, e=e, loop=loop: loop.step(h, e + v))
        assert found.rho[k] == pytest.approx(np.abs(np.linalg.eigvals(j)).max(), abs=1e-7)
        v = np.random.default_rng(0).standard_normal((PROBES, h.size))
        response = np.linalg.solve(np.eye(h.size) - j, by_input @ v.T)
        slow = np.mean(np.sum(response**2, axis=0) / np.sum(v**2, axis=1))
        assert found.sensitivity[k] == pytest.approx(slow, rel=1e-6)


@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
def test_a_stack_is_its_loops_one_by_one(architecture):
    scales = np.array([[0.5, 2.0], [1.5, 0.25], [1.0, 3.0]])
    block, state, recall = scales[:, :, None, None]
    kwargs = {"activation": "gelu", "heads": 2, "seed": (3, 1)}
    stack = random_loop(architecture, 4, scale=block, state=state, recall=recall, **kwargs)
    h, e = np.random.default_rng(0).standard_normal((2, 3, 4))
    stepped = stack.step(np.stack((h, h)), e)
    for k in range(2):
        one = random_loop(
            architecture, 4, scale=scales[0, k], state=scales[1, k], recall=scales[2, k], **kwargs
        )
        np.testing.assert_array_equal(stepped[k], one.step(h, e))
        np.testing.assert_array_equal(stepped[k], one.run(Dual.constant(h), Dual.constant(e)).value)
        slow = np.column_stack([one.jvp(h, e, v.reshape(3, 4)).ravel() for v in np.eye(12)])
        np.testing.assert_allclose(one.jacobian(h, e), slow, atol=1e-14)
        v = np.random.default_rng(1).standard_normal((2, 3, 4))
        np.testing.assert_allclose(
            one.input_jvp(h, e, v), np.stack([one.input_jvp(h, e, row) for row in v]), atol=1e-14
        )


def test_state_and_recall_scale_their_matrices_alone():
    plain, scaled = (
        random_loop(Architecture.parse("internal/post"), 4, state=s, recall=r)
        for s, r in ((1.0, 1.0), (2.0, 3.0))
    )
    np.testing.assert_array_equal(scaled.w_x, 2 * plain.w_x)
    np.testing.assert_array_equal(scaled.w_e, 3 * plain.w_e)
    for name in ("b", "gain"):
        np.testing.assert_array_equal(getattr(scaled, name), getattr(plain, name))


def test_large_sizes_without_matrices_agree_with_small_ones(monkeypatch):
    """Newton's method, the radius and the sensitivity by products, at a size where both routes are
    open (above LAPACK's own limit).
    """
    law = law_named("transformer:external/sandwich")
    wanted = points(law, state=[0.5, 2.0], recall=[3.0, 1.0], tokens=[5, 5])
    dense = law.measure((0, 0), wanted)
    monkeypatch.setattr(tangent, "DENSE", 0)
    matrix_free = law.measure((0, 0), wanted)
    assert np.isfinite(dense.rho).all()
    np.testing.assert_allclose(matrix_free.rho, dense.rho, rtol=1e-6)
    np.testing.assert_allclose(matrix_free.sensitivity, dense.sensitivity, rtol=1e-6)


def test_newton_finds_an_expansive_fixed_point_or_says_that_there_is_none():
    """h' = N(h - 3 h), eps = 0.01: J = -2/sqrt(eps) = -20 at 0, where no orbit stays; h' = h + 1: I
    - J is singular.
    """
    eye, zero, one = np.eye(2), np.zeros(2), np.ones((1, 2))
    block, architecture = DualMLP.linear(-3 * eye), Architecture.parse("none/post")
    expansive = BlockLoop(architecture, (block,), eye, eye, zero, np.ones(2), 1e-2)
    found = fixed_point(expansive, 1e-3 * one, one)
    assert found is not None
    np.testing.assert_allclose(found.h, 0, atol=1e-12)
    assert found.radius() == pytest.approx(20)
    moving = DualMLP(eye, zero, 0 * eye, np.ones(2), ACTIVATIONS["tanh"])
    assert (
        fixed_point(
            BlockLoop(Architecture.parse("none/pre"), (moving,), eye, eye, zero, np.ones(2), 1e-2),
            one,
            one,
        )
        is None
    )


# Seeds and diagrams


def test_a_number_depends_on_the_seed_and_the_point_alone():
    law = law_named("transformer:external/post")
    wanted = points(law, block=[0.3, 1.0, 3.0, 9.0], tokens=[2] * 4, width=[4] * 4)
    together, again, other = (
        law.measure((0, 1), wanted),
        law.measure((0, 1), wanted),
        law.measure((1, 1), wanted),
    )
    for a, b in zip(together, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (together.rho != other.rho).all()
    for k, point in enumerate(wanted):
        for a, b in zip(law.measure((0, 1), [point]), together, strict=True):
            np.testing.assert_array_equal(a[0], b[k])


def test_diagrams_are_refined_stored_and_continued(tmp_path):
    asked = {
        "x": "recall:0.3:10:log",
        "y": "block:0.3:10:log",
        "settings": {**SMALL, "state": 2.0},
        "grid": (2, 3),
        "draws": 2,
        "seed": 1,
    }
    law = "transformer:external/post"
    coarse = phase_diagram(law, **asked, cache=tmp_path, jobs=1)
    first = phase_diagram(law, **asked, depth=1, cache=tmp_path, jobs=2)
    again = phase_diagram(law, **asked, depth=1, cache=tmp_path)
    assert set(first.cells.level) == {0, 1}
    assert (coarse.measured, first.measured, again.measured) == (
        2 * 6,
        2 * int((first.cells.level == 1).sum()),
        0,
    )
    fresh = phase_diagram(law, **asked, depth=1, jobs=1)
    kept = first.cells.level == 0
    same = 3 * first.cells.row[kept] + first.cells.col[kept]
    for name in ("rho", "iterations", "sensitivity", "outcome", "converged"):
        for other in (again, fresh):
            np.testing.assert_array_equal(getattr(other, name), getattr(first, name))
        np.testing.assert_array_equal(getattr(coarse, name)[same], getattr(first, name)[kept])
    assert {str(o) for o in first.outcome} > {"fixed-point"}
    assert np.isnan(first.rho_theory).all()
    assert np.isnan(first.contradicted).all()
    assert first.summary()["cells_where_the_law_is_trusted"] == 0
