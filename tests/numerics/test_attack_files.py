"""Cases as data, reports, and the files of an attack: interrupted runs, damaged files, replays."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from attack_toys import below, counterexample, small, toy
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays

from loopstab.numerics.attack.archive import load, replay, save
from loopstab.numerics.attack.budget import PROFILES
from loopstab.numerics.attack.case import digest, from_json, frozen, in_words, to_json
from loopstab.numerics.attack.case_fields import fault, fields_of
from loopstab.numerics.attack.journal import RESULTS
from loopstab.numerics.attack.runner import attack_all
from loopstab.numerics.attack.suite import Undecided
from loopstab.numerics.attack.verdict import Evidence, Fate, Power, SuiteReport
from loopstab.numerics.suites import all_suites, find_suites
from loopstab.support.errors import UsageError

QUICK = PROFILES["quick"]


# cases as data


values = st.one_of(
    st.integers(-(2**53), 2**53),
    st.booleans(),
    st.text(max_size=5),
    st.floats(allow_nan=False, allow_infinity=False),
    arrays.arrays(
        np.float64,
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
        elements=st.floats(allow_nan=False, allow_infinity=False),
    ),
)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(max_size=3), values))
def test_cases_are_written_exactly(case):
    case = frozen(case)
    text = json.dumps(to_json(case), allow_nan=False)
    back = from_json(json.loads(text))
    assert back.keys() == case.keys()
    for name, value in case.items():
        assert type(back[name]) is type(value)
        if isinstance(value, np.ndarray):
            assert value.shape == back[name].shape
            assert value.tobytes() == back[name].tobytes()
            assert not back[name].flags.writeable
        else:
            assert value == back[name]
    assert digest(to_json(back)) == digest(json.loads(text))


def test_cases_are_printed_readably():
    case = {
        "A": np.array([[0.5, -1.0], [0.1, 3 / 16]]),
        "b": np.array([2.0, 1 / 1024]),
        "n": 3,
        "t": 0.75,
        "kind": "tanh",
        "flag": False,
    }
    assert (
        in_words(case)
        == "A = [(1/2, -1); (0.1, 3/16)]; b = (2, 1/1024); n = 3; t = 3/4; kind = tanh; flag ="
        " False"
    )


# reports


def drop(fired=True, error=False):
    evidence = Evidence({"n": 1}, "n = 1", "it fails", error) if fired or error else None
    return Power("small", 3, 0, 0.5, evidence)


def report(tried=100, undecided=0, evidence=None, powers=None):
    powers = (drop(),) if powers is None else powers
    return SuiteReport(
        "A1", "toy", "n is small", "sample", "quick", 0, tried, undecided, 1.0, evidence, powers
    )


FATES = [
    (report(), Fate.SURVIVED),
    (report(undecided=10), Fate.SURVIVED),
    (report(undecided=11), Fate.UNDECIDED),
    (report(tried=0), Fate.UNDECIDED),
    (report(powers=(drop(), drop(False))), Fate.NO_POWER),
    (report(undecided=50, powers=(drop(False),)), Fate.NO_POWER),
    (report(powers=(drop(error=True),)), Fate.BROKEN),
    (report(evidence=Evidence({}, "", "x", error=True)), Fate.BROKEN),
    (report(evidence=Evidence({}, "", "x"), powers=(drop(False),)), Fate.FALSIFIED),
]


@pytest.mark.parametrize(("found", "fate"), FATES)
def test_fates(found, fate):
    assert found.fate is fate
    assert bool(found.complaints) == (fate is not Fate.SURVIVED)
    assert SuiteReport.from_json(json.loads(json.dumps(found.to_json()))) == found


# files


def suites_with(counts, stop=None):
    """Three toy suites that count their judgements; the one named `stop` is interrupted."""

    def judge_of(name):
        def judge(case):
            if name == stop:
                raise KeyboardInterrupt
            counts[name] = counts.get(name, 0) + 1
            return below(10_001)(case)

        return judge

    return [toy(judge_of(name), name=name) for name in ("one", "two", "three")]


def test_an_interrupted_run_goes_on(tmp_path):
    counts, few = {}, small(20)
    with pytest.raises(KeyboardInterrupt):
        list(attack_all(suites_with(counts, stop="two"), few, out=tmp_path))
    assert set(counts) == {"one"}
    lines = (tmp_path / RESULTS).read_text().splitlines()
    assert [json.loads(line)["suite"] for line in lines] == ["one"]
    again = {}
    reports = list(attack_all(suites_with(again), few, out=tmp_path, resume=True))
    assert again.pop("one") == 1  # its witness is judged again
    assert set(again) == {"two", "three"}
    assert [r.suite for r in reports] == ["one", "two", "three"]
    assert all(r.fate is Fate.SURVIVED for r in reports)
    assert len((tmp_path / RESULTS).read_text().splitlines()) == 3
    assert not list(tmp_path.glob(".*.tmp"))
    last = {}
    assert list(attack_all(suites_with(last), few, out=tmp_path, resume=True)) == reports
    assert last == {"one": 1, "two": 1, "three": 1}


@pytest.mark.parametrize("other", [{"seed": 1}, {"budget": small(30)}])
def test_other_seeds_and_limits_are_other_results(other, tmp_path):
    list(attack_all(suites_with({}), small(20), out=tmp_path))
    counts = {}
    list(
        attack_all(suites_with(counts), **{"budget": small(20), **other}, out=tmp_path, resume=True)
    )
    assert set(counts) == {"one", "two", "three"}
    assert len((tmp_path / RESULTS).read_text().splitlines()) == 6


def test_damaged_results(tmp_path):
    (tmp_path / RESULTS).write_text('{"key": "x", "claim": "A1"}\n')
    with pytest.raises(UsageError, match="damaged"):
        list(attack_all(suites_with({}), small(), out=tmp_path))


def test_jobs_do_not_change_the_result(tmp_path):
    suites = find_suites(["M6"])[1:]
    one, two = (
        list(
            attack_all(
                suites,
                QUICK.limited(examples=10),
                find=find_suites,
                jobs=jobs,
                out=tmp_path / str(jobs),
            )
        )
        for jobs in (1, 2)
    )
    plain = [
        sorted(
            json.dumps([r.to_json()[k] for k in ("suite", "tried", "evidence")]) for r in reports
        )
        for reports in (one, two)
    ]
    assert plain[0] == plain[1]
    files = [
        sorted(path.name for path in (tmp_path / str(jobs) / "witnesses").iterdir())
        for jobs in (1, 2)
    ]
    assert files[0] == files[1]


def test_several_jobs_need_to_find_the_suites():
    with pytest.raises(UsageError, match="several jobs need `find`"):
        list(attack_all([toy()], small(), jobs=2))


@pytest.fixture
def saved(tmp_path):
    """The file of a counterexample to n < 37."""
    [found] = attack_all([toy(below(37))], small(), out=tmp_path)
    assert found.evidence.file
    return tmp_path / found.evidence.file


def test_a_counterexample_is_judged_again(saved):
    assert saved.parent.name == "counterexamples"
    assert load(saved)["case"] == {"n": 37}
    still = replay(saved, [toy(below(37))])
    assert still.breaks
    assert still.now == still.then == "37 is not below 37"
    assert still.to_json()["verdict"] == "breaks"
    assert not replay(saved, [toy(below(38))]).breaks

    def cannot(case):
        raise Undecided

    undecided = replay(saved, [toy(cannot)])
    assert undecided.breaks
    assert not undecided.refutes
    assert undecided.to_json()["verdict"] == "undecided"


NOT_JUDGED = {
    "a judge that raises": (toy(lambda case: 1 / 0), "cannot judge its case .ZeroDivisionError"),
    "assumptions that raise": (toy(broken=lambda case: 1 / 0), "cannot judge its case"),
    "assumptions that fail": (toy(broken=lambda case: ("even",)), "breaks even, which A1/toy"),
    "no assumptions": (toy(drops=()), "does not tell which assumptions fail"),
    "another field": (
        replace(toy(), cases=lambda: st.fixed_dictionaries({"m": st.integers(0, 9)})),
        "case.m is missing",
    ),
    "another kind": (
        replace(toy(), cases=lambda: st.fixed_dictionaries({"n": st.floats(0, 9)})),
        "case.n must be a number, not a whole number",
    ),
    "smaller cases": (
        replace(toy(), cases=lambda: st.fixed_dictionaries({"n": st.integers(0, 0)})),
        None,  # 37 is below what is always accepted
    ),
}


@pytest.mark.parametrize("name", NOT_JUDGED)
def test_a_case_that_the_suite_does_not_draw_is_not_judged(name, saved):
    suite, words = NOT_JUDGED[name]
    if words is None:
        assert not replay(saved, [suite]).breaks
        return
    with pytest.raises(UsageError, match=words):
        replay(saved, [suite])


def test_fields_are_read_off_what_is_drawn():
    strategy = st.one_of(
        st.fixed_dictionaries({"x": st.floats(0, 1), "seed": st.integers(0, 3)}),
        st.fixed_dictionaries({"x": st.integers(0, 100), "seed": st.just(1), "on": st.booleans()}),
    )
    fields = fields_of(replace(toy(), cases=lambda: strategy))
    assert set(fields["x"].kinds) == {"a number", "a whole number"}
    assert fields["x"].required
    assert not fields["on"].required
    good = {"x": 0.5, "seed": 2**32, "on": True}
    assert fault(good, fields) is None
    assert fault({**good, "x": True}, fields) is not None  # a truth value is no number
    assert fault({**good, "x": 10**9}, fields).startswith("case.x has a size above")
    assert fault({**good, "seed": 2**32 + 1}, fields) is not None
    assert fault({"x": 0.5}, fields) == "case.seed is missing"


@pytest.mark.parametrize("suite", all_suites()[::40], ids=lambda suite: suite.label)
def test_drawn_cases_have_the_fields(suite):
    """Other seeds than those from which the fields were read, for the suite and each drop."""
    for drop in (None, *suite.drops):
        fields = fields_of(suite, drop)
        strategy = suite.draw(5) if drop is None else drop.cases()
        assert counterexample(strategy, lambda case, f=fields: fault(case, f), 40) is None


def test_files_that_are_no_files(tmp_path, saved):
    os.mkfifo(tmp_path / "pipe")
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(3 * 10**9)
    for path in (tmp_path, tmp_path / "pipe", huge, Path("/dev/zero")):
        with pytest.raises(UsageError) as refused:
            load(path)
        assert len(str(refused.value).splitlines()) == 1


def test_the_same_case_has_the_same_file(saved, tmp_path):
    [again] = attack_all([toy(below(37))], small(), seed=5, out=tmp_path)
    assert tmp_path / again.evidence.file == saved
    assert len(list(saved.parent.iterdir())) == 1
    witness = next((tmp_path / "witnesses").iterdir())
    assert load(witness)["without"] == "small"


DAMAGE = {
    "empty": lambda text: "",
    "half": lambda text: text[: len(text) // 2],
    "another number": lambda text: text.replace("37", "38", 1),
    "a list": lambda text: "[]",
    "no digest": lambda text: json.dumps(
        {k: v for k, v in json.loads(text).items() if k != "digest"}
    ),
    "an extra field": lambda text: resealed(text, extra=1),
    "a missing field": lambda text: resealed(text, case=None),
    "a ragged array": lambda text: resealed(text, case={"x": {"shape": [2, 2], "values": [1.0]}}),
    "nested without end": lambda text: "[" * 100_000,
    "not a number": lambda text: text.replace("37", "NaN", 1),
    "a key twice": lambda text: text.replace("{", '{"seed": 0, ', 1),
    "a lone surrogate": lambda text: resealed(text, words="\ud800"),
    "binary": lambda text: "\x00\x01",
    "a text as a seed": lambda text: resealed(text, seed="0"),
    "true as a seed": lambda text: resealed(text, seed=True),
    "a list as a hypothesis": lambda text: resealed(text, without=["small"]),
    "a field within a field": lambda text: resealed(text, case={"n": {"n": {"n": 1}}}),
    "a shape below zero": lambda text: resealed(text, case={"n": {"shape": [-1], "values": [1.0]}}),
    "an endless number": lambda text: resealed(text, case={"x": float("1e999")}),
}


def resealed(text, **fields):
    content = {k: v for k, v in json.loads(text).items() if k != "digest"} | fields
    try:
        seal = digest(content)
    except ValueError:
        seal = "0"
    return json.dumps({**content, "digest": seal})


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files(damage, saved):
    saved.write_text(DAMAGE[damage](saved.read_text()))
    with pytest.raises(UsageError, match="damaged"):
        load(saved)


def test_files_that_cannot_be_replayed(saved, tmp_path):
    with pytest.raises(UsageError, match="A1/toy, which does not exist"):
        replay(saved, [toy(name="other")])
    with pytest.raises(UsageError, match="cannot read"):
        load(tmp_path / "none.json")


def test_names_of_files(tmp_path):
    found = replace(report(evidence=Evidence({"n": 1}, "n = 1", "x")), claim="A2'", suite="a b/c")
    path = save(found, found.evidence, None, tmp_path / "deep")
    assert path.name.startswith("A2prime-a-b-c-")


ALONE = """
import sys
import loopstab.numerics.attack, loopstab.paper_figures.cli
assert "hypothesis" not in sys.modules
from loopstab.numerics.attack.budget import PROFILES
from loopstab.numerics.attack.runner import attack
from loopstab.numerics.suites import find_suites
assert attack(find_suites(["A1"])[0], PROFILES["quick"].limited(examples=5)).tried == 5
assert "hypothesis" in sys.modules
"""


def test_hypothesis_is_imported_only_to_attack(tmp_path):
    assert subprocess.run([sys.executable, "-c", ALONE], cwd=tmp_path, timeout=240).returncode == 0
    assert not list(tmp_path.iterdir())  # no .hypothesis folder
