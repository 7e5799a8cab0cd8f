"""M7 as programs, and exact cases in which a sentence of it fails without one assumption."""

from __future__ import annotations

from typing import Any, NamedTuple

import sympy as sp

from ...formulas import formula
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate


class Scales(NamedTuple):
    """The scales of a linear block with Gaussian weights."""

    k: Any
    x: Any
    e: Any


def _not_slower(case: Scales) -> str | None:
    k, x, e = map(sp.Rational, case)
    external, internal = formula("external_block_rho")(x, e), formula("internal_block_rho")(k, x, e)
    if bool(external < internal) and bool(internal < 1):
        return None
    return f"{case}: rho_ext = {external}, rho_int = {internal}"


SLOWER = Predicate(
    name="slower",
    sentence=(
        "Internal recall is always slower: rho_ext = s_x/w < rho_int = (1 + k s_x)/(1 + k w) < 1."
    ),
    concluded_by=("closed_forms", "mediant"),
    assumptions={
        "recall": lambda case: case.e > 0,
        "update": lambda case: case.k > 0 and case.x > 0,
    },
    refute=_not_slower,
    example=lambda: Scales(1, 3, 4),
)


class Eigenvalue(NamedTuple):
    """An eigenvalue re + i im of the update at a fixed point of this w, k = 1."""

    re: Any
    im: Any
    w: Any


def _internal_is_smaller(case: Eigenvalue) -> str | None:
    re, im, w = map(sp.Rational, case)
    internal, external = (1 + re) ** 2 + im**2, re**2 + im**2
    if external / w**2 < internal / (1 + w) ** 2:
        return None
    return f"{case}: |1 + nu|^2 = {internal}, |nu|^2 = {external}"


EXTERNAL_SMALLER = Predicate(
    name="external_smaller",
    sentence="For 0 <= nu < w the external multiplier is the smaller one.",
    concluded_by=("multipliers",),
    assumptions={"positive": lambda case: case.im == 0 and 0 <= case.re < case.w},
    refute=_internal_is_smaller,
    example=lambda: Eigenvalue(1, 0, 2),
)
PREDICATES = (SLOWER, EXTERNAL_SMALLER)

FALSIFIERS = (
    Falsifier("no_recall", "recall", SLOWER, lambda: Scales(1, 1, 0)),
    Falsifier("no_update", "update", SLOWER, lambda: Scales(0, 3, 4)),
    Falsifier("rotation", "positive", EXTERNAL_SMALLER, lambda: Eigenvalue(0, 1, 1)),
)
