"""Phase diagram of a law or a block."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ...support.errors import UsageError
from ...support.jsonable import json_text
from ...support.slurm import Executor, Request

if TYPE_CHECKING:
    from ...numerics.phase.work import Workforce


def phase(
    out: Path,
    law: str = "linear",
    x: str = "beta:0.05:5:log",
    y: str = "sigma:0.2:5:log",
    set_: Annotated[tuple[str, ...], tyro.conf.arg(name="set")] = (),
    residual: float | None = None,
    width: int | None = None,
    grid: str = "24x24",
    depth: int = 0,
    draws: int = 1,
    seed: int = 0,
    independent: bool = False,
    jobs: int = -1,
    cluster: Executor | None = None,
    partition: str | None = None,
    job_minutes: int = 240,
    at_once: int = 16,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Measure a law or a block over any two of its parameters and draw the maps with the closed
    form on top.

    Laws: linear, relu, tanh, erf, sin, gelu, the loop N(a h + A phi(slope h) + beta e), A of scale
    sigma, with parameters sigma, beta, residual (a) or fraction (a/(1 + a)), slope, width. Blocks:
    any architecture recall/norm[/residual] with linear sub-blocks and parameters block, state,
    recall (scales of A, W_x, W_e), bias, sub_blocks, width. Transformers: random attention and MLP
    sub-blocks as transformer:recall/norm[/residual], gelu, or transformer-ACTIVATION:..., with
    parameters block, state, recall (the last two with recall only), tokens, width, heads; there is
    no closed form for them.

    Writes phase.npz, phase.json and a PNG and SVG of each map: rho (phase), outcome, iterations,
    sensitivity, and the disagreement with the closed form where there is one. Samples are kept in
    OUT/samples: the same command goes on where it was stopped, another grid finds what is known.
    Exit status 2 for a wrong request. Examples: loopstab phase --law tanh --x beta:0.05:5:log --y
    sigma:0.2:5:log --set residual=1 slope=2 --width 128 --depth 2 --out runs/phase loopstab phase
    --law transformer:internal/post --x recall:0.1:10:log --y block:0.1:10:log --set tokens=4
    --width 16 --out runs/blocks

    Args:
        out: Folder for the results (created).
        law: A law by its activation, or a block by its architecture, e.g. internal/post or
            transformer:internal/post.
        x: Horizontal axis as NAME:LOW:HIGH or NAME:LOW:HIGH:log.
        y: Vertical axis.
        set_: Values of other parameters, as NAME=VALUE.
        residual: Short for --set residual=VALUE.
        width: Short for --set width=VALUE.
        grid: Coarse cells as ROWSxCOLUMNS (y x).
        depth: How often cells are split in four where the outcome or the sign of rho - 1 changes.
        draws: Random loops per cell.
        seed: Seed of everything random.
        independent: Give every cell random matrices of its own (slower); else cells share those of
            each draw: their errors are correlated.
        jobs: Cores to use; -1 for all.
        cluster: Do the work on Slurm, or try that out with local jobs (needs loopstab[cluster]; OUT
            on a file system that the nodes see).
        partition: Slurm partition.
        job_minutes: Time limit of one job.
        at_once: Most jobs at a time.
        json_: Print the summary as JSON and no progress bar.
    """
    os.environ.setdefault(
        "OMP_NUM_THREADS", "1"
    )  # before NumPy is loaded: cells go over the cores, their small matrices do not
    from ...numerics.phase.diagram import phase_diagram
    from ..drawings.phase_maps import MAPS, maps_of
    from ..drawings.save import save_figure

    rows, cols = _grid(grid)
    diagram = phase_diagram(
        law,
        x=x,
        y=y,
        settings=_settings(set_, residual, width),
        grid=(rows, cols),
        depth=depth,
        draws=draws,
        seed=seed,
        independent=independent,
        cache=out / "samples",
        jobs=jobs,
        progress=not json_,
        workforce=_workforce(cluster, out, Request(job_minutes, partition, at_once=at_once)),
    )
    diagram.save(out)
    maps = maps_of(diagram)
    files = [file for stem, draw in maps.items() for file in save_figure(draw(diagram), out / stem)]
    for name in (f"{stem}.{kind}" for stem in MAPS if stem not in maps for kind in ("png", "svg")):
        (out / name).unlink(missing_ok=True)  # drawn here for another law
    summary = {**diagram.summary(), "files": [str(f) for f in files]}
    print(json_text(summary) if json_ else "\n".join(f"{k}: {v}" for k, v in summary.items()))
    return 0


def _workforce(executor: Executor | None, out: Path, request: Request) -> Workforce | None:
    from ...numerics.phase import cluster

    return None if executor is None else cluster(out / "jobs", request, executor)


def _settings(
    items: tuple[str, ...], residual: float | None, width: int | None
) -> dict[str, float]:
    settings: dict[str, float] = {}
    for item in items:
        name, sign, value = item.partition("=")
        try:
            settings[name] = float(value)
        except ValueError:
            sign = ""
        if not sign:
            raise UsageError(f"cannot read --set {item!r}: write NAME=VALUE, e.g. residual=1")
    for name, value in (("residual", residual), ("width", width)):
        if value is not None and name in settings and settings[name] != value:
            raise UsageError(
                f"--{name} {value:g} and --set {name}={settings[name]:g} disagree: leave one of"
                " them out"
            )
        if value is not None:
            settings[name] = value
    return settings


def _grid(text: str) -> tuple[int, int]:
    try:
        rows, cols = (int(n) for n in text.lower().split("x"))
    except ValueError:
        raise UsageError(f"cannot read grid {text!r}: write ROWSxCOLUMNS, e.g. 24x24") from None
    return rows, cols
