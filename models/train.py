"""Training with the progressive loss and a length curriculum; every step is a function of (seed, step, state), so a run
that was killed resumes to the same bits."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from models.checkpoint import Checkpoint, save_model
from models.config import ModelConfig
from models.evaluate import accuracy_curve
from models.loss import EncoderGradient, progressive_loss
from models.tasks.prefix_sums import PrefixSums
from models.transformer import LoopedTransformer
from theory.architecture import Recall
from theory.errors import LoopstabError, UsageError
from theory.files import output_folder, write_json

STATE, MODEL, RESULT = "state.safetensors", "model.safetensors", "result.json"


@dataclass(frozen=True)
class TrainConfig:
    """All that a run depends on. `encoder_gradient` None means full for recall none and published otherwise.

    The curriculum starts at `start_bits` and adds a bit whenever `advance_at` of a fresh batch is solved whole; loops
    are bits // 2 + 4. The learning rate is lr * min(1, lr_bits / bits) (deeper loops want smaller steps) and falls to
    zero along a cosine over the last `polish` steps, which begin at `bits` bits or after `max_steps`.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    seed: int = 0
    bits: int = 32
    start_bits: int = 4
    batch: int = 128
    lr: float = 1e-3
    lr_bits: int = 12
    weight_decay: float = 0.01
    clip: float = 1.0
    warmup: int = 100
    advance_at: float = 0.95
    check_every: int = 5
    max_steps: int = 2000
    polish: int = 400
    encoder_gradient: EncoderGradient | None = None
    eval_bits: tuple[int, ...] = (32, 64, 128)
    eval_size: int = 256
    eval_loops: int = 500

    def __post_init__(self) -> None:
        if not 1 <= self.start_bits <= self.bits:
            raise UsageError(f"start_bits must lie between 1 and bits = {self.bits}, not {self.start_bits}")
        for name in ("batch", "warmup", "check_every", "polish", "max_steps", "eval_size", "eval_loops", "lr_bits"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not (self.lr > 0 and 0 < self.advance_at <= 1):
            raise UsageError(f"lr must be positive and advance_at in (0, 1], not {self.lr} and {self.advance_at}")

    @property
    def gradient(self) -> EncoderGradient:
        """The encoder gradient in force."""
        if self.encoder_gradient is not None:
            return EncoderGradient(self.encoder_gradient)
        none = self.model.architecture.recall is Recall.NONE
        return EncoderGradient.FULL if none else EncoderGradient.PUBLISHED

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object."""
        return {
            **dataclasses.asdict(self),
            "model": self.model.to_json(),
            "encoder_gradient": str(self.gradient),
            "eval_bits": list(self.eval_bits),
        }


def loops_for(bits: int) -> int:
    """Loops that a window of five needs for that many bits (two cells a loop), and four to spare."""
    return bits // 2 + 4


class Trainer:
    """One run in one folder. `run` trains to the end or to the time budget, and picks up where the folder left off."""

    def __init__(self, config: TrainConfig, out: str | Path):
        self.config, self.out = config, output_folder(out)
        self.task = PrefixSums()
        self.model = LoopedTransformer(config.model, config.seed)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=config.lr, weight_decay=config.weight_decay)
        self.step, self.bits, self.polish_from, self.seconds = 0, config.start_bits, -1, 0.0
        self.history: list[dict[str, float]] = []
        if (self.out / STATE).exists():
            self._resume()

    @property
    def done(self) -> bool:
        """Whether the last step has been taken."""
        return self.polish_from >= 0 and self.step >= self.polish_from + self.config.polish

    def run(self, minutes: float | None = None, save_every: float = 20.0, progress: bool = True) -> dict[str, Any] | None:
        """Train; returns the result, or None when the budget ended first (the same command resumes)."""
        result = self.out / RESULT
        if self.done and result.exists():
            return json.loads(result.read_text())
        start = saved = time.monotonic()
        before = self.seconds
        with tqdm(
            total=self.config.bits, initial=self.bits, unit="bit", disable=not progress, desc=str(self.config.model.architecture)
        ) as bar:
            while not self.done:
                self._train_step()
                bar.update(self.bits - bar.n)
                if self.history:
                    bar.set_postfix_str(f"step {self.step}, loss {self.history[-1]['loss']:.3f}, solved {self.history[-1]['solved']:.3f}")
                now = time.monotonic()
                self.seconds = before + now - start
                if now - saved > save_every or self.done:
                    self._save()
                    saved = now
                if minutes is not None and now - start > 60 * minutes and not self.done:
                    self._save()
                    return None
        return self._finish()

    def _generator(self, stream: int) -> torch.Generator:
        """Random numbers of one step: resuming needs no saved generator state."""
        return torch.Generator().manual_seed((self.config.seed * 1_000_003 + self.step) * 4 + stream)

    def _lr(self) -> float:
        c = self.config
        rate = c.lr * min(1.0, c.lr_bits / self.bits) * min(1.0, (self.step + 1) / c.warmup)
        if self.polish_from >= 0:
            rate *= 0.5 * (1 + math.cos(math.pi * (self.step - self.polish_from) / c.polish))
        return rate

    def _train_step(self) -> None:
        c, generator = self.config, self._generator(0)
        for group in self.optimizer.param_groups:
            group["lr"] = self._lr()
        x, target = self.task.batch(c.batch, self.bits, generator)
        loss = progressive_loss(self.model, x, target, loops_for(self.bits), generator, c.gradient)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), c.clip)
        if not torch.isfinite(norm):
            raise LoopstabError(f"the gradient is not finite at step {self.step}: lower --lr (now {c.lr:g}) and use a new --out")
        self.optimizer.step()
        self.step += 1
        if self.step % c.check_every == 0:
            self._check(loss.item(), norm.item())

    def _check(self, loss: float, norm: float) -> None:
        c = self.config
        x, target = self.task.batch(c.batch, self.bits, self._generator(1))
        solved = accuracy_curve(self.model, x, target, [loops_for(self.bits)])[0]
        self.history.append({"step": self.step, "bits": self.bits, "loss": loss, "gradient": norm, "solved": solved})
        if self.polish_from < 0:
            if solved >= c.advance_at:
                if self.bits == c.bits:
                    self.polish_from = self.step
                self.bits = min(self.bits + 1, c.bits)
            if self.step >= c.max_steps:
                self.polish_from = self.step

    def _save(self) -> None:
        tensors = {f"model.{name}": t for name, t in self.model.state_dict().items()}
        for i, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"adam.{i}.{name}": torch.as_tensor(t) for name, t in state.items()}
        meta = {
            "config": self.config.to_json(), "step": self.step, "bits": self.bits, "polish_from": self.polish_from,
            "seconds": self.seconds, "history": self.history,
        }  # fmt: skip
        Checkpoint(tensors, meta).save(self.out / STATE)

    def _resume(self) -> None:
        saved = Checkpoint.load(self.out / STATE)
        now = self.config.to_json()
        before = saved.meta.get("config", {})
        if before != now:
            differ = ", ".join(sorted(k for k in now if before.get(k) != now[k]))
            raise UsageError(f"{self.out} holds a run with other settings ({differ}): choose another --out, or delete that folder")
        try:
            self._restore(saved)
        except (RuntimeError, KeyError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise LoopstabError(f"the state in {self.out} does not fit its settings ({reason}): delete {self.out / STATE}") from None

    def _restore(self, saved: Checkpoint) -> None:
        self.model.load_state_dict({k[6:]: t for k, t in saved.tensors.items() if k.startswith("model.")})
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, t in saved.tensors.items():
            if name.startswith("adam."):
                _, i, key = name.split(".", 2)
                state.setdefault(int(i), {})[key] = t
        self.optimizer.load_state_dict({"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]})
        for key in ("step", "bits", "polish_from", "seconds", "history"):
            setattr(self, key, saved.meta[key])

    def _finish(self) -> dict[str, Any]:
        c = self.config
        self.model.eval()
        loops = sorted(
            {*range(1, 41), *range(45, 101, 5), *range(120, c.eval_loops + 1, 20), c.eval_loops} & set(range(1, c.eval_loops + 1))
        )
        curves = {}
        for bits in c.eval_bits:
            x, target = self.task.batch(c.eval_size, bits, torch.Generator().manual_seed(10_000_019 + bits))
            curves[str(bits)] = accuracy_curve(self.model, x, target, loops)
        result = {
            "task": self.task.name, "architecture": str(c.model.architecture), "config": c.to_json(), "steps": self.step,
            "bits_reached": self.bits, "seconds": round(self.seconds, 1), "threads": torch.get_num_threads(), "torch": torch.__version__,
            "parameters": sum(p.numel() for p in self.model.parameters()), "loops": loops, "accuracy": curves,
        }  # fmt: skip
        save_model(self.out / MODEL, self.model, {"run": result, "history": self.history[:: max(1, len(self.history) // 100)]})
        write_json(self.out / RESULT, result)
        return result
