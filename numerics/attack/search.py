"""The search for one counterexample: Hypothesis draws cases and shrinks the first failure.

Nothing of a search outlives it, and nothing outside enters it: no example database, no files, and
no constants mined from the modules that happen to be loaded. A seed gives the same cases in every
process.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.strategies import SearchStrategy

from .case import digest, frozen, to_json
from .suite import Case, Undecided

CHUNK = 100
"""Cases drawn under one derived seed."""
LEAST = 10
"""Fewest cases of a chunk: Hypothesis starts with the simplest cases, and shorter chunks would
often draw only these.
"""
IDLE = 3
"""Chunks without a new case after which the strategy counts as exhausted."""

_CHECKS = (
    HealthCheck.data_too_large,
    HealthCheck.differing_executors,
    HealthCheck.filter_too_much,
    HealthCheck.large_base_example,
    HealthCheck.too_slow,
)
"""Hypothesis' health checks that are switched off: the budget is kept here, and a strategy may be
slow.
"""

Judge = Callable[[Case], str | None]
Progress = Callable[[int], None]


def _hooks() -> Any | None:
    """The module of Hypothesis that mines constants; None unless it is as `_isolated` expects."""
    try:
        providers: Any = import_module("hypothesis.internal.conjecture.providers")
        empty = type(providers._local_constants)()
        parts = (providers._get_local_constants, providers.CONSTANTS_CACHE.cache.clear)
    except (ImportError, AttributeError, TypeError):
        return None
    return providers if len(empty) == 0 and all(map(callable, parts)) else None


_HOOKS = _hooks()
_UNKNOWN = (
    "this version of Hypothesis reads constants from loaded modules in a way that loopstab does not"
    " know, so that a seed may give other cases in another process; install another version of"
    " Hypothesis (see pyproject.toml) to repeat a search exactly"
)


@dataclass(frozen=True)
class Counterexample:
    """A case that fails, shrunk, and the judge's words.

    With `error`, the judge or the strategy raised an error instead.
    """

    case: Case
    words: str
    error: bool = False


@dataclass(frozen=True)
class Result:
    """What a search did.

    `tried` counts the different cases judged, up to the counterexample (included) if there was one;
    `undecided` those of them without a decision.
    """

    tried: int
    undecided: int
    seconds: float
    found: Counterexample | None


class _Fails(Exception):
    pass


class _Breaks(Exception):
    pass


def judged(judge: Judge, case: Case) -> str | None:
    """The judge's verdict, with floating-point warnings off: some cases overflow on purpose."""
    with np.errstate(all="ignore"):
        return judge(case)


def search(
    cases: SearchStrategy[Case],
    judge: Judge,
    *,
    misfit: Judge = lambda case: None,
    examples: int,
    seconds: float,
    shrink_steps: int,
    source: str,
    progress: Progress | None = None,
) -> Result:
    """Judge different cases until one fails.

    The search ends after `examples` cases, after `seconds`, or when the strategy yields no new
    cases. `source` seeds the draws. A counterexample is then shrunk until `shrink_steps` further
    cases are judged, so that it does not depend on how fast the machine is. A case at which
    `misfit` tells that its assumptions are not those that are wanted ends the search as an error.
    `progress` is called with the number of cases judged since the last call.
    """
    if _HOOKS is None:
        warnings.warn(_UNKNOWN, stacklevel=2)
    hunt = _Hunt(judge, misfit, examples, time.monotonic() + seconds, shrink_steps, progress)
    begin, chunk, idle = time.monotonic(), 0, 0
    while (
        hunt.found is None
        and hunt.tried < examples
        and idle < IDLE
        and time.monotonic() < hunt.until
    ):
        before = hunt.tried
        number = int.from_bytes(hashlib.sha256(f"{source}/{chunk}".encode()).digest()[:8])
        size = max(LEAST, min(CHUNK, examples - hunt.tried))
        try:
            with _isolated(), contextlib.suppress(_Fails, _Breaks):
                seed(number)(_settings(size)(given(cases)(hunt.look)))()
        except Exception as problem:  # of the strategy, or of `frozen`
            hunt.found = Counterexample(
                {}, f"drawing a case failed: {type(problem).__name__}: {problem}", error=True
            )
        chunk, idle = chunk + 1, idle + 1 if hunt.tried == before else 0
    return Result(hunt.tried, hunt.undecided, time.monotonic() - begin, hunt.found)


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
def _isolated() -> Iterator[None]:
    """Hypothesis without the constants that it mines from the sources of loaded modules.

    Hypothesis offers no option for this. Where its internals have changed, the search uses these
    constants: every case still satisfies the hypotheses, but a seed may give other cases in another
    process.
    """
    if _HOOKS is None:
        yield
        return
    mine, none = _HOOKS._get_local_constants, type(_HOOKS._local_constants)()
    _HOOKS.CONSTANTS_CACHE.cache.clear()
    _HOOKS._get_local_constants = lambda: none
    try:
        yield
    finally:
        _HOOKS._get_local_constants = mine
        _HOOKS.CONSTANTS_CACHE.cache.clear()


@dataclass
class _Hunt:
    """The property under test, with its counts.

    After the first counterexample it only serves the shrinking: nothing more is counted.
    """

    judge: Judge
    misfit: Judge
    examples: int
    until: float
    shrink_steps: int
    progress: Progress | None
    tried: int = 0
    undecided: int = 0
    found: Counterexample | None = None
    _seen: dict[int, Counterexample | None] = field(default_factory=dict)

    def look(self, case: Any) -> None:
        """Judge one drawn case; raises an exception when it fails."""
        case = frozen(case)
        key = int(digest(to_json(case)), 16)
        if key not in self._seen:
            if self._spent():
                return  # neither judged nor counted, so that the chunk ends soon
            self._seen[key] = self._judge(case)
        seen = self._seen[key]
        if seen is None:
            return
        if self.found is not None and self.found.error != seen.error:
            return  # shrink towards the first kind of failure
        self.found = seen
        raise _Breaks if seen.error else _Fails

    def _spent(self) -> bool:
        if self.found is not None:
            self.shrink_steps -= 1
            return self.shrink_steps < 0
        return self.tried >= self.examples or time.monotonic() > self.until

    def _judge(self, case: Case) -> Counterexample | None:
        undecided, error, words = False, False, None
        try:
            words = judged(self.misfit, case)
            if words is None:
                words = judged(self.judge, case)
            else:
                error, words = True, f"{words}; correct how it is drawn"
        except Undecided:
            undecided = True
        except Exception as problem:
            error, words = True, f"the judge failed: {type(problem).__name__}: {problem}"
        if self.found is None:
            self.tried += 1
            self.undecided += undecided
            if self.progress is not None:
                self.progress(1)
        return None if words is None else Counterexample(case, words, error)
