"""The file that grows beside its target while a download is not complete, held by one process."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from typing import Self

from ...support.errors import LoopstabError, UsageError
from .text_lines import BLOCK

LONGEST_NOTE = 1 << 16
"""Bytes of the longest note that is read."""
_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Note:
    """What is known about the bytes in a part.

    Attributes:
        url: the address from which they came.
        version: the server's mark of the version, an ETag or a date; None where it gives none.
        total: the bytes of the whole file, None where they are not known.
    """

    url: str = ""
    version: str | None = None
    total: int | None = None


class PartFile:
    """`path`.part and its note `path`.part.json, locked against other processes while it is open.

    No link is followed at these names or at the target, and nothing but a regular file is opened.

    Raises:
        UsageError: something else than a regular file stands there.
        LoopstabError: another process holds the part, or the system refuses.
    """

    def __init__(self, path: Path):
        self.target = path
        self.path = path.with_name(path.name + ".part")
        self.note_path = path.with_name(path.name + ".part.json")

    def __enter__(self) -> Self:
        for path in (self.target, self.note_path, self.path):
            with suppress(FileNotFoundError):
                _check(path, os.lstat(path), alone=path != self.target)
        self._file = self._locked()
        return self

    def __exit__(self, *_: object) -> None:
        with self._file:
            if not self.size and self._is(self.path):
                self._delete()

    def _locked(self) -> FileIO:
        while True:
            file = FileIO(_open(self.path, os.O_RDWR | os.O_CREAT), "r+")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                raise LoopstabError(
                    f"another process is fetching {self.path}: wait until it has ended, or choose"
                    " another --out"
                ) from None
            except OSError as error:
                file.close()
                raise LoopstabError(
                    f"cannot lock {self.path}: {error.strerror}; put --out on a file system with"
                    " locks"
                ) from None
            self._file = file
            if self._is(self.path):
                return file
            file.close()  # its last holder completed it between the opening and the lock

    def _is(self, path: Path) -> bool:
        with suppress(FileNotFoundError):
            return os.path.samestat(os.lstat(path), os.fstat(self._file.fileno()))
        return False

    @property
    def size(self) -> int:
        """The bytes that have arrived."""
        return os.fstat(self._file.fileno()).st_size

    def head(self) -> bytes:
        """The first 64 bytes."""
        return os.pread(self._file.fileno(), 64, 0)

    def note(self) -> Note:
        """The note, or an empty one where there is none that can be read."""
        try:
            with open(_open(self.note_path, os.O_RDONLY), "rb") as file:
                raw = json.loads(file.read(LONGEST_NOTE))
        except (FileNotFoundError, ValueError, RecursionError):
            return Note()
        raw = raw if isinstance(raw, dict) else {}
        url, version, total = (raw.get(name) for name in ("url", "version", "total"))
        return Note(
            url if isinstance(url, str) else "",
            version if isinstance(version, str) else None,
            total if type(total) is int else None,
        )

    def describe(self, note: Note) -> None:
        """Write the note; one that is cut off is no JSON, and counts as none."""
        with open(_open(self.note_path, os.O_WRONLY | os.O_CREAT), "wb") as file:
            file.truncate()
            file.write(json.dumps(asdict(note)).encode())

    def clear(self) -> None:
        """Start again from nothing; to be done before a note speaks of another version."""
        self._file.truncate(0)

    def append(self, block: bytes) -> None:
        """Write further bytes."""
        self._file.seek(0, os.SEEK_END)
        rest = memoryview(block)
        while rest:
            rest = rest[self._file.write(rest) :]

    def flush(self) -> None:
        """See to it that what has arrived is on the disk."""
        os.fsync(self._file.fileno())

    def sha256(self) -> str:
        """The SHA-256 of what has arrived, in hexadecimal digits."""
        digest = hashlib.sha256()
        self._file.seek(0)
        while block := self._file.read(BLOCK):
            digest.update(block)
        return digest.hexdigest()

    def complete(self) -> None:
        """Give the file its name."""
        if not self._is(self.path):
            raise LoopstabError(f"{self.path} was removed or replaced meanwhile: fetch again")
        os.replace(self.path, self.target)
        self.note_path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Forget what has arrived."""
        self.clear()
        self._delete()

    def _delete(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note_path.unlink(missing_ok=True)


def _open(path: Path, flags: int) -> int:
    try:
        descriptor = os.open(path, flags | _FLAGS, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UsageError(_way_out(path, "a symbolic link")) from None
        raise
    try:
        _check(path, os.fstat(descriptor))
    except UsageError:
        os.close(descriptor)
        raise
    return descriptor


def _check(path: Path, found: os.stat_result, alone: bool = True) -> None:
    """`UsageError` unless there is a regular file, which if `alone` has no other name."""
    if stat.S_ISLNK(found.st_mode):
        raise UsageError(_way_out(path, "a symbolic link"))
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(_way_out(path, "no regular file"))
    if alone and found.st_nlink > 1:
        raise UsageError(_way_out(path, "a hard link, which other names share"))


def _way_out(path: Path, what: str) -> str:
    return f"{path} is {what}: remove it, or choose another --out"
