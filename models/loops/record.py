"""One recorded step, and products with its derivatives."""

from __future__ import annotations

import warnings
from typing import Any, Protocol

import numpy as np
import optree
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel

from ...numerics.loops.protocol import GradientLost, LoopError
from ...numerics.loops.structure import NAMESPACE
from .tensor_structure import TensorStructure, to_array, to_tensor
from .torch_advice import tensors

Array = np.ndarray

WAYS = ("reverse twice", "forward")
"""Ways to compute J v, the fastest first."""
SAME = 1e3
"""Roundings by which a recorded step and a plain one, or <u, J v> and <J^T u, v>, may differ."""
TWICE = (
    "it has no second derivative; measure J^T, which has the spectrum and the norms of J:"
    " Linearisation(loop, h, e).transposed(), or give the module before torch.compile"
)
LOOSEST = 0.1
"""The largest relative difference that counts as rounding, in half precision."""


class MappedStep(Protocol):
    """What a record needs of a loop."""

    def mapped(self, layout: TensorStructure, h: Tensor, inputs: Any) -> Tensor:
        """The next state for a packed state and an input of tensors."""
        ...


class Record:
    """One recorded step, and products with J = D_h step and K = D_e step at (h, e).

    J^T u and K^T u are one backward pass each. They are linear in u, so the derivative of <J^T u,
    v> by u is J v: reverse mode twice, because forward mode falls back to slow Python
    decompositions for element-wise products. Attention is computed by its plain formula, which
    can be differentiated twice; fused kernels cannot. Where second derivatives do not exist
    (compiled steps), forward mode is tried; where that fails too, or where what it gives is not
    the transpose of J^T, `forward` is False and only the adjoint products are given. A step that
    loses its gradient is an error, and not a derivative of zero.

    Args:
        loop: the loop that computes the step.
        layout: the layout of the state.
        h: the packed state.
        inputs: the input, with tensors.
    """

    def __init__(self, loop: MappedStep, layout: TensorStructure, h: Tensor, inputs: Any):
        self._loop, self._layout, self._inputs = loop, layout, inputs
        self._at: dict[str, Tensor | None] = {"state": h.requires_grad_(), "input": None}
        floats = [leaf for leaf in tensors(inputs) if leaf.is_floating_point()]
        for leaf in floats:
            leaf.requires_grad_()
        if len(floats) == 1:
            self._at["input"] = floats[0]
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), warnings.catch_warnings():
            # torch.compile asks every tensor for .grad, which warns
            warnings.filterwarnings("ignore", message="The .grad attribute of a Tensor")
            self._out = loop.mapped(layout, h, inputs)
            self._u = torch.zeros_like(self._out, requires_grad=True)
        self._pulled: dict[str, Tensor | None] = {}
        self._constant: set[str] = set()
        self.way: str | None = WAYS[0]

    @property
    def forward(self) -> bool:
        """Whether J v is exact; otherwise only J^T u is."""
        return self.way is not None

    def choose(self, image: Tensor, unit: float) -> str | None:
        """The first way to J v that gives the transpose of J^T; None if none does.

        Args:
            image: the next state, computed without gradients.
            unit: the precision inside the step, if it is coarser than that of the state.

        Raises:
            LoopError: the step computes something else when gradients are recorded.
        """
        unit = max(unit, torch.finfo(image.dtype).eps)
        tol = max(min(SAME * unit, LOOSEST), unit)
        gap = (self._out.detach().cpu() - image.cpu()).norm()
        if gap > tol * max(float(image.norm()), torch.finfo(image.dtype).tiny):
            raise LoopError(
                "the step computes another result when gradients are recorded"
                f" (relative difference {float(gap / image.norm()):.1g}): do not ask"
                " torch.is_grad_enabled() inside the step"
            )
        draw = np.random.default_rng(0)
        u, v = (draw.standard_normal(image.shape).astype(to_array(image).dtype) for _ in range(2))
        back = self.adjoint(u)
        for way in WAYS:
            self.way = way
            try:
                ahead = self(v)
            except (LoopError, RuntimeError):
                continue
            sizes = (
                np.linalg.norm(ahead) * np.linalg.norm(u),
                np.linalg.norm(back) * np.linalg.norm(v),
            )
            if abs(float(np.vdot(u, ahead)) - float(np.vdot(back, v))) <= tol * max(sizes):
                return way
        return None

    def __call__(self, v: Array) -> Array:
        """J v."""
        return self._push("state", v)

    def adjoint(self, u: Array) -> Array:
        """J^T u."""
        return self._pull("state", u)

    def input_product(self, v: Array) -> Array:
        """K v."""
        return self._push("input", v)

    def input_adjoint(self, u: Array) -> Array:
        """K^T u, in the shape of the input."""
        return self._pull("input", u)

    def _place(self, name: str) -> Tensor:
        place = self._at[name]
        if place is None:
            raise LoopError(
                "the input has no array of floats, or several, and the derivative with respect to"
                " it needs one: give the loop its embedding as e"
            )
        return place

    def _pull(self, name: str, u: Array) -> Array:
        place = self._place(name)
        found = _gradient(self._out, place, _like(u, self._out), retain_graph=True)
        return self._zeros(name, place) if found is None else to_array(found)

    def _push(self, name: str, v: Array) -> Array:
        place = self._place(name)
        if self.way == "forward":
            return self._tangent(name, place, v)
        if name not in self._pulled:
            with torch.enable_grad():
                self._pulled[name] = _gradient(self._out, place, self._u, create_graph=True)
        pulled = self._pulled[name]
        if pulled is None:
            return self._zeros(name, self._out)
        # no path from u: J^T u is 0 whatever u, as for a step that multiplies by 0
        found = _gradient(pulled, self._u, _like(v, pulled), retain_graph=True)
        return to_array(torch.zeros_like(self._out) if found is None else found)

    def _tangent(self, name: str, place: Tensor, v: Array) -> Array:
        """J v or K v by dual numbers, with the step computed again."""
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), forward_ad.dual_level():
            dual = forward_ad.make_dual(place.detach(), _like(v, place))
            out = self._mapped(place, dual)
            tangent = forward_ad.unpack_dual(out).tangent
            return self._zeros(name, self._out) if tangent is None else to_array(tangent)

    def _mapped(self, place: Tensor, moved: Tensor) -> Tensor:
        """The step with another tensor in the place of the state or the input."""
        state = self._at["state"]
        assert state is not None
        h = moved if place is state else state.detach()
        inputs = optree.tree_map(
            lambda leaf: moved if leaf is place else leaf, self._inputs, namespace=NAMESPACE
        )
        return self._loop.mapped(self._layout, h, inputs)

    def _zeros(self, name: str, like: Tensor) -> Array:
        """The product where torch sees no dependence, which is zero if a second call of the step
        confirms that there is none.
        """
        if name not in self._constant:
            place = self._place(name)
            with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
                still, moved = (self._mapped(place, place.detach() + by) for by in (0, 1))
            if not torch.equal(moved, still):
                raise GradientLost(
                    f"the step loses the gradient by its {name}: take torch.no_grad, detach or"
                    " NumPy out of the step"
                )
            self._constant.add(name)
        return to_array(torch.zeros_like(like))


def _like(vector: Array, tensor: Tensor) -> Tensor:
    return to_tensor(np.asarray(vector), tensor.device).to(tensor.dtype).reshape(tensor.shape)


def _gradient(out: Tensor, by: Tensor, seed: Tensor, **options: bool) -> Tensor | None:
    """The gradient of <out, seed>; None where torch sees no dependence."""
    if not (out.requires_grad and by.requires_grad):
        return None
    try:
        (found,) = torch.autograd.grad(out, by, seed, allow_unused=True, **options)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:160]
        twice = "derivative" in reason or "double backward" in reason or "twice" in reason
        what = TWICE if twice else "look for in-place changes of what the gradient needs"
        raise LoopError(f"the step cannot be differentiated ({reason}): {what}") from None
    return found
