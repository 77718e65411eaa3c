"""What people write under executors.agent, and what they are told when it cannot be."""

from typing import Any

import pytest

from healer.executors.agent.settings import AgentSettings
from healer.times import DAY, MINUTE

NAMES = ("healer.example",)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"listen": "9098"}, "expected HOST:PORT, found '9098'"),
        ({"listen": "0.0.0.0:70000"}, "expected HOST:PORT, found '0.0.0.0:70000'"),
        ({"names": ()}, "expected the names or addresses by which agents reach healer"),
        ({"certificate": MINUTE}, "expected 1h to 57w1d"),
        ({"invitation": 30 * DAY}, "expected 1m to 1w"),
        ({"patience": 0}, "expected 1s to 10m"),
        ({"output_limit": 2 << 20}, "expected at most 1MiB"),
    ],
)
def test_what_cannot_be(said: dict[str, Any], why: str) -> None:
    """It says what would be right, and where."""
    with pytest.raises(ValueError, match=why) as error:
        AgentSettings(**{"names": NAMES, **said})
    assert error.value.args[1] in said


def test_where_to_listen() -> None:
    """IPv6 is written in brackets, as in a URL."""
    settings = AgentSettings(listen="[::]:9098", names=NAMES)
    assert (settings.host, settings.port) == ("::", 9098)
