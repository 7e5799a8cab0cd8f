"""The two solvers for polynomial real arithmetic, z3 and cvc5, and how formulas reach them.

Both get the same formula by the same walk over SymPy's expression; variables are told apart by
identity and not by name.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol

import sympy as sp
import z3

from ...support.errors import LoopstabError, UsageError

RELATIONS: dict[Any, str] = {
    sp.StrictLessThan: "<",
    sp.LessThan: "<=",
    sp.StrictGreaterThan: ">",
    sp.GreaterThan: ">=",
    sp.Equality: "=",
    sp.Unequality: "!=",
}
CONNECTIVES: dict[Any, str] = {
    sp.And: "and",
    sp.Or: "or",
    sp.Not: "not",
    sp.Implies: "implies",
    sp.Equivalent: "iff",
}
_OPERATIONS = {**RELATIONS, **CONNECTIVES, sp.Add: "+", sp.Mul: "*"}


class SolverAnswer(StrEnum):
    """What a solver says of a set of formulas."""

    SATISFIABLE = "satisfiable"
    UNSATISFIABLE = "unsatisfiable"
    UNKNOWN = "undecided"
    """it reached its limit"""


class Solver(Protocol):
    """A solver: variables, numbers and operations become its terms; then formulas are asserted."""

    name: str

    def variable(self, name: str) -> Any:
        """A real variable of this name."""
        ...

    def number(self, value: sp.Rational) -> Any:
        """A rational number."""
        ...

    def constant(self, value: bool) -> Any:
        """A truth value."""
        ...

    def apply(self, operation: str, arguments: Sequence[Any]) -> Any:
        """An operation, named as in `RELATIONS` and `CONNECTIVES`, or + or *."""
        ...

    def check(self, formulas: Iterable[Any]) -> tuple[SolverAnswer, str]:
        """The answer, and a model in words where it gives one."""
        ...


class Z3:
    """z3, with a time limit in milliseconds and, if given, a limit of its resource count."""

    name = "z3"
    _apply: ClassVar[dict[str, Callable[..., Any]]] = {
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
        "=": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
        "iff": lambda a, b: a == b,
        "and": z3.And,
        "or": z3.Or,
        "not": z3.Not,
        "implies": z3.Implies,
        "+": z3.Sum,
        "*": z3.Product,
    }

    def __init__(self, limit_ms: int, effort: int | None = None):
        self.solver = z3.SolverFor("QF_NRA")
        self.solver.set("timeout", limit_ms)
        if effort is not None:
            self.solver.set("rlimit", effort)

    def variable(self, name: str) -> Any:
        """A real variable of this name."""
        return z3.Real(name)

    def number(self, value: sp.Rational) -> Any:
        """A rational number."""
        return z3.Q(int(value.p), int(value.q))

    def constant(self, value: bool) -> Any:
        """A truth value."""
        return z3.BoolVal(value)

    def apply(self, operation: str, arguments: Sequence[Any]) -> Any:
        """An operation, named as in `RELATIONS` and `CONNECTIVES`, or + or *."""
        return self._apply[operation](*arguments)

    def check(self, formulas: Iterable[Any]) -> tuple[SolverAnswer, str]:
        """The answer, and a model where there is one."""
        self.solver.add(*formulas)
        found = self.solver.check()
        if found == z3.sat:
            return SolverAnswer.SATISFIABLE, str(self.solver.model()).replace("\n", "")
        return (SolverAnswer.UNSATISFIABLE if found == z3.unsat else SolverAnswer.UNKNOWN), ""


class Cvc5:
    """cvc5, with a time limit in milliseconds.

    It runs in a child process that is stopped at the limit: cvc5's own limits do not stop its
    cylindrical coverings.
    """

    name = "cvc5"
    _names: ClassVar[dict[str, str]] = {"!=": "distinct", "iff": "=", "implies": "=>"}

    def __init__(self, limit_ms: int):
        self.limit_ms = limit_ms
        self.declarations: list[str] = []

    def variable(self, name: str) -> Any:
        """A real variable of this name."""
        self.declarations.append(f"(declare-const |{name}| Real)")
        return f"|{name}|"

    def number(self, value: sp.Rational) -> Any:
        """A rational number."""
        size = f"(/ {abs(value.p)}.0 {value.q}.0)"
        return f"(- {size})" if value.p < 0 else size

    def constant(self, value: bool) -> Any:
        """A truth value."""
        return str(value).lower()

    def apply(self, operation: str, arguments: Sequence[Any]) -> Any:
        """An operation, named as in `RELATIONS` and `CONNECTIVES`, or + or *."""
        if len(arguments) == 1 and operation != "not":
            return arguments[0]
        return f"({self._names.get(operation, operation)} {' '.join(arguments)})"

    def check(self, formulas: Iterable[Any]) -> tuple[SolverAnswer, str]:
        """The answer; no model is asked for."""
        asserted = [f"(assert {formula})" for formula in formulas]
        script = ["(set-logic QF_NRA)", *self.declarations, *asserted, "(check-sat)"]
        said = _child(os.getpid()).ask(" ".join(script), self.limit_ms / 1000)
        if said is None or said.startswith("unknown"):
            return SolverAnswer.UNKNOWN, ""
        if said not in ("sat", "unsat"):
            raise LoopstabError(f"cvc5 does not understand a sentence: {said}")
        return (SolverAnswer.SATISFIABLE if said == "sat" else SolverAnswer.UNSATISFIABLE), ""


class _Child:
    """A process that answers one line with one line; it is started again after a time limit."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def ask(self, line: str, seconds: float) -> str | None:
        """The answer, or None if it did not come in time."""
        if self.process is None:
            program = str(Path(__file__).with_name("cvc5_child.py"))
            self.process = subprocess.Popen(
                [sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(seconds, stop)
        timer.start()
        said = ""
        try:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            said = process.stdout.readline().strip()
        except BrokenPipeError:
            pass
        finally:
            timer.cancel()
            timer.join()
        if late.is_set() or not said:
            self.close()
        return said or None

    def close(self) -> None:
        """Stop the process and close its pipes."""
        if self.process is not None:
            self.process.kill()
            with contextlib.suppress(BrokenPipeError):
                self.process.communicate()
            self.process = None


@cache
def _child(parent: int) -> _Child:
    """The child of this process; after a fork, another one."""
    del parent
    child = _Child()
    atexit.register(child.close)
    return child


def ask(solver: Solver, formulas: Sequence[Any]) -> tuple[SolverAnswer, str]:
    """Whether the formulas of SymPy hold together for some reals.

    Args:
        solver: a fresh solver.
        formulas: polynomial formulas.

    Returns:
        The answer, and a model in words if the solver gives one.

    Raises:
        UsageError: something is not polynomial.
    """
    variables: dict[sp.Symbol, Any] = {}
    return solver.check([_term(solver, formula, variables) for formula in formulas])


def _term(solver: Solver, node: Any, variables: dict[sp.Symbol, Any]) -> Any:
    """A formula or polynomial of SymPy as a term of the solver."""
    if node is True or node is sp.true or node is False or node is sp.false:
        return solver.constant(bool(node))
    if isinstance(node, sp.Symbol):
        if node not in variables:
            taken = sum(other.name == node.name for other in variables)
            variables[node] = solver.variable(f"{node.name}!{taken}" if taken else node.name)
        return variables[node]
    if isinstance(node, sp.Rational):
        return solver.number(node)
    if isinstance(node, sp.Pow) and node.exp.is_Integer and node.exp > 0:
        base = _term(solver, node.base, variables)
        return solver.apply("*", [base] * int(node.exp))
    operation = _OPERATIONS.get(node.func) if isinstance(node, sp.Basic) else None
    if operation is None:
        raise UsageError(
            f"a sentence is polynomial, and {node} is not: clear denominators and name roots by"
            " symbols with relations"
        )
    return solver.apply(operation, [_term(solver, part, variables) for part in node.args])
