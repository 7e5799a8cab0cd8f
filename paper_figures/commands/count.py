"""Certified fixed points of random networks: how many there are, and their branches."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from ...support.errors import check_seed_and_jobs
from ...support.files import write_json
from ...support.jsonable import json_text
from ...support.locks import exclusive_folder
from ...support.option_bounds import COUNT, check_options
from ...support.schema import ListOf, Number, Whole

if TYPE_CHECKING:
    from ...numerics.certificates.branch_counts import BranchCounts
    from ...numerics.certificates.counts import Counts


def count(
    ensemble: Literal["tanh", "relu", "norm-tanh", "norm-linear"] = "tanh",
    sizes: tuple[int, ...] = (1, 2),
    gains: tuple[float, ...] = (1.0, 2.0, 4.0),
    networks: int = 100,
    branch: float | None = None,
    recall: float = 1.0,
    seed: int = 0,
    jobs: int = 1,
    max_boxes: int = 200_000,
    out: Path | None = None,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Count the fixed points of random networks, each one proved.

    Every fixed point is enclosed by the Krawczyk operator in ball arithmetic, and the rest of the
    state space is proved empty. A network with an undecided box counts as undecided. The ensembles
    are, with G Ginibre of variance 1/size, and b and x standard normal:

    tanh: h' = tanh(gain G h) + b; relu: h' = gain G relu(h) + b, in exact rational arithmetic;
    norm-tanh and norm-linear: h' = N(h + gain G phi(h) + x).

    With --branch LENGTH every fixed point is followed over inputs e(t) = t v with |v| = LENGTH,
    which enter as recall * e(t) beside gain G, inside tanh or N. A branch is complete if h*(e) is
    proved to exist and to be continuously differentiable over the whole interval. It depends on
    the input if an enclosure of its derivative excludes 0 everywhere. Parts where this is not
    proved, such as folds, are listed as undecided.

    Examples: loopstab count --ensemble tanh --sizes 1 2 --gains 2 4 --networks 1000 --jobs 2
     loopstab count --ensemble norm-tanh --sizes 2 --gains 1 --networks 20 --branch 1 --json

    Exit status: 0 if the laws hold, 1 if one does not, 2 for a wrong request. The laws are: the
    indices of the fixed points sum to 1; the mean count is that of Kac and Rice, where it has a
    closed form; without recall no branch moves.

    Args:
        ensemble: The random maps.
        sizes: State dimensions d.
        gains: Gains of the weights.
        networks: Networks for each dimension and gain.
        branch: Length of the interval of inputs. Without it, fixed points are only counted.
        recall: Strength with which the input enters a branch.
        seed: Seed of the weights and directions.
        jobs: Number of processes; -1 for all cores.
        max_boxes: Number of boxes after which a network is given up as undecided.
        out: Folder for count.json and, for counts, a figure (count.png, .svg and .pdf).
        json_: Print one JSON list instead of a table.
    """
    from ...numerics.certificates.branch_counts import count_branches
    from ...numerics.certificates.counts import count_fixed_points
    from ..drawings.fixed_point_counts import count_figure
    from ..drawings.save import save_figure
    from ..text.tables import print_rows

    check_seed_and_jobs(seed, jobs)
    check_options(sizes=(sizes, ListOf(Whole(1, 64), 1000, 1)), networks=(networks, COUNT))
    check_options(gains=(gains, ListOf(Number(0), 1000, 1)), max_boxes=(max_boxes, COUNT))
    # an error of the folder comes before the work
    with nullcontext() if out is None else exclusive_folder(out) as folder:
        cases = [(d, gain) for d in sizes for gain in gains]
        results: list[Any]
        if branch is None:
            results = [
                count_fixed_points(ensemble, d, gain, networks, seed, jobs, max_boxes=max_boxes)
                for d, gain in cases
            ]
            rows, title = [_count_row(r) for r in results], "certified fixed points"
        else:
            options: dict[str, Any] = {
                "recall": recall,
                "length": branch,
                "seed": seed,
                "jobs": jobs,
                "max_boxes": max_boxes,
            }
            results = [count_branches(ensemble, d, gain, networks, **options) for d, gain in cases]
            rows, title = (
                [_branch_row(r) for r in results],
                f"certified branches, inputs of length {branch:g}, recall {recall:g}",
            )
        found = [r.to_json() for r in results]
        if branch is None:
            found = [{**row, "command": _command(row, max_boxes)} for row in found]
        if folder is not None:
            write_json(folder / "count.json", found)
            if branch is None:
                save_figure(count_figure(results), folder / "count")
    if json_:
        print(json_text(found))
    else:
        print_rows(rows, f"{ensemble}: {title}")
    return 1 if any(r.falsified for r in results) else 0


def _command(row: dict[str, Any], max_boxes: int) -> str:
    """The command that measures a row of the counts again."""
    numbers = f"--networks {row['networks']} --seed {row['seed']} --max-boxes {max_boxes}"
    return (
        f"loopstab count --ensemble {row['ensemble']} --sizes {row['size']} --gains"
        f" {row['gain']:.12g} {numbers}"
    )


def _count_row(row: Counts) -> dict[str, Any]:
    return {
        "d": row.size,
        "gain": row.gain,
        "networks": row.networks,
        "undecided": row.undecided,
        "mean": "-" if row.mean is None else f"{row.mean:.3f}",
        "law": "-" if row.kac_rice is None else f"{row.kac_rice:.3f}",
        "counts": ", ".join(f"{k}: {n}" for k, n in row.histogram.items()),
        "stable": "-" if row.stable is None else str(row.stable),
        "a minute": f"{60 * row.networks / row.seconds:.0f}",
    }


def _branch_row(row: BranchCounts) -> dict[str, Any]:
    stopped = [b.branch.reached for b in row.branches if not b.branch.complete]
    return {
        "d": row.size,
        "gain": row.gain,
        "networks": row.networks,
        "undecided": row.undecided,
        "branches": len(row.branches),
        "complete": row.complete,
        "moving": row.input_dependent,
        "least slope": row.least_slope,
        "undecided from": (
            ", ".join(f"{t:.3g}" for t in stopped[:5]) + (", ..." if len(stopped) > 5 else "")
            if stopped
            else None
        ),
    }
