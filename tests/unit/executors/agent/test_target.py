"""Whose agent an order goes to, and what becomes of it where that is not there."""

from pathlib import Path

import pytest

from healer.executors.agent.agents import Agents
from healer.executors.agent.opening import open_agents
from healer.executors.agent.settings import AgentSettings
from healer.executors.agent.target import AgentTarget, EitherWay
from healer.executors.memory import MemoryTarget
from healer.executors.target import Order
from healer.seams import SystemClock, SystemRandom

SETTINGS = AgentSettings(names=("healer.example",), nodes={"vm/shop": "host/cn-1"})


@pytest.fixture
def agents(tmp_path: Path) -> Agents:
    """One agent is enrolled, and not there."""

    async def note(kind: str, detail: object) -> None:
        """There is no audit log."""

    made = open_agents(SETTINGS, tmp_path, SystemClock(), SystemRandom(), note)
    made.roll.enrol("host/cn-1", "aa", 0, 1)
    return made


def order(target: str, address: str = "") -> Order:
    return Order("i1", 0, 1, target, address, ("/bin/true",), 20)


async def go() -> bool:
    return True


@pytest.mark.parametrize(("target", "address"), [("host/cn-1", ""), ("vm/shop", "x"), ("service/web", "host/cn-1")])
async def test_an_agent_that_is_not_there(agents: Agents, target: str, address: str) -> None:
    """By the node's name, the settings, or its address: nothing is started, and another way may reach it."""
    result = await AgentTarget(agents).run(order(target, address), go)
    assert (result.outcome, result.started, result.down, result.lasting) == ("refused", False, True, False)
    assert "the agent host/cn-1 is inactive" in result.why


async def test_a_node_without_an_agent(agents: Agents) -> None:
    """Waiting does not help: somebody has to invite one."""
    result = await AgentTarget(agents).run(order("host/cn-2"), go)
    assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
    assert "healer agents invite host/cn-2" in result.why


async def test_over_ssh_where_no_agent_is(agents: Agents) -> None:
    """The other way to the same machines carries it out, probes it, and looks."""
    ssh = MemoryTarget(SystemClock())
    either = EitherWay(AgentTarget(agents), ssh)
    assert (await either.run(order("host/cn-1"), go)).outcome == "succeeded"
    assert (await either.probe(order("host/cn-1"))).outcome == "succeeded"
    assert [effect.target for effect in ssh.effects] == ["host/cn-1"]
    assert (await EitherWay(AgentTarget(agents), None).run(order("host/cn-1"), go)).outcome == "refused"
