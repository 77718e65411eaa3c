"""A4: nobody is told anything recorded as told again, nor anything suppressed; one send in flight may come twice a crash."""

import re

from healer.assembly import Healer
from healer.journey.ports import Step
from healer.notification.escalation import matter_of
from healer.notification.ports import LedgerRow
from healer.store.inline import Memory
from healer.store.transactions import ledger
from tests.simulation.chat import Chat, Post, Watcher
from tests.simulation.court import Court
from tests.simulation.incarnation import Incarnation
from tests.simulation.promises import Checker

_CALL = r"^You (?:are called|were called, and that is not needed any more): "
_CALLED = {
    "{0} approval": re.compile(_CALL + r"a repair waits .*\(remediation (\S+)\)$", re.MULTILINE),
    "{0} failed": re.compile(_CALL + r"what healer tried .*\(remediation (\S+)\)$", re.MULTILINE),
    "{1} came back, {0}": re.compile(_CALL + r"it is back, (\d+) .*\(remediation (\S+)\)$", re.MULTILINE),
    "root {0}": re.compile(_CALL + r"the cause is another one than you were told, (.*)$", re.MULTILINE),
}
"""What a message says that it calls for, by the matter of its row."""
_ESCALATED = re.compile(r"^You (?:are|were) called.* \(escalation (\S+), call (\d+)\)", re.MULTILINE)


class ToldOnce(Checker, Watcher):
    """Counts by the chat's own messages, and asks the disk what was recorded when each of them arrived."""

    def __init__(self, court: Court, memory: Memory, chat: Chat) -> None:
        self._court = court
        self._connection = memory.connection
        self._last: dict[tuple[str, str], Post] = {}
        self._pardoned: dict[Incarnation, str] = {}
        chat.watchers.append(self)

    def __call__(self, post: Post) -> None:
        if post.swallowed:
            self._last.setdefault(place_of(post), post)  # its answer was lost: another one may have come, or may come
            return
        if post.life.frozen:
            self._lands_late(post)
            return
        row = self._row(*place_of(post))
        if row is None:
            self._court.accuse("A4", f"told of incident {post.incident}, which nobody wanted told")
        elif row.told_revision >= row.wanted_revision:
            self._court.accuse("A4", f"{post.kind} of incident {post.incident}: all that is wanted is recorded as told")
        elif post.kind == "send" and row.message_id:
            self._court.accuse("A4", f"incident {post.incident} is told again, as message {post.message_id}")
        elif post.kind == "send" and (before := self._last.get(place_of(post))) is not None:
            self._excuse(before, post)
        if post.kind == "send":
            self._last[place_of(post)] = post

    def stepped(self, healer: Healer, step: Step) -> None:
        """What a step wants people to hear of first is not suppressed."""
        opened = {one.incident for one in step.wanted if one.opens}
        for incident in step.incidents:
            root = healer.owner.fold.engine.alert(incident.root.labels)
            hidden = root is not None and root.status in ("suppressed", "held", "silenced")
            if incident.id in opened and incident.status == "open" and hidden and self._row_is_new(incident.id):
                self._court.accuse("A4", f"incident {incident.id} is told, and its root is {root and root.status}")

    def _lands_late(self, post: Post) -> None:
        """It was in flight when its sender died, and may come before or after the one that repeats it."""
        if post.kind == "send":
            self._pardon(post)
            self._last.setdefault(place_of(post), post)

    def _excuse(self, before: Post, post: Post) -> None:
        """The first was not recorded: because its answer was lost, or because its sender died, once a crash."""
        if before.life.frozen:
            if before.heard:
                self._pardon(before)
        elif before.heard:
            self._court.accuse("A4", f"incident {post.incident} is told twice by a sender that heard and lives")

    def _pardon(self, post: Post) -> None:
        pardoned = self._pardoned.setdefault(post.life, post.message_id)
        if pardoned != post.message_id:
            self._court.accuse("A4", f"two sends come twice after one crash: {pardoned} and {post.message_id}")

    def _row(self, incident: str, matter: str = "") -> LedgerRow | None:
        rows = ledger.rows(self._connection, incident, "", 100)
        return next((row for row in rows if row.matter == matter), None)

    def _row_is_new(self, incident: str) -> bool:
        row = self._row(incident)
        return row is None or not row.message_id


def place_of(post: Post) -> tuple[str, str]:
    """The incident that a message tells of, and what it calls people for, if it is a call."""
    if (escalated := _ESCALATED.search(post.text)) is not None:
        return post.incident, matter_of(escalated[1], int(escalated[2]))
    found = ((matter, called.search(post.text)) for matter, called in _CALLED.items())
    return post.incident, next((matter.format(*one.groups()) for matter, one in found if one is not None), "")
