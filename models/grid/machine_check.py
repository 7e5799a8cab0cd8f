"""Whether a machine is fit to train on: the rates of its device, and whether compiled and rounded
steps of a run agree with exact ones. The check takes well under a minute.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch._dynamo.utils import counters
from torch.profiler import ProfilerActivity, profile

from ...support.errors import LoopstabError
from ..network.arithmetic import EXACT, Arithmetic
from ..training.run_spec import RunSpec
from ..training.train import Trainer

AGREE = {torch.float32: 1e-4, torch.bfloat16: 2e-2}
"""Largest relative difference of losses that are equal up to rounding, by the dtype of products."""
OVER_FLOOR = 5.0
"""Expected time of a step, as a multiple of the time that its matrix products need at the measured
rate; the rest is element-wise work, which is bound by memory.
"""
LAUNCHING = 0.02
"""Seconds of a step that do not depend on its size: Python, and the launching of kernels."""
STEPS = 10
"""Training steps that are timed on a GPU."""


@dataclass(frozen=True)
class MachineCheck:
    """What was measured on a machine.

    Attributes:
        device: its name.
        torch: version of torch.
        bf16_tflops: rate of bf16 matrix products, in TFLOP/s.
        float32_tflops: rate of float32 matrix products, in TFLOP/s.
        copy_tb_per_s: rate of copies within the device, in TB/s.
        loss: the loss of the first step, computed in several ways.
        step_ms: milliseconds of a training step.
        expected_ms: milliseconds that a step should take at these rates.
        share_of_matmul: share of the step that its matrix products need at the measured rate.
        peak_gib: most memory in use, in GiB.
        graphs: number of compiled graphs.
        kernels: number of kernels of a step; None on a CPU.
        busy_ms: milliseconds that those take; None on a CPU. A step that takes longer waits for the
            program, and further runs at the same time would fill the gap.
        seconds: duration of the check.
    """

    device: str
    torch: str
    bf16_tflops: float
    float32_tflops: float
    copy_tb_per_s: float
    loss: dict[str, float]
    step_ms: float
    expected_ms: float
    share_of_matmul: float
    peak_gib: float
    graphs: int
    kernels: int | None
    busy_ms: float | None
    seconds: float

    @property
    def slow(self) -> bool:
        """Whether a step takes more than twice the expected time."""
        return self.step_ms > 2 * self.expected_ms


def check_machine(
    run: RunSpec, data: str | Path | None, device: str, compiled: bool
) -> MachineCheck:
    """Measure a device with the first steps of a run, whose results are discarded.

    Raises `LoopstabError` when losses that should be equal up to rounding are not.
    """
    start = time.monotonic()
    # with so many steps, no measurement is due
    config, task = replace(run, steps=1_000_000).build(data)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(config, task, folder, device, compiled=compiled)
    objective = config.objective(trainer.course.loops)
    counters.clear()
    batch = task.batch(
        min(config.batch, 64), trainer.course.level, torch.Generator().manual_seed(0), device
    )
    n, k = objective.draw(torch.Generator().manual_seed(0))
    loss = {}
    # without gradient and on few samples: the training graphs are compiled for the whole batch
    with torch.no_grad():
        for name, arithmetic in (
            ("float32", EXACT),
            ("training", trainer.arithmetic),
            ("fused", Arithmetic(fused=True)),
        ):
            loss[name] = objective(trainer.model, task, batch, n, k, arithmetic=arithmetic).item()
    whole = task.batch(config.batch, trainer.course.level, torch.Generator().manual_seed(0), device)
    for name, advance in (("eager", None), ("compiled", trainer.advance)):
        loss[name] = objective(
            trainer.model, task, whole, n, k, advance=advance, arithmetic=trainer.arithmetic
        ).item()
    dtype = trainer.arithmetic.products or torch.float32
    for a, b, tolerance in (
        ("training", "float32", AGREE[dtype]),
        ("fused", "float32", 1e-4),
        ("compiled", "eager", AGREE[dtype]),
    ):
        if not abs(loss[a] - loss[b]) <= tolerance * abs(loss[b]):
            raise LoopstabError(
                f"the {a} loss {loss[a]:.6f} is not the {b} loss {loss[b]:.6f}: use --no-compile,"
                " or another machine"
            )
    cuda = torch.device(device).type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    rates = {
        name: matmul_rate(d, device)
        for name, d in (("bf16", torch.bfloat16), ("float32", torch.float32))
    }
    step = median_seconds(trainer.train_step, STEPS if cuda else 3, device)
    kernels, busy = _kernels(trainer.train_step) if cuda else (None, None)
    cells, mean_n = batch.x.shape[1], (trainer.course.loops - k) / 2
    free, grad = (0.0, mean_n + k) if config.gradient == "full" else (mean_n, float(k))
    flops = trainer.model.flops(cells)
    work = config.batch * cells * flops.iteration * (free + 3 * grad)
    floor = work / (rates["bf16" if dtype is torch.bfloat16 else "float32"] * 1e12)
    return MachineCheck(
        device=torch.cuda.get_device_name() if cuda else "cpu",
        torch=torch.__version__,
        bf16_tflops=rates["bf16"],
        float32_tflops=rates["float32"],
        copy_tb_per_s=copy_rate(device),
        loss=loss,
        step_ms=1e3 * step,
        expected_ms=1e3 * (OVER_FLOOR * floor + LAUNCHING),
        share_of_matmul=floor / step,
        peak_gib=torch.cuda.max_memory_allocated() / 2**30 if cuda else 0.0,
        graphs=counters["stats"]["unique_graphs"],
        kernels=kernels,
        busy_ms=busy,
        seconds=time.monotonic() - start,
    )


def _kernels(work: Callable[[], object]) -> tuple[int, float]:
    """The number of kernels that the GPU runs during `work`, and their time in milliseconds."""
    with profile(
        activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA], acc_events=True
    ) as profiler:
        work()
        torch.cuda.synchronize()
    events = [event for event in profiler.events() or () if event.device_type.name == "CUDA"]
    return len(events), sum(event.self_device_time_total for event in events) / 1e3


def median_seconds(work: Callable[[], object], repeats: int, device: str) -> float:
    """The median time of `work`, after two rounds that are not counted."""
    times = []
    for turn in range(repeats + 2):
        _wait(device)
        start = time.perf_counter()
        work()
        _wait(device)
        if turn > 1:
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def matmul_rate(dtype: torch.dtype, device: str) -> float:
    """The rate of a large product of square random matrices, in TFLOP/s."""
    size = (
        (8192 if dtype is torch.bfloat16 else 4096) if torch.device(device).type == "cuda" else 1024
    )
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return 2 * size**3 / median_seconds(lambda: a @ b, 5, device) / 1e12


def copy_rate(device: str) -> float:
    """The rate of a large copy within the device, in TB/s read and written."""
    source = torch.ones(2**28 if torch.device(device).type == "cuda" else 2**24, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / median_seconds(lambda: target.copy_(source), 5, device) / 1e12


def _wait(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()
