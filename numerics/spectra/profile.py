"""All spectral measurements of a loop at one state, each with its residual.

Where a measurement is not possible, the profile says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...support.errors import LoopstabError
from ...support.jsonable import jsonable
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
"""The measurements of a profile, in words."""


@dataclass(frozen=True)
class Profile:
    """The spectral measurements of a loop at one state.

    Args:
        fixed_point: relative length of the step at the state; 0 at a fixed point.
        found: the measurements by name; the names are those of the functions that take them.
        failed: for each measurement that was not possible, the reason.

    Example:
        >>> from loopstab import Profile
        >>> Profile(fixed_point=0.0, found={}, failed={}).lines()
        ['relative step at the state: 0']
    """

    fixed_point: float
    found: dict[str, Measurement]
    failed: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """The profile as a plain JSON object."""
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
                among = "of all" if m.settled else f"of the first {len(m.norms) - 1}"
                note = f" at power {m.at} {among}"
            out.append(
                f"{MEANING[name]}: {m.value:.6g}{note} (residual {m.residual:.1e}, {m.products}"
                f" products{doubt})"
            )
        out += [f"{MEANING[name]}: not measured: {reason}" for name, reason in self.failed.items()]
        return out


def _regime(rho: SpectralRadius) -> str:
    """The spectral regime, as far as the error of the eigenvalue decides it."""
    error = rho.error + rho.derivative_error * rho.value
    if abs(rho.value - 1) <= error:
        return f"critical to within {error:.1e}"
    return "contractive" if rho.value < 1 else "expansive"


def profile(loop: LoopedMap, h: Any, e: Any, *, loops: int = 200, seed: int = 0) -> Profile:
    """Take every spectral measurement of a loop at the state h.

    These are the spectral radius, the largest singular value, the transient growth, a lower bound
    of the Kreiss constant and the norms of the resolvent and the sensitivity, all at h, and the
    largest Lyapunov exponent of the orbit that starts there.

    Args:
        loop: the loop.
        h: the state, of any shape; usually a fixed point.
        e: the input of the loop.
        loops: number of iterations for the Lyapunov exponent; default 200. Half as many again are
            skipped before them.
        seed: seed of the random vectors; default 0.

    Returns:
        The measurements, and for those that were not possible the reason.

    Raises:
        LoopError: the step is random, changes its arguments or is not finite at h.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, profile
        >>> loop = FunctionLoop(lambda h, e: 0.5 * h + e, np.copy)
        >>> found = profile(loop, np.full(2, 2.0), np.ones(2)).found
        >>> round(found["spectral_radius"].value, 6), round(found["resolvent_norm"].value, 6)
        (0.5, 2.0)
    """
    j = Linearisation(loop, h, e)
    works: dict[str, Callable[[], Measurement]] = {
        "spectral_radius": lambda: spectral_radius(j, seed=seed),
        "largest_singular_value": lambda: largest_singular_value(j, seed=seed),
        "transient_growth": lambda: transient_growth(j, tol=1e-4, budget=2000, seed=seed),
        "kreiss_lower": lambda: kreiss_lower(j, tol=1e-4, seed=seed),
        "resolvent_norm": lambda: resolvent_norm(j, tol=1e-4, seed=seed),
        "sensitivity_norm": lambda: sensitivity_norm(j, tol=1e-4, seed=seed),
        "lyapunov": lambda: lyapunov(loop, j.h, e, loops=loops, skip=loops // 2, seed=seed),
    }
    found: dict[str, Measurement] = {}
    failed: dict[str, str] = {}
    for name, work in works.items():
        try:
            found[name] = work()
        except LoopstabError as error:
            failed[name] = str(error)
    return Profile(j.drift, found, failed)
