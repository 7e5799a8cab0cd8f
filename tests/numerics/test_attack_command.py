"""loopstab attack: exit status, table, JSON, resuming, replay."""

import json

import hypothesis.strategies as st
import pytest

from loopstab.numerics.attack.case import digest
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
        drops=(Drop("sign", cases=lambda: numbers(drop, drop), assumption="sign"),),
        broken=(lambda case: ("sign",) if case["n"] < 0 else ()) if drop < 0 else None,
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
    (["--minutes", "0"], "--minutes must be a finite number above 0"),
    (["--examples", "0"], "--examples must be a whole number from 1"),
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
        status, out, _ = run(*args, suites=suites)
        assert status == 0
        assert ("1 of these suites, with 20 cases, are read from" in out) != again
        assert (len(judged) > 1) == again  # the stored witness is judged in any case


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
    suites = (toy("A2", limit=37),)
    run(suites=suites)
    [file] = (tmp_path / "counterexamples").iterdir()
    status, out, _ = run("--replay", file, suites=suites)
    assert status == 1
    assert "A2/toy: breaks\n" in out
    assert out.count("37 is not in [0, 37)") == 2
    status, out, _ = run("--replay", file, "--json", suites=suites)
    assert (status, json.loads(out)["verdict"], json.loads(out)["refutes"]) == (1, "breaks", True)
    status, out, _ = run("--replay", file, "--json", suites=(toy("A2", limit=38),))
    assert (status, json.loads(out)["verdict"], json.loads(out)["refutes"]) == (0, "holds", False)
    status, out, _ = run("--replay", file, suites=(toy("A2", judge=cannot),))
    assert (status, out.splitlines()[0]) == (1, "A2/toy: undecided")
    file.write_text(file.read_text().replace("37", "39", 1))
    status, _, err = run("--replay", file, suites=suites)
    assert status == 2
    assert "damaged" in err


def test_a_witness_never_looks_like_a_refuted_claim(run, tmp_path):
    suites = (toy("A2"),)
    run(suites=suites)
    [witness] = (tmp_path / "witnesses").iterdir()
    status, out, _ = run("--replay", witness, suites=suites)
    assert status == 1
    assert out.startswith("A2/toy: breaks, as it must without 'sign'\n")
    data = json.loads(run("--replay", witness, "--json", suites=suites)[1])
    assert data["refutes"] is False
    assert data["verdict"] == "breaks, as it must without 'sign'"
    status, out, _ = run("--replay", witness, suites=(toy("A2", judge=lambda case: None),))
    assert (status, out.splitlines()[0]) == (0, "A2/toy without 'sign': holds")
    status, _, err = run("--replay", witness, suites=(toy("A3"),))
    assert status == 2
    assert "does not exist" in err


def sealed(**content):
    return json.dumps({**content, "digest": digest(content)})


REAL = {
    "claim": "A1",
    "suite": "limit",
    "without": None,
    "profile": "quick",
    "seed": 0,
    "version": "0.1.0",
    "words": "at loop 1024 the state is far",
}
"""A file about A1/limit, as anyone can write it: the digest has no secret."""
WITNESS = {
    "basis": {"shape": [1, 1], "values": [1.0]},
    "center": {"shape": [1], "values": [0.0]},
    "form": {"shape": [1, 1], "values": [-1.0]},
    "push": {"shape": [1], "values": [0.0]},
    "start": {"shape": [1], "values": [0.0625]},
}
"""The eigenvalue -1, without the hypothesis on the modulus."""
NO_EVIDENCE = {
    "a witness as a counterexample": (
        {},
        WITNESS,
        "is no counterexample: the case breaks modulus, which A1/limit assumes",
    ),
    "a witness of another hypothesis": (
        {"without": "range"},
        {**WITNESS, "dropped": "range"},
        "the case breaks modulus, where range alone must fail",
    ),
    "no such hypothesis": ({"without": "sanity"}, WITNESS, "no dropped hypothesis 'sanity'"),
    "a text for an array": ({}, {**WITNESS, "basis": "<script>"}, "case.basis must be an array"),
    "another rank": (
        {},
        {**WITNESS, "basis": {"shape": [1], "values": [1.0]}},
        "case.basis must be an array of rank 2, not an array of rank 1",
    ),
    "a field too few": (
        {},
        {k: v for k, v in WITNESS.items() if k != "push"},
        "case.push is missing",
    ),
    "a field too many": ({}, {**WITNESS, "\x1b[2J\n": 1}, r"case.'\x1b[2J\n' is unknown"),
    "shapes that do not fit": (
        {},
        {**WITNESS, "push": {"shape": [2], "values": [0.0, 0.0]}},
        "A1/limit",  # cannot judge it, or finds an assumption that fails
    ),
    "a large array": (
        {},
        {**WITNESS, "start": {"shape": [900], "values": [0.0] * 900}},
        "case.start has an axis above",
    ),
}


@pytest.mark.parametrize("name", NO_EVIDENCE)
def test_what_is_no_evidence_is_refused_in_one_line(name, capsys, tmp_path):
    more, case, words = NO_EVIDENCE[name]
    file = tmp_path / "file.json"
    file.write_text(sealed(**REAL | more, case=case))
    with pytest.raises(SystemExit) as done:
        main(["attack", "--replay", str(file)])
    out, err = capsys.readouterr()
    assert (done.value.code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1
    assert err.strip().isprintable()


def test_a_real_witness_still_breaks(capsys, tmp_path):
    file = tmp_path / "file.json"
    case = {**WITNESS, "dropped": "modulus"}
    file.write_text(sealed(**REAL | {"without": "modulus", "words": "\x1b[2J far"}, case=case))
    with pytest.raises(SystemExit) as done:
        main(["attack", "--replay", str(file)])
    out, err = capsys.readouterr()
    assert (done.value.code, err) == (1, "")
    assert out.startswith("A1/limit: breaks, as it must without 'modulus'\n")
    assert r"then, by the file: \x1b[2J far" in out


def test_help(run):
    status, out, _ = run("--help", out=False)
    assert status == 0
    assert "Examples" in out
