"""Certificates of trained loops: the four parts, their files, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open

from loopstab.models.certificates.certificate import LoopCertificate
from loopstab.models.certificates.certificate_file import CertificateFile
from loopstab.models.certificates.certify_loop import certify_at, certify_loop
from loopstab.models.certificates.settling import Settled, settle
from loopstab.models.measure.trained import TrainedLoop
from loopstab.models.network.checkpoint import Checkpoint
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.registry import make_task
from loopstab.numerics.enclosures.contraction import NotCertified
from loopstab.support.errors import LoopstabError
from loopstab.theory.architecture import Architecture

X = np.array([[1.0], [0.0], [1.0], [1.0]])


def trained(architecture="external/post", seed=0, scale=1.0, **options) -> TrainedLoop:
    """A small random network on prefix sums; `scale` multiplies its recall W_e."""
    config = ModelConfig(
        architecture=Architecture.parse(architecture), width=8, heads=2, hidden=2, **options
    )
    model = LoopedTransformer(config, seed=seed).double().eval()
    if model.w_e is not None:
        with torch.no_grad():
            model.w_e.weight *= scale
    task = make_task("prefix-sums", bits=16)
    return TrainedLoop(model, {}, task, "16")


@pytest.mark.parametrize(
    ("architecture", "rank"),
    [
        ("external/post", 28),
        ("internal/post", 28),
        ("external/sandwich", 28),
        ("none/post", 0),
        ("external/post/gru", 28),
    ],
)
def test_all_four_parts_are_proved(architecture, rank):
    loop = trained(architecture, scale=4.0)
    found, center = certify_loop(loop, X, name="small", number=3)
    assert found.complete, found.unproved
    assert len(found.sentences()) == 4
    assert found.dependence.rank == rank
    assert (found.dependence.constant_bits is None) == (rank > 0)
    with torch.no_grad():  # the float orbit does what was proved
        e = loop.model.encode(torch.from_numpy(X)[None])
        h = e
        for t in range(300):
            if t >= found.answer.settled:
                assert tuple(loop.model.head(h)[0].argmax(-1).tolist()) == found.answer.classes[0]
            if t >= found.answer.entered:
                assert np.linalg.norm(h[0].numpy() - center) < 1e-2
            h = loop.model.step(h, e)
    assert LoopCertificate.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_the_bounds_of_the_sensitivity_hold():
    loop = trained("external/post", scale=4.0)
    found, center = certify_loop(loop, X)
    e = loop.model.encode(torch.from_numpy(X)[None]).detach()
    h = torch.from_numpy(center)[None]
    by_state, by_input = torch.autograd.functional.jacobian(loop.model.step, (h, e))
    n = center.size
    s = np.linalg.solve(np.eye(n) - by_state.numpy().reshape(n, n), by_input.numpy().reshape(n, n))
    sizes = np.linalg.svd(s, compute_uv=False)
    assert found.dependence.least <= sizes[found.dependence.rank - 1]
    assert found.dependence.least == pytest.approx(sizes[found.dependence.rank - 1], rel=1e-2)
    assert sizes[0] <= found.dependence.largest <= sizes[0] * 1.01


def turning() -> TrainedLoop:
    """h' = N(-D h + 3/2 e) with D between 1 and 3/2: the fixed point repels, a 2-cycle attracts."""
    loop = trained("external/post", seed=0)
    model = loop.model
    with torch.no_grad():
        for block in model.blocks:
            for layer in (block.attention.update.o, block.mlp.update.down):
                layer.weight.zero_()
                layer.bias.zero_()
        model.encoder.weight *= 0.1
        model.encoder.bias.fill_(1.0)
        model.w_x.weight[:] = -torch.diag(torch.linspace(1, 1.5, 8, dtype=torch.float64))
        model.w_e.weight[:] = 1.5 * torch.eye(8, dtype=torch.float64)
        model.w_e.bias.zero_()
    return loop


def test_a_cycle_is_certified_as_one():
    loop = turning()
    found, center = certify_loop(loop, X)
    assert found.complete, found.unproved
    assert found.attraction.period == len(found.answer.classes) == 2
    with torch.no_grad():
        e = loop.model.encode(torch.from_numpy(X)[None])
        h = e
        for t in range(found.answer.entered + 20):
            turn = (t - found.answer.settled) % 2
            if t >= found.answer.settled:
                answer = tuple(loop.model.head(h)[0].argmax(-1).tolist())
                assert answer == found.answer.classes[turn]
            h = loop.model.step(h, e)
        once = loop.model.step(torch.from_numpy(center)[None], e)
        assert (once[0].numpy() - center).std() > 0.1
        twice = loop.model.step(once, e)
        assert twice[0].numpy() == pytest.approx(center, abs=1e-12)
    assert "period 2" in found.sentences()[0]
    path_of = CertificateFile(found, X, center)
    assert path_of.verify(loop) == []


def test_an_orbit_that_does_not_settle_is_refused_with_its_outcome():
    with pytest.raises(NotCertified, match=r"does not settle within 40 iterations \(\w"):
        certify_loop(trained("none/pre"), X, loops=40)


def test_a_point_off_the_fixed_point_is_refused():
    loop = trained(scale=4.0)
    settled = settle(loop.model, X, 4000)
    with pytest.raises(NotCertified, match="not near an attracting fixed point"):
        certify_at(loop, X, settled.center + 1e-2, settled)


def test_an_unstable_fixed_point_is_refused():
    loop = turning()
    with torch.no_grad():
        e = loop.model.encode(torch.from_numpy(X)[None])
        h = loop.model.step(e, e)
        for _ in range(4000):  # damping reaches the fixed point, whose eigenvalues are negative
            h = 0.95 * h + 0.05 * loop.model.step(h, e)
        assert loop.model.step(h, e).numpy() == pytest.approx(h.numpy(), abs=1e-12)
    settled = Settled(h.numpy(), 1)
    with pytest.raises(NotCertified, match=r"spectral radius at the center is about \d"):
        certify_at(loop, X, settled.center, settled)


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    loop = trained(scale=4.0)
    found, center = certify_loop(loop, X, name="small")
    path = tmp_path_factory.mktemp("certificates") / "small.safetensors"
    CertificateFile(found, X, center).save(path)
    return loop, path


def test_a_file_proves_itself_again(certified):
    loop, path = certified
    read = CertificateFile.load(path)
    assert path.stat().st_size < 20_000
    assert read.verify(loop) == []


def test_a_stronger_claim_is_not_proved_again(certified):
    loop, path = certified
    read = CertificateFile.load(path)
    was = read.certificate
    stronger = {
        "radius": replace(was, attraction=replace(was.attraction, radius=1.0)),
        "rate": replace(was, attraction=replace(was.attraction, rate=0.01)),
        "margin": replace(was, answer=replace(was.answer, margin=99.0)),
        "proved from iteration": replace(was, answer=replace(was.answer, settled=-1)),
        "another one": replace(
            was, answer=replace(was.answer, classes=(tuple(1 - c for c in was.answer.classes[0]),))
        ),
        "S:": replace(was, dependence=replace(was.dependence, least=9.0)),
    }
    for words, claim in stronger.items():
        faults = CertificateFile(claim, read.x, read.center).verify(loop)
        assert any(words in fault for fault in faults), (words, faults)


def test_another_checkpoint_or_input_is_refused(certified):
    loop, path = certified
    read = CertificateFile.load(path)
    with pytest.raises(LoopstabError, match="another checkpoint"):
        read.verify(trained(seed=1, scale=4.0))
    assert CertificateFile(read.certificate, 1 - read.x, read.center).verify(loop)


def test_an_altered_file_is_refused(certified, tmp_path):
    _, path = certified
    with safe_open(path, "np") as file:
        text = file.metadata()["loopstab"]
    for old, new in (('"cells": 4', '"cells": 5'), ('"period": 1', '"period": 2')):
        assert old in text
        altered = tmp_path / "altered.safetensors"
        altered.write_bytes(
            path.read_bytes().replace(*(t.replace('"', '\\"').encode() for t in (old, new)))
        )
        with pytest.raises(LoopstabError, match="altered"):
            CertificateFile.load(altered)
    Checkpoint({"a": torch.zeros(1)}, {}).save(tmp_path / "other.safetensors")
    with pytest.raises(LoopstabError, match="not a certificate"):
        CertificateFile.load(tmp_path / "other.safetensors")
