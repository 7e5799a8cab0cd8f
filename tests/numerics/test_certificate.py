"""Certificates against exact folds, and maps that have no certificate."""

import numpy as np
import pytest
from plain_maps import scalar

from loopstab import certify, numeric
from loopstab.numerics.certificates.coordinates import squared
from loopstab.numerics.certificates.krawczyk import narrowed
from loopstab.numerics.certificates.maps import FunctionMap, NormMap, TanhMap
from loopstab.numerics.certificates.relu import ReluMap
from loopstab.support.errors import LoopstabError, UsageError


@pytest.mark.parametrize("a", [1.1, 1.5, 2.0, 4.0, 10.0])
@pytest.mark.parametrize("sign", [-1, 1])
def test_scalar_tanh_on_both_sides_of_the_exact_fold(a, sign):
    fold = float(numeric("tanh_fold_bias")(a))
    below, above = (
        certify(scalar(a, sign * fold * (1 - 1e-6))),
        certify(scalar(a, sign * fold * (1 + 1e-6))),
    )
    assert below.count == 3
    assert above.count == 1
    assert sorted(p.index for p in below.points) == [-1, 1, 1]
    assert below.index_sum == above.index_sum == 1
    assert [p.stable for p in sorted(below.points, key=lambda p: p.center[0])] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("a", [0.5, 2.0])
def test_at_zero_bias_zero_is_a_fixed_point(a):
    points = sorted(certify(scalar(a, 0.0)).points, key=lambda p: p.center[0])
    assert len(points) == (3 if a > 1 else 1)
    middle = points[len(points) // 2]
    assert abs(middle.center[0]) < 1e-15
    assert middle.determinant[0] <= 1 - a <= middle.determinant[1]


def test_within_the_fold_nothing_is_claimed():
    fold = float(numeric("tanh_fold_bias")(2.0))
    c = certify(scalar(2.0, fold))
    assert c.count is None
    assert len(c.undecided)
    assert np.all(np.abs(c.undecided + np.sqrt(0.5) - fold + 0.5) < 3)


def test_count_of_a_box_and_a_point_on_its_border():
    f = scalar(2.0, 0.0)
    inner = certify(f, (-1.0, 1.5))
    assert (inner.count, inner.index_sum, inner.global_box) == (1, -1, False)
    assert certify(f, (0.5, 3.0)).count == 1
    assert certify(f, (2.0, 3.0)).count == 0
    edge = certify(f, (0.0, 3.0))
    assert edge.count is None
    assert len(edge.undecided) == 1
    assert np.abs(edge.undecided).max() < 1e-15


def test_balls_are_tight_where_a_coordinate_is_exact():
    """h = tanh(0, 2 h_2): the first coordinate is 0 from the first step on, and must not end the
    refinement of the second.
    """
    c = certify(TanhMap.of(np.eye(2), np.diag([0.0, 2.0]), np.zeros(2)))
    assert c.count == 3
    assert max(float(p.radius.max()) for p in c.points) < 1e-12
    np.testing.assert_allclose(
        sorted(p.center[1] for p in c.points),
        [-0.9575040240772687, 0, 0.9575040240772687],
        atol=1e-15,
    )


@pytest.mark.parametrize(
    ("weight", "bias"),
    [(-19.907600604783507, -0.5631925968056622), (-20.003189536749744, 0.012700296624555895)],
)
def test_balls_that_shrink_slowly_at_first_are_refined_to_the_end(weight, bias):
    """h = tanh(w h) + b, w = -20: the first steps of the operator take little off a wide ball."""
    c = certify(TanhMap.of(np.eye(1), [[weight]], [bias]))
    assert c.count == 1
    assert float(c.points[0].radius[0]) < 1e-15


IDENTITY = FunctionMap(2, lambda x: list(x), lambda x: [[1, 0], [0, 1]])
LINE = FunctionMap(2, lambda x: [x[0], x[1] * 0.5], lambda x: [[1, 0], [0, 0.5]])
CUBIC = FunctionMap(1, lambda x: [x[0] + x[0] * squared(x[0])], lambda x: [[1 + 3 * squared(x[0])]])
SADDLE_NODE = FunctionMap(1, lambda x: [x[0] + squared(x[0])], lambda x: [[1 + 2 * x[0]]])


@pytest.mark.parametrize(
    ("f", "box"),
    [
        (IDENTITY, (-1.0, 1.3)),
        (LINE, (-1.0, 1.3)),
        (NormMap.of(1.0, np.zeros((2, 2)), [0, 0]), None),
        (NormMap.of(0.0, np.eye(2), [0, 0], activation="linear"), None),
        (CUBIC, (-1.0, 1.3)),
        (SADDLE_NODE, (-1.0, 1.3)),
    ],
    ids=["h'=h", "line", "A=0 under the norm", "circle", "triple zero", "double zero"],
)
def test_degenerate_fixed_points_never_get_a_count(f, box):
    c = certify(f, box, max_boxes=20_000)
    assert c.count is None
    assert len(c.undecided)
    assert c.to_json()["undecided"] == len(c.undecided)


def test_the_circle_of_fixed_points_is_covered_by_undecided_boxes():
    """N(h) with A = 0: abs(h)^2 = d (1 - eps); the central point is proved."""
    c = certify(NormMap.of(1.0, np.zeros((2, 2)), [0, 0], 0.1), max_boxes=20_000)
    assert len(c.points) == 1
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 500)
    circle = np.sqrt(2 * 0.9) * np.stack((np.cos(angle), np.sin(angle)), 1)
    low, high = c.undecided[:, 0] - 1e-12, c.undecided[:, 1] + 1e-12
    assert all(((low <= x) & (x <= high)).all(1).any() for x in circle)


RECIPROCAL = FunctionMap(1, lambda x: [1 / x[0]], lambda x: [[-1 / squared(x[0])]])


def test_a_map_that_is_not_defined_on_the_box_is_an_error():
    assert certify(RECIPROCAL, (0.5, 2.2)).count == 1
    with pytest.raises(UsageError, match="not defined near"):
        certify(RECIPROCAL, (-2.0, 2.1))
    with pytest.raises(UsageError, match="not defined at"):
        certify(
            FunctionMap(1, lambda x: [x[0].sqrt() + 0.1], lambda x: [[0.5 / x[0].sqrt()]]),
            (-1.0, 2.0),
        )
    with pytest.raises(UsageError, match="eps > 0"):
        certify(NormMap.of(1.0, np.eye(2), [0.1, 0], 0.0))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: certify(IDENTITY), "give a box"),
        (lambda: certify(IDENTITY, (1.0, 0.0)), "low < high"),
        (lambda: certify(IDENTITY, (0.0, np.inf)), "finite"),
        (lambda: TanhMap.of(np.eye(2), np.ones((3, 2)), [0, 0]), "3 columns"),
        (lambda: TanhMap.of([[np.nan]], [[1.0]], [0]), "finite"),
        (lambda: NormMap.of(1.0, np.eye(2), [0, 0], -1.0), "eps"),
        (lambda: NormMap.of(1.0, np.eye(2), [0, 0], 1.0, "relu"), "tanh or linear"),
        (lambda: ReluMap.of(np.ones((1, 13)), [0], np.ones((13, 1))), "at most 12"),
        (
            lambda: certify(
                FunctionMap(2, lambda x: [x[0]], lambda x: [[1, 0], [0, 1]]), (0.0, 1.0)
            ),
            "keep the shape",
        ),
        (
            lambda: certify(FunctionMap(1, lambda x: [x[0] * 0.5], lambda x: []), (0.1, 1.0)),
            "one row per coordinate",
        ),
    ],
)
def test_wrong_requests_are_one_line_errors(make, text):
    with pytest.raises(LoopstabError, match=text) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_krawczyk_never_removes_a_fixed_point():
    """Random boxes around a known fixed point: K keeps it, whatever the width."""
    rng = np.random.default_rng(3)
    f = TanhMap.of(np.eye(3), 2 * rng.standard_normal((3, 3)), rng.standard_normal(3))
    point = certify(f).points[0].center
    low = point - 10.0 ** rng.uniform(-9, 1, (500, 3))
    high = point + 10.0 ** rng.uniform(-9, 1, (500, 3))
    pieces = narrowed(f, low, high)
    assert not pieces.empty.any()
    assert (pieces.low <= point + 1e-14).all()
    assert (pieces.high >= point - 1e-14).all()
    assert pieces.unique.any()


def test_a_box_that_one_step_makes_thin_is_still_decided():
    """A saturated unit: the first image is 1e-13 thin on one side, below the error of tanh."""
    w = [[5.925322741851387, 9.857461830684423], [-10.227317224888859, 1.603468880087526]]
    assert certify(TanhMap.of(np.eye(2), w, [2.77873288496395, -1.4082853642590578])).count == 1


@pytest.mark.parametrize("d", [3, 4])
def test_higher_dimensions_obey_the_index_law(d):
    rng = np.random.default_rng(d)
    counts = []
    for _ in range(3):
        c = certify(
            TanhMap.of(
                np.eye(d), 4 * rng.standard_normal((d, d)) / np.sqrt(d), rng.standard_normal(d)
            )
        )
        counts.append(c.count)
        assert c.count is not None
        assert c.index_sum == 1
    assert all(count % 2 == 1 for count in counts)
