"""The protocol of every measurement, `step(h, e) -> h` and `initial(e) -> h`, and its checks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array

STEPS = (1e-4, 1e-5)
"""Step sizes of the difference quotients, relative to the state.

They lie on the large side of the optimum near 6e-6 in float64, where rounding does not matter.
"""
AGREE = 0.1
"""Largest relative difference of two derivatives that count as equal: only gross errors count."""
SMALL = 1e-6
"""Size of a slope below which differences are compared absolutely."""


class LoopError(UsageError):
    """The given object is not a looped map, or a measurement of it is not possible at this state.

    The message names the cause and the next action.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, check_loop
        >>> check_loop(FunctionLoop(lambda h, e: h[:1], np.copy), np.zeros(2))
        Traceback (most recent call last):
            ...
        loopstab.numerics.loops.protocol.LoopError: step returned shape (1,) for a state of shape...
    """


@runtime_checkable
class LoopedMap(Protocol):
    """A looped map h_{t+1} = step(h_t, e) with h_0 = initial(e).

    States are float arrays of any shape. Any object with these two methods is a looped map.

    A loop may also offer products with the derivatives J = D_h step and K = D_e step, each in the
    shape of h or of e: `jvp(h, e, v)` gives J v, `vjp(h, e, u)` gives J^T u, `input_jvp(h, e, v)`
    gives K v, and `input_vjp(h, e, u)` gives K^T u. A loop that can record the step once for all
    products offers `linearize(h, e)` instead: a callable that gives J v, whose attributes
    `adjoint`, `input_product` and `input_adjoint` give the other three.

    Example:
        >>> import numpy as np
        >>> from loopstab import LoopedMap
        >>> class Halving:
        ...     def step(self, h, e):
        ...         return h / 2 + e
        ...     def initial(self, e):
        ...         return np.zeros_like(e)
        >>> isinstance(Halving(), LoopedMap)
        True
    """

    def step(self, h: Array, e: Array) -> Array:
        """The next state.

        Args:
            h: the state.
            e: the input.

        Returns:
            A new array in the shape and dtype of h; h and e are left unchanged.
        """
        ...

    def initial(self, e: Array) -> Array:
        """The start state h_0.

        Args:
            e: the input.

        Returns:
            A float array with finite entries.
        """
        ...


class FunctionLoop:
    """A `LoopedMap` made of two functions, and optionally of products with its derivatives.

    Args:
        step: the next state, as a function of (h, e).
        initial: the start state, as a function of e.
        jvp: J v as a function of (h, e, v); default None: differences take its place.
        **derivatives: `vjp`, `input_jvp` and `input_vjp`, as functions of (h, e, vector); see
            `LoopedMap`.

    Raises:
        UsageError: a keyword is not the name of a derivative.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop
        >>> loop = FunctionLoop(lambda h, e: h / 2 + e, np.copy, jvp=lambda h, e, v: v / 2)
        >>> loop.step(np.array([2.0]), np.array([1.0]))
        array([2.])
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
        """The next state."""
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
            f"initial returned dtype {h.dtype}: states are float64 or float32; convert with"
            " h.astype(float)"
        )
    if not h.size:
        raise LoopError(f"initial returned an empty array of shape {h.shape}: check the input e")
    if not np.isfinite(h).all():
        raise LoopError("initial returned NaN or infinity: check the input e and the encoder")
    return np.array(h, copy=True)


def advance(loop: LoopedMap, h: Array, e: Array) -> Array:
    """step(h, e), checked for type, shape and dtype.

    It is not checked to be finite, because an orbit that diverges is a measurement.
    """
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
    """A copy of step(h, e), checked as in `advance`, and for randomness and changed arguments."""
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
    """Check that a loop can be measured: one step from its start state, and its derivatives there.

    The step must keep shape and dtype, be finite and deterministic, leave its arguments unchanged
    and be differentiable at h_0; the loop's own products must agree with difference quotients.
    Differentiability is checked for float64 states only.

    Args:
        loop: the loop.
        e: an input, of any shape.

    Raises:
        LoopError: at the first check that fails.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, check_loop
        >>> check_loop(FunctionLoop(lambda h, e: np.tanh(h) + e, np.copy), np.zeros(2))
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
            for d in (step * scale for step in STEPS)
        ]
        size = max(float(np.abs(slopes[1]).max()), SMALL)
        if not np.abs(slopes[0] - slopes[1]).max() <= AGREE * size:
            raise LoopError(
                "step is not differentiable at h_0: the difference quotients of two step sizes"
                f" differ by more than {100 * AGREE:g} %; check the step for rounding, thresholds"
                " and float32 arithmetic"
            )
        _check_products(loop, h, e, v, slopes[1])


def _check_products(loop: LoopedMap, h: Array, e: Array, v: Array, slope: Array) -> None:
    """Compare the loop's own products with the difference quotient `slope` along v."""
    linearize: Any = getattr(loop, "linearize", None)
    jvp: Any = getattr(loop, "jvp", None)
    vjp: Any = getattr(loop, "vjp", None)
    record: Any = None if linearize is None else linearize(h, e)
    push = record or (jvp and partial(jvp, h, e))
    pull = getattr(record, "adjoint", None) or (vjp and partial(vjp, h, e))
    size = max(float(np.abs(slope).max()), SMALL)
    advice = (
        "check the derivatives that the loop gives, and whether the step detaches the state or"
        " runs without gradients"
    )
    # a recorded step may have no second derivative (fused attention), so that its product J v
    # cannot be computed from its adjoint: then the adjoint alone is tested
    if record is not None and pull is not None:
        push = None
    if push is not None and not np.abs(push(v) - slope).max() <= AGREE * size:
        raise LoopError(
            "the loop's J v differs from a difference quotient by more than"
            f" {100 * AGREE:g} %: {advice}"
        )
    if pull is not None:
        u = np.random.default_rng(1).standard_normal(h.shape)
        mismatch = abs(float(np.vdot(pull(u), v)) - float(np.vdot(u, slope)))
        if not mismatch <= AGREE * size * float(np.linalg.norm(u)):
            raise LoopError(
                "the loop's J^T u does not fit a difference quotient, <J^T u, v> is not <u, J v>:"
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
