"""Altered steps are rejected: all mutants of small cases, and 95 % of those of the ledger."""

import random
from dataclasses import replace
from types import SimpleNamespace

import flint
import pytest
import sympy as sp

from loopstab import Kind, Verdict, formula, ledger
from loopstab.theory.checking.cache import default_cache
from loopstab.theory.checking.claim_mutants import (
    assumption_mutants,
    dimension_mutants,
    formula_mutants,
    registered,
    theorem_mutants,
    verdict_of,
)
from loopstab.theory.checking.expression_mutants import EXPRESSION_MUTATIONS, shorten
from loopstab.theory.checking.mutation import (
    KINDS,
    PER_STEP,
    Mutant,
    MutationReport,
    mutants_of,
    mutate,
)
from loopstab.theory.checking.sentence_mutants import SENTENCE_MUTATIONS, atoms
from loopstab.theory.kernel.algebra import Equation, Words
from loopstab.theory.kernel.proof import (
    Bound,
    Sentence,
    cited,
    decided,
    deduced,
    enclosed,
    identity,
    measured,
)
from loopstab.theory.theorems import THEOREMS


def claim(name):
    return next(item for item in ledger() if item.id == name)


X, Y = sp.symbols("x y")
M, B = sp.symbols("M B", commutative=False)
NUMBERS = [0, 1, 2, 3, 5, 8]

STEPS = {
    "equation": identity(
        "s",
        "s",
        "every d",
        lambda: [Equation((X + 2 * Y) ** 3, (X + 2 * Y) * (X**2 + 4 * X * Y + 4 * Y**2))],
    ),
    "words": identity("s", "s", "every d", lambda: [Words(M**-1 * (M + B), 1 + M**-1 * B)]),
    "sentence": decided(
        "s",
        "s",
        "d = 1",
        lambda: [Sentence((X > 0, X < 1), X**2 < X), Sentence((), (X + Y) ** 2 >= 4 * X * Y)],
    ),
    "equivalence": decided(
        "s", "s", "d = 1", lambda: [Sentence((), sp.Equivalent(X**2 < 1, sp.And(X < 1, X > -1)))]
    ),
    "ball": enclosed(
        "s",
        "s",
        "d = 1",
        lambda: [
            Bound("pi", flint.arb.pi(), "3.1", "3.2"),
            Bound("e", flint.arb(1).exp(), "2", "3"),
        ],
    ),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("seed", NUMBERS)
def test_mutants_of_sharp_steps_die(name, seed):
    mutants = list(mutants_of("T", STEPS[name], seed))
    assert 0 < len(mutants) <= PER_STEP
    assert not [m for m in mutants if not m.killed]


def test_every_operator_is_used_and_kills():
    seen = {}
    for name, step in STEPS.items():
        for seed in range(30):
            for mutant in mutants_of(name, step, seed):
                seen.setdefault(mutant.operator, []).append(mutant.killed)
    assert set(seen) >= {*EXPRESSION_MUTATIONS, *SENTENCE_MUTATIONS, "value negated"}
    assert all(any(killed) for killed in seen.values())


def test_a_true_variant_survives_and_is_listed():
    slack = decided(
        "slack", "s", "d = 1", lambda: [Sentence((X > 0, X > -5), X > 0)]
    )  # the second premise follows from the first
    report = MutationReport(tuple(mutants_of("T", slack)))
    assert report.rate < 1
    assert any(m.operator == "premise dropped" and "x > -5" in m.change for m in report.survivors)
    listed = report.to_json()
    assert listed["total"] - listed["killed"] == len(listed["survivors"]) > 0
    assert listed["kinds"]["decided"]["total"] == len(report.mutants)


def test_an_undecided_mutant_is_no_kill():
    assert not Mutant("T", "s", Kind.DECIDED, "o", "c", Verdict.UNDECIDED).killed
    assert not Mutant("T", "s", Kind.DECIDED, "o", "c", Verdict.PASSED).killed
    assert MutationReport(()).rate == 1


@pytest.mark.parametrize(
    "step",
    [
        measured("s", "s", "d = 9", lambda: pytest.fail("never run")),
        deduced("s", "s", "every d", ("h",)),
        cited("s", "gelfand", "s", "every d", {"radius": ("h",)}),
        identity("s", "s", "every d", lambda: [Equation(X, X), Equation(X + X, 2 * X)]),
    ],
    ids=["measured", "deduced", "cited", "x = x"],
)
def test_steps_without_mutants_of_their_own(step):
    """Kills by construction are not counted: an emptied list, an altered x = x."""
    assert not list(mutants_of("T", step))


def test_a_formula_is_altered_where_it_is_defined_and_its_guard_fails():
    true = formula("iterations_to_tolerance")
    made = list(formula_mutants(claim("R1"), random.Random(0)))
    assert made
    assert {verdict for *_, verdict in made} == {Verdict.FAILED}
    assert formula("iterations_to_tolerance") == true


def at(expression, **values):
    """The expression with values for the symbols of these names."""
    return expression.subs({s: values[s.name] for s in expression.free_symbols if s.name in values})


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("scaling_variable", lambda true: -true),
        ("kreiss_upper", lambda true: at(true, K=1)),
        ("ginibre_dominant_positive_2", lambda true: -true),
        ("internal_cut_log_ratio", lambda true: at(true, c=1)),
        ("tanh_expected_count", lambda true: at(true, s=1)),
        ("gelu_slope", lambda true: true.replace(sp.asin, lambda x: sp.asin(x / 2))),
        ("mean_field_rho_outlier", lambda true: at(true, bulk=0)),
        ("fold_offset", lambda true: at(true, y=1)),
    ],
)
def test_every_part_of_a_formula_is_seen_by_its_guard(name, change):
    """Formulas whose guards once looked at a square, or at one value of a parameter."""
    true = formula(name)
    wrong = replace(true, expression=change(true.expression))
    assert wrong.expression != true.expression
    guard = next(step for step in claim(true.claim).steps if step.name == true.guard)
    with registered(name, wrong):
        assert verdict_of(guard) == Verdict.FAILED


def test_a_theorem_that_loses_a_hypothesis_is_noticed():
    before = dict(THEOREMS)
    made = list(theorem_mutants(claim("R1")))
    assert ("decay", "hypothesis dropped") in {(step, operator) for step, operator, *_ in made}
    assert {verdict for *_, verdict in made} == {Verdict.FAILED}
    assert before == THEOREMS


def test_an_assumption_without_a_witness_survives():
    r1 = claim("R1")
    made = {name: verdict for name, *_, verdict in assumption_mutants(r1)}
    assert made["contractive"] is Verdict.FAILED
    silent = replace(
        r1, falsifiers=tuple(item for item in r1.falsifiers if item.drops != "contractive")
    )
    made = {name: verdict for name, *_, verdict in assumption_mutants(silent)}
    assert made["contractive"] is Verdict.UNDECIDED


def test_widened_dimensions_are_refused():
    first, *others = claim("R1").steps
    narrow = replace(first, dimensions="d in {1, 2}")
    user = replace(others[0], dimensions="d in {1, 2}", uses=(first.name,))
    chain = SimpleNamespace(id="R1", steps=(narrow, user))
    assert list(dimension_mutants(chain)) == [
        (user.name, "dimensions widened", "every d", Verdict.FAILED)
    ]


def test_mutants_depend_on_the_seed_only():
    step = STEPS["equation"]
    assert list(mutants_of("T", step, 1)) == list(mutants_of("T", step, 1))
    assert list(mutants_of("T", step, 1)) != list(mutants_of("T", step, 2))


@pytest.mark.parametrize("seed", NUMBERS)
def test_altered_expressions_differ_in_value(seed):
    rng, expression = random.Random(seed), 3 * M * B - 2 * M**-1 + X * B
    for change in EXPRESSION_MUTATIONS.values():
        made = change(expression, rng)
        assert made is None or sp.expand(made[1] - expression) != 0


def test_letters_that_commute_are_not_swapped():
    power = EXPRESSION_MUTATIONS["letters swapped"]
    assert power(sp.Mul(M, 1 + M + M**2, evaluate=False), random.Random(0)) is None
    assert power(M * B, random.Random(0)) is not None


def test_relations_know_on_which_side_of_an_implication_they_stand():
    formula = sp.Implies(
        sp.And(X > 0, sp.Not(Y > 1)), sp.Equivalent(X < 2, Y <= 1, evaluate=False), evaluate=False
    )
    found = {str(node): sign for _, node, sign in atoms(formula)}
    assert found["x > 0"] == -1
    assert found["x < 2"] == 0


def test_long_texts_are_shortened():
    assert shorten("abc") == "abc"
    assert len(shorten("x" * 100)) == 60


def test_at_least_95_percent_of_the_mutants_of_the_ledger_die():
    report = mutate(ledger(), cache=default_cache())
    assert set(report.by_kind()) == set(KINDS)
    assert report.rate >= 0.95, "\n".join(map(str, report.survivors))
