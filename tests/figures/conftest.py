"""What the tests of commands share."""

import pytest

from loopstab import check, ledger
from loopstab.paper_figures.cli import main


@pytest.fixture
def called(capsys):
    """Runs a command in this process: what it prints, on standard error if it fails.

    `shown` asks for one of the streams, out or err.
    """

    def call(*args, status=0, shown=None):
        with pytest.raises(SystemExit) as exit_:
            main(list(map(str, args)))
        out, err = capsys.readouterr()
        assert exit_.value.code == status, err
        return err if (shown or ("err" if status else "out")) == "err" else out

    return call


@pytest.fixture(scope="session")
def contraction():
    """The claim N3, checked, as a JSON object; a test that changes it makes a copy."""
    return check(next(claim for claim in ledger() if claim.id == "N3")).to_json()
