"""Downloads into folders where parts, notes and traps stand."""

import json
import os

import pytest
from hostile_server import CONTENT, OK, fetch, names, refused, whole

from loopstab.models.tasks import part_file
from loopstab.models.tasks.part_file import Note, PartFile
from loopstab.support.errors import UsageError


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
