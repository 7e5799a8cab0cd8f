"""The suites stand under the names that theory gives the claims."""

from importlib import import_module
from pkgutil import iter_modules

import pytest
from hypothesis import Phase, find, settings

from loopstab.numerics import suites
from loopstab.numerics.suites import all_suites
from loopstab.theory.claims import families, find_claims, ledger
from loopstab.theory.families import FAMILIES
from loopstab.theory.kernel.claim import Claim

PARTS = {
    "autonomous.countability_exact": "autonomous.countability",
    "autonomous.countability_relu": "autonomous.countability",
    "autonomous.dominant_eigenvalues": "autonomous.power_iteration",
    "autonomous.reachability_basins": "autonomous.reachability",
    "autonomous.reachability_nets": "autonomous.reachability",
    "autonomous.surjectivity_exact": "autonomous.surjectivity",
    "autonomous.surjectivity_tokens": "autonomous.surjectivity",
    "bounds.lipschitz_blocks": "bounds.lipschitz",
    "drift.drift_exact": "drift.drift",
    "drift.drift_settling": "drift.drift",
    "geometry.bifurcations": "geometry.stable_sets",
    "outer_norm.exact_contraction": "outer_norm.contraction",
    "outer_norm.existence_cap": "outer_norm.existence",
    "outer_norm.existence_exact": "outer_norm.existence",
    "outer_norm.gru_exact": "outer_norm.gru",
    "recall.bounded_update_exact": "recall.bounded_update",
    "recall.bounded_update_existence": "recall.bounded_update",
    "recall.unit_radius": "recall.bounded_update",
}
"""Suites of a claim that has too many for one module, and the module that has the others."""


def modules(package):
    """Names, within the package, of the modules of its families."""
    return [
        f"{family}.{module.name}"
        for family in FAMILIES
        for module in iter_modules(import_module(f"{package}.{family}").__path__)
        if not module.ispkg
    ]


def claims(name):
    """Ids of the claims that a module of theory defines."""
    found = vars(import_module(f"loopstab.theory.{name}")).values()
    return {value.id for value in found if isinstance(value, Claim)}


ATTACKS = modules("loopstab.numerics.suites")
CLAIMS = [name for name in modules("loopstab.theory") if claims(name)]


def test_every_claim_has_a_module():
    assert {claim for name in CLAIMS for claim in claims(name)} == set(families())
    assert set(families()) == {claim.id for claim in find_claims()}
    assert set(ATTACKS) - set(PARTS) == set(CLAIMS)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_module_of_suites_attacks_the_claims_of_its_name(name):
    attacked = import_module(f"loopstab.numerics.suites.{name}").SUITES
    assert {suite.claim for suite in attacked} == claims(PARTS.get(name, name))


def test_suites_stand_below_the_families_alone():
    rooms = {module.name for module in iter_modules(suites.__path__)}
    assert rooms == {*FAMILIES, "shared"}


def test_every_drop_names_an_assumption_of_its_claim():
    assumed = {claim.id: {item.name for item in claim.assumptions} for claim in ledger()}
    wrong = [
        (suite.label, drop.hypothesis)
        for suite in all_suites()
        for drop in suite.drops
        if drop.assumption not in assumed[suite.claim]
    ]
    assert not wrong


def test_every_claim_has_a_suite_that_names_a_sentence_of_it():
    sentences = {claim.id: {item.name for item in claim.predicates} for claim in ledger()}
    named = {suite.claim for suite in all_suites() if suite.predicate}
    assert named == set(sentences)
    wrong = [
        suite.label
        for suite in all_suites()
        if suite.predicate and suite.predicate not in sentences[suite.claim]
    ]
    assert not wrong


def test_every_suite_tells_which_assumptions_fail_at_a_case():
    """Without that, a case from a file cannot be judged again."""
    first = settings(database=None, deadline=None, derandomize=True, phases=(Phase.generate,))
    for suite in all_suites():
        case = find(suite.cases(), lambda case: True, settings=first)
        assert suite.failing(case) == (), suite.label
