"""Whatever comes in that makes no sense gets an error that says what is wrong, and the service goes on."""

import contextlib
import gzip
import http.client
import json
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from tests.acceptance.commands import healer_says
from tests.servers.healer import Healer
from tests.servers.process import post

WEBHOOK = "/api/v1/webhooks/alertmanager"
POSTED = "/api/v2/alerts"
CONFIG = "server: {listen: '127.0.0.1:9099'}\nconvergence: {hold: 0s, storm: {roots: 1000}}\n"
MEMORY_MIB = 400
"""Resident at most, also while somebody sends 200 MB: one body (64 MiB) in pieces and decoded, and healer itself."""


class Said(NamedTuple):
    """An answer: its status, and the problem that it names."""

    status: int
    problem: dict[str, Any]


@pytest.fixture(scope="module")
def healer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healer]:
    """One healer for all that is sent to it. At the end it has logged no mistake of its own."""
    with Healer(tmp_path_factory.mktemp("bad") / "healer", CONFIG) as healer:
        yield healer
        healer.stop(20)
    # What is no HTTP is logged by the server below healer.
    said = [line for line in healer.log.splitlines() if "logger=aiohttp" not in line]
    assert [line for line in said if "level=error" in line or "Traceback" in line] == []


@pytest.fixture(autouse=True)
def goes_on(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test healer is the same process, is ready, takes an alert, and decides it."""
    if "healer" not in request.fixturenames:
        yield
        return
    healer: Healer = request.getfixturevalue("healer")
    before = healer.pid
    yield
    name = f"After {request.node.name}"
    assert healer.answers(), "healer is not ready any more"
    post(f"{healer.url}{POSTED}", json.dumps([{"labels": {"alertname": name}}]).encode())
    assert [each["status"] for each in alerts(healer, name)] == ["root"]
    assert (healer.pid, healer.starts) == (before, 1)


def alerts(healer: Healer, name: str) -> list[dict[str, Any]]:
    """What healer knows of the alerts of a name."""
    matcher = quote(f'alertname="{name}"')
    found: list[dict[str, Any]] = healer.api(f"alerts?filter={matcher}")["items"]
    return found


def send(healer: Healer, path: str, body: bytes | Iterator[bytes], headers: dict[str, str] | None = None) -> Said:
    """A POST by somebody who does not stop sending when the answer has come already."""
    connection = http.client.HTTPConnection("127.0.0.1", healer.port, timeout=60)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it was told to stop; the answer waits
        connection.request("POST", path, body, headers or {})
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    return Said(answer.status, json.loads(said) if said else {})


def webhook(*alerts: object) -> bytes:
    return json.dumps({"version": "4", "receiver": "team", "externalURL": "http://am", "alerts": alerts}).encode()


def alert(**labels: object) -> dict[str, object]:
    return {"status": "firing", "labels": labels, "startsAt": "2026-01-07T09:59:00Z"}


def starting(instant: str) -> bytes:
    return webhook({**alert(alertname="A"), "startsAt": instant})


UNREADABLE = [
    pytest.param(WEBHOOK, b"", id="nothing"),
    pytest.param(WEBHOOK, b'{"version": "4", "alerts": [', id="half of it"),
    pytest.param(WEBHOOK, b"<xml/>", id="another language"),
    pytest.param(WEBHOOK, b"\0\0\0\0", id="NUL"),
    pytest.param(WEBHOOK, b"\xff\xfe\xfd", id="no UTF-8"),
    pytest.param(WEBHOOK, b"[" * 1_000_000, id="a million brackets"),
    pytest.param(WEBHOOK, b"[]", id="a list where an object is wanted"),
    pytest.param(WEBHOOK, b'{"version": 4, "alerts": []}', id="a number as version"),
    pytest.param(WEBHOOK, b'{"version": "4", "alerts": {}}', id="an object where a list is wanted"),
    pytest.param(WEBHOOK, b'{"text": "hello"}', id="somebody else's payload"),
    pytest.param(POSTED, b'{"labels": {}}', id="an object to API v2"),
    pytest.param(POSTED, b"nul", id="almost null"),
    pytest.param(POSTED, b"1e999", id="infinity"),
]


@pytest.mark.parametrize(("path", "body"), UNREADABLE)
def test_what_cannot_be_read_is_a_400_that_says_why(healer: Healer, path: str, body: bytes) -> None:
    """Nothing of it is stored; sending it again would not help."""
    status, problem = send(healer, path, body)
    assert status == 400
    assert problem["title"]
    assert problem["detail"]


def raw(labels: bytes) -> bytes:
    return webhook(alert(alertname="@")).replace(b'{"alertname": "@"}', labels)


ALERTS = [
    pytest.param(raw(b'{"a": 5}'), "wrong_type", id="a number as value"),
    pytest.param(raw(b'{"a": null}'), "wrong_type", id="null as value"),
    pytest.param(raw(b'["a"]'), "wrong_type", id="a list as labels"),
    pytest.param(webhook("A"), "wrong_type", id="text as alert"),
    pytest.param(raw(b'{"a": "\xff"}'), "bad_utf8", id="invalid UTF-8"),
    pytest.param(raw(b'{"\xc3\x28": "a"}'), "bad_utf8", id="invalid UTF-8 in a name"),
    pytest.param(webhook(alert(**{"": "x"})), "empty_label_name", id="an empty name"),
    pytest.param(webhook(alert(**{f"l{n}": "x" for n in range(100_000)})), "too_many_labels", id="100,000 labels"),
    pytest.param(starting("9999-12-31T23:59:59Z"), "bad_time", id="the year 9999"),
    pytest.param(starting("0001-01-01T00:00:01Z"), "bad_time", id="a second after the zero time"),
    pytest.param(starting("0001-06-01T00:00:00Z"), "bad_time", id="the year 1"),
    pytest.param(starting("1969-12-31T23:59:59Z"), "bad_time", id="before 1970"),
    pytest.param(starting("10000-01-01T00:00:00Z"), "", id="five digits"),
    pytest.param(starting("yesterday"), "", id="words as time"),
]


@pytest.mark.parametrize(("body", "reason"), ALERTS)
def test_a_bad_alert_is_named_with_its_place_and_its_reason(healer: Healer, body: bytes, reason: str) -> None:
    """When nothing good is left it is a 400; the refused alert is listed for whoever looks later."""
    status, problem = send(healer, WEBHOOK, body)
    assert status == 400
    (error,) = problem["errors"]
    assert error["pointer"] == "/alerts/0"
    assert error["detail"]
    if reason:
        assert error["reason"] == reason


@pytest.mark.parametrize(("body", "reason"), ALERTS)
def test_a_bad_alert_takes_no_good_one_with_it(healer: Healer, body: bytes, reason: str) -> None:
    """The good one is stored, the answer is 200 and says what was refused, and the refusal is listed."""
    both = body.replace(b'"alerts": [', b'"alerts": [' + json.dumps(alert(alertname="Good")).encode() + b", ")
    status, answer = send(healer, WEBHOOK, both)
    assert (status, answer["stored"], answer["refused"]) == (200, 1, 1)
    assert [each["pointer"] for each in answer["errors"]] == ["/alerts/1"]
    newest = healer.api("refused?limit=1")["items"][0]
    assert newest["index"] == 1
    assert newest["reason"] == (reason or newest["reason"])


def test_what_looks_odd_and_is_allowed_is_taken(healer: Healer) -> None:
    """The zero time of Go means "not said"; any other UTF-8 is a name or a value, NUL too; an empty value is none."""
    odd = {"alertname": "Odd 火 \u202e", "ключ с пробелом": "x" * 1_000, "empty": "", "nul": "a\0b"}
    status, _ = send(healer, WEBHOOK, webhook({**alert(**odd), "startsAt": "0001-01-01T00:00:00Z"}))
    assert status == 200
    (found,) = alerts(healer, "Odd 火 \u202e")
    assert found["labels"]["nul"] == "a\0b"


def test_200_megabytes_are_413_and_no_memory(healer: Healer, say: Callable[[str], None]) -> None:
    """Announced or not, or packed into one; people hear of it, since alerts in it did not arrive."""
    size = 200_000_000

    def pieces() -> Iterator[bytes]:
        for _ in range(size // 1_000_000):
            yield b" " * 1_000_000

    assert send(healer, WEBHOOK, pieces(), {"Content-Length": str(size)}).status == 413
    assert send(healer, WEBHOOK, pieces()).status == 413
    status, problem = send(healer, WEBHOOK, gzip.compress(b" " * size, 1), {"Content-Encoding": "gzip"})
    assert status == 413
    assert "server.max_body" in problem["detail"]
    trouble = alerts(healer, "HealerTrouble")
    assert [each["labels"]["code"] for each in trouble] == ["request too large"]
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{healer.pid}/status").read_text())
    assert peak is not None
    say(f"resident at most, over all bad input: {int(peak[1]) // 1024} MiB")
    assert int(peak[1]) < MEMORY_MIB * 1024


def test_what_is_no_http_is_400(healer: Healer) -> None:
    """Whoever speaks another protocol is told so, and hung up on."""
    for sent in (b"\x16\x03\x01 hello TLS\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"\0" * 100_000):
        with socket.create_connection(("127.0.0.1", healer.port), timeout=20) as connection:
            connection.sendall(sent)
            assert b" 400 " in connection.recv(1_000).splitlines()[0]


def test_what_nobody_offers_is_said_in_the_same_form(healer: Healer) -> None:
    """Clear statuses, each with a problem that says what would be right."""
    assert send(healer, "/api/v1/nothing", b"").status == 404
    assert send(healer, "/api/v1/incidents", b"").status == 405
    assert send(healer, WEBHOOK, b"x", {"Content-Encoding": "gzip"}).status == 400


def test_a_second_process_on_the_same_data_is_refused(healer: Healer) -> None:
    """By the name of the first, and the first one notices nothing."""
    other = healer.folder / "other.yaml"
    other.write_text(f"server: {{listen: '127.0.0.1:0'}}\nstore: {{url: 'sqlite:///{healer.folder}/data/healer.db'}}\n")
    second = healer_says("serve", "--config", str(other), folder=healer.folder)
    assert second.code == 1
    assert f"in use by process {healer.pid}: stop that healer, or give this one another folder" in second.text


def test_a_port_that_is_taken_is_said(healer: Healer, tmp_path: Path) -> None:
    """Which one, and that it is in use; its data folder is free again afterwards."""
    (tmp_path / "healer.yaml").write_text(f"server: {{listen: '127.0.0.1:{healer.port}'}}\n")
    for _ in range(2):
        second = healer_says("serve", "--config", "healer.yaml", folder=tmp_path)
        assert second.code == 1
        assert f"cannot listen on 127.0.0.1:{healer.port}" in second.text
