"""Downloads from servers that lie, stall or redirect, and into folders where traps stand."""

import hashlib
import itertools
import json
import os
import shlex
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from loopstab.models.tasks import connection, download, part_file, server_answer
from loopstab.models.tasks.connection import MOST_REDIRECTIONS
from loopstab.models.tasks.part_file import Note, PartFile
from loopstab.models.tasks.web_address import check_address, check_first_bytes, file_name
from loopstab.paper_figures.cli import main
from loopstab.support.errors import LoopstabError, UsageError

CONTENT = b"question,answer\n" + b"0123456789" * 20_000
OK = b"HTTP/1.1 200 OK\r\n"


def whole(content=CONTENT, headers=b"", status=OK):
    return status + headers + b"Content-Length: %d\r\n\r\n" % len(content) + content


class Server:
    """Answers the requests with what `script` gives for the path: bytes, or pieces of them."""

    def __init__(self, context=None):
        self.script, self.requests, self._context = (lambda path: whole()), [], context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._over = False
        self._thread = threading.Thread(target=self._serve)
        scheme = "https" if context else "http"
        self.root = f"{scheme}://127.0.0.1:{self._socket.getsockname()[1]}"
        self.url = self.root + "/s.csv"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over = True
        socket.create_connection(self._socket.getsockname()).close()
        self._thread.join()
        self._socket.close()

    def _serve(self):
        while True:
            raw, _ = self._socket.accept()
            if self._over:
                raw.close()
                return
            try:
                with self._context.wrap_socket(raw, True) if self._context else raw as peer:
                    self._answer(peer)
            except OSError:  # the other side has hung up
                raw.close()

    def _answer(self, peer):
        with peer.makefile("rb") as lines:
            request = list(iter(lines.readline, b"\r\n"))
        self.requests.append(b"".join(request).decode())
        answer = self.script(request[0].split()[1].decode())
        for piece in [answer] if isinstance(answer, bytes) else answer:
            if self._over:
                return
            peer.sendall(piece)

    def serve(self, answer):
        self.script = lambda path: answer


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE", 0.0)


@pytest.fixture
def server():
    with Server() as running:
        yield running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
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
def secure(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")
    with Server(context) as running:
        running.trusting = ssl.create_default_context(cafile=certificate / "certificate.pem")
        yield running


def fetch(url, path, **options):
    return download.download(url, path, **{"insecure_http": True, "attempts": 2, **options})


def refused(url, path, **options):
    """The message of the refusal, which is one line that a terminal can show."""
    with pytest.raises(LoopstabError) as error:
        fetch(url, path, **options)
    message = str(error.value)
    assert message.isprintable()
    assert len(message) < 500
    return message


def names(folder):
    return sorted(p.name for p in folder.iterdir())


# Addresses


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://h/s.csv", "over http anybody on the way can change the file"),
        ("HTTP://h/s.csv", "over http anybody"),
        ("file:///etc/passwd", "only addresses https"),
        ("ftp://h/s.csv", "only addresses https"),
        ("data:text/plain,x", "only addresses https"),
        ("javascript:x", "only addresses https"),
        ("//h/s.csv", "only addresses https"),
        ("s.csv", "only addresses https"),
        ("", "only addresses https"),
        ("https:///s.csv", "only addresses https"),
        ("https://user:secret@h/s.csv", "holds a user name or password"),
        ("https://user@h/s.csv", "holds a user name or password"),
        ("https://user:secret@h/a b", "neither blanks"),
        ("https://user:secret@h:x/s.csv", "Port could not be cast"),
        ("https://[h/s.csv", "Invalid IPv6"),
        ("https://h:99999/s.csv", "Port out of range"),
        ("https://h/s.csv\r\nX: y", "neither blanks nor control"),
        ("https://h/\x1b[2Js.csv", "neither blanks nor control"),
        ("https://h/ä.csv", "others than ASCII percent-encoded"),
        ("https://h/" + "a" * 5000, "more than 4096"),
        ("https://h", "no file name"),
        ("https://h/", "no file name"),
        ("https://h/data/", "no file name"),
        ("https://h/data/?file=s.csv", "no file name"),
        ("https://h/.", "no file name"),
        ("https://h/..", "no file name"),
        ("https://h/%2e%2E", "no file name"),
        ("https://h/.bashrc", "no file name"),
        ("https://h/-rf", "no file name"),
        ("https://h/a%2Fb", "no file name"),
        ("https://h/..%5cb", "no file name"),
        ("https://h/a%252fb", "no file name"),
        ("https://h/a%00b", "no file name"),
        ("https://h/a%0ab", "no file name"),
        ("https://h/a%1b%5b2J", "no file name"),
        ("https://h/%e2%80%aea", "no file name"),
        ("https://h/%ff", "no file name"),
        ("https://h/" + "a" * 246, "more than 245 bytes"),
        ("https://h/" + "%c3%a4" * 123, "more than 245 bytes"),
    ],
)
def test_addresses_that_are_refused(tmp_path, capsys, address, message):
    out = tmp_path / "new"
    with pytest.raises(SystemExit) as stop:
        main(["data", "fetch", "lichess", "--out", str(out), "--url", address])
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert message in error
    assert error.count("\n") == 1
    assert error.strip().isprintable()
    assert "secret" not in error
    assert not out.exists()


def test_addresses_that_are_taken():
    for name in ("s.csv", "a" * 245, "%C3%A4.csv.zst", "a%20b.csv", "s.csv?x=/y#z"):
        assert check_address("https://h/d/" + name) == "https"
    assert check_address("http://h:80/s.csv", insecure_http=True) == "http"
    assert file_name("https://h/%C3%A4.csv?x=/y#/z") == "ä.csv"
    assert file_name("https://h/" + "%c3%a4" * 122) == "ä" * 122


@pytest.mark.parametrize("size", ["0", "-1", "nan", "inf", "1e9"])
def test_sizes_that_are_no_limit(tmp_path, capsys, size):
    with pytest.raises(SystemExit) as stop:
        main(["data", "fetch", "lichess", "--out", str(tmp_path / "new"), "--max-gib", size])
    assert stop.value.code == 2
    assert "--max-gib needs a size above 0" in capsys.readouterr().err
    assert names(tmp_path) == []


# Redirections


def moved(target, code=302):
    return b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (
        code,
        target.encode("latin-1"),
    )


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirections_are_followed(server, tmp_path, code):
    def script(path):
        left = int(path[1:])
        return moved(f"/{left - 1}", code) if left else whole()

    server.script = script
    fetch(f"{server.root}/{MOST_REDIRECTIONS}", tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_bytes() == CONTENT
    assert len(server.requests) == MOST_REDIRECTIONS + 1
    server.requests.clear()
    message = refused(f"{server.root}/{MOST_REDIRECTIONS + 1}", tmp_path / "t.csv")
    assert "more than 5 redirections" in message
    assert len(server.requests) == MOST_REDIRECTIONS + 1
    assert names(tmp_path) == ["s.csv"]


def test_a_loop_of_redirections(server, tmp_path):
    server.script = lambda path: moved(server.url)
    assert "more than 5 redirections" in refused(server.url, tmp_path / "s.csv")


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/s.csv",
        "data:text/plain,x",
        "https://u:secret@127.0.0.1/s.csv",
        "http://[::1/s.csv",
        "http://h/\x1b[2J",
        "/" + "a" * 5000,
    ],
)
def test_redirections_that_are_not_followed(server, tmp_path, target):
    server.script = lambda path: moved(target)
    message = refused(server.url, tmp_path / "s.csv")
    assert "127.0.0.1 redirects to" in message
    assert "secret" not in message
    assert len(server.requests) == 1
    assert names(tmp_path) == []


def test_https_is_not_left(secure, server, tmp_path):
    fetch(secure.url, tmp_path / "s.csv", context=secure.trusting, insecure_http=False)
    assert (tmp_path / "s.csv").read_bytes() == CONTENT
    secure.script = lambda path: moved(server.url)
    for insecure in (False, True):
        options = {"context": secure.trusting, "insecure_http": insecure}
        assert "is not followed" in refused(secure.url, tmp_path / "t.csv", **options)
    assert server.requests == []
    server.script = lambda path: moved(secure.url)
    secure.script = lambda path: whole()
    fetch(server.url, tmp_path / "u.csv", context=secure.trusting)
    secure.script = lambda path: moved(server.url)  # down again after the way up
    assert "is not followed" in refused(server.url, tmp_path / "v.csv", context=secure.trusting)
    assert names(tmp_path) == ["s.csv", "u.csv"]


def test_a_certificate_that_is_not_trusted(secure, tmp_path):
    message = refused(secure.url, tmp_path / "s.csv")
    assert "the certificate of the server is not trusted (self" in message
    assert secure.requests == []


# What a server says


def chunked(*parts, end=b"0\r\n\r\n", headers=b""):
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return OK + headers + b"Transfer-Encoding: chunked\r\n\r\n" + body + end


SHORT = b"a,b\n"
ENDLESS = itertools.repeat(b"x" * 65536)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (OK + b"Content-Length: -5\r\n\r\n" + SHORT, "'-5', which is no length"),
        (OK + b"Content-Length: many\r\n\r\n" + SHORT, "'many', which is no length"),
        (OK + b"Content-Length: 1_0\r\n\r\n" + SHORT, "'1_0', which is no length"),
        (OK + b"Content-Length: \r\n\r\n" + SHORT, "'', which is no length"),
        (OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n" + SHORT, "'4, 5', which is no"),
        (OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", "which is no length"),
        (OK + b"Content-Length: 9%s\r\n\r\n" % (b"9" * 17), "more than 8 GiB"),
        (chunked(SHORT, headers=b"Content-Length: 4\r\n"), "'4', which is no length"),
        (OK + b"\r\n" + SHORT, "does not say how long the file is"),
        (
            OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
            "with Transfer-Encoding 'gzip, chunked'",
        ),
        (whole(SHORT, b"Content-Encoding: gzip\r\n"), "with Content-Encoding 'gzip'"),
        (whole(SHORT, b"Content-Encoding: \x1b[2J\r\n"), r"with Content-Encoding '\\x1b[2J'"),
        (whole(SHORT, status=b"HTTP/1.1 206 Partial\r\n"), "answers 206, which is no file"),
        (whole(SHORT, status=b"HTTP/1.1 204 None\r\n"), "answers 204, which is no file"),
        (b"HTTP/1.1 404 \x1b]0;x\x07\x9b2J\r\n\r\n", r"answers 404 \x1b]0;x\x07\x9b2J: check"),
        (b"HTTP/1.1 404 " + b"x" * 60_000 + b"\r\n\r\n", "answers 404 xxx"),
        (b"HTTP/1.1 503 \x1b[2J\r\n\r\n", r"answers 503 \x1b[2J"),
        (b"HTTP/1.1 302 Found\r\n\r\n", "answers 302 Found"),
        (b"\x1b[2J nonsense\r\n\r\n", "x1b[2J nonsense"),
        (b"", "without response"),
        (OK + b"X: " + b"x" * 70_000, "got more than 65536 bytes"),
        (OK + b"X: y\r\n" * 200 + b"\r\n", "got more than 100 headers"),
        (chunked(SHORT, end=b""), "IncompleteRead(4 bytes read)"),
        (chunked(SHORT, end=b"no\r\n"), "IncompleteRead"),
        (chunked(SHORT, end=b"-5\r\nabc\r\n"), "a chunk of negative size"),
        (chunked(SHORT, end=b"-1\r\nabc\r\n"), "a chunk of negative size"),
        (whole(b""), "the file is empty"),
        (whole(b"\xef\xbb\xbf \n<!DOCTYPE html>"), "the answer is a page and not the file"),
        (whole(b"<?xml version='1.0'?><Error/>"), "the answer is a page and not the file"),
        (whole(b"version https://git-lfs.github.com/spec/v1\n"), "is a pointer of Git LFS"),
    ],
)
def test_answers_that_are_refused(server, tmp_path, answer, message):
    server.serve(answer)
    assert message in refused(server.url, tmp_path / "s.csv")
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.parametrize(
    "answer",
    [
        itertools.chain([OK], itertools.repeat(b"X" * 60_000 + b"\r\n")),
        itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        itertools.chain([chunked(SHORT, end=b"0\r\n")], itertools.repeat(b"X: y\r\n" * 1000)),
        itertools.chain([chunked(SHORT, end=b"")], itertools.repeat(b"0" * 60_000)),
    ],
    ids=["header", "100 Continue", "trailers", "size of a chunk"],
)
def test_answers_without_end(server, tmp_path, answer):
    server.serve(answer)
    refused(server.url, tmp_path / "s.csv", most=1 << 20, attempts=1)
    assert not (tmp_path / "s.csv").exists()


def test_the_limit_on_the_size(server, tmp_path):
    assert fetch(server.url, tmp_path / "s.csv", most=len(CONTENT))["bytes"] == len(CONTENT)
    message = refused(server.url, tmp_path / "t.csv", most=len(CONTENT) - 1)
    assert "check the address, or raise --max-gib" in message
    assert names(tmp_path) == ["s.csv"]  # nothing of the body was kept
    server.serve(chunked(CONTENT))
    assert fetch(server.url, tmp_path / "u.csv", most=len(CONTENT))["bytes"] == len(CONTENT)
    assert "no end so far" in refused(server.url, tmp_path / "v.csv", most=len(CONTENT) - 1)
    server.serve(itertools.chain([chunked(end=b"")], (b"10000\r\n%s\r\n" % x for x in ENDLESS)))
    assert "no end so far" in refused(server.url, tmp_path / "w.csv", most=3 << 20)
    assert (tmp_path / "w.csv.part").stat().st_size <= 3 << 20


def test_bytes_after_the_end_belong_to_no_file(server, tmp_path):
    server.serve(whole() + b"and more")
    fetch(server.url, tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_bytes() == CONTENT


def test_a_file_without_an_announced_end_needs_a_checksum(server, tmp_path):
    server.serve(OK + b"\r\n" + CONTENT)
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert fetch(server.url, tmp_path / "s.csv", expected=digest.upper())["checked"]
    server.serve(OK + b"\r\n" + CONTENT[:-1])
    assert "SHA-256" in refused(server.url, tmp_path / "t.csv", expected=digest)
    assert names(tmp_path) == ["s.csv"]


@pytest.mark.parametrize(
    ("name", "head"),
    [("a.zst", b"\x28\xb5\x2f\xfd"), ("a.gz", b"\x1f\x8b"), ("a.CSV.BZ2", b"BZh9"), ("a", b"any")],
)
def test_first_bytes(name, head):
    for length in range(len(head) + 1):
        check_first_bytes(name, head[:length])  # what comes in small pieces is not yet wrong
    if name != "a":
        with pytest.raises(ValueError, match="the answer is no"):
            check_first_bytes(name, b"a,b\n")
    with pytest.raises(ValueError, match="a page"):
        check_first_bytes(name, b"\r\n<html>")


# Time


def slowly(*pieces):
    yield from pieces
    while True:
        time.sleep(0.02)
        yield b"x"


@pytest.mark.parametrize(
    "begin",
    [
        [b""],
        [OK, b"X: "],
        [OK, b"Content-Length: 100000\r\n\r\n", b"a,b\n"],
        [chunked(SHORT, end=b"ffff\r\n")],
    ],
    ids=["status", "header", "body", "chunk"],
)
def test_a_slow_server_is_given_up(server, tmp_path, monkeypatch, begin):
    monkeypatch.setattr(server_answer, "SPAN", 0.2)
    server.script = lambda path: slowly(*begin)
    message = refused(server.url, tmp_path / "s.csv")
    assert "less than 1024 bytes a second" in message
    assert len(server.requests) == 1


def test_a_silent_server_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "TIMEOUT", 0.1)

    def silence(path):
        time.sleep(0.3)
        yield b""

    server.script = silence
    assert "timed out" in refused(server.url, tmp_path / "s.csv")


def test_connections_that_bring_little_are_counted(server, tmp_path):
    """Each brings a byte more than the one before, and none is progress."""
    count = itertools.count(1)
    server.script = lambda path: OK + b"Content-Length: 100000\r\n\r\n" + CONTENT[: next(count)]
    assert "the connection was closed" in refused(server.url, tmp_path / "s.csv", attempts=5)
    assert len(server.requests) == 5


# What was left in the folder


def left(folder, size, **note):
    (folder / "s.csv.part").write_bytes(CONTENT[:size])
    (folder / "s.csv.part.json").write_text(json.dumps(note))


@pytest.mark.parametrize(
    "stated",
    [
        None,
        "bytes 0-99/100",
        f"bytes 101-{len(CONTENT) - 1}/{len(CONTENT)}",
        f"bytes 100-{len(CONTENT) - 2}/{len(CONTENT)}",
        f"bytes 100-{len(CONTENT) - 1}/{len(CONTENT) + 1}",
        f"bytes 100-{len(CONTENT)}/{len(CONTENT) + 1}",
        f"bytes 100-{len(CONTENT) - 1}/*",
        f"bytes 100-{'9' * 5000}/*",
        "\x1b[2J",
    ],
)
def test_wrong_ranges(server, tmp_path, stated):
    left(tmp_path, 100, url=server.url, version='"one"', total=len(CONTENT))
    header = b"" if stated is None else b"Content-Range: " + stated.encode() + b"\r\n"
    server.serve(whole(CONTENT[100:], header, b"HTTP/1.1 206 Partial\r\n"))
    message = refused(server.url, tmp_path / "s.csv")
    assert "where bytes 100 to the end were asked for: remove the file .part" in message
    assert (tmp_path / "s.csv.part").read_bytes() == CONTENT[:100]


def test_a_page_does_not_replace_what_has_arrived(server, tmp_path):
    left(tmp_path, 100, url=server.url, version='"one"', total=len(CONTENT))
    server.serve(whole(b"<html>Please log in</html>"))
    assert "a page" in refused(server.url, tmp_path / "s.csv")
    assert (tmp_path / "s.csv.part").read_bytes() == CONTENT[:100]
    stated = f"bytes 100-{len(CONTENT) - 1}/{len(CONTENT)}".encode()
    server.serve(
        whole(CONTENT[100:], b"Content-Range: " + stated + b"\r\n", b"HTTP/1.1 206 Partial\r\n")
    )
    assert fetch(server.url, tmp_path / "s.csv")["resumed_from"] == 100
    assert (tmp_path / "s.csv").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "note",
    [
        "",
        "{",
        "5",
        "null",
        "[1, 2]",
        "[" * 60_000,
        "{}" + " " * 100_000,
        '{"url": 5, "version": [], "total": "x"}',
        '{"url": "URL", "version": 5, "total": true}',
        '{"url": "URL", "version": "x\\r\\nX-Injected: y", "total": null}',
        '{"url": "URL", "version": "\\ud800", "total": -1}',
    ],
)
def test_notes_that_say_nothing(server, tmp_path, note):
    left(tmp_path, 100)
    (tmp_path / "s.csv.part.json").write_text(note.replace("URL", server.url))
    fetch(server.url, tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_bytes() == CONTENT
    assert "Range" not in server.requests[0]
    assert names(tmp_path) == ["s.csv"]


def test_marks_of_versions_that_cannot_be_sent_back(server, tmp_path):
    for header in (b"ETag: \x1b[2J", b"ETag: W/x", b"ETag: " + b"x" * 2000):
        server.serve(OK + header + b"\r\nContent-Length: 99999\r\n\r\n" + CONTENT[:100])
        refused(server.url, tmp_path / "s.csv")
        with PartFile(tmp_path / "s.csv") as part:
            assert part.note() == Note(server.url, None, 99999)


TRAPS = {
    "link": lambda place, victim: place.symlink_to(victim),
    "dangling link": lambda place, victim: place.symlink_to(victim.with_name("none")),
    "pipe": lambda place, victim: os.mkfifo(place),
    "folder": lambda place, victim: place.mkdir(),
    "hard link": lambda place, victim: place.hardlink_to(victim),
}


@pytest.mark.parametrize("name", ["s.csv", "s.csv.part", "s.csv.part.json"])
@pytest.mark.parametrize("trap", TRAPS)
def test_traps_in_the_folder(server, tmp_path, name, trap):
    folder, victim = tmp_path / "folder", tmp_path / "victim"
    folder.mkdir()
    victim.write_text("precious")
    TRAPS[trap](folder / name, victim)
    if (trap, name) == ("hard link", "s.csv"):  # a new file takes the name, the other keeps its own
        fetch(server.url, folder / "s.csv")
        assert (folder / "s.csv").read_bytes() == CONTENT
    else:
        with pytest.raises(UsageError, match=rf"folder/{name} is (a|no) .*: remove it, or choose"):
            fetch(server.url, folder / "s.csv")
        assert server.requests == []
        assert names(folder) == [name]
    assert victim.read_text() == "precious"
    assert names(tmp_path) == ["folder", "victim"]


def test_a_trap_that_is_set_during_the_download(server, tmp_path):
    """The note is opened again and again, and never through a link."""
    victim = tmp_path / "victim"
    victim.write_text("precious")

    def script(path):
        (tmp_path / "s.csv.part.json").unlink(missing_ok=True)
        (tmp_path / "s.csv.part.json").symlink_to(victim)
        return whole()

    server.script = script
    assert "s.csv.part.json is a symbolic link" in refused(server.url, tmp_path / "s.csv")
    assert victim.read_text() == "precious"

    def swap(path):
        (tmp_path / "t.csv.part").unlink()
        (tmp_path / "t.csv.part").symlink_to(victim)
        return whole()

    server.script = swap
    assert "was removed or replaced meanwhile" in refused(server.url, tmp_path / "t.csv")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "t.csv").exists()


def test_the_folder_itself_may_be_a_link(server, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    fetch(server.url, tmp_path / "out" / "s.csv")
    assert names(tmp_path / "real") == ["s.csv"]


def test_one_process_at_a_time(server, tmp_path):
    with PartFile(tmp_path / "s.csv") as part:
        part.append(b"a")
        message = refused(server.url, tmp_path / "s.csv")
        assert "another process is fetching" in message
        assert server.requests == []
        part.discard()
    fetch(server.url, tmp_path / "s.csv")
    assert names(tmp_path) == ["s.csv"]


def test_a_part_that_was_completed_before_the_lock(server, tmp_path, monkeypatch):
    """Who opened the part of another process just before it got its name starts a new one."""
    fetch(server.url, tmp_path / "s.csv")
    flock, calls = part_file.fcntl.flock, []

    def complete(file, how):
        if not calls:
            os.replace(tmp_path / "s.csv.part", tmp_path / "s.csv")
        calls.append(how)
        return flock(file, how)

    monkeypatch.setattr(part_file.fcntl, "flock", complete)
    fetch(server.url, tmp_path / "s.csv")
    assert len(calls) == 2
    assert (tmp_path / "s.csv").read_bytes() == CONTENT
