"""JSON that anyone may have written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopstab.support.strict_json import DEEPEST, parse_json

WRONG = {
    "[" * 100_000: "nested deeper",
    '{"a":' * (DEEPEST + 1) + "1" + "}" * (DEEPEST + 1): "nested deeper",
    "[NaN]": "holds NaN",
    "-Infinity": "holds -Infinity",
    "1e400": "too large",
    '{"a": [1e999]}': "too large",
    '{"a": 1, "a": 2}': "the key 'a' twice",
    '"\\ud800"': "lone surrogate",
    '{"\\udfff": 1}': "lone surrogate",
    "9" * 5000: "digit",
    "": "Expecting value",
    "{": "Expecting",
    "{'a': 1}": "Expecting",
    b"\xff": "UTF-8",
    b'"\xed\xa0\x80"': "UTF-8",
    '"a\nb"': "control character",
}


@pytest.mark.parametrize(("text", "words"), WRONG.items(), ids=range(len(WRONG)))
def test_what_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        parse_json(text)


def test_the_deepest_that_is_read():
    assert parse_json("[" * DEEPEST + "]" * DEEPEST)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_what_json_writes_is_read(value):
    assert parse_json(json.dumps(value)) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value
