"""Cross-validation against a slow twin, at one look and at several; samples that leave an orbit
change nothing for the others.
"""

import dataclasses

import numpy as np
import pytest
import torch

from loopstab import Recorder, classify
from loopstab.models.measure.comparison import CrossValidation, main_table
from loopstab.models.measure.crossvalidate import crossvalidate
from loopstab.models.measure.orbit import Orbit
from loopstab.models.network.checkpoint import Checkpoint, save_model
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.prefix_sums import PrefixSums
from loopstab.support.errors import UsageError
from loopstab.theory.architecture import Architecture

LOOPS, INPUTS = 64, 12
TASK = PrefixSums(4)


def model_of(architecture):
    return LoopedTransformer(ModelConfig(Architecture.parse(architecture), width=8, heads=2))


@pytest.fixture(scope="module", params=["internal/post", "external/post", "internal/peri"])
def checkpoint(request, tmp_path_factory):
    run = {
        "task": "prefix-sums",
        "data": TASK.fingerprint(),
        "level_reached": "4",
        "architecture": request.param,
    }
    return Checkpoint.load(
        save_model(
            tmp_path_factory.mktemp("model") / "model.safetensors",
            model_of(request.param),
            {"run": run},
        )
    )


def slow(checkpoint, loops):
    """All inputs for all loops, none leaves: outcomes, and the share right after 30 and 500
    loops.
    """
    model = model_of(checkpoint.meta["run"]["architecture"]).double()
    batch = TASK.batch(INPUTS, "4", torch.Generator().manual_seed(77_000_001))
    recorder, shares = Recorder(INPUTS), {}
    with torch.no_grad():
        e = model.encode(batch.x.double())
        context, h = model.prepare(e, folded=True), model.initial(e)
        recorder.observe(h.numpy())
        for t in range(1, max(loops, 500) + 1):
            h = model.advance(h, context)
            if t <= loops:
                recorder.observe(h.numpy())
            if t in (30, 500):
                shares[t] = float(TASK.correct(model.head(h), batch.target).double().mean())
    return recorder.trajectories(), shares


def test_one_look_is_what_classify_says_of_the_whole_orbits(checkpoint):
    found = crossvalidate(checkpoint, name="it", inputs=INPUTS, loops=LOOPS, limit=LOOPS, spectra=1)
    trajectories, shares = slow(checkpoint, LOOPS)
    outcomes = [str(classify(t).outcome) for t in trajectories]
    assert found.outcomes == {o: outcomes.count(o) for o in set(outcomes)}
    assert (found.accuracy_30, found.accuracy_500) == (shares[30], shares[500])
    np.testing.assert_allclose(
        found.residual_curve,
        np.median([t.relative_steps for t in trajectories], axis=0),
        rtol=1e-6,
        atol=1e-14,
    )
    assert set(found.decided) <= {LOOPS}


def test_more_looks_leave_less_open_and_change_neither_accuracy_nor_curve(checkpoint, monkeypatch):
    one = crossvalidate(checkpoint, name="it", inputs=INPUTS, loops=LOOPS, limit=LOOPS, spectra=1)
    monkeypatch.setattr(
        "loopstab.models.measure.crossvalidate.CELLS", 16
    )  # in parts of four inputs
    more = crossvalidate(checkpoint, name="it", inputs=INPUTS, loops=LOOPS, spectra=1)
    assert more.limit == 4 * LOOPS
    assert set(more.decided) <= {LOOPS, 2 * LOOPS, 4 * LOOPS}
    assert sum(more.decided.values()) + more.undecided == sum(more.outcomes.values()) == INPUTS
    assert more.undecided <= one.undecided
    assert (more.accuracy_30, more.accuracy_500) == (one.accuracy_30, one.accuracy_500)
    assert len(more.residual_curve) == LOOPS
    np.testing.assert_allclose(more.residual_curve, one.residual_curve, rtol=1e-6, atol=1e-14)


def test_the_loops_of_x5_are_counted_on_the_whole_orbit(checkpoint):
    """An orbit that needs more than the first look for its last tolerance is counted like one that
    is seen at once.
    """
    short = crossvalidate(checkpoint, name="it", inputs=2, loops=32, limit=1024, spectra=2)
    long = crossvalidate(checkpoint, name="it", inputs=2, loops=1024, limit=1024, spectra=2)
    assert [c.measured_loops for c in short.convergence] == [
        c.measured_loops for c in long.convergence
    ]


@pytest.mark.parametrize(
    ("loops", "limit", "words"), [(16, None, "32 iterations"), (64, 40, "below the first look")]
)
def test_bad_horizons(loops, limit, words):
    with pytest.raises(UsageError, match=words):
        crossvalidate("nowhere", inputs=1, loops=loops, limit=limit)


def test_json_and_table_of_a_run_without_fixed_points():
    bare = CrossValidation(
        name="x",
        architecture="none/pre",
        task="t",
        level="4",
        inputs=1,
        loops=32,
        limit=64,
        seed=0,
        rho_wx=None,
        expected=None,
        allowed=[],
        claims=[],
        reason="",
        outcomes={"explosion": 1},
        decided={32: 1},
        undecided=0,
        majority="explosion",
        convergence=[],
        accuracy_30=0.0,
        accuracy_500=float("nan"),
        drift_constant=None,
        residual_curve=[0.5, float("inf")],
    )
    out = bare.to_json()
    assert out["residual_curve"] == [0.5, None]
    assert out["accuracy_500"] is None
    assert out["decided"] == {"32": 1}
    (row,) = main_table(
        [dataclasses.replace(bare, outcomes={"drift": 3, "undecided": 1}, decided={32: 1, 64: 2})]
    )
    assert (row["checkpoint"], row["measured"], row["decided at loop"]) == (
        "x",
        "drift: 3, undecided: 1",
        "32: 1, 64: 2",
    )


@pytest.mark.parametrize("architecture", ["internal/post", "external/peri"])
@torch.no_grad()
def test_samples_that_leave_an_orbit_change_nothing_for_the_others(architecture):
    model = model_of(architecture).double()
    x = TASK.batch(8, "4", torch.Generator().manual_seed(0)).x.double()
    whole, part = Orbit(model, x, ulps=8), Orbit(model, x, ulps=8)
    numbers = torch.arange(8)
    for t in range(1, 301):
        whole.advance()
        part.advance()
        if t in (3, 150):
            kept = torch.tensor([0, 2, 3, 5])[: len(numbers) // 2]
            part.keep(kept)
            numbers = numbers[kept]
        torch.testing.assert_close(part.h, whole.h[numbers], rtol=1e-9, atol=1e-12)
        assert (
            set(numbers[part.running].tolist())
            == set(whole.running.tolist()) & set(numbers.tolist())
            or t < 300
        )
