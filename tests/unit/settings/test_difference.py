"""What differs between two configurations is named by its key, and what a reload cannot take is known."""

import msgspec
import pytest

from healer.documents.problems import dotted
from healer.settings.difference import TAKEN, differences, needs_restart
from healer.settings.load import parse_settings
from healer.settings.model import Settings

BASE = """
server: {listen: "127.0.0.1:1", auth: {bearer: [{env: TOKEN}]}}
channels: {duty: {type: terminal}, night: {type: terminal}}
convergence: {settle: 3s}
"""


def settings(text: str = BASE, token: str = "t") -> Settings:
    return parse_settings(text, {"TOKEN": token})


def changed(text: str, token: str = "t") -> list[str]:
    return [dotted(way) for way in differences(settings(), settings(text, token))]


def test_equal_files_differ_in_nothing() -> None:
    """Though they were read twice."""
    assert differences(settings(), settings()) == []


@pytest.mark.parametrize(
    ("before", "after", "keys"),
    [
        ("settle: 3s", "settle: 4s", ["convergence.settle"]),
        ("night: {type: terminal}", "late: {type: terminal}", ["channels.night", "channels.late"]),
        (":1", ":2", ["server.listen"]),
        ("duty: {type: terminal}", "duty: {type: terminal, last_resort: true}", ["channels.duty.last_resort"]),
    ],
)
def test_a_change_is_named_by_its_key(before: str, after: str, keys: list[str]) -> None:
    """As it stands in the file."""
    assert changed(BASE.replace(before, after)) == keys


def test_a_secret_counts_by_its_text_and_is_not_shown() -> None:
    """A file that was rotated is a change, though the configuration says the same."""
    assert changed(BASE, token="other") == ["server.auth.bearer"]


@pytest.mark.parametrize(
    "key",
    [
        *("server.listen", "server.max_body", "store.url", "locks", "server.tls", "changes.github.secrets"),
        *("executors.agent", "executors.agent.names"),
    ],
)
def test_what_a_running_healer_cannot_take(key: str) -> None:
    """It is refused, not ignored."""
    assert needs_restart(tuple(key.split(".")))


@pytest.mark.parametrize(
    "key", ["server.auth.bearer", "place", "channels.duty.token", "journal.retention", "rules.paths"]
)
def test_what_it_can(key: str) -> None:
    """Without a restart."""
    assert not needs_restart(tuple(key.split(".")))


def test_what_is_taken_exists() -> None:
    """A name that is written wrong would take nothing and say nothing."""
    for way in TAKEN:
        kind: object = Settings
        for name in way:
            fields = {field.name: field.type for field in msgspec.structs.fields(kind)}  # type: ignore[arg-type]  # each is a struct
            assert name in fields, way
            kind = next(
                (one for one in getattr(fields[name], "__args__", (fields[name],)) if isinstance(one, type)), None
            )
