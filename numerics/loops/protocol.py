"""The one protocol of all measurements: `step(h, e) -> h` and `initial(e) -> h`, and its
conformance test.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array


class LoopError(UsageError):
    """A map that is not a looped map: the message names the cause and the next action."""


@runtime_checkable
class LoopedMap(Protocol):
    """h_{t+1} = step(h_t, e), h_0 = initial(e); states are float arrays of any shape.

    Optional, J = D_h step, K = D_e step: `jvp(h, e, v)` gives J v, `vjp(h, e, u)` J^T u,
    `input_jvp(h, e, v)` K v and `input_vjp(h, e, u)` K^T u, each in the shape of h or e;
    `linearize(h, e)` a callable that gives J v, and the other three by its attributes `adjoint`,
    `input_product`, `input_adjoint`, for loops that record the step once for all products.
    """

    def step(self, h: Array, e: Array) -> Array:
        """One loop."""
        ...

    def initial(self, e: Array) -> Array:
        """The start state."""
        ...


class FunctionLoop:
    """A `LoopedMap` from two functions, and optionally the derivatives `jvp`, `vjp`, `input_jvp`,
    `input_vjp` of (h, e, vector).
    """

    def __init__(
        self,
        step: Callable[[Array, Array], Array],
        initial: Callable[[Array], Array],
        jvp: Callable[[Array, Array, Array], Array] | None = None,
        **derivatives: Callable[[Array, Array, Array], Array],
    ):
        self._step, self._initial = step, initial
        if unknown := set(derivatives) - {"vjp", "input_jvp", "input_vjp"}:
            raise UsageError(
                f"unknown derivative {', '.join(sorted(unknown))}: a loop may give jvp, vjp,"
                " input_jvp and input_vjp"
            )
        for name, product in {"jvp": jvp, **derivatives}.items():
            if product is not None:
                setattr(self, name, product)

    def step(self, h: Array, e: Array) -> Array:
        """One loop."""
        return self._step(h, e)

    def initial(self, e: Array) -> Array:
        """The start state."""
        return self._initial(e)


def start(loop: LoopedMap, e: Array) -> Array:
    """A copy of initial(e), checked: a float array with finite entries."""
    h = loop.initial(e)
    _is_array(h, "initial")
    if h.dtype not in (np.float32, np.float64):
        raise LoopError(
            f"initial returned dtype {h.dtype}: looped maps work in float64 or float32; convert"
            " with h.astype(float)"
        )
    if not h.size:
        raise LoopError(f"initial returned an empty array of shape {h.shape}: check the input e")
    if not np.isfinite(h).all():
        raise LoopError("initial returned NaN or infinity: check the input e and the encoder")
    return np.array(h, copy=True)


def advance(loop: LoopedMap, h: Array, e: Array) -> Array:
    """step(h, e), checked for type, shape and dtype (not for finiteness: that is a measurement)."""
    new = loop.step(h, e)
    _is_array(new, "step")
    if new.shape != h.shape:
        raise LoopError(
            f"step returned shape {new.shape} for a state of shape {h.shape}: a looped map must"
            " keep the shape; check the projection at the end of your block"
        )
    if new.dtype != h.dtype:
        raise LoopError(
            f"step returned dtype {new.dtype} for a state of dtype {h.dtype}: cast inside the step,"
            " e.g. .astype(h.dtype)"
        )
    return new


def image(loop: LoopedMap, h: Array, e: Array) -> Array:
    """A copy of step(h, e), checked as `advance` does, and that step leaves its arguments alone and
    is not random.
    """
    before = np.array(h, copy=True), np.array(e, copy=True)
    new = np.array(advance(loop, h, e), copy=True)
    if not (
        np.array_equal(before[0], h, equal_nan=True)
        and np.array_equal(before[1], np.asarray(e), equal_nan=True)
    ):
        raise LoopError("step changed its arguments in place: work on a copy (h = h.copy())")
    if not np.array_equal(new, advance(loop, h, e), equal_nan=True):
        raise LoopError(
            "two calls of step with the same arguments differ: switch off dropout and other"
            " randomness"
        )
    return new


def check_loop(loop: LoopedMap, e: Array) -> None:
    """Conformance test: shape, dtype, finite, deterministic, arguments left alone, differentiable
    at h_0.

    Raises `LoopError` on the first failure.
    """
    if not isinstance(loop, LoopedMap):
        raise LoopError(
            "a looped map needs step(h, e) and initial(e): wrap your functions with"
            " FunctionLoop(step, initial)"
        )
    h = start(loop, e)
    first = image(loop, h, e)
    if not np.isfinite(first).all():
        bad = np.argwhere(~np.isfinite(first))[0].tolist()
        raise LoopError(
            f"step returned NaN or infinity at index {bad} from a finite state: check divisions and"
            " norms (eps > 0)"
        )
    if h.dtype == np.float64 and h.size:
        v = np.random.default_rng(0).standard_normal(h.shape)
        scale = max(1.0, float(np.abs(h).max()))
        slopes = [
            (loop.step(h + d * v, e) - loop.step(h - d * v, e)) / (2 * d)
            for d in (1e-4 * scale, 1e-5 * scale)
        ]
        size = max(float(np.abs(slopes[1]).max()), 1e-6)
        if not np.abs(slopes[0] - slopes[1]).max() <= 0.1 * size:
            raise LoopError(
                "step is not differentiable at h_0 along a random direction: slopes at two step"
                " sizes differ by more than 10 %"
            )
        _check_products(loop, h, e, v, slopes[1])


def _check_products(loop: LoopedMap, h: Array, e: Array, v: Array, slope: Array) -> None:
    """The loop's own products against the difference quotient `slope` along v."""
    record: Any = loop.linearize(h, e) if hasattr(loop, ("linearize")) else None  # type: ignore[attr-defined]  # optional
    push: Any = record or (partial(loop.jvp, h, e) if hasattr(loop, ("jvp")) else None)  # type: ignore[attr-defined]
    pull: Any = getattr(record, "adjoint", None) or (
        partial(loop.vjp, h, e) if hasattr(loop, "vjp") else None
    )  # type: ignore[attr-defined]
    size = max(float(np.abs(slope).max()), 1e-6)
    advice = (
        "check the derivatives that the loop gives, and what in the step detaches the state or runs"
        " without gradient"
    )
    # a recorded step with an adjoint may have no second derivative (fused attention): its adjoint
    # is the record's test
    if (
        push is not None
        and (record is None or pull is None)
        and not np.abs(push(v) - slope).max() <= 0.1 * size
    ):
        raise LoopError(
            f"the loop's J v differs from a difference quotient by more than 10 %: {advice}"
        )
    if pull is not None:
        u = np.random.default_rng(1).standard_normal(h.shape)
        if not abs(float(np.vdot(pull(u), v)) - float(np.vdot(u, slope))) <= 0.1 * size * float(
            np.linalg.norm(u)
        ):
            raise LoopError(
                "the loop's J^T u does not fit a difference quotient: <J^T u, v> is not <u, J v>:"
                f" {advice}"
            )


def _is_array(h: Any, where: str) -> None:
    if type(h).__module__.startswith("torch"):
        raise LoopError(
            f"{where} returned a torch tensor: wrap your functions with"
            " loopstab.models.measure.torch_loop.TorchLoop(step, initial)"
        )
    if not isinstance(h, np.ndarray):
        raise LoopError(
            f"{where} returned {type(h).__name__}, not a NumPy array: return numpy.asarray(h)"
        )
