import os
import stat

import numpy as np
import pytest
from scipy.linalg import schur

from numerics import MeanFieldLoop, PhaseDiagram, phase_diagram
from numerics.phase import largest_root
from theory.errors import LoopstabError, UsageError


@pytest.fixture(scope="module")
def diagram():
    return phase_diagram(residual=1.0, width=60, grid=(4, 4), seed=3, jobs=1)


def test_equal_for_every_number_of_jobs(diagram):
    other = phase_diagram(residual=1.0, width=60, grid=(4, 4), seed=3, jobs=2)
    np.testing.assert_allclose(diagram.rho, other.rho, rtol=1e-12)
    assert (diagram.outcome == other.outcome).all()


def test_the_root_is_a_fixed_point_and_the_largest():
    rng = np.random.default_rng(0)
    d, sigma, beta = 40, 0.8, 1.0
    a = np.triu(rng.standard_normal((d, d))) / np.sqrt(d)
    e = rng.standard_normal(d)
    e *= np.sqrt(d) / np.linalg.norm(e)
    w = largest_root(a, e, sigma, beta)
    h = beta * np.linalg.solve(w * np.eye(d) - sigma * a, e)
    np.testing.assert_allclose(MeanFieldLoop(0.5, sigma * a, beta).step(h, e), h, atol=1e-9)
    above = [beta * np.linalg.norm(np.linalg.solve(v * np.eye(d) - sigma * a, e)) for v in np.linspace(1.0001 * w, 10 * w, 500)]
    assert max(above) < np.sqrt(d)


@pytest.mark.parametrize("seed", range(12))
def test_largest_root_equals_the_block_matrix_twin(seed):
    """The roots are the real eigenvalues of [[M^T, I], [beta^2/d e e^T, M]]; weak recall makes narrow resonances."""
    rng = np.random.default_rng(seed)
    d, beta = 40, 0.05
    m = rng.standard_normal((d, d)) / np.sqrt(d)
    e = rng.standard_normal(d)
    e *= np.sqrt(d) / np.linalg.norm(e)
    triangle, basis = schur(m, output="complex")
    found = largest_root(triangle, basis.conj().T @ e, 1.0, beta)
    values = np.linalg.eigvals(np.block([[m.T, np.eye(d)], [beta**2 / d * np.outer(e, e), m]]))
    real = values[np.abs(values.imag) < 1e-7].real
    assert found == (pytest.approx(real.max(), abs=1e-6) if real.max() > 0 else None)


def test_law_holds_where_recall_is_strong_and_fails_with_the_wrong_residual():
    """The error against the law of the true residual is small; against that of another residual it is not (power)."""
    found = phase_diagram(residual=1.0, width=150, grid=(5, 5), seed=0, jobs=2)
    wrong = phase_diagram(residual=0.0, width=2, grid=(5, 5), seed=0, jobs=1).rho_theory
    strong = found.beta[None, :] / found.sigma[:, None] >= 1
    assert np.abs(found.rho - found.rho_theory)[strong].mean() < 0.05
    assert np.abs(found.rho - wrong)[strong].mean() > 0.1


def test_round_trip_and_damage(diagram, tmp_path):
    diagram.save(tmp_path)
    back = PhaseDiagram.load(tmp_path)
    np.testing.assert_array_equal(back.rho, diagram.rho)
    assert back.summary() == diagram.summary()
    path = tmp_path / "phase.npz"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(LoopstabError, match="damaged"):
        PhaseDiagram.load(tmp_path)


@pytest.mark.parametrize("bad", [{"law": "cubic"}, {"residual": -1.0}, {"grid": (1, 4)}, {"width": 1}])
def test_bad_sizes(bad):
    with pytest.raises(UsageError):
        phase_diagram(**bad)


def test_unwritable_folder(diagram, tmp_path):
    target = tmp_path / "file"
    target.write_text("in the way")
    with pytest.raises(UsageError, match="--out"):
        diagram.save(target)
    assert target.read_text() == "in the way"
    assert stat.S_ISREG(os.stat(target).st_mode)
