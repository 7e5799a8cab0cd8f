"""`loopstab claims` in all its forms, the LaTeX appendix (compiled where pdflatex is installed),
and the pages of the documentation.
"""

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from loopstab import UsageError, check, ledger
from loopstab.models.zoo import zoo
from loopstab.paper_figures.commands.claims import claims
from loopstab.paper_figures.text.appendix import appendix
from loopstab.paper_figures.text.claim_words import claim_row, from_cache, summary, verdict_words
from loopstab.paper_figures.text.markup import (
    latex_of_prose,
    markdown_of_latex,
    markdown_of_prose,
    require_latex,
)
from loopstab.paper_figures.text.trained_sentences import settled_orbits
from loopstab.theory import claims as claims_module
from loopstab.theory.architecture import Recall, Residual
from loopstab.theory.checking.cache import VARIABLE, default_cache
from loopstab.theory.kernel.claim import Axis, Finding, Kind, Regime, Verdict
from loopstab.theory.theorems import THEOREMS

DOCS = Path(__file__).parents[2] / "docs"


def load(name):
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(DOCS))


@pytest.fixture(scope="module")
def report():
    return check(next(claim for claim in ledger() if claim.id == "N3")).to_json()


# the command


def test_one_claim_in_full(capsys):
    assert claims(("N3",)) == 0
    out = " ".join(capsys.readouterr().out.split())
    claim = next(claim for claim in ledger() if claim.id == "N3")
    for text in (
        claim.title,
        claim.statement,
        *(s.name for s in claim.steps),
        *(s.dimensions for s in claim.steps),
    ):
        assert " ".join(text.split()) in out
    assert THEOREMS["banach"].reference in out
    assert (
        "by kappa, composition, small" in out
    )  # what discharges the hypothesis of the cited theorem
    assert all(attack.name in out for attack in claim.falsifiers)
    assert "predicts, if kappa < 1, for" in out


def test_json_holds_what_the_page_prints(capsys):
    assert claims(("M1", "N3"), json_=True) == 0
    data = json.loads(capsys.readouterr().out)
    assert [item["id"] for item in data] == ["M1", "N3"]
    assert set(data[0]) >= {
        "id",
        "title",
        "source",
        "hypotheses",
        "steps",
        "falsifiers",
        "verdict",
        "seconds",
        "cold_seconds",
        "latex",
    }


def test_the_cache_is_used_and_can_be_left_out(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    for arguments, cached in ((True, False), (True, True), (False, False)):
        claims(("N1",), json_=True, cache=arguments)
        (data,) = json.loads(capsys.readouterr().out)
        assert any(step["cached"] for step in data["steps"]) is cached
        assert data["cold_seconds"] >= data["seconds"]


def test_a_verdict_from_the_cache_says_so_everywhere(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    claim = next(claim for claim in ledger() if claim.id == "N1")
    monkeypatch.setattr(claims_module, "ledger", lambda: (claim,))
    page = load("claim_page").claim_page
    cold = check(claim, default_cache())
    warm = check(claim, default_cache())
    assert warm.cached_steps > 0
    words = from_cache(warm.to_json())
    assert words.startswith(f"{warm.cached_steps} step")
    assert words.endswith(" from the cache")
    shown = (
        lambda r: verdict_words(r.to_json()),
        lambda r: summary([r.to_json()]),
        lambda r: claim_row(r.to_json())["verdict"],
        lambda r: appendix([r.to_json()]),
        lambda r: page(r, {}),
        lambda r: load("pages").ledger_page([r.to_json()]),
    )
    for show in shown:
        assert words in show(warm)
        assert "from the cache" not in show(cold)
    for ids in ((), ("N1",)):
        claims(ids)
        out = " ".join(capsys.readouterr().out.split())
        assert f"proved ({words})" in out or f"Not checked now: {words}." in out
        claims(ids, cache=False)
        assert "from the cache" not in capsys.readouterr().out
    for words in ("", "mutants from the cache"):
        claims(("N1",), mutants=True)
        assert words in capsys.readouterr().out
    claims(("N1",), mutants=True, json_=True)
    assert json.loads(capsys.readouterr().out)["cached"] > 0


def test_a_cache_that_others_can_write_is_left_alone(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    tmp_path.chmod(0o777)
    for _ in range(2):
        assert claims(("N1",), json_=True) == 0
        out, err = capsys.readouterr()
        assert json.loads(out)[0]["cached"] == {"steps": 0, "falsifiers": 0}
        assert f"chmod go-w {tmp_path}, or set {VARIABLE}=off" in err
        assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_the_table_of_the_paper(capsys):
    assert claims(table=True, json_=True) == 0
    cells = json.loads(capsys.readouterr().out)
    assert len(cells) == len(Recall) * 2 * len(Residual) * len(Regime) * len(Axis)
    known = {claim.id for claim in ledger()}
    assert all(entry["claim"] in known for cell in cells for entry in cell["entries"])
    assert claims(table=True) == 0
    out = capsys.readouterr().out
    assert "external recall, outer norm, residual add" in out
    silent = sum(not cell["entries"] for cell in cells)
    assert 0 < silent < len(cells) / 4
    assert out.count("not claimed") > 0


def test_mutants(capsys):
    assert claims(("M1",), mutants=True) == 0
    out = capsys.readouterr().out
    assert "% killed" in out
    assert claims(("M1",), mutants=True, json_=True) == 0
    assert json.loads(capsys.readouterr().out)["total"] > 20


@pytest.mark.parametrize(
    "arguments", [{"table": True, "mutants": True}, {"table": True, "latex": Path("x.tex")}]
)
def test_one_form_at_a_time(arguments):
    with pytest.raises(UsageError, match="one of"):
        claims(**arguments)


def test_a_failed_step_ends_with_status_one_and_is_named(capsys, monkeypatch):
    from dataclasses import replace

    true = next(claim for claim in ledger() if claim.id == "M1")
    bad = replace(true.steps[0], check=lambda: Finding(Verdict.FAILED, "it is wrong"))
    monkeypatch.setattr(
        claims_module, "ledger", lambda: (replace(true, steps=(bad, *true.steps[1:])),)
    )
    assert claims(cache=False) == 1  # the cache knows sources, not what a test puts in their place
    assert f"M1 step {bad.name} (identity): failed: it is wrong" in capsys.readouterr().out


def test_a_falsifier_that_does_not_fire_ends_with_status_one_and_is_named(capsys, monkeypatch):
    from dataclasses import replace

    true = next(claim for claim in ledger() if claim.id == "M1")
    first, *others = true.falsifiers
    always = replace(first.predicate, name="always", refute=lambda case: None)
    idle = replace(first, predicate=always)
    changed = replace(true, falsifiers=(idle, *others), predicates=(always, *true.predicates))
    monkeypatch.setattr(claims_module, "ledger", lambda: (changed,))
    assert claims(cache=False) == 1
    wanted = f"M1 falsifier {idle.name}: no counterexample without {idle.drops}"
    assert wanted in capsys.readouterr().out


# LaTeX


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


def test_the_appendix_compiles(tmp_path, report):
    hostile = {
        **report,
        "title": "50 % & #1_x^2 {~} \\ $",
        "notes": ["a < b | c > d \"q\" 'p' `r` -- --- ..."],
    }
    text = appendix([report, {**hostile, "latex": r"Let $\rho(J) < 1$; then \[h_t \to h^*.\]"}])
    assert text.count(r"\begin{enumerate}") == text.count(r"\end{enumerate}") == 2
    if shutil.which("pdflatex") is None:
        pytest.skip(
            "pdflatex is not installed (texlive-latex-base, texlive-latex-recommended, lmodern)"
        )
    (tmp_path / "appendix.tex").write_text(text)
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "appendix.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "appendix.pdf").stat().st_size > 10_000


def test_latex_is_written_whole(tmp_path, capsys):
    assert claims(("M1",), latex=tmp_path / "new" / "appendix.tex", json_=True) == 0
    text = (tmp_path / "new" / "appendix.tex").read_text()
    assert text.startswith(r"\documentclass")
    assert text.rstrip().endswith(r"\end{document}")
    capsys.readouterr()


# the pages


def test_markdown_of_prose_holds_no_markup():
    assert (
        markdown_of_prose("a_b *c* [d](e) <f> $g$ | `h`")
        == r"a\_b \*c\* \[d\]\(e\) \<f\> \$g\$ \| \`h\`"
    )


def test_a_page_tells_everything_about_a_claim(report):
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
        bool(item["latex"]) for step in report["steps"] for item in step["content"]
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


def test_a_measured_step_is_shown_as_such(report):
    step = {
        **report["steps"][0],
        "kind": str(Kind.MEASURED),
        "machine_checked": False,
        "detail": "0.5 +- 0.1",
    }
    assert r"\kind{measured}" in appendix([{**report, "steps": [step]}])
