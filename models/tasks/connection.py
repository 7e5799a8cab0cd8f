"""Connections by https, or where allowed by http, to the end of the redirections."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from ...support.errors import LoopstabError
from .server_answer import ServerAnswer
from .web_address import check_address, shown

TIMEOUT = 60.0
"""Seconds without an answer after which a connection counts as broken."""
MOST_REDIRECTIONS = 5
"""Redirections that are followed."""


class _Plain(http.client.HTTPConnection):
    response_class = ServerAnswer


class _Secure(http.client.HTTPSConnection):
    response_class = ServerAnswer


class _PlainHandler(HTTPHandler):
    def http_open(self, req: Request) -> Any:
        return self.do_open(_Plain, req)


class _SecureHandler(HTTPSHandler):
    def __init__(self, context: ssl.SSLContext):
        super().__init__(context=context)
        self._given = context

    def https_open(self, req: Request) -> Any:
        return self.do_open(_Secure, req, context=self._given)


def _opener(context: ssl.SSLContext | None) -> OpenerDirector:
    """An opener that knows http and https alone, and leaves redirections to us."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        _PlainHandler(),
        _SecureHandler(context or ssl.create_default_context()),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def connect(
    url: str,
    headers: Mapping[str, str],
    insecure_http: bool = False,
    context: ssl.SSLContext | None = None,
) -> ServerAnswer:
    """Ask for a file, and follow at most `MOST_REDIRECTIONS`, never from https to http.

    Args:
        url: the address.
        headers: what is sent with the request, also to where it is redirected.
        insecure_http: whether http is allowed where the address itself is http.
        context: what certificates are trusted; default: those that the system trusts.

    Returns:
        The answer, with a status of 200 to 299 and its body still to come.

    Raises:
        HTTPError: the server answers with an error.
        LoopstabError: a redirection is refused, or the server is too slow or talks too much.
        OSError, http.client.HTTPException: the connection fails.
    """
    opener, secure = _opener(context), check_address(url, insecure_http) == "https"
    for _ in range(MOST_REDIRECTIONS + 1):
        try:
            answer = opener.open(Request(url, headers=dict(headers)), timeout=TIMEOUT)
        except HTTPError as error:
            target = error.headers.get("Location")
            if error.code not in (301, 302, 303, 307, 308) or target is None:
                raise
            error.close()
        else:
            assert isinstance(answer, ServerAnswer)
            return answer
        try:
            new = urljoin(url, target)
            secure = check_address(new, insecure_http and not secure) == "https"
        except ValueError:  # a UsageError, or what urljoin cannot split
            raise LoopstabError(
                f"{urlsplit(url).hostname} redirects to {shown(target.rpartition('@')[2], 60)!r},"
                " which is not followed: only plain addresses with https are"
            ) from None
        url = new
    raise LoopstabError(
        f"more than {MOST_REDIRECTIONS} redirections, the last to {shown(url)}: check the address"
    )
