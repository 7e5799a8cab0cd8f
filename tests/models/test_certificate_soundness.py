"""Certificates say no more than was proved, and a file that says more is not proved again."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from flint import arb
from test_certificates import X, trained, turning

from loopstab.models.certificates import certify_loop as module
from loopstab.models.certificates.certificate import LoopCertificate, at_least, at_most
from loopstab.models.certificates.certificate_file import CertificateFile
from loopstab.models.certificates.certify_loop import certify_at, certify_loop
from loopstab.models.certificates.enclosed_network import EnclosedNetwork
from loopstab.models.certificates.samples import sample
from loopstab.models.certificates.settling import Settled, settle
from loopstab.numerics.enclosures.contraction import NotCertified
from loopstab.numerics.enclosures.orbit import Funnel
from loopstab.support.errors import LoopstabError


@pytest.fixture(scope="module")
def certified():
    loop = trained(scale=4.0)
    found, center = certify_loop(loop, X, name="small")
    return loop, CertificateFile(found, X, center)


def test_without_recall_the_orbit_is_enclosed_from_the_whole_box(monkeypatch):
    starts, orbit = [], Funnel.orbit

    def spied(self, step, start, *others):
        starts.append(start())
        return orbit(self, step, start, *others)

    monkeypatch.setattr(Funnel, "orbit", spied)
    found, _ = certify_loop(trained("none/post"), X)
    box = arb(2) ** -found.dependence.constant_bits
    assert all(ball.rad() >= box for ball in starts[0].balls.ravel())


@pytest.mark.parametrize("period", [1, 2])
def test_a_margin_that_is_not_a_number_is_no_margin(period, monkeypatch):
    loop = turning() if period == 2 else trained(scale=4.0)
    answers = iter([np.full(4, 1.0)] * (period - 1) + [np.full(4, np.nan)])
    monkeypatch.setattr(module, "margins", lambda *_: next(answers))
    found, _ = certify_loop(loop, X)
    assert "not positive" in found.unproved["answer"]
    assert not found.complete


def test_a_fixed_point_is_not_called_a_cycle(certified):
    loop, file = certified
    settled = settle(loop.model, X, 4000)
    with pytest.raises(NotCertified, match="could be one of period 1"):
        certify_at(loop, X, file.center, Settled(settled.states, 2))


def _changed(certificate, part, **values):
    return replace(certificate, **{part: replace(getattr(certificate, part), **values)})


CLAIMS = {
    "the orbit enters at": lambda c: _changed(c, "answer", entered=c.answer.entered - 1),
    "larger ball": lambda c: _changed(c, "attraction", radius=c.attraction.error / 2),
    "enters the loop": lambda c: _changed(
        c, "dependence", rank=0, least=0.0, largest=99.0, constant_bits=20
    ),
    "radius nan": lambda c: _changed(c, "attraction", radius=np.nan),
    "not the sample 7": lambda c: replace(c, input=7),
    "another checkpoint": lambda c: replace(c, task="sudoku"),
    "margin": lambda c: _changed(c, "answer", margin=np.nan),
    "S:": lambda c: _changed(c, "dependence", rank=2, least=c.dependence.least * 9),
}


@pytest.mark.parametrize("words", CLAIMS)
def test_a_false_claim_is_not_proved_again(words, certified):
    loop, file = certified
    claim = CLAIMS[words](file.certificate)
    faults = CertificateFile(claim, file.x, file.center).verify(loop)
    wanted = "ball" if words == "radius nan" else words
    assert any(wanted in fault for fault in faults), faults


def test_a_weaker_claim_is_proved_again(certified):
    loop, file = certified
    claim = file.certificate
    claim = _changed(claim, "answer", entered=claim.answer.entered + 3, margin=0.0)
    claim = _changed(claim, "attraction", rate=0.9999999, condition=1e9)
    claim = _changed(claim, "dependence", rank=1, least=0.0)
    assert CertificateFile(claim, file.x, file.center).verify(loop) == []


def test_the_sample_of_a_certificate_is_checked(certified):
    loop, _ = certified
    x = sample(loop, 3)
    found, center = certify_loop(loop, x, number=3)
    assert CertificateFile(found, x, center).verify(loop) == []


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("attraction", "rate", "0.5"),
        ("answer", "settled", 2.5),
        ("answer", "entered", True),
        ("dependence", "constant_bits", "20"),
        (None, "answer", None),
        (None, "unproved", {"answer": "too hard"}),
        (None, "cells", "4"),
    ],
)
def test_a_certificate_of_other_types_is_refused(part, field, value, certified):
    data = json.loads(json.dumps(certified[1].certificate.to_json()))
    (data if part is None else data[part])[field] = value
    with pytest.raises(LoopstabError, match="altered"):
        LoopCertificate.from_json(data)


def test_printed_bounds_are_rounded_to_the_safe_side(certified):
    claim = _changed(certified[1].certificate, "attraction", radius=0.012366, error=1.01e-9)
    exists = claim.sentences()[0]
    assert "0.0123 " in exists
    assert "1.1e-09" in exists
    rng = np.random.default_rng(0)
    for x in np.exp(rng.normal(size=300, scale=20)):
        assert float(at_least(x)) <= x <= float(at_most(x))
        assert float(at_most(x)) <= float(at_least(x)) * 1.02
    assert at_least(0.5) == at_most(0.5) == "0.5"
    assert at_most(np.inf) == "inf"


def test_weights_in_single_precision_are_taken_as_doubles():
    loop = trained(scale=4.0)
    network = EnclosedNetwork(loop.model.float(), len(X))
    weight = loop.model.encoder.weight
    assert network._array(weight).dtype == np.float64
    assert network._array(weight).tolist() == weight.detach().double().tolist()


def test_a_cycle_converges_to_the_cycle():
    found, _ = certify_loop(turning(), X)
    assert "converges to the cycle" in found.sentences()[1]
    with torch.no_grad():
        assert found.answer.entered >= found.answer.settled
