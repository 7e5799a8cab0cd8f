"""A user's torch code as a function of enclosures instead of tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, fx

from ...numerics.enclosures.operations import E
from ...support.errors import LoopstabError, UsageError
from .module_graph import ModuleGraph, name_of, place_of
from .module_operations import OPERATIONS
from .module_values import Masked, Unsupported


@dataclass(frozen=True)
class EnclosedModule:
    """A module or function of tensors, as a function of enclosures of the same shapes.

    The operations are those of the exported graph, over the real numbers. Parameters, and whatever
    else depends on no argument, are doubles that are taken as exact.

    Args:
        graph: the operations.

    Example:
        >>> import numpy as np
        >>> import torch
        >>> from loopstab.models.certificates.module_enclosure import EnclosedModule
        >>> from loopstab.numerics.enclosures.ball_array import BallArray
        >>> layer = torch.nn.Linear(2, 1).double().eval()
        >>> enclosed = EnclosedModule.of(layer, torch.zeros(1, 2, dtype=torch.float64))
        >>> enclosed(BallArray.exact(np.ones((1, 2)))).shape
        (1, 1)
    """

    graph: ModuleGraph

    @classmethod
    def of(cls, function: Callable[..., Tensor], *examples: Tensor) -> EnclosedModule:
        """Trace a function at arguments of the given shapes.

        Raises:
            LoopstabError: the function has no such graph, or an operation is not supported; the
                message names the operation, the module and the place in the user's code.
        """
        made = cls(ModuleGraph.trace(function, *examples))
        for node in made.graph.nodes:
            if name_of(node) not in OPERATIONS:
                raise _refused(node, "is not among the operations that can be enclosed")
        return made

    def uses(self, argument: int) -> bool:
        """Whether the result depends on an argument."""
        return argument in self.graph.depends[self.graph.output]

    def __call__(self, *arguments: E) -> E:
        """The function of all arguments."""
        return self.finish(arguments, {})

    def prepare(self, given: dict[int, E]) -> dict[str, Any]:
        """All values that depend on no other arguments than the given ones."""
        return self._run(given, {})

    def finish(self, arguments: tuple[E, ...], prepared: dict[str, Any]) -> E:
        """The function of all arguments, with values that `prepare` made."""
        values = self._run(dict(enumerate(arguments)), prepared)
        output = self.graph.output
        if output in self.graph.constants:
            return arguments[0].numbers(self.graph.constants[output])
        return values[output]

    def _run(self, arguments: dict[int, Any], prepared: dict[str, Any]) -> dict[str, Any]:
        graph, known = self.graph, frozenset(arguments)
        values = {**prepared, **{graph.arguments[i]: value for i, value in arguments.items()}}

        def value(node: fx.Node) -> Any:
            if node.name in values:
                return values[node.name]
            return graph.constants[node.name]

        for node in graph.nodes:
            if node.name not in values and graph.depends[node.name] <= known:
                values[node.name] = _applied(
                    node, fx.map_arg(node.args, value), fx.map_arg(node.kwargs, value)
                )
        return values


def _applied(node: fx.Node, args: Any, kwargs: Any) -> Any:
    name = name_of(node)
    found = OPERATIONS[name]
    infinite = any(isinstance(a, Masked) for a in args)
    if infinite and not found.masked:
        raise _refused(node, "is given minus infinity, which only softmax can be")
    try:
        return found.function(*args, **kwargs)
    except Unsupported as error:
        raise _refused(node, str(error)) from None
    except (TypeError, UsageError) as error:
        raise _refused(node, f"has arguments that cannot be enclosed ({error})") from None


def _refused(node: fx.Node, why: str) -> LoopstabError:
    return LoopstabError(f"{place_of(node)}: the operation {name_of(node)} {why}")
