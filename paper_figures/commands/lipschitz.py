"""Lipschitz bounds of trained checkpoints, beside what is measured of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from ...support.errors import check_seed_and_jobs
from ...support.jsonable import json_text
from ...support.option_bounds import COUNT, RADIUS, check_options
from ...support.schema import ListOf, Number


def lipschitz(
    checkpoint: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    tau: tuple[float, ...] = (),
    radius: float = 1e-3,
    loops: int = 1000,
    data: Path | None = None,
    seed: int = 0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Bound how much trained loops stretch the distance of states.

    The bound kappa follows from the norms of the weights (claim L3). It is given for the whole
    state space, and for a ball around the state in which the orbit of one input settles, beside
    the largest stretch that is measured there. kappa below 1 on the whole space proves that all
    orbits reach one fixed point. For post-norm checkpoints with recall, tau_0 is the factor of W_e
    from which on that is proved (claim L2); --tau holds the bound kappa(tau) against the network
    with W_e scaled. Distances are the largest 2-norm of a token; the JSON has the 2-norm over all
    tokens as well.

    Example: loopstab lipschitz internal-post --tau 100 10000

    Exit status: 0 if the bounds were computed and none was below what was measured; 1 if one was,
    and for a damaged file; 2 for a wrong request.

    Args:
        checkpoint: Names (see loopstab zoo list) or paths of checkpoints; default: four names.
        tau: Recall strengths, factors of W_e.
        radius: Radius of the ball around the settled state, for every token.
        loops: Iterations after which the orbit counts as not settled.
        data: Prepared data file, for a task that needs one.
        seed: Seed of the input.
        json_: Print a JSON list instead of tables.
    """
    check_seed_and_jobs(seed)
    strengths = ListOf(Number(0, 1e100), 1000)
    check_options(loops=(loops, COUNT), tau=(tau, strengths), radius=(radius, RADIUS))
    from ...models.measure.lipschitz import lipschitz_record
    from ...models.zoo import zoo
    from ..text.tables import print_rows

    records = [
        lipschitz_record(
            zoo.load(name), name=name, radius=radius, loops=loops, tau=tau, data=data, seed=seed
        )
        for name in checkpoint or zoo.SHOWN
    ]
    broken = [r.name for r in records if not r.dominates]
    if json_:
        print(json_text([r.to_json() for r in records]))
        return int(bool(broken))
    print_rows(
        [
            {
                "checkpoint": r.name,
                "space": r.space,
                f"ball {radius:g}": r.ball,
                "point": r.point,
                "measured": r.stretch,
                "settled": "yes" if r.settled else "no",
                "tau_0": r.tau_0,
            }
            for r in records
        ],
        "kappa by L3, and the recall strength tau_0 by L2",
    )
    rows = [
        {
            "checkpoint": r.name,
            "tau": at.tau,
            "kappa(tau)": at.kappa,
            "measured": at.stretch,
            "one fixed point": "yes" if at.one_point else "no",
        }
        for r in records
        for at in r.strengths
    ]
    if rows:
        print_rows(rows, "recall scaled by tau")
    for name in broken:
        print(f"{name}: a bound is below what was measured; please report this")
    return int(bool(broken))
