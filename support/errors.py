"""Errors that end a command: one line with the cause and the next action, and the exit status that
goes with it.
"""


class LoopstabError(Exception):
    """A failure that the user can act on; commands print its message as one line and exit with
    `exit_status`.
    """

    exit_status = 1


class UsageError(LoopstabError, ValueError):
    """The request itself is wrong (unknown name, impossible size): nothing was started."""

    exit_status = 2


def check_seed_and_jobs(seed: int = 0, jobs: int = 1) -> None:
    """`UsageError` unless NumPy takes the seed and joblib the number of jobs (-1: all cores)."""
    if seed < 0 or jobs == 0 or jobs < -1:
        raise UsageError(
            f"needs a seed >= 0 and jobs >= 1 (or -1 for all cores), not {seed} and {jobs}"
        )
