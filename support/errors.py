"""Errors that end a command with one line: the cause, the next action, and an exit status."""


class LoopstabError(Exception):
    """A failure that the user can do something about.

    A command prints the message as one line, without a traceback, and exits with `exit_status`,
    which is 1.

    Example:
        >>> from loopstab import LoopstabError
        >>> LoopstabError("cannot write out/report.json: disk full").exit_status
        1
    """

    exit_status = 1


class UsageError(LoopstabError, ValueError):
    """A request that is wrong in itself, such as an unknown name or an impossible size.

    No work has been started when it is raised. It is also a `ValueError`; commands exit with
    `exit_status`, which is 2.

    Example:
        >>> from loopstab import Architecture, UsageError
        >>> try:
        ...     Architecture.parse("internal/nowhere")
        ... except UsageError as error:
        ...     error.exit_status
        2
    """

    exit_status = 2


NO_MEMORY = ("can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED")
"""What a plain RuntimeError of torch says on Linux, on other systems, and on a GPU."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is no memory for what was asked.

    Torch raises a plain RuntimeError in most cases, which only its message tells from others.
    """
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return bool(kinds & {"MemoryError", "OutOfMemoryError"}) or any(
        words in str(error) for words in NO_MEMORY
    )


LARGEST_SEED = 2**63 - 1
MOST_JOBS = 1024


def check_seed_and_jobs(seed: int = 0, jobs: int = 1) -> None:
    """Raise `UsageError` unless NumPy and torch accept the seed and joblib the number of jobs.

    Args:
        seed: 0 to 2^63 - 1.
        jobs: 1 to 1024, or -1 for all cores.
    """
    if not 0 <= seed <= LARGEST_SEED or not (jobs == -1 or 1 <= jobs <= MOST_JOBS):
        raise UsageError(
            f"needs a seed from 0 to 2^63 - 1 and jobs from 1 to {MOST_JOBS} (or -1 for all cores),"
            f" not {seed} and {jobs}"
        )
