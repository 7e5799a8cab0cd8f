"""Which assumptions of N6 and N7 fail at a case of a loop with weights that are drawn from a seed.

The judge draws the weights and the input itself, so what there is to check are the parameters. The
limit d -> infinity stands for widths and scaling variables from those of the claims on; a sample
that is too small, or a loop that settles too slowly for it, is undecided.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...attack.suite import Case
from ...formulas import numeric
from ...loops.activations import LAWS
from .assumed_recall import ROUNDING, require, sized
from .late_rise import LATE_RISE

LEAST = 3.0
"""The scaling variable from which the laws are claimed at finite width."""
LEAST_WITH_RESIDUAL, LEAST_STEEP = 4.0, 5.0
"""The same for N7's loops with a residual, as the internal block, and for k > 2: at 3 the medians
of 1 - rho are 20 to 35 % above the law (measured), because 1 - rho is smaller there.
"""
WIDTHS = (48, 256)
"""The widths at which a law is tested."""
SLOWEST = 0.97
"""The spectral radius of the law up to which 500 iterations settle: 0.97^500 = 2e-7."""
KINDS = {
    "plain": {"": "", "aligned": "independent", "symmetric": "ginibre", "epsilon": "eps_zero"},
    "layer norm": {"": "", "rms": "layer_normalised"},
    "gain": {"": "", "symmetric": "ginibre"},
    "external": {"": "", "aligned": "independent", "symmetric": "ginibre"},
    "internal": {"": "", "aligned": "independent", "symmetric": "ginibre"},
}
"""What each kind of loop is built without, by form."""


def _sample(case: Case) -> None:
    sized(case, sigma=(), x=(), a=())
    require(24 <= case["draws"] <= 256 and case["d"] <= WIDTHS[1], "the sample has another size")
    require(1 / 16 <= case["sigma"] <= 16 and case["a"] <= 4, "sigma or a is extreme")


def _kind(form: str, case: Case) -> str:
    require(case["kind"] in KINDS[form], f"a loop of form {form!r} has no kind {case['kind']!r}")
    name = KINDS[form][case["kind"]]
    return "eps_zero_gain_one" if name == "eps_zero" else name


def _limit(case: Case, x: float, low: float) -> bool:
    """`limit`: a fixed a >= 0, and a width and a scaling variable at which the law is claimed."""
    return case["a"] >= 0 and case["d"] >= WIDTHS[0] and x >= low - ROUNDING


def linear(case: Case, forms: tuple[str, ...], law: Any) -> Iterator[str]:
    """For linear loops; `law` gives (sigma, beta, s, rho) of a case."""
    _sample(case)
    sized(case, other=())
    form, other = case["form"], case["other"]
    require(form in forms, f"the form {form!r} is not judged")
    require(form == "plain" or case["a"] == 0, "only the plain form has an a")
    require(0 < other < 1, "the scale of the block, the mean of e or the gain is extreme")
    require(case["x"] <= 16, "the scaling variable is extreme")
    broken = _kind(form, case)
    if broken:
        yield broken
    if case["x"] <= 0:
        yield "recall"
    elif not _limit(case, case["x"], least(form == "internal")):
        yield "limit"
    else:
        rho = float(law(case)[3])
        require(rho <= SLOWEST, f"loops of spectral radius {rho:.4g} settle too slowly")


def least(residual: float, k: float = 1.0) -> float:
    """The scaling variable from which N7 is judged, for a residual a and an activation of k x."""
    if k > 2:
        return LEAST_STEEP
    return LEAST_WITH_RESIDUAL if residual else LEAST


def _moments(case: Case) -> tuple[float, float]:
    require(case["activation"] in LAWS, "the activation has no law")
    require(1 / 4 <= case["k"] <= 3, "the activation is too flat or too steep")
    return LAWS[case["activation"]].moments(case["k"])


def nonlinear(case: Case) -> Iterator[str]:
    """For Gaussian inputs, where beta = edge sqrt(beta_c^2 + x^2 sigma^2 c/sqrt(d)).

    The scaling variable is taken from beta, so that `limit` fails only above the edge.
    """
    _sample(case)
    sized(case, edge=())
    q, c = _moments(case)
    sigma, width = case["sigma"], np.sqrt(case["d"])
    broken = _kind("plain", case)
    if broken:
        yield broken
    if case["entries"] != "gaussian":
        yield "gaussian_input"
    threshold = float(numeric("mean_field_threshold")(sigma, q, max(c, q)))
    square = case["edge"] ** 2 * (threshold**2 + (case["x"] * sigma) ** 2 * c / width)
    if case["edge"] <= 0 or square == 0:
        yield "recall"
        return
    if square <= sigma**2 * (c - q) * (1 + ROUNDING):
        yield "above_edge"
        return
    x = float(np.sqrt((square - threshold**2) * width / c) / sigma)
    require(x <= 16, "the scaling variable is extreme")
    if not _limit(case, x, least(case["a"], case["k"])):
        yield "limit"
    else:
        rho = float(numeric("mean_field_rho_nonlinear")(case["a"], sigma, np.sqrt(square), q, c))
        require(rho <= SLOWEST, f"loops of spectral radius {rho:.4g} settle too slowly")


def shared(case: Case, share: Any, moments: Any) -> Iterator[str]:
    """For inputs that have values +-1/sqrt(p) on a share p of their entries.

    `share` gives the share u of the input in the state, and `moments` (q, c) at u^2. Concavity is
    there for one u to solve the balance; ReLU does without, as its q does not depend on u.
    """
    _sample(case)
    sized(case, u=(), density=())
    if case["activation"] != LATE_RISE.scalar.name:
        _moments(case)
    require(1 / 4 <= case["k"] <= 3, "the activation is too flat or too steep")
    require(0.25 <= case["density"] <= 1, "the entries are too sparse")
    require(case["kind"] == "", f"a loop with shares has no kind {case['kind']!r}")
    require(case["entries"] in ("gaussian", "sparse"), "these entries are not judged")
    require(0 <= case["u"] < 1 and (case["u"] > 0 or 0 < case["x"] <= 16), "no share is known")
    if case["entries"] == "gaussian":
        yield "input_law"
    if case["activation"] not in ("linear", "tanh", "erf", "relu"):
        yield "concave"
    u = case["u"] or share(case)
    q, c = moments(case, u * u)
    ratio = float(numeric("recall_of_share")(u, q))  # beta/sigma
    if ratio**2 <= (c - q) * (1 + ROUNDING):
        yield "above_edge"
        return
    x = float(numeric("scaling_variable_nonlinear")(1.0, ratio, case["d"], q, c))
    if not _limit(case, x, least(case["a"])):
        yield "limit"
        return
    a, sigma = case["a"], case["sigma"]
    law = (a + sigma * np.sqrt(c)) / (a + sigma * ratio / u)
    require(law <= SLOWEST, f"loops of spectral radius {law:.4g} settle too slowly")
