"""Internal against external recall in trained checkpoints."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ...support.errors import UsageError, check_seed_and_jobs
from ...support.jsonable import json_text
from ...support.locks import exclusive_file
from ...support.option_bounds import COUNT, COUNT_OR_NONE, check_options

if TYPE_CHECKING:
    from ...models.measure.recall_comparison import Pair


def recall(
    checkpoint: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    inputs: int = 16,
    loops: int = 2000,
    spectra: int = 4,
    dense: int = 1,
    data: tuple[Path, ...] = (),
    accuracy: bool = False,
    samples: int = 256,
    seed: int = 0,
    out: Path | None = None,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Compare internal with external recall in trained loops.

    Runs are paired that differ in the recall alone: task, norm, seed, sizes and settings of
    training are equal. On a few inputs of each run the share of orbits that settle, the spectral
    radius and the sensitivity S there and the loops until they settle are measured; accuracies are
    those of the records. For each norm a table gives the medians over the pairs and the number of
    pairs in which the value of internal recall is larger, equal or smaller, with Wilson's interval
    of the share of larger ones.

    With --accuracy the answers of both runs to the same recorded samples are compared instead: for
    each pair McNemar's exact test, and for each task an interval over training seeds and samples,
    with what it says: competitive (within 5 points), better, worse or open.

    With --out each checkpoint is written to a file as soon as it is measured, and the same command
    goes on where it was interrupted.

    Example: loopstab recall internal-post external-post --inputs 4 --loops 600 --dense 0
    Example: loopstab recall internal-post external-post --accuracy --samples 8

    Exit status: 0 if all pairs were measured; 1 for a damaged file; 2 for a wrong request, and
    where no two of the checkpoints form a pair.

    Args:
        checkpoint: Names (see loopstab zoo list); default: all that need no data file, or whose
            data file is given.
        inputs: Random inputs for each checkpoint.
        loops: Iterations after which an orbit counts as not settled.
        spectra: Settled states of a checkpoint at which the spectral radius is measured.
        dense: Settled states at which S is measured.
        data: Prepared data files, of which each task finds its own.
        accuracy: Compare the answers to recorded samples.
        samples: Most samples of a level for --accuracy, the first of the recorded ones. Runs with
            more than twice as many recorded samples are compared by their recorded numbers of right
            answers.
        seed: Seed of the inputs, or of the bootstrap of --accuracy.
        out: File for the records, one JSON object a line; of --accuracy, one JSON object.
        json_: Print a JSON object instead of tables.
    """
    check_seed_and_jobs(seed)
    check_options(inputs=(inputs, COUNT), loops=(loops, COUNT))
    check_options(samples=(samples, COUNT))
    check_options(spectra=(spectra, COUNT_OR_NONE), dense=(dense, COUNT_OR_NONE))
    from ...models.measure.recall_comparison import RecordFile, compare_recall, recall_pairs
    from ...models.measure.recall_record import RecallRecord, recall_record
    from ...models.zoo import zoo
    from ...support.progress_bar import progress_bar

    files = {name: _data_for(zoo.describe(name)["run"], data) for name in checkpoint or zoo.names()}
    if checkpoint:
        missing = [name for name, (found, _) in files.items() if not found]
        if missing:
            raise UsageError(f"{', '.join(missing)}: give the data file of the run with --data")
    pairs = recall_pairs({name: zoo.describe(name) for name, (found, _) in files.items() if found})
    if not pairs:
        raise UsageError("no two of these checkpoints differ in their recall alone")
    if accuracy:
        words = [*checkpoint, f"--accuracy --samples {samples} --seed {seed}"]
        words += ["--data FILE ..."] * bool(data)
        return _compare_answers(pairs, files, samples, seed, out, json_, " ".join(words))
    numbers = {"inputs": inputs, "loops": loops, "spectra": spectra, "dense": dense, "seed": seed}
    with nullcontext() if out is None else exclusive_file(out):
        store = RecordFile(out, numbers)

        def measured(name: str) -> RecallRecord:
            def measure() -> RecallRecord:
                return recall_record(zoo.load(name), name=name, data=files[name][1], **numbers)

            return store.get(name, measure)

        records = [
            (measured(pair.internal), measured(pair.external))
            for pair in progress_bar(pairs, shown=not json_, unit="pair")
        ]
    rows = compare_recall(records)
    if json_:
        print(
            json_text(
                {
                    "settings": numbers,
                    "rows": [dataclasses.asdict(row) for row in rows],
                    "pairs": [[dataclasses.asdict(r) for r in pair] for pair in records],
                }
            )
        )
        return 0
    from ..text.tables import print_rows

    for norm in dict.fromkeys(row.norm for row in rows):
        print_rows(
            [
                {
                    "median of": row.quantity,
                    "pairs": row.pairs,
                    "internal": row.internal,
                    "external": row.external,
                    "int - ext": row.difference,
                    "larger, equal, smaller": f"{row.larger}, {row.equal}, {row.smaller}",
                    "95 %": "-" if row.interval is None else "{:.2f}..{:.2f}".format(*row.interval),
                }
                for row in rows
                if row.norm == norm
            ],
            f"{norm}-norm: internal recall beside external recall",
        )
    return 0


def _compare_answers(
    pairs: list[Pair],
    files: dict[str, tuple[bool, Path | None]],
    samples: int,
    seed: int,
    out: Path | None,
    json_: bool,
    words: str,
) -> int:
    """Measure the answers of all runs, compare them, and print or write what is found.

    `words` are the arguments of the command, for the record.
    """
    from ...models.measure.recall_accuracy import comparison_json, pair_rows, task_rows
    from ...models.measure.recorded_answers import AnswersFile, enough_samples, recorded_answers
    from ...models.zoo import zoo
    from ...support.progress_bar import progress_bar

    records = {n: zoo.describe(n) for pair in pairs for n in (pair.internal, pair.external)}
    names = [name for name in records if enough_samples(records[name]["run"], samples)]
    with nullcontext() if out is None else exclusive_file(out):
        store = AnswersFile(out, {"samples": samples})
        answers = {
            name: store.get(
                name, partial(recorded_answers, zoo.load(name), name, samples, files[name][1])
            )
            for name in progress_bar(names, shown=not json_, unit="run")
        }
        rows = pair_rows(pairs, answers)
        tasks = task_rows(pairs, answers, records, seed)
        found = {"command": f"loopstab recall {words}", **comparison_json(rows, tasks, seed)}
        store.write(found)
    if json_:
        print(json_text(found))
        return 0
    from ..text.tables import print_rows

    print_rows(
        [
            {
                "task": f"{row['task']}{' (recipe)' if row['recipe'] else ''}",
                "norm": row["norm"],
                "at": row["moment"],
                "seeds": row["seeds"],
                "int - ext": "{:+.3f}".format(row["difference"]),
                "95 %": "{:+.3f}..{:+.3f}".format(*row["interval"]),
                "internal recall is": row["verdict"] or "-",
            }
            for row in found["tasks"]
        ],
        "accuracy of internal minus external recall on the same samples",
    )
    return 0


def _data_for(run: dict, data: tuple[Path, ...]) -> tuple[bool, Path | None]:
    """Whether the task of a run can be made, and the data file that it needs."""
    from ...models.tasks.registry import recorded_task

    for file in (None, *data):
        try:
            recorded_task(run, file)
        except UsageError:
            continue
        return True, file
    return False, None
