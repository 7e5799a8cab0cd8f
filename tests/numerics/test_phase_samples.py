"""Samples and files of a user's step: versions, processes, and what is read without the step."""

import functools
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from step_laws import AXES, random_step, scalar, scalar_rho

from loopstab import PhaseDiagram, StepLaw, UsageError, phase_diagram
from loopstab.numerics.phase.laws.fingerprint import Fingerprint

ROOT = Path(__file__).resolve().parents[2]


def test_samples_of_another_step_are_not_taken(tmp_path):
    def law(rate):
        return lambda h, e, a=1.0, b=1.0: rate * np.tanh(a * h) + b * e

    asked = {"x": "a:0:1", "y": "b:0:1", "grid": (2, 2), "cache": tmp_path, "jobs": 1}
    first = phase_diagram(law(0.5), **asked)
    assert (first.measured, phase_diagram(law(0.5), **asked).measured) == (4, 0)
    other = phase_diagram(law(0.25), **asked)
    assert other.measured == 4
    np.testing.assert_allclose(other.rho, phase_diagram(law(0.25), **asked).rho)
    more = phase_diagram(law(0.5), **{**asked, "draws": 2})
    assert more.measured == 4
    with pytest.raises(UsageError, match=r"RNG \(Generator\) cannot be told apart: give no cache"):
        phase_diagram(random_step, **asked)


def test_fingerprints():
    class Net:
        scale = 1.0

        def __call__(self, h, e, a=1.0):
            return a * self.scale * h

    def closure(x):
        return lambda h, e, a=1.0: x * h

    def digest(step):
        found = Fingerprint({"step": step})
        assert not found.untold
        return found.digest

    steps = [
        lambda h, e, a=1.0: h,
        lambda h, e, a=2.0: h,
        lambda h, e, a=1.0: h + 1,
        closure(np.ones(3)),
        closure(np.zeros(3)),
        closure(closure(1)),
        closure(closure(2)),
        closure({"k": [1, 2]}),
        closure({"k": [2, 1]}),
        functools.partial(scalar, b=1.0),
        functools.partial(scalar, b=2.0),
        Net(),
        scalar,
        np.tanh,
    ]
    assert len({digest(step) for step in steps}) == len(steps)
    assert digest(closure(np.ones(3))) == digest(closure(np.ones(3)))
    before, Net.scale = digest(Net()), 2.0
    assert digest(Net()) != before
    torch = pytest.importorskip("torch")
    nets = [torch.nn.Linear(2, 2, dtype=kind) for kind in (torch.float32, torch.bfloat16)]
    assert len({digest(net) for net in nets}) == 2
    with torch.no_grad():
        before = digest(nets[0])
        nets[0].bias += 1
    assert digest(nets[0]) != before
    assert Fingerprint({"step": nets[0]}).libraries >= {"torch"}


MODULES = {
    "deeper": "RATE = {rate}\ndef decay(h):\n    return RATE * h\n",
    "helper": "import deeper\nSTRENGTH = deeper.RATE\ndef decay(h):\n    return deeper.decay(h)\n",
}
"""What a step uses changes in a module that it does not name itself."""
STEPS = {
    "through a module": "import helper\ndef step(h, e, a=1.0):\n    return helper.decay(h)\n",
    "a value of it": "import helper\ndef step(h, e, a=1.0):\n    return helper.STRENGTH * h\n",
    "imported inside": "def step(h, e, a=1.0):\n    import deeper\n    return deeper.decay(h)\n",
    "imported by name": (
        "def step(h, e, a=1.0):\n    from helper import decay\n    return decay(h)\n"
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_module_that_a_module_uses_counts(name, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def digest(rate):
        for module, text in {**MODULES, "stepping": STEPS[name]}.items():
            (tmp_path / f"{module}.py").write_text(text.format(rate=rate))
            sys.modules.pop(module, None)
        importlib.invalidate_caches()
        return Fingerprint({"step": importlib.import_module("stepping").step}).digest

    try:
        first, same, other = digest(0.5), digest(0.5), digest(0.25)
    finally:
        for module in (*MODULES, "stepping"):
            sys.modules.pop(module, None)
    assert first == same != other


FILE = """
import numpy as np
parameters = {"b": 0.5}
def e(rng, width=3):
    return rng.standard_normal(width)
def step(h, e, a, b=7.0):
    return a * h + b * e
def rho(a):
    return abs(a)
"""


def test_a_file_is_a_law(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(FILE)
    asked = {"x": "a:-0.9:0.9", "y": "width:2:4", "grid": (2, 2), "cache": tmp_path / "samples"}
    found = phase_diagram(file, **asked, jobs=1)
    assert (found.law, found.settings) == ("mine.py", {"b": 0.5})
    np.testing.assert_allclose(found.disagreement, 0, atol=1e-8)
    assert phase_diagram(str(file), **asked, jobs=1).measured == 0
    file.write_text(FILE + "# changed\n")
    assert phase_diagram(file, **asked, jobs=1).measured == 4
    file.write_text("e = 1\n")
    with pytest.raises(UsageError, match="defines no step: it must define"):
        phase_diagram(file, **asked, jobs=1)


def test_processes_execute_the_file_again(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(FILE)
    asked = {"x": "a:-0.9:0.9", "y": "b:1:2", "grid": (5, 5), "settings": {"width": 3}}
    together, alone = (phase_diagram(file, **asked, jobs=jobs) for jobs in (2, 1))
    np.testing.assert_array_equal(together.rho, alone.rho)


def test_the_diagram_is_written_and_read_without_the_step(tmp_path):
    found = phase_diagram(scalar, **AXES, rho=scalar_rho)
    found.save(tmp_path)
    back = PhaseDiagram.load(tmp_path)
    assert back.summary() == found.summary()
    np.testing.assert_array_equal(back.rho_theory, found.rho_theory)
    assert list(back.rule.parameters) == ["a", "b"]
    assert back.plot().axes[0].get_xlabel() == found.plot().axes[0].get_xlabel() == "a"
    with pytest.raises(UsageError, match="is not in the file"):
        back.rule.measure((0,), [(1.0, 1.0)])
    with pytest.raises(UsageError, match=r"no map 'loss'.*outcome"):
        back.plot("loss")


def test_a_killed_run_goes_on(tmp_path):
    """As for laws with names: what was measured is found again by a law made anew."""
    asked = {**AXES, "cache": tmp_path}
    first = phase_diagram(StepLaw(scalar, e=1.0), **{**asked, "e": None, "draws": 1})
    for shard in sorted(tmp_path.glob("*.npz"))[:1]:
        shard.unlink()
    again = phase_diagram(StepLaw(scalar, e=1.0), **{**asked, "e": None, "draws": 1})
    assert 0 < again.measured <= first.measured
    np.testing.assert_array_equal(again.rho, first.rho)


def test_the_examples_of_the_how_to_run(tmp_path):
    pytest.importorskip("torch")
    guide = (ROOT / "docs" / "howto" / "phase.md").read_text()
    code = "\n".join(re.findall(r"```python\n(.*?)```", guide, re.DOTALL))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert float(first.split()[-1]) < 1e-7
    assert "fixed-point" in second
    assert {path.name for path in tmp_path.iterdir()} == {"phase.png", "outcome.png"}
