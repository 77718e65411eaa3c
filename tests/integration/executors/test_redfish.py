"""Power over Redfish, against a BMC with the habits of real ones: found, pinned, asked once, looked at, and left alone."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from healer.documents.fields import Secret
from healer.executors.redfish.settings import Bmc as BmcSettings
from healer.executors.redfish.settings import RedfishSettings
from healer.executors.redfish.target import RedfishTarget
from healer.executors.target import Order
from healer.executors.typed import written
from healer.executors.view import View
from healer.seams import SystemClock
from healer.times import MILLISECOND, MINUTE, SECOND
from tests.standins.authority import Authority
from tests.standins.bmc import PASSWORD, SERIAL, Bmc, Machine
from tests.standins.provider import Fault

CLOCK = SystemClock()
NODE = "host/web-1"
BEFORE_IT = [Fault.OK] * 5
"""Root, session, systems and twice the system: what is asked before a reset."""


async def go() -> bool:
    return True


async def never() -> bool:
    raise AssertionError("go was asked for")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def bmc(authority: Authority) -> AsyncIterator[Bmc]:
    async with Bmc(authority) as found:
        yield found


def reaching(bmc: Bmc, **given: Any) -> RedfishTarget:
    """The executor, with the BMC of one node, which is pinned unless it is said otherwise."""
    host = {"url": bmc.url, "fingerprint": bmc.authority.fingerprint} | given
    limits: dict[str, Any] = {"every": 20 * MILLISECOND, "shows_within": 100 * MILLISECOND}
    return RedfishTarget(RedfishSettings(hosts={NODE: BmcSettings(**host)}, password=Secret(PASSWORD), **limits), CLOCK)


def order(action: str = "power_cycle", *, over: bool = False, **given: str) -> Order:
    ends_by = CLOCK.now() + (-SECOND if over else MINUTE)
    return Order("i.0.0", 0, 1, NODE, "", written(action, given.items()), 60, ends_by=ends_by)


async def test_power_that_takes_its_time(bmc: Bmc) -> None:
    """It succeeded when the machine is on again, not when the BMC accepted it; with one session, given back."""
    bmc.takes = 0.1
    result = await reaching(bmc).run(order(), go)
    assert (result.outcome, result.started) == ("succeeded", True)
    assert bmc.machines[0].changes == []
    assert (bmc.resets, bmc.most_open, bmc.sessions) == (["PowerCycle"], 1, {})


@pytest.mark.parametrize(("action", "type"), [("power_cycle", "ForceRestart"), ("graceful_restart", "GracefulRestart")])
async def test_reset_types_are_those_that_it_has(bmc: Bmc, action: str, type: str) -> None:
    """What a BMC carries out it says itself, or in an ActionInfo; the best of what it has is asked for."""
    bmc.allowed.remove("PowerCycle")
    bmc.in_action_info = True
    assert (await reaching(bmc).run(order(action), go)).outcome == "succeeded"
    assert bmc.resets == [type]


async def test_nothing_harsher_instead(bmc: Bmc) -> None:
    """A graceful restart that a BMC does not have is refused, and nothing else is done."""
    bmc.allowed = ["On", "ForceRestart"]
    result = await reaching(bmc).run(order("graceful_restart"), never)
    assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
    assert "its BMC offers On, ForceRestart" in result.why
    assert bmc.resets == []


async def test_no_reset_at_all(bmc: Bmc) -> None:
    """A BMC that names no way to reset is asked for none."""
    bmc.allowed = []
    result = await reaching(bmc).run(order(), never)
    assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
    assert "says no way to reset" in result.why


async def test_nothing_to_do(bmc: Bmc) -> None:
    """What is on is not switched on: the preview says so, and a run asks for nothing."""
    seen = await reaching(bmc).observe(order("power_on"))
    assert msgspec.json.decode(seen.output, type=View).verdict == "nothing"
    assert (await reaching(bmc).run(order("power_on"), never)).outcome == "succeeded"
    assert bmc.resets == []


async def test_task(bmc: Bmc) -> None:
    """A reset that is answered with a task is followed to the task's end."""
    bmc.task = 0.1
    assert (await reaching(bmc).run(order(), go)).outcome == "succeeded"


async def test_task_that_fails(bmc: Bmc) -> None:
    """How a task failed is how the reset did."""
    bmc.task, bmc.task_state = 0.02, "Exception"
    result = await reaching(bmc).run(order(), go)
    assert (result.outcome, result.started, result.why) == ("failed", True, "its task ended as Exception")


async def test_another_certificate(bmc: Bmc) -> None:
    """A BMC with another certificate than the pinned one is told no password."""
    result = await reaching(bmc, fingerprint="ab" * 32).run(order(), never)
    assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
    assert bmc.requests == []


async def test_authority(bmc: Bmc) -> None:
    """Without a fingerprint the certificate has to be signed by an authority that is believed."""
    unknown = await reaching(bmc, fingerprint="", serial=SERIAL).run(order(), never)
    assert (unknown.outcome, bmc.requests) == ("refused", [])
    assert "is not trusted" in unknown.why
    known = reaching(bmc, fingerprint="", serial=SERIAL, ca=bmc.authority.ca)
    assert (await known.run(order(), go)).outcome == "succeeded"


async def test_other_machine(bmc: Bmc) -> None:
    """A machine with another serial number than the recorded one is left alone, and named."""
    result = await reaching(bmc, serial="CZ0000").run(order(), never)
    assert (result.outcome, result.lasting, bmc.resets) == ("refused", True, [])
    assert f"CZ0000 is none of the systems of {bmc.url}: {SERIAL}" in result.why


async def test_one_of_two(authority: Authority) -> None:
    """Where a BMC has more machines than one the serial number finds the one that is meant; without it none is guessed."""
    one, other = Machine("1", "A1", power="Off"), Machine("2", "B2", power="Off")
    async with Bmc(authority, one, other) as bmc:
        refused = await reaching(bmc).run(order("power_on"), never)
        assert (refused.outcome, refused.lasting) == ("refused", True)
        assert (await reaching(bmc, serial="b2").run(order("power_on"), go)).outcome == "succeeded"
        assert (one.power, other.power) == ("Off", "On")


@pytest.mark.parametrize("ahead", [0.0, 5_000.0, -5_000.0])
async def test_lost_answer(bmc: Bmc, ahead: float) -> None:
    """A reset whose answer was lost is not repeated: a probe finds it by how long ago the machine was reset, by the BMC's
    own clock, however wrong that is."""
    bmc.ahead = ahead
    bmc.faults.extend([*BEFORE_IT, Fault.RESET_AFTER])
    result = await reaching(bmc).run(order(), go)
    assert result.outcome == "unknown"
    assert (await reaching(bmc).probe(order())).outcome == "succeeded"
    assert bmc.resets == ["PowerCycle"]


async def test_lost_request(bmc: Bmc) -> None:
    """One that never arrived is unknown for as long as it may be under way; then the machine itself tells that it never was."""
    bmc.faults.extend([*BEFORE_IT, Fault.RESET_BEFORE])
    assert (await reaching(bmc).run(order(), go)).outcome == "unknown"
    assert (await reaching(bmc).probe(order())).outcome == "unknown"
    late = await reaching(bmc).probe(order(over=True))
    assert (late.outcome, late.started) == ("failed", False)


async def test_nobody_knows(bmc: Bmc) -> None:
    """Where a BMC does not tell when the last reset was, an answer that was lost stays unknown until the deadline, and then
    counts as one that did something and did not help."""
    bmc.tells_resets = False
    bmc.faults.extend([*BEFORE_IT, Fault.RESET_AFTER])
    await reaching(bmc).run(order(), go)
    assert (await reaching(bmc).probe(order())).outcome == "unknown"
    late = await reaching(bmc).probe(order(over=True))
    assert (late.outcome, late.started) == ("failed", True)


async def test_that_shows_nothing(bmc: Bmc) -> None:
    """A warm restart that leaves the power on, on a BMC that does not tell of it, is believed after `shows_within`."""
    bmc.tells_resets, bmc.allowed = False, ["ForceRestart"]
    result = await reaching(bmc).run(order(), go)
    assert (result.outcome, bmc.resets) == ("succeeded", ["ForceRestart"])


async def test_boots_once(bmc: Bmc) -> None:
    """What to boot from the next time is set once, under the version that was seen, and a look shows it."""
    assert (await reaching(bmc).run(order("set_boot_once", device="pxe"), go)).outcome == "succeeded"
    assert bmc.machines[0].boots_once == "Pxe"
    refused = await reaching(bmc).run(order("set_boot_once", device="cd"), never)
    assert (refused.outcome, "offers None, Pxe, Hdd, BiosSetup" in refused.why) == ("refused", True)


@pytest.mark.parametrize(("status", "lasting"), [(400, True), (403, True), (409, False), (503, False)])
async def test_refused(bmc: Bmc, status: int, lasting: bool) -> None:
    """What a BMC refuses had no effect; whether another time helps is by its status, and its own words are told."""
    bmc.answer = (status, "The chassis is locked.")
    result = await reaching(bmc).run(order(), go)
    assert (result.outcome, result.started, result.lasting) == ("refused", False, lasting)
    assert result.why == f"127.0.0.1 answered HTTP {status}: The chassis is locked."


async def test_no_session_left(bmc: Bmc) -> None:
    """A BMC whose sessions are all taken is asked another time."""
    bmc.slots = 0
    result = await reaching(bmc).run(order(), never)
    assert (result.outcome, result.started, result.lasting) == ("refused", False, False)
    assert "too many sessions" in result.why


async def test_unknown_node(bmc: Bmc) -> None:
    """A machine whose BMC nobody declared has none."""
    other = msgspec.structs.replace(order(), target="host/db-1")
    result = await reaching(bmc).run(other, never)
    assert (result.outcome, result.lasting) == ("refused", True)
    assert "executors.redfish.hosts" in result.why


IPMITOOL = f"""#!/bin/sh
echo "$@" >>"$0.log"
[ "$IPMI_PASSWORD" = {PASSWORD} ] || {{ echo "Error: Unable to establish IPMI v2 / RMCP+ session" >&2; exit 1; }}
case "$*" in
  *"fru print"*) echo " Product Serial        : {SERIAL}" ;;
  *"power status"*) echo "Chassis Power is $(cat "$0.power")" ;;
  *"power cycle"*) [ ! -e "$0.hangs" ] || sleep 60; echo "Chassis Power Control: Cycle" ;;
  *"power on"*) echo on >"$0.power"; echo "Chassis Power Control: Up/On" ;;
  *) echo "Invalid command" >&2; exit 1 ;;
esac
"""


class Tool:
    """An ipmitool, and a node whose Redfish nobody can reach."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ipmitool"
        self.path.write_text(IPMITOOL)
        self.path.chmod(0o755)
        self.power("on")

    def power(self, state: str) -> None:
        (self.path.parent / "ipmitool.power").write_text(state)

    def log(self) -> str:
        return (self.path.parent / "ipmitool.log").read_text()

    def reaching(self, serial: str = SERIAL) -> RedfishTarget:
        host = BmcSettings(url="https://127.0.0.1:1", ipmi="127.0.0.1", serial=serial)
        limits: dict[str, Any] = {"every": 20 * MILLISECOND, "shows_within": 50 * MILLISECOND, "timeout": 5 * SECOND}
        settings = RedfishSettings(hosts={NODE: host}, password=Secret(PASSWORD), ipmitool=str(self.path), **limits)
        return RedfishTarget(settings, CLOCK)


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    return Tool(tmp_path)


async def test_ipmitool(tool: Tool) -> None:
    """Where Redfish cannot be reached ipmitool does it, and its arguments have no password."""
    tool.power("off")
    assert (await tool.reaching().run(order("power_on"), go)).outcome == "succeeded"
    assert "-I lanplus -H 127.0.0.1 -U healer -C 17 -E chassis power on" in tool.log()
    assert PASSWORD not in tool.log()


async def test_ipmitool_without_an_answer(tool: Tool) -> None:
    """A command that does not end may have been sent: unknown."""
    (tool.path.parent / "ipmitool.hangs").touch()
    target = tool.reaching()
    target._settings = msgspec.structs.replace(target._settings, timeout=300 * MILLISECOND)
    assert (await target.run(order(), go)).outcome == "unknown"


async def test_ipmitool_cannot(tool: Tool) -> None:
    """Another machine is refused by its serial number, a graceful restart as IPMI has none; nothing is sent."""
    other = await tool.reaching("CZ0000").run(order(), never)
    assert (other.outcome, other.lasting) == ("refused", True)
    assert (await tool.reaching().run(order("graceful_restart"), never)).outcome == "refused"
    assert "cycle" not in tool.log()
