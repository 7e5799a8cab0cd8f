"""The generated pages of the documentation: claims, references, the zoo; and the whole, built."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from docs_modules import DOCS, load

from loopstab import check, ledger
from loopstab.models.zoo import zoo
from loopstab.paper_figures.text.markup import markdown_of_latex, markdown_of_prose
from loopstab.paper_figures.text.trained_sentences import settled_orbits
from loopstab.theory.theorems import THEOREMS


def test_a_page_tells_everything_about_a_claim(contraction):
    pages = load("pages")
    claim = next(claim for claim in ledger() if claim.id == "N3")
    text = pages.claim_page(check(claim), pages.references(DOCS / "references.bib"))
    for step in claim.steps:
        assert f"(N3-{step.name})=" in text
        for name in step.rests_on:
            assert f"](#N3-{name})" in text
    assert "{cite}`" in text
    assert text.count("## Sentences and falsifiers") == 1
    for predicate in claim.predicates:
        assert f"“{markdown_of_prose(predicate.sentence)}”" in text
    assert text.count("<math") == sum(
        bool(item["latex"]) for step in contraction["steps"] for item in step["content"]
    )
    assert pages.slug("A2'") == "A2-prime"


def test_every_reference_has_an_entry():
    bibliography = load("bibliography")
    entries = bibliography.references(DOCS / "references.bib")
    assert all({"author", "title", "year"} <= set(entry) for entry in entries.values())
    missing = {
        key: theorem.reference
        for key, theorem in THEOREMS.items()
        if not bibliography.keys_of(theorem.reference, entries)
    }
    assert not missing, f"add to docs/references.bib: {missing}"


REFERENCES = [
    ("R. Horn, C. Johnson, Topics in Matrix Analysis, Thm. 2.2.1", ["HornJohnson1991"]),
    ("R. Horn, C. Johnson, Matrix Analysis, 2nd ed., Thm. 1.3.22", ["HornJohnson2013"]),
    (
        "A. Sard, Bull. Amer. Math. Soc. 48 (1942); M. Hirsch, Differential Topology",
        ["Hirsch1976", "Sard1942"],
    ),
    ("J. Munkres, Topology, 2nd ed., Thm. 23.5", ["Munkres2000"]),
    ("nobody, nothing", []),
]


@pytest.mark.parametrize(("reference", "keys"), REFERENCES)
def test_references_find_their_entries(reference, keys):
    bibliography = load("bibliography")
    entries = bibliography.references(DOCS / "references.bib")
    assert sorted(bibliography.keys_of(reference, entries)) == keys


def test_what_was_not_looked_up_is_listed():
    text = load("bibliography").references_page()
    for theorem in THEOREMS.values():
        listed = markdown_of_prose(theorem.reference) in text
        assert listed == ("looked up" in theorem.reference)


def test_statements_can_be_drawn_without_scripts():
    pytest.importorskip(
        "sphinx", reason="the documentation's packages are not installed (pip install -e '.[docs]')"
    )
    mathml = load("mathml").mathml
    assert "<mn>1,1</mn>" not in mathml("(a_1,1)", False)
    for text in (r"\frac12", r"\tfrac12,1", r"\frac1{2}", r"\frac1d|z|", r"\frac d2"):
        assert mathml(text, False).count("<mfrac") == 1
    assert "<mn>12</mn>" not in mathml(r"\frac12", False)
    for claim in ledger():
        markdown = markdown_of_latex(f"claim {claim.id}", claim.latex)
        for number, part in enumerate(markdown.replace("$$", "$").split("$")):
            if number % 2:
                assert "<math" in mathml(part, False)


def test_the_page_of_the_zoo_lists_every_run_with_its_accuracy():
    text = load("zoo_page").zoo_page()
    for name in zoo.names():
        every = text.partition("## Every run")[2]
        (line,) = [line for line in every.splitlines() if f"`{name}`" in line]
        run = zoo.describe(name)["run"]
        assert f"{run['accuracy'][list(run['accuracy'])[-1]][-1]:.3f} |" in line
        assert f"| {run['architecture']}" in line


def test_the_orbits_of_the_page_are_those_that_were_measured():
    text = " ".join(load("zoo_page").zoo_page().split())
    orbits = json.loads((DOCS / "outcomes.json").read_text())["orbits"]
    assert " ".join(settled_orbits(orbits).split()) in text
    assert all(sum(row.values()) == 16 for row in orbits.values())


def test_the_documentation_builds_without_a_warning(tmp_path):
    pytest.importorskip(
        "sphinx", reason="the documentation's packages are not installed (pip install -e '.[docs]')"
    )
    sphinx = Path(sys.executable).with_name("sphinx-build")
    source = tmp_path / "docs"
    shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns("claims", "__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(DOCS.parent)}
    done = subprocess.run(
        [sphinx, "-W", "-q", "-b", "html", source, tmp_path / "html"],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "html" / "claims" / "N3.html").read_text()
    assert "one_fixed_point" in page
    assert '<script src="http' not in page
