"""Every suite under the profile `quick`, and the runner on toy suites with known answers."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from attack_toys import below, numbers, small, toy

from loopstab.numerics.attack import search
from loopstab.numerics.attack.budget import PROFILES, find_budget
from loopstab.numerics.attack.case import from_json, frozen
from loopstab.numerics.attack.runner import attack
from loopstab.numerics.attack.suite import Suite, Undecided
from loopstab.numerics.attack.verdict import Fate
from loopstab.numerics.suites import all_suites, find_suites
from loopstab.support.errors import LoopstabError, UsageError
from loopstab.theory.claims import ledger

QUICK = PROFILES["quick"]


@pytest.mark.parametrize("suite", all_suites(), ids=lambda suite: suite.label)
def test_suite_survives_and_has_power(suite):
    report = attack(suite, QUICK)
    assert not report.complaints
    assert report.fate is Fate.SURVIVED
    assert suite.drops
    assert all(power.fired for power in report.power)


def test_suites_attack_every_claim_of_the_ledger():
    suites = all_suites()
    assert {suite.claim for suite in suites} == {claim.id for claim in ledger()}
    assert len({suite.label for suite in suites}) == len(suites)


@pytest.mark.parametrize(
    ("claims", "words"), [(["Z9"], "unknown claim Z9"), (["A1", "T1"], "unknown claim T1")]
)
def test_unknown_claims(claims, words):
    with pytest.raises(UsageError, match=words):
        find_suites(claims)


def test_a_claim_without_suite_is_named(monkeypatch):
    monkeypatch.setattr("loopstab.numerics.suites.all_suites", lambda: (toy(),))
    with pytest.raises(UsageError, match="no suite attacks A3 yet: there are suites for A1"):
        find_suites(["A3"])


# toy suites


@pytest.mark.parametrize("limit", [1, 37, 5000])
def test_a_false_property_is_falsified_at_the_smallest_case(limit):
    report = attack(toy(below(limit)), small())
    assert report.fate is Fate.FALSIFIED
    assert report.evidence.case == {"n": limit}
    assert report.evidence.words == f"{limit} is not below {limit}"
    assert "the claim is falsified" in report.complaints[0]


def test_arrays_shrink_too():
    def cases():
        entries = st.lists(st.integers(-16, 16), min_size=3, max_size=3)
        return entries.map(lambda x: {"x": np.array(x) / 16})

    suite = Suite(
        "A1",
        "toy",
        property="",
        cases=cases,
        judge=lambda case: "long" if case["x"] @ case["x"] > 1 else None,
        drops=(),
    )
    report = attack(suite, small(1000))
    x = from_json(report.evidence.case)["x"]
    assert x @ x > 1
    smaller = [x - np.sign(x) * np.eye(3)[i] / 16 for i in range(3) if x[i]]
    assert all(y @ y <= 1 for y in smaller)


def test_a_judge_that_cannot_fail_has_no_power():
    report = attack(toy(), small())
    assert report.fate is Fate.NO_POWER
    assert report.complaints == ["A1/toy: no counterexample without 'small' in 5 cases"]


def test_a_true_property_survives():
    report = attack(toy(below(10_001)), small())
    assert report.fate is Fate.SURVIVED
    assert report.tried == 200
    assert report.power[0].examples == 1
    assert report.power[0].evidence.case["n"] < 0


@pytest.mark.parametrize(
    ("share", "fate"), [(20, Fate.SURVIVED), (3, Fate.UNDECIDED), (1, Fate.UNDECIDED)]
)
def test_undecided_cases_are_counted(share, fate):
    def judge(case):
        if case["n"] >= 0 and case["n"] % share == 0:
            raise Undecided
        return below(10_001)(case)

    report = attack(toy(judge), small(400))
    assert report.fate is fate
    assert report.undecided == pytest.approx(report.tried / share, rel=0.7)


def test_undecided_drops_find_no_counterexample():
    def judge(case):
        if case["n"] < 0:
            raise Undecided

    report = attack(toy(judge), small())
    assert report.fate is Fate.NO_POWER
    assert "5 undecided" in report.complaints[0]


def test_a_judge_that_raises_is_broken():
    report = attack(toy(lambda case: 1 / 0 if case["n"] > 9 else below(100)(case)), small())
    assert report.fate is Fate.BROKEN
    assert report.evidence.case == {"n": 10}
    assert "ZeroDivisionError" in report.complaints[0]


def test_a_case_that_is_no_data_is_refused():
    report = attack(
        Suite(
            "A1",
            "toy",
            property="",
            cases=lambda: st.just({"z": 1j}),
            judge=lambda case: None,
            drops=(),
        ),
        small(),
    )
    assert report.fate is Fate.BROKEN
    assert (
        "drawing a case failed: LoopstabError: case field 'z' is 1j: use finite numbers"
        in report.complaints[0]
    )
    with pytest.raises(LoopstabError, match="not finite"):
        frozen({"x": np.array([np.inf])})


def test_a_strategy_that_raises_is_broken():
    report = attack(
        Suite(
            "A1",
            "toy",
            property="",
            cases=lambda: numbers().map(lambda case: case["m"]),
            judge=lambda case: None,
            drops=(),
        ),
        small(),
    )
    assert report.fate is Fate.BROKEN
    assert "drawing a case failed: KeyError: 'm'" in report.complaints[0]


WRONG_FORMULAS = {
    "A5/probability": ("autonomous.dominant_eigenvalues", lambda: 1.05 / 8**0.5),
    "M6/packing": (
        "autonomous.capacity",
        lambda d, radius, curvature, gap: (1 + radius * curvature / (2 * gap)) ** d,
    ),
}


@pytest.mark.parametrize("label", WRONG_FORMULAS)
def test_a_wrong_formula_is_falsified(label, monkeypatch):
    module, wrong = WRONG_FORMULAS[label]
    monkeypatch.setattr(f"loopstab.numerics.suites.{module}.numeric", lambda name: wrong)
    [suite] = [suite for suite in all_suites() if suite.label == label]
    assert attack(replace(suite, drops=()), QUICK).fate is Fate.FALSIFIED


def test_small_spaces_are_exhausted():
    suite = Suite(
        "A1", "toy", property="", cases=lambda: numbers(0, 20), judge=below(100), drops=()
    )
    assert attack(suite, small()).tried == 21


def test_cases_depend_on_seed_and_suite_alone():
    def cases(seed, name="toy"):
        seen = []
        attack(toy(lambda case: seen.append(case["n"]), (), name), small(50), seed)
        return seen

    assert cases(1) == cases(1)
    assert cases(1) != cases(2)
    assert cases(1) != cases(1, "other")


LOCAL = """
import importlib.util, sys, warnings
sys.path[:0] = {path!r}
spec = importlib.util.spec_from_file_location("settings_of_mine", {module!r})
module = sys.modules["settings_of_mine"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from attack_toys import numbers, small, toy
from loopstab.numerics.attack.runner import attack
seen = []
attack(toy(lambda case: seen.append(case["n"]), ()), small(300))
print(seen)
"""


def test_cases_do_not_depend_on_loaded_modules(tmp_path):
    """Hypothesis mines constants from loaded modules; the search draws without them."""
    runs = []
    for number in (7777, 8888):
        (tmp_path / "settings_of_mine.py").write_text(f"X = [{number}, {number + 1}]")
        code = LOCAL.format(
            path=[str(Path(__file__).parent)], module=str(tmp_path / "settings_of_mine.py")
        )
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        runs.append(done.stdout)
    assert runs[0] == runs[1]
    assert len(json.loads(runs[0])) == 300


def test_hypothesis_is_as_the_search_expects():
    assert search._hooks() is not None


@pytest.mark.parametrize("missing", ["_get_local_constants", "_local_constants", "CONSTANTS_CACHE"])
def test_without_its_hooks_the_search_reaches_the_same_verdicts(missing, monkeypatch):
    monkeypatch.delattr(search._HOOKS, missing)
    assert search._hooks() is None
    monkeypatch.undo()
    suites = [toy(below(37)), toy(below(10_001)), toy()]
    expected = [attack(suite, small()) for suite in suites]
    monkeypatch.setattr(search, "_HOOKS", None)
    for suite, with_hooks in zip(suites, expected, strict=True):
        with pytest.warns(UserWarning, match="another version of Hypothesis"):
            found = attack(suite, small())
        assert found.fate is with_hooks.fate
        assert getattr(found.evidence, "case", None) == getattr(with_hooks.evidence, "case", None)
        assert found.undecided == with_hooks.undecided == 0


def test_the_time_budget_ends_a_search(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(search.time, "monotonic", lambda: now[0])

    def judge(case):
        now[0] += 1
        return below(10_001)(case)

    report = attack(toy(judge, ()), small(seconds=12.5))
    assert report.tried == 13
    assert report.seconds == 13


def test_shrinking_is_bounded_by_cases_so_that_a_slow_machine_finds_the_same_case(monkeypatch):
    now, found = [0.0], []
    monkeypatch.setattr(search.time, "monotonic", lambda: now[0])
    for seconds in (1e-6, 1.0, 1e4):  # that one case takes

        def judge(case, seconds=seconds):
            now[0] += seconds
            return below(37)(case)

        found.append(attack(toy(judge, ()), small(seconds=1e9, shrink=60)).evidence.case["n"])
    assert found[0] == found[1] == found[2]


def test_a_case_outside_the_assumptions_is_an_error_and_no_counterexample():
    suite = replace(toy(), broken=lambda case: ("small",) if case["n"] > 50 else ())
    report = attack(suite, small())
    assert report.fate is Fate.BROKEN
    assert "breaks small, not none" in report.evidence.words


def test_costly_suites_get_fewer_cases_and_large_ones_only_where_asked():
    seen = []
    suite = replace(toy(), cost=10, larger=lambda size: seen.append(size) or numbers())
    assert attack(suite, small(100)).tried == 10
    assert seen == []
    attack(suite, small(100, size=7))
    assert seen == [7]


@pytest.mark.parametrize("limits", [{"examples": 0}, {"seconds": -1.0}, {"seconds": float("nan")}])
def test_limits_are_positive(limits):
    with pytest.raises(UsageError, match="positive"):
        QUICK.limited(**limits)


def test_profiles():
    assert find_budget("deep").limited(examples=7).cases(1) == 7
    with pytest.raises(UsageError, match="quick, default, deep"):
        find_budget("slow")
