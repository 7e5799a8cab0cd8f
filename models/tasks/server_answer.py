"""The answer of a server that is not trusted: its speed, its size, and what it says of the file."""

from __future__ import annotations

import http.client
import io
import re
import ssl
import time
from typing import Any

from ...support.errors import LoopstabError
from .web_address import shown

SLOWEST = 1024
"""Bytes per second below which a transfer is given up."""
SPAN = 60.0
"""Seconds over which its speed is measured."""
MOST_HEADER = 1 << 20
"""Bytes of the longest header, with all that comes before the file."""
MARK = re.compile("[ -~]{1,1000}")
"""A mark of a version, which is sent back as it came."""
GIB = 1 << 30


class _Measured(io.RawIOBase):
    """The bytes of a connection: at least `SLOWEST`, and at most `allowed` of them."""

    def __init__(self, raw: io.RawIOBase):
        self._raw = raw
        self.allowed = MOST_HEADER
        self._since, self._bytes = time.monotonic(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        try:
            count = self._raw.readinto(buffer)
        except (ConnectionError, TimeoutError, ssl.SSLError):
            raise
        except OSError as error:  # told from errors of the disk by its class
            raise ConnectionError(str(error)) from None
        self._bytes += count or 0
        self.allowed -= count or 0
        if self.allowed < 0:
            raise LoopstabError("the server sends more than an answer needs: use another address")
        if (passed := time.monotonic() - self._since) >= SPAN:
            if self._bytes < SLOWEST * passed:
                raise LoopstabError(
                    f"the server sends less than {SLOWEST} bytes a second: fetch again later, or"
                    " from another --url"
                )
            self._since, self._bytes = time.monotonic(), 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Buffered(io.BufferedReader):
    """Reads no more than it is asked for: http.client would read a chunk of -1 bytes to the end."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            raise http.client.HTTPException("a chunk of negative size")
        return super().read(size)


class ServerAnswer(http.client.HTTPResponse):
    """An answer whose speed and size are watched from its first byte on."""

    def __init__(self, sock: Any, *args: Any, **options: Any):
        super().__init__(sock, *args, **options)
        self._measured = _Measured(self.fp.detach())  # type: ignore[attr-defined]
        self.fp = _Buffered(self._measured)

    def allow(self, size: int) -> None:
        """Let a body of so many bytes come; chunks may need as much again for their sizes."""
        self._measured.allowed = 2 * size + MOST_HEADER

    @property
    def mark(self) -> str | None:
        """The mark of the version, of a kind that allows to continue; None where there is none."""
        tag = self.headers.get("ETag") or ""
        mark = tag if tag and not tag.startswith("W/") else self.headers.get("Last-Modified")
        return mark if mark and MARK.fullmatch(mark) else None

    def announced(self, asked: int, most: int) -> tuple[int, int | None]:
        """Where the bytes to come begin, and how long the whole file is, None if that is not said.

        Args:
            asked: the byte from which on a range was asked for, 0 for the whole file.
            most: bytes of the largest file that is accepted.

        Raises:
            LoopstabError: what is said is no answer to the request, or the file is too large.
        """
        for header, allowed in (("Content-Encoding", "identity"), ("Transfer-Encoding", "chunked")):
            coding = self.headers.get(header, allowed)
            if coding.strip().lower() != allowed:
                raise LoopstabError(
                    f"the server sends the file with {header} {shown(coding, 40)!r}, although it"
                    " was asked for none: use another address"
                )
        length = None
        lengths = self.headers.get_all("Content-Length", [])
        if lengths:
            if len(lengths) > 1 or self.chunked or not re.fullmatch("[0-9]{1,18}", lengths[0]):
                raise LoopstabError(
                    f"the server states the length {shown(', '.join(lengths), 60)!r}, which is no"
                    " length: use another address"
                )
            length = int(lengths[0])
        start, total = 0, length
        if self.status == 206 and asked:
            stated = self.headers.get("Content-Range", "")
            found = re.fullmatch(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", stated)
            first, last, total = map(int, found.groups()) if found else (0, 0, 0)
            start = asked
            if first != asked or last + 1 != total or length not in (None, total - asked):
                raise LoopstabError(
                    f"the server sends the range {shown(stated, 60)!r} where bytes {asked} to the"
                    " end were asked for: remove the file .part to start again"
                )
        elif self.status != 200:
            raise LoopstabError(f"the server answers {self.status}, which is no file")
        if total is not None and total > most:
            raise too_large(f"{total / GIB:.3g} GiB", most)
        return start, total


def too_large(size: str, most: int) -> LoopstabError:
    """The error that a file is larger than `most` bytes."""
    return LoopstabError(
        f"the file has {size}, more than {most / GIB:.3g} GiB: check the address, or raise"
        " --max-gib; the same command resumes"
    )
