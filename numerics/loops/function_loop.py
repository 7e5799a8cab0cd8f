"""A loop made of functions: how they are called, with which arguments, and what they may return."""

from __future__ import annotations

import copy
import inspect
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import optree

from ...support.errors import LoopstabError, UsageError
from ..arrays import Array
from .protocol import LoopError
from .resolution import Resolution, seen_resolution
from .structure import NAMESPACE, Structure, StructureError

PRODUCTS = ("jvp", "vjp", "input_jvp", "input_vjp")
MOST_LAYOUTS = 64
"""Shapes of inputs whose layout is remembered."""
PACKAGE = Path(__file__).resolve().parents[2]


class FunctionLoop:
    """A `LoopedMap` made of two functions, and optionally of products with its derivatives.

    The state may be one array of floats, or tuples, lists, dicts, named tuples and dataclasses of
    such arrays (`Structure`), also complex ones. Measurements see it as one real array; what they
    return is a state like those of the functions.

    Args:
        step: the next state, as a function of the state, of (state, input), or of (state, input,
            t) with the number t = 0, 1, ... of the iteration. An argument with a default value is
            not passed.
        initial: the first state, as a function of the input or of nothing, or the state itself.
        jvp: J v as a function of (h, e, v); default None: differences take its place.
        **derivatives: `vjp`, `input_jvp` and `input_vjp`, as functions of (h, e, vector); see
            `LoopedMap`.

    Raises:
        UsageError: a keyword is not the name of a derivative.
        LoopError: a function takes other arguments, raises an error, or returns no state; the
            message names the line of the function.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop
        >>> loop = FunctionLoop(lambda h, e: h / 2 + e, np.copy, jvp=lambda h, e, v: v / 2)
        >>> loop.step(np.array([2.0]), np.array([1.0]))
        array([2.])
        >>> pair = FunctionLoop(lambda s, e: (s[1], s[0] / 2 + e), (np.zeros(1), np.zeros(1)))
        >>> pair.initial(np.ones(1)), pair.step(np.array([4.0, 0.0]), np.ones(1))
        (array([0., 0.]), array([0., 3.]))
    """

    def __init__(
        self,
        step: Callable[..., Any],
        initial: Any,
        jvp: Callable[..., Any] | None = None,
        **derivatives: Callable[..., Any],
    ):
        if unknown := set(derivatives) - set(PRODUCTS):
            raise UsageError(
                f"unknown derivative {', '.join(sorted(unknown))}: a loop may give jvp, vjp,"
                " input_jvp and input_vjp"
            )
        self._step, self._initial = step, initial
        self._given = {"jvp": jvp, **derivatives}
        self._takes = _arguments(step)
        self._layouts: dict[Any, Structure] = {}
        self._resolutions: dict[Any, Resolution] = {}
        self._rows, self._time = False, 0

    @property
    def timed(self) -> bool:
        """Whether the step depends on the number of the iteration."""
        return self._takes == 3

    def at(self, time: int) -> Self:
        """The loop whose step is that of iteration `time` at every iteration (frozen time)."""
        other = copy.copy(self)
        other._time = time
        return other

    def rowwise(self) -> Self:
        """The loop on states packed as (rows, reals of a row), one row for each input."""
        other = copy.copy(self)
        other._rows, other._layouts, other._resolutions = True, {}, {}
        return other

    def step(self, h: Array, e: Any) -> Array:
        """The next state, packed."""
        layout = self._layout(e)
        arguments = (layout.unpack(h), e, self._time)[: self._takes]
        return self._packed(layout, self._called("step", self._step, *arguments), "step")

    def initial(self, e: Any) -> Array:
        """The first state, packed; it also decides the layout of the states for this input."""
        state = self._start(e)
        layout = self._layouts.get(self._key(e)) or self._learn(e, state)
        return self._packed(layout, state, "initial")

    def pack(self, state: Any, e: Any) -> Array:
        """A state of the user's structure as the array that `step` takes; an array stays."""
        layout = self._layout(e)
        return state if layout.is_packed(state) else self._packed(layout, state, "the state")

    def unpack(self, h: Array, e: Any) -> Any:
        """The state in the structure that the functions use."""
        return self._layout(e).unpack(h)

    def arrays(self, e: Any) -> list[Array]:
        """The arrays of an input."""
        leaves = optree.tree_leaves(e, namespace=NAMESPACE)  # type: ignore[arg-type]
        return [np.asarray(leaf) for leaf in leaves]

    def take(self, e: Any, rows: Array) -> Any:
        """Some rows of an input, whose arrays have rows on their first axes."""
        return optree.tree_map(lambda leaf: leaf[rows], e, namespace=NAMESPACE)

    def resolution(self, h: Array, e: Any) -> float:
        """The machine epsilon of the coarsest precision in the step; 0 if the state has it too."""
        return self._resolution(h, e).eps

    def precision_name(self, h: Array, e: Any) -> str | None:
        """The coarsest precision in the step, such as `bfloat16`; None if the state has it too."""
        return self._resolution(h, e).name

    def _resolution(self, h: Array, e: Any) -> Resolution:
        key = self._key(e), h.shape, h.dtype
        if key not in self._resolutions:
            self._resolutions[key] = self._find_resolution(h, e)
        return self._resolutions[key]

    def _find_resolution(self, h: Array, e: Any) -> Resolution:
        try:
            return seen_resolution(lambda state: self.step(state, e), h)
        except LoopError:  # outside the domain of the step
            return Resolution()

    def __getattr__(self, name: str) -> Any:
        if name in PRODUCTS and self.__dict__.get("_given", {}).get(name) is not None:
            return partial(self._product, name)
        raise AttributeError(f"{type(self).__name__} has no {name}")

    def _product(self, name: str, h: Array, e: Any, vector: Array) -> Array:
        layout, function = self._layout(e), self._given[name]
        of_state = name in ("jvp", "vjp")
        vector = layout.unpack(vector) if of_state or name == "input_vjp" else vector
        out = self._called(name, function, layout.unpack(h), e, vector)
        if layout.plain or name == "input_vjp":
            return out
        return self._packed(layout, out, name)

    def _start(self, e: Any) -> Any:
        if not callable(self._initial):
            return copy.deepcopy(self._initial)
        given = (e,)[: min(_arguments(self._initial, least=0), 1)]
        return self._called("initial", self._initial, *given)

    def _layout(self, e: Any) -> Structure:
        return self._layouts.get(self._key(e)) or self._learn(e, self._start(e))

    def _learn(self, e: Any, state: Any) -> Structure:
        try:
            layout = self._structure(state)
        except StructureError as error:
            raise self._unfit("initial", state, error) from None
        if len(self._layouts) >= MOST_LAYOUTS:
            self._layouts.clear()
        self._layouts[self._key(e)] = layout
        return layout

    def _key(self, e: Any) -> Any:
        if isinstance(e, np.ndarray):
            return e.shape[1:] if self._rows else e.shape
        leaves, tree = optree.tree_flatten(e, namespace=NAMESPACE)
        shapes = tuple(tuple(getattr(leaf, "shape", ())) for leaf in leaves)
        return tree, tuple(shape[1:] for shape in shapes) if self._rows else shapes

    def _structure(self, state: Any) -> Structure:
        return Structure(state, self._rows)

    def _packed(self, layout: Structure, state: Any, where: str) -> Array:
        if layout.plain and isinstance(state, np.ndarray):
            return state  # `advance` checks its shape and dtype
        try:
            return layout.pack(state)
        except StructureError as error:
            raise self._unfit(where, state, error) from None

    def _called(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except (LoopstabError, MemoryError):
            raise
        except Exception as error:  # the user must see whatever their function raises
            raise LoopError(self._failure(name, error)) from error

    def _failure(self, name: str, error: Exception) -> str:
        """One line that says what a function of the user raised, and where."""
        text = " ".join(str(error).split())[:200]
        when = f" at iteration {self._time}" if self.timed and name == "step" else ""
        return f"{name} raised {type(error).__name__}{when}: {text} ({_line(error)})"

    def _unfit(self, where: str, state: Any, error: StructureError) -> LoopError:
        """What to do about a state that cannot be measured."""
        text = str(error)
        if type(state).__module__.startswith("torch"):
            return LoopError(
                f"{where} returned a torch tensor: wrap your functions with loopstab.TorchLoop("
                "step, initial)"
            )
        return LoopError(f"{where} returned a state that {text}: {self._advice(text)}")

    def _advice(self, text: str) -> str:
        words = {
            "NumPy array": "return numpy.asarray(h), or a tuple or dict of arrays",
            "no float": "convert it with h.astype(float), and keep what is not real-valued"
            " (counters, flags, tokens) in the input",
            "has shape": "a looped map must keep the shape; check the projection at the end of"
            " your block",
            "has dtype": "cast inside the step, e.g. .astype(h.dtype)",
            "no array": "return the state",
        }
        usual = "return every part of the state, in the same places at every iteration"
        return next((advice for part, advice in words.items() if part in text), usual)


def _arguments(function: Callable[..., Any], least: int = 1) -> int:
    """The number of arguments that a step or an initial takes, up to 3."""
    called = getattr(function, "forward", function)  # of a torch module
    try:
        found = inspect.signature(called).parameters.values()
    except (TypeError, ValueError):  # some builtin functions have no signature
        return 2
    places = [p for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if any(p.kind is p.VAR_POSITIONAL for p in found):
        return max(2, len(places))
    needed = [p for p in places if p.default is p.empty]
    if len(needed) > 3 or len(places) < least:
        raise LoopError(
            f"the step takes {len(needed)} arguments: write it as step(h), step(h, e) or"
            " step(h, e, t)"
        )
    return max(len(needed), min(len(places), 2) if len(needed) == 1 and least else 0)


def _line(error: Exception) -> str:
    """File and line of the user's code where an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    outside = [f for f in frames if PACKAGE not in Path(f.filename).resolve().parents] or frames
    own = [f for f in outside if "site-packages" not in f.filename] or outside
    return f"{own[-1].filename}, line {own[-1].lineno}"
