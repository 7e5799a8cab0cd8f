"""What a training run does at each step: level, loops, learning rate, and when it ends. State is a
few numbers, saved with the run.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from ...support.errors import UsageError


class Schedule(Protocol):
    """Settings (frozen, JSON) that start a `Course`."""

    kind: ClassVar[str]

    def start(self) -> Course:
        """A fresh course."""
        ...


class Course(Protocol):
    """Where a run stands; every field that changes is in `state`."""

    level: str
    loops: int

    def rate(self, step: int) -> float:
        """Factor on the learning rate for that step (before warm-up)."""
        ...

    def due(self, step: int) -> bool:
        """Whether accuracy is to be measured after that many steps."""
        ...

    def observe(self, step: int, solved: float) -> None:
        """Take the share of whole samples right on a fresh batch of this level."""
        ...

    @property
    def settled(self) -> bool:
        """Whether the level stays what it is to the end."""
        ...

    def done(self, step: int) -> bool:
        """Whether the run ends after that many steps."""
        ...

    def state(self) -> dict[str, int]:
        """What `restore` needs."""
        ...

    def restore(self, state: dict[str, int]) -> None:
        """Go on where `state` was taken."""
        ...


def loops_for(bits: int) -> int:
    """Loops that a window of five needs for that many bits (two cells a loop), and four to
    spare.
    """
    return bits // 2 + 4


@dataclass(frozen=True)
class LengthCurriculum:
    """Adaptive length: from `start_bits` up to `bits`, one more whenever `advance_at` of a fresh
    batch is solved whole.

    Loops are bits // 2 + 4; the learning rate falls as lr_bits / bits beyond lr_bits (deeper loops
    want smaller steps) and to zero along a cosine over the last `polish` steps, which begin when
    the last length is solved or after `max_steps`.
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
        if not 1 <= self.start_bits <= self.bits:
            raise UsageError(
                f"start_bits must lie between 1 and bits = {self.bits}, not {self.start_bits}"
            )
        _positive(self, "check_every", "max_steps", "polish", "lr_bits")
        if not 0 < self.advance_at <= 1:
            raise UsageError(
                f"advance_at is a share of solved samples in (0, 1], not {self.advance_at}"
            )

    def start(self) -> LengthCourse:
        """At the shortest length."""
        return LengthCourse(self)


class LengthCourse:
    """A run through a `LengthCurriculum`."""

    def __init__(self, settings: LengthCurriculum):
        self.settings, self.bits, self.polish_from = settings, settings.start_bits, -1

    @property
    def level(self) -> str:
        """The length in bits."""
        return str(self.bits)

    @property
    def loops(self) -> int:
        """Loops at this length."""
        return loops_for(self.bits)

    def rate(self, step: int) -> float:
        """Falls with length, then along a cosine."""
        s = self.settings
        factor = min(1.0, s.lr_bits / self.bits)
        return (
            factor
            if self.polish_from < 0
            else factor * _cosine((step - self.polish_from) / s.polish)
        )

    def due(self, step: int) -> bool:
        """Every `check_every` steps."""
        return step % self.settings.check_every == 0

    def observe(self, step: int, solved: float) -> None:
        """One bit more when enough is solved; the final decay when there is no more, or no more
        time.
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
        """At the last length, or in the final decay."""
        return self.bits == self.settings.bits or self.polish_from >= 0

    def done(self, step: int) -> bool:
        """After the final decay."""
        return self.polish_from >= 0 and step >= self.polish_from + self.settings.polish

    def state(self) -> dict[str, int]:
        """Length reached, and the step at which the final decay began (-1: not yet)."""
        return {"bits": self.bits, "polish_from": self.polish_from}

    def restore(self, state: dict[str, int]) -> None:
        """Go on."""
        self.bits, self.polish_from = state["bits"], state["polish_from"]


@dataclass(frozen=True)
class FixedSteps:
    """`steps` steps on one training split with at most `loops` loops.

    `decay` cosine: to zero along a half period; published: to 0.1 at 60 % of the steps and 0.01 at
    the last (EXPERIMENTS protocol).
    """

    kind: ClassVar[str] = "fixed-steps"
    steps: int = 2000
    loops: int = 30
    decay: str = "cosine"
    check_every: int = 100
    level: str = "train"

    def __post_init__(self) -> None:
        _positive(self, "steps", "loops", "check_every")
        if self.decay not in ("cosine", "published"):
            raise UsageError(f"unknown decay {self.decay!r}: use cosine or published")

    def start(self) -> FixedCourse:
        """At step 0."""
        return FixedCourse(self)


class FixedCourse:
    """A run of `FixedSteps`; nothing but the step changes."""

    def __init__(self, settings: FixedSteps):
        self.settings, self.level, self.loops = settings, settings.level, settings.loops

    def rate(self, step: int) -> float:
        """The decay."""
        done = step / self.settings.steps
        if self.settings.decay == "published":
            return 1.0 if done < 0.6 else 0.1
        return _cosine(done)

    def due(self, step: int) -> bool:
        """Every `check_every` steps."""
        return step % self.settings.check_every == 0

    def observe(self, step: int, solved: float) -> None:
        """Nothing depends on it."""

    @property
    def settled(self) -> bool:
        """Always."""
        return True

    def done(self, step: int) -> bool:
        """After the last step."""
        return step >= self.settings.steps

    def state(self) -> dict[str, int]:
        """Empty."""
        return {}

    def restore(self, state: dict[str, int]) -> None:
        """Nothing to restore."""


KINDS = {schedule.kind: schedule for schedule in (LengthCurriculum, FixedSteps)}


def to_json(schedule: LengthCurriculum | FixedSteps) -> dict[str, Any]:
    """Plain JSON object; `from_json` is its inverse."""
    return {"kind": schedule.kind, **dataclasses.asdict(schedule)}


def from_json(data: dict[str, Any]) -> LengthCurriculum | FixedSteps:
    """Build from `to_json`'s object; unknown kinds and keys raise `UsageError`."""
    data = dict(data)
    kind = KINDS.get(data.pop("kind", ""))
    if kind is None:
        raise UsageError(f"unknown schedule: use one of {', '.join(KINDS)}")
    extra = sorted(set(data) - {f.name for f in dataclasses.fields(kind)})
    if extra:
        raise UsageError(f"unknown settings of schedule {kind.kind}: {', '.join(extra)}")
    return kind(**data)


def _cosine(done: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * done))


def _positive(settings: Any, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        if not isinstance(value, int) or value < 1:
            raise UsageError(f"{name} must be a positive whole number, not {value!r}")
