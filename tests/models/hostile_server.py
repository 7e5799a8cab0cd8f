"""A server that answers what a test tells it to, and downloads from it."""

import socket
import threading

import pytest

from loopstab.models.tasks import download
from loopstab.support.errors import LoopstabError

CONTENT = b"question,answer\n" + b"0123456789" * 20_000
SHORT = b"a,b\n"
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


def moved(target, code=302):
    return b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (
        code,
        target.encode("latin-1"),
    )


def chunked(*parts, end=b"0\r\n\r\n", headers=b""):
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return OK + headers + b"Transfer-Encoding: chunked\r\n\r\n" + body + end


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
