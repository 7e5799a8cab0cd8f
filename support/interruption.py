"""Ctrl-C and the signals that ask a process to end, such as those of Slurm, systemd and Docker."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

GRACE = 3.0
"""Seconds that a block has to come to a good end after a signal."""
LOST = 4.5
"""Seconds after which a signal that had no effect is raised again."""
ENDING = ("SIGTERM", "SIGHUP")
"""The signals that are handled like Ctrl-C; one that is ignored stays so, as nohup wants it."""


class Terminated(KeyboardInterrupt):
    """A signal asked this process to end; the exit status is 128 and the number of the signal."""

    def __init__(self, number: int):
        super().__init__(number)
        self.exit_status = 128 + number
        self.name = signal.Signals(number).name


@contextmanager
def terminable() -> Iterator[None]:
    """Raise `Terminated` where the block is when a signal asks the process to end.

    Some libraries turn what is raised in them into an error of their own, or lose it; so any error
    after the signal counts as its consequence, and after `LOST` seconds it is raised again. Outside
    the main thread nothing is changed, because only that thread handles signals.

    Raises:
        KeyboardInterrupt: Ctrl-C arrived in the block.
        Terminated: an ending signal did.
    """
    noted: list[BaseException] = []

    def end(number: int, _: FrameType | None) -> None:
        noted.append(_raised_by(number))
        signal.setitimer(signal.ITIMER_REAL, LOST, 1.0)
        raise noted[0]

    def again(*_: Any) -> None:
        raise noted[0]

    handlers: dict[str, Any] = dict.fromkeys((*ENDING, "SIGINT"), end)
    with _handlers({**handlers, "SIGALRM": again}):
        try:
            yield
        except Exception:
            if noted:
                raise noted[0] from None
            raise
        finally:
            if noted:
                signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def deferred_interruption(grace: float = GRACE) -> Iterator[Callable[[], bool]]:
    """Let a block come to a good end when it is interrupted.

    The first Ctrl-C or ending signal is only noted, and raised when the block ends, or after
    `grace` seconds wherever the block is. The second one is raised at once.

    Args:
        grace: seconds.

    Returns:
        A function that tells whether the block should end: what it did must be saved by then.

    Raises:
        KeyboardInterrupt: Ctrl-C arrived in the block.
        Terminated: an ending signal did.
    """
    noted: list[BaseException] = []

    def note(number: int, _: FrameType | None) -> None:
        first = not noted
        noted.append(_raised_by(number))
        if not first:
            raise noted[0]
        signal.setitimer(signal.ITIMER_REAL, grace)

    def time_is_up(*_: Any) -> None:
        raise noted[0]

    handlers: dict[str, Any] = dict.fromkeys((*ENDING, "SIGINT"), note)
    with _handlers({**handlers, "SIGALRM": time_is_up}):
        try:
            yield lambda: bool(noted)
        finally:
            if noted:
                signal.setitimer(signal.ITIMER_REAL, 0)
    if noted:
        raise noted[0]


@contextmanager
def _handlers(wanted: dict[str, Any]) -> Iterator[None]:
    """Handle signals in the block, but for those that the process ignores."""
    before: dict[int, Any] = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for name, handler in wanted.items():
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                    before[number] = signal.signal(number, handler)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _raised_by(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else Terminated(number)
