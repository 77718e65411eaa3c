"""How long an interface's leased addresses are good for: `ip -json -4 address show dev INTERFACE`."""

from typing import NamedTuple

import msgspec

from healer.executors.states.reading import Change, Given, Proof
from healer.executors.target import Seen
from healer.times import SECOND, format_duration

PATIENCE = 10 * SECOND
"""The server answers in its own time."""


class _Address(msgspec.Struct):
    local: str = ""
    dynamic: bool = False
    valid_life_time: int = 0


class _Interface(msgspec.Struct):
    addr_info: list[_Address] = []


_decode = msgspec.json.Decoder(list[_Interface])


class Lease(NamedTuple):
    address: str
    seconds: int


def preview(seen: Seen, given: Given) -> Change:
    interface = str(given.get("interface", "the interface"))
    leases = read(seen.output)
    if seen.exit_code or leases is None:
        return Change(f"{interface}: {' '.join(seen.output.split())[:200]}", verdict="impossible")
    if not leases:
        return Change(f"{interface} has no leased address", "a lease")
    return Change(f"{interface} has {_in_words(leases)}", "a new lease")


def told(seen: Seen) -> float | None:
    """For how many seconds its best lease is good; 0 without one."""
    leases = read(seen.output)
    if leases is None or seen.exit_code:
        return None
    return float(max((lease.seconds for lease in leases), default=0))


def took_effect(before: str, after: Seen, _given: Given) -> Proof:
    """A lease that is good for longer than before, or where there was none."""
    was, now = read(before), read(after.output)
    if was is None or now is None:
        return Proof(None, "")
    if not now:
        return Proof(False, "it has no leased address")
    if not was or max(lease.seconds for lease in now) > max(lease.seconds for lease in was):
        return Proof(True, f"it has {_in_words(now)}")
    return Proof(False, f"the lease was not renewed: it has {_in_words(now)}")


def read(output: str) -> list[Lease] | None:
    """The leased addresses; None where it is not ip's answer."""
    try:
        interfaces = _decode.decode(output)
    except msgspec.MsgspecError:
        return None
    return [Lease(one.local, one.valid_life_time) for each in interfaces for one in each.addr_info if one.dynamic]


def _in_words(leases: list[Lease]) -> str:
    return ", ".join(f"{lease.address} for {format_duration(lease.seconds * SECOND)}" for lease in leases)
