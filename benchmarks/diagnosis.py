"""Diagnosis of other people's loops: hard spectra, batches, and a state of 10^6 numbers.

Run: python benchmarks/diagnosis.py hard batch large --json

`hard` compares the spectral radius with the power method of torchdeq (its default, 100 products) on
linear loops whose spectrum LAPACK gives; a result is right if it is within 1 %. It also compares
the fixed points of a Hopfield network with the method of FixedPointFinder (Golub and Sussillo 2018:
Adam on q = |f(h) - h|^2 / 2, here 5000 steps), written out because the package is not on PyPI.
`batch` diagnoses 64 inputs of a loop of width 256 in one run and, of 8 of them, one by one; the
ratio is that of the times for one input, the median of three. `large` diagnoses a loop on 10^6
numbers with at most 60 products for the spectral radius.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.linalg import block_diag
from torchdeq.loss import power_method  # pyright: ignore[reportMissingImports]

from loopstab import (
    FunctionLoop,
    TorchLoop,
    diagnose,
    diagnose_batch,
    fixed_points,
    spectral_radius,
)

RIGHT = 0.01
WIDTH, INPUTS, ALONE = 256, 64, 8
LARGE = 1_000_000
RNG = np.random.default_rng(0)


def rotation(r: float, angle: float):
    """A plane rotation by an angle, times r."""
    c, s = np.cos(angle), np.sin(angle)
    return r * np.array([[c, -s], [s, c]])


def disguised(m):
    """The same matrix in another orthonormal basis."""
    q = np.linalg.qr(np.random.default_rng(1).standard_normal(m.shape))[0]
    return q @ m @ q.T


MATRICES: dict[str, Any] = {
    "symmetric": disguised(np.diag(np.linspace(-0.5, 0.9, 100))),
    "complex pair": disguised(block_diag(rotation(0.9, 1.1), 0.5 * np.eye(98))),
    "pairs of one modulus": disguised(block_diag(*(rotation(0.9, a) for a in (0.5, 1.1, 2.3)))),
    "opposite signs": disguised(np.diag([0.9, -0.9, *np.linspace(0, 0.8, 98)])),
    "near-degenerate": disguised(np.diag([0.95, -0.9499, 0.9498, *np.linspace(0, 0.8, 97)])),
    "random (Ginibre)": RNG.standard_normal((200, 200)) / np.sqrt(200),
    "non-normal": disguised(np.diag(np.linspace(0.1, 0.9, 40)) + np.diag(np.full(39, 1.0), 1)),
    "slow gates": np.diag(1 - np.geomspace(1, 1e-4, 200)),
    "Markov chain": (lambda p: (p / p.sum(1, keepdims=True)).T)(RNG.random((100, 100))),
    "permutation": np.eye(60)[np.roll(np.arange(60), 1)],
}


def hard(say: Callable[[dict[str, Any]], None]) -> None:
    """Spectral radii and fixed points against the methods of others."""
    for name, m in MATRICES.items():
        for dtype in (torch.float64, torch.float32):
            _radius(name, m, dtype, say)
    _hopfield(say)


def _radius(name: str, m: Any, dtype: torch.dtype, say: Callable[[dict[str, Any]], None]) -> None:
    true = float(np.abs(np.linalg.eigvals(m)).max())
    a, n = torch.tensor(m, dtype=dtype), len(m)
    torch.manual_seed(0)
    z = torch.zeros(1, n, dtype=dtype, requires_grad=True)
    begun = time.perf_counter()
    power = float(power_method(z @ a.T, z)[1])
    power_s = time.perf_counter() - begun
    loop = TorchLoop(lambda h: a @ h, torch.zeros(n, dtype=dtype))
    begun = time.perf_counter()
    found = spectral_radius(loop, np.zeros(n, a.numpy().dtype), None)
    say(
        {
            "case": f"{name}, {str(dtype).removeprefix('torch.')}",
            "rho": true,
            "power method": power,
            "power method right": abs(power - true) <= RIGHT * true,
            "power method products": 100,
            "power method s": power_s,
            "loopstab": found.value,
            "loopstab right": abs(found.value - true) <= RIGHT * true,
            "loopstab says converged": found.converged,
            "loopstab products": found.products,
            "loopstab s": time.perf_counter() - begun,
        }
    )


def _hopfield(say: Callable[[dict[str, Any]], None]) -> None:
    """The nine fixed points of two tanh neurons, four of them stable."""
    w = np.array([[2.0, 0.5], [0.5, 2.0]])
    e, starts = np.zeros(2), np.random.default_rng(0).uniform(-3, 3, (64, 2))
    loop = FunctionLoop(lambda h, e: w @ np.tanh(h) + e, starts[0])
    begun = time.perf_counter()
    found = fixed_points(loop, e, starts=starts)
    newton_s = time.perf_counter() - begun
    begun = time.perf_counter()
    wt, h = torch.tensor(w), torch.tensor(starts, requires_grad=True)
    adam = torch.optim.Adam([h], lr=0.01)
    for _ in range(5000):
        adam.zero_grad()
        q = ((torch.tanh(h) @ wt.T - h) ** 2).sum() / 2
        q.backward()
        adam.step()
    speeds = (torch.tanh(h) @ wt.T - h).norm(dim=1)
    ends = h[speeds < 1e-6].detach().numpy()
    say(
        {
            "case": "Hopfield network, 64 starts",
            "fixed points": len(found.points),
            "stable": len(found.stable),
            "loopstab s": newton_s,
            "Adam points": len({tuple(np.round(end, 3) + 0.0) for end in ends}),
            "Adam starts that converged to 1e-6": len(ends),
            "Adam s": time.perf_counter() - begun,
        }
    )


def batch(say: Callable[[dict[str, Any]], None]) -> None:
    """A batch against its inputs one by one."""
    torch.manual_seed(0)
    layer, read = (torch.nn.Linear(WIDTH, WIDTH).double() for _ in range(2))
    loop = TorchLoop(lambda h, e: torch.tanh(layer(h) + e), torch.zeros_like)
    with torch.no_grad():
        layer.weight.mul_(1.2)
        e = read(torch.randn(INPUTS, WIDTH).double()).numpy()
    ratios, seconds = [], []
    diagnose(loop, e[:1])
    for _ in range(3):
        begun = time.perf_counter()
        for i in range(ALONE):
            diagnose(loop, e[i : i + 1])
        middle = time.perf_counter()
        diagnose_batch(loop, e)
        end = time.perf_counter()
        seconds.append((end - middle) / INPUTS)
        ratios.append((middle - begun) / ALONE / seconds[-1])
    say(
        {
            "case": f"{INPUTS} inputs of width {WIDTH}",
            "seconds an input in the batch": statistics.median(seconds),
            "ratio to one by one": statistics.median(ratios),
            "ratios": ratios,
        }
    )


def large(say: Callable[[dict[str, Any]], None]) -> None:
    """A state of 10^6 numbers."""
    gain, e = RNG.uniform(-0.6, 0.9, LARGE), RNG.standard_normal(LARGE)

    def step(h, e):
        return np.tanh(gain * h + 0.05 * np.roll(h, 1) - 0.03 * np.roll(h, 7) + e)

    begun = time.perf_counter()
    found = diagnose(FunctionLoop(step, np.zeros_like), e, products=60)
    rho: Any = found.rho
    say(
        {
            "case": f"{LARGE} numbers",
            "outcome": str(found.outcome),
            "loops": found.loops,
            "rho": rho.value,
            "error": rho.error,
            "products": rho.products,
            "seconds": time.perf_counter() - begun,
        }
    )


PARTS = {"hard": hard, "batch": batch, "large": large}


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS), choices=PARTS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    def say(row: dict[str, Any]) -> None:
        if arguments.json:
            print(json.dumps(row), flush=True)
        else:
            shown = {k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()}
            print(", ".join(f"{k} {v}" for k, v in shown.items()), flush=True)

    for part in arguments.parts:
        PARTS[part](say)


if __name__ == "__main__":
    main()
