"""Download of a large file, which resumes where it was cut off and is checked by SHA-256.

The file appears under its name only when it is complete.
"""

from __future__ import annotations

import json
import os
import ssl
import time
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tqdm import tqdm

from ...support.errors import LoopstabError, UsageError
from ...support.files import write_json
from .table_source import sha256
from .text_lines import BLOCK

TIMEOUT = 60.0
"""Seconds without an answer after which a connection counts as broken."""
PAUSE = 1.0
"""Seconds between two attempts."""


def download(
    url: str,
    path: str | Path,
    expected: str | None = None,
    attempts: int = 5,
    progress: bool = False,
) -> dict[str, Any]:
    """Download a file.

    What has arrived is kept in `path`.part, and the server's mark of its version in
    `path`.part.json. A later call continues there by HTTP Range, or starts again when the server
    has another version or does not support ranges.

    Args:
        url: address of the file.
        path: where to put it.
        expected: SHA-256 in hexadecimal digits; None checks nothing.
        attempts: number of broken connections without progress after which to give up.
        progress: whether to show a progress bar.

    Returns:
        A JSON object: `path`, `bytes`, `sha256`, `checked` (whether a checksum was expected) and
        `resumed_from` (the bytes that an earlier call had left).

    Raises:
        UsageError: the address or the checksum cannot be read.
        LoopstabError: the server, the network, the disk or the checksum fails.
    """
    path = Path(path)
    if expected is not None and (
        len(expected) != 64 or set(expected.lower()) - set("0123456789abcdef")
    ):
        raise UsageError(f"a SHA-256 has 64 hexadecimal digits, not {expected!r}")
    part, note = path.with_name(path.name + ".part"), path.with_name(path.name + ".part.json")
    kept = part.stat().st_size if part.exists() else 0
    left = attempts
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            if _continue(url, part, note, progress):
                break
            reason = "the connection was closed"
        except HTTPError as error:
            if error.code < 500:
                raise LoopstabError(
                    f"{url}: the server answers {error.code} {error.reason}: check the address"
                ) from None
            reason = f"the server answers {error.code} {error.reason}"
        except (URLError, HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        except OSError as error:
            raise LoopstabError(
                f"cannot write {part}: {error.strerror or error}; free space or choose another"
                " --out"
            ) from None
        except ValueError as error:
            raise UsageError(f"cannot fetch {url!r}: {error}") from None
        left = attempts if part.exists() and part.stat().st_size > before else left - 1
        if not left:
            raise LoopstabError(
                f"cannot fetch {url} ({reason}): the same command resumes; loopstab data generate"
                " needs no network"
            )
        time.sleep(PAUSE)
    found = sha256(part)
    if expected is not None and found != expected.lower():
        part.unlink()
        note.unlink(missing_ok=True)
        raise LoopstabError(
            f"{url} has SHA-256 {found}, not {expected}: the download was discarded; fetch again,"
            " or check the checksum"
        )
    os.replace(part, path)
    note.unlink(missing_ok=True)
    return {
        "path": str(path),
        "bytes": path.stat().st_size,
        "sha256": found,
        "checked": expected is not None,
        "resumed_from": kept,
    }


def _continue(url: str, part: Path, note: Path, progress: bool) -> bool:
    """Receive what one connection delivers; returns whether the file is complete."""
    have = part.stat().st_size if part.exists() else 0
    known: dict[str, Any] = {}
    if have:
        with suppress(OSError, ValueError):
            known = dict(json.loads(note.read_text()))
    version = known.get("version") if known.get("url") == url else None
    request = Request(url, headers={"User-Agent": "loopstab", "Accept-Encoding": "identity"})
    if have and version:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", version)
    try:
        response = urlopen(request, timeout=TIMEOUT)
    except HTTPError as error:
        if error.code == 416 and known.get("total") == have:
            return True
        if error.code == 416:
            part.unlink()
            return False
        raise
    with response:
        resumed = response.status == 206 and response.headers.get("Content-Range", "").startswith(
            f"bytes {have}-"
        )
        start = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = None if length is None else start + int(length)
        tag = response.headers.get("ETag") or ""
        if not resumed:
            part.write_bytes(
                b""
            )  # before the note, which must not describe bytes of another version
        version = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")
        write_json(note, {"url": url, "version": version, "total": total})
        with (
            open(part, "ab") as file,
            tqdm(
                total=total,
                initial=start,
                unit="B",
                unit_scale=True,
                disable=None if progress else True,
                desc=part.stem,
            ) as bar,
        ):
            while block := response.read(BLOCK):
                file.write(block)
                bar.update(len(block))
            file.flush()
            os.fsync(file.fileno())
    return total is None or part.stat().st_size == total
