"""The phase diagram of the mean-field law N6 over sigma x beta, measured on random loops, with the closed form beside it."""

from __future__ import annotations

import io
import json
import os
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

import numpy as np
import scipy
from joblib import Parallel, delayed, parallel_config
from scipy.linalg import eigvals, schur, solve_triangular
from scipy.optimize import brentq
from tqdm import tqdm

from numerics.loop import Array
from numerics.maps import MeanFieldLoop
from numerics.numeric import numeric
from numerics.regime import classify
from numerics.trajectory import Recorder
from theory.errors import LoopstabError, UsageError
from theory.files import output_folder, write_atomic, write_json
from theory.outcome import Outcome

LOOPS = 600


@dataclass(frozen=True)
class PhaseDiagram:
    """A grid of sigma (rows) x beta (columns) of h' = N(a h + A h + beta e), all arrays (rows, cols).

    `rho`: median over draws of the spectral radius at the fixed point of largest s (found algebraically, so also where it
    is unstable; NaN where none exists); `outcome`: most frequent outcome of the orbit from a random state; `converged`:
    share of draws that reach a fixed point; `rho_theory`: closed form; `rho_finite`: with the radius of a Ginibre matrix of this
    width (`ginibre_radius`, mean over the draws). `blas_seconds`: time inside LAPACK/BLAS calls, summed over processes.
    """

    residual: float
    width: int
    draws: int
    seed: int
    sigma: Array
    beta: Array
    rho: Array
    rho_theory: Array
    rho_finite: Array
    outcome: Array
    converged: Array
    ginibre_radius: float
    seconds: float
    cell_seconds: float
    blas_seconds: float

    def _error(self, prediction: Array) -> float:
        """Mean absolute error of rho over the cells with beta/sigma >= 0.5."""
        strong = (self.beta[None, :] / self.sigma[:, None] >= 0.5) & np.isfinite(self.rho)
        return float(np.abs(self.rho - prediction)[strong].mean()) if strong.any() else float("nan")

    @property
    def mean_absolute_error(self) -> float:
        """Against the closed form N6, where beta/sigma >= 0.5."""
        return self._error(self.rho_theory)

    @property
    def mean_absolute_error_finite(self) -> float:
        """Against the closed form with the finite-width radius; a correction for a = 0 only, with a > 0 it points the wrong way."""
        return self._error(self.rho_finite)

    def summary(self) -> dict[str, Any]:
        """The scalars, as plain JSON."""
        rows, cols = self.rho.shape
        return {
            "law": "linear", "residual": self.residual, "width": self.width, "grid": f"{rows}x{cols}", "draws": self.draws,
            "seed": self.seed, "mean_absolute_error_of_rho_for_beta_over_sigma_from_0.5": self.mean_absolute_error,
            "the_same_with_finite_width_radius":
            self.mean_absolute_error_finite if self.residual == 0 else None, "ginibre_radius": self.ginibre_radius,
            "cells_without_fixed_point": int(np.isnan(self.rho).sum()), "seconds": round(self.seconds, 2),
            "blas_share": round(self.blas_seconds / self.cell_seconds, 3), "numpy": np.__version__, "scipy": scipy.__version__,
        }  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain JSON (None where rho does not exist)."""
        arrays = {}
        for name in ("sigma", "beta", "rho", "rho_theory", "rho_finite", "outcome", "converged"):
            arrays[name] = json.loads(json.dumps(getattr(self, name).tolist()).replace("NaN", "null"))
        return {**self.summary(), **arrays}

    def save(self, folder: str | Path) -> list[Path]:
        """Write phase.npz and phase.json, each whole or not at all; `LoopstabError` or `UsageError` when that fails."""
        folder = output_folder(folder)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **{f.name: np.asarray(getattr(self, f.name)) for f in fields(self)})
        return [write_atomic(folder / "phase.npz", buffer.getvalue()), write_json(folder / "phase.json", self.to_json())]

    @classmethod
    def load(cls, folder: str | Path) -> PhaseDiagram:
        """Read what `save` wrote; no pickle is loaded. `LoopstabError` on a damaged file."""
        path = Path(folder) / "phase.npz"
        if not path.is_file():
            raise UsageError(f"no phase diagram at {path}: make one with loopstab phase --out {folder}")
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as data:
                values = {name: data[name] for name in data.files}
            return cls(**{k: v.item() if v.ndim == 0 else v for k, v in values.items()})
        except Exception as error:  # zipfile, zlib, numpy and a missing field all mean the same to the user
            raise LoopstabError(f"{path} is damaged ({type(error).__name__}): delete it and run loopstab phase again") from None


@dataclass(frozen=True)
class _Draw:
    rho: float
    outcome: Outcome
    radius: float
    seconds: float
    blas: float


def phase_diagram(
    law: str = "linear", *, residual: float = 1.0, width: int = 200, grid: tuple[int, int] = (24, 24), draws: int = 1, seed: int = 0,
    jobs: int = -1, progress: bool = False,
) -> PhaseDiagram:  # fmt: skip
    """Measure the grid; sigma in [0.2, 5] and beta in [0.05, 5], both logarithmic. Equal for every number of jobs.

    Raises `UsageError` for an unknown law, a negative residual, or sizes below 2.
    """
    if law != "linear":
        raise UsageError(f"unknown law {law!r}: use linear")
    if residual < 0 or width < 2 or min(grid) < 2 or draws < 1:
        raise UsageError(
            f"phase diagram needs residual >= 0, width >= 2, grid >= 2x2, draws >= 1, not {residual}, {width}, {grid}, {draws}"
        )
    start = time.perf_counter()
    sigma, beta = np.geomspace(0.2, 5, grid[0]), np.geomspace(0.05, 5, grid[1])
    cells = [(i, j, k) for i in range(grid[0]) for j in range(grid[1]) for k in range(draws)]
    tasks = (delayed(_cell)(residual, width, float(sigma[i]), float(beta[j]), (seed, i, j, k)) for i, j, k in cells)
    jobs = (os.cpu_count() or 1) if jobs < 1 else jobs
    with parallel_config(backend="loky", inner_max_num_threads=1) if jobs > 1 else parallel_config(backend="sequential"):
        stream = Parallel(n_jobs=jobs, return_as="generator")(tasks)
        found = cast(list[_Draw], list(tqdm(stream, total=len(cells), unit="cell", disable=not progress, desc=f"phase a={residual:g}")))
    rhos = np.array([d.rho for d in found]).reshape(*grid, draws)
    outcomes = np.array([str(d.outcome) for d in found]).reshape(*grid, draws)
    radius = float(np.mean([d.radius for d in found]))
    s, b = np.meshgrid(sigma, beta, indexing="ij")
    majority = np.array([[max(sorted(set(cell)), key=list(cell).count) for cell in row] for row in outcomes])
    return PhaseDiagram(
        float(residual), width, draws, seed, sigma, beta, np.median(rhos, axis=-1), numeric("mean_field_rho")(residual, s, b),
        numeric("mean_field_rho_finite")(residual, s, b, radius), majority, (outcomes == str(Outcome.FIXED_POINT)).mean(-1), radius,
        time.perf_counter() - start, sum(d.seconds for d in found), sum(d.blas for d in found),
    )  # fmt: skip


def _cell(a: float, d: int, sigma: float, beta: float, seed: tuple[int, ...]) -> _Draw:
    start = time.perf_counter()
    rng = np.random.default_rng(seed)
    ginibre = rng.standard_normal((d, d)) / np.sqrt(d)
    e = rng.standard_normal(d)
    e *= np.sqrt(d) / np.linalg.norm(e)
    h0 = rng.standard_normal(d)
    loop = MeanFieldLoop(a, sigma * ginibre, beta)
    blas = time.perf_counter()
    triangle, basis = cast(tuple[Array, Array], schur(ginibre, output="complex", check_finite=False))
    w = largest_root(triangle, basis.conj().T @ e, sigma, beta)
    rho = np.nan
    if w is not None:
        h = beta * (basis @ solve_triangular(w * np.eye(d) - sigma * triangle, basis.conj().T @ e, check_finite=False)).real
        rho = float(np.abs(eigvals(loop.jacobian(h, e), check_finite=False)).max())
    spent = time.perf_counter() - blas
    recorder, h = Recorder(1), h0 * np.sqrt(d) / np.linalg.norm(h0)
    recorder.observe(h[None])
    for _ in range(LOOPS):
        new = loop.step(h, e)
        recorder.observe(new[None])
        done = np.array_equal(new, h)
        h = new
        if done:
            break
    outcome = classify(recorder.trajectories()[0]).outcome
    return _Draw(rho, outcome, float(np.abs(np.diag(triangle)).max()), time.perf_counter() - start, spent)


def largest_root(triangle: Array, e: Array, sigma: float, beta: float) -> float | None:
    """The largest w with abs(beta (w - sigma T)^{-1} e)^2 = d, T upper triangular; None if there is none with w > 0.

    Then h = beta (w - sigma T)^{-1} e is a fixed point of N(a h + sigma T h + beta e) with s = a + w, for every a (M1).
    """
    d = len(e)
    eye = np.eye(d)

    def excess(w: float) -> float:
        return float(np.log(beta * np.linalg.norm(solve_triangular(w * eye - sigma * triangle, e, check_finite=False)) / np.sqrt(d)))

    high = beta + sigma * float(np.linalg.norm(triangle))
    values = np.diag(triangle).astype(complex)
    real = np.real(values[np.abs(np.imag(values)) < 1e-9])
    narrow = [sigma * x * (1 + 10.0**-k) for x in real if x > 0 for k in range(1, 12)]  # a resonance may be narrower than the scan
    scan = np.concatenate((np.geomspace(high, 1e-3 * (sigma + beta), 200)[1:], narrow))
    for low in sorted(scan[scan < high], reverse=True):
        if excess(low) > 0:
            return cast(float, brentq(excess, low, high, xtol=1e-13 * high))
        high = low
    return None
