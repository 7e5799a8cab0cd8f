"""Rigorous Gaussian averages in balls (python-flint), and the closed forms of the registry
evaluated in balls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from math import prod
from typing import Any, cast

import flint
import sympy as sp

from ...support.errors import UsageError
from ..kernel.proof import Bound

CUT = 16
"""averages are integrated over |x| <= CUT; what lies beyond is paid for inside the ball"""

_FUNCTIONS: dict[Any, Callable[[flint.acb], flint.acb]] = {
    sp.exp: lambda x: x.exp(),
    sp.log: lambda x: x.log(),
    sp.sin: lambda x: x.sin(),
    sp.cos: lambda x: x.cos(),
    sp.asin: lambda x: x.asin(),
    sp.tanh: lambda x: x.tanh(),
    sp.erf: lambda x: x.erf(),
}


def tail(growth: flint.arb | int) -> flint.arb:
    """Ball around 0 that holds E f(g) over |g| > CUT for every |f(x)| <= growth (1 + x^2)."""
    cut = flint.arb(CUT)
    density = (-(cut**2) / 2).exp() / (2 * flint.arb.pi()).sqrt()
    size = growth * (2 * cut * density + 2 * (cut / flint.arb(2).sqrt()).erfc())
    return (-size).union(size)


def gaussian_mean(function: Callable[[flint.acb], flint.acb], growth: flint.arb | int) -> flint.arb:
    """E function(g), g standard Gaussian, for a function holomorphic near the real line with
    |function(x)| <= growth (1 + x^2).
    """
    body = flint.acb.integral(lambda x, _: function(x) * (-(x**2) / 2).exp(), -CUT, CUT).real
    return body / (2 * flint.arb.pi()).sqrt() + tail(growth)


Values = Mapping[sp.Symbol, Any]


def ball(expression: Any, values: Values | None = None, growth: flint.arb | int = 1) -> flint.acb:
    """A SymPy expression in balls; `UsageError` on a function that is not known here.

    An integral is taken as an average over the real line of a function bounded by growth (1 + x^2)
    times e^{-x^2/2}.
    """
    return _evaluator(sp.sympify(expression), growth)(values or {})


def _evaluator(node: Any, growth: flint.arb | int) -> Callable[[Values], flint.acb]:
    """The expression as a function of the values of its symbols: the tree is walked once, not at
    every node of an integral.
    """
    if isinstance(node, sp.Symbol):
        return lambda values: values[node]
    if node.is_Rational or node is sp.pi:
        constant = (
            flint.acb(flint.arb.pi())
            if node is sp.pi
            else flint.acb(flint.fmpq(int(node.p), int(node.q)))
        )
        return lambda values: constant
    if isinstance(node, sp.Integral):
        ((variable, low, high),) = cast(Any, node.limits)
        if (low, high) != (-sp.oo, sp.oo):
            raise UsageError(f"only averages over the real line are known here, not {node}")
        body = _evaluator(node.function, growth)
        rest = tail(growth) * (2 * flint.arb.pi()).sqrt()
        return lambda values: (
            flint.acb.integral(lambda x, _: body({**values, variable: x}), -CUT, CUT) + rest
        )
    parts = [_evaluator(part, growth) for part in node.args]
    if isinstance(node, sp.Add):
        return lambda values: sum((part(values) for part in parts), flint.acb(0))
    if isinstance(node, sp.Mul):
        return lambda values: prod((part(values) for part in parts), start=flint.acb(1))
    if isinstance(node, sp.Pow) and sp.sympify(2 * node.exp).is_Integer:
        twice = int(2 * node.exp)
        return lambda values: (
            parts[0](values).sqrt() ** twice if twice % 2 else parts[0](values) ** (twice // 2)
        )
    if node.func in _FUNCTIONS:
        return lambda values: _FUNCTIONS[node.func](parts[0](values))
    raise UsageError(f"no ball arithmetic for {node}: add its function here or rewrite it")


def digits(label: str, value: flint.arb | flint.acb, decimal: str) -> Bound:
    """The bound that `value` agrees with every digit of `decimal` (within one unit of its last
    place).
    """
    centre = Decimal(decimal)
    unit = Decimal(1).scaleb(int(centre.as_tuple().exponent))
    real = value.real if isinstance(value, flint.acb) else value
    exact = Context(prec=len(decimal) + 1)
    return Bound(label, real, str(exact.subtract(centre, unit)), str(exact.add(centre, unit)))
