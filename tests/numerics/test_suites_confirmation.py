"""A deviation of a sample counts once further seeds, hashed from the case, confirm it."""

import numpy as np
import pytest
from hypothesis import Phase, find, settings

from loopstab.numerics.attack.case import from_json, to_json
from loopstab.numerics.attack.suite import Undecided
from loopstab.numerics.suites import all_suites
from loopstab.numerics.suites.shared.confirmation import Confirmed

FIRST = settings(database=None, deadline=None, derandomize=True, phases=(Phase.generate,))
FOR_EVERY_DRAW = {
    "A2'/tokens",
    "L2/random blocks",
    "L3/blocks",
    "M6/bits",
    "M6/equal-tokens",
    "R2/absorbing-tokens",
}
"""Suites that draw from a seed, of claims about every draw: one deviation refutes them."""
CASE = {"seed": 5, "scale": 1.0, "weights": np.eye(2)}


def counted(judge):
    """The judge, and the seeds for which it is called."""
    seeds = []

    def call(case):
        seeds.append(case["seed"])
        return judge(case)

    return call, seeds


@pytest.mark.parametrize(
    ("chance", "times"), [(4e-8, 4), (1e-8, 4), (1e-7, 5), (1e-5, 6), (2e-4, 8), (0.5, 94)]
)
def test_as_few_seeds_as_keep_false_alarms_below_1e_9_among_2_to_the_64_cases(chance, times):
    assert Confirmed(lambda case: None, chance).times == times
    assert 2.0**64 * chance**times < 1e-9 <= 2.0**64 * chance ** (times - 1)


def test_a_seed_that_was_sought_out_is_no_counterexample():
    judge, seeds = counted(lambda case: "off" if case["seed"] == 5 else None)
    assert Confirmed(judge, 1e-4)(CASE) is None
    assert len(seeds) == 2  # the first further seed does not confirm it


def test_a_deviation_at_every_seed_is_one():
    judge, seeds = counted(lambda case: f"off at {case['seed']}")
    assert Confirmed(judge, 1e-7)(CASE) == "off at 5; so it is at 5 further seeds"
    assert len(set(seeds)) == 6
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_a_case_that_passes_is_judged_once():
    judge, seeds = counted(lambda case: None)
    assert Confirmed(judge, 1e-7)(CASE) is None
    assert seeds == [5]


def test_a_further_seed_that_is_undecided_leaves_the_case_undecided():
    def judge(case):
        if case["seed"] != 5:
            raise Undecided
        return "off"

    with pytest.raises(Undecided):
        Confirmed(judge, 1e-7)(CASE)


def test_a_case_from_a_file_has_the_same_further_seeds():
    confirmed = Confirmed(lambda case: None, 1e-7)
    read = from_json(dict(reversed(to_json(CASE).items())))
    assert list(confirmed.seeds(read)) == list(confirmed.seeds(CASE))


@pytest.mark.parametrize(
    "changes", [{"seed": 6}, {"scale": 1 + 2e-16}, {"weights": -np.eye(2)}, {"further": 0}]
)
def test_every_field_changes_all_further_seeds(changes):
    confirmed = Confirmed(lambda case: None, 1e-7)
    assert not set(confirmed.seeds(CASE | changes)) & set(confirmed.seeds(CASE))


def test_every_suite_that_compares_a_sample_with_a_law_asks_for_confirmation():
    seeded = {
        suite.label: isinstance(suite.judge, Confirmed)
        for suite in all_suites()
        if "seed" in find(suite.cases(), lambda case: True, settings=FIRST)
    }
    assert {label for label, confirmed in seeded.items() if not confirmed} == FOR_EVERY_DRAW
