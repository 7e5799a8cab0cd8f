"""What is stored, what never is, and what becomes of damaged or outdated entries."""

import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace

import pytest

from loopstab import Kind, Verdict, check, ledger
from loopstab.theory.checking import cache as cache_module
from loopstab.theory.checking.cache import VARIABLE, ProofCache, default_cache, default_folder
from loopstab.theory.checking.check import check_step, run_falsifier
from loopstab.theory.checking.mutation import mutate
from loopstab.theory.kernel.claim import Finding
from loopstab.theory.kernel.proof import deduced

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
    assert warm.falsifiers == cold.falsifiers
    assert (cold.cached_falsifiers, warm.cached_falsifiers) == (0, len(CLAIM.falsifiers))
    assert warm.cached_steps == sum(step.kind.machine_checked for step in CLAIM.steps)


def test_falsifiers_are_kept_only_if_they_found_what_they_must(store):
    good = CLAIM.falsifiers[0]
    powerless = replace(good, predicate=replace(good.predicate, refute=lambda case: None))
    case = good.case()
    refuting = replace(
        good,
        predicate=replace(
            good.predicate,
            assumptions={good.drops: lambda case: True},
            refute=lambda other: "found" if other == case else None,
        ),
        case=lambda: case,
    )
    for falsifier, outcome in ((powerless, (False, False)), (refuting, (False, True))):
        for _ in range(2):
            report, seconds = run_falsifier(falsifier, CLAIM.id, store)
            assert ((report.fired, report.breach), seconds) == (outcome, None)
    first, again = (run_falsifier(good, CLAIM.id, store) for _ in range(2))
    assert first[0] == again[0] == good.run()
    assert (first[1], again[1] is not None) == (None, True)
    path = store.folder / CLAIM.id / f"falsifier-{good.name}.json"
    entry = json.loads(path.read_text())
    for field in ("counterexample", "seconds"):
        damaged = {**entry["value"], field: None}
        path.write_text(json.dumps({**entry, "value": damaged}))
        assert run_falsifier(good, CLAIM.id, store) == (first[0], None)  # run again, and stored


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
    failed = replace(STEP, check=lambda: Finding(Verdict.FAILED, "no"))
    undecided = replace(STEP, check=lambda: Finding(Verdict.UNDECIDED, "?"))
    prose = deduced("prose", "s", "no size", ("h",))
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


def test_an_unwritable_folder_costs_nothing_but_time(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_module, "WORTH", 0.0)
    (tmp_path / "file").write_text("in the way")
    blocked = ProofCache(tmp_path / "file")
    assert check_step(STEP, CLAIM.id, blocked).finding.verdict is Verdict.PASSED
    assert not check_step(STEP, CLAIM.id, blocked).cached
    assert (tmp_path / "file").read_text() == "in the way"


def keep_one(store):
    """Check a step twice; returns whether the second time it was found in the cache."""
    check_step(STEP, CLAIM.id, store)
    return check_step(STEP, CLAIM.id, store).cached


def test_new_folders_and_files_are_the_users_alone(tmp_path):
    store = ProofCache(tmp_path / "new" / "cache")
    old = os.umask(0)
    try:
        store.keep("M1", "step", {"detail": "x"}, 1.0)
    finally:
        os.umask(old)
    (path,) = store.folder.glob("*/*")
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (store.folder, path.parent, path)]
    assert modes == [0o700, 0o700, 0o600]


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
@pytest.mark.parametrize("inside", [False, True])
def test_a_folder_that_others_can_write_is_refused(mode, inside, store, monkeypatch, capsys):
    assert keep_one(store)
    folder = store.folder / CLAIM.id if inside else store.folder
    (path,) = store.folder.glob("*/*.json")
    before = path.read_text()
    folder.chmod(mode)
    assert not keep_one(store)
    assert path.read_text() == before
    monkeypatch.setenv(VARIABLE, str(store.folder))
    assert default_cache() is None
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"loopstab: warning: the cache of proofs is not used: others can write {folder}: chmod go-w"
        f" {folder}, or set {VARIABLE}=off\n"
    )
    folder.chmod(0o755)
    assert keep_one(store)
    assert default_cache() is not None


def test_a_folder_of_another_user_is_refused(store, monkeypatch, capsys):
    assert keep_one(store)
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)
    assert not keep_one(store)
    monkeypatch.setenv(VARIABLE, str(store.folder))
    assert default_cache() is None
    assert "belongs to another user" in capsys.readouterr().err


def test_links_and_what_is_no_file_are_ignored(store):
    assert keep_one(store)
    (path,) = store.folder.glob("*/*.json")
    elsewhere = store.folder.parent / "elsewhere.json"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert not check_step(STEP, CLAIM.id, store).cached
    assert not path.is_symlink()  # written anew, and what the link named stands
    assert elsewhere.exists()
    for make in (os.mkfifo, os.mkdir):
        path.unlink()
        make(path)
        assert not check_step(STEP, CLAIM.id, store).cached
        if path.is_dir():
            path.rmdir()
            path.touch()
    path.write_text(elsewhere.read_text())
    path.chmod(0o620)
    assert not check_step(STEP, CLAIM.id, store).cached
    home = store.folder / CLAIM.id
    home.rename(store.folder.parent / "home")
    home.symlink_to(store.folder.parent / "home")
    assert not keep_one(store)


KILLED = """
import os, signal, sys
from loopstab.support import files
from loopstab.theory.checking.cache import ProofCache
files.os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
ProofCache(sys.argv[1]).keep("M1", "killed", {"detail": "x"}, 1.0)
"""


def test_what_a_killed_process_leaves_goes_away(store):
    done = subprocess.run([sys.executable, "-c", KILLED, str(store.folder)])
    assert done.returncode == -signal.SIGKILL
    assert keep_one(store)
    assert [path.suffix for path in (store.folder / CLAIM.id).iterdir()] == [".json"]


def test_a_forged_entry_in_the_users_own_folder_is_counted_as_such(store):
    """This is the trust that the module states: the count shows it, and no cache undoes it."""
    failing = replace(STEP, check=lambda: Finding(Verdict.FAILED, "no"))
    claim = replace(CLAIM, steps=tuple(failing if s is STEP else s for s in CLAIM.steps))
    assert check(claim).verdict is Verdict.REFUTED
    store.keep(CLAIM.id, STEP.name, {"detail": "forged", "seconds": 1.0, "content": []}, 1.0)
    found = check(claim, store)
    assert found.verdict is Verdict.PROVED
    assert found.cached_steps == 1
    assert found.to_json()["cached"]["steps"] == 1
    assert check(claim).verdict is Verdict.REFUTED


STRANGE = [
    ("falsifier", {"counterexample": 5, "seconds": 1.0}),
    ("step", {"detail": "x", "seconds": 1.0, "content": [{"kind": 1}]}),
    ("step", {"detail": "x", "seconds": -1.0, "content": []}),
    ("step", {"detail": "x", "seconds": 1.0, "content": [], "more": 1}),
    ("mutants", {"killed": [["one"]]}),
    ("mutants", {"killed": 3}),
]


@pytest.mark.parametrize(("what", "value"), STRANGE)
def test_entries_of_another_form_are_ignored(what, value, store):
    names = {
        "falsifier": f"falsifier-{CLAIM.falsifiers[0].name}",
        "step": STEP.name,
        "mutants": f"mutants-0-{STEP.name}",
    }
    store.keep(CLAIM.id, names[what], value, 1.0)
    if what == "mutants":
        assert mutate([CLAIM], cache=store).cached == 0
        assert mutate([CLAIM], cache=store).cached > 0
        return
    report = check(CLAIM, store)
    assert (report.cached_steps, report.cached_falsifiers) == (0, 0)
    assert report.verdict is Verdict.PROVED


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
