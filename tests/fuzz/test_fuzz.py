"""No mutated file and no unexpected option makes a command fail in another way than documented.

The first cases of each kind; benchmarks/fuzz.py runs ten thousand.
"""

import pytest
from fuzz_cases import work_folder
from fuzz_kinds import KINDS, make_case
from fuzz_options import all_commands, base, options_of

SEED = 0
CASES = 500


@pytest.mark.parametrize("kind", KINDS)
def test_only_documented_errors(kind, runner, corpus):
    faults = {}
    for number in range(CASES * KINDS[kind].share // 100):
        with work_folder() as folder:
            case = make_case(kind, SEED, number, corpus, folder)
            found = runner.run(folder, case)
        if found.faults:
            faults[number] = (found.faults, case.arguments, found.errors[-1000:])
    assert not faults


def test_shares_are_of_a_hundred():
    assert sum(kind.share for kind in KINDS.values()) == 100


def test_every_command_has_a_base_that_works(corpus):
    for command in all_commands():
        assert base(command, corpus)[0] == command.split()[0]
        options_of(command)


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("train", {"--out", "--width", "--lr", "--data", "--eval-size", "--tensorboard"}),
        ("data prepare", {"", "--out", "--easy-share", "--columns"}),
        ("attack", {"", "--replay", "--minutes"}),
    ],
)
def test_options_are_those_of_the_signature(command, names):
    assert names <= {option.name for option in options_of(command)}
