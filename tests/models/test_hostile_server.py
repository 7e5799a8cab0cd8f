"""Downloads from servers that lie, send without end, or stall."""

import hashlib
import itertools
import time

import pytest
from hostile_server import CONTENT, OK, SHORT, chunked, fetch, names, refused, whole

from loopstab.models.tasks import connection, server_answer
from loopstab.models.tasks.web_address import check_first_bytes

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
