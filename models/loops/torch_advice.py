"""What to write when torch refuses a step: dtypes, devices and gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import optree
import torch
from torch import Tensor

from ...numerics.loops.structure import NAMESPACE
from .tensor_structure import named


def advice(reason: str, parameters: Iterable[Tensor], state: Any, inputs: Any) -> str:
    """What to do about an error of torch; empty if its text says all that is known.

    Args:
        reason: the text of the error.
        parameters: parameters and buffers of the modules.
        state: the state, nested; None for an error of `initial`.
        inputs: the input, nested.

    Example:
        >>> import torch
        >>> from loopstab.models.loops.torch_advice import advice
        >>> text = "mat1 and mat2 must have the same dtype, but got Double and Float"
        >>> advice(text, [torch.ones(2)], None, torch.ones(2).double())
        'the parameters have float32, the input float64: call module.double() first, or pass...'
    """
    if "dtype" in reason or "scalar type" in reason:
        return casting(parameters, state, inputs)
    if "same device" in reason:
        return "place everything on one device, or give TorchLoop(step, initial, device=...)"
    if "does not require grad" in reason:
        return "the step is called without gradients: wrap what needs them in torch.enable_grad()"
    return ""


def casting(parameters: Iterable[Tensor], state: Any, inputs: Any) -> str:
    """Which parts have which floating dtype, and the casts that make them one.

    Nothing is cast silently, because the precision decides what is measured.
    """
    parts = {"parameters": parameters, "state": tensors(state), "input": tensors(inputs)}
    kinds = {
        name: sorted({t.dtype for t in found if t.is_floating_point()}, key=named)
        for name, found in parts.items()
    }
    all_kinds = {kind for found in kinds.values() for kind in found}
    if len(all_kinds) < 2:
        return "check the dtypes of constants and of what the step makes (module.double())"
    words = [
        f"{name} {'have ' if name == 'parameters' else ''}{' and '.join(map(named, found))}"
        for name, found in kinds.items()
        if found
    ]
    if kinds["parameters"] == [torch.float32] and torch.float64 in all_kinds:
        what = "call module.double() first, or pass e.astype(numpy.float32)"
        what += " and return a first state in float32"
    elif kinds["parameters"] == [torch.float64]:
        what = "pass e.astype(numpy.float64), or e.double(), and return a first state in float64"
    else:
        what = "use one dtype, best float64: module.double(), e.astype(numpy.float64)"
    return f"the {', the '.join(words)}: {what}"


def tensors(tree: Any) -> list[Tensor]:
    """The tensors of a nested state or input."""
    leaves = optree.tree_leaves(tree, namespace=NAMESPACE)  # type: ignore[arg-type]
    return [leaf for leaf in leaves if isinstance(leaf, Tensor)]
