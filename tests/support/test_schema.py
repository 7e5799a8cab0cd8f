"""Types and bounds of values from outside."""

import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopstab.support.errors import UsageError
from loopstab.support.schema import (
    Anything,
    Flag,
    ListOf,
    MapOf,
    Maybe,
    Number,
    ObjectOf,
    SchemaError,
    Tagged,
    Text,
    Whole,
    check_settings,
)

STEPS = Whole(1, 10)
RUN = ObjectOf(
    {"steps": STEPS, "rate": Number(0, 1, above=True)},
    optional={"name": Text(5, names=("a", "b"))},
    also=lambda run: "rate must be 1 at one step" if run["steps"] == 1 != run["rate"] else None,
)
RIGHT = [
    (STEPS, 1),
    (STEPS, 10),
    (Number(), -3),
    (Number(0, 1), 0),
    (Number(0, 1), 1.0),
    (Text(), ""),
    (Flag(), False),
    (Maybe(STEPS), None),
    (ListOf(Whole(0, 9)), [1, 2]),
    (MapOf(Flag()), {"a": True}),
    (Anything(), object()),
    (RUN, {"steps": 2, "rate": 0.5}),
    (RUN, {"steps": 1, "rate": 1, "name": "a"}),
]
WRONG = [
    (STEPS, 0, "x must be a whole number from 1 to 10, not 0"),
    (STEPS, 11, "not 11"),
    (STEPS, True, "not true"),
    (STEPS, 1.0, "not 1.0"),
    (STEPS, "1", "not '1'"),
    (STEPS, None, "not null"),
    (STEPS, 10**400, "more than 20 digits"),
    (Number(0, 1), math.nan, "a finite number from 0 up to 1, not nan"),
    (Number(), math.inf, "a finite number, not inf"),
    (Number(), 10**400, "more than 20 digits"),
    (Number(0, above=True), 0.0, "above 0, not 0.0"),
    (Number(), True, "not true"),
    (Text(3), "four", "4 characters"),
    (Text(names=("a", "b")), "c", "one of a, b, not 'c'"),
    (Text(), 1, "a text, not 1"),
    (Flag(), 1, "true or false, not 1"),
    (Maybe(STEPS), 0, "not 0"),
    (ListOf(STEPS), {}, "a list, not an object of 0 entries"),
    (ListOf(STEPS), [1, 0], r"x\[1\] must be"),
    (ListOf(STEPS, longest=1), [1, 1], "2 entries, not 0 to 1"),
    (ListOf(STEPS, shortest=1), [], "0 entries, not 1 to"),
    (MapOf(STEPS), [], "an object, not a list of 0 entries"),
    (MapOf(STEPS), {"k" * 99: 0}, r"x.'kkk"),
    (MapOf(STEPS, most=0), {"a": 1}, "1 entries, more than 0"),
    (RUN, 3, "x must be an object, not 3"),
    (RUN, {"steps": 1}, "x.rate is missing"),
    (RUN, {"steps": 0, "rate": 1}, "x.steps must be"),
    (RUN, {"steps": 1, "rate": 1, "name": "c"}, "x.name must be"),
    (RUN, {"steps": 1, "rate": 1, "other": 1}, "x.'other' is unknown"),
    (RUN, {"steps": 1, "rate": 0.5}, "x.rate must be 1 at one step"),
]


@pytest.mark.parametrize(("kind", "value"), RIGHT)
def test_right_values(kind, value):
    kind.check(value, "x")


@pytest.mark.parametrize(("kind", "value", "words"), WRONG)
def test_wrong_values(kind, value, words):
    with pytest.raises(SchemaError, match=words):
        kind.check(value, "x")


def test_settings_are_a_users_choice():
    check_settings(SimpleNamespace(steps=3), {"steps": STEPS})
    with pytest.raises(UsageError, match="steps must be a whole number"):
        check_settings(SimpleNamespace(steps=30), {"steps": STEPS})


SHAPE = Tagged("kind", {"disc": ObjectOf({"r": Number(0)}), "point": ObjectOf({})})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"kind": "disc", "r": 1}, None),
        ({"kind": "point"}, None),
        ({"kind": "point", "r": 1}, "shape.'r' is unknown"),
        ({"kind": "disc"}, "shape.r is missing"),
        ({"kind": "disc", "r": -1}, "shape.r must be a finite number from 0, not -1"),
        ({"kind": "cube"}, "shape.kind must be one of disc, point, not 'cube'"),
        ({"kind": ["disc"]}, "shape.kind must be a text"),
        ({"r": 1}, "shape.kind is missing"),
        ([], "shape must be an object"),
    ],
)
def test_a_field_that_says_which_record_it_is(value, words):
    if words is None:
        SHAPE.check(value, "shape")
        return
    with pytest.raises(SchemaError) as error:
        SHAPE.check(value, "shape")
    assert words in str(error.value)


NUMBERS = st.one_of(
    st.integers(-5, 5),
    st.floats(-5, 5),
    st.sampled_from([True, None, "1", math.nan, math.inf, -math.inf, 10**400]),
)
KINDS = st.one_of(
    st.builds(Whole, st.integers(-5, 0), st.integers(0, 5)),
    st.builds(Number, st.sampled_from([-math.inf, -5.0, 0.0]), st.just(5.0), st.booleans()),
    st.just(Number()),
)


@given(
    KINDS, st.one_of(st.lists(NUMBERS), st.lists(st.integers(-5, 5)), st.lists(st.floats(-5, 5)))
)
def test_a_list_holds_what_its_kind_holds_one_by_one(kind, values):
    try:
        for value in values:
            kind.check(value, "x")
        fine = True
    except SchemaError:
        fine = False
    assert fine or not kind.holds_all(values)
    try:
        ListOf(kind).check(values, "x")
        found = True
    except SchemaError:
        found = False
    assert found == fine
