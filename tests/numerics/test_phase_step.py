"""Phase diagrams of a user's step: known laws, slow twins, files, versions, and errors."""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

from loopstab import (
    FunctionLoop,
    LoopError,
    PhaseDiagram,
    StepLaw,
    UsageError,
    diagnose,
    phase_diagram,
)
from loopstab.numerics.phase import DiagramAxis
from loopstab.numerics.phase.laws.draw import random_draw
from loopstab.numerics.phase.laws.fingerprint import Fingerprint
from loopstab.numerics.phase.laws.user_formula import evaluated

ROOT = Path(__file__).resolve().parents[2]


def scalar(h, e, a=1.0, b=1.0):
    return np.tanh(a * h + b * e)


def scalar_rho(a, b):
    """h = tanh(a h + b) has one root in (0, 1) for b > 0, and the orbit from 1 falls to it."""
    h = brentq(lambda h: np.tanh(a * h + b) - h, 0, 1, xtol=1e-15)
    return a * (1 - h**2)


AXES = {"x": "a:0:3", "y": ("b", 0.1, 1.0, "log"), "e": 1.0, "grid": (3, 4), "jobs": 1}


@pytest.mark.parametrize("vectorised", [False, True])
def test_a_scalar_law_meets_its_closed_form(vectorised):
    """The closed form takes numbers; the sensitivity is (dh/de)^2 = (b s/(1 - a s))^2."""
    law = StepLaw(scalar, e=1.0, rho=scalar_rho, vectorised=vectorised)
    found = phase_diagram(law, **{**AXES, "e": None})
    np.testing.assert_allclose(found.rho, found.rho_theory, atol=1e-9)
    a, b = found.values["a"], found.values["b"]
    np.testing.assert_allclose(found.rho_theory, [*map(scalar_rho, a, b)], rtol=1e-12)
    slope = found.rho / a
    np.testing.assert_allclose(found.sensitivity, (b * slope / (1 - a * slope)) ** 2, rtol=1e-5)
    assert set(found.outcome.tolist()) == {"fixed-point"}
    assert (found.contradicted == 0).all()
    assert found.mean_absolute_error < 1e-9


def damped(h, e, gain=2.0, alpha=1.0):
    """Mann's iteration of x -> e - gain x: rho = |1 - alpha (1 + gain)|."""
    return (1 - alpha) * h + alpha * (e - gain * h)


def test_damping_moves_the_border_and_not_the_fixed_point():
    """Outcomes on both sides of |1 - alpha (1 + gain)| = 1, where the orbit explodes."""
    found = phase_diagram(
        damped,
        x="gain:0.5:3.5",
        y="alpha:0.1:0.9",
        rho=lambda gain, alpha: abs(1 - alpha * (1 + gain)),
        settings={"width": 3},
        grid=(4, 6),
        jobs=1,
    )
    stable = found.rho_theory < 1
    assert 0 < stable.sum() < len(stable)
    assert (found.outcome[stable] == "fixed-point").all()
    assert (found.outcome[~stable] == "explosion").all()
    np.testing.assert_allclose(found.rho[stable], found.rho_theory[stable], atol=1e-7)
    assert np.isnan(found.rho[~stable]).all()
    assert (found.contradicted == 0).all()


def test_an_orbit_on_a_cycle_has_the_spectral_radius_of_the_point_that_it_circles():
    found = phase_diagram(
        lambda h, e, r=3.0, s=1.0: s * r * h * (1 - h),
        x="r:3.1:3.4",
        y="s:0.999:1.001",
        initial=0.3,
        e=0.0,
        grid=(2, 2),
        jobs=1,
    )
    r = found.values["r"] * found.values["s"]
    assert set(found.outcome.tolist()) == {"cycle"}
    np.testing.assert_allclose(found.rho, r - 2, atol=1e-6)
    assert np.isnan(found.iterations).all()


def test_loops_without_a_fixed_point_and_a_line_of_them():
    def step(h, speed=1.0, pull=0.0):
        return h + speed - pull * h

    drift = phase_diagram(step, x="speed:1:2", y="pull:-1e-9:1e-9", grid=(2, 2), jobs=1)
    assert set(drift.outcome.tolist()) <= {"drift", "growth"}
    assert np.isnan(drift.rho).all()
    still = phase_diagram(
        lambda h, e, a=1.0, b=1.0: h + 0 * a * b * e, x="a:1:2", y="b:1:2", grid=(2, 2), jobs=1
    )
    np.testing.assert_allclose(still.rho, 1, atol=1e-8)


@pytest.mark.parametrize("activation", ["linear", "tanh"])
def test_a_named_law_given_as_a_function_is_the_same(activation):
    """N(a h + sigma G phi(h) + beta e) step by step, by plain Newton, differences and LAPACK."""
    width, seed = 12, 5

    def step(h, e, weights, sigma=1.0, beta=1.0, residual=1.0):
        phi = h if activation == "linear" else np.tanh(h)
        z = residual * h + sigma * weights @ phi + beta * e
        return np.sqrt(width) * z / np.linalg.norm(z)

    draw = random_draw(width, (seed, 0))
    asked = {"x": "sigma:0.5:1.5", "y": "beta:2:6:log", "grid": (3, 3), "seed": seed, "jobs": 1}
    named = phase_diagram(activation, **asked, settings={"width": width})
    own = phase_diagram(
        step, **asked, e=lambda rng: draw.e, weights=lambda rng: draw.matrix, initial=draw.start
    )
    assert (named.outcome == own.outcome).all()
    np.testing.assert_allclose(own.rho, named.rho, atol=1e-6)
    np.testing.assert_allclose(own.iterations, named.iterations, atol=1)


def test_cells_are_those_of_diagnose():
    found = phase_diagram(scalar, **{**AXES, "grid": (2, 2)})
    for i in range(4):
        at = {name: float(found.values[name][i]) for name in "ab"}
        slow = diagnose(FunctionLoop(functools.partial(scalar, **at), np.copy), np.ones(1))
        assert str(slow.outcome) == found.outcome[i]
        assert slow.rho.value == pytest.approx(found.rho[i], abs=1e-7)


def test_draws_sizes_and_axes_of_values():
    def weights(rng, width=4):
        return rng.standard_normal((width, width)) / np.sqrt(width)

    def step(h, e, weights, sigma: float = 0.5, beta=1.0):
        return np.tanh(sigma * weights @ h + beta * e)

    asked = {"weights": weights, "x": ("sigma", [0.1, 0.2, 0.3]), "draws": 3, "jobs": 1}
    found = phase_diagram(step, y="width:2:6", grid=(2, 3), **asked)
    assert set(found.values["width"]) == {3.0, 5.0}
    assert found.measured == 18
    np.testing.assert_allclose(sorted(set(found.values["sigma"])), [0.1, 0.2, 0.3])
    again = phase_diagram(step, y="width:2:6", grid=(2, 3), **asked)
    np.testing.assert_array_equal(found.rho, again.rho)
    other = phase_diagram(step, y="width:2:6", grid=(2, 3), seed=1, **asked)
    assert (other.rho != found.rho).any()


def test_a_step_of_any_parameters():
    found = phase_diagram(
        lambda h, e, **p: p["a"] * h + p["c"] * e,
        x="a:0.1:0.9",
        y="b:0:1",
        settings={"c": 2.0},
        grid=(2, 2),
        jobs=1,
    )
    np.testing.assert_allclose(found.rho, found.values["a"], atol=1e-8)


def test_a_torch_step_has_exact_derivatives():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    block = torch.nn.Linear(3, 3).double()

    def step(h, e, gain=1.0, beta=1.0):
        return torch.tanh(gain * block(h) + beta * e)

    matrix, offset = (p.detach().numpy() for p in block.parameters())

    def twin(h, e, gain=1.0, beta=1.0):
        return np.tanh(gain * (matrix @ h + offset) + beta * e)

    asked = {"x": "gain:0.2:1", "y": "beta:0.5:2", "settings": {"width": 3}, "grid": (2, 2)}
    found, slow = (phase_diagram(f, **asked, jobs=1) for f in (step, twin))
    np.testing.assert_array_equal(found.outcome, slow.outcome)
    np.testing.assert_allclose(found.rho, slow.rho, atol=1e-8)
    np.testing.assert_allclose(found.sensitivity, slow.sensitivity, rtol=1e-6)
    assert StepLaw(step).backend == "sequential"
    with pytest.raises(UsageError, match="vectorised"):
        phase_diagram(StepLaw(step, vectorised=True), **asked, jobs=1)


# Errors


def wrong_shape(h, e, a=1.0, b=1.0):
    return h[:1]


RNG = np.random.default_rng(0)


def random_step(h, e, a=1.0, b=1.0):
    return h / 2 + RNG.standard_normal(h.shape)


def failing(h, e, a=1.0, b=1.0):
    return h @ np.ones((7, 7))


BAD = {
    "axis that is no parameter": ({"x": "c:0:1"}, UsageError, "no parameter 'c': use one of"),
    "setting that is none": ({"settings": {"c": 1.0}}, UsageError, "no parameter 'c'"),
    "one axis missing": ({"y": None, "e": 1.0}, UsageError, "needs both axes"),
    "wrong shape": ({"law": wrong_shape}, LoopError, r"step returned shape .* \(at width = 16, a"),
    "random": ({"law": random_step}, LoopError, "two calls of step .* differ"),
    "raises": ({"law": failing}, LoopError, r"step raised ValueError: .*test_phase_step.py, line"),
    "no default": (
        {"law": lambda h, e, a, b, c: h},
        UsageError,
        "parameter c of law <lambda> has no value",
    ),
    "no state": ({"law": lambda a=1.0, b=1.0: a}, UsageError, "takes no state"),
    "a number": ({"law": 3}, UsageError, "a law is a name, a step, a file"),
    "parts of a name": ({"law": "linear", "e": 1.0}, UsageError, "e belong to a step"),
    "rho of others": ({"rho": lambda q: q}, UsageError, "rho takes q, which scalar does not"),
    "rho negative": ({"rho": lambda a: -1 - a}, UsageError, "negative"),
    "rho raises": ({"rho": lambda a: [][0]}, UsageError, "rho raised IndexError at a = "),
    "weights unused": ({"weights": lambda rng: 1}, UsageError, "has no argument weights"),
    "e raises": ({"e": lambda rng: rng.nothing()}, UsageError, "e raised AttributeError"),
    "values uneven": ({"x": ("a", [1.0, 2.0, 5.0])}, UsageError, "not evenly spaced"),
    "values and grid": ({"x": ("a", [1.0, 2.0])}, UsageError, "leave out the grid"),
    "axis unreadable": ({"x": ("a",)}, UsageError, "cannot read axis"),
    "no such file": ({"law": "nowhere.py"}, UsageError, "no Python file at"),
}


@pytest.mark.parametrize("name", BAD)
def test_errors_are_one_line(name):
    changed, kind, words = BAD[name]
    asked = {"law": scalar, "x": "a:0:1", "y": "b:0:1", "grid": (2, 4), "jobs": 1, **changed}
    with pytest.raises(kind, match=words) as error:
        phase_diagram(asked.pop("law"), **asked)
    assert "\n" not in str(error.value)


def test_a_vectorised_step_that_mixes_its_rows_is_found():
    law = StepLaw(lambda h, e, a=1.0, b=1.0: a * h - h.mean() + b, vectorised=True)
    with pytest.raises(LoopError, match="row by row"):
        phase_diagram(law, x="a:0.1:0.5", y="b:0:1", grid=(2, 2), jobs=1)
    law = StepLaw(lambda h, e, a=1.0, b=1.0: np.ravel(a * h), vectorised=True)
    with pytest.raises(LoopError, match="vectorised step returned shape"):
        phase_diagram(law, x="a:0.1:0.5", y="b:0:1", grid=(2, 2), jobs=1)


# Samples and files


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


def test_axes_as_users_write_them():
    same = DiagramAxis("a", 0.0, 3.0), None
    for axis in ("a:0:3", ("a", 0, 3), same[0]):
        assert DiagramAxis.of(axis) == same
    linear, count = DiagramAxis.of(("a", np.linspace(0.5, 2.5, 3)))
    assert (linear, count) == (same[0], 3)
    log, count = DiagramAxis.of(("a", np.geomspace(1, 100, 3)))
    assert (log.log, count) == (True, 3)
    np.testing.assert_allclose(log.at((np.arange(3) + 0.5) / 3), [1, 10, 100])


def test_a_closed_form_of_arrays_that_is_wrong_is_evaluated_by_numbers():
    values = {"a": np.linspace(-1, 1, 7)}
    for rho in (lambda a: abs(a), lambda a: float(abs(a)), lambda a: np.abs(a).max()):
        np.testing.assert_allclose(evaluated(rho, values, (7,)), np.abs(values["a"]))


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
