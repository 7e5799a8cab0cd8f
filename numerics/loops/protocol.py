"""The protocol of every measurement, `step(h, e) -> h` and `initial(e) -> h`, and its calls."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array


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


class GradientLost(LoopError):
    """The step depends on its state or input, and yet its gradient does not.

    Example:
        >>> from loopstab.numerics.loops.protocol import GradientLost, LoopError
        >>> issubclass(GradientLost, LoopError)
        True
    """


@runtime_checkable
class LoopedMap(Protocol):
    """A looped map h_{t+1} = step(h_t, e) with h_0 = initial(e).

    States are float arrays of any shape. Any object with these two methods is a looped map.

    Further methods are optional. `at(time)` gives the step of one iteration, where `timed` is true
    (the step depends on the number of the iteration). `pack(state, e)` and `unpack(h, e)` translate
    between the user's states and packed arrays. `protect()` is a context manager that leaves the
    user's model as it found it. `resolution` gives the coarsest precision inside the step.
    `FunctionLoop` and `TorchLoop` have what they need of these.

    A loop may also offer products with the derivatives J = D_h step and K = D_e step, each in the
    shape of h or of e: `jvp(h, e, v)` gives J v, `vjp(h, e, u)` gives J^T u, `input_jvp(h, e, v)`
    gives K v, and `input_vjp(h, e, u)` gives K^T u. A loop that can record the step once for all
    products offers `linearize(h, e)` instead: a callable that gives J v, whose attributes
    `adjoint`, `input_product` and `input_adjoint` give the other three; where its attribute
    `forward` is False, it gives the adjoint products alone.

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


def start(loop: LoopedMap, e: Any) -> Array:
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


def advance(loop: LoopedMap, h: Array, e: Any) -> Array:
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


def image(loop: LoopedMap, h: Array, e: Any) -> Array:
    """A copy of step(h, e), checked as in `advance`, and for changed arguments and repeatability.

    The step is called at h, twice at its image, and at h again: memory shows by the calls between,
    and randomness at the image also where it is hidden at h, as dropout is at h = 0.
    """
    state, inputs = np.array(h, copy=True), [leaf.copy() for leaf in arrays(loop, e)]
    new = np.array(advance(loop, h, e), copy=True)
    same = [np.array_equal(state, h, equal_nan=True)]
    same += [equal(a, b) for a, b in zip(inputs, arrays(loop, e), strict=True)]
    if not all(same):
        raise LoopError("step changed its arguments in place: work on a copy (h = h.copy())")
    if np.isfinite(new).all():
        later = np.array(advance(loop, new, e), copy=True)
        if not np.array_equal(later, advance(loop, new, e), equal_nan=True):
            raise LoopError(not_repeatable(loop, new, e))
    if not np.array_equal(new, advance(loop, h, e), equal_nan=True):
        raise LoopError(not_repeatable(loop, h, e))
    return new


def not_repeatable(loop: LoopedMap, h: Array, e: Any) -> str:
    """Why two calls of a step with the same arguments may differ, and what to do."""
    seeded: Any = getattr(loop, "seeded", None)
    if seeded is not None and seeded(h, e):
        named: Any = getattr(loop, "random_modules", None)
        random = named() if named is not None else []
        what = (
            f"the randomness of {', '.join(random)}" if random else "dropout and other randomness"
        )
        return (
            "two calls of step with the same arguments differ, and agree after the random number"
            f" generators are reset: switch off {what} (module.eval())"
        )
    remembered: Any = getattr(loop, "remembered", None)
    if remembered is not None and (changed := remembered(h, e)):
        return (
            "two calls of step with the same arguments differ: the step keeps a memory between"
            f" calls and changes {', '.join(changed)}; reset it inside the step or make it a part"
            " of the state"
        )
    return (
        "two calls of step with the same arguments differ: the step keeps a memory between calls"
        " (a cache, a counter, buffers that move) or draws random numbers; reset the memory inside"
        " the step or make it a part of the state, and switch off dropout and other randomness"
    )


def at(loop: LoopedMap, time: int) -> LoopedMap:
    """The step of iteration `time`; the loop itself, unless its step depends on the time."""
    timed: Any = loop
    return timed.at(time) if getattr(loop, "timed", False) else loop


def packed(loop: LoopedMap, state: Any, e: Any) -> Array:
    """A state of the user's structure as one float array; an array stays as it is."""
    pack: Any = getattr(loop, "pack", None)
    return np.array(state if pack is None else pack(state, e), copy=True)


def unpacked(loop: LoopedMap, h: Array, e: Any) -> Any:
    """A packed state in the user's structure."""
    unpack: Any = getattr(loop, "unpack", None)
    return h if unpack is None else unpack(h, e)


def arrays(loop: LoopedMap, e: Any) -> list[Array]:
    """The arrays of an input."""
    own: Any = getattr(loop, "arrays", None)
    return [np.asarray(e)] if own is None else own(e)


def protected(loop: LoopedMap) -> AbstractContextManager[Any]:
    """A context in which the loop is measured, and after which its model is as it was before."""
    protect: Any = getattr(loop, "protect", None)
    return nullcontext() if protect is None else protect()


def equal(a: Array, b: Array) -> bool:
    """Whether two arrays are equal; NaN equals NaN."""
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def _is_array(h: Any, where: str) -> None:
    if type(h).__module__.startswith("torch"):
        raise LoopError(
            f"{where} returned a torch tensor: wrap your functions with loopstab.TorchLoop(step,"
            " initial)"
        )
    if not isinstance(h, np.ndarray):
        raise LoopError(
            f"{where} returned {type(h).__name__}, not a NumPy array: return numpy.asarray(h)"
        )
