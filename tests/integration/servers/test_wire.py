"""The network between a process and a server, which can go dark."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.servers.inbox import Inbox
from tests.servers.process import free_port, post
from tests.servers.wire import Wire, Wires


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as inbox:
        yield inbox


@pytest.fixture
def wire(inbox: Inbox) -> Iterator[Wire]:
    with Wires() as wires:
        yield wires.to(int(inbox.url.rpartition(":")[2]))


def test_what_is_sent_arrives(inbox: Inbox, wire: Wire) -> None:
    """A wire that is light is as good as none."""
    post(f"http://127.0.0.1:{wire.port}/news", b"1")
    assert [letter.body for letter in inbox.of("/news")] == [1]


def test_what_is_sent_in_the_dark_arrives_late(inbox: Inbox, wire: Wire) -> None:
    """Whoever sends hears nothing and gives up; it arrives all the same, and what is sent then as well."""
    wire.dark()
    with pytest.raises(OSError, match="timed out"):
        post(f"http://127.0.0.1:{wire.port}/news", b"1", within=0.1)
    assert inbox.of("/news") == []
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(post, f"http://127.0.0.1:{wire.port}/news", b"2")
        wire.light()
        second.result(10)
    assert sorted(letter.body for letter in inbox.wait("/news", 2)) == [1, 2]


def test_a_server_that_is_gone_ends_the_connection() -> None:
    """Where nobody listens behind it, a connection is closed and does not hang."""
    with (
        Wires() as wires,
        socket.create_connection(("127.0.0.1", wires.to(free_port()).port), timeout=10) as connection,
    ):
        assert connection.recv(1) == b""
