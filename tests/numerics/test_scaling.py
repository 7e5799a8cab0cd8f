"""The exponent of finite-size scaling: found where draws determine it, refused elsewhere."""

import numpy as np
import pytest
from linear_loops import MeanFieldLoop

from loopstab.numerics.phase.laws import linear
from loopstab.numerics.phase.laws.draw import random_draw
from loopstab.numerics.phase.scaling import Scaling, collapse, determined, finite_size_scaling
from loopstab.support.errors import UsageError
from loopstab.support.schema import SchemaError


def test_the_exponent_of_a_made_up_law_is_found():
    widths, x = (50, 200, 800), np.geomspace(0.5, 5, 12)
    t = np.array([x / w**0.25 for w in widths])
    for exponent in (0.25, 0.4):
        scaled = t * np.array(widths)[:, None] ** exponent
        (found,) = collapse(t, widths, np.tanh(0.3 * scaled)[None], np.full_like(t, 0.01))
        assert found == pytest.approx(exponent, abs=0.015)


def test_widths_fall_on_one_curve():
    """At x = 6 the widths agree, below x = 1 the law fails: the same numbers as the dense routine
    gives.
    """
    found = finite_size_scaling((16, 64), draws=(30,), points=5, low=0.5, seed=1)
    assert np.ptp(found.ratio[:, -1]) < 0.1
    assert (found.ratio[:, -1] > 0.85).all()
    assert (found.ratio[:, 0] < 0.3).all()
    assert found.exponent_interval is not None
    low, high = found.exponent_interval
    assert low < found.exponent < high
    again = Scaling.from_json(found.to_json())
    assert again.to_json() == found.to_json()
    slow = []
    for k in range(30):
        draw, t = random_draw(16, (1, k)), float(found.x[-1] / 2)
        w = linear.scales(draw, np.array([t]))[0]
        h = t * np.linalg.solve(w * np.eye(16) - draw.matrix, draw.e)
        slow.append(
            np.abs(np.linalg.eigvals(MeanFieldLoop(0.0, draw.matrix, t).jacobian(h, draw.e))).max()
        )
    assert found.rho[0, -1] == pytest.approx(np.median(slow), abs=1e-9)


@pytest.mark.parametrize(
    ("best", "others", "found"),
    [
        (0.1, [0.05, 0.1, 0.15], (0.1, (0.05, 0.15))),
        (-0.25, [0.05, 0.1, 0.15], (None, None)),
        (0.1, [-0.25, 0.1, 0.15], (None, None)),
        (0.1, [0.05, 0.1, 0.75], (None, None)),
        (0.1, [-0.25] + 99 * [0.1], (0.1, (0.1, 0.1))),  # within the 2.5 % of the tail
    ],
)
def test_an_exponent_at_the_edge_is_not_determined(best, others, found):
    assert determined(best, others) == found


def test_two_draws_of_close_widths_determine_no_exponent():
    found = finite_size_scaling((16, 17), draws=(2,), points=5, seed=1)
    assert (found.exponent, found.exponent_interval) == (None, None)
    assert "not determined by widths 16 to 17" in found.exponent_text
    assert Scaling.from_json(found.to_json()).exponent_text == found.exponent_text


@pytest.mark.parametrize(
    "change", [{"x": [1.0]}, {"draws": [9]}, {"exponent": None}, {"law": "tanh"}, {"rho": 1}]
)
def test_a_record_of_a_scaling_is_checked(change):
    two = [[0.5, 0.5], [0.5, 0.5]]
    record = {"law": "linear", "residual": 0.0, "seed": 0, "widths": [8, 9], "draws": [9, 9]}
    record |= {"exponent": 0.2, "exponent_interval": [0.1, 0.3], "x": [1.0, 2.0]}
    record |= {"rho": two, "rho_error": two, "theory": two, "ratio": two}
    assert Scaling.from_json(record).difference.tolist() == [[0, 0], [0, 0]]
    with pytest.raises(SchemaError, match="scaling"):
        Scaling.from_json({**record, **change})


@pytest.mark.parametrize(
    "bad",
    [
        {"widths": (50, 50)},
        {"widths": (50, 100), "draws": (3, 3, 3)},
        {"draws": (1,)},
        {"low": 2.0, "high": 1.0},
        {"points": 3},
        {"residual": -1.0},
    ],
)
def test_wrong_scaling(bad):
    with pytest.raises(UsageError, match="scaling needs"):
        finite_size_scaling(**bad)
