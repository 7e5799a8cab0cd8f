"""Whether an object is a loop that can be measured: every check, as data or as one error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...support.errors import LoopstabError
from ...support.jsonable import jsonable
from ..arrays import Array
from ..loops.protocol import LoopedMap, LoopError, advance, at, image, protected, start
from ..spectra.agreement import SMOOTH, Agreement, agreement
from ..spectra.linearisation import Linearisation
from .investigation import DETACHED

NEARBY = 1e-2
"""Distance, relative to the state, of the state where a kink at h_0 is avoided."""


@dataclass(frozen=True)
class LoopCheck:
    """One check of a loop.

    Args:
        name: what is checked.
        passed: whether it holds; None where an earlier failure made the check impossible.
        detail: what was found, and what to do about it.
    """

    name: str
    passed: bool | None
    detail: str

    def __str__(self) -> str:
        word = {True: "passed", False: "FAILED", None: "not checked"}[self.passed]
        return f"{self.name}: {word}: {self.detail}"


@dataclass(frozen=True)
class LoopReport:
    """Every check of a loop.

    Args:
        checks: the checks, in the order in which they were made.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, loop_report
        >>> report = loop_report(FunctionLoop(lambda h, e: np.tanh(h) + e, np.copy), np.zeros(2))
        >>> report.passed, [check.name for check in report.checks][:3]
        (True, ['methods', 'first state', 'next state'])
    """

    checks: tuple[LoopCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failed

    @property
    def failed(self) -> list[LoopCheck]:
        """The checks that failed."""
        return [check for check in self.checks if check.passed is False]

    def lines(self) -> list[str]:
        """One line for each check."""
        return [str(check) for check in self.checks]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object."""
        checks = [vars(check) for check in self.checks]
        return jsonable({"passed": self.passed, "checks": checks})


def loop_report(loop: LoopedMap, e: Any = None) -> LoopReport:
    """Make every check of a loop, on the first iterations for one input.

    The step must keep structure, shape and dtype, be finite, give the same result for the same
    arguments also after other calls, leave its arguments and the model unchanged, and have a
    derivative; the derivatives that the loop gives must be those of the step. The user's model is
    left as it was.

    Args:
        loop: the loop.
        e: an input.

    Returns:
        One line for each check. In a test: `assert loop_report(loop, e).passed`.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, loop_report
        >>> short = FunctionLoop(lambda h, e: h[:1], np.copy)
        >>> print(loop_report(short, np.zeros(2)).lines()[2])
        next state: FAILED: step returned shape (1,) for a state of shape (2,): a looped map must...
    """
    with np.errstate(all="ignore"):
        if not isinstance(loop, LoopedMap):
            text = (
                "a looped map needs step(h, e) and initial(e): wrap your functions with"
                " FunctionLoop(step, initial)"
            )
            return LoopReport((LoopCheck("methods", False, text),))
        with protected(loop):
            found = [LoopCheck("methods", True, "step and initial"), *_checks(at(loop, 0), e)]
    missing = NAMES[len(found) :]
    rest = [LoopCheck(name, None, "an earlier check failed") for name in missing]
    return LoopReport((*found, *rest))


def check_loop(loop: LoopedMap, e: Any = None) -> None:
    """Check that a loop can be measured, and raise one error that lists every check that failed.

    The checks are those of `loop_report`.

    Args:
        loop: the loop.
        e: an input.

    Raises:
        LoopError: a check failed; the message says what to do about each.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, check_loop
        >>> check_loop(FunctionLoop(lambda h, e: np.tanh(h) + e, np.copy), np.zeros(2))
    """
    failed = loop_report(loop, e).failed
    if len(failed) == 1:
        raise LoopError(failed[0].detail)
    if failed:
        raise LoopError("; ".join(f"({i + 1}) {c.detail}" for i, c in enumerate(failed)))


NAMES = ("methods", "first state", "next state", "finite", "repeatable", "smooth", "derivative")


def _checks(loop: LoopedMap, e: Any) -> Iterator[LoopCheck]:
    """The checks after the first, in the order of `NAMES`; they end where one makes the next
    impossible.
    """
    try:
        h = start(loop, e)
    except LoopstabError as error:
        yield LoopCheck("first state", False, str(error))
        return
    yield LoopCheck("first state", True, f"{h.size} numbers of {h.dtype}")
    try:
        new = advance(loop, h.copy(), e)
    except LoopstabError as error:
        yield LoopCheck("next state", False, str(error))
        return
    yield LoopCheck("next state", True, f"shape {new.shape}, as the state before it")
    bad = np.argwhere(~np.isfinite(new))
    if len(bad):
        text = (
            f"step returned NaN or infinity at index {bad[0].tolist()} from a finite state: check"
            " divisions and norms (eps > 0)"
        )
    else:
        text = "no NaN, no infinity"
    yield LoopCheck("finite", not len(bad), text)
    try:
        image(loop, h, e)
    except LoopstabError as error:
        yield LoopCheck("repeatable", False, str(error))
        return
    yield LoopCheck("repeatable", True, "the same result after other calls; arguments unchanged")
    if not len(bad):
        yield from _derivatives(loop, h, e)


def _derivatives(loop: LoopedMap, h: Array, e: Any) -> Iterator[LoopCheck]:
    try:
        found, where = _compare(loop, h, e)
    except LoopstabError as error:
        yield LoopCheck("smooth", None, "no derivative could be computed")
        yield LoopCheck("derivative", False, str(error))
        return
    if not found.smooth:
        text = (
            f"step is not differentiable at {where}: the difference quotients of two step sizes or"
            f" of two directions differ by {100 * max(found.error, found.kink):.0f} %; check the"
            " step for rounding, thresholds and float32 arithmetic"
        )
        yield LoopCheck("smooth", False, text)
        yield LoopCheck("derivative", None, "the step is not smooth")
        return
    yield LoopCheck(
        "smooth", True, f"difference quotients at {where} are known to {found.error:.0e}"
    )
    if found.difference is None:
        yield LoopCheck("derivative", True, "the loop gives no derivative: differences are used")
        return
    text = f"the loop's derivative differs from a difference quotient by {found.difference:.1%}"
    yield LoopCheck("derivative", found.agrees, text if found.agrees else f"{DETACHED} ({text})")


def _compare(loop: LoopedMap, h: Array, e: Any) -> tuple[Agreement, str]:
    """Products against differences at h_0, or nearby if h_0 lies on a kink."""
    found = agreement(Linearisation(loop, h, e))
    if found.smooth or found.error >= SMOOTH:
        return found, "h_0"
    noise = np.random.default_rng(0).standard_normal(h.shape)
    scale = NEARBY * max(1.0, float(np.sqrt(np.mean(np.square(h, dtype=np.float64)))))
    beside = (h + scale * noise).astype(h.dtype)
    try:
        return agreement(Linearisation(loop, beside, e)), "a state near h_0"
    except LoopError:  # outside the domain of the step
        return found, "h_0"
