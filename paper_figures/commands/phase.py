"""Phase diagrams of a law, a block, a transformer, or a step in a Python file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ...support.errors import UsageError, check_seed_and_jobs
from ...support.jsonable import json_text
from ...support.locks import exclusive_folder
from ...support.option_bounds import check_options
from ...support.schema import ListOf, Whole
from ...support.slurm import Executor, Request

if TYPE_CHECKING:
    from ...numerics.phase.work import Workforce


def phase(
    out: Path,
    law: str = "linear",
    x: str | None = None,
    y: str | None = None,
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
    """Draw phase diagrams of random loops, with their closed forms.

    Any two parameters of a law or a block span the diagram. The maps show the spectral radius rho,
    the outcome, the iterations, the sensitivity, and the disagreement with the closed form, where
    there is one. They are written as PNG, SVG and PDF, beside phase.npz and phase.json. Samples are
    stored in OUT/samples: the same command resumes an interrupted run, and another grid uses the
    samples that are known.

    Laws are loops N(a h + A phi(slope h) + beta e), where A has scale sigma. They are named after
    their activation: linear, relu, tanh, erf, sin or gelu. Their parameters are sigma, beta,
    residual (a) or fraction (a/(1 + a)), slope and width.

    Blocks are named after their architecture, recall/norm or recall/norm/residual, and have linear
    sub-blocks. Their parameters are block, state and recall (the scales of A, W_x and W_e), bias,
    sub_blocks and width.

    Transformers have random attention and MLP sub-blocks, and no closed form. They are named
    transformer:recall/norm[/residual], with gelu, or transformer-ACTIVATION:recall/norm[/residual].
    Their parameters are block, tokens, width and heads, and with recall also state and recall.

    A Python file (--law mine.py) defines a step of your own, step(h, e, **parameters), on NumPy
    arrays or torch tensors; its parameters are the arguments after h and e that are numbers. The
    file is executed. It may also define initial (a state, or a function of e), e (an input, or a
    function e(rng) that draws one; otherwise a Gaussian vector of width numbers), weights (a
    function weights(rng) that draws the argument weights of the step), rho (the closed form, a
    function of some parameters), parameters (their defaults) and vectorised (True for a step that
    computes many states at once). Stored samples expire when the file changes.

    By default all cells share the random matrices of each draw, and their errors are correlated. On
    a cluster, which needs loopstab[cluster], every node must be able to see the folder OUT.

    Examples: loopstab phase --law tanh --set residual=1 slope=2 --width 128 --out runs/phase
     loopstab phase --law internal/post --x recall:0.1:10:log --y block:0.1:10:log --out runs/block
     loopstab phase --law mine.py --x a:0:2 --y b:0.1:10:log --draws 5 --out runs/mine

    Exit status: 0 if the maps are written, 2 for a wrong request or an error in the file.

    Args:
        out: Folder for the results. It is created.
        law: Name of a law, a block or a transformer, such as tanh or internal/post, or Python file.
        x: Horizontal axis, as NAME:LOW:HIGH[:log]; by default one that suits the law.
        y: Vertical axis, in the same form.
        set_: Values of other parameters, as NAME=VALUE.
        residual: Short for --set residual=VALUE.
        width: Short for --set width=VALUE.
        grid: Number of coarse cells, as ROWSxCOLUMNS (along y and x).
        depth: How often cells are split in four where the outcome or the sign of rho - 1 changes.
        draws: Random loops for each cell.
        seed: Seed of everything random.
        independent: Give every cell random matrices of its own; slower, uncorrelated errors.
        jobs: Number of cores; -1 for all.
        cluster: Measure in jobs on a Slurm cluster, or in local ones to try that out.
        partition: Slurm partition.
        job_minutes: Time limit of one job, in minutes.
        at_once: The most jobs at a time.
        json_: Print the summary as a JSON object, and no progress bar.
    """
    check_seed_and_jobs(seed, jobs)
    rows, cols = _grid(grid)
    check_options(grid=((rows, cols), ListOf(Whole(2, 10_000))))
    check_options(draws=(draws, Whole(1, 10**6)), depth=(depth, Whole(0, 8)))
    # before NumPy is imported: the cells are spread over the cores, their small matrices are not
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from ...numerics.phase.sweep import phase_diagram
    from ..drawings.phase_maps import MAPS, maps_of
    from ..drawings.save import METADATA, save_figure

    with exclusive_folder(out):
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
        files = [
            file for stem, draw in maps.items() for file in save_figure(draw(diagram), out / stem)
        ]
        for name in (f"{stem}.{kind}" for stem in MAPS if stem not in maps for kind in METADATA):
            (out / name).unlink(missing_ok=True)  # it was drawn for another law
    summary = {**diagram.summary(), "files": [str(f) for f in files]}
    # a law without closed form has no error of one
    known = {key: value for key, value in summary.items() if value is not None}
    print(json_text(summary) if json_ else "\n".join(f"{k}: {v}" for k, v in known.items()))
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
