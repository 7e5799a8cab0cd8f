"""The table of the paper, on small claims: what a consequence covers, and what contradicts it."""

from dataclasses import replace

import pytest

from loopstab import Assumption, Claim, Recall, Residual, UsageError
from loopstab.theory.kernel.claim import Axis, Consequence, Finding, Regime, Verdict
from loopstab.theory.kernel.falsifier import Falsifier
from loopstab.theory.kernel.predicate import Predicate
from loopstab.theory.kernel.proof import deduced, measured
from loopstab.theory.table import NOT_CLAIMED, paper_table, polarity, rows

TRUE = Predicate(
    "p", "s", ("s",), {"h": bool}, lambda case: None if case else "found", lambda: True
)
ATTACK = Falsifier("a", "h", TRUE, lambda: False)
STEP = deduced("s", "s", "every d", ("h",))
YES = Consequence(
    Axis.REACHABILITY,
    "yes",
    "it is reached",
    recalls=frozenset({Recall.EXTERNAL}),
    outer_norm=True,
    residuals=frozenset({Residual.ADD}),
    regimes=frozenset({Regime.CONTRACTIVE}),
)


def claim(name, *consequences, steps=(STEP,)):
    return Claim(
        name,
        "t",
        "paper",
        "s",
        (Assumption("h", "h"),),
        steps,
        (ATTACK,),
        predicates=(TRUE,),
        consequences=consequences,
    )


def spoken(cells):
    return [cell for cell in cells if cell.entries]


def test_a_consequence_fills_exactly_its_cells():
    cells = paper_table([claim("T1", YES)])
    (cell,) = spoken(cells)
    assert (cell.recall, cell.outer_norm, cell.residual) == (Recall.EXTERNAL, True, Residual.ADD)
    assert (cell.regime, cell.axis) == (Regime.CONTRACTIVE, Axis.REACHABILITY)
    assert str(cell) == "yes (T1)"
    assert {str(other) for other in cells if other is not cell} == {NOT_CLAIMED}


COVER = [
    (replace(YES, outer_norm=None), 2),
    (replace(YES, residuals=frozenset(Residual)), 4),
    (replace(YES, regimes=frozenset(Regime)), 3),
    (replace(YES, recalls=frozenset(Recall)), 3),
    (Consequence(Axis.GEOMETRY, "yes", "s"), 72),
]


@pytest.mark.parametrize(("consequence", "number"), COVER)
def test_the_number_of_cells_is_the_product_of_the_sets(consequence, number):
    assert len(spoken(paper_table([claim("T1", consequence)]))) == number


NO = replace(YES, answer="almost never")
AGREE = [
    (YES, replace(YES, answer="yes, if small gain")),
    (NO, replace(YES, answer="no")),
    (YES, replace(NO, recalls=frozenset({Recall.NONE}))),
    (YES, replace(NO, axis=Axis.GEOMETRY)),
    (replace(YES, when="small gain"), replace(NO, when="large gain")),
    (YES, replace(YES, answer="one bit")),
]
CONTRADICT = [
    (YES, NO),
    (YES, replace(NO, when="large gain")),
    (replace(YES, when="w"), replace(NO, when="w")),
]


@pytest.mark.parametrize(("first", "second"), AGREE)
def test_answers_that_can_stand_together(first, second):
    cells = paper_table([claim("T1", first), claim("T2", second)])
    assert {e.claim for cell in cells for e in cell.entries} == {"T1", "T2"}


@pytest.mark.parametrize(("first", "second"), CONTRADICT)
def test_contradictions_name_both_claims_and_the_cell(first, second):
    with pytest.raises(
        UsageError,
        match=r"claims T1 .* and T2 .* external recall, outer norm, add, contractive, reachability",
    ):
        paper_table([claim("T1", first), claim("T2", second)])


@pytest.mark.parametrize(
    ("answer", "sign"),
    [
        ("yes", 1),
        ("Yes, if small gain", 1),
        ("no", -1),
        ("none", -1),
        ("almost never", -1),
        ("almost always", 0),
        ("one bit", 0),
    ],
)
def test_polarity(answer, sign):
    assert polarity(answer) == sign


def test_a_claim_that_is_measured_is_marked():
    sample = measured("m", "s", "d = 9", lambda: Finding(Verdict.PASSED, "x"))
    (cell,) = spoken(
        paper_table([claim("T1", replace(YES, when="d is large"), steps=(STEP, sample))])
    )
    assert str(cell) == "yes when d is large (T1*)"
    assert cell.to_json()["entries"][0]["measured"] is True


def test_rows_share_what_residuals_agree_on():
    both = paper_table([claim("T1", replace(YES, residuals=frozenset(Residual)))])
    assert len(rows(both)) == 18
    table = rows(paper_table([claim("T1", YES)]))
    assert len(table) == 21
    mine = [row for row in table if row["reachability"] != NOT_CLAIMED]
    assert [(row["recall"], row["outer norm"], row["residual"], row["regime"]) for row in mine] == [
        ("external", "yes", "add", "contractive")
    ]
