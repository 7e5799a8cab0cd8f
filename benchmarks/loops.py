"""Time and memory of training, evaluation and Jacobian products, as one JSON object.

Run: python benchmarks/loops.py [--threads 2] [--compile] [--tiny]

A training step and an evaluation over 500 iterations are compared with the eager twin, and the
training step also with the rate of its matrix products. Figures are medians of alternating runs
after a warm-up, with the quartiles. On a busy machine only `--threads 1 --cpu-time` gives steady
figures: seconds of CPU time instead of wall-clock time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import weakref
from collections.abc import Callable
from typing import Any

import eager
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from loopstab import Linearisation, spectral_radius
from loopstab.models.loops.torch_loop import TorchLoop
from loopstab.models.measure.evaluate import accuracy_curve
from loopstab.models.network.arithmetic import Arithmetic
from loopstab.models.network.checkpoint import load_model
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.prefix_sums import PrefixSums
from loopstab.models.tasks.task import Batch
from loopstab.models.training.compiling import compiled_advance
from loopstab.models.training.loss import Objective, pays
from loopstab.models.training.run_spec import RunSpec
from loopstab.models.zoo import zoo
from loopstab.theory.architecture import Architecture

CLOCK = {"seconds": time.perf_counter}
"""The clock that times the runs; --cpu-time replaces it."""
CONTRACTING = 0.3
"""The scale of W_x at which the untrained external/post loop contracts (measured)."""


def alternate(works: dict, repeats: int) -> dict[str, list[float]]:
    """Seconds of every work: all are called in turn, `repeats` times after a warm-up round."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name, work in works.items():
            start = CLOCK["seconds"]()
            work()
            if turn:
                times[name].append(CLOCK["seconds"]() - start)
    return times


def summary(times: list[float]) -> dict[str, float]:
    """The median and the quartiles."""
    low, middle, high = statistics.quantiles(times, n=4) if len(times) > 1 else times * 3
    return {"median": middle, "quartiles": [low, high]}


def ratio(times: dict[str, list[float]], slow: str, fast: str) -> dict[str, float]:
    """The summary of the ratios of neighbouring runs."""
    return summary([a / b for a, b in zip(times[slow], times[fast], strict=True)])


def products(tokens: int, d: int, dtype: torch.dtype = torch.float32):
    """The matrix products of a block by themselves, and how many flops they have.

    They are those of its linear layers (q, k and v together, o, up, down), forward and backward.
    """
    sizes = [(d, 3 * d), (d, d), (d, 4 * d), (4 * d, d)]
    operands = [
        tuple(torch.randn(s).to(dtype) for s in ((tokens, m), (n, m), (tokens, n)))
        for m, n in sizes
    ]
    outs = [
        tuple(torch.empty(s, dtype=dtype) for s in ((tokens, n), (tokens, m), (n, m)))
        for m, n in sizes
    ]

    def work():
        for (x, w, g), (y, dx, dw) in zip(operands, outs, strict=True):
            torch.mm(x, w.t(), out=y)
            torch.mm(g, w, out=dx)
            torch.mm(g.t(), x, out=dw)

    return work, 3 * sum(2 * tokens * m * n for m, n in sizes)


def training(
    architecture: str, size: dict, batch: Batch, n: int, k: int, repeats: int, compiled: bool
) -> dict:
    """Time of one step with the progressive loss, forward and backward, and of the twin's step.

    The matrix products of a block are timed beside them, for the rate that the machine reaches.
    """
    model, task, loss_of = (
        LoopedTransformer(ModelConfig(Architecture.parse(architecture), **size)),
        PrefixSums(),
        Objective(n + k),
    )
    bf16 = Arithmetic(torch.bfloat16)
    samples, cells = batch.target.shape

    def backward(loss):
        model.zero_grad(set_to_none=True)
        loss().backward()

    work, work_flops = products(samples * cells, model.config.width)
    work_bf16, _ = products(samples * cells, model.config.width, torch.bfloat16)
    works = {
        "twin": lambda: backward(lambda: eager.progressive_loss(model, task, batch, n, k)),
        "plain": lambda: backward(lambda: loss_of(model, task, batch, n, k)),
        "matmul": work,
        "matmul_bf16": work_bf16,
    }
    if compiled:
        advance = compiled_advance(model)
        works["compiled"] = lambda: backward(
            lambda: loss_of(model, task, batch, n, k, advance=advance)
        )
        works["compiled_bf16"] = lambda: backward(
            lambda: loss_of(model, task, batch, n, k, advance=advance, arithmetic=bf16)
        )
    times = alternate(works, repeats)
    counts = model.flops(cells)
    folded = counts.mix > 0 and pays(n, k)
    done = counts.training(samples * cells, n, k, folded)
    formula = counts.training(samples * cells, n, k)
    out = {
        "architecture": architecture,
        **size,
        "samples": samples,
        "cells": cells,
        "n": n,
        "k": k,
        "folded": folded,
    }
    for name in ("matmul", "matmul_bf16"):
        out[f"{name}_gflops"] = work_flops / statistics.median(times[name]) / 1e9
    for name in set(times) & {"plain", "compiled", "compiled_bf16"}:
        limit = "matmul_bf16" if name.endswith("bf16") else "matmul"
        out[name] = {
            "seconds": summary(times[name]),
            "speed_over_twin": ratio(times, "twin", name),
            "gflops": done / statistics.median(times[name]) / 1e9,
            "share_of_matmul": summary(
                [
                    done / t / (work_flops / m)
                    for t, m in zip(times[name], times[limit], strict=True)
                ]
            ),
            "share_counting_the_formula": (
                formula / statistics.median(times[name]) / 1e9 / out[f"{limit}_gflops"]
            ),
        }
    out["twin"] = {"seconds": summary(times["twin"])}
    return out


def converging(samples: int, width: int = 256) -> tuple[LoopedTransformer, Batch]:
    """A random external/post loop that contracts, with full attention on 81 cells, and boards."""
    size = {"channels": 10, "classes": 9, "width": width, "heads": 8, "axes": 2, "window": None}
    model = LoopedTransformer(ModelConfig(Architecture.parse("external/post"), **size)).eval()
    with torch.no_grad():
        model.w_x.weight *= CONTRACTING
    return model, boards(samples)


def boards(samples: int) -> Batch:
    """Random inputs and targets in the shape of sudoku boards."""
    generator = torch.Generator().manual_seed(0)
    digits = torch.randint(0, 10, (samples, 81), generator=generator)
    target = torch.randint(0, 9, (samples, 81), generator=generator)
    return Batch(torch.nn.functional.one_hot(digits, 10).float(), target)


def trained(samples: int) -> tuple[LoopedTransformer, Batch]:
    """A shipped checkpoint for prefix sums, of width 64, and sequences of 32 bits."""
    model, _ = load_model(zoo.load("internal-post"))
    return model, PrefixSums().batch(samples, "32", torch.Generator().manual_seed(0))


def evaluate(which: str, model: LoopedTransformer, batch: Batch, loops: int) -> list[float]:
    """The accuracy after every iteration: ours streamed, the twin's with all logits stored."""
    task = PrefixSums()
    if which == "ours":
        return accuracy_curve(model, task, batch, range(1, loops + 1))
    with torch.no_grad():
        outputs, _ = eager.run(model, batch.x, loops)
    return [task.correct(logits, batch.target).double().mean().item() for logits in outputs]


CASES = {"trained": (trained, 128), "wide": (converging, 16)}
"""Models that converge, and the number of samples on which they are timed."""
EVALUATED = RunSpec.eval_size
"""The number of samples on which memory is measured: as many as a training run evaluates."""


class Alive(TorchDispatchMode):
    """Counts the bytes of the tensors that were made in its context and are still alive.

    `peak` is the largest number of bytes at the end of an operation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[int, int] = {}
        self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        given = {
            x.untyped_storage()._cdata
            for x in tree_leaves((args, kwargs))
            if isinstance(x, torch.Tensor)
        }
        for storage in (
            x.untyped_storage() for x in tree_leaves(out) if isinstance(x, torch.Tensor)
        ):
            number = storage._cdata
            if number not in self.known and number not in given:
                self.known[number] = storage.nbytes()
                weakref.finalize(storage, self.known.pop, number)
        self.peak = max(self.peak, sum(self.known.values()))
        return out


def peak_alive(work: Callable[[], object]) -> int:
    """The most bytes of tensors that `work` holds at one time, without scratch in operations."""
    with Alive() as alive:
        work()
    return alive.peak


def evaluation(case: str, loops: int, repeats: int) -> dict:
    """Time and memory of our evaluation and of the twin's, and how far their accuracies differ."""
    make, samples = CASES[case]
    model, batch = make(samples)
    curves = {}
    works = {
        name: lambda name=name: curves.update({name: evaluate(name, model, batch, loops)})
        for name in ("ours", "twin")
    }
    times = alternate(works, repeats)
    model, batch = make(EVALUATED)
    memory = {
        name: peak_alive(lambda name=name: evaluate(name, model, batch, loops)) for name in works
    }
    return {
        "case": case,
        "loops": loops,
        "samples": samples,
        "speed_over_twin": ratio(times, "twin", "ours"),
        "seconds": {name: summary(t) for name, t in times.items()},
        "bytes": memory,
        "memory_share": memory["ours"] / memory["twin"],
        "memory_samples": EVALUATED,
        "largest_difference_of_accuracy": max(
            abs(a - b) for a, b in zip(curves["ours"], curves["twin"], strict=True)
        ),
    }


def jacobian(repeats: int) -> dict:
    """Time of a Jacobian product and of a spectral radius of the trained loop, in float64."""
    model, batch = trained(1)
    model = model.double()
    with torch.no_grad():
        e = model.encode(batch.x.double()).numpy()
    loop = TorchLoop.of(model)
    h = loop.initial(e)
    product = loop.linearize(h, e)
    times = alternate(
        {
            "product": lambda: product(h),
            "radius": lambda: spectral_radius(Linearisation(loop, h, e)),
        },
        repeats,
    )
    return {f"{name}_seconds": summary(t) for name, t in times.items()}


def main() -> None:
    """Print the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--samples", type=int, default=16, help="boards of 81 cells per training step"
    )
    parser.add_argument("--loops", type=int, default=500, help="iterations of the evaluation")
    parser.add_argument(
        "--compile", action="store_true", help="also the compiled loop (needs a C++ compiler)"
    )
    parser.add_argument(
        "--cpu-time", action="store_true", help="measure CPU time instead of wall time"
    )
    parser.add_argument("--only", choices=["training", "evaluation", "jacobian"], help="one part")
    parser.add_argument("--tiny", action="store_true", help="small sizes, to see that it runs")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    if a.cpu_time:
        CLOCK["seconds"] = time.process_time
    width, n, k = (32, 1, 4) if a.tiny else (256, 10, 10)
    repeats, loops = (1, 10) if a.tiny else (a.repeats, a.loops)
    board = {"channels": 10, "classes": 9, "width": width, "heads": 8, "axes": 2, "window": None}
    line = {"channels": 1, "classes": 2, "width": width, "heads": 8, "axes": 1, "window": 5}
    bits = PrefixSums().batch(2 if a.tiny else 40, "32", torch.Generator().manual_seed(0))
    grid = boards(2 if a.tiny else a.samples)
    result: dict = {
        "torch": torch.__version__,
        "threads": a.threads,
        "clock": "cpu" if a.cpu_time else "wall",
    }
    if a.only in (None, "training"):
        result["training"] = [
            training(architecture, size, batch, n, k, repeats, a.compile)
            for size, batch in ((board, grid), (line, bits))
            for architecture in ("internal/post", "external/post")
        ]
    if a.only in (None, "evaluation"):
        result["evaluation"] = [
            evaluation(case, loops, min(repeats, 3))
            for case in CASES
            if not (a.tiny and case == "wide")
        ]
    if a.only in (None, "jacobian"):
        result["jacobian"] = jacobian(repeats)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
