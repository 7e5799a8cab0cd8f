"""The published anisotropy table beside the exact one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ...support.errors import check_seed_and_jobs
from ...support.jsonable import json_text
from ...support.option_bounds import check_options
from ...support.schema import ListOf, Number, Whole

if TYPE_CHECKING:
    from ...numerics.anisotropy.table import AnisotropyRow

LIMIT = 5.0
"""Standard errors between the exact projections and their law above which the command fails. A
normal variable exceeds them once in 1.7 million times.
"""
ENOUGH = 1000
"""Least number of draws that are judged; the law of a smaller sample is less close to normal."""
LAST_DIGIT = 5.001e-5
"""Largest difference of numbers that are equal to four printed digits, with room for rounding."""


def anisotropy(
    n: int = 10_000,
    seed: int = 0,
    scales: tuple[float, ...] = (0.1, 0.5, 1.0, 2.0, 4.0),
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Compare the published anisotropy table with the exact one.

    Gaussian weights are projected on the nearest stable point. Every cell of the table has five
    values: the published one; the exact projection of n draws; what a local descent from each draw
    finds; the exact law (R4); and how many standard errors the first two are away from the law.
    With seed 0 and n = 10000 the draws are those of the published table.

    Example: loopstab anisotropy --n 10000 --seed 0 --json

    Exit status: 0 if the exact projections agree with their law, 1 if those of 1000 draws or more
    are beyond 5 standard errors of it (which would falsify R4), 2 for a wrong request.

    Args:
        n: Draws for each scale.
        seed: Seed of the draws.
        scales: Standard deviations s of the weights.
        json_: Print one JSON object instead of tables.
    """
    check_seed_and_jobs(seed)
    scales_of = ListOf(Number(0, 1e100, above=True), 1000, 1)
    check_options(n=(n, Whole(2, 10**8)), scales=(scales, scales_of))
    from ...numerics.anisotropy.table import anisotropy as measure

    rows = measure(n, seed, scales)
    cells = [cell for row in rows for cell in row.cells()]
    judged = [
        cell
        for cell in cells
        if n >= ENOUGH and not (cell["recall"] == "internal" and "median" in cell["statistic"])
    ]
    falsified = any(abs(cell["exact_z"]) > LIMIT for cell in judged)
    if json_:
        numbers = " ".join(f"{s:g}" for s in scales)
        summary = {
            "command": f"loopstab anisotropy --n {n} --seed {seed} --scales {numbers} --json",
            "n": n,
            "seed": seed,
            "rows": [row.to_json() for row in rows],
            "summary": _counts(cells),
        }
        print(json_text(summary))
    else:
        _print(rows, cells)
    return 1 if falsified else 0


def _counts(cells: list[dict[str, Any]]) -> dict[str, int]:
    """How many published cells agree with the projections, the descent and the law.

    A cell agrees with a number if it equals it to the last printed digit, and with the law if it
    is within three standard errors.
    """
    published = [cell for cell in cells if cell["published"] is not None]

    def equal(name: str) -> int:
        return sum(abs(cell[name] - cell["published"]) < LAST_DIGIT for cell in published)

    with_law = [cell for cell in published if cell["published_z"] is not None]
    return {
        "published_cells": len(published),
        "equal_to_exact_projection": equal("exact"),
        "equal_to_descent": equal("descent"),
        "with_a_standard_error": len(with_law),
        "within_3_standard_errors": sum(abs(cell["published_z"]) <= 3 for cell in with_law),
    }


def _text(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _print(rows: list[AnisotropyRow], cells: list[dict[str, Any]]) -> None:
    from ..text.tables import print_rows

    for recall in dict.fromkeys(row.recall.value for row in rows):
        table = [
            {
                "s": cell["s"],
                "cell": cell["statistic"].replace("_", " "),
                **{
                    name: _text(cell[name], ".4f")
                    for name in ("published", "exact", "descent", "law")
                },
                "z publ.": _text(cell["published_z"], "+.1f"),
                "z exact": _text(cell["exact_z"], "+.1f"),
            }
            for cell in cells
            if cell["recall"] == recall
        ]
        print_rows(
            table, f"{recall}: |log(|x|/|y|)| and balance min/max of the nearest stable points"
        )
    where = [
        {
            "recall": row.recall.value,
            "s": row.scale,
            "stable": row.stable,
            "to axis": row.on_axis,
            "to curve": row.on_curve,
            "stuck": row.stuck,
            "stuck, axis": row.stuck_on_axis,
        }
        for row in rows
    ]
    print_rows(where, "where the draws go")
    counts = _counts(cells)
    if counts["published_cells"]:
        print(
            f"{counts['published_cells']} published cells: {counts['equal_to_exact_projection']}"
            " equal the exact projections of these draws to the last digit,"
            f" {counts['equal_to_descent']} the local descent; of the"
            f" {counts['with_a_standard_error']} with a standard error"
            f" {counts['within_3_standard_errors']} lie within 3 of the law."
        )
    print(
        "stuck: the descent ends in a local minimum (stuck, axis: then the axis is nearer)."
        " Internal medians: exactly half of the population is projected on an axis (log-ratio"
        " infinite, cut at log(|x|/1e-8); balance 0), so a median measures which half of the draws"
        " was larger; its law here is that of a sample with this many draws off the axes."
    )
