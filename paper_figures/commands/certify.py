"""Certified counts of fixed points of random networks."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import tyro


def certify(
    ensemble: Literal["tanh", "relu", "norm-tanh", "norm-linear"] = "tanh",
    sizes: tuple[int, ...] = (1, 2),
    gains: tuple[float, ...] = (1.0, 2.0, 4.0),
    networks: int = 100,
    seed: int = 0,
    jobs: int = 1,
    max_boxes: int = 200_000,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Count the fixed points of random networks, every one proved (Krawczyk, ball arithmetic), the rest of the state space proved empty.

    tanh: h' = tanh(gain G h) + b; relu: h' = gain G relu(h) + b (exact rational arithmetic); norm-tanh, norm-linear:
    h' = N(h + gain G phi(h) + x). G Ginibre of variance 1/size, b and x standard normal. A network with an undecided box is counted as
    undecided. Exit status 1 if the counts break a law (sum of the indices 1; the Kac-Rice mean, where it has a closed form), 2 for a
    wrong request. Example: loopstab certify --ensemble tanh --sizes 1 2 --gains 2 4 --networks 1000 --seed 0 --jobs 2 --json

    Args:
        ensemble: The random maps.
        sizes: State dimensions d.
        gains: Gains of the weights.
        networks: Networks per dimension and gain.
        seed: Seed of the weights.
        jobs: Processes; -1 for all cores.
        max_boxes: Boxes after which a network is given up as undecided.
        json_: Print one list of objects instead of a table.
    """
    from numerics.fixed_point_counts import count_fixed_points
    from paper_figures.tables import print_rows

    rows = [count_fixed_points(ensemble, d, gain, networks, seed, jobs, max_boxes=max_boxes) for d in sizes for gain in gains]
    if json_:
        print(json.dumps([row.to_json() for row in rows], indent=1, allow_nan=False))
    else:
        table = [
            {
                "d": row.size, "gain": row.gain, "networks": row.networks, "undecided": row.undecided,
                "mean": "-" if row.mean is None else f"{row.mean:.3f}", "Kac-Rice": "-" if row.kac_rice is None else f"{row.kac_rice:.3f}",
                "counts": ", ".join(f"{k}: {n}" for k, n in row.histogram.items()),
                "stable": "-" if row.stable is None else str(row.stable), "per minute": f"{60 * row.networks / row.seconds:.0f}",
            }
            for row in rows
        ]  # fmt: skip
        print_rows(table, f"{ensemble}: certified fixed points")
    return 1 if any(row.fallen for row in rows) else 0
