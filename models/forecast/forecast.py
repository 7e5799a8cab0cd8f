"""What a checkpoint is predicted to do, as one record per checkpoint, stage and level."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ...support.errors import LoopstabError
from ...support.jsonable import jsonable
from ...support.schema import (
    Anything,
    ListOf,
    MapOf,
    Maybe,
    Number,
    ObjectOf,
    SchemaError,
    Text,
    Whole,
)
from ...theory.outcome import Outcome
from .band import Band

STAGES = ("initial", "middle", "end")
"""Stages of training at which a loop is measured."""
KINDS = ("zero", "smooth", "unknown")
"""What is said of the input sensitivity: 0 by A3, smooth by L1, or nothing."""

_SHARE = Number(0, 1)
_POSITIVE = Number(0)


def _ordered(value: Mapping[str, Any]) -> str | None:
    return None if value["low"] <= value["median"] <= value["high"] else "low, median, high fall"


def _certain(value: Mapping[str, Any]) -> str | None:
    total = sum(value["outcomes"].values())
    names = set(value["outcomes"]) | set(value["excluded"])
    if not names <= {str(o) for o in Outcome if o is not Outcome.UNDECIDED}:
        return "outcomes and excluded must name outcomes other than undecided"
    if set(value["outcomes"]) & set(value["excluded"]):
        return "an outcome that a theorem excludes must not have a probability"
    return None if math.isclose(total, 1, abs_tol=1e-5) else f"outcomes sums to {total}, not 1"


_BAND = ObjectOf(dict.fromkeys(("median", "low", "high"), _POSITIVE), also=_ordered)
_SENSITIVITY = ObjectOf(
    {
        "kind": Text(names=KINDS),
        "rank_per_token": Maybe(Whole(0, 65536)),
        "low": Maybe(_POSITIVE),
        "high": Maybe(_POSITIVE),
    }
)
FORECAST = ObjectOf(
    {
        "checkpoint": Text(500),
        "stage": Text(names=STAGES),
        "level": Text(100),
        "task": Text(100),
        "architecture": Text(100),
        "seed": Whole(0, 2**63),
        "weights": Text(64),
        "outcomes": MapOf(_SHARE, len(Outcome)),
        "excluded": ListOf(Text(100), len(Outcome)),
        "rate": Maybe(_BAND),
        "loops": Maybe(_BAND),
        "sensitivity": _SENSITIVITY,
        "truncation_rate": Maybe(_BAND),
        "constant_after": Maybe(_BAND),
        "kept": _SHARE,
        "longer": _SHARE,
        "fixed_point_by_cosine": _SHARE,
        "sampled": MapOf(Whole(0, 10**6), len(Outcome)),
        "reason": Text(),
        "claims": ListOf(Text(20), 100),
        "sources": MapOf(Anything(), 100),
        "command": Text(),
    },
    also=_certain,
)
"""What a record must be."""


@dataclass(frozen=True)
class Sensitivity90:
    """What is predicted of S, the derivative of the fixed point by the embedding of the input.

    Attributes:
        kind: `zero` (A3: no recall), `smooth` (L1) or `unknown` (no attracting point was found).
        rank_per_token: the rank of S divided by the number of tokens, generically (N4); None where
            nothing is said.
        low: lower end of the 90 % interval of the operator norm of S.
        high: upper end.
    """

    kind: str
    rank_per_token: int | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Forecast:
    """The prediction for one checkpoint, stage of its training and level of its task.

    Attributes:
        checkpoint: its name.
        stage: `initial`, `middle` or `end` of the training.
        level: the level of the task from which inputs are drawn.
        task: the task.
        architecture: recall, norm and residual.
        seed: seed of the training.
        weights: SHA-256 of the weights.
        outcomes: outcome to probability for a new input.
        excluded: outcomes that a theorem excludes, and that the last operation of the step does
            not make impossible by itself.
        rate: asymptotic factor per iteration of a new input that settles; None if no attracting
            fixed point was found.
        loops: iterations to a relative step of 1e-6, likewise.
        sensitivity: what is said of S.
        truncation_rate: factor per unrolled step of the error of the truncated gradient.
        constant_after: iteration from which the answer of a new input does not change.
        kept: probability that the accuracy after 500 iterations is at least 0.95 of that after 30.
        longer: probability that the accuracy of the harder level after 500 iterations is at least
            0.9 of that of the easier level.
        fixed_point_by_cosine: for comparison: share of the other inputs with a cosine of more than
            0.99 between the states 29 and 30.
        sampled: for comparison: outcomes of the other inputs after 500 iterations in float32.
        reason: why, in words.
        claims: ids of the claims that were used.
        sources: from what it was predicted: the other inputs with what was found of each, kappa,
            rho(W_x), and how the numbers were made.
        command: the command that made the record.
    """

    checkpoint: str
    stage: str
    level: str
    task: str
    architecture: str
    seed: int
    weights: str
    outcomes: dict[str, float]
    excluded: tuple[str, ...]
    rate: Band | None
    loops: Band | None
    sensitivity: Sensitivity90
    truncation_rate: Band | None
    constant_after: Band | None
    kept: float
    longer: float
    fixed_point_by_cosine: float
    sampled: dict[str, int]
    reason: str
    claims: tuple[str, ...]
    sources: dict[str, Any] = field(repr=False)
    command: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Checkpoint, stage and level, which name the record."""
        return self.checkpoint, self.stage, self.level

    def to_json(self) -> dict[str, Any]:
        """All attributes, as a JSON object."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        plain = {
            name: vars(value) if isinstance(value, Band | Sensitivity90) else value
            for name, value in found.items()
        }
        return jsonable(plain)

    @classmethod
    def from_json(cls, data: Any, where: str = "the forecast") -> Forecast:
        """The record of a JSON object that `to_json` made.

        Args:
            data: the object.
            where: what it is, for the message of an error.

        Raises:
            LoopstabError: a field is missing, unknown, or not what it must be.
        """
        try:
            FORECAST.check(data, "")
        except SchemaError as error:
            raise LoopstabError(
                f"{where} is damaged ({error}): restore it from a copy, or delete it and predict"
                " again"
            ) from None
        bands = ("rate", "loops", "truncation_rate", "constant_after")
        made = {name: None if data[name] is None else Band(**data[name]) for name in bands}
        tuples = {name: tuple(data[name]) for name in ("excluded", "claims")}
        sensitivity = Sensitivity90(**data["sensitivity"])
        return cls(**{**data, **made, **tuples, "sensitivity": sensitivity})
