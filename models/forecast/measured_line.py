"""One line of `measured.jsonl`: what a checkpoint at a stage does on one level of its task.

The file holds one JSON object for each checkpoint, stage and level, with these fields:

- `checkpoint`, `stage` (initial, middle or end), `level`, `task`, `architecture`, `seed` (of the
  training), `width`, `cells`;
- `weights`: the checksum of configuration and weights; `input_seed`: the seed of the inputs;
  `command`: the command by which the line is made again; `seconds` of the processor that it took;
- `sizes`: how much was measured (`Sizes`);
- `reachability`:
  `inputs` (number of different inputs, followed in float32), `outcomes` and `decided` (outcome, and
  iterations that were seen when it was decided, to number of inputs; an orbit that stands still is
  decided before the first look), `periods` (period of a cycle to number
  of inputs), `loops` (first iteration whose relative step is at most 1e-6, of the inputs that reach
  a fixed point), `right_30`, `right_500`, `right_best` (numbers of inputs of which every cell is
  right, after 30 and after the last iteration, and the most at any), `right_best_at`,
  `right_last_change` (the last iteration that changed the number), `answer_last_change` and
  `answer_last_change_fixed` (last iteration that changed the answer of an input, of all inputs and
  of those that reach a fixed point), `step_median` (iteration to median relative step, None where
  most orbits have left), `float64` (inputs that were followed again, and how many `settled`),
  `points` (in float64 at the limits: `rho`, `rho_residual`, `eigenvalue` as real part and modulus
  of the imaginary part, `converged`, `slope_rate`, `measured_loops`, `predicted_loops`), `basins`
  (for some inputs the numbers of `starts`, `settled` and `same`);
- `input_dependence`: `settled` (orbits in float32 that stand), `distinct` limits among them, `bits`
  (the logarithm of that number), `entropy`, and medians over the tokens `token_distinct`,
  `token_bits` and `token_entropy`, all at the `resolution`; `points` (in float64 at the limits:
  `norm` of S, `by_differences` and `by_derivative`, the lengths of the change of the limit for one
  change of the embedding, over the length of that change; `rank` of S, its
  singular values above 1e-8 of the largest, and the `smallest` of these, where S was assembled);
- `geometry`: `gradients` (at limits: `norm`, `residual`, `errors` by number of iterations,
  `constant` and `factor` of the fitted C q^k, `rho`), `kreiss` (lower bounds of the Kreiss
  constant), `noise` (`size` of the disturbance of the weights, `loss`, `accuracy`, `least` and
  `largest` accuracy).

Distributions are given by their number `n` and the `quantiles` at 0, 1/40, ..., 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...support.errors import LoopstabError, UsageError
from ...support.files import write_atomic
from ...support.jsonable import rounded
from ...support.regular_file import read_regular
from ...support.schema import Flag, Kind, ListOf, MapOf, Maybe, Number, ObjectOf, Text, Whole
from ...support.strict_json import parse_json
from ...theory.outcome import Outcome
from .forecast import STAGES
from .scores import most_frequent

LONGEST = 100_000_000
"""Most bytes of a file of measurements; a line has about six thousand."""

_NAME, _COUNT, _SIZE, _SHARE = Text(1000), Whole(0, 10**9), Number(0), Number(0, 1)
_VALUE, _COUNTS = Maybe(_SIZE), MapOf(_COUNT)
_QUANTILES = ObjectOf({"n": _COUNT, "quantiles": ListOf(_COUNT, 41)})
_POINT = ObjectOf(
    {
        "input": _COUNT,
        "rho": _SIZE,
        "rho_residual": _SIZE,
        "slope_rate": _VALUE,
        "measured_loops": Maybe(_COUNT),
        "predicted_loops": _VALUE,
        "eigenvalue": ListOf(Number(), 2, 2),
        "converged": Flag(),
    }
)
_BASIN = ObjectOf(dict.fromkeys(("input", "starts", "settled", "same"), _COUNT))
_REACHABILITY = ObjectOf(
    {
        "inputs": Whole(1, 10**9),
        "outcomes": MapOf(Whole(1, 10**9)),
        **dict.fromkeys(("decided", "periods"), _COUNTS),
        **dict.fromkeys(("loops", "answer_last_change", "answer_last_change_fixed"), _QUANTILES),
        **dict.fromkeys(
            ("right_30", "right_500", "right_best", "right_best_at", "right_last_change"), _COUNT
        ),
        "step_median": MapOf(_VALUE),
        "float64": ObjectOf({"inputs": _COUNT, "settled": _COUNT}),
        "points": ListOf(_POINT),
        "basins": ListOf(_BASIN),
    }
)
_MOVED = ObjectOf(
    {
        "input": _COUNT,
        **dict.fromkeys(("norm", "by_differences", "by_derivative", "smallest"), _VALUE),
        "rank": Maybe(_COUNT),
    }
)
_INPUT_DEPENDENCE = ObjectOf(
    {
        **dict.fromkeys(("settled", "distinct"), _COUNT),
        **dict.fromkeys(
            ("bits", "entropy", "token_distinct", "token_bits", "token_entropy", "resolution"),
            _SIZE,
        ),
        "points": ListOf(_MOVED),
    }
)
_GRADIENT = ObjectOf(
    {
        "input": _COUNT,
        **dict.fromkeys(("norm", "residual", "rho"), _SIZE),
        "errors": MapOf(_SIZE),
        **dict.fromkeys(("constant", "factor"), _VALUE),
    }
)
_NOISE = ObjectOf(
    {
        **dict.fromkeys(("size",), _SIZE),
        "loss": _VALUE,
        **dict.fromkeys(("accuracy", "least", "largest"), _SHARE),
    }
)
_GEOMETRY = ObjectOf(
    {"gradients": ListOf(_GRADIENT), "kreiss": ListOf(_VALUE), "noise": ListOf(_NOISE)}
)
_FIELDS: dict[str, Kind] = {
    **dict.fromkeys(("checkpoint", "level", "task", "architecture", "weights"), _NAME),
    "stage": Text(names=STAGES),
    "seed": Whole(0, 2**63),
    "width": Whole(1, 10**6),
    "cells": Whole(1, 10**6),
    "input_seed": Whole(0, 2**63),
    "command": Text(),
    "seconds": _SIZE,
    "sizes": _COUNTS,
    "reachability": _REACHABILITY,
    "input_dependence": _INPUT_DEPENDENCE,
    "geometry": _GEOMETRY,
}


def _agrees(line: Any) -> str | None:
    """What is wrong with the fields of a line together."""
    found = line["reachability"]
    if sum(found["outcomes"].values()) != found["inputs"]:
        return "reachability.outcomes are not those of all inputs"
    unknown = set(found["outcomes"]) - set(map(str, Outcome))
    if unknown:
        return f"reachability.outcomes names {min(unknown)!r}, which is no outcome"
    return None


LINE = ObjectOf(_FIELDS, also=_agrees)
"""What a line holds."""

Key = tuple[str, str, str]
"""Checkpoint, stage and level."""


@dataclass(frozen=True)
class Measured:
    """One line; the docstring of the module says what its fields hold."""

    checkpoint: str
    stage: str
    level: str
    task: str
    architecture: str
    seed: int
    width: int
    cells: int
    weights: str
    input_seed: int
    command: str
    seconds: float
    sizes: dict[str, int]
    reachability: dict[str, Any]
    input_dependence: dict[str, Any]
    geometry: dict[str, Any]

    @property
    def key(self) -> Key:
        """Checkpoint, stage and level, by which a forecast and a measurement belong together."""
        return self.checkpoint, self.stage, self.level

    @property
    def outcomes(self) -> dict[str, int]:
        """Outcome to number of inputs, the most frequent first."""
        return self.reachability["outcomes"]

    @property
    def majority(self) -> str | None:
        """The most frequent outcome of the decided inputs; None where none is decided."""
        return most_frequent(self.outcomes)

    def to_json(self) -> dict[str, Any]:
        """The line with its numbers rounded to six digits."""
        return rounded(asdict(self))


def read_measured(path: str | Path) -> list[Measured]:
    """The lines of a file of measurements.

    Raises:
        UsageError: there is no such file.
        LoopstabError: the file cannot be read, a line is not what it must be, or two are about the
            same checkpoint, stage and level; the message names the line.
    """
    path, found = Path(path), {}
    if not path.exists():
        raise UsageError(
            f"there is no file {path}: loopstab crossvalidate --zoo --out {path} makes it"
        )
    try:
        text = read_regular(path, LONGEST)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LoopstabError(f"cannot read {path} ({reason}): choose another file") from None
    for number, part in enumerate(text.split(b"\n"), 1):
        if not part.strip():
            continue
        try:
            value = parse_json(part)
            LINE.check(value, "")
            line = Measured(**value)
            if line.key in found:
                raise ValueError(f"{', '.join(line.key)} were measured in an earlier line")
        except ValueError as error:
            raise LoopstabError(
                f"{path} is damaged (line {number}: {error}): restore it from a copy, or delete the"
                " line, and it is measured again"
            ) from None
        found[line.key] = line
    return list(found.values())


def write_measured(path: str | Path, lines: Iterable[Measured]) -> Path:
    """Write a file of measurements, whole or not at all."""
    texts = (json.dumps(line.to_json(), allow_nan=False) for line in lines)
    return write_atomic(path, "".join(f"{text}\n" for text in texts))
