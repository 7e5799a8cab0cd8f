"""The derivatives of a step at a state, as operators, and what a measurement of them reports."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property, partial
from typing import Any

import numpy as np

from ...support.errors import LoopstabError
from ...support.jsonable import jsonable
from ..arrays import Array
from ..loops.protocol import LoopedMap, LoopError, advance, arrays, image, packed, protected

TINY = float(np.finfo(float).tiny)
DOUBLE = float(np.finfo(np.float64).eps)
SAME_STEP = 1e3
"""Roundings by which a step in float32 and the same step in float64 may differ."""
INVARIANT = 1e-14
"""Relative size, some 50 roundings, below which a new basis vector counts as zero."""
DENSE = 64
"""Largest dimension at which J is assembled column by column and given to LAPACK."""
ROUNDED = 4.0
"""Rounding of a product with J that the loop computes itself, in units of its precision."""
DENSE_ADJOINT = 2000
"""Largest dimension at which J^T and K^T are assembled column by column.

That happens only where the loop offers no product with them.
"""

Product = Callable[[Array], Array]
"""A linear map from vectors to vectors."""


@dataclass(frozen=True)
class Measurement:
    """A measured value with the residual of the equation that defines it.

    Each subclass says which equation that is. The residual is recomputed from the result, so it
    does not depend on the method that found it.

    Args:
        value: the measured number or array.
        residual: the residual of the defining equation.
        products: number of products with J, J^T, K and K^T that the measurement took.
        converged: whether the residual meets the requested tolerance.

    Example:
        >>> from loopstab import Measurement
        >>> Measurement(value=0.5, residual=1e-12, products=8, converged=True).to_json()
        {'value': 0.5, 'residual': 1e-12, 'products': 8, 'converged': True}
    """

    value: Any
    residual: float
    products: int
    converged: bool

    def to_json(self) -> dict[str, Any]:
        """The fields as a plain JSON object.

        Arrays become lists, complex numbers [real, imaginary], and values that are not finite
        None.
        """
        return jsonable({f.name: getattr(self, f.name) for f in fields(self)})


class Linearisation:
    """The derivatives J = D_h step and K = D_e step of a loop at a state h and an input e.

    Calling the object with v gives J v. Vectors are flat, real or complex; results are flat
    float64 arrays. `products` counts the products computed so far.

    Products come from the loop where it offers them: either by `linearize(h, e)`, a callable
    v -> J v whose attributes `adjoint`, `input_product` and `input_adjoint` give the other three,
    or by `jvp`, `vjp`, `input_jvp` and `input_vjp` of (h, e, vector). Otherwise J v and K v are
    central differences, with a step of eps^(1/3) times the scale of the point, and J^T and K^T are
    assembled column by column, up to 2000 dimensions. The attribute `derivative` names the source
    of J v (`linearize`, `jvp` or `central difference`), and `adjoint_of` that of J^T u (`vjp` or
    `columns`).

    Args:
        loop: the loop.
        h: the state at which the step is differentiated, of any shape; or a state of the
            structure that the functions of the loop use.
        e: the input of the loop.
        scale: least size of the entries of the state, to which differences of the step are
            relative; default 1. A loop that lives at smaller scales needs a smaller one.
        checked: whether the step is known to be repeatable, so that it is called only once.

    Raises:
        LoopError: the step is random or has a memory, changes its arguments, or is not finite at
            this state. The
            methods raise it where a product has the wrong shape or is not finite.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, Linearisation
        >>> loop = FunctionLoop(lambda h, e: np.tanh(h) + 3 * e, np.copy)
        >>> j = Linearisation(loop, np.zeros(2), np.zeros(2))
        >>> np.round(j(np.array([1.0, 2.0])), 6), np.round(j.input_product(np.ones(2)), 6)
        (array([1., 2.]), array([3., 3.]))
        >>> j.derivative, j.products
        ('central difference', 2)
    """

    def __init__(
        self, loop: LoopedMap, h: Any, e: Any, *, scale: float = 1.0, checked: bool = False
    ):
        self.loop, self.h, self.scale = loop, packed(loop, h, e), scale
        self.e = np.array(e, copy=True) if isinstance(e, np.ndarray) else e
        self.n, self.products = self.h.size, 0
        with protected(loop):
            self.image = (
                np.array(advance(loop, self.h, self.e), copy=True)
                if checked
                else image(loop, self.h, self.e)
            )
            if not np.isfinite(self.image).all():
                raise LoopError(
                    "step returns NaN or infinity at this state, so it has no Jacobian there: give"
                    " a state inside the map's domain"
                )
            linearize: Any = getattr(loop, "linearize", None)
            record: Any = None if linearize is None else linearize(self.h, self.e)
        forward = record if getattr(record, "forward", True) else None
        self._own = forward if record is not None else self._bound("jvp")
        self._own_adjoint = getattr(record, "adjoint", None) or self._bound("vjp")
        self._own_input = getattr(forward, "input_product", None) or self._bound("input_jvp")
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
        """The length of the step over the larger of the two norms; 0 at a fixed point."""
        size = max(np.linalg.norm(self.h), np.linalg.norm(self.image), TINY)
        return float(np.linalg.norm(self.image - self.h) / size)

    def __call__(self, v: Array) -> Array:
        """J v."""
        if np.iscomplexobj(v):
            return self(np.real(v)) + 1j * self(np.imag(v))
        self.products += 1
        difference = partial(self._difference, at="h")
        return self._product(self._own, self.derivative, v, self.h, difference)

    def adjoint(self, u: Array) -> Array:
        """J^T u, which is also J^* u, because J is real."""
        if np.iscomplexobj(u):
            return self.adjoint(np.real(u)) + 1j * self.adjoint(np.imag(u))
        if self._own_adjoint is None:
            need = "vjp(h, e, u), the product of u with J^T"
            return self._transposed("J", self, self.n, need) @ np.ravel(u)
        self.products += 1
        return _flat(self._own_adjoint(_shaped(u, self.h)), self.h, "vjp")

    def input_product(self, v: Array) -> Array:
        """K v, for a change v of the input in the shape of e."""
        self.products += 1
        difference = partial(self._difference, at="e")
        return self._product(self._own_input, "input_jvp", v, self.input, difference)

    def input_adjoint(self, w: Array) -> Array:
        """K^T w, for w in the shape of the state."""
        e = self.input
        if self._own_input_adjoint is None:
            need = "input_vjp(h, e, w), the product of w with K^T"
            return self._transposed("K", self.input_product, e.size, need) @ np.ravel(w)
        self.products += 1
        return _flat(self._own_input_adjoint(_shaped(w, self.h)), e, "input_vjp")

    def dense(self) -> Array:
        """The matrix of J, assembled column by column; the first call takes n products."""
        if "J" not in self._columns:
            self._columns["J"] = np.column_stack([self(column) for column in np.eye(self.n)])
        return self._columns["J"]

    def transposed(self) -> Linearisation:
        """J^T in the place of J, for the properties that both share: spectrum and norms.

        This serves loops whose exact product is that with J^T. Raises `LoopError` where the loop
        has no such product.
        """
        if self._own_adjoint is None:
            raise LoopError(
                "the loop offers no product with J^T, and assembling it from columns gains"
                " nothing: measure J itself"
            )
        other = copy.copy(self)
        other._own, other._own_adjoint = self._own_adjoint, self._own
        other.products, other._columns = 0, {}
        other.derivative = "vjp"
        other.adjoint_of = "columns" if self._own is None else self.derivative
        other.__dict__.pop("error", None)  # the cached error is that of J v
        return other

    def differences(self) -> Linearisation:
        """The same derivatives by differences of the step, without the loop's own products."""
        other = copy.copy(self)
        other._own = other._own_adjoint = other._own_input = other._own_input_adjoint = None
        other.products, other._columns = 0, {}
        other.derivative, other.adjoint_of = "central difference", "columns"
        for name in ("error", "_precise"):
            other.__dict__.pop(name, None)
        return other

    @property
    def spectral(self) -> Linearisation:
        """The operator whose spectrum is measured: J, or J^T where only its product is exact."""
        inexact = self._own is None and self._own_adjoint is not None
        return self.transposed() if inexact else self

    @cached_property
    def unit(self) -> float:
        """Relative rounding error of the numbers that the step computes with.

        It is the machine epsilon of the state's dtype, or the `resolution` of the loop if that is
        coarser.
        """
        own: Any = getattr(self.loop, "resolution", None)
        coarse = 0.0 if own is None else own(self.h, self.e)
        return max(float(np.finfo(self.h.dtype).eps), coarse)

    @property
    def differencing_unit(self) -> float:
        """Relative rounding error of the states that differences of the step compare."""
        return DOUBLE if self._precise else self.unit

    @property
    def rounding(self) -> float:
        """Relative rounding error of a product with J."""
        return DOUBLE if self._own is None and self._precise else self.unit

    @cached_property
    def error(self) -> float:
        """Estimated relative error of J v.

        For the loop's own product it is 0 in float64, and a few roundings in a lower precision. For
        differences it is estimated from two step sizes, and at least the rounding of a central
        difference.
        """
        if self._own is not None:
            return 0.0 if self.unit <= DOUBLE else ROUNDED * self.unit
        vectors = np.random.default_rng(1).standard_normal((2, *self.h.shape))
        pairs = [[self._difference(v, "h", factor) for factor in (1.0, 2.0)] for v in vectors]
        gap = max(float(np.linalg.norm(a - b)) for a, b in pairs)
        found = gap / max(*(float(np.linalg.norm(a)) for a, _ in pairs), TINY)
        return max(found, self.differencing_unit ** (2 / 3))

    def _product(
        self, own: Product | None, name: str, v: Array, like: Array, difference: Product
    ) -> Array:
        """The loop's own product, or else a difference; flat, float64 and checked."""
        out = difference(v) if own is None else own(_shaped(v, like))
        return _flat(out, self.h, name)

    def quotients(self, v: Array, factor: float = 1.0) -> tuple[Array, Array]:
        """The difference quotients of the step along v and along -v, flat, in float64.

        They differ where the step has a kink. The step size is `factor` times the usual one.
        """
        plus, minus, d = self._ends(v, "h", factor)
        if not d:
            return plus, minus
        dtype = np.float64 if self._precise else self.h.dtype
        middle = self._stepped(self.h.astype(dtype), "h").ravel()
        return (plus - middle) / d, (middle - minus) / d

    def _difference(self, v: Array, at: str, factor: float = 1.0) -> Array:
        plus, minus, d = self._ends(v, at, factor)
        return ((plus - minus) / (2 * d) if d else plus).reshape(self.h.shape)

    def _ends(self, v: Array, at: str, factor: float) -> tuple[Array, Array, float]:
        """The step at the point plus and minus d v, flat, and d; zeros for v = 0."""
        base = self.h if at == "h" else self.input
        v = np.asarray(v, np.float64).reshape(base.shape)
        size = float(np.sqrt(np.mean(np.square(v))))
        if size == 0:
            return np.zeros(self.n), np.zeros(self.n), 0.0
        least = self.scale if at == "h" else 1.0
        scale = max(least, float(np.sqrt(np.mean(np.square(base, dtype=np.float64)))))
        precise = at == "h" and self._precise
        dtype = np.dtype(np.float64) if precise else base.dtype
        unit = self.differencing_unit if at == "h" else self.unit
        d = factor * unit ** (1 / 3) * scale / size
        moved = [(base.astype(dtype) + s * d * v).astype(dtype) for s in (1, -1)]
        plus, minus = (self._stepped(state, at).ravel() for state in moved)
        return plus, minus, d

    def _stepped(self, moved: Array, at: str) -> Array:
        """step at a changed state or input, in float64."""
        point = (moved, self.e) if at == "h" else (self.h, moved)
        with protected(self.loop):
            return np.array(self.loop.step(*point), np.float64)

    @cached_property
    def _precise(self) -> bool:
        """Whether a float32 step computes in float64 when it is given a float64 state.

        Functions of NumPy arrays often do, and then the differences have the error of float64.
        """
        if self.h.dtype != np.float32 or self.unit > float(np.finfo(np.float32).eps):
            return False
        try:
            found = self.loop.step(self.h.astype(np.float64), self.e)
        except LoopstabError:
            return False
        if getattr(found, "dtype", None) != np.float64 or found.shape != self.h.shape:
            return False
        gap = np.linalg.norm(found - self.image.astype(np.float64))
        exact = not np.array_equal(found, found.astype(np.float32).astype(np.float64))
        return bool(exact and gap <= SAME_STEP * self.unit * np.linalg.norm(found))

    def _transposed(self, name: str, product: Product, size: int, need: str) -> Array:
        if name not in self._columns:
            if size > DENSE_ADJOINT:
                raise LoopError(
                    f"{name}^T is needed in {size} dimensions, too many to assemble it column by"
                    f" column: give your loop {need}"
                )
            self._columns[name] = np.column_stack([product(column) for column in np.eye(size)])
        return self._columns[name].T

    @property
    def input(self) -> Array:
        """The input as one float array.

        Raises `LoopError` if it is none.
        """
        found = arrays(self.loop, self.e)
        if len(found) != 1:
            raise LoopError(
                f"the input has {len(found)} arrays, and the derivative with respect to it needs"
                " one: give the loop its embedding as e"
            )
        if not np.issubdtype(found[0].dtype, np.floating):
            raise LoopError(
                f"the input has dtype {found[0].dtype}, and no derivative with respect to it"
                " exists: give the loop its embedding as e"
            )
        return found[0]


def _shaped(v: Array, like: Array) -> Array:
    return np.asarray(v, like.dtype).reshape(like.shape)


def _flat(value: Any, like: Array, name: str) -> Array:
    out = np.asarray(value)
    if out.shape != like.shape:
        raise LoopError(
            f"{name} returned shape {out.shape}, not {like.shape}: a product with J or K has the"
            " shape of the state, one with K^T that of the input"
        )
    out = out.ravel().astype(np.float64)
    if not np.isfinite(out).all():
        raise LoopError(
            f"{name} is NaN or infinite at this state: check divisions, roots and norms (eps > 0)"
            " in your step"
        )
    return out
