"""What the files of an attack prove: results are read as data, and what can be is done again."""

import importlib
import json
import sys
from dataclasses import replace

import pytest
from attack_toys import below, numbers, small, toy

from loopstab.numerics.attack.budget import PROFILES, Budget
from loopstab.numerics.attack.journal import RESULTS, Journal
from loopstab.numerics.attack.result_key import modules_of, result_key
from loopstab.numerics.attack.runner import attack_all
from loopstab.numerics.attack.suite import Drop
from loopstab.numerics.attack.verdict import Fate
from loopstab.numerics.suites import all_suites
from loopstab.support.errors import UsageError
from loopstab.support.sources import ROOT, imported_sources

LIMITS = small(20)
SUITE = toy(below(10_001))
FALLS = toy(below(37))
OTHER = Drop("other", cases=lambda: numbers(-9, -6), assumption="natural")
TWO_DROPS = replace(SUITE, drops=(*SUITE.drops, OTHER))


@pytest.fixture
def attacked(tmp_path):
    """Attack a suite and return the line of its result."""

    def attacked(suite=SUITE):
        list(attack_all([suite], LIMITS, out=tmp_path))
        return json.loads((tmp_path / RESULTS).read_text())

    return attacked


def write(folder, *lines, suite=None):
    """Write lines; with a suite, each with the key that it must have, as anyone can derive it."""
    for line in lines if suite else ():
        line["key"] = result_key(suite, Budget(**line["limits"]), line["seed"])
    (folder / RESULTS).write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_result_is_read_back(attacked, tmp_path):
    line = attacked()
    assert Budget(**line["limits"]) == LIMITS
    found = Journal(tmp_path).results([SUITE])
    assert [r.fate for r in found.reports] == [Fate.SURVIVED]
    assert (found.judged_again, found.not_counted, found.others) == (1, (), 0)
    assert found.reports[0].to_json() == {k: line[k] for k in line if k not in ("key", "limits")}


def change(line, path, value):
    *parts, last = path.split(".")
    for part in parts:
        line = line[int(part) if part.isdigit() else part]
    line[last] = value


IMPOSSIBLE = {
    "more cases than the limits allow": ({"tried": 21}, "tried is 21, but the limits allow 20"),
    "more cases than the time allows": (
        {"tried": 10**12, "limits.examples": 10**12},
        "tried is 1000000000000, more than",
    ),
    "no case": ({"tried": 0}, "fate does not follow"),
    "cases below zero": ({"tried": -1}, "tried must be"),
    "half a case": ({"tried": 19.5}, "tried must be"),
    "true cases": ({"tried": True}, "tried must be"),
    "too many undecided": ({"undecided": 21}, "fewer than the 21 undecided"),
    "time below zero": ({"seconds": -1.0}, "seconds must be"),
    "time without end": ({"seconds": 1e300}, "seconds must be"),
    "no such profile": ({"profile": "<script>alert(1)</script>"}, "profile must be one of"),
    "another profile": ({"profile": "deep"}, "profile is not that of the limits"),
    "no such limits": ({"limits.name": "endless"}, "limits.name must be one of"),
    "no limits": ({"limits": None}, "limits must be an object"),
    "a text as a seed": ({"seed": "0"}, "seed must be"),
    "another statement": ({"statement": "1 = 1"}, "statement is not the property"),
    "another kind": ({"kind": "closed form"}, "kind is not the evidence"),
    "another hypothesis": ({"power.0.hypothesis": "<script>"}, "power does not have the dropped"),
    "no hypotheses": ({"power": []}, "power does not have the dropped"),
    "too many cases of a drop": ({"power.0.examples": 51}, r"power\[0\].examples is 51, but"),
    "no case of a drop": ({"power.0.examples": 0}, "is 0, but there is a counterexample"),
    "undecided cases of a drop": ({"power.0.undecided": 60}, r"power\[0\].examples"),
    "fired without a case": ({"power.0.evidence": None}, r"power\[0\].fired does not follow"),
    "survived without a case": (
        {"power.0.evidence": None, "power.0.fired": False},
        "fate does not follow",
    ),
    "another fate": ({"fate": "fallen"}, "fate does not follow"),
    "no such fate": ({"fate": "proved"}, "fate must be one of"),
    "another field": ({"proved": True}, "'proved' is unknown"),
    "a file elsewhere": ({"power.0.evidence.file": "../../x.json"}, "evidence.file is no name"),
    "a text as a case": ({"power.0.evidence.case": "<script>"}, "evidence.case must be an object"),
    "an array that is none": (
        {"power.0.evidence.case": {"n": {"shape": [3], "values": [1.0]}}},
        "does not fit",
    ),
    "a counterexample that is none": (
        {
            "evidence": {
                "case": {"n": 1},
                "shown": "n = 1",
                "words": "1 is not below 1",
                "error": False,
                "file": None,
            },
            "fate": "fallen",
        },
        "evidence no longer breaks the property",
    ),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_result_that_cannot_be_is_refused(name, attacked, tmp_path):
    changes, words = IMPOSSIBLE[name]
    line = attacked()
    for path, value in changes.items():
        change(line, path, value)
    key = isinstance(line["limits"], dict) and isinstance(line["seed"], int)
    write(tmp_path, line, suite=SUITE if key else None)
    with pytest.raises(UsageError, match=rf"is damaged \(line 1: .*{words}") as refused:
        Journal(tmp_path).results([SUITE])
    assert len(str(refused.value).splitlines()) == 1
    assert str(refused.value).isprintable()


NO_LINES = {
    "half": lambda text: text[: len(text) // 2],
    "not a number": lambda text: text.replace('"seed": 0', '"seed": NaN'),
    "a number without end": lambda text: text.replace('"seed": 0', '"seed": 1e999'),
    "nested without end": lambda text: "[" * 100_000,
    "a key twice": lambda text: text.replace('"seed": 0', '"seed": 0, "seed": 0'),
    "a lone surrogate": lambda text: text.replace("n is small", "\\ud800"),
    "a list": lambda text: "[]",
    "the same line twice": lambda text: text + text,
    "without limits": lambda text: json.dumps(
        {k: v for k, v in json.loads(text).items() if k != "limits"}
    ),
}


@pytest.mark.parametrize("name", NO_LINES)
def test_a_line_that_is_none_is_refused(name, attacked, tmp_path):
    attacked()
    text = (tmp_path / RESULTS).read_text()
    (tmp_path / RESULTS).write_text(NO_LINES[name](text))
    with pytest.raises(UsageError, match=r"is damaged \(line \d: "):
        Journal(tmp_path)


def test_a_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / RESULTS).mkdir()
    with pytest.raises(UsageError, match="not a regular file"):
        Journal(tmp_path)


OTHERS = {
    "another key": {"key": "0" * 16},
    "another seed": {"seed": 1},
    "other limits": {"limits.examples": 10**6},
    "another suite": {"suite": "toys"},
    "another claim": {"claim": "A2"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_results_with_another_key_are_not_shown(name, attacked, tmp_path):
    line = attacked()
    for path, value in OTHERS[name].items():
        change(line, path, value)
    write(tmp_path, line)
    found = Journal(tmp_path).results([SUITE])
    assert (found.reports, found.others) == ((), 1)


WITNESSES = {
    "satisfies the hypothesis": ({"n": 5}, "is no counterexample without 'small'"),
    "is empty": ({}, "is malformed: case.n is missing"),
    "is of another kind": ({"n": "<script>"}, "is malformed: case.n must be a whole number"),
    "is too large": ({"n": 10**9}, "case.n has a size above"),
}


@pytest.mark.parametrize("name", WITNESSES)
def test_a_witness_that_is_none_does_not_count(name, attacked, tmp_path):
    case, words = WITNESSES[name]
    line = attacked()
    change(line, "power.0.evidence.case", case)
    change(line, "power.0.evidence.words", "it breaks, believe me")
    write(tmp_path, line, suite=SUITE)
    found = Journal(tmp_path).results([SUITE])
    [report] = found.reports
    assert not report.power[0].fired
    assert report.fate is Fate.NO_POWER
    assert words in found.not_counted[0]
    judged = []
    suite = replace(SUITE, judge=lambda case: judged.append(case) or below(10_001)(case))
    list(attack_all([suite], LIMITS, out=tmp_path, resume=True))
    assert len(judged) > LIMITS.examples  # attacked anew


def test_a_witness_that_no_longer_breaks_does_not_count(attacked, tmp_path):
    line = attacked()
    holds = replace(SUITE, judge=lambda case: None)
    write(tmp_path, line, suite=holds)
    found = Journal(tmp_path).results([holds])
    assert found.reports[0].fate is Fate.NO_POWER
    assert "no longer breaks the property" in found.not_counted[0]


def test_words_are_those_of_today(attacked, tmp_path):
    line = attacked(FALLS)
    for part in (line["evidence"], line["power"][0]["evidence"]):
        part["words"], part["shown"] = "believe me", "n = 10^9"
    write(tmp_path, line, suite=FALLS)
    [report] = Journal(tmp_path).results([FALLS]).reports
    assert (report.evidence.words, report.evidence.shown) == ("37 is not below 37", "n = 37")
    assert report.power[0].evidence.words == "-1 is not below 37"


def test_hypotheses_have_their_order(tmp_path):
    list(attack_all([TWO_DROPS], LIMITS, out=tmp_path))
    line = json.loads((tmp_path / RESULTS).read_text())
    write(tmp_path, {**line, "power": line["power"][::-1]}, suite=TWO_DROPS)
    with pytest.raises(UsageError, match="power does not have the dropped hypotheses"):
        Journal(tmp_path).results([TWO_DROPS])


# files that no result names


def test_files_that_no_result_names_go_away(tmp_path):
    def files():
        return sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.glob("*/*"))

    other = replace(FALLS, name="toy-2")
    list(attack_all([other], LIMITS, out=tmp_path))
    kept = set(files())
    list(attack_all([FALLS], LIMITS, out=tmp_path))
    [old] = [name for name in files() if name.startswith("counterexamples/") and name not in kept]
    mine = tmp_path / "counterexamples" / "A1-toy-note.json"
    mine.write_text("mine")
    list(attack_all([SUITE], LIMITS, out=tmp_path))
    assert old not in files()
    assert kept < set(files())
    assert mine.read_text() == "mine"
    lines = (tmp_path / RESULTS).read_text().splitlines()
    assert [json.loads(line)["suite"] for line in lines] == ["toy-2", "toy"]  # one of each
    assert len(files()) == 4  # a counterexample and two witnesses, and the note


# keys


MODULE = """
import hypothesis.strategies as st
from loopstab.numerics.attack.suite import Drop, Suite
def numbers(low, high):
    return st.fixed_dictionaries({"n": st.integers(low, high)})
LOW = 0
"""


def test_the_key_follows_every_function_of_a_suite(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "drawn_elsewhere.py").write_text(MODULE)
    elsewhere = importlib.import_module("drawn_elsewhere").numbers
    functions = {
        "cases": lambda: elsewhere(0, 9),
        "larger": lambda size: elsewhere(0, size),
        "drops": (Drop("small", cases=lambda: elsewhere(-5, -1), assumption="natural"),),
    }
    for name, value in functions.items():
        suite = replace(SUITE, **{name: value})
        assert "drawn_elsewhere" in modules_of(suite)
        before = result_key(suite, LIMITS, 0)
        assert before == result_key(suite, LIMITS, 0)
        (tmp_path / "drawn_elsewhere.py").write_text(f"{MODULE}# {name}")
        assert result_key(suite, LIMITS, 0) != before
        assert result_key(SUITE, LIMITS, 0) == result_key(SUITE, LIMITS, 0)
    del sys.modules["drawn_elsewhere"]


def test_every_suite_depends_on_its_own_module():
    """A judge of a shared class does not hide the module that draws the cases."""
    suites = all_suites()
    homes = {
        suite.label: name
        for name, module in list(sys.modules.items())
        if name.startswith("loopstab.numerics.suites.")
        for suite in getattr(module, "SUITES", ())
    }
    assert set(homes) == {suite.label for suite in suites}
    for suite in suites:
        modules = modules_of(suite)
        assert homes[suite.label] in modules
        own = [name for name in modules if name.startswith("loopstab.")]
        assert ROOT.joinpath(*homes[suite.label].split(".")[1:]).with_suffix(".py") in (
            imported_sources(*own)
        )


def test_keys_differ():
    deep = PROFILES["deep"]
    suites = (SUITE, replace(SUITE, name="toys"), replace(SUITE, claim="A2"))
    keys = [
        result_key(suite, limits, seed)
        for suite in suites
        for limits in (deep, replace(deep, shrink=1), deep.limited(seconds=1))
        for seed in (0, 1)
    ]
    assert len(set(keys)) == len(keys)
