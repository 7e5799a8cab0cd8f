"""Train a looped transformer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import tyro

from theory.errors import LoopstabError


def train(
    out: Path,
    task: Literal["prefix-sums"] = "prefix-sums",
    architecture: str = "internal/post",
    width: int = 64,
    heads: int = 4,
    bits: int = 32,
    seed: int = 0,
    batch: int = 128,
    lr: float = 1e-3,
    max_steps: int = 2000,
    polish: int = 400,
    encoder_gradient: Literal["auto", "published", "straight-through", "full"] = "auto",
    minutes: float | None = None,
    threads: int = 0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Train a looped transformer; the same command resumes a run that was interrupted or killed.

    Writes state.safetensors (to resume), model.safetensors and result.json. Example:
    loopstab train --task prefix-sums --architecture internal/post --seed 0 --out runs/internal-post

    Args:
        out: Folder of the run (created).
        task: What to learn.
        architecture: recall/norm or recall/norm/residual.
        width: State width per token.
        heads: Attention heads; must divide the width.
        bits: Training length; the curriculum goes up to it from 4 bits.
        seed: Seed of weights and data.
        batch: Sequences per step.
        lr: Learning rate up to 12 bits; falls as 12/bits beyond.
        max_steps: Steps after which the final decay begins even if the curriculum has not ended.
        polish: Steps of the final decay.
        encoder_gradient: How the encoder learns; auto is full for recall none and published otherwise.
        minutes: Stop (resumably) after that many minutes.
        threads: CPU threads; 0 leaves the choice to torch. Results are bit-equal for equal thread counts.
        json_: Print the result as JSON and no progress bar.
    """
    import torch

    from models.config import ModelConfig
    from models.loss import EncoderGradient
    from models.train import TrainConfig, Trainer
    from theory.architecture import Architecture

    if threads > 0:
        torch.set_num_threads(threads)
    config = TrainConfig(
        model=ModelConfig(Architecture.parse(architecture), width=width, heads=heads), seed=seed, bits=bits, batch=batch, lr=lr,
        max_steps=max_steps, polish=polish, encoder_gradient=None if encoder_gradient == "auto" else EncoderGradient(encoder_gradient),
    )  # fmt: skip
    result = Trainer(config, out).run(minutes=minutes, progress=not json_)
    if result is None:
        raise LoopstabError(f"the budget of {minutes:g} minutes ended before the run did: the same command resumes it in {out}")
    if json_:
        print(json.dumps(result, indent=1))
    else:
        print(f"{result['architecture']}: {result['steps']} steps, {result['seconds']:.0f} s, reached {result['bits_reached']} bits")
        for length, curve in result["accuracy"].items():
            best = max(curve)
            print(f"  {length} bits: whole sequences right {best:.3f} at best (loop {result['loops'][curve.index(best)]}), "
                  f"{curve[-1]:.3f} after {result['loops'][-1]} loops")  # fmt: skip
    return 0
