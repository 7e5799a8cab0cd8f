"""What the JSON objects of checkpoints, states and results hold, in this and in older versions."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from ...support.errors import UsageError
from ...support.schema import Flag, Kind, ListOf, MapOf, Maybe, Number, ObjectOf, Text, Whole
from .bounds import CONFIG_RECORD, LOOPS, MODEL_RECORD, STEPS
from .model_config import ModelConfig

SHARE = Number(0, 1)
CURVE = ListOf(SHARE, 100_000, 1)
SECONDS = Number(0, 1e12)
STEP = Whole(0, 4 * STEPS.high)
NAME = Text(1000)


CHOICE = ObjectOf(
    {"level": NAME, "samples": Whole(1, 10**9), "accuracy": CURVE, "loops": LOOPS},
    {"apart": Flag()},
)
"""Samples of their own, on which the number of iterations to report was chosen."""

KNOWN: dict[str, Kind] = {"task": NAME, "data": NAME, "level_reached": NAME}
"""What the record of a run says at least: its task, the fingerprint of its data, and the level that
training reached.
"""
MEASURED: dict[str, Kind] = {
    "difficulty": NAME,
    "architecture": NAME,
    "config": CONFIG_RECORD,
    "steps": STEP,
    "seconds": SECONDS,
    "device": NAME,
    "threads": Whole(1, 1_000_000),
    "torch": NAME,
    "parameters": Whole(1, 2**63),
    "loops": ListOf(LOOPS, 100_000, 1),
    "accuracy": MapOf(CURVE),
}
"""What the record of a finished run says besides."""
NEWER: dict[str, Kind] = {
    "id": NAME,
    "command": Text(),
    "compiled": Flag(),
    "arithmetic": NAME,
    "evaluation_seconds": SECONDS,
    "samples": MapOf(Whole(1, 10**9)),
    "choice": CHOICE,
}
"""What records of older versions lack."""
SETTINGS = ("model", "schedule", "encoder_gradient", "seed", "eval_size")
"""What the settings of a finished run say in all versions."""


def _agrees(run: Mapping[str, Any]) -> str | None:
    """What is wrong with the fields of a record together."""
    loops, accuracy = run.get("loops"), run.get("accuracy", {})
    if loops is None:
        return "accuracy is given, and loops is missing" if accuracy else None
    if any(a >= b for a, b in pairwise(loops)):
        return "loops is not ascending"
    choice = run.get("choice")
    curves = {f"accuracy.{level}": curve for level, curve in accuracy.items()}
    if choice is not None:
        curves["choice.accuracy"] = choice["accuracy"]
    for name, curve in curves.items():
        if len(curve) != len(loops):
            return f"{name} has {len(curve)} entries, and loops has {len(loops)}"
    if choice is not None and choice["loops"] not in loops:
        return f"choice.loops is {choice['loops']}, which loops does not hold"
    if "samples" in run and set(run["samples"]) != set(accuracy):
        return "samples and accuracy are about other levels"
    return None


RUN = ObjectOf(KNOWN, {**MEASURED, **NEWER}, also=_agrees)
"""The record of a run; one that is finished has all that `lacking` asks for."""

HISTORY = ListOf(
    ObjectOf(
        {"step": STEP, "level": NAME, "loss": Number(), "gradient": Number(0), "solved": SHARE},
        {
            "rho_wx": Maybe(Number(0)),
            "norm_ratio": Maybe(Number(0)),
            "residual": Maybe(Number(0)),
            "cosine": Maybe(Number(-1.001, 1.001)),
        },
    )
)
"""What was measured while a network was trained."""

STATE: dict[str, Kind] = {
    "config": CONFIG_RECORD,
    "task": NAME,
    "data": NAME,
    "course": MapOf(Whole(-1, STEP.high), 100),
    "arithmetic": NAME,
    "command": Text(),
    "step": STEP,
    "seconds": SECONDS,
    "parts": Whole(1, 2_000_000),
    "history": HISTORY,
}
"""What the state of a run says."""

STATE_RECORD = ObjectOf(STATE)


def _one_model(meta: Mapping[str, Any]) -> str | None:
    """The network is described twice, and its architecture three times."""
    run, model = meta.get("run", {}), meta.get("model")
    trained, name = run.get("config", {}).get("model"), run.get("architecture")
    if model is None:
        return None
    if trained is not None and trained != model:
        return "model and run.config.model differ"
    try:
        network = ModelConfig.from_json(model).name
    except UsageError as error:
        return f"model: {error}"
    if name is not None and name != network:
        return f"run.architecture is {name}, and the network is {network}"
    return None


ENTRY = ObjectOf(
    {"run": RUN, "model": MODEL_RECORD}, {"history": HISTORY, "stored": NAME}, also=_one_model
)
"""What is said of a run in a shard."""


def _names(meta: Mapping[str, Any]) -> str | None:
    """Entries are named as a part of the names of tensors."""
    if any(not name or "/" in name for name in meta.get("entries", {})):
        return "entries has a name that is empty or has a slash"
    return _one_model(meta)


META = ObjectOf(
    {},
    {"run": RUN, "model": MODEL_RECORD, "stored": NAME, "entries": MapOf(ENTRY), **STATE},
    further=True,
    also=_names,
)
"""What a file says of itself: of a network, a shard, a state, or something else."""


def lacking(run: Mapping[str, Any]) -> str | None:
    """What the record of a run lacks that every finished run has, as a name of a field."""
    for name in (*KNOWN, *MEASURED):
        if name not in run:
            return name
    settings = (name for name in SETTINGS if name not in run["config"])
    return next((f"config.{name}" for name in settings), None)
