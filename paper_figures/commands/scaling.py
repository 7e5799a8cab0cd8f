"""Finite-size scaling of the linear mean-field law."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import tyro

from ...support.files import output_folder, write_json
from ...support.jsonable import json_text


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
    """Compare widths: rho - theory of the linear law N6 against (beta/sigma) d^(1/4), and the
    exponent that makes them one curve.

    Writes scaling.json, scaling.png and scaling.svg. Exit status 2 for a wrong request. Example:
    loopstab scaling --widths 50 100 200 400 800 --draws 80 80 40 20 10 --seed 0 --out runs/scaling

    Args:
        out: Folder for the results (created).
        widths: State widths d.
        draws: Random matrices per width; one number for all, or one for each.
        residual: The residual strength a.
        low: Smallest (beta/sigma) d^(1/4).
        high: Largest.
        points: Values in between, on a logarithmic scale.
        seed: Seed of everything random.
        jobs: Threads.
        json_: Print the result as JSON and no progress bar.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is loaded: draws go over the cores
    from ...numerics.phase.scaling import finite_size_scaling
    from ..drawings.save import save_figure
    from ..drawings.width_collapse import scaling_figure

    output_folder(out)
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
    write_json(out / "scaling.json", found.to_json())
    files = save_figure(scaling_figure(found), out / "scaling")
    if json_:
        print(json_text(found.to_json()))
    else:
        print(
            f"exponent {found.exponent_text} (as d grows: 1/4); figures:"
            f" {', '.join(map(str, files))}"
        )
    return 0
