"""The Jacobian of a loop at a state as an operator, J v and J^T u, with K v and K^T w for the
input; and what a measurement of it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property, partial
from typing import Any

import numpy as np

from ...support.jsonable import jsonable
from ..arrays import Array
from ..loops.protocol import LoopedMap, LoopError, image

DENSE = 64
"""Up to this many dimensions J is built column by column and given to LAPACK."""
DENSE_ADJOINT = 2000
"""Up to this many dimensions J^T and K^T are had from columns where the loop has no product of its
own.
"""

Product = Callable[[Array], Array]


@dataclass(frozen=True)
class Measurement:
    """`value` with the `residual` of the equation that defines it (which one, the subclass says),
    recomputed from the result.

    `products`: products with J, J^T, K and K^T that it took; `converged`: the residual meets the
    tolerance asked for.
    """

    value: Any
    residual: float
    products: int
    converged: bool

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object: arrays as lists, complex numbers as [real, imaginary], what is not
        finite as None.
        """
        return jsonable({f.name: getattr(self, f.name) for f in fields(self)})


class Linearisation:
    """J = D_h step and K = D_e step at (h, e), on flat real or complex vectors; counts the
    products.

    Products come from the loop where it offers them: `linearize(h, e)`, a callable v -> J v whose
    attributes `adjoint`, `input_product`, `input_adjoint` give the other three, or `jvp`, `vjp`,
    `input_jvp`, `input_vjp` of (h, e, vector). Else J v and K v are central differences with step
    eps^(1/3) of the scale, J^T and K^T the transposed columns, up to `DENSE_ADJOINT` dimensions.
    `derivative` and `adjoint_of` say which. Raises `LoopError` for a step that is not finite here,
    is random or changes its state, and for products of a wrong shape or not finite.
    """

    def __init__(self, loop: LoopedMap, h: Array, e: Array):
        self.loop, self.h, self.e = loop, np.array(h, copy=True), np.array(e, copy=True)
        self.n, self.products = self.h.size, 0
        self.image = image(loop, self.h, self.e)
        if not np.isfinite(self.image).all():
            raise LoopError(
                "step returns NaN or infinity at this state: there is no Jacobian; give a state"
                " inside the map's domain"
            )
        record = loop.linearize(self.h, self.e) if hasattr(loop, ("linearize")) else None  # type: ignore[attr-defined]  # optional
        self._own = record or self._bound("jvp")
        self._own_adjoint = getattr(record, "adjoint", None) or self._bound("vjp")
        self._own_input = getattr(record, "input_product", None) or self._bound("input_jvp")
        self._own_input_adjoint = getattr(record, "input_adjoint", None) or self._bound("input_vjp")
        self.derivative = (
            "central difference" if self._own is None else "jvp" if record is None else "linearize"
        )
        self.adjoint_of = "columns" if self._own_adjoint is None else "vjp"
        self._columns: dict[str, Array] = {}

    def _bound(self, name: str) -> Product | None:
        method = getattr(self.loop, name, None)
        return None if method is None else partial(method, self.h, self.e)

    @property
    def drift(self) -> float:
        """abs(step(h, e) - h) over the larger of the two norms: how far the state is from fixed."""
        size = max(np.linalg.norm(self.h), np.linalg.norm(self.image), np.finfo(float).tiny)
        return float(np.linalg.norm(self.image - self.h) / size)

    def __call__(self, v: Array) -> Array:
        """J v."""
        if np.iscomplexobj(v):
            return self(np.real(v)) + 1j * self(np.imag(v))
        self.products += 1
        return self._product(
            self._own, self.derivative, v, self.h, partial(self._difference, at="h")
        )

    def adjoint(self, u: Array) -> Array:
        """J^T u (J^* u, as J is real)."""
        if np.iscomplexobj(u):
            return self.adjoint(np.real(u)) + 1j * self.adjoint(np.imag(u))
        if self._own_adjoint is None:
            return self._transposed(
                "J", self, self.n, "vjp(h, e, u), the product of u with J^T"
            ) @ np.ravel(u)
        self.products += 1
        return _flat(self._own_adjoint(_shaped(u, self.h)), self.h, "vjp")

    def input_product(self, v: Array) -> Array:
        """K v for a change v of the input."""
        self.products += 1
        return self._product(
            self._own_input, "input_jvp", v, self._float_input(), partial(self._difference, at="e")
        )

    def input_adjoint(self, w: Array) -> Array:
        """K^T w, flat."""
        e = self._float_input()
        if self._own_input_adjoint is None:
            need = "input_vjp(h, e, w), the product of w with K^T"
            return self._transposed("K", self.input_product, e.size, need) @ np.ravel(w)
        self.products += 1
        return _flat(self._own_input_adjoint(_shaped(w, self.h)), e, "input_vjp")

    def dense(self) -> Array:
        """J by its columns, n products at the first call."""
        if "J" not in self._columns:
            self._columns["J"] = np.column_stack([self(column) for column in np.eye(self.n)])
        return self._columns["J"]

    def transposed(self) -> Linearisation:
        """J^T as the operator, for what J and J^T share (spectrum, norms) where the loop's own J^T
        is all there is.
        """
        if self._own_adjoint is None:
            raise LoopError("J^T by columns gains nothing: measure J")
        other = copy.copy(self)
        other._own, other._own_adjoint, other.products, other._columns = (
            self._own_adjoint,
            self._own,
            0,
            {},
        )
        other.derivative, other.adjoint_of = (
            "vjp",
            ("columns" if self._own is None else self.derivative),
        )
        other.__dict__.pop("error", None)  # of J v
        return other

    @cached_property
    def error(self) -> float:
        """Estimated relative error of J v from two step sizes; 0 for a derivative of the loop's
        own.
        """
        if self._own is not None:
            return 0.0
        v = np.random.default_rng(0).standard_normal(self.h.shape)
        a, b = (self._difference(v, "h", factor) for factor in (1.0, 2.0))
        return float(np.linalg.norm(a - b) / max(np.linalg.norm(a), np.finfo(float).tiny))

    def _product(
        self, own: Product | None, name: str, v: Array, like: Array, difference: Product
    ) -> Array:
        """The loop's own product, or a difference: flat, float64, checked."""
        v = _shaped(v, like)
        return _flat(difference(v) if own is None else own(v), self.h, name)

    def _difference(self, v: Array, at: str, factor: float = 1.0) -> Array:
        base = self.h if at == "h" else self.e
        size = float(np.sqrt(np.mean(np.square(v, dtype=np.float64))))
        if size == 0:
            return np.zeros(self.h.shape)
        scale = max(1.0, float(np.sqrt(np.mean(np.square(base, dtype=np.float64)))))
        d = factor * float(np.finfo(self.h.dtype).eps) ** (1 / 3) * scale / size
        moved = [(base + s * d * v).astype(base.dtype) for s in (1, -1)]
        plus, minus = (
            np.array(
                self.loop.step(m, self.e) if at == "h" else self.loop.step(self.h, m), np.float64
            )
            for m in moved
        )
        return (plus - minus) / (2 * d)

    def _transposed(self, name: str, product: Product, size: int, need: str) -> Array:
        if name not in self._columns:
            if size > DENSE_ADJOINT:
                raise LoopError(f"{name}^T is needed at {size} dimensions: give your loop {need}")
            self._columns[name] = np.column_stack([product(column) for column in np.eye(size)])
        return self._columns[name].T

    def _float_input(self) -> Array:
        if not np.issubdtype(self.e.dtype, np.floating):
            raise LoopError(
                f"the input has dtype {self.e.dtype}, by which nothing can be differentiated: give"
                " the loop its embedding as e"
            )
        return self.e


def _shaped(v: Array, like: Array) -> Array:
    return np.asarray(v, like.dtype).reshape(like.shape)


def _flat(value: Any, like: Array, name: str) -> Array:
    out = np.asarray(value)
    if out.shape != like.shape:
        raise LoopError(
            f"{name} returned shape {out.shape}, not {like.shape}: a product has the shape of what"
            " it is a derivative of or by"
        )
    out = out.ravel().astype(np.float64)
    if not np.isfinite(out).all():
        raise LoopError(
            f"{name} is NaN or infinite at this state: check divisions, roots and norms (eps > 0)"
            " in your step"
        )
    return out
