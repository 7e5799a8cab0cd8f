"""Internal against external recall in trained loops: pairs of runs that differ in it alone (M7)."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...numerics.proportion import wilson
from ...support.errors import LoopstabError
from ...support.files import write_atomic
from ...support.jsonable import jsonable
from ...support.regular_file import read_regular
from ...support.schema import Anything, ListOf, Number, ObjectOf, Text, Whole
from ...support.strict_json import parse_json
from ...theory.architecture import Architecture, Recall
from .recall_record import RecallRecord

QUANTITIES: dict[str, Callable[[RecallRecord], float | None]] = {
    "share settled": lambda r: r.settled / r.inputs,
    "rho": lambda r: _median(r.rho),
    "Re(leading)/rho": lambda r: _median(
        [real / math.hypot(real, imag) for real, imag in r.leading]
    ),
    "loops to 1e-3": lambda r: _median(r.coarse),
    "loops to 1e-9": lambda r: _median(r.fine),
    "norm of S": lambda r: _median(r.sensitivity),
    "smallest of S": lambda r: _median(r.smallest),
    "accuracy at best": lambda r: r.best,
    "accuracy at 500": lambda r: r.last,
}
"""One number of a checkpoint each: medians over its settled inputs, shares and accuracies.

`Re(leading)/rho` is the cosine of the angle of the leading eigenvalue: 1 where it is real and
positive, -1 where it is real and negative.
"""

LONGEST = 100_000_000
"""Most bytes of a file of records."""
_NAME, _COUNT, _LOOPS = Text(1000), Whole(0, 1_000_000_000), ListOf(Whole(0, 1_000_000_000))
_SIZES = ListOf(Number(0))
LINE = ObjectOf(
    {
        "settings": Anything(),
        "record": ObjectOf(
            {
                **dict.fromkeys(("name", "architecture", "task"), _NAME),
                "seed": Whole(0, 2**63),
                **dict.fromkeys(("inputs", "loops", "settled"), _COUNT),
                **dict.fromkeys(("rho", "sensitivity", "smallest"), _SIZES),
                "leading": ListOf(ListOf(Number(), 2, 2)),
                **dict.fromkeys(("coarse", "fine"), _LOOPS),
                **dict.fromkeys(("best", "last"), Number(0, 1)),
            }
        ),
    }
)
"""What a line of such a file holds."""


@dataclass(frozen=True)
class Pair:
    """Names of two runs that differ in their recall alone."""

    internal: str
    external: str


@dataclass(frozen=True)
class ComparisonRow:
    """One quantity, compared over pairs in which both runs have it.

    Attributes:
        quantity: a key of `QUANTITIES`.
        norm: the norm of the pairs.
        pairs: number of pairs.
        internal: median over the pairs of the run with internal recall.
        external: the same with external recall.
        difference: median of internal minus external.
        larger: pairs in which the value of internal recall is the larger one.
        equal: pairs in which both are equal.
        smaller: pairs in which it is the smaller one.
        interval: Wilson's 95 % interval of the share of `larger` among the pairs that differ; the
            pairs, not the inputs, are the independent trials. None if no pair differs.
    """

    quantity: str
    norm: str
    pairs: int
    internal: float
    external: float
    difference: float
    larger: int
    equal: int
    smaller: int
    interval: tuple[float, float] | None


def recall_pairs(records: Mapping[str, Mapping[str, Any]]) -> list[Pair]:
    """Runs with internal recall beside the run with external recall of the same settings.

    Task, data, norm, residual, seed, sizes and every setting of training must be equal; the number
    of training steps need not be, where training ends by its own criterion.

    Args:
        records: name to metadata of checkpoints, as `zoo.describe` gives them.

    Returns:
        The pairs, in the order of the records.

    Example:
        >>> from loopstab.models.measure.recall_comparison import recall_pairs
        >>> from loopstab.models.zoo import zoo
        >>> names = ("internal-post", "external-post", "internal-peri", "none-post")
        >>> recall_pairs({name: zoo.describe(name) for name in names})
        [Pair(internal='internal-post', external='external-post')]
    """
    found: dict[str, dict[Recall, str]] = {}
    for name, meta in records.items():
        config = json.loads(json.dumps(meta["run"]["config"]))
        arch = Architecture.parse(config["model"]["architecture"])
        config["model"]["architecture"] = [arch.norm, arch.residual]
        key = json.dumps([meta["run"]["task"], meta["run"]["data"], config], sort_keys=True)
        found.setdefault(key, {})[arch.recall] = name
    both = {Recall.INTERNAL, Recall.EXTERNAL}
    return [
        Pair(runs[Recall.INTERNAL], runs[Recall.EXTERNAL])
        for runs in found.values()
        if both <= set(runs)
    ]


def compare_recall(pairs: Sequence[tuple[RecallRecord, RecallRecord]]) -> list[ComparisonRow]:
    """Compare the measurements of pairs, for each norm by itself.

    Args:
        pairs: the records of internal and of external recall.

    Returns:
        A row for each norm and quantity that some pair of that norm has on both sides. Medians of
        settled inputs are about those alone, and the two runs of a pair may settle on others.

    Example:
        >>> from loopstab.models.measure.recall_comparison import compare_recall
        >>> from loopstab.models.measure.recall_record import RecallRecord
        >>> numbers = {"task": "t", "seed": 0, "inputs": 2, "loops": 9, "coarse": (), "fine": ()}
        >>> numbers |= {"leading": (), "sensitivity": (), "smallest": (), "best": 1.0, "last": 1.0}
        >>> slow = RecallRecord("i", "internal/post", settled=2, rho=(0.9,), **numbers)
        >>> fast = RecallRecord("e", "external/post", settled=2, rho=(0.5,), **numbers)
        >>> row = compare_recall([(slow, fast)])[1]
        >>> row.quantity, row.larger, row.smaller
        ('rho', 1, 0)
    """
    return list(_rows(pairs))


def _rows(pairs: Sequence[tuple[RecallRecord, RecallRecord]]) -> Iterator[ComparisonRow]:
    norms = {record: str(Architecture.parse(record.architecture).norm) for record, _ in pairs}
    for norm in dict.fromkeys(norms.values()):
        for quantity, value in QUANTITIES.items():
            both = [
                (a, b)
                for internal, external in pairs
                if norms[internal] == norm
                and (a := value(internal)) is not None
                and (b := value(external)) is not None
            ]
            if not both:
                continue
            x, y = np.array(both).T
            larger, smaller = int((x > y).sum()), int((x < y).sum())
            yield ComparisonRow(
                quantity=quantity,
                norm=norm,
                pairs=len(both),
                internal=float(np.median(x)),
                external=float(np.median(y)),
                difference=float(np.median(x - y)),
                larger=larger,
                equal=len(both) - larger - smaller,
                smaller=smaller,
                interval=wilson(larger, larger + smaller) if larger + smaller else None,
            )


class RecordFile:
    """Records in a file of one JSON object a line, so that an interrupted run goes on.

    Args:
        path: the file; it is created by the first record. None keeps nothing.
        settings: what the measurements depend on; records of other settings are not taken.

    Raises:
        LoopstabError: a line is not a record.
    """

    def __init__(self, path: Path | None, settings: Mapping[str, Any]):
        self._path, self._settings = path, jsonable(dict(settings))
        self._known: dict[str, RecallRecord] = {}
        self._lines: list[str] = []
        if path is None or not path.exists():
            return
        try:
            lines = read_regular(path, LONGEST).splitlines()
        except (ValueError, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            raise LoopstabError(f"cannot read {path} ({reason}): choose another file") from None
        for number, line in enumerate(lines, 1):
            try:
                self._lines.append(line.decode() + "\n")
                entry = parse_json(line)
                LINE.check(entry, "")
                if entry["settings"] == self._settings:
                    record = _of_json(entry["record"])
                    self._known[record.name] = record
            except ValueError as error:
                raise LoopstabError(
                    f"line {number} of {path} is not a record of this comparison ({error}): remove"
                    " it, and its checkpoint is measured again"
                ) from None

    def get(self, name: str, measure: Callable[[], RecallRecord]) -> RecallRecord:
        """The record of that name from the file, or measured now and added to it."""
        if name not in self._known:
            self._known[name] = record = measure()
            if self._path is not None:
                entry = {"settings": self._settings, "record": dataclasses.asdict(record)}
                self._lines.append(json.dumps(jsonable(entry)) + "\n")
                write_atomic(self._path, "".join(self._lines))
        return self._known[name]


def _of_json(values: dict[str, Any]) -> RecallRecord:
    def plain(value: Any) -> Any:
        return tuple(map(plain, value)) if isinstance(value, list) else value

    return RecallRecord(**{name: plain(value) for name, value in values.items()})


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None
