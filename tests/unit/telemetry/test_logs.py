import io
import json
import logging
from collections.abc import Iterator

import pytest

from healer.telemetry.logs import Logfmt, configure, trace_of, within_trace
from healer.telemetry.redacting import Redactor

TRACE = "0af7651916cd43dd8448eb211c80319c"


def line(message: str, *args: object, secrets: tuple[str, ...] = (), **extra: object) -> str:
    record = logging.makeLogRecord(
        {"name": "healer.web", "levelname": "INFO", "msg": message, "args": args, "created": 0.5} | extra
    )
    return Logfmt(Redactor(secrets)).format(record)


def test_a_line_says_when_how_grave_who_and_what() -> None:
    assert line("stored %d alerts", 3) == (
        'ts=1970-01-01T00:00:00.500Z level=info logger=healer.web msg="stored 3 alerts"'
    )


def test_what_is_given_as_extra_becomes_a_key() -> None:
    assert line("stored", alerts=3, sender="a b").endswith('msg=stored alerts=3 sender="a b"')


def test_a_line_stays_one_line_whatever_is_in_it() -> None:
    assert line('a\nlevel=error\r\0"x\\').endswith(r'msg="a\nlevel=error\r\x00\"x\\"')


def test_the_trace_id_is_on_every_line_of_the_block() -> None:
    with within_trace(TRACE):
        assert f" trace={TRACE}" in line("stored")
    assert "trace=" not in line("stored")


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hunter2-secret",
        "authorization: basic aHVudGVyMi1zZWNyZXQ",
        "https://api.telegram.org/bot12345:hunter2-secret/sendMessage",
        "postgresql://healer:hunter2-secret@db/healer",
        "token=hunter2-secret",
        "the password is hunter2-secret",
    ],
)
def test_secrets_are_never_written(text: str) -> None:
    written = line("%s", text, secrets=("hunter2-secret",), also=text)
    assert "hunter2" not in written
    assert "aHVudGVyMi" not in written
    assert written.count("***") >= 2


def test_the_port_of_an_address_is_no_secret() -> None:
    """Who cannot be reached is what people look for in such a line."""
    assert "127.0.0.1:9093 Cannot" in line("http://127.0.0.1:9093 Cannot connect to host 127.0.0.1:9093")


def test_a_traceback_is_part_of_the_line_and_holds_no_secret_either() -> None:
    try:
        raise ValueError("refused by https://u:hunter2@host/")
    except ValueError as error:
        written = line("failed", exc_info=(type(error), error, error.__traceback__))
    assert "ValueError" in written
    assert "hunter2" not in written
    assert "\n" not in written


def test_a_value_too_long_is_cut_in_its_middle() -> None:
    assert len(line("x" * 100_000)) < 8_200


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        (f"00-{TRACE}-b7ad6b7169203331-01", TRACE),
        (f"ff-{TRACE}-b7ad6b7169203331-01", ""),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", ""),
        (f"00-{TRACE.upper()}-b7ad6b7169203331-01", ""),
        ("", ""),
        ("x" * 10_000, ""),
    ],
)
def test_the_trace_id_is_read_from_traceparent(header: str, trace: str) -> None:
    assert trace_of(header) == trace


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def test_configured_logging_writes_logfmt_to_the_stream(root_logger: logging.Logger) -> None:
    stream = io.StringIO()
    configure(stream, level="info", secrets=["s3cr3t"])
    logging.getLogger("healer.x").info("hello s3cr3t")
    logging.getLogger("healer.x").debug("not this")
    assert stream.getvalue().endswith('level=info logger=healer.x msg="hello ***"\n')
    assert stream.getvalue().count("\n") == 1


def test_configured_logging_writes_json_for_collectors(root_logger: logging.Logger) -> None:
    stream = io.StringIO()
    configure(stream, format="json", secrets=["s3cr3t"])
    logging.getLogger("healer.x").warning('say "s3cr3t"', extra={"alerts": 3})
    written = json.loads(stream.getvalue())
    assert (written["level"], written["msg"], written["alerts"]) == ("warn", 'say "***"', "3")
