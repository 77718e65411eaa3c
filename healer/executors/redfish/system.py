"""What does a BMC say of a machine? Its answers as values, and the machine's power whoever told it. Pure.

By Redfish's schema ComputerSystem; what a BMC leaves out is empty here.
"""

from datetime import UTC, datetime

import msgspec

from healer.times import SECOND, Micros


class System(msgspec.Struct, frozen=True):
    """A machine's power. `resets` are the types that its BMC carries out; empty where it does not say."""

    name: str
    power: str
    """On, Off, PoweringOn, PoweringOff or Paused; "" where nobody knows."""
    resets: tuple[str, ...] = ()
    boots: tuple[str, ...] = ()
    """What it may be told to boot from once; empty where it does not say."""
    boots_once: str = ""
    """What it boots from the next time alone."""
    since_reset: Micros | None = None
    """How long ago it was last reset, by the BMC's own clock."""
    serials: tuple[str, ...] = ()
    """By what it may be known."""


class Link(msgspec.Struct, frozen=True):
    path: str = msgspec.field(name="@odata.id", default="")


class _Sessions(msgspec.Struct, frozen=True):
    sessions: Link | None = msgspec.field(name="Sessions", default=None)


class Root(msgspec.Struct, frozen=True):
    """The service root: where its machines and sessions are."""

    systems: Link | None = msgspec.field(name="Systems", default=None)
    links: _Sessions | None = msgspec.field(name="Links", default=None)

    @property
    def sessions(self) -> str:
        """ "" where it has none."""
        return self.links.sessions.path if self.links is not None and self.links.sessions is not None else ""


class Members(msgspec.Struct, frozen=True):
    members: list[Link] = msgspec.field(name="Members", default_factory=list)


class _Parameter(msgspec.Struct, frozen=True):
    name: str = msgspec.field(name="Name", default="")
    values: list[str] | None = msgspec.field(name="AllowableValues", default=None)


class ActionInfo(msgspec.Struct, frozen=True):
    """What an action takes, where a system does not say so itself."""

    parameters: list[_Parameter] = msgspec.field(name="Parameters", default_factory=list)

    def of(self, name: str) -> tuple[str, ...]:
        return tuple(value for one in self.parameters if one.name == name for value in one.values or ())


class _Reset(msgspec.Struct, frozen=True):
    target: str = ""
    values: list[str] | None = msgspec.field(name="ResetType@Redfish.AllowableValues", default=None)
    info: str = msgspec.field(name="@Redfish.ActionInfo", default="")


class _Actions(msgspec.Struct, frozen=True):
    reset: _Reset | None = msgspec.field(name="#ComputerSystem.Reset", default=None)


class _Boot(msgspec.Struct, frozen=True):
    enabled: str | None = msgspec.field(name="BootSourceOverrideEnabled", default=None)
    target: str | None = msgspec.field(name="BootSourceOverrideTarget", default=None)
    targets: list[str] | None = msgspec.field(name="BootSourceOverrideTarget@Redfish.AllowableValues", default=None)


class ComputerSystem(msgspec.Struct, frozen=True):
    """A system as Redfish has it."""

    path: str = msgspec.field(name="@odata.id", default="")
    name: str | None = msgspec.field(name="Name", default=None)
    serial: str | None = msgspec.field(name="SerialNumber", default=None)
    uuid: str | None = msgspec.field(name="UUID", default=None)
    power: str | None = msgspec.field(name="PowerState", default=None)
    last_reset: str | None = msgspec.field(name="LastResetTime", default=None)
    actions: _Actions | None = msgspec.field(name="Actions", default=None)
    boot: _Boot | None = msgspec.field(name="Boot", default=None)

    @property
    def reset(self) -> _Reset:
        return (self.actions.reset if self.actions is not None else None) or _Reset()

    @property
    def serials(self) -> tuple[str, ...]:
        return tuple(one for one in (self.serial, self.uuid) if one)


def is_named(wanted: str, serials: tuple[str, ...]) -> bool:
    """Whether a machine is the one with this serial number or UUID."""
    return wanted.strip().lower() in {one.strip().lower() for one in serials}


def system(found: ComputerSystem, resets: tuple[str, ...], now: datetime | None) -> System:
    """The machine's power as the BMC tells it. `now` is by the BMC's own clock."""
    boot = found.boot or _Boot()
    last = _instant(found.last_reset)
    return System(
        name=found.name or found.path,
        power=found.power or "",
        resets=tuple(found.reset.values or ()) or resets,
        boots=tuple(boot.targets or ()),
        boots_once=boot.target or "" if boot.enabled == "Once" else "",
        since_reset=round((now - last).total_seconds()) * SECOND if now is not None and last is not None else None,
        serials=found.serials,
    )


def _instant(text: str | None) -> datetime | None:
    """A BMC that was never told the time says so with a year long past: that is no reset."""
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return at if at.year > 1970 else None
