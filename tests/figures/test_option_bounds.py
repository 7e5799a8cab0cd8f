"""Options that no command can work with are refused before any work, in one line."""

import re

import pytest

WRONG = [
    ("scaling --out o --points 1000000000", "--points must be a whole number from 5 to 10000"),
    ("scaling --out o --widths 10 1000000", r"--widths\[1\] must be a whole number"),
    ("scaling --out o --seed 99999999999999999999", "a seed from 0 to 2"),
    ("phase --out o --grid 1000000x1000000", r"--grid\[0\] must be a whole number from 2"),
    ("phase --out o --grid -1x3", r"--grid\[0\] must be"),
    ("phase --out o --draws 1000000000000", "--draws must be"),
    ("phase --out o --jobs 1000000", "jobs from 1 to 1024"),
    ("count --networks 1000000000000", "--networks must be"),
    ("count --sizes 1000", r"--sizes\[0\] must be a whole number from 1 to 64"),
    ("count --gains inf", r"--gains\[0\] must be a finite number"),
    ("diagnose internal-post --loops 0", "--loops must be"),
    ("diagnose internal-post --limit -1", "--limit must be"),
    ("diagnose internal-post --products 0", "--products must be"),
    ("diagnose internal-post --inputs 100000000", "--inputs must be"),
    ("diagnose internal-post --lyapunov-loops 0", "--lyapunov-loops must be"),
    ("diagnose internal-post --seed 99999999999999999999", "a seed from 0 to 2"),
    ("certify internal-post --input 100000000000", "--input must be"),
    ("certify internal-post --loops 0", "--loops must be"),
    ("certify internal-post --out /proc/x/y", "cannot write to /proc/x"),
    ("anisotropy --n 1000000000000", "--n must be"),
    ("anisotropy --scales nan", r"--scales\[0\] must be a finite number above 0"),
    ("attack A1 --minutes inf", "--minutes must be a finite number above 0"),
    ("attack A1 --examples 0", "--examples must be"),
    ("attack A1 --jobs 1000000000", "jobs from 1 to 1024"),
    ("crossvalidate --inputs 100000000000", "--inputs must be"),
    ("lipschitz --radius nan", "--radius must be"),
    ("lipschitz --tau -1", r"--tau\[0\] must be"),
    ("recall --inputs 0", "--inputs must be"),
    ("grid run --out o --threads 100000000", "--threads must be"),
    ("grid run --out o --budget-minutes inf", "--budget-minutes must be"),
    ("train --out o --threads 100000000", "--threads must be"),
    ("train --out o --minutes nan", "--minutes must be"),
]


@pytest.mark.parametrize(("words", "told"), WRONG, ids=[words for words, _ in WRONG])
def test_refused_before_any_work(called, tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    errors = called(*words.split(), status=2)
    assert errors.count("\n") == 1
    assert re.search(told, errors), errors
    assert not list(tmp_path.iterdir())
