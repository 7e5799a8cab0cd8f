"""Texts of a checkpoint that are markup or act on a terminal, on their way to a reader."""

import json
from html.parser import HTMLParser

import pytest
from fuzz_cases import Case, work_folder
from safetensors_mutations import KEY, parts_of, sealed

from loopstab.models.measure.comparison import main_table
from loopstab.models.measure.crossvalidate import crossvalidate
from loopstab.models.network.checkpoint import Checkpoint
from loopstab.paper_figures.report_page.sections import _run_row
from loopstab.paper_figures.text.html_page import Page

TEXTS = (
    "<script>alert(1)</script>",
    "</td></table></style><script src=//x></script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "&lt;script&gt; &amp;",
    "\x1b]0;owned\x07\x1b[2J\r\u202e\x00",
    "$\\frac{",
)
FREE = ("command", "device", "torch", "id", "difficulty", "arithmetic")
"""The fields of a record that may hold any text."""
NAME = "<script>alert(1)<script> ' onx=\x1b[2J.safetensors"


class Tags(HTMLParser):
    """Collects every tag and attribute of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes = set(), set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def seen(page):
    tags = Tags()
    tags.feed(page.html())
    return tags


def forged(path, corpus, text):
    """A checkpoint whose every free text is this one, and whose checksum is right."""
    header, others, numbers = parts_of((corpus.run / "model.safetensors").read_bytes())
    meta = json.loads(others[KEY])
    meta["run"] |= dict.fromkeys(FREE, text)
    meta["further"] = {text: [text]}
    path.write_bytes(sealed(header, KEY, meta, numbers))
    return path


@pytest.mark.parametrize("text", TEXTS)
def test_no_tag_of_a_record_gets_onto_the_page(text, corpus, tmp_path):
    path = forged(tmp_path / NAME, corpus, text)
    run = Checkpoint.load(path).meta["run"]
    assert run["command"] == text
    result = crossvalidate(path, inputs=2, loops=32, limit=32)
    page, empty = Page(NAME), Page("title")
    for one in (page, empty):
        hostile = one is page
        shown = dict.fromkeys(("a", "b"), text) if hostile else {"a": "b"}
        one.table(main_table([result]))
        one.table([_run_row(run)])
        one.table([shown, {text: text}] if hostile else [shown])
        one.items([text, NAME] if hostile else ["item"])
        one.text(text if hostile else "text")
        one.heading(text if hostile else "heading")
        one.details(text if hostile else "summary", [text])
    assert seen(page).tags == seen(empty).tags
    assert seen(page).attributes == seen(empty).attributes
    assert "<script" not in page.html().lower()


def test_the_parser_sees_what_is_not_escaped():
    page = Page("title")
    page.block('<img src=x onerror="alert(1)"><script>1</script>')
    assert {"img", "script"} <= seen(page).tags
    assert "onerror" in seen(page).attributes


COMMANDS = (
    ("crossvalidate", "--inputs", "2", "--loops", "32", "--limit", "32"),
    ("zoo", "verify"),
    ("zoo", "verify", "--json"),
    ("zoo", "show"),
    ("diagnose", "--loops", "20", "--limit", "20"),
    ("lipschitz", "--loops", "20"),
    ("recall",),
    ("grid", "pack", "--to", "packed", "--out", "."),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nothing_acts_on_the_terminal(command, runner, corpus):
    for text in TEXTS:
        with work_folder() as folder:
            path = forged(folder / NAME, corpus, text)
            if command[0] == "grid":
                path = (folder / "runs" / NAME).with_suffix("")
                path.mkdir(parents=True)
                forged(path / "model.safetensors", corpus, text)
            words = command if command[0] == "grid" else (*command, str(path))
            found = runner.run(folder, Case(words))
        assert not found.faults, found
        assert found.status == (2 if command[:2] in {("zoo", "show"), ("recall",)} else 0)
