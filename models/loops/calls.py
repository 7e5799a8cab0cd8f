"""What a submodule is called with while its model runs, and how its state is carried."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import optree
import torch
from torch import Tensor, nn

from ...numerics.loops.protocol import LoopError
from ...numerics.loops.structure import NAMESPACE, flattened
from .reach import Reach
from .snapshot import Snapshot
from .tensor_structure import to_tensor

SHOWN = 8
"""Names of submodules in a message."""
ROUNDINGS = 1e3
"""Roundings by which two ways to compute a state may differ."""
LOOSEST = 0.05
"""The largest relative difference that counts as rounding."""

Place = int | str
"""An argument: its position or its keyword."""


@dataclass(frozen=True)
class RecordedCall:
    """One call of a submodule.

    Args:
        arguments: copies of the arguments, by position and by keyword.
        output: a copy of what it returned.
    """

    arguments: dict[Place, Any]
    output: Any


def part_of(module: nn.Module, name: str) -> Callable[..., Any]:
    """A submodule or a method of one, by its name; `LoopError` names the submodules that exist."""
    known = [key for key, _ in module.named_modules() if key]
    if name in known:
        return module.get_submodule(name)
    owner, _, method = name.rpartition(".")
    if owner in ("", *known):
        found = getattr(module.get_submodule(owner), method, None)
        if callable(found):
            return found
    near = difflib.get_close_matches(name, known, SHOWN, 0.3) or known[:SHOWN]
    more = "" if len(known) <= len(near) else f" (of {len(known)})"
    raise LoopError(
        f"the model has no submodule or method {name!r}; it has {', '.join(near)}{more}"
    )


def record_calls(module: nn.Module, name: str, given: Any) -> list[RecordedCall]:
    """Run a model once and record the calls of a part of it; the model is left as it was.

    Args:
        module: the model.
        name: the name of the submodule or method.
        given: the input of the model: a tuple of arguments, a dict of keywords, or one argument.

    Raises:
        LoopError: there is no such part, it is called less than twice, or the model fails.
    """
    core, calls = part_of(module, name), []
    started: list[dict[Place, Any]] = []

    def before(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        started.append(_copied({**dict(enumerate(args)), **kwargs}))

    def after(_: nn.Module, *rest: Any) -> None:
        calls.append(RecordedCall(started.pop(), _copied(rest[-1])))

    args = given if isinstance(given, tuple) else () if isinstance(given, dict) else (given,)
    snapshot = Snapshot(Reach({"module": module}))
    owner, _, method = name.rpartition(".")

    def recorded(*args: Any, **kwargs: Any) -> Any:
        arguments = _copied({**dict(enumerate(args)), **kwargs})
        output = core(*args, **kwargs)
        calls.append(RecordedCall(arguments, _copied(output)))
        return output

    if isinstance(core, nn.Module):
        core.register_forward_pre_hook(before, with_kwargs=True)
        core.register_forward_hook(after)
    else:
        setattr(module.get_submodule(owner), method, recorded)
    try:
        with torch.inference_mode(False), torch.no_grad():
            module(*_copied(args), **(_copied(given) if isinstance(given, dict) else {}))
    except Exception as error:  # the user must see whatever their model raises
        text = " ".join(str(error).split())[:200]
        raise LoopError(f"the model raised {type(error).__name__}: {text}") from error
    finally:
        snapshot.restore()
        if not isinstance(core, nn.Module):
            vars(module.get_submodule(owner)).pop(method, None)
    if len(calls) < 2:
        often = "once only" if calls else "never"
        advice = (
            "ask the model for more iterations, or name the submodule or the method that does one"
            " iteration"
        )
        raise LoopError(f"{name!r} is called {often} in a run of the model: {advice}")
    return calls


def parts(output: Any) -> dict[tuple[Place, ...], Any]:
    """What of an output may be the state: all of it, or one entry of a tuple or dict."""
    found: dict[tuple[Place, ...], Any] = {(): output}
    if isinstance(output, tuple | list):
        found |= {(i,): part for i, part in enumerate(output)}
    if isinstance(output, dict):
        found |= {(key,): part for key, part in output.items()}
    return {key: value for key, value in found.items() if tensors_of(value)}


def part(output: Any, path: tuple[Place, ...]) -> Any:
    """The part of an output at a path of `parts`."""
    for key in path:
        output = output[key]
    return output


def tensors_of(value: Any) -> list[Tensor]:
    """The tensors of a nested value, if it holds nothing else; otherwise none."""
    leaves = flattened(value)[1]
    return leaves if all(isinstance(leaf, Tensor) for leaf in leaves) else []


def alike(a: Any, b: Any) -> bool:
    """Whether two nested values have one structure, with tensors of the same shapes."""
    found, other = flattened(a), flattened(b)
    return found[2] == other[2] and all(
        isinstance(x, Tensor) and isinstance(y, Tensor) and x.shape == y.shape
        for x, y in zip(found[1], other[1], strict=True)
    )


def close(a: Any, b: Any, roundings: float = 0.0) -> bool:
    """Whether two nested values are equal, or equal up to rounding."""
    if flattened(a)[2] != flattened(b)[2]:
        return False
    return all(
        _close(x, y, roundings) for x, y in zip(flattened(a)[1], flattened(b)[1], strict=True)
    )


def combined(function: Any, *values: Any) -> Any:
    """Apply a function to the leaves of nested values of one structure."""
    trees = [flattened(value) for value in values]
    leaves = [function(*row) for row in zip(*(tree[1] for tree in trees), strict=True)]
    return optree.tree_unflatten(trees[0][2], leaves)


def _close(x: Any, y: Any, roundings: float) -> bool:
    if not (isinstance(x, Tensor) and isinstance(y, Tensor)):
        return x is y or (type(x) is type(y) and np.array_equal(x, y))
    if x.shape != y.shape or x.dtype != y.dtype:
        return False
    if torch.equal(x, y):
        return True
    if not roundings or not (x.is_floating_point() or x.is_complex()):
        return False
    share = min(roundings * torch.finfo(x.dtype).eps, LOOSEST)
    size = max(float(x.abs().max()), float(y.abs().max())) if x.numel() else 0.0
    return bool((x - y).abs().max() <= share * size)


def _copied(value: Any) -> Any:
    return optree.tree_map(
        lambda leaf: to_tensor(leaf, leaf.device) if isinstance(leaf, Tensor) else leaf,
        value,
        namespace=NAMESPACE,
    )
