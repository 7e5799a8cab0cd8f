"""Certified numbers of fixed points of random networks, and the exact laws that they must obey.

With a matrix G of independent N(0, 1/d) entries and vectors x, b of independent N(0, 1) entries,
the ensembles are

- `tanh`: h' = tanh(gain G h) + b
- `relu`: h' = gain G relu(h) + b
- `norm-tanh`, `norm-linear`: h' = N(h + gain G phi(h) + x), with eps = 1e-3 in N.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel

from ...support.errors import UsageError, check_seed_and_jobs
from ...support.worker_processes import tied
from ..formulas import numeric
from .certify import Certificate, certify
from .maps import NormMap, TanhMap
from .relu import ReluCertificate, ReluMap, certify_relu

ENSEMBLES = ("tanh", "relu", "norm-tanh", "norm-linear")
EPS = 1e-3
"""The number eps in the norm of the normalised ensembles."""
BATCH = 25
"""Networks certified in one task of a worker process."""
LIMIT = 5
"""Standard errors beyond which a mean falsifies its law: once in 1.7 million for a normal one."""


def random_map(
    ensemble: str, size: int, gain: float, seed: tuple[int, ...]
) -> TanhMap | ReluMap | NormMap:
    """A random map of the ensemble, determined by the seed."""
    if ensemble not in ENSEMBLES:
        raise UsageError(f"unknown ensemble {ensemble!r}: use one of {', '.join(ENSEMBLES)}")
    if size < 1 or not (np.isfinite(gain) and gain >= 0):
        raise UsageError(
            f"a random map needs size >= 1 and a finite gain >= 0, not {size} and {gain}"
        )
    rng = np.random.default_rng(seed)
    matrix, vector = (
        gain * rng.standard_normal((size, size)) / np.sqrt(size),
        rng.standard_normal(size),
    )
    if ensemble == "tanh":
        return TanhMap.of(np.eye(size), matrix, vector)
    if ensemble == "relu":
        return ReluMap.of(matrix, vector)
    return NormMap.of(1.0, matrix, vector, EPS, ensemble.removeprefix("norm-"))


def certificate_of(f: TanhMap | ReluMap | NormMap, **limits: Any) -> Certificate | ReluCertificate:
    """All fixed points of a map, by the method for its kind; `limits` are those of `certify`."""
    return certify_relu(f) if isinstance(f, ReluMap) else certify(f, **limits)


@dataclass(frozen=True)
class Counts:
    """Certified counts of the fixed points of random maps.

    Args:
        ensemble: Name of the ensemble.
        size: Dimension d.
        gain: Scale of the matrices.
        seed: Seed of the maps.
        networks: Number of maps.
        histogram: Number of networks by count, without the undecided networks.
        undecided: Number of networks whose count is not proved.
        stable: Number of attracting fixed points of all networks; None for ReLU (not measured).
        index_violations: Number of complete certificates whose indices do not sum to 1, which
            Lefschetz-Hopf excludes; None for ReLU, whose sum is not determined.
        kac_rice: Exact mean of the count given the matrices (M3); None without a closed form.
        z: Difference of the measured mean from it, in exact standard errors; None without one.
        boxes: Boxes examined, or linear systems solved for ReLU.
        seconds: Wall-clock time.
    """

    ensemble: str
    size: int
    gain: float
    seed: int
    networks: int
    histogram: dict[int, int]
    undecided: int
    stable: int | None
    index_violations: int | None
    kac_rice: float | None
    z: float | None
    boxes: int
    seconds: float

    @property
    def mean(self) -> float | None:
        """Mean of the certified counts; None if no network is decided."""
        decided = sum(self.histogram.values())
        return sum(k * n for k, n in self.histogram.items()) / decided if decided else None

    @property
    def falsified(self) -> bool:
        """Whether a law is violated: an index sum, or a mean beyond `LIMIT` standard errors."""
        return bool(self.index_violations) or (self.z is not None and abs(self.z) > LIMIT)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "ensemble": self.ensemble,
            "size": self.size,
            "gain": self.gain,
            "seed": self.seed,
            "networks": self.networks,
            "histogram": {str(k): n for k, n in self.histogram.items()},
            "undecided": self.undecided,
            "mean": self.mean,
            "stable": self.stable,
            "index_violations": self.index_violations,
            "kac_rice": self.kac_rice,
            "z": self.z,
            "boxes": self.boxes,
            "seconds": round(self.seconds, 3),
            "per_minute": round(60 * self.networks / self.seconds, 1),
        }


def count_fixed_points(
    ensemble: str,
    size: int,
    gain: float,
    networks: int,
    seed: int = 0,
    jobs: int = 1,
    **limits: Any,
) -> Counts:
    """Certify the fixed points of random maps.

    Args:
        ensemble: Name of the ensemble, one of `ENSEMBLES`.
        size: Dimension d.
        gain: Scale of the matrices.
        networks: Number of random maps.
        seed: Seed of the maps.
        jobs: Processes; the result does not depend on it.
        **limits: Limits of the search, as in `certify`; none for relu.

    Raises:
        UsageError: If a number is out of range, or the ensemble is unknown.
    """
    if networks < 1:
        raise UsageError(f"counts need at least 1 network, not {networks}")
    check_seed_and_jobs(seed, jobs)
    random_map(ensemble, size, gain, (seed, 0))  # a wrong request fails here, not in a worker
    begin = time.perf_counter()
    batches = [range(i, min(i + BATCH, networks)) for i in range(0, networks, BATCH)]
    work = (tied(_batch)(ensemble, size, gain, seed, batch, limits) for batch in batches)
    rows = [row for batch in Parallel(n_jobs=jobs)(work) for row in batch]  # type: ignore[union-attr]
    seconds = time.perf_counter() - begin
    decided = [row for row in rows if row["count"] is not None]
    relu = ensemble == "relu"
    kac_rice, z = _scalar_law(ensemble, size, gain, seed, rows)
    return Counts(
        ensemble,
        size,
        gain,
        seed,
        networks,
        dict(sorted(Counter(row["count"] for row in decided).items())),
        len(rows) - len(decided),
        None if relu else sum(row["stable"] for row in rows),
        None if relu else sum(row["index_sum"] != 1 for row in decided),
        kac_rice,
        z,
        sum(row["boxes"] for row in rows),
        seconds,
    )


def _batch(
    ensemble: str, size: int, gain: float, seed: int, numbers: range, limits: dict[str, Any]
) -> list[dict[str, int]]:
    rows = []
    for number in numbers:
        c = certificate_of(random_map(ensemble, size, gain, (seed, number)), **limits)
        stable, boxes = (
            (0, 2**size)
            if isinstance(c, ReluCertificate)
            else (sum(p.stable is True for p in c.points), c.boxes)
        )
        rows.append({"count": c.count, "index_sum": c.index_sum, "stable": stable, "boxes": boxes})
    return rows


def _scalar_law(
    ensemble: str, size: int, gain: float, seed: int, rows: list[dict[str, Any]]
) -> tuple[float | None, float | None]:
    """The mean of 1 + 2 P(three fixed points) over the drawn slopes w, and z.

    It holds for scalar tanh maps: u = w h turns h = tanh(w h) + b into u = w tanh u + w b. Both are
    None for other maps, and if a count is undecided.
    """
    if ensemble != "tanh" or size != 1 or any(row["count"] is None for row in rows):
        return None, None
    slopes = [
        f.inner[0][0]
        for f in (random_map(ensemble, 1, gain, (seed, n)) for n in range(len(rows)))
        if isinstance(f, TanhMap)
    ]
    expected = np.array(
        [float(numeric("tanh_expected_count")(w, w)) if w > 1 else 1.0 for w in slopes]
    )
    variance = float(((expected - 1) * (3 - expected)).sum())  # of 1 + 2 Bernoulli
    excess = sum(row["count"] for row in rows) - float(expected.sum())
    return float(expected.mean()), excess / np.sqrt(variance) if variance > 0 else None
