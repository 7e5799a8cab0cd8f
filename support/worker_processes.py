"""Work for the processes of joblib, which end soon after the process that started them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from joblib import delayed

from .files import is_running

LOOK = 0.2
"""Seconds between two looks at whether the parent still runs."""


@dataclass(frozen=True)
class _Tied:
    """A function that knows the process in which it was asked for."""

    function: Callable[..., Any]
    parent: int

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if os.getpid() != self.parent:
            _watch(self.parent)
        return self.function(*arguments, **options)


def tied(function: Callable[..., Any]) -> Callable[..., Any]:
    """Like `joblib.delayed`; a process that does the work ends when its parent has died.

    Without it, processes of a parent that was killed finish their task, which may take hours, and
    then wait for minutes for the next one.

    Args:
        function: a function of a module, or one that joblib can send to a process.

    Example:
        >>> from joblib import Parallel
        >>> Parallel(n_jobs=1)(tied(abs)(n) for n in (-1, 2))
        [1, 2]
    """
    return delayed(_Tied(function, os.getpid()))


_watched: set[int] = set()


def _watch(parent: int) -> None:
    """Look after the parent from now on, once per process."""
    if os.getpid() in _watched:
        return
    _watched.add(os.getpid())
    if os.getppid() == parent:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    elif not is_running(parent):  # it died before this process was ready
        os._exit(1)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK)
    os._exit(1)
