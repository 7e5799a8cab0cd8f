"""What the tests of models share: the real puzzle files, the folders of a tiny run, and servers
on this machine.
"""

import os
import shlex
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from altered_checkpoint import trainer
from hostile_server import Server

from loopstab.models.tasks import download

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def real_file():
    """Path of a real data file by name, in the folder that LOOPSTAB_DATA names or in shared/data
    beside the repository; skips the test where there is none.
    """
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


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """The folder of a finished run of a tiny network, which no test changes."""
    out = tmp_path_factory.mktemp("run")
    trainer(out).run(progress=False)
    return out


@pytest.fixture(scope="session")
def begun(tmp_path_factory):
    """The folder of a run that was stopped after four steps, which no test changes."""
    out = tmp_path_factory.mktemp("begun")
    made = trainer(out)
    assert made.run(progress=False, stop=lambda: made.step == 4) is None
    return out


@pytest.fixture
def _at_once(monkeypatch):
    """Downloads from this machine go through no proxy, and do not wait between attempts."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE", 0.0)


@pytest.fixture
def server(_at_once):
    """A server that serves one file, and any answer that a test gives it."""
    with Server() as running:
        yield running


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """The folder of a certificate for 127.0.0.1, and of its key."""
    if not shutil.which("openssl"):
        pytest.skip("the command openssl makes the certificate")
    folder = tmp_path_factory.mktemp("certificate")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
        " -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out certificate.pem"
    )
    subprocess.run(shlex.split(command), cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def secure(certificate, _at_once):
    """The same over https; `trusting` is a context that trusts its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")
    with Server(context) as running:
        running.trusting = ssl.create_default_context(cafile=certificate / "certificate.pem")
        yield running
