"""Errors that end a command: one line with the cause and the next action, and the exit status that goes with it."""


class LoopstabError(Exception):
    """A failure that the user can act on; commands print its message as one line and exit with `exit_status`."""

    exit_status = 1


class UsageError(LoopstabError, ValueError):
    """The request itself is wrong (unknown name, impossible size): nothing was started."""

    exit_status = 2
