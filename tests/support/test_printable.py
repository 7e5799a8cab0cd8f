"""What is printed acts on no terminal, whatever a file holds."""

import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopstab.support.command_line import CURSOR_AND_COLOUR
from loopstab.support.printable import HIDDEN, PrintableStream, printable

CASES = {
    "plain": "plain",
    "na\u00efve \u03c1 = 1": "na\u00efve \u03c1 = 1",
    "two\nlines\tand a tab": "two\nlines\tand a tab",
    "\x1b[2J": r"\x1b[2J",
    "\x1b]0;title\x07": r"\x1b]0;title\x07",
    "back\rspace\x08": r"back\rspace\x08",
    "\x9b31m": r"\x9b31m",
    "\u202etxt.exe": r"\u202etxt.exe",
    "line\u2028end": r"line\u2028end",
    "\ud800": r"\ud800",
    "\x00": r"\x00",
    "\U000e0041": r"\U000e0041",
}


@pytest.mark.parametrize(("text", "shown"), CASES.items(), ids=map(ascii, CASES))
def test_known_texts(text, shown):
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_nothing_hidden_is_left_and_what_can_be_seen_stays(text):
    shown = printable(text)
    assert not [c for c in shown if unicodedata.category(c) in HIDDEN and c not in "\n\t"]
    for c in text:
        assert (printable(c) == c) == (unicodedata.category(c) not in HIDDEN or c in "\n\t")
    assert printable(shown) == shown


def test_a_stream_keeps_the_movements_of_a_bar_and_nothing_else():
    raw = io.StringIO()
    stream = PrintableStream(raw, CURSOR_AND_COLOUR)
    assert stream.write("\rstep 3\x1b[A\x1b[31mred\x1b[0m\x1b[2J\x1b]0;x\x07\n") == 33
    assert raw.getvalue() == "\rstep 3\x1b[A\x1b[31mred\x1b[0m\\x1b[2J\\x1b]0;x\\x07\n"
    PrintableStream(raw, re.compile("never")).writelines(["a\r", "b"])
    assert raw.getvalue().endswith("a\\rb")
