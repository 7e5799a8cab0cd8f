"""Values of formulas in ball arithmetic.

The SymPy expression itself is evaluated, so that no formula is typed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import flint
import sympy as sp

from ...support.errors import UsageError

Ball = Any
"""a flint.arb or a flint.acb"""

_FUNCTIONS: dict[Any, Callable[[Ball], Ball]] = {
    sp.exp: lambda z: z.exp(),
    sp.log: lambda z: z.log(),
    sp.erf: lambda z: z.erf(),
    sp.cosh: lambda z: z.cosh(),
    sp.atanh: lambda z: z.atanh(),
}
_CONSTANTS: dict[Any, Callable[[], Ball]] = {
    sp.pi: flint.arb.pi,
    sp.EulerGamma: flint.arb.const_euler,
    sp.Catalan: flint.arb.const_catalan,
}


def compiled(expression: sp.Expr, symbols: tuple[sp.Symbol, ...]) -> Callable[..., Ball]:
    """The expression as a function of balls, in the order of `symbols`.

    Where it is a Piecewise, choose the branch first.
    """
    shared, (body,) = sp.cse(expression)
    parts = [(name, _compile(part)) for name, part in shared]
    run = _compile(body)

    def value(*values: Ball) -> Ball:
        known = dict(zip(symbols, values, strict=True))
        for name, part in parts:
            known[name] = part(known)
        return run(known)

    return value


def evaluate(expression: sp.Expr) -> flint.arb:
    """The value of a constant expression as a ball."""
    return _compile(expression)({})


def _compile(node: Any) -> Callable[[Mapping[sp.Symbol, Ball]], Ball]:
    if isinstance(node, sp.Symbol):
        return lambda values: values[node]
    if isinstance(node, sp.Rational):
        return lambda _: flint.arb(int(node.p)) / int(node.q)
    if node in _CONSTANTS:
        return lambda _: _CONSTANTS[node]()
    parts = [_compile(part) for part in node.args]
    if isinstance(node, sp.Add):
        return lambda values: reduce(lambda a, b: a + b, (part(values) for part in parts))
    if isinstance(node, sp.Mul):
        return lambda values: reduce(lambda a, b: a * b, (part(values) for part in parts))
    if isinstance(node, sp.Pow) and (2 * node.exp).is_Integer:
        twice, base = int(2 * node.exp), parts[0]
        if twice % 2 == 0:
            return lambda values: base(values) ** (twice // 2)
        return lambda values: base(values).sqrt() ** twice
    if node.func in _FUNCTIONS:
        (inner,), function = parts, _FUNCTIONS[node.func]
        return lambda values: function(inner(values))
    raise UsageError(f"no ball arithmetic for {node.func}: add it to theory/geometry/balls.py")
