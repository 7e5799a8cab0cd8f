"""Which assumptions of R2 fail at a case of a residual stream with external recall.

Eigenvalues are those of the exact matrix that the case holds. A case of which the judge's finite
computation says nothing, for its size or its rounding, is undecided.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flint
import numpy as np
from scipy.linalg import null_space

from ...arrays import Array
from ...attack.suite import Case, Undecided
from ...strategies.matrix_strategies import of_seed
from .exact_orbits import Exact, exact, identity
from .residual_stream import GATED, NORMS, Stream

LARGEST = 1e6
"""The largest entry for whose rounding the tolerances of the judges are made."""
ROUNDING = 1e-9
"""How much rounding may move an eigenvalue, or a relation between drawn numbers."""
CLEAR = 1e-6
"""How far from the edge of the escape set a start must be, so that it has left within e^100."""
SLOWEST = 1e-3
"""The least |log rho| at which the rate of an orbit is measured."""


def require(holds: Any, text: str) -> None:
    """Raise `Undecided` with the text unless the condition holds."""
    if not holds:
        raise Undecided(f"the judge cannot speak of this case: {text}")


def sized(case: Case, largest: Any = LARGEST, **shapes: Any) -> None:
    """Raise `Undecided` unless the fields have these shapes, and finite entries up to `largest`."""
    for name, shape in shapes.items():
        x = np.asarray(case[name], dtype=float)
        require(x.shape == shape, f"{name} has the shape {x.shape}, not {shape}")
        require((np.abs(x) <= largest).all(), f"{name} has entries beyond {largest:g}")


def eigenvalues(matrix: Array) -> Array:
    """The eigenvalues of the exact matrix, with multiplicity, without the errors of `eigvals`."""
    roots: Any = exact(matrix).charpoly().complex_roots()
    return np.array([complex(root) for root, count in roots for _ in range(count)])


def radius(matrix: Array) -> float:
    """The spectral radius of the exact matrix."""
    return float(np.abs(eigenvalues(matrix)).max())


def streams(case: Case) -> None:
    """Raise `Undecided` unless the fields of a `Stream` fit together and have moderate entries."""
    d, k, hidden = len(case["drive"]), len(case["inner"]), case["inner"].shape[-2]
    require(k, "there is no sub-block")
    sized(case, weight=(d, d), drive=(d,), gain=(d,), eps=())
    sized(case, inner=(k, hidden, d), inner_bias=(k, hidden))
    sized(case, outer=(k, d, hidden), outer_bias=(k, d))


def reads_norm(case: Case) -> bool:
    """`normalisation`: pre or peri, additive, and activations x p(x) with 0 <= p <= 1."""
    bounded = case["norm"] in NORMS[:2] and case["eps"] >= 0
    return bounded and not case["outer_norm"] and case["activation"] in GATED


def absorbing(case: Case) -> Iterator[str]:
    """For orbits that come in from afar, from the direction `from`."""
    streams(case)
    sized(case, **{"from": (len(case["drive"]),)})
    require(np.linalg.norm(case["from"]) > ROUNDING, "the start has no direction")
    if not reads_norm(case):
        yield "normalisation"
    if radius(case["weight"]) >= 1 - ROUNDING:
        yield "contractive"


def absorbing_tokens(case: Case) -> Iterator[str]:
    """For loops that are drawn from a seed: W_x is drawn again, and its spectrum taken."""
    require(2 <= case["size"] <= 64 and 1 <= case["tokens"] <= 8, "its size is not a drawn one")
    require(0 < case["scale"] <= 16 and 0 <= case["departure"] <= 16, "its scales are extreme")
    require(0 <= case["radius"] <= 16, "its radius is extreme")
    if case["norm"] not in NORMS[:2] or case["activation"] not in GATED:
        yield "normalisation"
    weight = of_seed(case["size"], case["seed"], case["radius"], case["departure"])
    if radius(weight) >= 1 - ROUNDING:
        yield "contractive"


def existence(case: Case) -> Iterator[str]:
    """For h' = z + A N(z) + b, z = W h + c; without eps > 0 only loops of width 1 are judged."""
    d = len(case["c"])
    sized(case, W=(d, d), c=(d,), A=(d, d), b=(d,), eps=())
    require(case["eps"] != 0 or d == 1, "eps = 0 is solved at d = 1 only")
    if case["eps"] < 0:
        yield "normalisation"
    if radius(case["W"]) >= 1 - ROUNDING:
        yield "contractive"
    if case["eps"] == 0:
        yield "eps_positive"


def _excess(stream: Stream, start: Array) -> float:
    """The most that |l g_0|/|l| exceeds C/(rho - 1), over left eigenvectors l of modulus rho > 1.

    l W = lambda l and g = h + (lambda - 1)^{-1} c give |l g_{t+1}| >= rho |l g_t| - |l| C, where
    |l| is the norm of l as a map to the plane. A positive excess is thus that of some adapted norm.
    """
    values, best = eigenvalues(stream.weight), -np.inf
    rho, size = float(np.abs(values).max()), float(np.linalg.norm(stream.weight, 2))
    for value in values[np.abs(values) >= rho * (1 - ROUNDING)]:
        value = value.real if abs(value.imag) <= ROUNDING * rho else value
        shifted = stream.weight.T - value * np.eye(len(start))
        left = null_space(shifted, rcond=1e-11)
        require(left.size, "no left eigenvector is resolved")
        require(np.abs(shifted @ left).max() <= 1e-9 * size, "an eigenvector is not resolved")
        g = left.T @ (start + stream.drive / (value - 1))
        if np.isrealobj(left):
            found = float(np.linalg.norm(g))
        else:
            rows = [np.linalg.norm(np.stack((x.real, x.imag)), 2) for x in left.T]
            found = float(np.max(np.abs(g) / rows))
        best = max(best, found - stream.bound() / (rho - 1))
    return best


def diverging(case: Case) -> Iterator[str]:
    """For orbits from the escape set.

    `escaping` speaks of norms with 1 < mu < rho(W_x), so it is looked at for rho(W_x) > 1 only.
    """
    streams(case)
    sized(case, 1e9, start=(len(case["drive"]),))
    if not reads_norm(case):
        yield "normalisation"
    rho = radius(case["weight"])
    require(abs(rho - 1) >= SLOWEST, f"the rate log rho is too small, rho = {rho:.6g}")
    if rho < 1:
        yield "expansive"
        return
    excess = _excess(Stream.of(case), case["start"])
    require(excess <= 0 or excess >= CLEAR, f"the start is {excess:.3g} from the escape set")
    if excess <= 0:
        yield "escaping"


def _chain(case: Case) -> float | None:
    """The eigenvalue of V^{-1} W V where that is one Jordan block of size `block` beside a diagonal
    of moduli below 1; otherwise None. Exact.
    """
    d, k, v = len(case["drive"]), case["block"], exact(case["V"])
    if not 1 <= k <= d or v.det() == 0:
        return None
    form: Exact = v.solve(exact(case["weight"]) * v)
    off = form - identity(d) * form[0, 0]
    chained = all(off[i, i + 1] == 1 for i in range(k - 1)) and not any(
        off[i, j] for i in range(d) for j in range(d) if not (i == j >= k or j == i + 1 < k)
    )
    inside = all(abs(form[i, i]) < 1 for i in range(k, d))
    return float(flint.arb(form[0, 0])) if chained and inside else None


def critical(case: Case) -> Iterator[str]:
    """For polynomial growth: `block` and `V` must be those of the Jordan form of W_x."""
    streams(case)
    d = len(case["drive"])
    sized(case, start=(d,), V=(d, d))
    value = _chain(case)
    require(value is not None, "block and V do not bring W_x into Jordan form")
    if not reads_norm(case):
        yield "normalisation"
    if abs(value or 0.0) != 1:
        yield "critical"


def radial(case: Case) -> Iterator[str]:
    """For the radial eigenvalue omega at the stream z; the step z/4 must not turn z round."""
    streams(case)
    d, omega = len(case["drive"]), case["omega"]
    sized(case, z=(d,), omega=())
    weight = exact(case["weight"])
    shifted = weight - identity(d) * flint.fmpq(*float(omega).as_integer_ratio())
    require(shifted.det() == 0, "omega is no eigenvalue of W_x")
    require(omega > -4 and weight.det() != 0, "no state, or only one of opposite sign, is known")
    size, drive = np.linalg.norm(case["z"]), np.linalg.norm(case["drive"])
    require(size > ROUNDING and 64 * size >= drive, "the stream z is lost in rounding")
    if not reads_norm(case):
        yield "normalisation"
    if any(shifted.entries()):
        yield "scalar_weight"
    if len(case["inner"]) != 1:
        yield "one_sub_block"
    if case["eps"] != 0:
        yield "eps_zero"
