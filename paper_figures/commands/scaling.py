"""Dependence of the linear mean-field law on the width."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ...support.errors import check_seed_and_jobs
from ...support.files import write_json
from ...support.jsonable import json_text
from ...support.locks import exclusive_folder
from ...support.option_bounds import COUNT, SIZES, check_options
from ...support.schema import ListOf, Whole

if TYPE_CHECKING:
    from ...numerics.phase.scaling import Scaling


def scaling(
    out: Path,
    widths: tuple[int, ...] = (50, 100, 200, 400),
    draws: tuple[int, ...] = (40,),
    residual: float = 0.0,
    low: float = 0.7,
    high: float = 6.0,
    points: int = 12,
    seed: int = 0,
    jobs: int = 1,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Measure how the linear mean-field law depends on the width.

    rho - theory of the law N6 is measured against (beta/sigma) d^(1/4) for several widths d, and
    the exponent is fitted for which all widths lie on one curve, with an interval from resampled
    draws. It is an effective exponent, of the range of the widths; where they do not determine it,
    the result says so. The results are written to scaling.json, scaling.png, scaling.svg and
    scaling.pdf.

    Example: loopstab scaling --widths 50 100 200 400 --draws 80 80 40 20 --out runs/scaling

    Exit status: 0 if the results are written, 2 for a wrong request.

    Args:
        out: Folder for the results. It is created.
        widths: State widths d.
        draws: Random matrices for each width: one number for all widths, or one for each.
        residual: Residual strength a.
        low: Least value of (beta/sigma) d^(1/4).
        high: Greatest value of (beta/sigma) d^(1/4).
        points: How many values are measured, evenly spaced on a logarithmic scale.
        seed: Seed of everything random.
        jobs: Number of threads.
        json_: Print the result as a JSON object, and no progress bar.
    """
    check_seed_and_jobs(seed, jobs)
    check_options(widths=(widths, SIZES), draws=(draws, ListOf(COUNT, 1000, 1)))
    check_options(points=(points, Whole(5, 10_000)))
    # before NumPy is imported: the draws are spread over the cores, their small matrices are not
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from ...numerics.phase.scaling import finite_size_scaling
    from ..drawings.save import save_figure
    from ..drawings.width_collapse import scaling_figure

    with exclusive_folder(out):
        found = finite_size_scaling(
            widths,
            residual=residual,
            draws=draws,
            low=low,
            high=high,
            points=points,
            seed=seed,
            jobs=jobs,
            progress=not json_,
        )
        record = {"command": _command(found), **found.to_json()}
        write_json(out / "scaling.json", record)
        files = save_figure(scaling_figure(found), out / "scaling")
    if json_:
        print(json_text(record))
    else:
        print(
            f"effective exponent {found.exponent_text} (as d grows: 1/4); figures:"
            f" {', '.join(map(str, files))}"
        )
    return 0


def _command(found: Scaling) -> str:
    """The command that gives the same result."""
    lists = (("widths", found.widths), ("draws", found.draws))
    words = [f"--{name} {' '.join(map(str, values))}" for name, values in lists]
    ends = f"--low {found.x[0]:.12g} --high {found.x[-1]:.12g} --points {len(found.x)}"
    return (
        f"loopstab scaling {' '.join(words)} --residual {found.residual:.12g} {ends}"
        f" --seed {found.seed} --out FOLDER"
    )
