"""Who is an agent here? Those who were invited, came, and were not struck off: files in a folder, which replicas may share.

One file for each invitation and each agent, so that nobody has to be locked out while another writes. An invitation is taken
by removing its file, which works once, whoever else tries. Called by the agents' door and by `/api/v1/agents`.
"""

import hashlib
from pathlib import Path
from typing import TypeVar

import msgspec

from healer.executors.agent.durable import keep
from healer.times import Micros


class Member(msgspec.Struct, frozen=True):
    """An agent that was enrolled. `certificates`: SHA-256 of those that count, the newest last; a renewal adds one, and its
    first use ends the one before."""

    name: str
    certificates: tuple[str, ...]
    enrolled_at: Micros
    expires_at: Micros
    """When the newest certificate ends."""


class Invited(msgspec.Struct, frozen=True):
    """An invitation that was not used yet."""

    name: str
    until: Micros


class NotInvited(Exception):
    """The token is of no invitation, or of one that was used, or is too old."""


T = TypeVar("T")

_member = msgspec.json.Decoder(Member)
_invited = msgspec.json.Decoder(Invited)


class Roll:
    """All agents, in memory and in the folder."""

    def __init__(self, folder: Path) -> None:
        self._enrolled = folder / "enrolled"
        self._invitations = folder / "invited"
        for each in (folder, self._enrolled, self._invitations):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = [_read(file, _member) for file in self._enrolled.glob("*.json")]
        self._members = {member.name: member for member in found if member is not None}

    def __contains__(self, name: str) -> bool:
        return name in self._members

    @property
    def members(self) -> list[Member]:
        """All, by name."""
        return sorted(self._members.values(), key=lambda member: member.name)

    def invite(self, name: str, token: str, until: Micros) -> None:
        """Whoever shows this token until then becomes this agent."""
        keep(self._invitations / f"{_digest(token)}.json", msgspec.json.encode(Invited(name, until)))

    def invited(self, now: Micros) -> list[Invited]:
        """Invitations that are open; those that are over are removed."""
        found = []
        for file in self._invitations.glob("*.json"):
            invited = _read(file, _invited)
            if invited is not None and invited.until > now:
                found.append(invited)
            else:
                file.unlink(missing_ok=True)
        return sorted(found, key=lambda invited: invited.name)

    def take(self, token: str, now: Micros) -> Invited:
        """Whom a token invites, once. Raises NotInvited."""
        file = self._invitations / f"{_digest(token)}.json"
        invited = _read(file, _invited)
        try:
            file.unlink()
        except FileNotFoundError:
            invited = None
        if invited is None or invited.until <= now:
            raise NotInvited("its invitation was used, is too old, or never was")
        return invited

    def enrol(self, name: str, certificate: str, now: Micros, expires_at: Micros) -> None:
        """From now on this certificate is this agent's, and no other."""
        self._keep(Member(name, (certificate,), now, expires_at))

    def renew(self, name: str, certificate: str, expires_at: Micros) -> None:
        """This certificate counts as well. Raises KeyError for a stranger."""
        member = self._members[name]
        counting = (member.certificates[-1], certificate)
        self._keep(msgspec.structs.replace(member, certificates=counting, expires_at=expires_at))

    def admits(self, name: str, certificate: str) -> bool:
        """Whether this certificate is this agent's. The newest ends those before it."""
        member = self._members.get(name)
        if member is None or certificate not in member.certificates:
            # Another replica may have enrolled or renewed it.
            member = _read(self._file(name), _member)
            if member is None:
                self._members.pop(name, None)
                return False
            self._members[name] = member
        if certificate not in member.certificates:
            return False
        if certificate == member.certificates[-1] and len(member.certificates) > 1:
            self._keep(msgspec.structs.replace(member, certificates=(certificate,)))
        return True

    def strike_off(self, name: str) -> bool:
        """It is no agent any more, and none that was invited. Whether it was one."""
        known = self._members.pop(name, None) is not None
        self._file(name).unlink(missing_ok=True)
        for file in self._invitations.glob("*.json"):
            invited = _read(file, _invited)
            if invited is not None and invited.name == name:
                file.unlink(missing_ok=True)
                known = True
        return known

    def _keep(self, member: Member) -> None:
        keep(self._file(member.name), msgspec.json.encode(member))
        self._members[member.name] = member

    def _file(self, name: str) -> Path:
        return self._enrolled / f"{_digest(name)}.json"


def _read(file: Path, decoder: "msgspec.json.Decoder[T]") -> T | None:
    try:
        return decoder.decode(file.read_bytes())
    except (OSError, msgspec.MsgspecError):
        return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
