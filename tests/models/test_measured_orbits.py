"""Measurements of many orbits, of their limits and of basins, against slow twins and known
answers.
"""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import Recorder, classify
from loopstab.models.forecast.measured_basins import basins
from loopstab.models.forecast.measured_inputs import Sizes, different_inputs
from loopstab.models.forecast.measured_limits import cluster_sizes, count_limits, entropy
from loopstab.models.forecast.measured_noise import disturbed
from loopstab.models.forecast.measured_orbits import ENTRIES, FINE, follow_inputs, quantiles
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.prefix_sums import PrefixSums
from loopstab.theory.architecture import Architecture

LOOPS = 64
TASK = PrefixSums(4)


def model_of(architecture, seed=0):
    config = ModelConfig(Architecture.parse(architecture), width=8, heads=2)
    return LoopedTransformer(config, seed).eval()


@pytest.fixture(scope="module", params=["internal/post", "external/peri", "none/post"])
def model(request):
    return model_of(request.param)


def slow_orbits(model, batch):
    """One input at a time, every iteration, no input leaves."""
    out = []
    for x, target in zip(batch.x, batch.target, strict=True):
        e = model.encode(x[None])
        h, recorder, answers = model.initial(e), Recorder(1), []
        context = model.prepare(e, folded=True)
        recorder.observe(h.numpy())
        answers.append(model.head(h)[0].argmax(-1))
        for _ in range(LOOPS):
            h = model.advance(h, context)
            recorder.observe(h.numpy())
            answers.append(model.head(h)[0].argmax(-1))
        changed = [t for t in range(1, LOOPS + 1) if not answers[t].equal(answers[t - 1])]
        orbit = recorder.trajectory(0)
        small = [t for t, step in enumerate(orbit.relative_steps, 1) if step <= FINE]
        out.append(
            (
                classify(orbit).outcome,
                changed[-1] if changed else 0,
                small[0] if small else -1,
                [answer.equal(target) for answer in answers],
            )
        )
    return out


@torch.no_grad()
def test_orbits_against_one_at_a_time(model):
    batch = different_inputs(TASK, "5", 12)
    found, slow = follow_inputs(model, TASK, batch, LOOPS, LOOPS), slow_orbits(model, batch)
    assert [d.outcome for d in found.diagnoses] == [one[0] for one in slow]
    assert found.changed.tolist() == [one[1] for one in slow]
    assert found.right.tolist() == np.sum([one[3] for one in slow], axis=0).tolist()
    # a single input is summed up in another order than a batch
    for fine, one in zip(found.fine, slow, strict=True):
        assert abs(fine - one[2]) <= 1
    summary = found.to_json()
    assert summary["outcomes"] == dict(Counter(str(one[0]) for one in slow).most_common())
    assert summary["right_500"] == sum(one[3][-1] for one in slow)


def test_parts_of_a_batch_change_nothing(model, monkeypatch):
    batch = different_inputs(TASK, "5", 12)
    whole = follow_inputs(model, TASK, batch, LOOPS, 2 * LOOPS)
    monkeypatch.setattr(f"{follow_inputs.__module__}.ENTRIES", 5 * 5 * 8)
    parts = follow_inputs(model, TASK, batch, LOOPS, 2 * LOOPS)
    assert ENTRIES > 12 * 5 * 8
    assert [d.outcome for d in parts.diagnoses] == [d.outcome for d in whole.diagnoses]
    assert np.array_equal(parts.right, whole.right)
    assert np.array_equal(parts.changed, whole.changed)


@pytest.mark.parametrize(("level", "most", "expected"), [("3", 20, 8), ("5", 7, 7), ("1", 9, 2)])
def test_inputs_are_different(level, most, expected):
    batch = different_inputs(TASK, level, most, seed=3)
    assert len(batch.x) == len(torch.unique(batch.x, dim=0)) == expected
    signs = (batch.x[..., 0] > 0).long()
    assert torch.equal(batch.target, signs.cumsum(1) % 2)
    again = different_inputs(TASK, level, most, seed=3)
    assert torch.equal(batch.x, again.x)


def test_larger_networks_are_measured_on_fewer_inputs():
    sizes = [Sizes.of(*at) for at in ((64, 16), (64, 64), (128, 81), (256, 81))]
    assert [s.inputs for s in sizes] == [512, 256, 128, 64]
    assert [s.limit for s in sizes] == [2000, 2000, 500, 500]


def slow_clusters(rows, near):
    representatives, sizes = [], []
    for row in rows:
        for i, other in enumerate(representatives):
            if all(abs(a - b) <= near for a, b in zip(row, other, strict=True)):
                sizes[i] += 1
                break
        else:
            representatives.append(row)
            sizes.append(1)
    return sizes


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=1, max_size=12))
def test_clusters_against_a_slow_twin(rows):
    assert cluster_sizes(np.array(rows, float), 0.5) == slow_clusters(rows, 0.5)
    assert cluster_sizes(np.array(rows, float), 1.0) == slow_clusters(rows, 1.0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_entropy_is_at_most_the_logarithm(sizes):
    assert -1e-12 <= entropy(sizes) <= math.log2(len(sizes)) + 1e-12


def test_limits_of_tokens():
    """Four inputs: the first token tells two pairs apart, the second all inputs."""
    states = np.zeros((4, 2, 3), np.float32)
    states[:, 0] = np.array([1, 1, -1, -1])[:, None]
    states[:, 1] = np.arange(4)[:, None]
    found = count_limits(states).to_json()
    assert (found["distinct"], found["bits"], found["entropy"]) == (4, 2.0, 2.0)
    assert (found["token_distinct"], found["token_entropy"]) == (3.0, 1.5)
    assert count_limits(states[:0]).to_json()["distinct"] == 0


def test_quantiles_are_values():
    found = quantiles(np.array([5, 1, 9]))
    assert found["n"] == 3
    assert found["quantiles"][0] == 1
    assert found["quantiles"][-1] == 9
    assert set(found["quantiles"]) == {1, 5, 9}
    assert quantiles(np.array([])) == {"n": 0, "quantiles": []}


def test_every_start_reaches_the_limit_of_a_strong_recall():
    """With strong external recall the state is the normalised recall, up to a small update."""
    model = model_of("external/post")
    with torch.no_grad():
        model.w_x.weight.zero_()
    found = basins(model, different_inputs(TASK, "4", 2).x, 11, 200)
    assert found == [{"starts": 11, "settled": 11, "same": 11}] * 2


def test_starts_without_recall_reach_different_limits():
    """A block of zeros is the identity on the sphere: every start is a fixed point."""
    model = model_of("none/post")
    with torch.no_grad():
        for name, weight in model.blocks.named_parameters():
            if "update" in name:
                weight.zero_()
    found = basins(model, different_inputs(TASK, "4", 2).x, 11, 50)
    assert all(one["settled"] == 11 for one in found)
    assert all(one["same"] == 1 for one in found)


def test_noise_against_its_definition():
    model, batch = model_of("internal/post"), different_inputs(TASK, "4", 6)
    none, little = disturbed(model, TASK, batch, 3, sizes=(1e-6,), loops=8)
    with torch.no_grad():
        logits = model(batch.x, 8)
    assert none["size"] == 0
    assert none["loss"] == pytest.approx(float(TASK.loss(logits, batch.target)))
    assert (
        none["least"]
        == none["largest"]
        == float(TASK.correct(logits, batch.target).double().mean())
    )
    assert little["loss"] == pytest.approx(none["loss"], rel=1e-3)
    (_, much) = disturbed(model, TASK, batch, 3, sizes=(1.0,), loops=8)
    assert abs(much["loss"] - none["loss"]) > 1e-2
