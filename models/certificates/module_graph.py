"""A user's torch code as a graph of elementary operations, or the reason why there is none."""

from __future__ import annotations

import re
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.export.graph_signature import InputKind, OutputKind

from ...support.errors import LoopstabError

ATEN = torch.ops.aten
WHOLE = (
    ATEN.layer_norm.default,
    ATEN.linear.default,
    ATEN.matmul.default,
    ATEN.rms_norm.default,
    ATEN.scaled_dot_product_attention.default,
    ATEN.silu.default,
    ATEN.softmax.int,
)
"""Operations that are enclosed as they are, and not decomposed into simpler ones."""
TORCH = str(Path(torch.__file__).parent)
FRAME = re.compile(r'File "([^"]+)", line (\d+), in \S+\n\s*([^\n]*)')


@dataclass(frozen=True)
class ModuleGraph:
    """The operations of a function of tensors, in order.

    What depends on no argument is computed once by torch, and the doubles that result are taken
    as exact: they are the constants of the function.

    Args:
        nodes: the operations that the result needs and that depend on an argument.
        constants: the values that depend on no argument, by the name of their node.
        depends: for each node, the numbers of the arguments on which it depends.
        arguments: names of the nodes of the arguments.
        output: name of the node of the result.
        weights: parameters and buffers by name.
    """

    nodes: tuple[fx.Node, ...]
    constants: dict[str, Any]
    depends: dict[str, frozenset[int]]
    arguments: tuple[str, ...]
    output: str
    weights: dict[str, Tensor]

    @classmethod
    def trace(cls, function: Callable[..., Tensor], *examples: Tensor) -> ModuleGraph:
        """Export a module or a function of tensors of the given shapes.

        Raises:
            LoopstabError: a weight is not in float64, a module is in training mode, or torch
                cannot export the function, for example because a branch depends on values.
        """
        if isinstance(function, nn.Module):
            _check_module(function)
        program = _export(function, examples)
        inputs, constants, arguments = {}, {}, []
        for spec in program.graph_signature.input_specs:
            if spec.kind is InputKind.USER_INPUT:
                arguments.append(spec.arg.name)
                continue
            assert spec.target is not None
            state: dict[str, Any] = {**program.constants, **program.state_dict}
            inputs[spec.target.removeprefix("held.")] = constants[spec.arg.name] = state[
                spec.target
            ]
        _check_weights(inputs)
        specs = program.graph_signature.output_specs
        if len(specs) != 1 or specs[0].kind is not OutputKind.USER_OUTPUT:
            raise LoopstabError(
                "the step must return one tensor, and change neither its arguments nor its buffers"
                " in place: return the new state alone"
            )
        nodes = list(program.graph.nodes)
        depends = _dependence(nodes, arguments)
        return cls(
            nodes=tuple(_folded(nodes, depends, constants, set(arguments))),
            constants={name: _array(value) for name, value in constants.items()},
            depends=depends,
            arguments=tuple(arguments),
            output=str(specs[0].arg.name),
            weights=inputs,
        )


def name_of(node: fx.Node) -> str:
    """The operation of a node, such as aten.add.Tensor."""
    return str(node.target)


def place_of(node: fx.Node) -> str:
    """Where the user's code asks for the operation of a node: module, file, line and text."""
    frames = FRAME.findall(node.meta.get("stack_trace") or "")
    own = [frame for frame in frames if not frame[0].startswith(TORCH)] or frames
    words = f"{own[-1][0]}, line {own[-1][1]} ({own[-1][2].strip()})" if own else "an unknown place"
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    if not stack:
        return words
    path, kind = stack[-1]
    kind = kind if isinstance(kind, str) else kind.__name__
    kind, path = kind.rpartition(".")[2], str(path).removeprefix("held").removeprefix(".")
    if kind == "_Held":
        return words
    return f"{words}, in the module {path or 'itself'} of class {kind}"


class _Held(nn.Module):
    """A function or module as a module whose arguments are positional."""

    def __init__(self, function: Callable[..., Tensor]):
        super().__init__()
        self.held = function

    def forward(self, *arguments: Tensor) -> Tensor:
        return self.held(*arguments)


def _export(function: Callable[..., Tensor], examples: tuple[Tensor, ...]) -> Any:
    table = torch.export.default_decompositions()
    for operation in WHOLE:
        table.pop(operation, None)
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # it is one opaque operation
    held = _Held(function)
    held.train(False)  # the wrapper alone can be in training mode; modules were checked
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of torch about itself
            # equal examples would be taken for one argument
            copies = tuple(example.detach().clone() for example in examples)
            return torch.export.export(held, copies).run_decompositions(table)
    except LoopstabError:
        raise
    except Exception as error:  # torch raises many kinds
        raise LoopstabError(_refusal(error)) from None
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _refusal(error: Exception) -> str:
    """Why torch cannot export, in one line that names the place in the user's code."""
    here = str(Path(__file__))
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((TORCH, here, "<"))
        and "importlib" not in frame.filename
        and "contextlib" not in frame.filename
    ]
    place = f"{own[-1].filename}, line {own[-1].lineno} ({own[-1].line})" if own else "the step"
    text = str(error).strip()
    if "data-dependent" in text or "DataDependent" in type(error).__name__:
        return (
            f"{place}: control flow depends on the values of tensors, and the loop would be"
            " another one for other states: only a fixed sequence of operations can be certified"
        )
    return (
        f"{place}: torch cannot export the step ({text.splitlines()[0][:200] if text else error!r})"
    )


def _check_module(module: nn.Module) -> None:
    for path, part in module.named_modules():
        if part.training:
            raise LoopstabError(
                f"the module {path or 'itself'} ({type(part).__name__}) is in training mode: call"
                " module.eval() first"
            )
    _check_weights({**dict(module.named_parameters()), **dict(module.named_buffers())})


def _check_weights(weights: dict[str, Any]) -> None:
    for path, weight in weights.items():
        if isinstance(weight, Tensor) and weight.is_floating_point():
            if weight.dtype is not torch.float64:
                raise LoopstabError(
                    f"the weight {path} is in {str(weight.dtype).removeprefix('torch.')}: a"
                    " certificate is about doubles, so call module.double() first"
                )
            if not bool(torch.isfinite(weight).all()) and isinstance(weight, nn.Parameter):
                raise LoopstabError(f"the weight {path} is not finite")


def _dependence(nodes: list[fx.Node], arguments: list[str]) -> dict[str, frozenset[int]]:
    depends: dict[str, frozenset[int]] = {}
    for node in nodes:
        if node.name in arguments:
            depends[node.name] = frozenset((arguments.index(node.name),))
        else:
            before = (depends[n.name] for n in node.all_input_nodes)
            depends[node.name] = frozenset().union(*before)
    return depends


def _folded(
    nodes: list[fx.Node],
    depends: dict[str, frozenset[int]],
    constants: dict[str, Any],
    arguments: set[str],
) -> list[fx.Node]:
    """The nodes that are left when all constants have been computed, which is done here."""
    needed: set[fx.Node] = set()
    for node in reversed(nodes):
        if node.op == "output" or node in needed:
            needed.update(node.all_input_nodes)
    left = []
    for node in nodes:
        if node not in needed or node.name in arguments or node.name in constants:
            continue
        if node.op == "get_attr":
            module: Any = node.graph.owning_module
            constants[node.name] = module.get_parameter(node.target)
        elif depends[node.name]:
            left.append(node)
        else:
            constants[node.name] = _computed(node, constants)
    return left


def _computed(node: fx.Node, constants: dict[str, Any]) -> Any:
    target: Any = node.target
    if torch.Tag.nondeterministic_seeded in getattr(target, "tags", ()):
        raise LoopstabError(
            f"{place_of(node)}: {name_of(node)} draws random numbers, and the loop is another one"
            " at every call: only a deterministic step can be certified"
        )

    def value(n: fx.Node) -> Any:
        return constants[n.name]

    with torch.no_grad():
        return target(*fx.map_arg(node.args, value), **fx.map_arg(node.kwargs, value))


def _array(value: Any) -> Any:
    """A constant with its tensors as arrays, those of floats in double precision."""
    if isinstance(value, Tensor):
        value = value.detach()
        return np.ascontiguousarray(
            (value.double() if value.is_floating_point() else value).numpy()
        )
    if isinstance(value, (tuple, list)):
        return type(value)(map(_array, value))
    return value
