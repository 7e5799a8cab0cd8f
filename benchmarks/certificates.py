"""Measure how many networks are certified per minute, by ensemble, dimension and processes.

`python benchmarks/certificates.py` prints JSON. The goal is 200 networks per minute at d = 2 on
2 cores. `boxes` is the average number of boxes that one network needs.
"""

import argparse
import json
import os

from loopstab.numerics.certificates.counts import ENSEMBLES, count_fixed_points


def main():
    """Print the benchmark as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=100)
    parser.add_argument("--gain", type=float, default=2.0)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    rows = []
    for ensemble in ENSEMBLES:
        for size in options.sizes:
            for jobs in options.jobs:
                count_fixed_points(
                    ensemble, size, options.gain, 25 * jobs, seed=1, jobs=jobs
                )  # starts the workers, not counted
                counts = count_fixed_points(
                    ensemble, size, options.gain, options.networks, jobs=jobs
                )
                rows.append(
                    {
                        "ensemble": ensemble,
                        "size": size,
                        "jobs": jobs,
                        "per_minute": round(60 * options.networks / counts.seconds),
                        "boxes": counts.boxes / options.networks,
                        "undecided": counts.undecided,
                    }
                )
    print(
        json.dumps(
            {
                "cores": os.cpu_count(),
                "load": os.getloadavg()[0],
                "gain": options.gain,
                "rows": rows,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
