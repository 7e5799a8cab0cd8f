"""A user's torch code as a graph of elementary operations, or the reason why there is none."""

from __future__ import annotations

import contextlib
import inspect
import io
import linecache
import logging
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx import traceback as fx_traceback
from torch.overrides import TorchFunctionMode

from ...support.errors import LoopstabError

ATEN = torch.ops.aten
WHOLE = (
    ATEN.elu.default,
    ATEN.layer_norm.default,
    ATEN.linear.default,
    ATEN.log_softmax.int,
    ATEN.logsumexp.default,
    ATEN.matmul.default,
    ATEN.rms_norm.default,
    ATEN.scaled_dot_product_attention.default,
    ATEN.silu.default,
    ATEN.softmax.int,
    ATEN.softplus.default,
)
"""Operations that are enclosed or refused as they are, and not decomposed into simpler ones."""
FOREIGN = str(Path(torch.__file__).parent), contextlib.__file__, "<"
"""Beginnings of the names of files that are neither the user's nor this one."""
INSIDE = "code of torch"
"""The place of an operation of one of torch's modules that is the step itself."""
PLACE = "loopstab place"
"""Key of the place of an operation among the annotations of its node."""


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
    """

    nodes: tuple[fx.Node, ...]
    constants: dict[str, Any]
    depends: dict[str, frozenset[int]]
    arguments: tuple[str, ...]
    output: str

    @classmethod
    def trace(cls, function: Callable[..., Tensor], *examples: Tensor) -> ModuleGraph:
        """Export a module or a function of tensors of the given shapes.

        Raises:
            LoopstabError: a weight is not in float64, a module is in training mode, or torch
                cannot export the function, for example because a branch depends on values.
        """
        for name, module in _modules(function).items():
            _check_module(module, name)
        program = _export(function, examples)
        constants, arguments = {}, []
        for spec in program.graph_signature.input_specs:
            if spec.kind is InputKind.USER_INPUT:
                arguments.append(spec.arg.name)
                continue
            assert spec.target is not None
            state: dict[str, Any] = {**program.constants, **program.state_dict}
            constants[spec.arg.name] = state[spec.target]
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
        )


def name_of(node: fx.Node) -> str:
    """The operation of a node, such as aten.add.Tensor."""
    return str(node.target)


def place_of(node: fx.Node) -> str:
    """Where the user's code asks for the operation of a node: module, file, line and text."""
    trace = " ".join((node.meta.get("stack_trace") or "an unknown place").split())
    words = (node.meta.get("custom") or {}).get(PLACE) or trace
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
        """The function of the arguments."""
        return self.held(*arguments)


class _Places(TorchFunctionMode):
    """Notes for every operation which line of the user's code asks for it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        frame: Any = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename.startswith(FOREIGN):
            frame = frame.f_back
        annotate = getattr(fx_traceback, "annotate", None)  # newer than the oldest torch
        if annotate is None or frame is None:
            return func(*args, **(kwargs or {}))
        file = frame.f_code.co_filename
        with annotate({PLACE: INSIDE if file == __file__ else _place(file, frame.f_lineno)}):
            return func(*args, **(kwargs or {}))


def _place(file: str, line: int) -> str:
    return f"{file}, line {line} ({linecache.getline(file, line).strip()[:100]})"


def _export(function: Callable[..., Tensor], examples: tuple[Tensor, ...]) -> Any:
    table = torch.export.default_decompositions()
    for operation in WHOLE:
        table.pop(operation, None)
    # equal examples would be taken for one argument
    copies = tuple(example.detach().clone() for example in examples)
    with _quiet():
        try:
            with _Places():
                made = torch.export.export(_Held(function).eval(), copies)
            return made.run_decompositions(table)
        except Exception as error:  # torch raises many kinds
            refusal = _refusal(error)
    raise LoopstabError(refusal)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Torch without gradients, opaque operations and words about itself."""
    fast, level = torch.backends.mha.get_fastpath_enabled(), logging.root.manager.disable
    torch.backends.mha.set_fastpath_enabled(False)
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            torch.no_grad(),
            fx_traceback.preserve_node_meta(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
        torch.backends.mha.set_fastpath_enabled(fast)


def _refusal(error: Exception) -> str:
    """Why torch cannot export, in one line that names the place in the user's code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith((*FOREIGN, __file__))]
    place = _place(own[-1].filename, own[-1].lineno or 0) if own else "the step"
    text = str(error).strip()
    if "data-dependent" in text or "DataDependent" in type(error).__name__:
        return (
            f"{place}: control flow depends on the values of tensors, and the loop would be"
            " another one for other states: only a fixed sequence of operations can be certified"
        )
    reason = text.splitlines()[0][:200] if text else type(error).__name__
    return f"{place}: torch cannot export the step ({reason})"


def _modules(function: Callable[..., Tensor]) -> dict[str, nn.Module]:
    """The modules that a function is, belongs to, or refers to."""
    if isinstance(function, nn.Module):
        return {"": function}
    owner = getattr(function, "__self__", None)
    found = {} if owner is None else {"": owner}
    if inspect.isfunction(function) or inspect.ismethod(function):
        names = inspect.getclosurevars(function)
        found |= {**names.globals, **names.nonlocals}
    return {name: value for name, value in found.items() if isinstance(value, nn.Module)}


def _check_module(module: nn.Module, name: str) -> None:
    def path(inner: str) -> str:
        return ".".join(filter(None, (name, inner))) or "itself"

    for inner, part in module.named_modules():
        if part.training:
            raise LoopstabError(
                f"the module {path(inner)} ({type(part).__name__}) is in training mode: call"
                " module.eval() first"
            )
    for inner, weight in (*module.named_parameters(), *module.named_buffers()):
        if weight.is_floating_point() and weight.dtype is not torch.float64:
            raise LoopstabError(
                f"the weight {path(inner)} is in {str(weight.dtype).removeprefix('torch.')}: a"
                " certificate is about doubles, so call module.double() first"
            )


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
