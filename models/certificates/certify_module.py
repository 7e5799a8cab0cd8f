"""Prove what can be proved about a loop of a user's own, written in torch, on one input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flint
import numpy as np
import torch
from torch import Tensor, nn

from ...numerics.arrays import Array
from ...numerics.enclosures.ball_array import BallArray
from ...numerics.enclosures.operations import E
from ...support.errors import LoopstabError, UsageError
from ..loops.torch_loop import TorchLoop
from .certificate import ModuleCertificate
from .certify_loop import BITS, LOOPS, centered, prove
from .module_enclosure import EnclosedModule
from .settling import outcome_of, settle_map

AGREEMENT = 1e-9
"""Largest relative distance of torch's result from the enclosed one that rounding explains."""

Step = Callable[[Tensor, Tensor], Tensor]


class EnclosedStep:
    """A user's step, initial state and readout as a loop on enclosures.

    Args:
        step: function or module of (h, e).
        h0: the initial state.
        e: an input of the shape of all others.
        readout: function or module of h that returns logits; None for none.

    Raises:
        LoopstabError: an operation is not supported, or the step does not return a state.
    """

    def __init__(self, step: Step, h0: Array, e: Array, readout: Any = None):
        state, given = torch.from_numpy(h0), torch.from_numpy(e)
        self._h0, self._step = h0, EnclosedModule.of(step, state, given)
        self._readout = None if readout is None else EnclosedModule.of(readout, state)
        self.recall = self._step.uses(1)
        self._check("step", self._step, step, h0, e)
        if readout is not None and self._readout is not None:
            self._check("readout", self._readout, readout, h0)

    def encode(self, x: E) -> E:
        """The input itself."""
        return x

    def start(self, e: E) -> E:
        """The initial state, the same for all inputs."""
        return e.numbers(self._h0)

    def offset(self, e: E) -> tuple[E, dict[str, Any]]:
        """The input, and all values that depend on it alone."""
        return e, self._step.prepare({1: e})

    def advance(self, h: E, offset: tuple[E, dict[str, Any]]) -> E:
        """One iteration."""
        e, prepared = offset
        return self._step.finish((h, e), prepared)

    def head(self, h: E) -> E | None:
        """The logits, one row for each cell."""
        if self._readout is None:
            return None
        logits = self._readout(h)
        return logits.reshape(-1, logits.shape[-1])

    def rank(self, size: int) -> None:
        """Not known in advance, whatever the size."""

    @torch.no_grad()
    def _check(self, name: str, enclosed: EnclosedModule, function: Any, *given: Array) -> None:
        """Compare with torch at h_0; the two differ if the function has a memory, for example."""
        expected, again = (function(*map(torch.from_numpy, given)) for _ in range(2))
        if name == "step" and expected.shape != given[0].shape:
            raise LoopstabError(
                f"the step returned a tensor of shape {tuple(expected.shape)} for a state of shape"
                f" {given[0].shape}: return the new state alone"
            )
        if name == "readout" and (expected.ndim == 0 or expected.shape[-1] < 2):
            raise LoopstabError("the readout must return logits: the classes are its last axis")
        with flint.ctx.workprec(BITS):
            found = enclosed(*map(BallArray.exact, given)).mid
        far = max(np.linalg.norm(found - seen.numpy()) for seen in (expected, again))
        if not far <= AGREEMENT * (1 + np.linalg.norm(found)):
            raise LoopstabError(
                f"the {name} and its exported operations differ by {far:.2g} at h_0: does it keep"
                " a memory between calls, or lose accuracy?"
            )


def certify_module(
    step: Step,
    h0: Array | Tensor,
    e: Array | Tensor,
    readout: Callable[[Tensor], Tensor] | None = None,
    *,
    loops: int = LOOPS,
    progress: Callable[[str], None] = lambda _: None,
) -> ModuleCertificate:
    """Prove what the loop h_{t+1} = step(h_t, e) does from h_0, for any number of iterations.

    Four things are proved in rigorous arithmetic, with all rounding bounded: a fixed point (or a
    cycle of period up to 8) exists and is the only one in an explicit ball; it attracts every state
    of the ball; the exact orbit from h_0 enters the ball, and with a readout its output (the class
    of the largest logit in the last axis) never changes again; and the derivative of the limit by
    the input is bounded.

    The step is exported with `torch.export`. It may consist of linear layers, RMS and layer norms,
    softmax attention, the usual activations, sums, products, quotients, means, and changes of
    shape; a batch is part of the state. Weights are doubles and taken as exact, as is everything
    else that depends on neither h nor e, which torch computes once.

    Args:
        step: module or function of the tensors h and e that returns the next state.
        h0: the initial state, in float64.
        e: the input, in float64.
        readout: module or function of h that returns logits.
        loops: iterations after which an orbit that has not settled is given up.
        progress: is told what is being done.

    Raises:
        LoopstabError: an operation is not supported (the message names it, its module and its place
            in your code), a weight is not in float64, or a module is in training mode.
        NotCertified: the orbit does not settle, or no ball that attracts was found; it is a
            `LoopstabError` too.

    Example:
        >>> import torch
        >>> from loopstab import certify_module
        >>> turn = torch.nn.Linear(2, 2, bias=False).double().eval()
        >>> with torch.no_grad():
        ...     _ = turn.weight.copy_(torch.tensor([[0.5, 2.0], [0.0, 0.5]]))
        >>> zero = torch.zeros(2, dtype=torch.float64)
        >>> found = certify_module(lambda h, e: torch.tanh(turn(h)) + e, zero, zero + 0.1)
        >>> found.complete, found.dependence.rank
        (True, 2)
        >>> print(found.sentences()[2])  # doctest: +ELLIPSIS
        Answer: in exact arithmetic the orbit from h_0 is after ... there is no readout.
    """
    return certified_module(step, h0, e, readout, loops=loops, progress=progress)[0]


def certified_module(
    step: Step,
    h0: Array | Tensor,
    e: Array | Tensor,
    readout: Callable[[Tensor], Tensor] | None = None,
    *,
    loops: int = LOOPS,
    center: Array | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[ModuleCertificate, Array]:
    """As `certify_module`; returns the center of the ball as well, or takes a given one."""
    state, given = doubles("h0", h0), doubles("e", e)
    loop = EnclosedStep(step, state, given, readout)
    progress("following the orbit")
    held = torch.from_numpy(given)

    @torch.no_grad()
    def once(h: Array) -> Array:
        return step(torch.from_numpy(h), held).numpy()

    torch_loop = TorchLoop(step, lambda _: torch.from_numpy(state))
    settled = settle_map(once, state, loops, lambda: outcome_of(torch_loop, given, loops))
    if center is None:
        center = centered(loop, given, settled)
    proved = prove(loop, given, center, settled, progress)
    found = ModuleCertificate(
        attraction=proved.attraction,
        answer=proved.answer,
        dependence=proved.dependence,
        unproved=proved.unproved,
        loop=_name(step),
        shape=state.shape,
    )
    return found, center


def doubles(name: str, value: Array | Tensor) -> Array:
    """The array of a state or input; `UsageError` where it is not made of finite doubles."""
    array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
    if array.dtype != np.float64:
        raise UsageError(
            f"{name} is in {array.dtype}: a certificate is about doubles, so give it in float64"
        )
    if array.size == 0 or array.ndim == 0 or not np.isfinite(array).all():
        raise UsageError(f"{name} must be an array of finite numbers with at least one axis")
    return np.array(array)


def _name(step: Step) -> str:
    if isinstance(step, nn.Module):
        return type(step).__name__
    return getattr(step, "__qualname__", type(step).__name__)
