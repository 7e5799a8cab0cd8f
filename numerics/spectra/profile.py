"""All spectral measurements of a loop at one state, each with its residual; one that is not
possible says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...support.errors import LoopstabError
from ...support.jsonable import jsonable
from ..arrays import Array
from ..loops.protocol import LoopedMap
from .linearisation import Linearisation, Measurement
from .lyapunov import lyapunov
from .radius import SpectralRadius, spectral_radius
from .resolvent import kreiss_lower, resolvent_norm
from .sensitivity import sensitivity_norm
from .singular import TransientGrowth, largest_singular_value, transient_growth

MEANING = {
    "spectral_radius": "spectral radius of J",
    "largest_singular_value": "largest singular value of J",
    "transient_growth": "largest norm of a power of J",
    "kreiss_lower": "Kreiss constant, from below",
    "resolvent_norm": "norm of (I - J)^{-1}",
    "sensitivity_norm": "norm of dh*/de",
    "lyapunov": "Lyapunov exponent",
}


@dataclass(frozen=True)
class Profile:
    """`fixed_point`: relative step at the state; `found`: measurements by name (`MEANING`);
    `failed`: why others were not possible.
    """

    fixed_point: float
    found: dict[str, Measurement]
    failed: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object."""
        found = {name: measurement.to_json() for name, measurement in self.found.items()}
        return jsonable(
            {"fixed_point": self.fixed_point, "measurements": found, "failed": self.failed}
        )

    def lines(self) -> list[str]:
        """One line for each measurement, in words."""
        out = [f"relative step at the state: {self.fixed_point:.2g}"]
        for name, m in self.found.items():
            doubt = "" if m.converged else ", NOT CONVERGED"
            note = f", {_regime(m)}" if isinstance(m, SpectralRadius) else ""
            if isinstance(m, TransientGrowth):
                note = f" at power {m.at} " + (
                    "of all" if m.settled else f"of the first {len(m.norms) - 1}"
                )
            out.append(
                f"{MEANING[name]}: {m.value:.6g}{note} (residual {m.residual:.1e}, {m.products}"
                f" products{doubt})"
            )
        return [
            *out,
            *(f"{MEANING[name]}: not measured: {reason}" for name, reason in self.failed.items()),
        ]


def _regime(rho: SpectralRadius) -> str:
    """The spectral regime, as far as the error of the eigenvalue tells."""
    error = rho.error + rho.derivative_error * rho.value
    if abs(rho.value - 1) <= error:
        return f"critical to within {error:.1e}"
    return "contractive" if rho.value < 1 else "expansive"


def profile(loop: LoopedMap, h: Array, e: Array, *, loops: int = 200, seed: int = 0) -> Profile:
    """Measure the loop at state h: everything that J and K say there, and the Lyapunov exponent of
    `loops` loops from there.

    Raises `LoopError` for a step that has no Jacobian at h.
    """
    j = Linearisation(loop, h, e)
    works: dict[str, Callable[[], Measurement]] = {
        "spectral_radius": lambda: spectral_radius(j, seed=seed),
        "largest_singular_value": lambda: largest_singular_value(j, seed=seed),
        "transient_growth": lambda: transient_growth(j, tol=1e-4, budget=2000, seed=seed),
        "kreiss_lower": lambda: kreiss_lower(j, tol=1e-4, seed=seed),
        "resolvent_norm": lambda: resolvent_norm(j, tol=1e-4, seed=seed),
        "sensitivity_norm": lambda: sensitivity_norm(j, tol=1e-4, seed=seed),
        "lyapunov": lambda: lyapunov(
            loop, np.asarray(h), e, loops=loops, skip=loops // 2, seed=seed
        ),
    }
    found: dict[str, Measurement] = {}
    failed: dict[str, str] = {}
    for name, work in works.items():
        try:
            found[name] = work()
        except LoopstabError as error:
            failed[name] = str(error)
    return Profile(j.drift, found, failed)
