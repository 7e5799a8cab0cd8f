"""Rigorous Gaussian averages in balls, and the registered closed forms evaluated in balls."""

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
"""averages are integrated over |x| <= CUT; the ball includes a bound on the rest"""

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
    """A ball around 0 that contains E f(g) over |g| > CUT if |f(x)| <= growth (1 + x^2)."""
    cut = flint.arb(CUT)
    density = (-(cut**2) / 2).exp() / (2 * flint.arb.pi()).sqrt()
    size = growth * (2 * cut * density + 2 * (cut / flint.arb(2).sqrt()).erfc())
    return (-size).union(size)


def gaussian_mean(function: Callable[[flint.acb], flint.acb], growth: flint.arb | int) -> flint.arb:
    """E function(g) for a standard Gaussian g.

    The function is holomorphic near the real line, and |function(x)| <= growth (1 + x^2).
    """
    body = flint.acb.integral(lambda x, _: function(x) * (-(x**2) / 2).exp(), -CUT, CUT).real
    return body / (2 * flint.arb.pi()).sqrt() + tail(growth)


Values = Mapping[sp.Symbol, Any]


def ball(expression: Any, values: Values | None = None, growth: flint.arb | int = 1) -> flint.acb:
    """The value of a SymPy expression in balls.

    An integral in it runs over the real line, and its integrand is bounded by
    growth (1 + x^2) e^{-x^2/2}.

    Raises:
        UsageError: the expression has a function or an integral of another kind.
    """
    return _evaluator(sp.sympify(expression), growth)(values or {})


def _evaluator(node: Any, growth: flint.arb | int) -> Callable[[Values], flint.acb]:
    """The expression as a function of the values of its symbols.

    The tree of the expression is walked once, not at every node of an integral.
    """
    if isinstance(node, sp.Symbol):
        return lambda values: values[node]
    if node.is_Rational or node is sp.pi:
        number = flint.arb.pi() if node is sp.pi else flint.fmpq(int(node.p), int(node.q))
        constant = flint.acb(number)
        return lambda values: constant
    if isinstance(node, sp.Integral):
        ((variable, low, high),) = cast(Any, node.limits)
        if (low, high) != (-sp.oo, sp.oo):
            raise UsageError(
                f"cannot evaluate {node} in balls: write it as an integral over the real line"
            )
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
    """The bound that `value` agrees with `decimal` within one unit of its last place."""
    centre = Decimal(decimal)
    unit = Decimal(1).scaleb(int(centre.as_tuple().exponent))
    real = value.real if isinstance(value, flint.acb) else value
    exact = Context(prec=len(decimal) + 1)
    return Bound(label, real, str(exact.subtract(centre, unit)), str(exact.add(centre, unit)))
