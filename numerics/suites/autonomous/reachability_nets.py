"""Attack on A4: what tanh nets converge to from random starts has spectral radius at most 1."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np

from ...attack.suite import Case, Drop, Suite, Undecided
from ...strategies.block_forms import SEEDS, matrix, nonzero_vector
from ..shared.confirmation import Confirmed
from ..shared.drawn_values import failing, is_seed, on_grid, square_size
from .reachability import CHANCE, LOOPS, STARTS


def _net_limits(case: Case) -> str | None:
    """The limits of random starts of h' = (h + A tanh(h) + b) / 2 have spectral radius <= 1."""
    a, d = case["matrix"], len(case["matrix"])
    rng = np.random.default_rng(int(case["seed"]))
    bias = case["noise"] * rng.standard_normal(d)
    h = rng.standard_normal((STARTS, d))
    if case["equal"]:
        h[:] = h[:, :1]
    for _ in range(LOOPS):
        # summed by hand: equal units must stay equal, and the products of a matrix routine may be
        # rounded differently
        h, before = (h + (np.tanh(h)[:, None, :] * a).sum(-1) + bias) / 2, h
    settled = h[np.abs(h - before).max(1) <= 1e-13 * (1 + np.abs(h).max(1))]
    if not len(settled):
        raise Undecided  # cycles: nothing to judge
    radii = [
        np.abs(np.linalg.eigvals((np.eye(d) + a * (1 - np.tanh(x) ** 2)) / 2)).max()
        for x in settled
    ]
    worst = int(np.argmax(radii))
    if radii[worst] <= 1 + 1e-6:
        return None
    if radii[worst] <= 1.06:  # 600 loops do not leave such a point from 1e-13
        raise Undecided
    return (
        f"a start converges to {np.round(settled[worst], 6).tolist()}, where rho ="
        f" {radii[worst]:.4g}"
    )


def _broken_for_net(case: Case) -> tuple[str, ...]:
    """det Df is not 0 where all units saturate, and A is not so large that rounding hides it.

    The symmetric part of A is positive, and the rest at most 1/4, so that most orbits converge.
    """
    a = case["matrix"]
    d = square_size(a)
    if not 1 <= d <= 4:
        return ("smooth",)
    even, odd = (a + a.T) / 2, (a - a.T) / 2
    energy = bool(np.linalg.eigvalsh(even)[0] >= -1e-9) and on_grid(odd, 1 / 4, part=512)
    return failing(
        smooth=case["noise"] in (0, 1) and energy,
        nonsingular=on_grid(a, 16, part=256),
        encoder=is_seed(case["seed"]) and not case["equal"],
    )


@st.composite
def _net(draw: st.DrawFn, equal: bool = False) -> Case:
    """A tanh net without bias (0 is fixed) or with a random one.

    `equal`: two units in exchange symmetry, started equal. A = P P^T + K, K small and
    antisymmetric, so that most orbits converge.
    """
    if equal:
        a = draw(st.integers(0, 16)) / 16
        # slope 3/2 along (1, 1), at least 5 along (1, -1)
        matrix_of_pair = np.array([[3.25 + a, -1.75 - a], [-1.75 - a, 3.25 + a]])
        return {"matrix": matrix_of_pair, "noise": 0.0, "equal": True, "seed": draw(SEEDS)}
    d = draw(st.integers(1, 4))
    p = draw(matrix(d, d, 16)) + np.diag(draw(nonzero_vector(d)))
    k = np.triu(draw(matrix(d, d, 4)), 1)
    return {
        "matrix": p @ p.T + k - k.T,
        "noise": float(draw(st.booleans())),
        "equal": False,
        "seed": draw(SEEDS),
    }


SUITES = (
    Suite(
        "A4",
        "net",
        property="h' = (h + A tanh(h) + b)/2: whatever random inputs converge to has rho <= 1",
        cases=_net,
        judge=Confirmed(_net_limits, CHANCE),
        broken=_broken_for_net,
        drops=(
            Drop(
                "encoder: inputs off the invariant subspace of equal units",
                cases=lambda: _net(equal=True),
                assumption="encoder",
            ),
        ),
        predicate="inputs",
    ),
)
