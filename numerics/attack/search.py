"""The search for one counterexample: Hypothesis draws cases in chunks and shrinks the first one
that falls.

Nothing of a run outlives it: no example database, no files, and no constants mined from whatever
modules happen to be loaded, so a seed gives the same cases in every process.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.internal.conjecture import providers
from hypothesis.strategies import SearchStrategy

from .case import digest, frozen, to_json
from .suite import Case, Undecided

CHUNK = 100
"""cases drawn under one derived seed"""
LEAST = 10
"""fewer would often be the simplest case again and again"""
IDLE = 3
"""chunks without a new case after which the strategy counts as exhausted"""

_CHECKS = (
    HealthCheck.data_too_large,
    HealthCheck.differing_executors,
    HealthCheck.filter_too_much,
    HealthCheck.large_base_example,
    HealthCheck.too_slow,
)
"""of Hypothesis, switched off: budgets are kept here, and a strategy may be slow"""

Judge = Callable[[Case], str | None]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Fallen:
    """A case that fell, shrunk, and the judge's words; `error`: the judge, or the strategy, raised
    instead.
    """

    case: Case
    words: str
    error: bool = False


@dataclass(frozen=True)
class Result:
    """What a search did: different cases judged before the first that fell (it included), those
    undecided, and what fell.
    """

    tried: int
    undecided: int
    seconds: float
    fallen: Fallen | None


class _Falls(Exception):
    pass


class _Breaks(Exception):
    pass


def judged(judge: Judge, case: Case) -> str | None:
    """The judge's verdict with floating-point warnings off: overflow is what some cases are
    about.
    """
    with np.errstate(all="ignore"):
        return judge(case)


def search(
    cases: SearchStrategy[Case],
    judge: Judge,
    *,
    examples: int,
    seconds: float,
    shrink_seconds: float,
    source: str,
    progress: Progress | None = None,
) -> Result:
    """Judge up to `examples` different cases, or for `seconds`; `source` seeds the draws. Shrinking
    has its own time.
    """
    hunt = _Hunt(judge, examples, time.monotonic() + seconds, shrink_seconds, progress)
    begin, chunk, idle = time.monotonic(), 0, 0
    while (
        hunt.last is None
        and hunt.tried < examples
        and idle < IDLE
        and time.monotonic() < hunt.until
    ):
        before = hunt.tried
        number = int.from_bytes(hashlib.sha256(f"{source}/{chunk}".encode()).digest()[:8])
        size = max(LEAST, min(CHUNK, examples - hunt.tried))
        try:
            with _apart(), contextlib.suppress(_Falls, _Breaks):
                seed(number)(_settings(size)(given(cases)(hunt.look)))()
        except Exception as problem:  # of the strategy, or a case that is no data
            hunt.last = Fallen(
                {}, f"drawing a case failed: {type(problem).__name__}: {problem}", error=True
            )
        chunk, idle = chunk + 1, idle + 1 if hunt.tried == before else 0
    return Result(hunt.tried, hunt.undecided, time.monotonic() - begin, hunt.last)


def _settings(size: int) -> settings:
    return settings(
        max_examples=size,
        database=None,
        deadline=None,
        suppress_health_check=_CHECKS,
        phases=(Phase.generate, Phase.shrink),
        print_blob=False,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        derandomize=False,
    )


@contextlib.contextmanager
def _apart() -> Iterator[None]:
    """Without the constants that Hypothesis reads from the sources of loaded modules (and caches in
    the working directory).
    """
    if not hasattr(providers, "_get_local_constants"):  # versions that read none
        yield
        return
    read, none = providers._get_local_constants, type(providers._local_constants)()
    providers.CONSTANTS_CACHE.cache.clear()
    providers._get_local_constants = lambda: none
    try:
        yield
    finally:
        providers._get_local_constants = read
        providers.CONSTANTS_CACHE.cache.clear()


@dataclass
class _Hunt:
    """The property under test, with its counts; after the first case that falls it only serves the
    shrinking.
    """

    judge: Judge
    examples: int
    until: float
    shrink_seconds: float
    progress: Progress | None
    tried: int = 0
    undecided: int = 0
    last: Fallen | None = None
    _seen: dict[int, Fallen | None] = field(default_factory=dict)

    def look(self, case: Any) -> None:
        """Judge one drawn case; raises when it falls."""
        case = frozen(case)
        key = int(digest(to_json(case)), 16)
        if key not in self._seen:
            if (self.last is None and self.tried >= self.examples) or time.monotonic() > self.until:
                return  # unjudged and uncounted, so that the chunk ends soon
            self._seen[key] = self._judge(case)
        fallen = self._seen[key]
        if fallen is None:
            return
        if self.last is None:
            self.until = time.monotonic() + self.shrink_seconds
        elif self.last.error != fallen.error:
            return  # shrink towards what fell first
        self.last = fallen
        raise _Breaks if fallen.error else _Falls

    def _judge(self, case: Case) -> Fallen | None:
        undecided, error, words = False, False, None
        try:
            words = judged(self.judge, case)
        except Undecided:
            undecided = True
        except Exception as problem:
            error, words = True, f"the judge failed: {type(problem).__name__}: {problem}"
        if self.last is None:
            self.tried += 1
            self.undecided += undecided
            if self.progress is not None:
                self.progress(1)
        return None if words is None else Fallen(case, words, error)
