"""The real puzzle files: the folder that LOOPSTAB_DATA names, or shared/data beside the
repository.
"""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def real_file():
    """Path of a real data file by name; skips the test where there is none."""
    named = os.environ.get("LOOPSTAB_DATA")
    folders = (
        [Path(named)]
        if named
        else [up / "shared" / "data" for up in (REPOSITORY.parent, REPOSITORY.parent.parent)]
    )

    def find(name: str) -> Path:
        for folder in folders:
            if (folder / name).is_file():
                return folder / name
        pytest.skip(
            f"no {name} in {' or '.join(map(str, folders))}: set LOOPSTAB_DATA to the folder of the"
            " real puzzle files"
        )

    return find
