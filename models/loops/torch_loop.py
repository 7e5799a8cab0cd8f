"""A loop written in torch as a NumPy `LoopedMap` with exact products of its Jacobians."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, cast

import numpy as np
import optree
import torch
from torch import Tensor, nn

from ...numerics.loops.function_loop import FunctionLoop
from ...numerics.loops.protocol import LoopError
from ...numerics.loops.resolution import Resolution
from ...numerics.loops.structure import NAMESPACE, Structure, StructureError, flattened
from ..network.transformer import LoopedTransformer
from .precision import Dtypes
from .protection import Guard
from .record import Record
from .tensor_structure import TensorStructure, named, to_array, to_tensor
from .torch_advice import advice, casting, tensors

Array = np.ndarray


class TorchLoop(FunctionLoop):
    """A loop on tensors, seen from outside as a loop on NumPy arrays.

    The state may be one tensor, or tuples, lists, dicts, named tuples and dataclasses of tensors,
    also complex ones or ones of half precision. Measurements see it as one real array. The input
    may be an array, a tensor, None, or dicts and tuples of arrays and tensors of any dtype (token
    ids, masks). The loop computes in the dtype of the state; use float64 where you can, and move
    your module to it first (`module.double()`).

    Products with derivatives are computed from the step itself, exact to rounding. Every
    measurement leaves the model as it was: parameters, buffers, gradients, hooks, the mode of every
    submodule, and the random number generators. A step that changes parameters, buffers or other
    tensors in place has a memory and is refused.

    Args:
        step: the next state, as a function of the state, of (state, input), or of (state, input,
            t) with the number t = 0, 1, ... of the iteration.
        initial: the first state, as a function of the input or of nothing, or the state itself.
        modules: a module or several that the functions use; default None: those in their closures,
            attributes and global variables.
        device: where tensors are placed; default None: the device of the modules, or else of the
            input.

    Raises:
        LoopError: when it is used and torch cannot compute or differentiate the step, or the step
            has a memory; the message says why.

    Example:
        >>> import numpy as np, torch
        >>> from loopstab import TorchLoop, diagnose
        >>> loop = TorchLoop(lambda h, e: 0.5 * torch.tanh(h) + e, torch.zeros_like)
        >>> e = np.ones(3)
        >>> str(diagnose(loop, e, loops=100).outcome)
        'fixed-point'
        >>> loop.jvp(np.zeros(3), e, np.ones(3))
        array([0.5, 0.5, 0.5])
        >>> cell = torch.nn.LSTMCell(2, 2).double()
        >>> pair = TorchLoop(lambda s, e: cell(e, s), lambda e: (0 * e, 0 * e))
        >>> pair.initial(np.ones(2))
        array([0., 0., 0., 0.])
    """

    def __init__(
        self,
        step: Callable[..., Any],
        initial: Any,
        *,
        modules: nn.Module | Iterable[nn.Module] | None = None,
        device: torch.device | str | None = None,
    ):
        super().__init__(step, initial)
        self._guard = Guard({"step": step, "initial": initial}, modules)
        self._device = None if device is None else torch.device(device)
        self._forward: dict[Any, str | None] = {}

    @classmethod
    def of(cls, model: LoopedTransformer) -> TorchLoop:
        """The loop of a `LoopedTransformer`; `e` is an embedding, (batch, cells, width)."""
        return cls(model.step, model.initial)

    @property
    def torch_step(self) -> Callable[..., Any]:
        """The step on tensors."""
        return self._step

    def protect(self) -> AbstractContextManager[None]:
        """A context after which the model is as it was, also after an error; it may be nested."""
        return self._guard.protect()

    def step(self, h: Array, e: Any) -> Array:
        """The next state, packed."""
        with self.protect(), torch.inference_mode(False), torch.no_grad():
            layout, state = self._layout(e), to_tensor(h, self.device(e))
            return to_array(self.mapped(layout, state, self.inputs(e)))

    def initial(self, e: Any) -> Array:
        """The first state, packed; it also decides the layout of the states for this input."""
        with self.protect():
            return super().initial(e).copy()

    def linearize(self, h: Array, e: Any) -> Record:
        """The step at (h, e), recorded once for any number of products."""
        with self.protect(), torch.inference_mode(False):
            layout, inputs = self._layout(e), self.inputs(e)
            record = Record(self, layout, to_tensor(h, self.device(e)), inputs)
            key = self._key(e), np.dtype(h.dtype)
            if key not in self._forward:
                self._forward[key] = record.choose(
                    to_tensor(self.step(h, e)), self.resolution(h, e)
                )
            record.way = self._forward[key]
            return record

    def jvp(self, h: Array, e: Any, v: Array) -> Array:
        """J v at (h, e)."""
        return self.linearize(h, e)(v)

    def vjp(self, h: Array, e: Any, u: Array) -> Array:
        """J^T u at (h, e)."""
        return self.linearize(h, e).adjoint(u)

    def input_jvp(self, h: Array, e: Any, v: Array) -> Array:
        """K v at (h, e)."""
        return self.linearize(h, e).input_product(v)

    def input_vjp(self, h: Array, e: Any, u: Array) -> Array:
        """K^T u at (h, e)."""
        return self.linearize(h, e).input_adjoint(u)

    def seeded(self, h: Array, e: Any) -> bool:
        """Whether two calls agree if all random number generators are reset between them."""
        with self.protect():
            reset = self._guard.random_numbers()
            first = self.step(h, e)
            reset()
            return np.array_equal(first, self.step(h, e), equal_nan=True)

    def random_modules(self) -> list[str]:
        """The submodules that draw random numbers in training mode, and are in it."""
        return self._guard.random_modules()

    def remembered(self, h: Array, e: Any) -> list[str]:
        """Attributes, variables and containers of Python that a call of the step changes."""
        return self._guard.exchanged(lambda: self.step(h, e))

    def arrays(self, e: Any) -> list[Array]:
        """The arrays of an input."""
        leaves = optree.tree_leaves(e, namespace=NAMESPACE)  # type: ignore[arg-type]
        return [to_array(x) if isinstance(x, Tensor) else np.asarray(x) for x in leaves]

    def unpack(self, h: Array, e: Any) -> Any:
        """The state in the structure of the functions, of tensors; an array if it is one tensor."""
        layout = self._layout(e)
        return h if layout.plain else layout.unpack(to_tensor(h, self.device(e)))

    def device(self, e: Any = None) -> torch.device:
        """Where the loop computes: the device of its modules, or else of the input."""
        if self._device is not None:
            return self._device
        found = [*self._parameters(), *tensors(e)]
        return found[0].device if found else torch.device("cpu")

    def inputs(self, e: Any) -> Any:
        """A copy of an input whose arrays are tensors on the device of the loop."""
        device, (_, leaves, tree) = self.device(e), flattened(e)
        try:
            return optree.tree_unflatten(tree, [to_tensor(leaf, device) for leaf in leaves])
        except TypeError as error:
            raise LoopError(f"the input is no tensor ({error}): give numbers or tensors") from None

    def mapped(self, layout: TensorStructure, h: Tensor, inputs: Any) -> Tensor:
        """The next state for a packed state and an input of tensors, differentiable."""
        with self.protect():
            before = _versions(inputs)
            out = self.bare_image(layout, h, inputs)
            if before != _versions(inputs):
                raise LoopError("step changes its input e in place: work on a copy (e = e.clone())")
            self._guard.check("step")
        if out.dtype != h.dtype:
            kinds = f"dtype {named(out.dtype)} for a state of dtype {named(h.dtype)}"
            parts = casting(self._parameters(), h, inputs)
            raise LoopError(
                f"step returned {kinds}: cast inside the step, e.g. .to(h.dtype); {parts}"
            )
        return out

    def bare_image(self, layout: TensorStructure, h: Tensor, inputs: Any) -> Tensor:
        """The next state, without protection: for training, where the model may change."""
        arguments = (layout.unpack(h), inputs, self._time)[: self._takes]
        return self._flat(layout, self._called("step", self._step, *arguments), "step")

    def bare_start(self, inputs: Any) -> Any:
        """The first state in its structure, without protection."""
        with torch.no_grad():
            if callable(self._initial):
                return super()._start(inputs)
            _, leaves, tree = flattened(self._initial)
            return optree.tree_unflatten(tree, [to_tensor(leaf) for leaf in leaves])

    def _flat(self, layout: Any, state: Any, where: str) -> Tensor:
        try:
            return layout.pack(state)
        except StructureError as error:
            raise self._unfit(where, None, error) from None

    def _packed(self, layout: Structure, state: Any, where: str) -> Array:
        return to_array(self._flat(layout, state, where))

    def _structure(self, state: Any) -> TensorStructure:
        return TensorStructure(state, self._rows)

    def _layout(self, e: Any) -> TensorStructure:
        return cast(TensorStructure, super()._layout(e))

    def _start(self, e: Any) -> Any:
        with self.protect(), torch.inference_mode(False):
            state = self.bare_start(self.inputs(e))
            self._guard.check("initial")
        return state

    def _key(self, e: Any) -> Any:
        leaves = optree.tree_leaves(e, namespace=NAMESPACE)  # type: ignore[arg-type]
        return super()._key(e), tuple(str(getattr(leaf, "dtype", "")) for leaf in leaves)

    def _find_resolution(self, h: Array, e: Any) -> Resolution:
        with self.protect(), torch.inference_mode(False), torch.no_grad():
            layout, state, inputs = self._layout(e), to_tensor(h, self.device(e)), self.inputs(e)
            with Dtypes(state) as seen:
                self.mapped(layout, state, inputs)
            inside, shown = seen.resolution(state.dtype), super()._find_resolution(h, e)
        return max(inside, shown, key=lambda found: found.eps)

    def _advice(self, text: str) -> str:
        words = {
            "not a tensor": "return a tensor, or a tuple or dict of tensors",
            "no float": "convert it with h.double(), and keep what is not real-valued (counters,"
            " flags, tokens) in the input",
            "has dtype": "cast inside the step, e.g. .to(h.dtype)",
        }
        return next(
            (advice for part, advice in words.items() if part in text), super()._advice(text)
        )

    def _called(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return super()._called(name, function, *arguments)
        except LoopError as error:
            if not isinstance(error.__cause__, RuntimeError):
                raise
            state, inputs = arguments[:2] if name == "step" else (None, arguments)
            what = advice(str(error.__cause__), self._parameters(), state, inputs)
            raise LoopError(f"{error}: {what}" if what else str(error)) from error.__cause__

    def _parameters(self) -> list[Tensor]:
        used = self._guard.reach().used
        return [u.value for u in used if u.registered and isinstance(u.value, Tensor)]


def _versions(inputs: Any) -> list[int]:
    return [leaf._version for leaf in tensors(inputs)]
