"""The figure of certified counts: shares, their intervals, and the law of scalar networks."""

import numpy as np
import pytest
from legible import assert_legible
from scipy.integrate import quad
from scipy.stats import norm

from loopstab.numerics.certificates.counts import Counts, count_fixed_points
from loopstab.numerics.proportion import wilson
from loopstab.paper_figures.drawings.fixed_point_counts import count_figure, scalar_chance


def counts(size, gain, histogram, undecided=0, ensemble="tanh"):
    networks = sum(histogram.values()) + undecided
    return Counts(
        ensemble, size, gain, 0, networks, histogram, undecided, 1, 0, None, None, 10, 1.0
    )


def drawn(figure, gid):
    (line,) = [line for line in figure.axes[0].lines if line.get_gid() == gid]
    return line.get_xydata()


def test_points_are_the_shares_with_wilson_intervals():
    figure = count_figure(
        [
            counts(2, 1.0, {1: 6, 3: 2}, 2),
            counts(1, 4.0, {1: 5, 9: 4, 11: 1}),
            counts(1, 2, {1: 10}),
        ]
    )
    assert_legible(figure)
    assert drawn(figure, "size-1").tolist() == [[2, 0], [4, 0.5]]
    assert drawn(figure, "size-2").tolist() == [[1, 0.25]]  # of the decided ones
    ends = [
        tuple(path.vertices[:, 1])
        for bars in figure.axes[0].collections
        for path in bars.get_paths()
    ]
    wanted = [wilson(0, 10), wilson(5, 10), (wilson(2, 10)[0], wilson(4, 10)[1])]
    np.testing.assert_allclose(ends, wanted, atol=1e-12)
    (note,) = [text.get_text() for text in figure.axes[0].texts]
    assert note == "10 networks a point; 2 undecided"


def test_no_law_where_there_is_none_and_nothing_decided_is_no_share():
    figure = count_figure([counts(2, 1.0, {}, 5), counts(2, 2.0, {1: 5, 2: 5}, 0, "norm-tanh")])
    assert_legible(figure)
    assert np.isnan(drawn(figure, "size-2")[0, 1])
    relu = count_figure([counts(1, 2.0, {1: 10}, ensemble="relu")])
    assert not [line for line in relu.axes[0].lines if line.get_gid() == "law"]


@pytest.mark.parametrize("gain", [0.0, 0.3, 1.0, 4.0, 12.0])
def test_the_law_is_the_integral_over_weights_and_offsets(gain):
    """The slow twin: b between the folds of h - tanh(a h), for a = gain w above 1."""

    def three(w):
        a = gain * w
        if a <= 1:
            return 0.0
        h = np.arccosh(np.sqrt(a)) / a  # where the slope of tanh(a h) is 1
        return 2 * norm.cdf(np.tanh(a * h) - h) - 1

    slow = quad(lambda w: three(w) * norm.pdf(w), 0, 12, points=[1 / gain] if gain else None)[0]
    assert scalar_chance(gain) == pytest.approx(slow, abs=2e-5)
    law = drawn(count_figure([counts(1, max(gain, 1), {1: 3})]), "law")
    assert law[-1, 1] == pytest.approx(scalar_chance(max(gain, 1)))


def test_the_law_is_that_of_certified_counts():
    """The line is the mean over all weights, the crosses that over the drawn ones."""
    found = count_fixed_points("tanh", 1, 8.0, 300, seed=1)
    several = sum(n for count, n in found.histogram.items() if count > 1)
    low, high = wilson(several, 300, z=4)
    assert low < scalar_chance(8.0) < high
    (cross,) = drawn(count_figure([found]), "given")
    assert cross[0] == 8
    assert 1 + 2 * cross[1] == pytest.approx(found.kac_rice)
    assert low < cross[1] < high
