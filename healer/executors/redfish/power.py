"""What is asked of a machine's power, and whether it came about? Pure. Called by `target`."""

import msgspec

from healer.executors.redfish.system import System
from healer.executors.typed import Call, Unreadable
from healer.executors.view import View
from healer.times import SECOND, Micros

RESETS = {
    "power_cycle": ("PowerCycle", "ForceRestart"),
    "power_on": ("On", "ForceOn"),
    "graceful_restart": ("GracefulRestart",),
}
"""By action, the reset types that do it, the best first. Never one that takes two: half of it would leave a machine off."""
BOOTS = {"pxe": "Pxe", "disk": "Hdd", "cd": "Cd", "bios": "BiosSetup"}
SLACK: Micros = 2 * SECOND
"""Clocks that tell whole seconds may be so far off."""


class Step(msgspec.Struct, frozen=True):
    """What would be sent: a reset's type, or what to boot from once. Neither where `view` says that there is nothing to do."""

    view: View
    reset: str = ""
    boot: str = ""


def step(call: Call, system: System) -> Step:
    """What an action asks for as things are. Raises Unreadable."""
    if call.name == "set_boot_once":
        return _boot(str(call.given.get("device", "")), system)
    if call.name not in RESETS:
        raise Unreadable(f"the redfish executor has no {call.name!r}")
    now = f"{system.name} is {_words(system.power)}"
    is_on = system.power == "On"
    if call.name == "power_on" and system.power in ("On", "PoweringOn"):
        return Step(View(now, verdict="nothing"))
    if call.name != "power_on" and not is_on:
        return Step(View(f"{now}, and {call.name} takes one that is on", verdict="impossible"))
    reset = _first(RESETS[call.name], system.resets)
    if not reset:
        offered = f"its BMC offers {', '.join(system.resets)}, and none of {', '.join(RESETS[call.name])}"
        return Step(View(f"{now}; {offered}", verdict="impossible"))
    wanted = "on" if call.name == "power_on" else "restarted"
    return Step(View(now, f"{wanted}, by {reset}"), reset=reset)


def shows(call: Call, system: System, ago: Micros, *, was_off: bool = False) -> bool | None:
    """Whether what was asked for `ago` came about. None: it cannot be seen of this machine.

    `was_off`: it was seen to be anything but on, since.
    """
    if call.name == "set_boot_once":
        return system.boots_once == BOOTS.get(str(call.given.get("device", "")))
    if call.name == "power_on" or system.power != "On":
        return system.power == "On"
    if was_off:
        return True
    return None if system.since_reset is None else -SLACK <= system.since_reset <= ago + SLACK


def was_never(call: Call, system: System, ago: Micros) -> bool:
    """Whether a request of `ago`, whose answer nobody saw and whose time is over, is known to have done nothing.

    The BMC's own memory of the last reset says so.
    """
    restarts = call.name in RESETS and call.name != "power_on"
    return restarts and shows(call, system, ago) is False and system.power == "On"


def _boot(device: str, system: System) -> Step:
    if device not in BOOTS:
        raise Unreadable(f"there is no device {device!r} to boot from")
    wanted = BOOTS[device]
    now = f"{system.name} boots {system.boots_once or 'as always'} the next time"
    if system.boots_once == wanted:
        return Step(View(now, verdict="nothing"))
    if system.boots and wanted not in system.boots:
        return Step(View(f"{now}; its BMC offers {', '.join(system.boots)}, not {wanted}", verdict="impossible"))
    return Step(View(now, f"{wanted}, once"), boot=wanted)


def _first(wanted: tuple[str, ...], offered: tuple[str, ...]) -> str:
    """The best of those that are offered; "" where none is. Where a BMC does not say, it refuses what it cannot."""
    return next((one for one in wanted if not offered or one in offered), "")


def _words(power: str) -> str:
    return {"On": "on", "Off": "off", "PoweringOn": "powering on", "PoweringOff": "powering off"}.get(
        power, power.lower() or "in a state that its BMC does not tell"
    )
