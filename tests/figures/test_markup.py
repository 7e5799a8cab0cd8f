"""Prose and formulas of the ledger as LaTeX and Markdown."""

import pytest

from loopstab import UsageError, ledger
from loopstab.paper_figures.text.markup import (
    latex_of_prose,
    markdown_of_latex,
    markdown_of_prose,
    require_latex,
)

PROSE = [
    (
        "50 % of #1 & a_b ~ {x} $5 \\n",
        r"50 \% of \#1 \& a\_b \textasciitilde{} \{x\} \$5 \textbackslash{}n",
    ),
    ("h^2 <= r -> 0, x != y", r"h\textasciicircum{}2 $\le$ r $\to$ 0, x $\ne$ y"),
    ("ρ <=> λ, Erdős", r"$\rho$ $\Leftrightarrow$ $\lambda$, Erdős"),
]


@pytest.mark.parametrize(("text", "wanted"), PROSE)
def test_prose_is_escaped(text, wanted):
    assert latex_of_prose(text) == wanted


@pytest.mark.parametrize("text", ["a ☃ b", "tab\there"])
def test_a_character_without_latex_is_an_error(text):
    with pytest.raises(UsageError, match=r"no LaTeX for the character"):
        latex_of_prose(text)


GOOD = [
    (r"Let $h_t \to h^*$ \emph{for all} $t$.", r"Let $h_t \to h^*$ *for all* $t$."),
    (
        r"Then \[\rho < 1,\] so 5\% of a\_b--c~d.",
        "Then \n\n$$\n\\rho < 1,\n$$\n\n so 5\\% of a\\_b–c\u00a0d.",
    ),
    (r"\textbf{(i)} the points $(a_1),\dots,(a_L)$", r"**(i)** the points $(a_1),\ldots,(a_L)$"),
    (r"\emph{gain $\gamma$}", r"*gain $\gamma$*"),
]


@pytest.mark.parametrize(("latex", "markdown"), GOOD)
def test_statements_become_markdown(latex, markdown):
    assert markdown_of_latex("claim T", latex) == markdown


BAD = [
    ("a_b", "outside mathematics"),
    ("50% of $x$", "outside mathematics"),
    ("odd $x", "outside mathematics"),
    (r"$\frac{1}{2$", "unbalanced"),
    (r"\mycommand{x}", "text command"),
    ("a\theta", "raw string"),
    ("ρ < 1", "raw string"),
]


@pytest.mark.parametrize(("latex", "words"), BAD)
def test_bad_statements_name_the_claim(latex, words):
    with pytest.raises(UsageError, match=rf"claim T.*{words}"):
        require_latex("claim T", latex)


@pytest.mark.parametrize("claim", [pytest.param(claim, id=claim.id) for claim in ledger()])
def test_every_claim_can_be_typeset(claim):
    if claim.latex:
        require_latex(f"claim {claim.id}", claim.latex)
    for text in (
        claim.title,
        claim.statement,
        *claim.notes,
        *(a.statement for a in claim.assumptions),
    ):
        latex_of_prose(text)
    for step in claim.steps:
        latex_of_prose(f"{step.statement} {step.dimensions}")
    for item in claim.consequences:
        latex_of_prose(f"{item.answer} {item.statement} {item.when}")


def test_markdown_of_prose_holds_no_markup():
    assert (
        markdown_of_prose("a_b *c* [d](e) <f> $g$ | `h`")
        == r"a\_b \*c\* \[d\]\(e\) \<f\> \$g\$ \| \`h\`"
    )
