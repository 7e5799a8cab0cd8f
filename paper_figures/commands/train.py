"""Train a looped transformer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from theory.errors import LoopstabError, UsageError
from theory.plain import json_text


def train(
    out: Path,
    task: str = "prefix-sums",
    data: Path | None = None,
    architecture: str = "internal/post",
    width: int = 64,
    heads: int = 4,
    window: int | None = None,
    bits: int = 32,
    loops: int = 30,
    steps: int = 2000,
    polish: int = 400,
    batch: int = 128,
    lr: float = 1e-3,
    warmup: int = 100,
    decay: Literal["cosine", "published"] = "cosine",
    precision: Literal["float32", "bf16"] = "float32",
    encoder_gradient: Literal["auto", "published", "straight-through", "full"] = "auto",
    eval_size: int = 256,
    seed: int = 0,
    minutes: float | None = None,
    device: str = "cpu",
    threads: int = 0,
    compile_: Annotated[bool, tyro.conf.arg(name="compile")] = False,
    tensorboard: bool = False,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Train a looped transformer; the same command resumes a run that was interrupted or killed.

    Writes state.safetensors (to resume), metrics.jsonl, model.safetensors and result.json. Examples:
    loopstab train --task prefix-sums --architecture internal/post --seed 0 --out runs/internal-post

    Args:
        out: Folder of the run (created).
        task: What to learn; a wrong name prints the known ones.
        data: Prepared data file of the task, where it needs one (loopstab data prepare).
        architecture: recall/norm or recall/norm/residual; fixed/NORM is the baseline of 15 distinct blocks applied once.
        width: State width per token.
        heads: Attention heads; must divide the width.
        window: Side of the attention neighbourhood (odd), 0 for full attention; default 5 for prefix sums, full on boards.
        bits: Training length of prefix sums; a curriculum goes up to it from 4 bits, unless decay is published or architecture fixed.
        loops: Most loops of a training step (with the curriculum: half the length and four more, whatever is given here).
        steps: Training steps; with the curriculum the final decay begins then even if the curriculum has not ended.
        polish: Steps of that final decay (curriculum only).
        batch: Samples per step.
        lr: Learning rate (curriculum: up to 12 bits, then it falls as 12/bits).
        warmup: Steps of linear warm-up.
        decay: Decay of the learning rate; published also means no curriculum.
        precision: Arithmetic of matrix products.
        encoder_gradient: How the encoder learns; auto is full for recall none and published otherwise.
        eval_size: Samples per level in the final evaluation.
        seed: Seed of weights and data.
        minutes: Stop (resumably) after that many minutes.
        device: A torch device, e.g. cpu or cuda.
        threads: CPU threads; 0 leaves the choice to torch. Results are bit-equal for equal thread counts.
        compile_: Compile the loop (needs a C++ compiler); for boards, and for the last length of a long run.
        tensorboard: Also write TensorBoard events (needs the tensorboard package).
        json_: Print the result as JSON and no progress bar.
    """
    import torch

    from models.run import RunSpec, check_device
    from models.train import Trainer

    check_device(device)
    if threads < 0 or (minutes is not None and not minutes > 0):
        raise UsageError("--threads must not be negative, and --minutes must be positive")
    if threads > 0:
        torch.set_num_threads(threads)
    spec = RunSpec(
        task, architecture, width, heads, window, bits, loops, steps, polish, batch, lr, warmup, decay, precision, encoder_gradient,
        eval_size, seed,
    )  # fmt: skip
    config, chosen = spec.build(data)
    result = Trainer(config, chosen, out, device, tensorboard, spec.command(), compile_).run(minutes=minutes, progress=not json_)
    if result is None:
        raise LoopstabError(f"the budget of {minutes:g} minutes ended before the run did: the same command resumes it in {out}")
    if json_:
        print(json_text(result))
    else:
        print(f"{result['architecture']}: {result['steps']} steps, {result['seconds']:.0f} s, reached level {result['level_reached']}")
        for level, curve in result["accuracy"].items():
            best = max(curve)
            when = result["loops"][curve.index(best)]
            print(f"  {level} ({result['difficulty']}): whole samples right {best:.3f} at best (loop {when}), "
                  f"{curve[-1]:.3f} after {result['loops'][-1]} loops")  # fmt: skip
    return 0
