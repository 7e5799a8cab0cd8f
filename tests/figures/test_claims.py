"""`loopstab claims` in all its forms but LaTeX."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from docs_modules import load

from loopstab import UsageError, check, ledger
from loopstab.paper_figures.commands.claims import claims
from loopstab.paper_figures.text.appendix import appendix
from loopstab.paper_figures.text.claim_words import claim_row, from_cache, summary, verdict_words
from loopstab.theory import claims as claims_module
from loopstab.theory.architecture import Recall, Residual
from loopstab.theory.checking import cache
from loopstab.theory.checking.cache import VARIABLE, default_cache
from loopstab.theory.kernel.claim import Axis, Finding, Regime, Verdict
from loopstab.theory.theorems import THEOREMS


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
    monkeypatch.setattr(cache, "WORTH", 0)  # all is stored the first time, on any machine
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
    true = next(claim for claim in ledger() if claim.id == "M1")
    bad = replace(true.steps[0], check=lambda: Finding(Verdict.FAILED, "it is wrong"))
    monkeypatch.setattr(
        claims_module, "ledger", lambda: (replace(true, steps=(bad, *true.steps[1:])),)
    )
    assert claims(cache=False) == 1  # the cache knows sources, not what a test puts in their place
    assert f"M1 step {bad.name} (identity): failed: it is wrong" in capsys.readouterr().out


def test_a_falsifier_that_does_not_fire_ends_with_status_one_and_is_named(capsys, monkeypatch):
    true = next(claim for claim in ledger() if claim.id == "M1")
    first, *others = true.falsifiers
    always = replace(first.predicate, name="always", refute=lambda case: None)
    idle = replace(first, predicate=always)
    changed = replace(true, falsifiers=(idle, *others), predicates=(always, *true.predicates))
    monkeypatch.setattr(claims_module, "ledger", lambda: (changed,))
    assert claims(cache=False) == 1
    wanted = f"M1 falsifier {idle.name}: no counterexample without {idle.drops}"
    assert wanted in capsys.readouterr().out
