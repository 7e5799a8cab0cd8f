"""What a training run does at each step: its level, iterations and learning rate, and when it ends.

The state of a schedule is a few numbers, which are saved with the run.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from ...support.errors import UsageError
from ...support.schema import ObjectOf, SchemaError, Whole, check_settings
from ..network.bounds import FIXED_STEPS, LENGTH_CURRICULUM, SCHEDULE_RECORD


class Schedule(Protocol):
    """Settings that do not change and can be written as JSON; they start a `Course`."""

    kind: ClassVar[str]

    def start(self) -> Course:
        """A new course."""
        ...


class Course(Protocol):
    """Where a run stands; every value that changes is part of `state`."""

    @property
    def level(self) -> str:
        """The level of the batches."""
        ...

    @property
    def loops(self) -> int:
        """The most iterations of a step."""
        ...

    def rate(self, step: int) -> float:
        """The factor on the learning rate at that step, before warm-up."""
        ...

    def due(self, step: int) -> bool:
        """Whether the accuracy is to be measured after that many steps."""
        ...

    def observe(self, step: int, solved: float) -> None:
        """Take note of the exact-match accuracy on a fresh batch of this level."""
        ...

    @property
    def settled(self) -> bool:
        """Whether the level stays the same to the end."""
        ...

    def done(self, step: int) -> bool:
        """Whether the run ends after that many steps."""
        ...

    def state(self) -> dict[str, int]:
        """The numbers that `restore` needs."""
        ...

    def restore(self, state: dict[str, int], step: int) -> None:
        """Continue where `state` was taken, after that many steps; `SchemaError` where they do not
        belong to one course.
        """
        ...


def loops_for(bits: int) -> int:
    """Iterations for that many bits: with a window of five, a cell reaches two further cells in
    each iteration; four iterations are added to spare.
    """
    return bits // 2 + 4


@dataclass(frozen=True)
class LengthCurriculum:
    """Sequences that grow by one cell whenever a fresh batch of their length is solved.

    A step runs bits // 2 + 4 iterations. Beyond `lr_bits` the learning rate falls as lr_bits /
    bits, because deeper loops need smaller steps. Over the last `polish` steps it falls to zero
    along a cosine; they begin when the last length is solved, or after `max_steps`.

    Attributes:
        bits: the last length; default 32.
        start_bits: the first length; default 4.
        lr_bits: length from which the learning rate falls; default 12.
        advance_at: share of samples that must be right as a whole; default 0.95.
        check_every: steps between two measurements; default 5.
        max_steps: steps after which the final decay begins in any case; default 2000.
        polish: steps of the final decay; default 400.
    """

    kind: ClassVar[str] = "length-curriculum"
    bits: int = 32
    start_bits: int = 4
    lr_bits: int = 12
    advance_at: float = 0.95
    check_every: int = 5
    max_steps: int = 2000
    polish: int = 400

    def __post_init__(self) -> None:
        check_settings(self, LENGTH_CURRICULUM)
        if self.start_bits > self.bits:
            raise UsageError(
                f"start_bits must lie between 1 and bits = {self.bits}, not {self.start_bits}"
            )

    def start(self) -> LengthCourse:
        """A course at the first length."""
        return LengthCourse(self)


class LengthCourse:
    """Where a run of a `LengthCurriculum` stands."""

    def __init__(self, settings: LengthCurriculum):
        self.settings, self.bits, self.polish_from = settings, settings.start_bits, -1

    @property
    def level(self) -> str:
        """The length in bits."""
        return str(self.bits)

    @property
    def loops(self) -> int:
        """Iterations at this length."""
        return loops_for(self.bits)

    def rate(self, step: int) -> float:
        """A factor that falls with the length, and in the end along a cosine."""
        s = self.settings
        factor = min(1.0, s.lr_bits / self.bits)
        if self.polish_from < 0:
            return factor
        return factor * _cosine((step - self.polish_from) / s.polish)

    def due(self, step: int) -> bool:
        """Every `check_every` steps."""
        return step % self.settings.check_every == 0

    def observe(self, step: int, solved: float) -> None:
        """Add a bit when enough samples are right; begin the final decay at the last length, or
        when `max_steps` are over.
        """
        s = self.settings
        if self.polish_from >= 0:
            return
        if solved >= s.advance_at:
            if self.bits == s.bits:
                self.polish_from = step
            self.bits = min(self.bits + 1, s.bits)
        if step >= s.max_steps:
            self.polish_from = step

    @property
    def settled(self) -> bool:
        """Whether this is the last length or the final decay."""
        return self.bits == self.settings.bits or self.polish_from >= 0

    def done(self, step: int) -> bool:
        """Whether the final decay is over."""
        return self.polish_from >= 0 and step >= self.polish_from + self.settings.polish

    def state(self) -> dict[str, int]:
        """The length, and the step at which the final decay began (-1: not yet)."""
        return {"bits": self.bits, "polish_from": self.polish_from}

    def restore(self, state: dict[str, int], step: int) -> None:
        """Continue at that length."""
        s = self.settings
        last = s.max_steps + s.check_every  # the final decay has begun by then
        Whole(0, last + s.polish).check(step, "step")
        kinds = {"bits": Whole(s.start_bits, s.bits), "polish_from": Whole(-1, min(step, last))}
        ObjectOf(kinds).check(state, "course")
        self.bits, self.polish_from = state["bits"], state["polish_from"]


@dataclass(frozen=True)
class FixedSteps:
    """A number of steps on one level.

    Attributes:
        steps: how many; default 2000.
        loops: most iterations of a step; default 30.
        decay: cosine (default) lets the learning rate fall to zero along half a period; published
            multiplies it by 0.1 after 60 % of the steps (arXiv 2604.15259).
        check_every: steps between two measurements; default 100.
        level: the level; default train.
    """

    kind: ClassVar[str] = "fixed-steps"
    steps: int = 2000
    loops: int = 30
    decay: str = "cosine"
    check_every: int = 100
    level: str = "train"

    def __post_init__(self) -> None:
        check_settings(self, FIXED_STEPS)

    def start(self) -> FixedCourse:
        """A course at its first step."""
        return FixedCourse(self)


class FixedCourse:
    """Where a run of `FixedSteps` stands: nothing but the step changes."""

    def __init__(self, settings: FixedSteps):
        self.settings, self.level, self.loops = settings, settings.level, settings.loops

    def rate(self, step: int) -> float:
        """The factor of the decay."""
        done = step / self.settings.steps
        if self.settings.decay == "published":
            return 1.0 if done < 0.6 else 0.1
        return _cosine(done)

    def due(self, step: int) -> bool:
        """Every `check_every` steps."""
        return step % self.settings.check_every == 0

    def observe(self, step: int, solved: float) -> None:
        """Nothing depends on the accuracy."""

    @property
    def settled(self) -> bool:
        """True: there is one level."""
        return True

    def done(self, step: int) -> bool:
        """Whether the last step has been taken."""
        return step >= self.settings.steps

    def state(self) -> dict[str, int]:
        """No numbers."""
        return {}

    def restore(self, state: dict[str, int], step: int) -> None:
        """There is nothing to restore."""
        Whole(0, self.settings.steps).check(step, "step")
        ObjectOf({}).check(state, "course")


KINDS = {schedule.kind: schedule for schedule in (LengthCurriculum, FixedSteps)}


def to_json(schedule: LengthCurriculum | FixedSteps) -> dict[str, Any]:
    """The settings as a JSON object; `from_json` is the inverse."""
    return {"kind": schedule.kind, **dataclasses.asdict(schedule)}


def from_json(data: dict[str, Any]) -> LengthCurriculum | FixedSteps:
    """The settings of a JSON object that `to_json` made.

    Raises:
        UsageError: a field is missing, unknown, or not what it must be; the message names it, such
            as `schedule.steps`.
    """
    try:
        SCHEDULE_RECORD.check(data, "schedule")
    except SchemaError as error:
        raise UsageError(str(error)) from None
    return KINDS[data["kind"]](**{key: value for key, value in data.items() if key != "kind"})


def _cosine(done: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * done))
