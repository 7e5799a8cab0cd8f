"""Forecasts: votes and intervals with known answers, the local search against long orbits, and the
shipped file against its checksum.
"""

import hashlib
import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab.models.forecast import near_point as search
from loopstab.models.forecast.accuracy_odds import (
    SURE,
    EarlyAccuracy,
    kept_probability,
    longer_probability,
)
from loopstab.models.forecast.band import Band, loops_band, rate_band, size_band
from loopstab.models.forecast.forecast import Forecast, Sensitivity90
from loopstab.models.forecast.forecast_file import read_forecasts, seal_path, write_forecasts
from loopstab.models.forecast.forecaster import forecasts, levels_to_predict
from loopstab.models.forecast.near_point import NearPoint, near_point
from loopstab.models.forecast.votes import outcome_probabilities, vote
from loopstab.models.measure.trained import TrainedLoop
from loopstab.models.zoo import zoo
from loopstab.numerics.loops.protocol import LoopError
from loopstab.support.errors import LoopstabError, UsageError
from loopstab.theory.architecture import Architecture
from loopstab.theory.outcome import Outcome
from loopstab.theory.prediction import Weights, conceivable, predict

RECORDS = Path(__file__).parents[2] / "paper_figures" / "records"
FIXED, CYCLE, APERIODIC = Outcome.FIXED_POINT, Outcome.CYCLE, Outcome.APERIODIC


def point(how="newton", rho=None, leading=None, distance=0.0, grown=1.0, slowing=True):
    return NearPoint(how, 1e-3, slowing, grown, rho=rho, leading=leading, distance=distance)


VOTES = [
    (point(rho=0.9, leading=(0.9, 0.0)), True, FIXED),
    (point(rho=0.9, leading=(0.9, 0.0), distance=0.5, slowing=False), True, APERIODIC),
    (point(rho=1.2, leading=(-1.2, 0.0)), True, CYCLE),
    (point(rho=1.2, leading=(0.0, 1.2)), True, APERIODIC),
    (point("returns"), True, CYCLE),
    (point("moving", grown=1.4), False, Outcome.DRIFT),
    (point("moving", grown=20.0), False, Outcome.EXPLOSION),
    (point("moving", grown=20.0, slowing=False), True, APERIODIC),
]


@pytest.mark.parametrize(("seen", "bounded", "most"), VOTES)
def test_votes(seen, bounded, most):
    votes = vote(seen, bounded)
    assert max(votes, key=lambda outcome: votes[outcome]) is most
    assert sum(votes.values()) == pytest.approx(1)


@settings(deadline=None)
@given(
    attracted=st.integers(0, 8),
    repelled=st.integers(0, 8),
    name=st.sampled_from(["none/post", "internal/peri", "external/peri", "external/post"]),
    weights=st.builds(Weights, rho_wx=st.sampled_from([None, 0.5, 2.0]), kappa=st.just(None)),
)
def test_probabilities_are_the_stated_formula(attracted, repelled, name, weights):
    """With an outer norm p(fixed) = (k + 1/2)/(n + 1), where a flip counts against it; whatever the
    architecture, the sum is 1 and nothing that a theorem excludes has a probability.
    """
    points = [point(rho=0.5, leading=(0.5, 0.0))] * attracted
    points += [point(rho=1.5, leading=(-1.5, 0.0))] * repelled
    prediction = predict(Architecture.parse(name), weights)
    found = outcome_probabilities(points, prediction)
    assert sum(found.values()) == pytest.approx(1)
    assert set(found) <= prediction.allowed & conceivable(prediction.architecture)
    if prediction.architecture.outer_norm:
        assert found[FIXED] == pytest.approx((attracted + 0.5) / (attracted + repelled + 1))


def test_a_contraction_is_certain():
    prediction = predict(Architecture.parse("external/post"), Weights(kappa=0.5))
    repelling = [point(rho=1.5, leading=(-1.5, 0.0))] * 8
    assert outcome_probabilities(repelling, prediction) == {FIXED: 1.0}


@pytest.mark.parametrize(
    ("band", "draw"),
    [
        (rate_band, lambda y: math.exp(-math.exp(y))),
        (size_band, math.exp),
        (loops_band, lambda y: math.expm1(abs(y) + 3)),
    ],
)
def test_nine_in_ten_new_inputs_lie_in_the_interval(band, draw):
    rng, hits = np.random.default_rng(1), 0
    for _ in range(2000):
        *seen, new = (draw(y) for y in 0.5 * rng.standard_normal(9))
        found = band(seen)
        assert found.low < found.median < found.high
        hits += found.low <= new <= found.high
    assert 0.87 < hits / 2000 < 0.95


def test_no_interval_without_a_number():
    assert rate_band([]) is size_band([]) is loops_band([]) is None


def test_accuracy_that_falls_is_not_kept():
    falls, stays = EarlyAccuracy(64, 60, 30, 0, 64), EarlyAccuracy(64, 60, 0, 0, 64)
    assert kept_probability(falls, 1.0) < 0.05 < 0.7 < kept_probability(stays, 0.0) <= SURE
    assert falls.late(0.0) < falls.late(1.0) == 30 / 64
    assert longer_probability(stays, falls, 1.0, 1.0) < 0.1
    assert longer_probability(falls, stays, 1.0, 1.0) > 0.9


def test_the_search_finds_the_fixed_point_of_long_orbits():
    """Against the slow twin: the state after 1000 iterations, and the dense Jacobian there."""
    trained = TrainedLoop.open(zoo.load("prefix-sums-16-internal-post-s1"), level="16")
    batch = trained.task.batch(1, "16", torch.Generator().manual_seed(3))
    found = near_point(trained.model, batch.x, batch.target)
    loop, e = trained.loop_and_input(3)
    h = loop.initial(e)
    for _ in range(1000):
        h = loop.step(h, e)
    assert found.attracts
    assert found.right == bool(
        (trained.model.head(torch.from_numpy(h)).argmax(-1) == batch.target).all()
    )
    np.testing.assert_allclose(found.state, h, atol=1e-9)
    at, given_e = torch.from_numpy(h), torch.from_numpy(e)
    dense = torch.func.jacrev(lambda s: trained.model.step(s, given_e))(at)
    rho = np.abs(np.linalg.eigvals(dense.detach().reshape(h.size, h.size).numpy())).max()
    assert found.rho == pytest.approx(rho, rel=0.01)


def test_a_cycle_is_seen_by_its_return():
    orbit = torch.tensor([[1.0], [2.0], [4.0]] * 8)
    assert search._period(orbit[:12]) is None  # at most one iteration in eight
    assert search._period(torch.cat([orbit, orbit[:1]])) == 3
    assert search._period(torch.arange(25.0)[:, None]) is None


class _Spiral:
    """A loop that turns by a fifth of a circle around (9, 0) and comes closer by a factor."""

    center = torch.tensor([[9.0, 0.0]], dtype=torch.float64)

    def __init__(self, factor):
        turn = 2 * math.pi / 5
        rows = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
        self.step = factor * torch.tensor(rows, dtype=torch.float64)

    def encode(self, x):
        return x

    def prepare(self, e, folded):
        return None

    def initial(self, e):
        return self.center + torch.tensor([[1.0, 0.0]], dtype=torch.float64)

    def advance(self, h, context):
        return self.center + (h - self.center) @ self.step.T


@pytest.mark.parametrize(
    ("factor", "loops", "how"),
    [(1.0, 64, "returns"), (0.99, 64, "returns"), (0.99, 512, "not found"), (0.9, 64, "not found")],
)
def test_a_spiral_that_slows_down_is_no_cycle(monkeypatch, factor, loops, how):
    """What slows by less than half over the second half of the iterations is taken for a cycle."""

    def no_point(*args, **options):
        raise LoopError("there is no Newton's method for this loop")

    monkeypatch.setattr(search, "newton", no_point)
    monkeypatch.setattr(search, "TorchLoop", SimpleNamespace(of=lambda model: None))
    found = near_point(_Spiral(factor), torch.zeros(1, 1), torch.zeros(1, 1), loops)
    assert found.how == how
    assert found.slowing == (how == "not found")
    assert found.period == (5 if how == "returns" else None)


def test_the_answer_is_constant_where_the_deviation_is_below_the_margin():
    """The gap of the logits is 1 - 8/2^t at t = 0, ..., 2 and goes on: it is positive from 3 on."""
    gaps = torch.tensor([1 - 8 / 2**t for t in range(3)])
    logits = torch.stack([gaps, torch.zeros(3)], dim=1)[:, None]
    after = search._constant_after(logits, torch.tensor([[[1.0, 0.0]]]), 0.5)
    assert after == pytest.approx(2 + 1)  # 2 more than t = 1, counted from the last
    late = torch.cat([logits, torch.tensor([[[1.0, 0.0]]])])
    assert search._constant_after(late, torch.tensor([[[1.0, 0.0]]]), 0.5) == 3


@pytest.fixture(scope="module")
def made():
    name = "prefix-sums-16-internal-post-s1"
    return forecasts(zoo.load(name), name, command="loopstab predict")


def test_a_forecast_of_a_checkpoint(made):
    easy, hard = made
    assert [one.level for one in made] == ["16", "32"]
    assert max(easy.outcomes, key=lambda name: easy.outcomes[name]) == "fixed-point"
    assert easy.longer == hard.longer
    assert easy.sensitivity.kind == "smooth"
    assert easy.sensitivity.rank_per_token == 63
    assert sum(easy.sampled.values()) > 0
    assert Forecast.from_json(easy.to_json()).to_json() == easy.to_json()


def test_other_stages_are_refused():
    with pytest.raises(UsageError, match="use initial or end"):
        forecasts(zoo.load("internal-post"), "internal-post", stage="middle")


def test_without_recall_the_sensitivity_is_zero():
    name = "prefix-sums-16-none-post-s1"
    (easy, _) = forecasts(zoo.load(name), name)
    assert easy.sensitivity == Sensitivity90("zero", 0, 0.0, 0.0)


def test_levels():
    trained = TrainedLoop.open(zoo.load("kqk-none-post-s0"))
    assert levels_to_predict(trained.task) == ("easy", "hard")


def test_a_file_is_read_as_written(made, tmp_path):
    path = write_forecasts(tmp_path / "a.jsonl", made)
    again = read_forecasts(path)
    assert [one.key for one in again] == [one.key for one in made]
    assert again[0].rate.median == pytest.approx(made[0].rate.median, rel=1e-5)
    assert write_forecasts(tmp_path / "b.jsonl", again).read_bytes() == path.read_bytes()


def _sealed(path, text):
    path.write_text(text)
    seal_path(path).write_text(f"{hashlib.sha256(text.encode()).hexdigest()}  {path.name}\n")
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outcomes": {"fixed-point": 0.5}}, "sums to 0.5"),
        ({"outcomes": {"undecided": 1.0}}, "other than undecided"),
        ({"excluded": ["fixed-point"]}, "must not have a probability"),
        ({"stage": "late"}, "stage must be one of"),
        ({"rate": {"median": 0.5, "low": 0.6, "high": 0.7}}, "low, median, high"),
        ({"kept": 1.5}, "kept must be"),
        ({"further": 1}, "is unknown"),
    ],
)
def test_a_damaged_line_is_refused(made, tmp_path, change, message):
    line = json.dumps({**made[0].to_json(), **change}) + "\n"
    with pytest.raises(LoopstabError, match=message):
        read_forecasts(_sealed(tmp_path / "a.jsonl", line))


def test_a_file_that_was_changed_is_refused(made, tmp_path):
    path = write_forecasts(tmp_path / "a.jsonl", made)
    path.write_text(path.read_text().replace('"kept": 0.', '"kept": 0.1'))
    with pytest.raises(LoopstabError, match=r"does not agree with a\.sha256"):
        read_forecasts(path)
    line = json.dumps(made[0].to_json()) + "\n"
    with pytest.raises(LoopstabError, match="repeats"):
        read_forecasts(_sealed(path, 2 * line))
    with pytest.raises(LoopstabError, match=r"line 1 .* is damaged"):
        read_forecasts(_sealed(path, "{\n"))
    with pytest.raises(UsageError, match="loopstab predict makes it"):
        read_forecasts(tmp_path / "none.jsonl")


def test_the_shipped_forecasts_are_those_that_were_sealed():
    """Read with the checksum; every one is of a shipped checkpoint, and nothing undecided."""
    found = read_forecasts(RECORDS / "forecasts.jsonl")
    assert len(found) > 100
    assert {one.checkpoint for one in found} <= set(zoo.names())
    for one in found:
        assert isinstance(one.rate, Band | None)
        assert one.command.startswith("loopstab predict --zoo")
        assert one.sources["seed_offset"] == 91_000_033
