"""What the ssh executor's settings refuse."""

from typing import Any

import msgspec
import pytest

from healer.executors.ssh_settings import SshHost, SshSettings


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"wrapper": "healer-run"}, "wrapper"),
        ({"wrapper": "/bin/x; id"}, "wrapper"),
        ({"wrapper": "/bin/ü"}, "wrapper"),
        ({"connect_timeout": 0}, "connect_timeout"),
        ({"keepalive": 10**12}, "keepalive"),
        ({"output_limit": 2 << 20}, "output_limit"),
        ({"keep": 11 * 60 * 10**6}, "keep"),
        ({"jump": "gate"}, "jump"),
        ({"hosts": {"host/a": SshHost(jump="gate")}}, "hosts"),
        ({"jumps": {"gate": SshHost()}}, "jumps"),
        ({"jumps": {"none": SshHost(address="a")}}, "jumps"),
        ({"jumps": {"a": SshHost(address="a", jump="b"), "b": SshHost(address="b", jump="a")}}, "jumps"),
        ({"jumps": {"a": SshHost(address="a", jump="z")}}, "jumps"),
    ],
)
def test_refused(change: dict[str, Any], key: str) -> None:
    """A wrapper that could be read as shell text, a limit out of bounds, a jump to nowhere or in a circle: by its key."""
    with pytest.raises(ValueError, match="expected") as caught:
        SshSettings(**change)
    assert caught.value.args[1] == key


def test_a_chain_of_jumps() -> None:
    """A jump host may have one before it, and a machine may be reached directly all the same."""
    jumps = {"inner": SshHost(address="b", jump="outer"), "outer": SshHost(address="a")}
    assert SshSettings(jump="inner", jumps=jumps, hosts={"host/a": SshHost(jump="none")}).jump == "inner"


def test_unknown_field() -> None:
    """A key that does not exist is refused."""
    with pytest.raises(msgspec.ValidationError, match="passwrod"):
        msgspec.convert({"passwrod": "x"}, SshSettings)
