"""What is asked of a machine's power as things are, and what settings of BMCs cannot be."""

from typing import Any

import pytest

from healer.documents.fields import Secret
from healer.executors.redfish.power import shows, step, was_never
from healer.executors.redfish.settings import Bmc, RedfishSettings
from healer.executors.redfish.system import System
from healer.executors.typed import Call, Unreadable
from healer.times import MINUTE, SECOND

CYCLE, ON = Call("power_cycle", {}), Call("power_on", {})


def system(power: str, *resets: str, since: int | None = None) -> System:
    return System("web-1", power, resets, since_reset=since)


def test_the_best_that_is_offered() -> None:
    """PowerCycle takes the power away and ForceRestart does not; a BMC that offers nothing by name is asked for the best."""
    assert step(CYCLE, system("On", "ForceRestart", "PowerCycle")).reset == "PowerCycle"
    assert step(CYCLE, system("On", "ForceRestart", "ForceOff", "On")).reset == "ForceRestart"
    assert step(CYCLE, system("On")).reset == "PowerCycle"
    assert step(CYCLE, system("On", "ForceOff", "On")).view.verdict == "impossible"


def test_what_is_off_is_not_restarted() -> None:
    """A machine that is off, or on its way there, is switched on by its own action and by no other."""
    for power in ("Off", "PoweringOff", ""):
        assert step(CYCLE, system(power)).view.verdict == "impossible"
    assert step(ON, system("Off")).reset == "On"


def test_whether_a_reset_shows() -> None:
    """On again after it was off, or reset since by its own word. Where it has none nobody can tell, and nobody calls it never."""
    assert shows(CYCLE, system("Off"), MINUTE) is False
    assert shows(CYCLE, system("On"), MINUTE, was_off=True) is True
    assert shows(CYCLE, system("On", since=30 * SECOND), MINUTE) is True
    assert shows(CYCLE, system("On", since=90 * SECOND), MINUTE) is False
    assert shows(CYCLE, system("On"), MINUTE) is None
    assert not was_never(CYCLE, system("On"), MINUTE)
    assert not was_never(CYCLE, system("Off", since=90 * SECOND), MINUTE)
    assert was_never(CYCLE, system("On", since=90 * SECOND), MINUTE)


def test_an_unknown_action() -> None:
    """A call that is in no catalogue asks for nothing."""
    with pytest.raises(Unreadable):
        step(Call("power_off", {}), system("On"))


@pytest.mark.parametrize(
    "host",
    [
        {},
        {"url": "http://bmc.example", "serial": "A1"},
        {"url": "https://bmc.example"},
        {"url": "https://bmc.example", "fingerprint": "ab" * 20},
        {"ipmi": "-oproxy", "serial": "A1"},
        {"ipmi": "bmc.example", "fingerprint": "ab" * 32},
    ],
)
def test_a_bmc_that_proves_nothing(host: dict[str, Any]) -> None:
    """Without TLS, or without a fingerprint or a serial number, nothing says that it is this machine's."""
    with pytest.raises(ValueError, match="expected"):
        Bmc(**host)


def test_a_password_is_needed() -> None:
    """Of the host's own, or one for all."""
    host = Bmc(url="https://bmc.example", serial="A1")
    with pytest.raises(ValueError, match="password"):
        RedfishSettings(hosts={"host/web-1": host})
    assert RedfishSettings(hosts={"host/web-1": host}, password=Secret("x")).signed_in(host)[0] == "healer"
