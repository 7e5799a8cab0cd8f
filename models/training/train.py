"""Training with the progressive loss.

A step is a function of the seed, its number and the state, so that a run that was killed resumes to
the same bits.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...support.errors import LoopstabError, UsageError
from ...support.files import output_folder, write_json
from ...support.interruption import deferred_interruption
from ...support.optional import optional
from ...support.progress_bar import progress_bar

with optional("models"):
    import torch

from ..measure.diagnostics import diagnostics
from ..measure.evaluate import accuracy_curve, evaluate
from ..network.arithmetic import training_arithmetic
from ..network.checkpoint import save_model
from ..network.run_record import read_result
from ..network.transformer import LoopedTransformer
from ..tasks.task import Task
from .compiling import compiled_advance
from .loss import Advance
from .optimizers import Optimizers
from .saved_state import SavedState
from .train_config import TrainConfig

MODEL, RESULT = "model.safetensors", "result.json"


class Trainer:
    """One training run in one folder; it continues from the state that the folder holds.

    Where the memory of a GPU does not hold the batch, the batch is halved and gradients are
    accumulated, with a warning.

    Args:
        config: the settings of the run.
        task: the task, of the shape that the model of `config` has.
        out: folder of the run, which is created.
        device: a torch device; default cpu.
        tensorboard: whether to write TensorBoard events too; default no.
        command: the command that repeats the run, to be recorded with the result.
        compiled: whether to train with the compiled loop once the level no longer changes (on
            boards from the start, otherwise from the last length), because every number of cells is
            compiled anew; results are equal up to rounding. Default no.
        run_id: name of the run in its grid, to be recorded with the result.

    Raises:
        UsageError: task and model do not fit together, the folder holds a run with other settings
            or cannot be written, or the device lacks what the settings ask for.
        LoopstabError: the state in the folder is damaged.

    Example:
        >>> import tempfile
        >>> from loopstab.models.network.model_config import ModelConfig
        >>> from loopstab.models.tasks.prefix_sums import PrefixSums
        >>> from loopstab.models.training.schedule import FixedSteps
        >>> from loopstab.models.training.train import Trainer
        >>> from loopstab.models.training.train_config import TrainConfig
        >>> schedule = FixedSteps(steps=2, loops=3, level="4")
        >>> size = {"batch": 4, "eval_size": 4, "eval_loops": 3}
        >>> config = TrainConfig(ModelConfig(width=8, heads=1), schedule, **size)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     result = Trainer(config, PrefixSums(4), folder).run(progress=False)
        >>> result["steps"], result["loops"], list(result["accuracy"])
        (2, [1, 2, 3], ['4', '8', '16'])
    """

    def __init__(
        self,
        config: TrainConfig,
        task: Task,
        out: str | Path,
        device: str = "cpu",
        tensorboard: bool = False,
        command: str = "",
        compiled: bool = False,
        run_id: str = "",
    ):
        wanted, has = task.shape, config.model
        if (wanted.channels, wanted.classes, wanted.axes) != (has.channels, has.classes, has.axes):
            raise UsageError(
                f"the task {task.name} needs a model with {wanted}, not {has.channels},"
                f" {has.classes} and {has.axes}"
            )
        self.config, self.task, self.out, self.device, self.command = (
            config,
            task,
            output_folder(out),
            device,
            command,
        )
        self.compiled, self.run_id = compiled, run_id
        self.arithmetic = training_arithmetic(config.precision, config.model.width, device)
        self.model = LoopedTransformer(config.model, config.seed).to(device)
        self.optimizers = Optimizers(self.model, config)
        self.course = config.schedule.start()
        self.step, self.seconds = 0, 0.0
        self.history: list[dict[str, Any]] = []
        self.parts = 1
        """Number of parts into which a batch is cut, so that it fits into the memory."""
        self._compiled = compiled_advance(self.model) if compiled else None
        self._writer = _summary_writer(self.out) if tensorboard else None
        self._saved = SavedState(self.out, config, task)
        if self._saved.exists:
            found = self._saved.restore(self.model, self.optimizers, self.course)
            for key in ("step", "seconds", "history", "parts"):
                setattr(self, key, found[key])

    @property
    def done(self) -> bool:
        """Whether the last step has been taken."""
        return self.course.done(self.step)

    @property
    def advance(self) -> Advance | None:
        """The compiled loop, where it is used: once the level no longer changes."""
        return self._compiled if self.course.settled else None

    def run(
        self,
        minutes: float | None = None,
        save_every: float = 20.0,
        progress: bool = True,
        stop: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any] | None:
        """Train to the end of the run or of the budget, and evaluate the trained network.

        Ctrl-C, and a signal that asks the process to end, save the state before they are raised,
        unless a step takes more than a few seconds: then the state that was saved last stands.

        Args:
            minutes: budget of this call; default none.
            save_every: seconds between two savings of the state; default 20.
            progress: whether to show a progress bar; default yes.
            stop: called after every step; training ends, resumably, when it returns true.

        Returns:
            The result, which is also written to result.json, or None when the budget or `stop`
            ended the run before; call it again to continue.

        Raises:
            LoopstabError: the gradient is not finite, the memory does not hold a single sample, or
                a file cannot be written.
        """
        result = self.out / RESULT
        if self.done and result.exists():
            return read_result(result)
        with deferred_interruption() as interrupted:
            ended = self._train(minutes, save_every, progress, lambda: stop() or interrupted())
            return self._finish(lambda: stop() or interrupted()) if ended else None

    def _train(
        self, minutes: float | None, save_every: float, shown: bool, stop: Callable[[], bool]
    ) -> bool:
        """Take steps until the end of the run or of the budget; returns whether the run ended."""
        start = saved = time.monotonic()
        before = self.seconds
        with progress_bar(
            initial=self.step, unit="step", shown=shown, desc=self.config.model.name
        ) as bar:
            while not self.done:
                self.train_step()
                bar.update(1)
                if self.history:
                    last = self.history[-1]
                    bar.set_postfix_str(
                        f"level {last['level']}, loss {last['loss']:.3f}, solved"
                        f" {last['solved']:.3f}"
                    )
                now = time.monotonic()
                self.seconds = before + now - start
                if now - saved > save_every or self.done:
                    self._save()
                    saved = now
                if (
                    stop() or (minutes is not None and now - start > 60 * minutes)
                ) and not self.done:
                    self._save()
                    return False
        return True

    def _generator(self, stream: int) -> torch.Generator:
        """The random numbers of one step; since they depend on its number alone, no state of a
        generator is saved.
        """
        return torch.Generator().manual_seed(
            (self.config.seed * 1_000_003 + self.step) * 4 + stream
        )

    def train_step(self) -> None:
        """Take one step: batch, loss, gradient, update, and the measurements that are due."""
        c, generator = self.config, self._generator(0)
        self.optimizers.set_rate(self.course.rate(self.step) * min(1.0, (self.step + 1) / c.warmup))
        while True:
            try:
                loss = self._backward(generator)
                break
            except torch.OutOfMemoryError:
                if self.parts >= c.batch:
                    raise LoopstabError(
                        "one sample does not fit into the memory of the device: lower --width or"
                        " --loops"
                    ) from None
                generator = self._generator(0)
            # outside of the handler, which keeps the tensors of the failed step alive
            self.parts *= 2
            torch.cuda.empty_cache()
            warnings.warn(
                f"out of memory: from now on the batch of {c.batch} is trained in {self.parts}"
                " parts",
                stacklevel=2,
            )
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), c.clip)
        self.step += 1
        due = self.course.due(self.step) or self.course.done(self.step)
        # on a GPU every look at a value waits for the device
        if (due or self.device == "cpu") and not torch.isfinite(norm):
            raise LoopstabError(
                f"the gradient is not finite at step {self.step}: lower --lr (now {c.lr:g}) and use"
                " a new --out"
            )
        self.optimizers.step()
        if due:
            self._check(loss.item(), norm.item())

    def _backward(self, generator: torch.Generator) -> torch.Tensor:
        """Compute the gradients on a fresh batch, accumulated over its parts; returns the loss."""
        c, objective = self.config, self.config.objective(self.course.loops)
        batch = self.task.training_batch(
            c.batch, self.course.level, generator, self.device, c.augment
        )
        n, k = objective.draw(generator)
        advance = self.advance
        self.optimizers.zero_grad()
        total, size = torch.zeros((), device=self.device), -(-c.batch // self.parts)
        for start in range(0, c.batch, size):
            part = batch.of(slice(start, start + size)) if self.parts > 1 else batch
            loss = objective(
                self.model, self.task, part, n, k, advance=advance, arithmetic=self.arithmetic
            ) * (len(part.x) / c.batch)
            loss.backward()
            total += loss.detach()
        return total

    def _check(self, loss: float, norm: float) -> None:
        c, level, loops = self.config, self.course.level, self.course.loops
        batch = self.task.batch(c.batch, level, self._generator(1), self.device)
        solved = accuracy_curve(self.model, self.task, batch, [loops])[0]
        entry = {
            "step": self.step,
            "level": level,
            "loss": loss,
            "gradient": norm,
            "solved": solved,
        }
        if len(self.history) % 10 == 0:  # they cost as much as a few steps
            entry |= diagnostics(self.model, batch.x[:32], loops)
        self.history.append(entry)
        if self._writer is not None:
            for name, value in entry.items():
                if isinstance(value, float):
                    self._writer.add_scalar(name, value, self.step)
        self.course.observe(self.step, solved)

    def _save(self) -> None:
        progress = {
            "arithmetic": str(self.arithmetic.precision),
            "command": self.command,
            "step": self.step,
            "seconds": self.seconds,
            "parts": self.parts,
            "history": self.history,
        }
        self._saved.save(self.model, self.optimizers, self.course, progress)

    def _finish(self, stop: Callable[[], bool]) -> dict[str, Any] | None:
        c = self.config
        self.model.eval()
        begun = time.monotonic()
        found = evaluate(
            self.model, self.task, _loops(c.eval_loops), c.eval_size, self.device, stop
        )
        if found is None:
            return None
        result = {
            "id": self.run_id,
            "task": self.task.name,
            "data": self.task.fingerprint(),
            "difficulty": self.task.difficulty,
            "architecture": c.model.name,
            "command": self.command,
            "config": c.to_json(),
            "steps": self.step,
            "level_reached": self.course.level,
            "seconds": round(self.seconds, 1),
            "evaluation_seconds": round(time.monotonic() - begun, 1),
            "device": self.device,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "compiled": self.compiled,
            "arithmetic": str(self.arithmetic.precision),
            "parameters": sum(p.numel() for p in self.model.parameters()),
            **found,
        }
        save_model(
            self.out / MODEL,
            self.model,
            {"run": result, "history": self.history[:: max(1, len(self.history) // 100)]},
        )
        write_json(self.out / RESULT, result)
        return result


def _loops(last: int) -> list[int]:
    """Numbers of iterations of an accuracy curve: all up to 40, then every fifth, then sparser."""
    return sorted(
        {n for n in (*range(1, 41), *range(45, 101, 5), *range(120, last + 1, 20)) if n <= last}
        | {last}
    )


def _summary_writer(out: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UsageError(
            "TensorBoard is not installed: pip install tensorboard, or leave --tensorboard out"
        ) from None
    return SummaryWriter(out / "tensorboard")
