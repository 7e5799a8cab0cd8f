"""What the commands print with --json is JSON to the letter: no NaN, no infinity."""

import json

import numpy as np
import pytest

from loopstab import Diagnosis, FunctionLoop, Outcome, diagnose
from loopstab.paper_figures.cli import main
from loopstab.support.jsonable import json_text, jsonable


def strict(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture
def called(capsys):
    """The object that a command prints, whatever its exit status."""

    def call(*args):
        with pytest.raises(SystemExit):
            main([*map(str, args), "--json"])
        return strict(capsys.readouterr().out)

    return call


VALUES = {
    "numbers": ([1, 2.5, float("nan"), float("inf"), -np.inf], [1, 2.5, None, None, None]),
    "nested": ({"a": ({"b": float("nan")},), 3: True}, {"a": [{"b": None}], "3": True}),
    "numpy": (
        [
            np.float64("nan"),
            np.float32(0.5),
            np.int64(3),
            np.bool_(True),
            np.array([[1.0, np.nan]]),
        ],
        [None, 0.5, 3, True, [[1.0, None]]],
    ),
    "complex": ([1 + 2j, np.complex128(complex(0, np.inf))], [[1.0, 2.0], [0.0, None]]),
    "text": (["NaN", Outcome.NON_FINITE, None], ["NaN", "non-finite", None]),
}


@pytest.mark.parametrize("name", VALUES)
def test_plain_values(name):
    value, expected = VALUES[name]
    assert jsonable(value) == expected
    assert strict(json_text(value)) == expected


def test_every_diagnosis_is_json():
    loops = {
        Outcome.NON_FINITE: lambda h, e: h * np.where(np.abs(h - e) < 0.5, 1.1, np.nan),
        Outcome.EXPLOSION: lambda h, e: 2 * h,
        Outcome.FIXED_POINT: lambda h, e: 0.5 * h + e,
        Outcome.UNDECIDED: lambda h, e: h + 1 / h,
    }
    for outcome, step in loops.items():
        found = diagnose(FunctionLoop(step, lambda e: e.copy()), np.ones(2), loops=64, limit=128)
        assert found.outcome is outcome
        out = found.to_json()
        assert strict(json.dumps(out, allow_nan=False)) == out
    assert (
        Diagnosis(Outcome.NON_FINITE, 3, float("nan"), rate=float("inf")).to_json()["residual"]
        is None
    )


LOOP = (
    "import numpy as np\ne = np.ones(2)\ndef initial(e):\n    return e.copy()\ndef step(h, e):\n   "
    " return {}\n"
)
BODIES = {
    "explosion": "2 * h",
    "non-finite": "np.where(np.abs(h - e) < 0.5, 1.1 * h, np.nan)",
    "fixed-point": "0 * h + e",
}


@pytest.mark.parametrize("outcome", BODIES)
@pytest.mark.filterwarnings("ignore:invalid value|overflow:RuntimeWarning")
def test_diagnose(outcome, tmp_path, called):
    file = tmp_path / "mine.py"
    file.write_text(LOOP.format(BODIES[outcome]))
    assert (
        called("diagnose", file, "--spectrum", "--lyapunov-loops", 20, "--loops", 64)["outcome"]
        == outcome
    )


def test_diagnose_follows_an_undecided_orbit_to_the_limit(tmp_path, called):
    file = tmp_path / "mine.py"
    file.write_text(LOOP.format("h + 1 / h"))  # like sqrt t: none of the outcomes
    for limit in (100, 300):
        assert called("diagnose", file, "--loops", 100, "--limit", limit)["loops"] == limit


COMMANDS = [
    ("claims", "A3"),
    ("claims", "--table"),
    ("zoo", "list"),
    ("zoo", "show", "internal-peri"),
    ("crossvalidate", "internal-peri", "--inputs", "1", "--loops", "32", "--limit", "32"),
    ("count", "--ensemble", "tanh", "--sizes", "1", "--gains", "2", "--networks", "2"),
    ("anisotropy", "--n", "50"),
]


@pytest.mark.parametrize("args", COMMANDS, ids=" ".join)
def test_commands(args, called, tmp_path):
    assert called(*args)
