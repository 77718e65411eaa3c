"""Several healers share one folder: whom one of them let in, or struck off, all of them know."""

from pathlib import Path

import pytest

from healer.executors.agent.agents import Agents
from healer.executors.agent.opening import open_agents
from healer.executors.agent.roll import NotInvited
from healer.executors.agent.settings import AgentSettings
from healer.seams import SystemClock, SystemRandom

SETTINGS = AgentSettings(names=("healer.example",))


def replica(folder: Path) -> Agents:
    async def note(kind: str, detail: object) -> None:
        """There is no audit log."""

    return open_agents(SETTINGS, folder, SystemClock(), SystemRandom(), note)


def test_one_authority(tmp_path: Path) -> None:
    """Who comes second has the authority, and believes the tokens, of the first."""
    one, other = replica(tmp_path), replica(tmp_path)
    assert one.authority.pem == other.authority.pem
    token = one.passes.issue("cn-1", "aa", 0)
    assert other.passes.check(token, "cn-1", "aa", 1) > 0
    assert tmp_path.stat().st_mode & 0o077 == 0


def test_an_agent_that_another_one_enrolled(tmp_path: Path) -> None:
    """It is let in, and from the moment at which this healer leads it is missed where it does not come."""
    one, other = replica(tmp_path), replica(tmp_path)
    one.roll.enrol("cn-1", "aa", 0, 1)
    one.roll.enrol("cn-2", "bb", 0, 1)
    assert other.roll.admits("cn-1", "aa")
    assert not other.roll.admits("cn-1", "bb")
    other.start_over()
    assert [member.name for member in other.roll.members] == ["cn-1", "cn-2"]


def test_an_agent_that_another_one_struck_off(tmp_path: Path) -> None:
    """It is not let in, although it was known here."""
    one, other = replica(tmp_path), replica(tmp_path)
    one.roll.enrol("cn-1", "aa", 0, 1)
    assert other.roll.admits("cn-1", "aa")
    assert one.roll.strike_off("cn-1")
    assert not other.roll.admits("cn-1", "aa")
    other.start_over()
    assert "cn-1" not in other.roll


def test_an_invitation_that_was_used_elsewhere(tmp_path: Path) -> None:
    """It works once, whichever healer is asked."""
    one, other = replica(tmp_path), replica(tmp_path)
    one.roll.invite("cn-1", "word", 2)
    assert other.roll.take("word", 1).name == "cn-1"
    with pytest.raises(NotInvited):
        one.roll.take("word", 1)
