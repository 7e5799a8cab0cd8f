"""Fuzzing of every reader of files and of all options of all commands.

    python benchmarks/fuzz.py --cases 10000 --seed 0 --out runs/fuzz

Real files are made by the commands that write them, mutated, and read again; options get values
that nobody expects (tests/fuzz). A case runs in a process of its own with limits on time and
memory. It may end with the exit statuses 0, 1 and 2, and with 143 when it gets SIGTERM after its
time; a traceback, silence with the status 1 or 2, control characters, too much memory and more
than one line of error are faults.

OUT/cases.jsonl has a line for each case; the same command goes on where it ended. OUT/faults has
for each fault the files and a JSON file with the arguments; --only KIND:NUMBER repeats the case.
With --kills commands that write are killed at random moments (tests/fuzz/fuzz_kills.py). Exit
status: 0 if there is no fault.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fuzz"))

from fuzz_cases import Cases, Outcome, cases, work_folder
from fuzz_corpus import Corpus, new_folder
from fuzz_kills import WRITERS, kill_all
from fuzz_kinds import KINDS, make_case


def main() -> int:
    """Run the cases, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--minutes", type=float, help="stop after these minutes")
    parser.add_argument("--only", help="KIND:NUMBER, to repeat one case and print all of it")
    parser.add_argument(
        "--kills", type=int, help="instead: SIGKILL and SIGTERM, so often, for commands that write"
    )
    parser.add_argument("--commands", nargs="+", choices=list(WRITERS), help="those to kill")
    parser.add_argument("--out", type=Path, default=Path("runs/fuzz"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    place = new_folder()
    try:
        if options.kills is not None:
            return kill_all(options.kills, options.seed, place, options.commands)
        with cases() as run:
            return _run(run, Corpus(run, place), options)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _run(run: Cases, corpus: Corpus, options: argparse.Namespace) -> int:
    if options.only:
        kind, _, number = options.only.partition(":")
        with work_folder() as folder:
            found = run.run(folder, make_case(kind, options.seed, int(number), corpus, folder))
        print(*(f"{name}: {value}" for name, value in vars(found).items()), sep="\n")
        print("faults:", found.faults)
        return 1 if found.faults else 0
    journal = options.out / "cases.jsonl"
    entries = (
        [json.loads(line) for line in journal.read_text().splitlines()]
        if (journal.exists())
        else []
    )
    done = {(e["seed"], e["kind"], e["number"]) for e in entries}
    begin = time.monotonic()
    with journal.open("a") as file:
        for kind, number in _numbers(options.kinds, options.cases):
            if options.minutes and time.monotonic() - begin > 60 * options.minutes:
                break
            if (options.seed, kind, number) in done:
                continue
            with work_folder() as folder:
                case = make_case(kind, options.seed, number, corpus, folder)
                found = run.run(folder, case)
                if found.faults:
                    _save(found, kind, number, folder, options)
            entry = {"seed": options.seed, "kind": kind, "number": number, "status": found.status}
            entry |= {"seconds": found.seconds, "megabytes": found.megabytes}
            entries.append({**entry, "faults": found.faults})
            file.write(json.dumps(entries[-1]) + "\n")
            file.flush()
    return _print([e for e in entries if e["seed"] == options.seed and e["kind"] in options.kinds])


def _numbers(kinds: list[str], cases: int) -> Iterator[tuple[str, int]]:
    """Kinds with the numbers of their cases, in turns by their shares."""
    total = sum(KINDS[kind].share for kind in kinds)
    made: Counter[str] = Counter()
    for number in range(1, cases + 1):
        kind = max(kinds, key=lambda kind: number * KINDS[kind].share / total - made[kind])
        yield kind, made[kind]
        made[kind] += 1


def _save(
    found: Outcome, kind: str, number: int, folder: Path, options: argparse.Namespace
) -> None:
    name = f"{kind.replace(' ', '-')}-{options.seed}-{number}"
    place = options.out / "faults" / name
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(
        folder,
        place / "files",
        symlinks=True,
        ignore=lambda at, names: [n for n in names if (Path(at) / n).is_fifo()],
    )
    again = f"python benchmarks/fuzz.py --seed {options.seed} --only '{kind}:{number}'"
    facts = {name: value for name, value in vars(found).items() if name != "case"}
    record = {
        "again": again,
        "faults": found.faults,
        "arguments": found.case.arguments,
        "limits": found.case.limits,
        **facts,
    }
    (place / "case.json").write_text(json.dumps(record, indent=1) + "\n")
    print(f"{name}: {'; '.join(found.faults)}: {' '.join(found.case.arguments)!r:.300}", flush=True)


def _print(entries: list[dict]) -> int:
    by_kind: dict[str, list[dict]] = defaultdict(list)
    for entry in entries:
        by_kind[entry["kind"]].append(entry)
    statuses = (0, 1, 2, 143)
    print(
        f"{'kind':14}{'cases':>7}{'accepted':>10}{'1':>7}{'2':>7}{'143':>6}{'others':>8}"
        f"{'slowest, s':>12}{'most, MB':>10}{'faults':>8}"
    )
    for kind, own in [*by_kind.items(), ("all", entries)]:
        count = Counter(entry["status"] for entry in own)
        others = sum(n for status, n in count.items() if status not in statuses)
        numbers = [count[status] for status in statuses]
        print(
            f"{kind:14}{len(own):7}{numbers[0]:10}{numbers[1]:7}{numbers[2]:7}{numbers[3]:6}"
            f"{others:8}{max((e['seconds'] for e in own), default=0):12.1f}"
            f"{max((e['megabytes'] for e in own), default=0):10}"
            f"{sum(bool(e['faults']) for e in own):8}"
        )
    return 1 if any(entry["faults"] for entry in entries) else 0


if __name__ == "__main__":
    sys.exit(main())
