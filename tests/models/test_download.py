"""Downloads from a real server on this machine: ranges, checksums, broken connections, and the
fetch command.
"""

import contextlib
import errno
import hashlib
import http.server
import json
import os
import random
import socket
import subprocess
import sys
import threading

import pytest

from loopstab.models.tasks import download as module
from loopstab.paper_figures.cli import main
from loopstab.support.errors import LoopstabError

CONTENT = b"\x28\xb5\x2f\xfd" + random.Random(0).randbytes(2_999_996)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def download(*args, **options):
    """The server of these tests has no certificate."""
    return module.download(*args, insecure_http=True, **options)


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT with ranges; `cut` closes each connection after that many bytes; `seen` are
    the Range headers asked for.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.tag, self.cut, self.ranges, self.status, self.seen = (
            CONTENT,
            '"one"',
            None,
            True,
            200,
            [],
        )

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/puzzles.csv.zst"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.seen.append(asked)
        if server.status != 200:
            self.send_error(server.status)
            return
        start = 0
        if asked and server.ranges and self.headers.get("If-Range") == server.tag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(server.content):
            self.send_error(416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header(
                "Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}"
            )
        if server.tag:
            self.send_header("ETag", server.tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body[: server.cut])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("loopstab.models.tasks.download.PAUSE", 0.0)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def run(capsys, *args):
    with pytest.raises(SystemExit) as stop:
        main(["data", *map(str, args)])
    captured = capsys.readouterr()
    return stop.value.code or 0, captured.out, captured.err


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_download(server, tmp_path):
    result = download(server.url, tmp_path / "a.zst", DIGEST)
    assert (tmp_path / "a.zst").read_bytes() == CONTENT
    assert (result["bytes"], result["sha256"], result["checked"], result["resumed_from"]) == (
        len(CONTENT),
        DIGEST,
        True,
        0,
    )
    assert not download(server.url, tmp_path / "a.zst")["checked"]
    assert names(tmp_path) == ["a.zst"]


def test_broken_connections_are_taken_up_again(server, tmp_path):
    server.cut = 1_000_000
    download(server.url, tmp_path / "a", DIGEST)
    assert server.seen == [None, "bytes=1000000-", "bytes=2000000-"]
    assert names(tmp_path) == ["a"]


def test_interrupted_download_resumes(server, tmp_path):
    """A process killed in the middle leaves no file of that name, and the next call asks only for
    the rest.
    """
    server.cut = 1_500_000
    code = f"""
import os, loopstab.models.tasks.download as d
d.time.sleep = lambda _: os._exit(9)  # die where it would try again
d.download({server.url!r}, {str(tmp_path / "a")!r}, insecure_http=True)
"""
    dead = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    assert dead.returncode == 9
    assert names(tmp_path) == ["a.part", "a.part.json"]
    server.cut = None
    result = download(server.url, tmp_path / "a", DIGEST)
    assert result["resumed_from"] == 1_500_000
    assert server.seen[-1] == "bytes=1500000-"
    assert (tmp_path / "a").read_bytes() == CONTENT


@pytest.mark.parametrize("change", ["version", "no ranges", "no tag", "other url"])
def test_a_partial_file_of_another_version_is_not_continued(server, tmp_path, change):
    (tmp_path / "a.part").write_bytes(CONTENT[:1_000_000])
    if change == "no tag":
        server.tag = None
    (tmp_path / "a.part.json").write_text(
        json.dumps({"url": server.url, "version": server.tag, "total": len(CONTENT)})
    )
    server.ranges = change != "no ranges"
    if change == "version":
        server.content, server.tag = CONTENT[::-1], '"two"'
    url = server.url + ("?other" if change == "other url" else "")
    download(url, tmp_path / "a", hashlib.sha256(server.content).hexdigest())
    assert (tmp_path / "a").read_bytes() == server.content
    assert len(server.seen) == 1  # one answer, from the first byte on


def test_a_complete_part_is_only_checked(server, tmp_path):
    (tmp_path / "a.part").write_bytes(CONTENT)
    (tmp_path / "a.part.json").write_text(
        json.dumps({"url": server.url, "version": server.tag, "total": len(CONTENT)})
    )
    download(server.url, tmp_path / "a", DIGEST)
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_wrong_checksum(server, tmp_path):
    (tmp_path / "a").write_text("the old file")
    with pytest.raises(LoopstabError, match=f"has SHA-256 {DIGEST}") as error:
        download(server.url, tmp_path / "a", "0" * 64)
    assert error.value.exit_status == 1
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "the old file"


@pytest.mark.parametrize(
    ("status", "message"),
    [(404, "answers 404 .*check the address"), (503, "answers 503 .*resumes")],
)
def test_server_errors(server, tmp_path, status, message):
    server.status = status
    with pytest.raises(LoopstabError, match=message):
        download(server.url, tmp_path / "a", attempts=2)
    assert len(server.seen) == (1 if status == 404 else 2)
    assert names(tmp_path) == []


def test_full_disk(server, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LoopstabError, match="No space left"):
        download(server.url, tmp_path / "a")
    assert "a" not in names(tmp_path)


def test_no_network(server, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x"
        with pytest.raises(LoopstabError, match="generate needs no network"):
            download(url, tmp_path / "a", attempts=2)
    assert names(tmp_path) == []


def test_fetch_command(server, tmp_path, capsys):
    status, text, _ = run(
        capsys,
        "fetch",
        "lichess",
        "--url",
        server.url,
        "--out",
        tmp_path,
        "--insecure-http",
        "--sha256",
        DIGEST,
        "--json",
    )
    assert status == 0
    assert json.loads(text)["checked"]
    assert (tmp_path / "puzzles.csv.zst").read_bytes() == CONTENT
    args = ("fetch", "lichess", "--url", server.url, "--out", tmp_path, "--insecure-http")
    status, text, _ = run(capsys, *args)
    assert status == 0
    assert f"{DIGEST} (not checked" in text
