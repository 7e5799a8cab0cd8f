"""What is fetched: addresses with https, the names of their files, and how these must begin."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ...support.errors import UsageError
from ...support.printable import printable

LONGEST_NAME = 255
"""Bytes of the longest file name on common file systems."""
LONGEST_ADDRESS = 4096
"""Characters of the longest address that is fetched."""
MAGIC = {".zst": b"\x28\xb5\x2f\xfd", ".gz": b"\x1f\x8b", ".bz2": b"BZh"}
"""The first bytes of compressed files by their suffix."""
SUFFIX = ".part.json"
"""The longest that is appended to the name while the file is not complete."""


def shown(text: object, most: int = 200) -> str:
    """What a server or a user gave, on one line, short, and without what acts on a terminal."""
    return printable(str(text)[:most], kept=frozenset())


def check_address(address: str, insecure_http: bool = False) -> str:
    """Check an address before anything is sent.

    Args:
        address: the URL.
        insecure_http: whether http may stand for https.

    Returns:
        Its scheme.

    Raises:
        UsageError: the scheme is another one, there is no host, or a name and password or a
            character that no address has stand in it. The message does not repeat a password.

    Example:
        >>> check_address("https://example.org/puzzles.csv")
        'https'
    """
    if not (address.isascii() and address.isprintable()) or " " in address:
        raise UsageError(
            f"cannot fetch {shown(address.rpartition('@')[2])!r}: an address holds neither blanks"
            " nor control characters, and others than ASCII percent-encoded"
        )
    if len(address) > LONGEST_ADDRESS:
        raise UsageError(f"cannot fetch an address of more than {LONGEST_ADDRESS} characters")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        after = shown(address.rpartition("@")[2])
        raise UsageError(f"cannot fetch {after!r}: {shown(error)}") from None
    if "@" in parts.netloc:
        raise UsageError(
            f"cannot fetch from {host}: the address holds a user name or password, which messages"
            " and logs would show: give one without"
        )
    if parts.scheme == "http" and not insecure_http:
        raise UsageError(
            f"cannot fetch {shown(address)!r}: over http anybody on the way can change the file:"
            " use https, or allow it with --insecure-http"
        )
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(
            f"cannot fetch {shown(address)!r}: only addresses https://HOST/.../FILE are fetched"
        )
    return parts.scheme


def file_name(address: str) -> str:
    """The name under which the file of an address is stored.

    Raises:
        UsageError: the path ends in no name, or in one that no file here can or should have.

    Example:
        >>> file_name("https://example.org/data/puzzles.csv.zst?download=true")
        'puzzles.csv.zst'
    """
    last = urlsplit(address).path.rpartition("/")[2]
    try:
        name = unquote(last, errors="strict")
    except UnicodeDecodeError:
        name = ""
    # % is left where a separator was encoded twice, for a server that decodes twice
    if not name or not name.isprintable() or name[0] in ".-" or set(name) & set('/\\%:"'):
        raise UsageError(
            f"the address {shown(address)!r} ends in no file name: give the address of the file"
            " itself, --url https://HOST/.../FILE"
        )
    if len(os.fsencode(name + SUFFIX)) > LONGEST_NAME:
        raise UsageError(
            f"the file name in the address has more than {LONGEST_NAME - len(SUFFIX)} bytes: give"
            " an address with a shorter one"
        )
    return name


def check_first_bytes(name: str | Path, head: bytes) -> None:
    """Check that a file begins as its name says; servers answer with a page where they refuse.

    Args:
        name: the file; the suffixes .zst, .gz, .bz2 and .csv are known.
        head: its first bytes, as many as there are up to 64.

    Raises:
        ValueError: what stands there instead.

    Example:
        >>> check_first_bytes("puzzles.csv", b"<!DOCTYPE html>")
        Traceback (most recent call last):
            ...
        ValueError: the answer is a page and not the file
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"<":
        raise ValueError("the answer is a page and not the file")
    if text.startswith(b"version https://git-lfs."):
        raise ValueError("the answer is a pointer of Git LFS and not the file")
    suffix = Path(name).suffix.lower()
    magic = MAGIC.get(suffix, b"")
    if head[: len(magic)] != magic[: len(head)]:
        raise ValueError(f"the answer is no {suffix} file")
