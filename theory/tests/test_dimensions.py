"""Dimensions are data, and a step does not claim more sizes than the steps that it uses."""

from dataclasses import replace

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from loopstab import UsageError, ledger
from loopstab.theory.kernel.algebra import Equation
from loopstab.theory.kernel.claim import Finding, Verdict
from loopstab.theory.kernel.dimensions import Size, excesses, parse
from loopstab.theory.kernel.proof import deduced, identity, measured

X = sp.Symbol("x")

TEXTS = {
    "every d": {"d": Size("d")},
    "every d >= 2": {"d": Size("d", least=2)},
    "every t by induction": {"t": Size("t", induction=True)},
    "d = 1": {"d": Size("d", frozenset({1}))},
    "d in {1, 2, 5}": {"d": Size("d", frozenset({1, 2, 5}))},
    "d in {1..3, 7}": {"d": Size("d", frozenset({1, 2, 3, 7}))},
    "d -> infinity": {"d": Size("d", limit=True)},
    "every d, L = 1, t in {1, 2}": {
        "d": Size("d"),
        "L": Size("L", frozenset({1})),
        "t": Size("t", frozenset({1, 2})),
    },
    "no size": {},
}


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_read(text):
    assert parse(text) == TEXTS[text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "as said",
        "every x in (0, 1)",
        "d = 1..4",
        "d=1",
        "every d, every d",
        "no size, d = 1",
        "every d,every L",
        "d in {}",
        "every even d",
        "every d (induction)",
        "d -> 0",
    ],
)
def test_other_texts_are_refused(text):
    with pytest.raises(UsageError, match="dimensions"):
        parse(text)


SIZES = st.one_of(
    st.builds(Size, st.just("d"), least=st.integers(1, 4)),
    st.builds(Size, st.just("d"), st.frozensets(st.integers(1, 5), min_size=1)),
    st.just(Size("d", limit=True)),
)


def held(size):
    """The sizes up to 9 and, as 99, the limit, for which a step with this size may be used."""
    if size.limit:
        return {99}
    return set(size.values) if size.values is not None else {*range(size.least, 10), 99}


@given(SIZES, SIZES)
def test_a_size_covers_another_iff_it_contains_its_values(one, other):
    assert one.covers(other) == (held(other) <= held(one))


@given(SIZES)
def test_a_size_is_written_as_it_is_read(size):
    assert parse(str(size)) == {"d": size}


def step(name, dimensions, uses=(), induction=()):
    equation = Equation((X + 1) ** 2, X**2 + 2 * X + 1)
    return identity(name, "s", dimensions, lambda: [equation], uses, induction)


RULES = {
    "finite": (["d in {1..3}", "every d"], "every d from d in {1, 2, 3} (s0)"),
    "subset": (["d in {1..3}", "d in {1, 2}"], None),
    "another value": (["d in {1..3}", "d = 4"], "d = 4 from d in {1, 2, 3} (s0)"),
    "limit": (["d -> infinity", "every d"], "every d from d -> infinity (s0)"),
    "to the limit": (["every d", "d -> infinity"], None),
    "least": (["every d >= 2", "every d"], "every d from every d >= 2 (s0)"),
    "another size": (["t in {1..3}", "every d"], None),
    "not lost on the way": (["d = 2", "no size", "every d"], "every d from d = 2 (s1)"),
    "nothing in common": (["d = 2", "d = 1"], "d = 1 from d = 2 (s0)"),
}


@pytest.mark.parametrize("name", RULES)
def test_a_chain_of_steps_claims_no_more_than_it_uses(name):
    texts, wanted = RULES[name]
    steps = [step(f"s{n}", text, (f"s{n - 1}",) if n else ()) for n, text in enumerate(texts)]
    assert [reason for _, reason in excesses(steps)] == ([wanted] if wanted else [])


def test_an_induction_lifts_the_bound_of_its_base_case():
    base, onward = step("base", "every d, t = 0"), step("onward", "every d, every t")
    every = deduced("every", "s", "every d, every t", (), induction=("base", "onward"))
    assert not list(excesses([base, onward, every]))
    assert every.check().verdict is Verdict.PASSED
    assert every.rests_on == ("base", "onward")
    alone = step("every", "every d, every t", ("base", "onward"))
    assert [name for name, _ in excesses([base, onward, alone])] == ["every"]


INDUCTIONS = {
    "no base": (["every t", "every t"], "extends no size"),
    "no step": (["t = 0", "t in {1, 2}"], "extends no size"),
    "late start": (["t = 3", "every t"], "starts at 3"),
    "gap": (["t in {1, 2}", "every t >= 4"], "starts at 4, after the base case"),
}


@pytest.mark.parametrize("name", INDUCTIONS)
def test_an_induction_that_does_not_fit_is_refused(name):
    (first, second), message = INDUCTIONS[name]
    steps = [step("base", first), step("onward", second)]
    with pytest.raises(UsageError, match=message):
        list(excesses([*steps, step("every", "every t", (), ("base", "onward"))]))


def test_a_measured_step_may_be_compared_with_a_limit():
    sample = measured("m", "s", "d = 100", lambda: Finding(Verdict.PASSED, "x"), ("limit",))
    assert not list(excesses([step("limit", "d -> infinity"), sample]))


def test_a_step_names_its_sizes_or_says_that_it_has_none():
    with pytest.raises(UsageError, match="step s: dimensions"):
        step("s", "d large")


def test_a_claim_refuses_a_step_that_claims_more_than_it_uses():
    claim = next(claim for claim in ledger() if claim.id == "R1")
    narrow = replace(claim.steps[0], dimensions="d in {1, 2}")
    with pytest.raises(UsageError, match=r"R1, step .*: it claims more sizes than it uses"):
        replace(claim, steps=(narrow, *claim.steps[1:]))
