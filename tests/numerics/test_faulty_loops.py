"""Loops and requests that are faulty: each is an error that says what to do, not a number."""

import numpy as np
import pytest
from matrix_loops import CASES, at, ginibre, linear

from loopstab import FunctionLoop, LoopError, Outcome, check_loop, diagnose, spectral_radius
from loopstab.numerics.spectra.linearisation import Linearisation
from loopstab.numerics.spectra.lyapunov import lyapunov
from loopstab.numerics.spectra.sensitivity import sensitivity
from loopstab.numerics.spectra.singular import transient_growth
from loopstab.support.errors import UsageError


def counting():
    calls = iter(range(10**9))
    return lambda h, e: 0.5 * h + 1e-3 * next(calls)


def grows(h, e):
    h += 1
    return h


def good(h, e):
    return 0.5 * h + e


BAD = {
    "random": (counting(), {}, "switch off dropout"),
    "shape": (lambda h, e: h[:-1], {}, "keep the shape"),
    "dtype": (lambda h, e: h.astype(np.float32), {}, "cast inside the step"),
    "nan": (lambda h, e: h * np.nan, {}, "NaN or infinity"),
    "infinity": (lambda h, e: h + np.inf, {}, "NaN or infinity"),
    "in place": (grows, {}, "in place"),
    "list": (lambda h, e: [1.0], {}, "not a NumPy array"),
    "jvp of another shape": (good, {"jvp": lambda h, e, v: v[:-1]}, "jvp returned shape"),
    "jvp nan": (good, {"jvp": lambda h, e, v: v * np.nan}, "jvp is NaN"),
    "nan beside the state": (lambda h, e: np.where(h == 1, h, np.nan), {}, "difference is NaN"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_loops_are_errors_not_numbers(name):
    step, own, words = BAD[name]
    loop = FunctionLoop(step, lambda e: e, **own)
    with pytest.raises(LoopError, match=words):
        spectral_radius(Linearisation(loop, np.ones(5), np.ones(5)))


ADJOINTS = {
    "vjp of another shape": (
        {"vjp": lambda h, e, u: u[:-1]},
        lambda j: j.adjoint(j.h),
        "vjp returned shape",
    ),
    "vjp nan": ({"vjp": lambda h, e, u: u * np.inf}, lambda j: j.adjoint(j.h), "vjp is NaN"),
    "input_vjp of another shape": (
        {"input_vjp": lambda h, e, u: u[:-1]},
        lambda j: j.input_adjoint(j.h),
        "input_vjp returned",
    ),
    "input_jvp nan": (
        {"input_jvp": lambda h, e, u: u * np.nan},
        lambda j: j.input_product(j.e),
        "input_jvp is NaN",
    ),
    "no adjoint": ({}, lambda j: j.transposed(), "measure J"),
}


@pytest.mark.parametrize("name", ADJOINTS)
def test_bad_products_are_errors(name):
    own, use, words = ADJOINTS[name]
    with pytest.raises(LoopError, match=words):
        use(Linearisation(FunctionLoop(good, lambda e: e, **own), np.ones(5), np.ones(5)))


def test_an_input_of_whole_numbers_has_no_sensitivity():
    j = Linearisation(
        FunctionLoop(lambda h, e: 0.5 * h + e, lambda e: e * 1.0), np.ones(3), np.ones(3, dtype=int)
    )
    with pytest.raises(LoopError, match="embedding"):
        sensitivity(j, np.ones(3))


WRONG = {
    "wrong jvp": {"jvp": lambda h, e, v: 0.6 * v + v.sum()},
    "wrong vjp": {"vjp": lambda h, e, u: np.roll(u, 1)},
    "jvp of a detached residual": {"jvp": lambda h, e, v: good(0 * h, 0 * e) + 0 * v},
}


@pytest.mark.parametrize("name", WRONG)
def test_conformance_compares_derivatives_with_differences(name):
    with pytest.raises(LoopError, match="gradient of the step is not the derivative"):
        check_loop(FunctionLoop(good, lambda e: e, **WRONG[name]), np.ones(5))
    check_loop(linear(ginibre(5, 0.5), "vjp"), np.ones(5))


DIAGNOSES = {
    "random": (counting(), "switch off dropout"),
    "dtype": (lambda h, e: h.astype(np.float32), "cast inside the step"),
    "shape": (lambda h, e: h[:-1], "keep the shape"),
}


@pytest.mark.parametrize("name", DIAGNOSES)
def test_diagnosis_of_a_bad_loop_is_an_error(name):
    step, words = DIAGNOSES[name]
    with pytest.raises(LoopError, match=words):
        diagnose(FunctionLoop(step, lambda e: e), np.ones(5))


def test_diagnosis_of_nan_is_an_outcome_with_advice():
    found = diagnose(FunctionLoop(lambda h, e: h * np.nan, lambda e: e), np.ones(5))
    assert found.outcome is Outcome.NON_FINITE
    assert "eps > 0" in found.advice


def test_bad_requests():
    j = at(CASES["one by one"])
    with pytest.raises(UsageError, match="10 loops"):
        lyapunov(j.loop, j.h, j.e, loops=3)
    with pytest.raises(UsageError, match="one power"):
        transient_growth(j, 0)
    with pytest.raises(UsageError, match="unknown derivative"):
        FunctionLoop(good, lambda e: e, hvp=good)
