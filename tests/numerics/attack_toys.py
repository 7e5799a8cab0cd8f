"""Toy suites with known answers, and one search."""

from dataclasses import replace

import hypothesis.strategies as st

from loopstab.numerics.attack.budget import Budget
from loopstab.numerics.attack.search import search
from loopstab.numerics.attack.suite import Drop, Suite


def numbers(low=0, high=10_000):
    return st.fixed_dictionaries({"n": st.integers(low, high)})


def toy(judge=lambda case: None, drops=None, name="toy", **more):
    """A suite that holds; its drop has a counterexample, unless the judge cannot fail."""
    if drops is None:
        drops = (Drop("small", cases=lambda: numbers(-5, -1), assumption="natural"),)
        more = {"broken": lambda case: () if case["n"] >= 0 else ("natural",), **more}
    return Suite("A1", name, property="n is small", cases=numbers, judge=judge, drops=drops, **more)


def below(limit):
    return lambda case: f"{case['n']} is not below {limit}" if not 0 <= case["n"] < limit else None


def small(examples=200, **more):
    return replace(
        Budget("quick", examples=examples, least=5, power=50, seconds=1e9, shrink=10**6), **more
    )


def counterexample(cases, judge, examples):
    """The first counterexample among so many cases, not shrunk; None if there is none."""
    return search(
        cases, judge, examples=examples, seconds=1e9, shrink_steps=0, source="tests"
    ).found
