"""A user's step with named parameters as a law."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from importlib.machinery import PathFinder
from typing import Any

import numpy as np

from ....support.errors import UsageError
from ....support.facade import public
from ....support.sources import source_digest
from ...arrays import Array
from ...loops.function_loop import FunctionLoop
from ...loops.protocol import LoopedMap, LoopError, image, protected, start
from ...orbits.follow import Followed, follow_batch
from ...orbits.run import run
from .fingerprint import Fingerprint
from .law import INF, ClosedForm, LoopLaw, Parameter, Point, Samples
from .reached import reached
from .stack import LOOPS
from .step_arguments import NAN, WIDTH, StepArguments, number
from .step_rows import StepRows
from .user_formula import evaluated

TORCH = "loopstab.models.loops.torch_loop"
"""The module whose loops measure a step on tensors."""


class StepLaw(LoopLaw):
    """A law made of a step h' = step(h, e, **parameters), on NumPy arrays or torch tensors.

    The parameters are the arguments of the step after h and e that are numbers. Those without a
    default must be an axis or a setting; one annotated `int` is a whole number. A second argument
    that has a default is a parameter too: such a step has no input.

    For each draw, `e` and `weights` are drawn once, and all cells share them. The orbit starts at
    `initial(e)`, and its outcome is found as that of every loop here. The spectral radius and the
    sensitivity to the input are measured at the fixed point that the orbit reaches, or else at the
    one that Newton's method finds from its last state; they are NaN where there is none.

    Args:
        step: the next state, as a function of the state, the input and the parameters.
        initial: the first state, as a function of the input, or the state itself; default None:
            the input.
        e: the input: a number, an array, a tensor, or a function e(rng) of a NumPy generator that
            draws one; its further arguments are sizes, which are parameters too. Default None: a
            Gaussian vector of `width` numbers, scaled to the norm sqrt(width), where `width` is a
            parameter, 16 by default.
        weights: a function weights(rng) like that of e; what it returns is the argument `weights`
            of the step. Default None: the step has no such argument.
        rho: the closed form of the spectral radius, as a function of some of the parameters, of
            arrays or numbers; NaN where it says nothing. Default None: there is none.
        parameters: defaults of parameters, by name, before those of the step; and the names of the
            parameters of a step that takes any, `step(h, e, **parameters)`.
        vectorised: whether the step computes many cells at once, which is faster: states (cells,
            ...) with each parameter as an array (cells, 1, ..., 1).
        name: the name of the law; default: that of the step.
        loop: makes a loop of a step and a first state; default None: `TorchLoop` where the
            functions refer to torch, and `FunctionLoop` elsewhere.

    Raises:
        UsageError: the functions do not fit together.

    Example:
        >>> import numpy as np
        >>> from loopstab import StepLaw, phase_diagram
        >>> def step(h, e, a=0.5, b=1.0):
        ...     return a * h + b * e
        >>> law = StepLaw(step, e=1.0, rho=lambda a: abs(a))
        >>> diagram = phase_diagram(law, x="a:-0.9:0.9", y="b:0:2", grid=(2, 3), jobs=1)
        >>> np.round(diagram.rho[:3], 6), bool(diagram.mean_absolute_error < 1e-6)
        (array([0.6, 0. , 0.6]), True)
    """

    sensitivity = "mean of |S v|²/|v|²"

    def __init__(
        self,
        step: Callable[..., Any],
        *,
        initial: Any = None,
        e: Any = None,
        weights: Callable[..., Any] | None = None,
        rho: Callable[..., Any] | None = None,
        parameters: Mapping[str, float] | None = None,
        vectorised: bool = False,
        name: str = "",
        loop: Callable[[Callable[..., Any], Any], LoopedMap] | None = None,
    ):
        for what, function in (("step", step), ("weights", weights), ("rho", rho)):
            if function is not None and not callable(function):
                raise UsageError(f"{what} is {type(function).__name__}, not a function")
        self.step, self.start, self.e, self.weights = step, initial, e, weights
        self.rho, self.vectorised, self.loop = rho, vectorised, loop
        self.name = (name or getattr(step, "__name__", type(step).__name__))[:200]
        self._step = StepArguments.of(step, 2, besides=("weights",))
        self._drawn_from = {
            key: StepArguments.of(function, 1, sizes=True)
            for key, function in (("e", e), ("weights", weights))
            if callable(function)
        }
        if not self._step.places:
            raise UsageError(f"{self.name} takes no state: write it as step(h, e, **parameters)")
        if weights is not None and not self._step.choose({"weights": None}):
            raise UsageError(f"weights are drawn, but {self.name} has no argument weights")
        sizes: dict[str, Parameter] = {}
        if e is None:
            sizes["width"] = Parameter(
                WIDTH, 1, 1e5, "width of the input", closed=True, integer=True
            )
        for arguments in self._drawn_from.values():
            sizes |= arguments.numbers
        own = {k: p for k, p in self._step.numbers.items() if k not in sizes}
        self.shared, self._parameters = len(sizes), {**sizes, **own}
        self._take(parameters or {})
        self.batch = 64 if vectorised else 16
        unknown = set() if rho is None else StepArguments.of(rho, 0).named - set(self._parameters)
        if unknown:
            raise UsageError(
                f"rho takes {', '.join(sorted(unknown))}, which {self.name} does not: its"
                f" parameters are {', '.join(self._parameters) or 'none'}"
            )

    def _take(self, defaults: Mapping[str, float]) -> None:
        for name, value in defaults.items():
            if name in self._parameters:
                old = self._parameters[name]
                self._parameters[name] = Parameter(
                    float(value), old.low, old.high, old.text, old.closed, old.integer
                )
            elif self._step.anything:
                self._parameters[name] = number(float(value))
            else:
                raise UsageError(
                    f"law {self.name} has no parameter {name!r}: use one of"
                    f" {', '.join(self._parameters) or 'none'}"
                )

    def taking(self, names: Sequence[str]) -> None:
        """Add parameters without a default, where the step takes any."""
        if self._step.anything:
            self._take({name: NAN for name in names if name not in self._parameters})

    @property
    def title(self) -> str:  # type: ignore[override]
        """The name of the step."""
        return self.name

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """Sizes of what is drawn, then the parameters of the step."""
        return self._parameters

    @cached_property
    def _fingerprint(self) -> Fingerprint:
        return Fingerprint(self._roots())

    def _roots(self) -> dict[str, Any]:
        """All on which a sample depends; not the closed form."""
        functions = {"step": self.step, "initial": self.start, "e": self.e, "loop": self.loop}
        return {**functions, "weights": self.weights, "vectorised": self.vectorised}

    @property
    def identity(self) -> str:
        """A digest of its functions and of all that they refer to."""
        digest = f"{self._fingerprint.digest} {' '.join(self.parameters)}"
        if self._on_tensors:
            digest += f" {source_digest(TORCH)} {sys.modules['torch'].__version__}"
        return digest

    @property
    def untold(self) -> str:  # type: ignore[override]
        """What they refer to of which no digest exists."""
        what = self._fingerprint.untold
        return what and f"two versions of {what} cannot be told apart"

    @property
    def _on_tensors(self) -> bool:
        return self.loop is None and "torch" in self._fingerprint.libraries

    @property
    def portable(self) -> bool:  # type: ignore[override]
        """Whether other processes can import its functions."""
        functions = (self.step, self.start, self.e, self.weights, self.rho, self.loop)
        return all(_importable(function) for function in functions if callable(function))

    @property
    def backend(self) -> Any:  # type: ignore[override]
        """Processes that import the functions, where they can.

        Otherwise threads, which a step on tensors cannot share: what is measured of a torch model
        changes its modes.
        """
        return "loky" if self.portable else "sequential" if self._on_tensors else "threading"

    def closed_form(self, values: Mapping[str, Array]) -> ClosedForm:
        """What `rho` says; it is trusted wherever it says something."""
        none = ClosedForm.none(next(iter(values.values())))
        if self.rho is None:
            return none
        chosen = StepArguments.of(self.rho, 0).choose(values)
        rho = evaluated(self.rho, chosen, none.rho.shape)
        return none._replace(rho=rho, trust=np.where(np.isnan(rho), NAN, INF))

    def point(self, values: Mapping[str, float]) -> Point:
        """The value of every parameter."""
        return tuple(float(values[name]) for name in self.parameters)

    def measure(self, seed: tuple[int, ...], points: Sequence[Point]) -> Samples:
        """One sample for each point, all with the input and the weights of one draw."""
        named = [self._named(point) for point in points]
        e, first, weights = self._draw(seed, named[0])
        loops = [self._loop(self._bound(values, weights), first) for values in named]
        out = Samples.empty(len(points))
        with np.errstate(all="ignore"):
            together = self._together(loops, named, e, weights) if self.vectorised else None
            for i, (loop, values) in enumerate(zip(loops, named, strict=True)):
                try:
                    with protected(loop):
                        if together is None:
                            image(loop, start(loop, e), e)
                        orbit = run(loop, e, LOOPS) if together is None else together[i]
                        out.outcome[i] = str(orbit.diagnosis.outcome)
                        found = reached(loop, e, orbit, with_input=self._step.places == 2)
                        out.rho[i], out.iterations[i], out.sensitivity[i] = found
                except LoopError as error:
                    at = ", ".join(f"{name} = {value:g}" for name, value in values.items())
                    raise LoopError(f"{error} (at {at})" if at else str(error)) from error
        return out

    def _together(
        self, loops: list[LoopedMap], named: list[dict[str, Any]], e: Any, weights: Any
    ) -> list[Followed]:
        if self._on_tensors:
            raise UsageError(f"{self.name} is in torch, which is not vectorised: leave it out")
        arguments = self._bound(named[0], weights).keywords
        columns = {
            name: np.array([values[name] for values in named])
            for name in arguments
            if name in self.parameters and name not in list(self.parameters)[: self.shared]
        }
        step = functools.partial(self.step, **arguments)
        with_input = self._step.places == 2
        return follow_batch(StepRows(step, columns, loops, e, with_input), LOOPS)

    def _named(self, point: Point) -> dict[str, Any]:
        pairs = zip(self.parameters.items(), point, strict=True)
        return {name: int(value) if p.integer else value for (name, p), value in pairs}

    def _draw(self, seed: tuple[int, ...], values: Mapping[str, Any]) -> tuple[Any, Any, Any]:
        """The input, the first state (a function or a state) and the weights of a draw."""
        rng, drawn = np.random.default_rng(seed), {}
        for name, arguments in self._drawn_from.items():
            function = functools.partial(getattr(self, name), **arguments.choose(values))
            try:
                drawn[name] = function(*(rng,) * arguments.places)
            except Exception as error:  # the user must see whatever their function raises
                text = " ".join(str(error).split())[:200]
                raise UsageError(f"{name} raised {type(error).__name__}: {text}") from error
        e = drawn.get("e", self.e)
        if e is None:
            e = rng.standard_normal(values["width"])
            e *= np.sqrt(len(e)) / np.linalg.norm(e)
        elif isinstance(e, int | float | list):
            e = np.atleast_1d(np.asarray(e, float))
        first = self.start
        if first is None:
            first = e if self._step.places == 1 else _same
        elif isinstance(first, int | float | list):
            first = np.atleast_1d(np.asarray(first, float))
        return e, first, drawn.get("weights")

    def _bound(self, values: Mapping[str, Any], weights: Any) -> functools.partial[Any]:
        extra = {} if self.weights is None else {"weights": weights}
        own = {k: v for k, v in values.items() if k in self._step.named or k not in self._sizes}
        return functools.partial(self.step, **self._step.choose({**own, **extra}))

    @property
    def _sizes(self) -> list[str]:
        return list(self.parameters)[: self.shared]

    def _loop(self, step: Callable[..., Any], first: Any) -> LoopedMap:
        kind = self.loop or (public("TorchLoop") if self._on_tensors else FunctionLoop)
        return kind(step, first)


def _same(e: Any) -> Any:
    """The first state where a user gives none: the input, copied if it is a NumPy array."""
    return e.copy() if isinstance(e, np.ndarray) else e


def _importable(function: Any) -> bool:
    """Whether another process finds a function by the names of its module and its own."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if not module or module == "__main__" or not isinstance(name, str):
        return False
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is function and PathFinder.find_spec(module.partition(".")[0]) is not None
