"""What is remembered, what never is, and what becomes of damaged or outdated entries."""

import json

import pytest

from loopstab import Kind, Verdict, check, ledger
from loopstab.support.sources import ROOT, imported_sources
from loopstab.theory.checking import cache as cache_module
from loopstab.theory.checking.cache import VARIABLE, ProofCache, default_cache, default_folder
from loopstab.theory.checking.check import check_step
from loopstab.theory.checking.mutation import mutate
from loopstab.theory.claims import families
from loopstab.theory.families import FAMILIES

CLAIM = next(claim for claim in ledger() if claim.id == "M1")
STEP = next(step for step in CLAIM.steps if step.kind is Kind.IDENTITY)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_module, "WORTH", 0.0)
    return ProofCache(tmp_path / "cache")


def test_a_passed_step_is_found_again(store):
    cold, warm = check_step(STEP, CLAIM.id, store), check_step(STEP, CLAIM.id, store)
    assert (cold.cached, warm.cached) == (False, True)
    assert warm.finding == cold.finding
    assert warm.cold_seconds == cold.cold_seconds
    assert warm.seconds < 0.1


def test_a_claim_reports_cold_and_cached_seconds(store):
    cold, warm = check(CLAIM, store), check(CLAIM, store)
    assert cold.verdict is warm.verdict is Verdict.PROVED
    assert all(item.cached == item.step.kind.machine_checked for item in warm.steps)
    assert warm.seconds < warm.cold_seconds
    assert warm.to_json()["cold_seconds"] == pytest.approx(warm.cold_seconds, abs=1e-3)
    assert [f.trials for f in warm.falsifiers] == [
        f.trials for f in cold.falsifiers
    ]  # attacks always run


DAMAGE = {
    "empty": "",
    "cut": '{"key": "abc", "val',
    "not an object": "[1, 2]",
    "no value": '{"key": "KEY"}',
    "wrong value": '{"key": "KEY", "value": 3}',
    "wrong fields": '{"key": "KEY", "value": {"detail": 5, "seconds": "x"}}',
    "another key": '{"key": "0", "value": {"detail": "passed", "seconds": 1.0}}',
    "binary": "\x00\x01",
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_or_outdated_entry_is_recomputed(name, store):
    good = check_step(STEP, CLAIM.id, store)
    (path,) = store.folder.glob("*/*.json")
    key = json.loads(path.read_text())["key"]
    path.write_text(DAMAGE[name].replace("KEY", key))
    again = check_step(STEP, CLAIM.id, store)
    assert not again.cached
    assert again.finding == good.finding
    assert check_step(STEP, CLAIM.id, store).cached  # and written anew


def test_failures_prose_and_strange_claims_are_never_kept(store):
    from dataclasses import replace

    from loopstab.theory.kernel.claim import Finding

    failed = replace(STEP, check=lambda: Finding(Verdict.FAILED, "no"))
    undecided = replace(STEP, check=lambda: Finding(Verdict.UNDECIDED, "?"))
    prose = next(step for step in CLAIM.steps if step.kind is Kind.DEDUCED)
    for step, claim in (
        (failed, "M1"),
        (undecided, "M1"),
        (prose, "M1"),
        (STEP, "not in the ledger"),
    ):
        check_step(step, claim, store)
        assert not check_step(step, claim, store).cached
    assert not list(store.folder.glob("**/*.json"))


def test_mutants_are_kept_only_where_none_survived(store):
    cold, warm = mutate([CLAIM], cache=store), mutate([CLAIM], cache=store)
    assert [(m.step, m.operator, m.verdict) for m in warm.mutants] == [
        (m.step, m.operator, m.verdict) for m in cold.mutants
    ]
    kept = {path.stem for path in store.folder.glob("*/*.json")}
    assert not {f"mutants-0-{m.step}" for m in cold.survivors} & kept


def test_the_key_follows_sources_and_versions(monkeypatch):
    assert set(families()) == {claim.id for claim in ledger()}
    names = {
        path.relative_to(ROOT).as_posix()
        for path in imported_sources(*cache_module._modules("autonomous"))
    }
    kernel = {
        "theory/kernel/proof.py",
        "theory/kernel/algebra.py",
        "theory/theorems/linear_algebra.py",
    }
    own = {
        "theory/autonomous/power_iteration.py",
        "theory/autonomous/falsifiers/power_iteration.py",
    }
    formulas = {f"theory/{family}/formulas.py" for family in FAMILIES}
    assert (
        kernel | own | formulas | {"theory/checking/check.py", "theory/outer_norm/jacobian.py"}
        <= names
    )
    assert not any("tests" in name or name.startswith("numerics") for name in names)
    before = cache_module._key.__wrapped__("M1")
    assert before == cache_module._key.__wrapped__("M1")
    monkeypatch.setattr(cache_module, "version", lambda package: "0")
    assert cache_module._key.__wrapped__("M1") != before
    assert cache_module._key("Z9") is None


def test_an_unwritable_folder_costs_nothing_but_time(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_module, "WORTH", 0.0)
    (tmp_path / "file").write_text("in the way")
    blocked = ProofCache(tmp_path / "file")
    assert check_step(STEP, CLAIM.id, blocked).finding.verdict is Verdict.PASSED
    assert not check_step(STEP, CLAIM.id, blocked).cached
    assert (tmp_path / "file").read_text() == "in the way"


def test_quick_steps_are_not_worth_a_file(tmp_path):
    store = ProofCache(tmp_path)
    store.keep("M1", "quick", {"detail": "x"}, 0.001)
    assert not list(tmp_path.iterdir())


def test_the_environment_chooses_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, "off")
    assert default_cache() is None
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    chosen = default_cache()
    assert chosen is not None
    assert chosen.folder == tmp_path
    monkeypatch.delenv(VARIABLE)
    chosen = default_cache()
    assert chosen is not None
    assert chosen.folder == default_folder()
    assert default_folder().name == "loopstab"
