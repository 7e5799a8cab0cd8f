"""Counts of random ensembles: laws, seeds, and the command loopstab count."""

import json
from dataclasses import replace

import numpy as np
import pytest

from loopstab.numerics.certificates import certify as certificate
from loopstab.numerics.certificates import counts as fixed_point_counts
from loopstab.numerics.certificates.counts import ENSEMBLES, count_fixed_points
from loopstab.paper_figures.cli import main
from loopstab.support.errors import UsageError


@pytest.mark.parametrize("ensemble", ENSEMBLES)
@pytest.mark.parametrize("size", [1, 2])
def test_small_samples_obey_the_laws(ensemble, size):
    counts = count_fixed_points(ensemble, size, 3.0, 40, seed=1)
    assert counts.undecided == 0
    assert sum(counts.histogram.values()) == 40
    assert len(counts.histogram) > 1
    assert not counts.falsified
    if ensemble != "relu":
        assert counts.index_violations == 0
        assert all(k % 2 == 1 for k in counts.histogram)


def test_scalar_tanh_obeys_kac_rice():
    counts = count_fixed_points("tanh", 1, 3.0, 800, seed=2)
    assert counts.kac_rice == pytest.approx(counts.mean, abs=0.1)
    assert abs(counts.z) < 4


def test_a_law_that_is_broken_is_noticed(monkeypatch):
    """Counts of maps with twice the gain are judged by the law of the gain: the mean must fall
    out.
    """
    honest = fixed_point_counts.random_map

    def doubled(ensemble, size, gain, seed):
        f = honest(ensemble, size, gain, seed)
        return type(f).of(f.outer, 2 * np.array(f.inner), 0.2 * np.array(f.bias))

    batch = fixed_point_counts._batch

    def cheating(*args):
        monkeypatch.setattr(fixed_point_counts, "random_map", doubled)
        rows = batch(*args)
        monkeypatch.setattr(fixed_point_counts, "random_map", honest)
        return rows

    monkeypatch.setattr(fixed_point_counts, "_batch", cheating)
    counts = count_fixed_points("tanh", 1, 1.5, 200, seed=0)
    assert counts.falsified


def test_a_search_that_loses_boxes_is_noticed(monkeypatch):
    """Boxes wrongly called empty lose fixed points; the indices no longer sum to 1."""
    honest, rng = certificate.narrowed, np.random.default_rng(0)

    def careless(f, low, high):
        pieces = honest(f, low, high)
        return replace(pieces, empty=pieces.empty | (rng.random(len(low)) < 0.05))

    monkeypatch.setattr(certificate, "narrowed", careless)
    counts = count_fixed_points("norm-tanh", 2, 2.0, 20, seed=0)
    assert counts.index_violations > 0
    assert counts.falsified


def test_undecided_networks_are_counted_apart():
    counts = count_fixed_points("norm-tanh", 2, 2.0, 10, seed=0, max_boxes=20)
    assert counts.undecided > 0
    assert counts.undecided + sum(counts.histogram.values()) == 10


def test_the_result_does_not_depend_on_jobs():
    one, two = (count_fixed_points("tanh", 2, 4.0, 60, seed=3, jobs=jobs) for jobs in (1, 2))
    assert (one.histogram, one.stable, one.boxes) == (two.histogram, two.stable, two.boxes)
    assert one.histogram != count_fixed_points("tanh", 2, 4.0, 60, seed=4).histogram


@pytest.mark.parametrize(
    "args",
    [("cosine", 1, 1.0, 1), ("tanh", 0, 1.0, 1), ("tanh", 1, np.inf, 1), ("tanh", 1, 1.0, 0)],
)
def test_wrong_requests(args):
    with pytest.raises(UsageError):
        count_fixed_points(*args)


def command(capsys, *args):
    with pytest.raises(SystemExit) as done:
        main(["count", *args])
    return done.value.code, capsys.readouterr()


def test_command(capsys):
    status, streams = command(
        capsys, "--sizes", "1", "2", "--gains", "2", "--networks", "20", "--json"
    )
    assert status in (0, None)
    rows = json.loads(streams.out)
    assert [row["size"] for row in rows] == [1, 2]
    assert all(sum(row["histogram"].values()) == 20 for row in rows)
    status, streams = command(capsys, "--networks", "5", "--sizes", "1", "--gains", "1")
    assert status in (0, None)
    assert "certified fixed points" in streams.out


def test_command_help_and_wrong_requests(capsys):
    assert "Example" in command(capsys, "--help")[1].out
    status, streams = command(capsys, "--sizes", "0")
    assert status == 2
    assert len(streams.err.strip().splitlines()) == 1
