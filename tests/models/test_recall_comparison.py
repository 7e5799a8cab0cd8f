"""Internal against external recall: pairs, signs, one small pair, and the command."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from loopstab.models.loops.torch_loop import TorchLoop
from loopstab.models.measure.recall_comparison import Pair, RecordFile, compare_recall, recall_pairs
from loopstab.models.measure.recall_record import (
    FINE,
    RecallRecord,
    _from,
    jacobians,
    recall_record,
)
from loopstab.models.network.checkpoint import Checkpoint, save_model
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.prefix_sums import PrefixSums
from loopstab.models.zoo import zoo
from loopstab.numerics.spectra.linearisation import Linearisation
from loopstab.numerics.spectra.sensitivity import sensitivity_norm
from loopstab.paper_figures.cli import main
from loopstab.support.errors import LoopstabError, UsageError
from loopstab.theory.architecture import Architecture

INTERNAL, EXTERNAL = "prefix-sums-16-internal-post-s1", "prefix-sums-16-external-post-s1"
BARE = RecallRecord(
    name="i",
    architecture="internal/post",
    task="t",
    seed=0,
    inputs=4,
    loops=9,
    settled=2,
    rho=(0.5, 0.7),
    leading=((0.5, 0.0), (0.0, 0.7)),
    coarse=(3, 5),
    fine=(9, 9),
    sensitivity=(),
    smallest=(),
    best=0.5,
    last=0.5,
)


def test_pairs_of_the_zoo_differ_in_the_recall_alone():
    pairs = recall_pairs({name: zoo.describe(name) for name in zoo.names()})
    assert len(pairs) >= 21
    assert Pair("internal-post", "external-post") in pairs
    for pair in pairs:
        assert pair.internal.replace("internal", "external") == pair.external


def test_runs_of_different_settings_are_no_pair():
    records = {name: zoo.describe(name) for name in (INTERNAL, EXTERNAL)}
    records[EXTERNAL]["run"]["config"]["lr"] *= 2
    assert recall_pairs(records) == []


def test_signs_and_medians():
    slow = dataclasses.replace(BARE, rho=(0.9,), settled=4)
    external = dataclasses.replace(BARE, architecture="external/post", rho=(0.6,), best=0.75)
    rows = {row.quantity: row for row in compare_recall([(slow, external), (BARE, external)])}
    rho = rows["rho"]  # 0.9 and the median 0.6, against 0.6 twice
    assert (rho.pairs, rho.larger, rho.equal, rho.smaller) == (2, 1, 1, 0)
    assert (rho.internal, rho.external) == pytest.approx((0.75, 0.6))
    assert rho.difference == pytest.approx(0.15)
    assert rho.interval == pytest.approx((0.2065, 1.0), abs=1e-3)  # Wilson, 1 of 1
    assert (rows["share settled"].internal, rows["accuracy at best"].smaller) == (0.75, 2)
    assert rows["accuracy at 500"].interval is None
    assert "norm of S" not in rows
    assert rows["Re(leading)/rho"].internal == 0.5  # of 1 and 0


def test_norms_are_compared_by_themselves():
    peri = [
        dataclasses.replace(BARE, architecture=f"{recall}/peri", rho=())
        for recall in ("internal", "external")
    ]
    rows = compare_recall([(BARE, BARE), (peri[0], peri[1])])
    assert {row.norm for row in rows} == {"post", "peri"}
    assert all(row.pairs == 1 for row in rows)
    assert "rho" not in {row.quantity for row in rows if row.norm == "peri"}


@pytest.mark.parametrize(
    ("steps", "loop"),
    [
        ([1, 1e-12], 2),
        ([1e-12, 1, 1e-12, 1e-13], 3),
        ([1, 1], None),
        ([1e-12], 1),
        ([1, np.nan], None),
    ],
)
def test_the_loop_from_which_the_steps_stay_small(steps, loop):
    assert _from(np.array(steps), FINE) == loop


@pytest.mark.parametrize("architecture", ["internal/post", "external/peri"])
def test_assembled_jacobians_against_products(architecture):
    config = ModelConfig(
        Architecture.parse(architecture), channels=1, classes=2, axes=1, width=8, heads=2
    )
    model = LoopedTransformer(config).double()
    h, e, v = np.random.default_rng(0).standard_normal((3, 9, 8))  # 72 rows: in two parts
    j, k = jacobians(model, h, e)
    loop = TorchLoop.of(model)
    for matrix, product in ((j, loop.jvp), (k, loop.input_jvp)):
        expected = product(h[None], e[None], v[None]).ravel()
        np.testing.assert_allclose(matrix @ v.ravel(), expected, rtol=1e-9, atol=1e-12)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A trained-looking checkpoint of width 8, which settles."""
    config = ModelConfig(
        Architecture.parse("external/post"), channels=1, classes=2, axes=1, width=8, heads=2
    )
    run = {
        "task": "prefix-sums",
        "data": PrefixSums(4).fingerprint(),
        "level_reached": "4",
        "architecture": "external/post",
        "config": {"seed": 0, "positions": "none"},
        "loops": [1, 500],
        "accuracy": {"4": [0.5, 0.25]},
    }
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    return Checkpoint.load(save_model(path, LoopedTransformer(config), {"run": run}))


def test_the_record_against_slow_twins(small):
    found = recall_record(small, inputs=3, loops=400, spectra=3, dense=1)
    assert found.settled == 3
    assert all(c < f <= 400 for c, f in zip(found.coarse, found.fine, strict=True))
    assert (found.best, found.last) == (0.5, 0.25)
    model = LoopedTransformer(
        ModelConfig(
            Architecture.parse("external/post"), channels=1, classes=2, axes=1, width=8, heads=2
        )
    ).double()
    x = PrefixSums(4).batch(3, "4", torch.Generator().manual_seed(77_000_001)).x.double()
    loop, e = TorchLoop.of(model), model.encode(x[:1]).detach().numpy()
    h = e
    for _ in range(400):
        h = loop.step(h, e)
    j, k = jacobians(model, h[0], e[0])
    assert found.rho[0] == pytest.approx(np.abs(np.linalg.eigvals(j)).max(), rel=1e-5)
    norm = sensitivity_norm(Linearisation(loop, h, e)).value
    assert found.sensitivity[0] == pytest.approx(norm, rel=1e-5)
    values = np.linalg.svd(np.linalg.solve(np.eye(len(j)) - j, k), compute_uv=False)
    assert found.smallest[0] == pytest.approx(values[4 * 7 - 1], rel=1e-6)


def test_bad_requests():
    with pytest.raises(UsageError, match="count from 1"):
        recall_record(zoo.load(INTERNAL), inputs=0)
    with pytest.raises(UsageError, match="no recall"):
        recall_record(zoo.load("none-post"))


def test_records_are_kept_and_taken_again(tmp_path):
    path, calls = tmp_path / "records.jsonl", []

    def measure():
        calls.append(1)
        return BARE

    for _ in range(2):
        assert RecordFile(path, {"inputs": 4}).get("i", measure) == BARE
    assert len(calls) == 1
    RecordFile(path, {"inputs": 5}).get("i", measure)
    assert len(calls) == 2
    path.write_text(path.read_text() + "{}\n")
    with pytest.raises(LoopstabError, match="line 3"):
        RecordFile(path, {})


def run(capsys, *words):
    with pytest.raises(SystemExit) as end:
        main(["recall", *words])
    return end.value.code, capsys.readouterr()


def test_the_command_on_one_pair(capsys):
    words = ["--inputs", "2", "--loops", "600", "--spectra", "1", "--dense", "0", "--json"]
    status, printed = run(capsys, INTERNAL, EXTERNAL, *words)
    assert status == 0
    found = json.loads(printed.out)
    (pair,) = found["pairs"]
    assert [r["name"] for r in pair] == [INTERNAL, EXTERNAL]
    assert all(r["settled"] for r in pair)
    assert all(0 < r["rho"][0] < 1 for r in pair)
    assert {row["quantity"] for row in found["rows"]} >= {"rho", "share settled", "loops to 1e-9"}


def test_the_command_refuses_what_is_no_pair(capsys):
    status, printed = run(capsys, "internal-post", "none-post")
    assert status == 2
    assert "no two" in printed.err
    status, printed = run(capsys, "chess-w256-external-post-full-s0")
    assert status == 2
    assert "--data" in printed.err
