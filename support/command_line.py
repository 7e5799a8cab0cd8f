"""What every command does around its work: streams, signals, and errors that become one line."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from .errors import LoopstabError, is_out_of_memory
from .interruption import Terminated, terminable
from .printable import PrintableStream, printable

CURSOR_AND_COLOUR = re.compile(r"\r|\x1b\[(?:[AK]|[0-9;]*m)")
"""What moves a progress bar on a terminal, and colours its text."""


def run_command(command: Callable[[], int], name: str = "loopstab") -> int:
    """Do the work of a command, and return its exit status.

    Errors that a user can do something about, interruptions, a full disk and a lack of memory
    become one line on the error stream; any other error is a fault of loopstab, and its traceback
    is shown.

    Args:
        command: the work; it returns the exit status.
        name: what the lines begin with.
    """
    repair_streams()
    try:
        with terminable():
            status = command()
            sys.stdout.flush()
        return status
    except LoopstabError as error:
        return _fail(name, str(error), error.exit_status)
    except Terminated as signal:
        return _fail(name, f"ended by {signal.name}; {_KEPT}", signal.exit_status)
    except KeyboardInterrupt:
        return _fail(name, f"interrupted; {_KEPT}", 1)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        _discard_output()
        return 1
    except OSError as error:
        reason = error.strerror or str(error)
        if error.filename is not None:
            return _fail(name, f"{error.filename}: {reason}: check that it can be used", 1)
        _discard_output()  # of the output itself
        return _fail(name, f"{reason}: free space, or write to another place", 1)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return _fail(name, "out of memory: use a smaller width, batch or grid", 1)


_KEPT = (
    "no file is half-written, earlier results are untouched, and a training run resumes with the"
    " same command"
)


def repair_streams() -> None:
    """Make the three standard streams usable.

    One that is closed is opened on the null device, so that no data file gets its number: errors
    then go nowhere, and results that cannot be written are an error. A character that the encoding
    of a stream lacks is written as its escape sequence.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, _null(number, mode, os.O_WRONLY if number == 2 else os.O_RDONLY))
        with suppress(AttributeError, ValueError):  # a stand-in of a test or a notebook
            getattr(sys, name).reconfigure(errors="backslashreplace")


@contextmanager
def printable_output() -> Iterator[None]:
    """In the block nothing that acts on a terminal is printed, but for bars and their colours."""
    before = sys.stdout, sys.stderr
    kept = CURSOR_AND_COLOUR if before[1].isatty() else None
    sys.stdout = cast(TextIO, PrintableStream(before[0]))
    sys.stderr = cast(TextIO, PrintableStream(before[1], kept))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _null(number: int, mode: str, access: int) -> Any:
    descriptor = os.open(os.devnull, access)
    if descriptor != number:
        os.dup2(descriptor, number)
        os.close(descriptor)
    return open(number, mode, closefd=False)  # it lives as long as the process


def _discard_output() -> None:
    """Let what is still to be written to the output go nowhere, when nothing can be written."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(name: str, message: str, status: int) -> int:
    with suppress(OSError):
        text = printable(" ".join(message.split()), frozenset())
        print(f"{name}: error: {text}", file=sys.stderr, flush=True)
    return status
