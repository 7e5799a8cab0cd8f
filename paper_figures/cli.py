"""The console command `loopstab`.

Exit status 0: done; 1: a failure (damaged file, full disk, interruption, a claim that fell); 2: the
request was wrong.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import tyro

from ..support.errors import LoopstabError
from .commands.anisotropy import anisotropy
from .commands.attack import attack
from .commands.certify import certify
from .commands.claims import claims
from .commands.crossvalidate import crossvalidate
from .commands.data import data
from .commands.diagnose import diagnose
from .commands.grid import grid
from .commands.phase import phase
from .commands.report import report
from .commands.scaling import scaling
from .commands.train import train
from .commands.zoo import zoo

COMMANDS: dict[str, Callable[..., Any]] = {
    "claims": claims,
    "phase": phase,
    "scaling": scaling,
    "data": data,
    "train": train,
    "grid": grid,
    "zoo": zoo,
    "crossvalidate": crossvalidate,
    "diagnose": diagnose,
    "report": report,
    "anisotropy": anisotropy,
    "certify": certify,
    "attack": attack,
}


def main(args: list[str] | None = None) -> None:
    """Entry point: runs a command, turns errors into one line and an exit status."""
    try:
        status = tyro.extras.subcommand_cli_from_dict(
            COMMANDS, prog="loopstab", description=__doc__, args=args
        )
        sys.stdout.flush()
    except LoopstabError as error:
        status = _fail(str(error), error.exit_status)
    except KeyboardInterrupt:
        status = _fail(
            "interrupted; nothing half-written, earlier results untouched (a training run resumes"
            " with the same command)",
            1,
        )
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except MemoryError:
        status = _fail("out of memory: use a smaller width, batch or grid", 1)
    sys.exit(status)


def _fail(message: str, status: int) -> int:
    print(f"loopstab: error: {' '.join(message.split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    main()
