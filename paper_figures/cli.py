"""The console command `loopstab`, which imports the module of a command only to run it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from ..support.command_line import printable_output, run_command
from ..support.errors import UsageError

FOLDER = Path(__file__).parent / "commands"
USAGE = """usage: loopstab COMMAND [OPTIONS]

Fixed points of looped (weight-tied, recurrent-depth) networks: what is proved about them, what
attacks on the proofs find, and what trained loops and your own loop do.

commands:
{commands}

options:
  -h, --help     print this list; loopstab COMMAND --help explains one command, with an example
  --version      print the version

Exit status: 0 done; 1 failure (a falsified claim, a damaged file, a full disk, an interruption);
2 wrong request;
143 ended by SIGTERM, and 128 + N by another signal N that asks a process to end.
"""


def commands() -> dict[str, str]:
    """The commands and their one-line summaries, in alphabetical order.

    A command is a module of `commands` that defines a function of its own name; the summary is the
    first line of the docstring of that function. The modules are read, not imported.

    Example:
        >>> commands()["zoo"]
        'List, show, verify and repeat the trained loops that are shipped.'
    """
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.FunctionDef) and node.name == path.stem:
                found[path.stem] = (ast.get_docstring(node) or "").partition("\n")[0]
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name, and exit with its status.

    Args:
        arguments: the words after `loopstab`; default: those of the process.

    Raises:
        SystemExit: always, with the exit status; errors are printed on one line.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run_command(lambda: _run(words)))


def _run(words: Sequence[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        width = max(map(len, commands()))
        print(
            USAGE.format(commands="\n".join(f"  {c:{width}}  {s}" for c, s in commands().items())),
            end="",
        )
        return 0 if words else 2
    name, *rest = words
    if name == "--version":
        print(f"loopstab {version('loopstab')}")
        return 0
    known = list(commands())
    if name not in known:
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"the commands are {', '.join(known)}"
        raise UsageError(f"there is no command {name!r}: {hint}")
    import tyro  # after the cheap answers: it takes longer to import than they take to print

    command = getattr(import_module(f"{__package__}.commands.{name}"), name)
    asks = any(word in ("-h", "--help") for word in rest)  # help has colours
    with nullcontext() if asks else printable_output():
        return tyro.cli(command, prog=f"loopstab {name}", args=rest)


if __name__ == "__main__":
    main()
