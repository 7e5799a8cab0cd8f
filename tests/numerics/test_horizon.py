"""Laws of decay on series of known law, and orbits that a first look would misread."""

import numpy as np
import pytest

from loopstab import Outcome, Recorder
from loopstab.numerics.orbits.decay import Decay, falls, keeps_power
from loopstab.numerics.orbits.follow import follow, follow_batch, looks
from loopstab.numerics.orbits.trajectory import MAX_PERIOD, STRIDE
from loopstab.support.errors import UsageError

T = np.arange(1, 2001)
FALLS = {
    "geometric": (0.999**T, True),
    "geometric, slow": (0.9999**T, True),
    "complex pair": (0.999**T * (1 + 0.5 * np.cos(2 * T)), True),
    "long fall": (0.99**T, True),
    "to a floor": (0.999**T + 0.1, False),
    "to a small floor": (0.998**T + 0.02, False),
    "algebraic": (T**-1.5, False),
    "algebraic, steep": (T**-4.0, False),
    "quarter of a beat": (np.abs(np.cos(7e-4 * T)) + 0.05, False),
    "constant": (np.ones(2000), False),
    "rising": (1.001**T, False),
}
POWERS = {
    "linear growth of steps": (T + 5.0, True),
    "two terms": (T**2 + 5.0 * T, True),
    "falling": (T**-1.5, True),
    "constant": (np.ones(2000), True),
    "slow growth": (T * np.exp(1e-4 * T), False),
    "slow growth of a constant": (np.exp(1e-4 * T), False),
    "slow fall": (T**-1.5 * np.exp(-1e-4 * T), False),
}


@pytest.mark.parametrize("name", FALLS)
def test_geometric_fall_without_a_floor(name):
    y, expected = FALLS[name]
    assert (falls(y, 500, 2000) is not None) == expected


@pytest.mark.parametrize("rate", [0.99, 0.999, 0.9999])
def test_rate_of_a_fall(rate):
    found = falls(rate**T, 500, 2000)
    assert found is not None
    assert np.exp(-found.geometric) == pytest.approx(
        rate, abs=2e-6
    )  # block means shift the time by a part of the block


@pytest.mark.parametrize("name", POWERS)
def test_power_law_without_an_exponential_part(name):
    y, expected = POWERS[name]
    assert keeps_power(y) == expected


def turn(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


R, S = turn(1.0), turn(2 * np.pi / 7)
SLOW = {
    # step (batch of one), start, what looks at 500 and 1000 loops must not say, what the whole run
    # says
    "growth that starts as a drift": (
        lambda h: 1.002 * h + 1,
        [0.0],
        {Outcome.DRIFT},
        Outcome.EXPLOSION,
    ),
    "fall that starts as a drift": (
        lambda h: 0.998 * h + 1,
        [0.0],
        {Outcome.DRIFT},
        Outcome.FIXED_POINT,
    ),
    "circle approached from outside": (
        lambda h: (1 + 4e-3 * (1 - np.sum(h * h))) * h @ R.T,
        [1.05, 0.0],
        {Outcome.FIXED_POINT},
        Outcome.APERIODIC,
    ),
    "seven points approached from outside": (
        lambda h: (1 + 2e-3 * (1 - np.sum(h * h))) * h @ S.T,
        [1.05, 0.0],
        {Outcome.FIXED_POINT, Outcome.APERIODIC},
        Outcome.CYCLE,
    ),
    "pitchfork missed by little": (
        lambda h: (1 - 1.2e-3) * h - h**3,
        [0.5],
        {Outcome.CRITICAL},
        Outcome.FIXED_POINT,
    ),
    "slow spiral": (
        lambda h: 0.9992 * h @ R.T,
        [1.0, 0.0],
        {Outcome.APERIODIC},
        Outcome.FIXED_POINT,
    ),
    "slow spiral outwards": (
        lambda h: 1.0012 * h @ R.T,
        [1.0, 0.0],
        {Outcome.APERIODIC, Outcome.DRIFT},
        Outcome.EXPLOSION,
    ),
    "saturating growth": (
        lambda h: h + 0.016 * h * (1 - h * 1e-3),
        [1.0],
        {Outcome.EXPLOSION},
        Outcome.FIXED_POINT,
    ),
}


@pytest.mark.parametrize("name", SLOW)
def test_what_one_look_cannot_tell_is_told_by_running_on(name):
    step, start, never, truth = SLOW[name]
    h = np.array([start])
    for limit in (500, 1000):
        assert follow(step, h, 500, limit)[0].diagnosis.outcome not in never
    found = follow(step, h, 500)[0].diagnosis
    assert found.outcome is truth
    assert found.loops <= 8000


@pytest.mark.parametrize("start", [0.2, 0.31, 0.5, 0.77])
def test_laminar_phase_near_period_3_is_no_cycle(start):
    """Type I intermittency: just below r = 1 + sqrt 8 the logistic map passes three bottlenecks for
    hundreds of loops.
    """
    r = 1 + 8**0.5 - 1e-5
    assert follow(lambda h: r * h * (1 - h), np.array([[start]]), 2000, 4000)[
        0
    ].diagnosis.outcome in (Outcome.APERIODIC, Outcome.UNDECIDED)


def test_a_batch_is_followed_like_its_orbits_alone():
    rates = np.array([[0.5], [0.9], [1.5], [-1.0]])
    batch = follow(lambda h: rates * h + 1, np.full((4, 1), 0.3), 200)
    for i, together in enumerate(batch):
        alone = follow(lambda h, i=i: rates[i] * h + 1, np.full((1, 1), 0.3), 200)[0]
        assert (together.diagnosis.outcome, together.diagnosis.period) == (
            alone.diagnosis.outcome,
            alone.diagnosis.period,
        )
    assert [f.diagnosis.outcome for f in batch] == [
        Outcome.FIXED_POINT,
        Outcome.FIXED_POINT,
        Outcome.EXPLOSION,
        Outcome.CYCLE,
    ]


class Rotations:
    """z' = m z; a batch that really leaves out what is decided, and counts the steps of single
    orbits.
    """

    def __init__(self, multipliers):
        self.m, self.z, self.work = np.array(multipliers), np.ones(len(multipliers), complex), 0

    def seen(self):
        return np.stack((self.z.real, self.z.imag), axis=1)

    def advance(self):
        self.z = self.m * self.z
        self.work += len(self.z)

    def keep(self, kept):
        self.m, self.z = self.m[kept], self.z[kept]


def test_a_batch_that_leaves_out_what_is_decided_finds_the_same_with_less_work():
    multipliers = [0.5, 0.9992 * np.exp(1j), 1.5, 0.9, 0.9995 * np.exp(2j), -1.0]
    batch = Rotations(multipliers)
    found = follow_batch(batch, 200, 6400)
    whole = follow(
        lambda z: np.array(multipliers) * z,
        np.ones(6, complex),
        200,
        6400,
        view=lambda z: np.stack((z.real, z.imag), axis=1),
    )
    for orbit, expected in zip(found, whole, strict=True):
        assert orbit.diagnosis == expected.diagnosis
        for name in ("norms", "steps", "tail", "returns"):
            np.testing.assert_array_equal(
                getattr(orbit.trajectory, name), getattr(expected.trajectory, name)
            )
    needed = [len(orbit.trajectory.steps) for orbit in found]
    assert max(needed) > 2 * min(needed)
    assert batch.work < 0.6 * len(multipliers) * max(needed)


def test_a_recorder_goes_on_with_some_of_its_orbits():
    states = np.random.default_rng(0).standard_normal((400, 3, 2))
    some, all_ = Recorder(3), Recorder(3)
    for t, h in enumerate(states):
        if t == 200:
            some.keep(np.array([0, 2]))
        some.observe(h if t < 200 else h[[0, 2]])
        all_.observe(h)
    for i, j in ((0, 0), (1, 2)):
        for name in ("norms", "steps", "tail", "returns"):
            np.testing.assert_array_equal(
                getattr(some.trajectory(i), name), getattr(all_.trajectory(j), name)
            )


def test_looks():
    assert looks(100, 100) == [100]
    assert looks(100, 700) == [100, 200, 400, 700]


def test_the_limit_is_kept_and_reported():
    found = follow(lambda h: h + 1 / h, np.array([[1.0]]), 100, 700)[
        0
    ]  # like sqrt t: none of the outcomes
    assert found.diagnosis.outcome is Outcome.UNDECIDED
    assert found.diagnosis.loops == len(found.trajectory.steps) == 700


@pytest.mark.parametrize(("loops", "limit", "word"), [(8, None, "16 loops"), (200, 100, "limit")])
def test_bad_horizons(loops, limit, word):
    with pytest.raises(UsageError, match=word):
        follow(lambda h: h, np.ones((1, 1)), loops, limit)


def test_returns_against_all_states_kept():
    rng = np.random.default_rng(0)
    states = rng.standard_normal((300, 2, 3))
    recorder = Recorder(2)
    for h in states:
        recorder.observe(h)
    times = range(STRIDE, 300, STRIDE)
    for i in range(2):
        expected = [
            [np.linalg.norm(states[t, i] - states[t - p, i]) for p in range(1, MAX_PERIOD + 1)]
            for t in times
        ]
        np.testing.assert_allclose(recorder.trajectory(i).returns, expected)


@pytest.mark.parametrize(("start", "stop"), [(0, 24), (3, 200), (300, 1200)])
def test_the_fits_of_a_window_are_least_squares(start, stop):
    """Against lstsq on the block means, with the textbook covariance."""
    y = np.exp(-0.01 * np.arange(1200) + 0.2 * np.random.default_rng(0).standard_normal(1200))
    found, parts = Decay.of(y, start, stop), np.array_split(np.arange(start, stop), 24)
    values, times = (
        np.array([np.log(np.mean(y[p] ** 2)) / 2 for p in parts]),
        np.array([p.mean() + 1 for p in parts]),
    )
    columns = {
        "joint": [-times, -np.log(times)],
        "geometric": [-times],
        "algebraic": [-np.log(times)],
    }
    fits = {}
    for name, law in columns.items():
        matrix = np.column_stack([np.ones(24), *law])
        solution = np.linalg.lstsq(matrix, values, rcond=None)[0]
        rest = values - matrix @ solution
        error = np.sqrt(
            np.linalg.inv(matrix.T @ matrix)[1, 1] * (rest @ rest) / (24 - len(solution))
        )
        fits[name] = (solution, error, np.sqrt(np.mean(rest**2)))
    (joint, error, misfit), (geometric, error_g, misfit_g), (algebraic, _, misfit_a) = fits.values()
    slow = [
        joint[1],
        joint[2],
        error,
        misfit,
        geometric[1],
        error_g,
        misfit_g,
        algebraic[1],
        misfit_a,
    ]
    np.testing.assert_allclose(
        [getattr(found, name) for name in found.__dataclass_fields__], slow, rtol=1e-7
    )
