"""Talking to a running healer: where it is, who asks, and what its answers mean. Used by every command that needs one."""

import argparse
import http.client
import socket
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from healer.cli.failure import CALLED_WRONG, FOUND_WRONG, Failure
from healer.cli.output import Output
from healer.documents.fields import parse_url
from healer.settings.client import client_settings

TIMEOUT_S = 30.0
"""For one request; the longest that healer itself lets a request wait is 15 s."""
MAX_ANSWER = 256 << 20
"""Bytes of one answer; ten thousand alerts are about 10 MiB."""
PAGE = 1_000
"""Items of one page, the most that healer gives."""

Json = dict[str, Any]


class NotThere(Failure):
    """Nothing answers at this address."""


class Refused(Failure):
    """healer answered, and its answer is no. `status` is HTTP's."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence, CALLED_WRONG if status in (400, 401, 403) else FOUND_WRONG)
        self.status = status


class Connection:
    """One healer at one address."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        self.date = ""
        """The Date header of the last answer."""
        self._parts = urlsplit(url)
        self._headers = {"Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: object) -> Any:
        """What healer says at this path; a list among the values repeats its name. Raises NotThere, Refused."""
        given = {name: value for name, value in query.items() if value not in (None, "", [])}
        return self._read("GET", f"{path}?{urlencode(given, doseq=True)}" if given else path)

    def post(self, path: str, body: object) -> Any:
        """The answer to a message, None for an empty one. Raises NotThere, Refused."""
        return self._read("POST", path, msgspec.json.encode(body))

    def delete(self, path: str) -> Any:
        """Take something back; the answer. Raises NotThere, Refused."""
        return self._read("DELETE", path)

    def put(self, path: str, body: bytes) -> Any:
        """The answer to a JSON document that replaces what is there. Raises NotThere, Refused."""
        return self._read("PUT", path, body)

    def text(self, path: str) -> str:
        """What healer says where it does not speak JSON. Raises NotThere, Refused."""
        return self._ask("GET", path, None).decode(errors="replace")

    def all(self, path: str, limit: int, **query: object) -> tuple[list[Json], int]:
        """At most `limit` items of a list, page by page, and how many there are in all."""
        items: list[Json] = []
        cursor = None
        while True:
            page = self.get(path, **query, limit=min(limit - len(items), PAGE), cursor=cursor)
            items += page["items"]
            cursor = page["next"]
            if not cursor or len(items) >= limit:
                return items, page["total"]

    def _read(self, method: str, path: str, body: bytes | None = None) -> Any:
        answer = self._ask(method, path, body)
        try:
            return msgspec.json.decode(answer) if answer.strip() else None
        except msgspec.DecodeError:
            raise Failure(f"what answers at {self.url} is not healer: it does not speak JSON at {path}") from None

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        headers = self._headers | ({"Content-Type": "application/json"} if body is not None else {})
        link = self._link()
        try:
            link.request(method, self._parts.path.rstrip("/") + path, body, headers)
            response = link.getresponse()
            answer = response.read(MAX_ANSWER)
            self.date = response.headers.get("Date", "")
        except (OSError, http.client.HTTPException) as error:
            raise NotThere(_unreachable(self.url, error)) from None
        finally:
            link.close()
        if response.status >= 400:
            raise Refused(self._refusal(response.status, path, answer), response.status)
        return answer

    def _link(self) -> http.client.HTTPConnection:
        host = self._parts.hostname or ""
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(
                host, self._parts.port, timeout=TIMEOUT_S, context=ssl.create_default_context()
            )
        return http.client.HTTPConnection(host, self._parts.port, timeout=TIMEOUT_S)

    def _refusal(self, status: int, path: str, answer: bytes) -> str:
        if status == 401:
            return f"{self.url} asks for credentials: give --token-file FILE, or set HEALER_TOKEN_FILE"
        try:
            problem = msgspec.json.decode(answer)
            detail = problem["detail"]
        except (msgspec.DecodeError, KeyError, TypeError):
            return f"what answers at {self.url}{path} is not healer, or another version of it: status {status}"
        faults = [f"{fault['pointer'].lstrip('/')}: {fault['detail']}" for fault in problem.get("errors", [])]
        return f"healer says: {'; '.join([detail, *faults[:5]])}"


def part(id: str) -> str:
    """An id that somebody typed, as a part of a path."""
    return quote(id, safe="")


def add_arguments(parser: argparse.ArgumentParser, *, json: bool = True) -> None:
    """The arguments of every command that asks a running healer."""
    parser.add_argument("--url", help="where healer listens (else HEALER_URL, else http://127.0.0.1:9099)")
    parser.add_argument("--token-file", metavar="FILE", help="holds the bearer token (else HEALER_TOKEN_FILE)")
    if json:
        parser.add_argument("--json", action="store_true", help="JSON instead of text")


def connect(arguments: argparse.Namespace, output: Output) -> Connection:
    """The healer that the arguments mean, said on standard error. Nothing is sent yet. Raises Failure."""
    found = client_settings()
    try:
        url = parse_url(arguments.url or found.url)
    except ValueError as error:
        raise Failure(str(error), CALLED_WRONG) from None
    output.aside(f"healer at {url}")
    file = arguments.token_file or found.token_file
    return Connection(url, read_token(Path(file)) if file else "")


def read_token(file: Path) -> str:
    """A token in a file; the line end is not part of it. Raises Failure."""
    try:
        token = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise Failure(f"the token file {file} cannot be read: {reason}", CALLED_WRONG) from None
    if not token or not token.isascii() or not token.isprintable():
        raise Failure(f"the token file {file} holds no token: one line of printable ASCII is expected", CALLED_WRONG)
    return token


def _unreachable(url: str, error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return (
            f"healer is not running at {url}; start it with `make run` or `healer serve`, or say where it is with --url"
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {url} is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"{url} does not speak TLS: is it http:// instead?"
    if isinstance(error, socket.gaierror):
        return f"the name in {url} is not known: {error.strerror}"
    if isinstance(error, TimeoutError):
        return f"{url} did not answer within {TIMEOUT_S:.0f} s: is it the right address, and is a firewall between?"
    if isinstance(error, http.client.HTTPException):
        return f"what answers at {url} does not speak HTTP: is it https:// instead?"
    return f"{url} cannot be reached: {getattr(error, 'strerror', None) or error}"
