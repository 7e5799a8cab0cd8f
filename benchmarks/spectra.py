"""Matrix-free spectral measurements against dense twins, and on a wide looped transformer.

Run: python benchmarks/spectra.py --json

The dense twins have 2,000 dimensions; the spectral radius is also measured on looped transformers
of 20,736. Each case and measurement prints one line as soon as it is found: value, dense twin,
relative error, residual, products and seconds; with --json, a JSON object. The power iteration of
200 products is the routine that deep-equilibrium code uses.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.linalg import block_diag

from loopstab import (
    FunctionLoop,
    Linearisation,
    largest_singular_value,
    resolvent_norm,
    sensitivity,
    spectral_radius,
    transient_growth,
)
from loopstab.models.loops.torch_loop import TorchLoop
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.numerics import ensembles
from loopstab.theory.architecture import Architecture

TINY = 1e-300
"""Least norm by which an error is divided."""
SETTLING = 300
"""Iterations before the Jacobian of the dense looped transformer is taken."""


def ginibre(n: int):
    """A Ginibre matrix, whose spectral radius is about 1."""
    return ensembles.ginibre(np.random.default_rng(0), n)


def disguised(m):
    """The same matrix in another orthonormal basis."""
    q = ensembles.haar(np.random.default_rng(1), len(m))
    return q @ m @ q.T


def blocks(radii):
    """The direct sum of plane rotations by random angles, times these radii."""
    angles = np.random.default_rng(0).uniform(0.1, 3, len(radii))
    return block_diag(*map(ensembles.rotation, angles, radii))


def looped(n: int):
    """The Jacobian of an untrained internal/post transformer, 50 tokens of n/50 channels."""
    model = LoopedTransformer(
        ModelConfig(Architecture.parse("internal/post"), width=n // 50, heads=1)
    ).double()
    loop = TorchLoop.of(model)
    h = e = np.random.default_rng(0).standard_normal((1, 50, n // 50))
    for _ in range(SETTLING):
        h = loop.step(h, e)
    return Linearisation(loop, h, e).dense()


CASES: dict[str, Callable[[int], Any]] = {
    "looped transformer": looped,
    "rotation blocks": lambda n: disguised(blocks(np.linspace(0, 0.95, n // 2))),
    "near-degenerate moduli": lambda n: disguised(
        np.diag([0.95, -0.9499, 0.9498, *np.linspace(0, 0.9, n - 3)])
    ),
    "complex pairs of one modulus": lambda n: disguised(blocks([0.9] * 4 + [0.6] * (n // 2 - 4))),
    "highly non-normal": lambda n: disguised(
        np.diag(np.linspace(0.05, 0.9, n)) + np.triu(0.5 * ginibre(n), 1)
    ),
    "ginibre": lambda n: 0.9 * ginibre(n),
    "normal": lambda n: disguised(blocks(0.9 * np.sqrt(np.linspace(0, 1, n // 2)))),
    "rank one": lambda n: np.outer(np.ones(n), np.linspace(0, 1, n) / n),
    "nilpotent": lambda n: np.diag(np.ones(n - 1), 1),
    "defective": lambda n: disguised(
        block_diag([[0.9, 1.0], [0, 0.9]], np.diag(np.linspace(0, 0.8, n - 2)))
    ),
    "zero": lambda n: np.zeros((n, n)),
}
EXACT = {"nilpotent": 0.0, "defective": 0.9, "zero": 0.0}
"""The spectral radii that LAPACK itself does not find to rounding."""


def power_iteration(m, steps: int = 200) -> float:
    """The spectral radius that a real power iteration reports."""
    v, rho = np.random.default_rng(0).standard_normal(len(m)), 0.0
    for _ in range(steps):
        w = m @ v
        size = float(np.linalg.norm(w))
        if size == 0:
            return 0.0
        rho, v = float(abs(v @ w / (v @ v))), w / size
    return rho


def measurements(
    name: str, m
) -> dict[str, tuple[Callable[[Linearisation], Any], Callable[[], float]]]:
    """Each measurement of the case with its dense twin, by name."""
    n = len(m)
    eye, v = np.eye(n), np.random.default_rng(5).standard_normal(n)
    return {
        "spectral radius": (
            lambda j: spectral_radius(j, budget=n + 2),
            lambda: EXACT[name] if name in EXACT else float(np.abs(np.linalg.eigvals(m)).max()),
        ),
        "largest singular value": (largest_singular_value, lambda: float(np.linalg.norm(m, 2))),
        "growth over 3 powers": (
            lambda j: transient_growth(j, 3, tol=1e-7),
            lambda: max(
                1.0, *(float(np.linalg.norm(np.linalg.matrix_power(m, t), 2)) for t in (1, 2, 3))
            ),
        ),
        "resolvent norm": (
            lambda j: resolvent_norm(j, tol=1e-6),
            lambda: float(1 / np.linalg.svd(eye - m, compute_uv=False)[-1]),
        ),
        "sensitivity, a product": (
            lambda j: sensitivity(j, v),
            lambda: np.linalg.solve(eye - m, v),
        ),
    }


def dense_table(n: int, only: list[str] | None, report: Callable[[dict[str, Any]], None]) -> None:
    """Report every measurement of every case (or of those in `only`) at n dimensions."""
    for name, make in CASES.items():
        if only and name not in only:
            continue
        m = make(n)
        n = len(m)
        products: Any = {
            "jvp": lambda h, e, v, m=m: m @ v,
            "vjp": lambda h, e, u, m=m: m.T @ u,
            "input_jvp": lambda h, e, v: v,
        }
        loop = FunctionLoop(lambda h, e, m=m: m @ h + e, lambda e: e, **products)
        for measurement, (measure, twin) in measurements(name, m).items():
            begin = time.perf_counter()
            found = measure(Linearisation(loop, np.zeros(n), np.ones(n)))
            seconds, exact = time.perf_counter() - begin, twin()
            size = max(float(np.linalg.norm(exact)), TINY)
            error = np.linalg.norm(found.value - exact) / size if np.any(exact) else found.value
            row = {
                "case": name,
                "dimensions": n,
                "measurement": measurement,
                "value": float(np.linalg.norm(found.value)),
                "twin": float(np.linalg.norm(exact)),
                "relative_error": float(error),
                "residual": found.residual,
                "converged": found.converged,
                "products": found.products,
                "seconds": round(seconds, 3),
            }
            if measurement == "spectral radius":
                row |= {"stated_error": found.error, "power_iteration": power_iteration(m)}
            report(row)


def wide(
    architecture: str, loops: int, budget: int, report: Callable[[dict[str, Any]], None]
) -> None:
    """Report the spectral radius of an untrained loop of width 256 on 9x9 boards, in float64.

    The loop has 20,736 dimensions; a run with four times the products is the twin.
    """
    size: Any = {"channels": 10, "classes": 9, "width": 256, "heads": 8, "axes": 2, "window": None}
    model = LoopedTransformer(ModelConfig(Architecture.parse(architecture), **size)).double().eval()
    digits = torch.randint(0, 10, (1, 81), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        e = model.encode(torch.nn.functional.one_hot(digits, 10).double())
        h, context = model.initial(e), model.prepare(e)
        for _ in range(loops):
            h = model.advance(h, context)
    j = Linearisation(TorchLoop.of(model), h.numpy(), e.numpy())
    begin = time.perf_counter()
    found = spectral_radius(j, tol=1e-6, budget=budget)
    seconds = time.perf_counter() - begin
    twin = spectral_radius(j, tol=1e-9, budget=4 * budget, seed=1)
    report(
        {
            "case": f"untrained {architecture}",
            "dimensions": j.n,
            "measurement": "spectral radius",
            "value": found.value,
            "twin": twin.value,
            "relative_error": abs(found.value - twin.value) / twin.value,
            "residual": found.residual,
            "converged": found.converged,
            "products": found.products,
            "seconds": round(seconds, 3),
            "stated_error": found.error,
            "twin_residual": twin.residual,
            "twin_products": twin.products,
            "relative_step": j.drift,
        }
    )


def main() -> None:
    """Print the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2000)
    parser.add_argument("--budget", type=int, default=250, help="products at 20,736 dimensions")
    parser.add_argument("--loops", type=int, default=800, help="iterations before that")
    parser.add_argument("--only", nargs="+", metavar="CASE", help="cases of the dense table")
    parser.add_argument("--part", choices=["dense", "wide"], help="one part")
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    torch.set_num_threads(1)

    def report(row: dict[str, Any]) -> None:
        text = "  ".join(
            f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()
        )
        print(json.dumps(row) if a.json else text, flush=True)

    if a.part != "dense":
        for architecture in ("internal/post", "external/post"):
            wide(architecture, a.loops, a.budget, report)
    if a.part != "wide":
        dense_table(a.size, a.only, report)


if __name__ == "__main__":
    main()
