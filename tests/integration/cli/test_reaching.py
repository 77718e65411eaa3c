"""What a command says when healer cannot be asked."""

import socket
import threading
from collections.abc import Iterator

import pytest

from healer.cli.main import main


@pytest.fixture
def closed() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def answering() -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives the same answer to everyone; what it answers is set by the test."""
    answer: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    link, _ = server.accept()
                except OSError:
                    return
                with link:
                    link.recv(65536)
                    link.sendall(answer[0])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}", answer
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_nobody_listens(closed: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Connection refused says that healer is not running, where, and how to start it."""
    assert main(["incidents", "list", "--url", closed]) == 1
    said = capsys.readouterr().err
    assert f"healer is not running at {closed}; start it with `make run` or `healer serve`" in said


def test_the_doctor_counts_that_as_a_finding(closed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--url", closed]) == 1
    assert f"x healer is not running at {closed}" in capsys.readouterr().out


def test_a_name_that_nobody_knows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alerts", "--url", "http://no-such-host.invalid:9099"]) == 1
    assert "is not known" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "is not healer: it does not speak JSON"),
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
            "is not healer, or another version of it: status 404",
        ),
        (b"SSH-2.0-OpenSSH\r\n", "does not speak HTTP: is it https:// instead?"),
    ],
)
def test_somebody_else_listens(
    answer: bytes, said: str, answering: tuple[str, list[bytes]], capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no healer is called so."""
    address, answers = answering
    answers.append(answer)
    assert main(["incidents", "list", "--url", f"http://{address}"]) == 1
    assert said in capsys.readouterr().err


def test_plain_http_where_tls_was_asked(answering: tuple[str, list[bytes]], capsys: pytest.CaptureFixture[str]) -> None:
    address, answers = answering
    answers.append(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert main(["alerts", "--url", f"https://{address}"]) == 1
    assert "does not speak TLS: is it http:// instead?" in capsys.readouterr().err
