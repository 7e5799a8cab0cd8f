"""Bounds from the weights of a block, against the loops themselves."""

from itertools import product

import numpy as np
import pytest

from loopstab import Architecture, UsageError
from loopstab.numerics.bounds.lipschitz import Stations, lipschitz, norm_lipschitz
from loopstab.numerics.bounds.recall import threshold
from loopstab.numerics.bounds.weights import gap_to_relu, of_loop, slope
from loopstab.numerics.loops.block_loop import random_loop
from loopstab.numerics.suites.bounds.lipschitz_blocks import loop_stations
from loopstab.numerics.suites.bounds.recall_strength import loop_strength, scaled
from loopstab.theory.architecture import Norm, Recall

ARCHITECTURES = [str(Architecture(r, n)) for r, n in product(Recall, Norm)]


def _case(architecture, seed=0, **options):
    rng = np.random.default_rng(seed)
    loop = random_loop(Architecture.parse(architecture), 4, eps=1e-3, seed=rng, **options)
    e = rng.standard_normal((3, 4))
    return loop, e, loop.step(rng.standard_normal(e.shape), e), rng


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_bound_on_a_ball_holds_for_pairs_in_it(architecture):
    loop, e, h, rng = _case(architecture)
    weights = of_loop(loop)
    here, radius = loop_stations(loop, weights, h, e), 0.1
    kappa = lipschitz(weights, stations=here, radius=radius).kappa
    for _ in range(50):
        x, y = (
            h + radius * z / np.linalg.norm(z, axis=1, keepdims=True)
            for z in rng.standard_normal((2, *h.shape))
        )
        stretched = np.linalg.norm(loop.step(x, e) - loop.step(y, e), axis=1).max()
        assert stretched <= kappa * np.linalg.norm(x - y, axis=1).max()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_larger_ball_has_a_larger_bound_and_the_space_the_largest(architecture):
    loop, e, h, _ = _case(architecture)
    weights = of_loop(loop)
    here = loop_stations(loop, weights, h, e)
    sizes = [lipschitz(weights, stations=here, radius=r).kappa for r in (0.0, 0.01, 0.1, 1.0)]
    assert sizes == sorted(sizes)
    recalled = float(np.linalg.norm(e @ loop.w_e.T, axis=1).max())
    assert sizes[0] <= lipschitz(weights, recalled=recalled).kappa
    assert sizes[0] <= lipschitz(weights, stations=here, seen=3).kappa


def test_a_bound_beyond_all_numbers_is_infinite():
    loop, *_ = _case("external/post")
    assert lipschitz(of_loop(loop), recalled=1e300).kappa == np.inf


def test_by_hand():
    # linear post block without attention: N(h + W_2 W_1 h), all constants are known
    loop, *_ = _case("none/post")
    weights = of_loop(loop)
    bound = lipschitz(weights, stations=(Stations(1, 1, 2, (1,) * 2, (1,) * 2, (1,) * 2),) * 2)
    mlp = norm_lipschitz(1.0, 4, 2.0, 1e-3) * (1 + weights.mlp.lipschitz)
    assert bound.mlp == pytest.approx(mlp)
    assert bound.kappa == pytest.approx(bound.attention * bound.mlp)


@pytest.mark.parametrize("recall", ["external", "internal"])
@pytest.mark.parametrize("seed", range(3))
def test_beyond_the_threshold_there_is_one_fixed_point(recall, seed):
    loop, e, _, rng = _case(f"{recall}/post", seed, activation="relu")
    numbers = loop_strength(loop, e)
    start = threshold(numbers)
    assert numbers.kappa(start) < 1 <= numbers.kappa(start * (1 - 1e-5))
    strong = scaled(loop, 1.01 * start)
    ends = []
    for _ in range(3):
        h = rng.standard_normal(e.shape)
        for _ in range(60):
            h = strong.step(h, e)
        ends.append(h)
    assert np.ptp(ends, axis=0).max() < 1e-9
    assert np.linalg.norm(strong.jacobian(ends[0], e), 2) < 3 * numbers.kappa(1.01 * start)


def test_no_threshold_where_the_limit_vanishes():
    loop, e, *_ = _case("external/post")
    assert threshold(loop_strength(loop, e)._replace(limit=0.0)) == np.inf


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: slope("sine"), "no bound of the slope"),
        (lambda: gap_to_relu("tanh"), "does not tend to ReLU"),
        (lambda: of_loop(_case("none/post", sub_blocks=("mlp",))[0]), "one attention, then one"),
        (lambda: of_loop(_case("none/post/gru")[0]), "residual add"),
        (lambda: lipschitz(of_loop(_case("none/post")[0]), radius=-1.0), "at least 0"),
        (lambda: loop_strength(*_case("external/pre")[:2]), "post-norm blocks with recall"),
    ],
)
def test_what_is_refused(call, words):
    with pytest.raises(UsageError, match=words):
        call()
