"""Takes what is sent to it by HTTP and keeps it: the receiving end of webhooks in tests."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import msgspec


class Letter(msgspec.Struct, frozen=True):
    """One POST: its path, its JSON, its headers, and when it came (monotonic seconds)."""

    path: str
    body: Any
    headers: dict[str, str]
    at: float


class Inbox:
    """`with Inbox() as inbox:` listens on a free loopback port; `inbox.answer` is the status that it gives."""

    def __init__(self, port: int = 0) -> None:
        self.letters: list[Letter] = []
        self.answer = 200
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def of(self, path: str) -> list[Letter]:
        """What came to this path so far, in order."""
        with self._changed:
            return [letter for letter in self.letters if letter.path == path]

    def wait(self, path: str, count: int = 1, *, within: float = 20) -> list[Letter]:
        """Wait for `count` letters to this path. Raises AssertionError when they do not come in time."""
        with self._changed:
            here = self._changed.wait_for(
                lambda: len([each for each in self.letters if each.path == path]) >= count, within
            )
            found = [letter for letter in self.letters if letter.path == path]
        assert here, f"{len(found)} of {count} letters came to {path} within {within} s; in all: {self.letters}"
        return found

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with inbox._changed:
                    letter = Letter(self.path, json.loads(raw or b"null"), dict(self.headers), time.monotonic())
                    inbox.letters.append(letter)
                    inbox._changed.notify_all()
                self.send_response(inbox.answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Tests say what they saw; the server need not."""

        return Handler

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
