"""What the record of a run says: its task, how it was trained, and the accuracies to compare."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...support.errors import LoopstabError
from ...support.regular_file import read_regular
from ...support.schema import SchemaError
from ...support.strict_json import parse_json
from .record_schema import RUN, lacking

LONGEST = 100_000_000
"""Most bytes of a file with a record."""

SHOWN_LOOPS = 30
"""Iterations up to which an accuracy counts as early: the most that a training step has in the
paper.
"""


class Shares(NamedTuple):
    """Exact-match accuracies of one level.

    Attributes:
        chosen: at the chosen number of iterations.
        early: after `SHOWN_LOOPS` iterations, or the last measured number below.
        last: after the last iteration that was measured.
    """

    chosen: float
    early: float
    last: float


def parsed_run(text: str | bytes) -> dict[str, Any]:
    """The record of a finished run.

    Raises:
        ValueError: the text is not JSON, or a field is missing or not what it must be.
    """
    run = parse_json(text)
    RUN.check(run, "")
    if (name := lacking(run)) is not None:
        raise SchemaError(f"{name} is missing")
    return run


def read_result(path: str | Path) -> dict[str, Any]:
    """The record in the file that a run leaves when it is finished.

    Raises:
        LoopstabError: the file cannot be read, or does not hold the record of a finished run.
    """
    try:
        return parsed_run(read_regular(path, LONGEST))
    except (ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LoopstabError(
            f"{path} is damaged ({reason}): delete it, and the same command evaluates the run again"
        ) from None


def task_of(run: Mapping[str, Any]) -> str:
    """The task in words, with its greatest training length, and the width where it is not 64."""
    bits, width = (
        run["config"]["schedule"].get("bits"),
        run["config"].get("model", {}).get("width", 64),
    )
    return (
        run["task"]
        + (f", {bits} bits" if bits else "")
        + (f", width {width}" if width != 64 else "")
    )


def default_gradient(architecture: str) -> str:
    """The encoder gradient of a run that does not ask for a particular one."""
    return "full" if architecture.startswith(("none/", "fixed/")) else "published"


def kind_of(run: Mapping[str, Any]) -> str:
    """The architecture, with the encoder gradient where that is not the default."""
    gradient = run["config"]["encoder_gradient"]
    return run["architecture"] + (
        f" ({gradient})" if gradient != default_gradient(run["architecture"]) else ""
    )


def chosen_loops(run: Mapping[str, Any], level: str) -> int:
    """The number of iterations to report.

    It was chosen on other samples; in older records it is the best on the reported samples.
    """
    if "choice" in run:
        return run["choice"]["loops"]
    curve = run["accuracy"][level]
    return run["loops"][curve.index(max(curve))]


def shares(run: Mapping[str, Any], level: str) -> Shares:
    """The accuracies of one level that are compared."""
    curve, loops = run["accuracy"][level], run["loops"]
    early = max(i for i, t in enumerate(loops) if t <= SHOWN_LOOPS or i == 0)
    return Shares(curve[loops.index(chosen_loops(run, level))], curve[early], curve[-1])


def interval(run: Mapping[str, Any], level: str) -> tuple[float, float]:
    """Wilson's 95 % interval of the accuracy at the chosen number of iterations."""
    # numerics needs packages that a machine that only trains may lack
    from ...numerics.proportion import wilson

    n = samples_of(run, level)
    return wilson(round(shares(run, level).chosen * n), n)


def samples_of(run: Mapping[str, Any], level: str) -> int:
    """The number of samples on which the accuracies of a level were measured."""
    return run["samples"][level] if "samples" in run else run["config"]["eval_size"]


def run_name(meta: dict[str, Any]) -> str:
    """A readable name, unique within a plan.

    It is made of the task (with its greatest training length), the width where it is not 64, the
    architecture, the encoder gradient where it is not the default, and the seed.
    """
    run = meta["run"]
    config = run["config"]
    bits, width = config["schedule"].get("bits"), config["model"]["width"]
    parts = [
        run["task"] + (f"-{bits}" if bits else ""),
        *([f"w{width}"] if width != 64 else []),
        run["architecture"].replace("/", "-"),
    ]
    if config["encoder_gradient"] != default_gradient(run["architecture"]):
        parts.append(config["encoder_gradient"])
    return "-".join([*parts, f"s{config['seed']}"])
