"""Asking a Prometheus from the command line: instant queries, and the series of a time. Used by `healer topology init`."""

import argparse
import http.client
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from healer.cli.connection import read_token
from healer.cli.failure import CALLED_WRONG, Failure
from healer.documents.fields import parse_url

TIMEOUT_S = 60.0
"""For one question; Prometheus itself gives a query two minutes, and a person less."""
MAX_ANSWER = 256 << 20
"""Bytes of one answer; a hundred thousand rows are about 20 MiB."""
Labels = dict[str, str]


class _Answer(msgspec.Struct):
    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""


class _Row(msgspec.Struct):
    metric: Labels
    value: tuple[float, str]


class _Vector(msgspec.Struct):
    result: list[_Row]


_label_sets = msgspec.json.Decoder(list[Labels])
_answer = msgspec.json.Decoder(_Answer)
_vector = msgspec.json.Decoder(_Vector)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a command that asks a Prometheus."""
    parser.add_argument("--prometheus", required=True, metavar="URL", help="whose series are looked at")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="holds a bearer token for it")
    parser.add_argument("--user", help="for basic authentication, with --password-file")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="holds the password")


def asked(arguments: argparse.Namespace) -> "Asked":
    """The Prometheus that the arguments mean. Nothing is sent yet. Raises Failure."""
    if bool(arguments.user) != bool(arguments.password_file):
        raise Failure("--user and --password-file go together", CALLED_WRONG)
    if arguments.token_file:
        return Asked(arguments.prometheus, f"Bearer {read_token(arguments.token_file)}")
    if arguments.user:
        said = f"{arguments.user}:{read_token(arguments.password_file)}"
        return Asked(arguments.prometheus, f"Basic {b64encode(said.encode()).decode()}")
    return Asked(arguments.prometheus)


class Asked:
    """One Prometheus at one address; `authorization` is the header by which we show who we are."""

    def __init__(self, url: str, authorization: str = "") -> None:
        try:
            self.url = parse_url(url).rstrip("/")
        except ValueError as error:
            raise Failure(str(error), CALLED_WRONG) from None
        self._headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if authorization:
            self._headers["Authorization"] = authorization

    def rows(self, query: str) -> list[Labels]:
        """The labels of each row of an instant query. Raises Failure."""
        found = _vector.decode(self._ask("query", {"query": query}))
        return [row.metric for row in found.result]

    def count(self, query: str) -> int:
        """The value of a query that has one row, 0 for none. Raises Failure."""
        found = _vector.decode(self._ask("query", {"query": query}))
        return int(float(found.result[0].value[1])) if found.result else 0

    def series(self, selector: str, start_s: float, end_s: float) -> list[Labels]:
        """The label sets that there were between two times. Raises Failure."""
        asked = {"match[]": selector, "start": f"{start_s:.0f}", "end": f"{end_s:.0f}"}
        return _label_sets.decode(self._ask("series", asked))

    def _ask(self, what: str, parameters: dict[str, Any]) -> msgspec.Raw:
        url = f"{self.url}/api/v1/{what}"
        request = urllib.request.Request(url, urlencode(parameters).encode(), self._headers)  # noqa: S310 - http or https
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 - parse_url saw to it
                raw = response.read(MAX_ANSWER)
        except urllib.error.HTTPError as error:
            raw = error.read(MAX_ANSWER)
            if error.code == 401:
                raise Failure(
                    f"{self.url} asks for credentials: --token-file, or --user and --password-file", CALLED_WRONG
                ) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise Failure(f"{self.url} cannot be asked: {reason}", CALLED_WRONG) from None
        try:
            answer = _answer.decode(raw)
        except msgspec.MsgspecError:
            raise Failure(f"what answers at {url} is no Prometheus", CALLED_WRONG) from None
        if answer.status != "success":
            raise Failure(f"Prometheus says: {answer.error}")
        return answer.data
