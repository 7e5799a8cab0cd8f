"""loopstab attack: exit status, table, JSON, resuming, replay."""

import json

import hypothesis.strategies as st
import pytest

from loopstab.numerics.attack.suite import Drop, Suite, Undecided
from loopstab.paper_figures.cli import main


def numbers(low, high):
    return st.fixed_dictionaries({"n": st.integers(low, high)})


def toy(claim="A1", limit=10**6, drop=-1, judge=None):
    def below(case):
        return None if 0 <= case["n"] < limit else f"{case['n']} is not in [0, {limit})"

    return Suite(
        claim,
        "toy",
        property="0 <= n < limit",
        cases=lambda: numbers(0, 1000),
        judge=judge or below,
        drops=(Drop("sign", cases=lambda: numbers(drop, drop)),),
    )


def cannot(case):
    if case["n"] >= 0:
        raise Undecided
    return "negative"


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run the command on toy suites; returns status, stdout and stderr."""

    def run(*args, suites=None, out=True):
        suites = suites or (toy(),)
        monkeypatch.setattr("loopstab.numerics.suites.all_suites", lambda: suites)
        with pytest.raises(SystemExit) as done:
            main(["attack", *map(str, args), *(["--out", str(tmp_path)] if out else [])])
        return done.value.code, *capsys.readouterr()

    return run


STATUS = [
    ((toy(),), 0, ""),
    ((toy(), toy("A2", limit=37)), 1, "the claim is falsified: 37 is not in [0, 37); n = 37"),
    ((toy(drop=3),), 1, "A1/toy: no counterexample without 'sign'"),
    ((toy(judge=cannot),), 1, "A1/toy: 60 of 60 cases undecided"),
    ((toy(judge=lambda case: 1 / 0),), 1, "ZeroDivisionError"),
]


@pytest.mark.parametrize(("suites", "status", "words"), STATUS)
def test_exit_status_and_words(suites, status, words, run):
    found, out, err = run(suites=suites)
    assert found == status
    assert words in " ".join(err.split())
    assert f"{len(suites) - status} of {len(suites)} suites survived" in out


def test_json(run, tmp_path):
    status, out, _ = run("--json", "--seed", "3", suites=(toy(), toy("A2", limit=37)))
    data = json.loads(out)
    assert status == 1
    assert (data["profile"], data["seed"]) == ("quick", 3)
    assert [s["fate"] for s in data["suites"]] == ["survived", "fallen"]
    first, second = data["suites"]
    assert first["tried"] == 60
    assert [(p["hypothesis"], p["fired"], p["examples"]) for p in first["power"]] == [
        ("sign", True, 1)
    ]
    assert second["evidence"]["case"] == {"n": 37}
    assert (tmp_path / second["evidence"]["file"]).exists()


def test_claims_are_chosen(run):
    suites = (toy(), toy("A3"))
    assert [s["claim"] for s in json.loads(run("A3", "--json", suites=suites)[1])["suites"]] == [
        "A3"
    ]


WRONG = [
    (["Z9"], "unknown claim Z9: the ledger has A1"),
    (["A5"], "no suite attacks A5 yet: there are suites for A1"),
    (["--minutes", "0"], "positive"),
    (["--examples", "0"], "positive"),
    (["--jobs", "0"], "jobs"),
    (["--seed", "-1"], "seed"),
    (["--replay", "none.json"], "cannot read"),
    (["A1", "--replay", "none.json"], "name no claims"),
]


@pytest.mark.parametrize(("args", "words"), WRONG, ids=[" ".join(args) for args, _ in WRONG])
def test_wrong_requests(args, words, run):
    status, _, err = run(*args)
    assert status == 2
    assert words in err
    assert len(err.strip().splitlines()) == 1


def test_unwritable_out(run, tmp_path):
    (tmp_path / "file").write_text("in the way")
    status, _, err = run("--out", tmp_path / "file", out=False)
    assert status == 2
    assert "choose another --out" in err


def test_deep_runs_go_on_and_others_start_anew(run):
    judged = []
    suites = (toy(judge=lambda case: judged.append(1) or (None if case["n"] >= 0 else "negative")),)
    for profile, again in (("quick", True), ("deep", False)):
        args = ("--profile", profile, "--examples", "20")
        assert run(*args, suites=suites)[0] == 0
        judged.clear()
        assert run(*args, suites=suites)[0] == 0
        assert bool(judged) == again


def test_minutes_are_shared_by_the_searches(run, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "loopstab.numerics.attack.runner.attack",
        lambda suite, profile, *rest: seen.append(profile.seconds) or pytest.skip("seen"),
    )
    with pytest.raises(pytest.skip.Exception):
        run("--minutes", "2", suites=(toy(), toy("A2")))
    assert seen == [30]  # two suites, each with its cases and one drop
    with pytest.raises(pytest.skip.Exception):
        run("--minutes", "2", "--profile", "deep", suites=(toy(), toy("A2")))
    assert seen == [30, 40]  # drops get half as much


def test_replay(run, tmp_path):
    run(suites=(toy("A2", limit=37),))
    [file] = (tmp_path / "counterexamples").iterdir()
    status, out, _ = run("--replay", file, suites=(toy("A2", limit=37),))
    assert status == 1
    assert "A2/toy: breaks" in out
    assert out.count("37 is not in [0, 37)") == 2
    status, out, _ = run("--replay", file, "--json", suites=(toy("A2", limit=38),))
    assert status == 0
    assert json.loads(out)["verdict"] == "holds"
    [witness] = (tmp_path / "witnesses").iterdir()
    assert "without 'sign'" in run("--replay", witness, suites=(toy("A2", limit=37),))[1]
    file.write_text(file.read_text().replace("37", "39", 1))
    status, _, err = run("--replay", file, suites=(toy("A2", limit=37),))
    assert status == 2
    assert "damaged" in err
    status, _, err = run("--replay", witness, suites=(toy("A3"),))
    assert status == 2
    assert "does not exist" in err


def test_help(run):
    status, out, _ = run("--help", out=False)
    assert status == 0
    assert "Examples" in out
