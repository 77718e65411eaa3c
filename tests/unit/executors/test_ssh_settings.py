"""What the ssh executor's settings refuse."""

from typing import Any

import msgspec
import pytest

from healer.executors.ssh_settings import SshSettings


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"wrapper": "healer-run"}, "wrapper"),
        ({"wrapper": "/bin/x; id"}, "wrapper"),
        ({"wrapper": "/bin/ü"}, "wrapper"),
        ({"connect_timeout": 0}, "connect_timeout"),
        ({"keepalive": 10**12}, "keepalive"),
        ({"output_limit": 2 << 20}, "output_limit"),
    ],
)
def test_refused(change: dict[str, Any], key: str) -> None:
    """A wrapper that could be read as shell text, or a limit out of bounds, is refused by its key."""
    with pytest.raises(ValueError, match="expected") as caught:
        SshSettings(**change)
    assert caught.value.args[1] == key


def test_unknown_field() -> None:
    """A key that does not exist is refused."""
    with pytest.raises(msgspec.ValidationError, match="passwrod"):
        msgspec.convert({"passwrod": "x"}, SshSettings)
