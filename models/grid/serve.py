"""What a worker process does. Torch is imported with the first job, when the parent is watched."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection

from ...support.interruption import Terminated, terminable

ORPHANED = 0.6
"""Seconds that a process lives on when its parent has died."""


def serve(connection: Connection) -> None:
    """Do the jobs that arrive, until the pipe closes, a signal asks to end, or the parent ends.

    Args:
        connection: a pipe of objects with a method `do`; what it returns is sent back.
    """
    orphaned = threading.Event()
    threading.Thread(target=_watch, args=(orphaned,), daemon=True).start()
    with suppress(EOFError, OSError, Terminated), terminable():
        while not orphaned.is_set():
            connection.send(connection.recv().do(orphaned.is_set))


def _watch(orphaned: threading.Event) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        orphaned.set()
        time.sleep(ORPHANED)
        os._exit(1)
