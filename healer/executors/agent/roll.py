"""Who is an agent here? Those who were invited, came, and were not struck off: files in a folder, which replicas may share.

One file for each invitation and each agent, so that nobody has to be locked out while another writes. An invitation is taken
by removing its file, which works once, whoever else tries. Called by the agents' door and by `/api/v1/agents`.
"""

import hashlib
from typing import TypeVar

import msgspec

from healer.executors.agent.durable import Folder
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
    """All agents, in memory and in a folder, and who was invited in another."""

    def __init__(self, enrolled: Folder, invitations: Folder) -> None:
        self._enrolled = enrolled
        self._invitations = invitations
        self._members: dict[str, Member] = {}
        self.refresh()

    def __contains__(self, name: str) -> bool:
        return name in self._members

    @property
    def members(self) -> list[Member]:
        """All, by name."""
        return sorted(self._members.values(), key=lambda member: member.name)

    def refresh(self) -> None:
        """Know whom other replicas enrolled or struck off; only what is new is read. Raises OSError."""
        there, known = set(self._enrolled.names()), {_file(name): name for name in self._members}
        for file in known.keys() - there:
            del self._members[known[file]]
        for file in sorted(there - known.keys()):
            member = _read(self._enrolled, file, _member)
            if member is not None:
                self._members[member.name] = member

    def invite(self, name: str, token: str, until: Micros) -> None:
        """Whoever shows this token until then becomes this agent."""
        self._invitations.keep(_file(token), msgspec.json.encode(Invited(name, until)))

    def invited(self, now: Micros) -> list[Invited]:
        """Invitations that are open; those that are over are removed."""
        found = []
        for file in self._invitations.names():
            invited = _read(self._invitations, file, _invited)
            if invited is not None and invited.until > now:
                found.append(invited)
            else:
                self._invitations.drop(file)
        return sorted(found, key=lambda invited: invited.name)

    def take(self, token: str, now: Micros) -> Invited:
        """Whom a token invites, once. Raises NotInvited."""
        invited = _read(self._invitations, _file(token), _invited)
        taken = self._invitations.drop(_file(token))
        if not taken or invited is None or invited.until <= now:
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
        # Another replica may have enrolled, renewed or struck it off: what is on the disk counts.
        member = _read(self._enrolled, _file(name), _member)
        if member is None:
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
        self._enrolled.drop(_file(name))
        for file in self._invitations.names():
            invited = _read(self._invitations, file, _invited)
            if invited is not None and invited.name == name:
                self._invitations.drop(file)
                known = True
        return known

    def _keep(self, member: Member) -> None:
        self._enrolled.keep(_file(member.name), msgspec.json.encode(member))
        self._members[member.name] = member


def _read(folder: Folder, file: str, decoder: "msgspec.json.Decoder[T]") -> T | None:
    try:
        return decoder.decode(folder.read(file) or b"")
    except (OSError, msgspec.MsgspecError):
        return None


def _file(text: str) -> str:
    """What a file about a name, or a token, is called: neither stands in it."""
    return f"{hashlib.sha256(text.encode()).hexdigest()}.json"
