"""Download of a large file, which resumes where it was cut off and is checked by SHA-256.

The file appears under its name only when it is complete. Neither the server nor what stands in the
folder is trusted.
"""

from __future__ import annotations

import re
import ssl
import time
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

from ...support.errors import LoopstabError, UsageError
from ...support.progress_bar import progress_bar
from .connection import connect
from .part_file import Note, PartFile
from .server_answer import GIB, MARK, ServerAnswer, too_large
from .text_lines import BLOCK
from .web_address import check_address, check_first_bytes, shown

PAUSE = 1.0
"""Seconds between two attempts."""
PROGRESS = 1 << 16
"""Bytes that a connection must have brought so that another attempt is free."""
MOST = 8 * GIB
"""Bytes of the largest file that is fetched, unless another limit is given."""


def download(
    url: str,
    path: str | Path,
    expected: str | None = None,
    attempts: int = 5,
    progress: bool = False,
    insecure_http: bool = False,
    most: int = MOST,
    context: ssl.SSLContext | None = None,
) -> dict[str, Any]:
    """Download a file.

    What has arrived is kept in `path`.part, and the server's mark of its version in
    `path`.part.json. A later call continues there by HTTP Range, or starts again when the server
    has another version or does not support ranges. One process at a time fetches a file.

    Args:
        url: address of the file, with https.
        path: where to put it. No link is followed there.
        expected: SHA-256 in hexadecimal digits; None checks nothing.
        attempts: number of broken connections without progress after which to give up.
        progress: whether to show a progress bar.
        insecure_http: whether the address may have http, and be redirected to http.
        most: bytes of the largest file that is accepted.
        context: what certificates are trusted; default: those that the system trusts.

    Returns:
        A JSON object: `path`, `bytes`, `sha256`, `checked` (whether a checksum was expected) and
        `resumed_from` (the bytes that an earlier call had left).

    Raises:
        UsageError: the address or the checksum cannot be read, or something else than a regular
            file stands at the path.
        LoopstabError: the server, the network, the disk or the checksum fails, or what is sent is
            too large, too slow, or not what the name of the file says.
    """
    path = Path(path)
    if expected is not None and not re.fullmatch("[0-9a-fA-F]{64}", expected):
        raise UsageError(f"a SHA-256 has 64 hexadecimal digits, not {shown(expected, 80)!r}")
    check_address(url, insecure_http)
    wish = _Wish(url, expected, progress, insecure_http, most, context)
    try:
        with PartFile(path) as part:
            kept = best = part.size
            left = attempts
            while True:
                reason = _attempt(wish, part)
                if reason is None:
                    break
                left = attempts if part.size > best + PROGRESS else left - 1
                best = max(best, part.size)
                if not left:
                    raise LoopstabError(
                        f"cannot fetch {url} ({shown(reason)}): the same command resumes; loopstab"
                        " data generate needs no network"
                    )
                time.sleep(PAUSE)
            return {**_completed(url, part, expected), "resumed_from": kept}
    except OSError as error:
        raise LoopstabError(
            f"cannot write {path}.part: {error.strerror or error}; free space or choose another"
            " --out"
        ) from None


@dataclass(frozen=True)
class _Wish:
    """The arguments of `download` that hold for every connection."""

    url: str
    expected: str | None
    progress: bool
    insecure_http: bool
    most: int
    context: ssl.SSLContext | None


def _completed(url: str, part: PartFile, expected: str | None) -> dict[str, Any]:
    """Check the file and give it its name; one that fails is discarded."""
    found = part.sha256()
    try:
        if not part.size:
            raise ValueError("the file is empty")
        if expected is not None and found != expected.lower():
            raise ValueError(f"it has SHA-256 {found}, not {expected}")
        check_first_bytes(part.target, part.head())
    except ValueError as error:
        part.discard()
        raise LoopstabError(
            f"{url}: {error}: the download was discarded; fetch again, or check the address and the"
            " checksum"
        ) from None
    size = part.size
    part.complete()
    return {
        "path": str(part.target),
        "bytes": size,
        "sha256": found,
        "checked": expected is not None,
    }


def _attempt(wish: _Wish, part: PartFile) -> str | None:
    """Receive what one connection delivers; returns why the file is not complete, None if it is."""
    url, have = wish.url, part.size
    note = part.note() if have else Note()
    headers = {"User-Agent": "loopstab", "Accept-Encoding": "identity"}
    if have and note.url == url and note.version and MARK.fullmatch(note.version):
        headers |= {"Range": f"bytes={have}-", "If-Range": note.version}
    total = None
    try:
        with connect(url, headers, wish.insecure_http, wish.context) as answer:
            start, total = answer.announced(have if "Range" in headers else 0, wish.most)
            if total is None and wish.expected is None and not answer.chunked:
                raise LoopstabError(
                    "the server does not say how long the file is, so that a broken connection"
                    " would look like its end: give --sha256"
                )
            answer.allow(wish.most - start)
            _receive(answer, part, start, Note(url, answer.mark, total), wish)
    except HTTPError as error:
        error.close()
        if error.code == 416 and have and note.total == have:
            return None
        if error.code == 416:
            part.clear()
        elif error.code < 500:
            raise LoopstabError(
                f"{url}: the server answers {error.code} {shown(error.reason)}: check the address"
            ) from None
        return f"the server answers {error.code} {error.reason}"
    except LoopstabError as error:
        raise type(error)(f"cannot fetch {url}: {error}") from None
    except (URLError, HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise LoopstabError(
                f"cannot fetch {url}: the certificate of the server is not trusted"
                f" ({shown(reason.verify_message)}): use another --url"
            ) from None
        return str(reason) or type(error).__name__
    except ValueError as error:
        raise UsageError(f"cannot fetch {url}: {shown(error)}") from None
    return None if total is None or part.size == total else "the connection was closed"


def _receive(answer: ServerAnswer, part: PartFile, start: int, note: Note, wish: _Wish) -> None:
    block = answer.read(BLOCK)
    if not start:
        try:
            check_first_bytes(part.target, block[:64])
        except ValueError as error:
            raise LoopstabError(f"{error}: check the address") from None
        part.clear()  # before the note, which must not describe bytes of another version
        part.describe(note)
    with progress_bar(
        total=note.total,
        initial=start,
        unit="B",
        unit_scale=True,
        shown=wish.progress,
        desc=part.target.name,
    ) as bar:
        while block:
            if part.size + len(block) > wish.most:
                raise too_large("no end so far", wish.most)
            part.append(block)
            bar.update(len(block))
            block = answer.read(BLOCK)
    part.flush()
