"""Addresses and redirections of downloads: those that are refused, and those that are followed."""

import pytest
from hostile_server import CONTENT, fetch, moved, names, refused, whole

from loopstab.models.tasks.connection import MOST_REDIRECTIONS
from loopstab.models.tasks.web_address import check_address, file_name
from loopstab.paper_figures.cli import main


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
