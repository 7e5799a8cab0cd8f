"""Time of a phase diagram over the time of the LAPACK and BLAS calls that it needs, as JSON.

Run: python benchmarks/phase.py

The diagram is that of the linear law at a = 1 over beta x sigma, with `--grid` squared cells. Its
calls are counted while it is measured in threads, and are then timed by themselves, on matrices of
the same shapes: for each draw, the eigenvectors of G with their inverse and Gram matrices; for each
iteration of a batch of orbits, the product G H; for each batch of fixed points, the products of the
resolvents; and a dense eigenvalue solve wherever the secular equation was given up. What remains is
the search for the roots of that equation (no matrix product), the classification of the orbits, and
Python. "dense instead" is the time of one dense eigenvalue solve for each sample, which the secular
equation replaces.
"""

import argparse
import json
import os
import resource
import time
from contextlib import contextmanager, nullcontext
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from loopstab.numerics.phase import local, phase_diagram
from loopstab.numerics.phase.laws import linear as law
from loopstab.numerics.phase.laws import mean_field
from loopstab.numerics.phase.laws.draw import EigenbasisResolvent, random_draw


def main():
    """Print the benchmark as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid", type=int, default=64)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--backend", choices=("threading", "loky", "both"), default="both")
    options = parser.parse_args()
    rows, calls = [], Calls()
    for backend in ("threading", "loky") if options.backend == "both" else (options.backend,):
        request = {
            "grid": (options.grid,) * 2,
            "draws": options.draws,
            "settings": {"residual": 1.0, "width": options.width},
        }
        begin, used = time.perf_counter(), cpu()
        with calls.counted() if backend == "threading" else nullcontext():
            phase_diagram(**request, workforce=local(options.jobs, backend))
        rows.append(
            {
                "backend": backend,
                "seconds": time.perf_counter() - begin,
                "cpu_seconds": cpu() - used,
            }
        )
    samples = options.grid**2 * options.draws
    result = {
        "grid": options.grid,
        "width": options.width,
        "draws": options.draws,
        "samples": samples,
        "jobs": options.jobs,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "runs": rows,
    }
    if calls.loops:
        bare = calls.bare(options.width, options.draws)
        needed = sum(
            part["cpu_seconds"]
            for name, part in bare.items()
            if name != "dense instead, per sample"
        )
        result |= {
            "bare": bare,
            "needed_cpu_seconds": needed,
            "cpu_over_needed": rows[0]["cpu_seconds"] / needed,
        }
    print(json.dumps(result, indent=1))


def cpu():
    """CPU seconds of this process and of its children that have ended."""
    return sum(
        r.ru_utime + r.ru_stime
        for r in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


PRODUCTS = {"apply": 2, "adjoint": 2, "frobenius2": 1}
"""Products with a matrix of eigenvectors in one call of each method of the resolvent."""


class Calls:
    """The matrix products of a diagram that is measured in threads.

    `loops` holds (orbits, iterations) of every batch of orbits, `columns` the columns of every
    product of a resolvent, and `dense` the number of dense eigenvalue solves.
    """

    def __init__(self):
        self.loops, self.columns, self.dense = [], [], 0

    @contextmanager
    def counted(self):
        """While this context is open, the routines of the law report what they do."""
        orbits, dense_root = mean_field.orbits, law.dense_root

        def counted_orbits(*args, **kwargs):
            out = orbits(*args, **kwargs)
            self.loops.append((len(out), len(out.steps)))
            return out

        def counted_root(*args):
            self.dense += 1
            return dense_root(*args)

        def counted_method(method, products):
            def counted(resolvent, w, *x):
                self.columns.extend([len(w)] * products)
                return method(resolvent, w, *x)

            return counted

        methods = {
            name: counted_method(getattr(EigenbasisResolvent, name), products)
            for name, products in PRODUCTS.items()
        }
        with (
            patch.object(mean_field, "orbits", counted_orbits),
            patch.object(law, "dense_root", counted_root),
            patch.multiple(EigenbasisResolvent, **methods),
        ):
            yield

    def bare(self, width, draws):
        """The same calls and nothing else: CPU seconds of each kind."""
        rng, draw = np.random.default_rng(0), random_draw(width, (0,))
        parts = {
            "eigenvectors, inverse, Gram matrices": (
                draws,
                lambda: EigenbasisResolvent(draw.matrix),
            )
        }
        for count in sorted({k for k, _ in self.loops}):
            states = rng.standard_normal((width, count))
            parts[f"G H, {count} orbits"] = (
                sum(n for k, n in self.loops if k == count),
                lambda states=states: draw.matrix @ states,
            )
        for count in sorted(set(self.columns)):
            states = rng.standard_normal((width, count)) + 0j
            parts[f"eigenbasis times {count} columns"] = (
                self.columns.count(count),
                lambda states=states: draw.resolvent.right @ states,
            )
        parts["dense fallbacks"] = (self.dense, lambda: np.linalg.eigvals(draw.matrix))
        parts["dense instead, per sample"] = (
            sum(k for k, _ in self.loops),
            lambda: np.linalg.eigvals(draw.matrix),
        )
        return {
            name: {"calls": n, "cpu_seconds": n * per_call(call) if n else 0.0}
            for name, (n, call) in parts.items()
        }


def per_call(call, seconds=0.3):
    """CPU seconds of one call, the mean over about that many seconds after a first call."""
    call()
    count, begin = 0, time.process_time()
    while time.process_time() - begin < seconds:
        call()
        count += 1
    return (time.process_time() - begin) / count


if __name__ == "__main__":
    main()
