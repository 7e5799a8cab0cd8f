"""One server and one set of real files for all tests of a session."""

import shutil

import pytest
from fuzz_cases import cases
from fuzz_corpus import Corpus, new_folder


@pytest.fixture(scope="session")
def runner():
    with cases() as found:
        yield found


@pytest.fixture(scope="session")
def corpus(runner):
    folder = new_folder()
    yield Corpus(runner, folder)
    shutil.rmtree(folder, ignore_errors=True)
