"""How long the command line takes to start, in seconds: medians of whole processes.

    python benchmarks/startup.py --repeats 9

The first run of each command warms the caches of files, bytecode and proofs, and is not counted.
Exit status 0.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from statistics import median

GOALS = {
    "import loopstab": (["-c", "import loopstab"], 0.2),
    "loopstab --help": (["-m", "loopstab", "--help"], 0.3),
    "loopstab zoo list": (["-m", "loopstab", "zoo", "list"], 1.0),
    "loopstab claims": (["-m", "loopstab", "claims"], 1.0),
}
"""The arguments of each process, and the goal in seconds on a quiet machine."""


def seconds(words: list[str]) -> float:
    """The wall-clock time of one process of this interpreter."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    """Print a table, or with --json an object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=9, help="runs of each command")
    parser.add_argument("--json", action="store_true", help="print an object")
    options = parser.parse_args()
    empty = [seconds(["-c", "pass"]) for _ in range(options.repeats + 1)][1:]
    found = {"python": {"median": median(empty), "least": min(empty), "goal": None}}
    for name, (words, goal) in GOALS.items():
        times = [seconds(words) for _ in range(options.repeats + 1)][1:]
        found[name] = {"median": median(times), "least": min(times), "goal": goal}
    if options.json:
        print(json.dumps(found, indent=1))
        return
    for name, row in found.items():
        goal = f"goal {row['goal']}" if row["goal"] else ""
        print(f"{name:20} {row['median']:.3f} s (least {row['least']:.3f}) {goal}")


if __name__ == "__main__":
    main()
