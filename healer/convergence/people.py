"""What did people say of incidents, and what follows for their alerts? Remembered here; `saying` makes it so, `judge` asks.

A person's word wins over the rules 1 to 9 for the alerts it is about, for as long as they are remembered: through restarts,
reloads and changes of the topology, because it names alerts by their labels.
"""

from collections.abc import Container, Iterable, Mapping
from typing import Literal, Protocol

import msgspec

from healer.convergence.episode import Episode
from healer.convergence.settings import Convergence
from healer.times import Micros

Verb = Literal["ack", "confirm", "blame", "split", "merge", "note", "close"]

MAX_OVER = 100_000
"""Alerts that people closed and that are remembered; the oldest go first, and count again when they are repeated."""
MAX_KEYS = 10_000
"""Keys of clients that are remembered, so that a word which is sent twice counts once."""
APART = "\0apart"
"""First part of the key of a place where alerts sit that a person split off; no label has such a value."""


class Said(msgspec.Struct, frozen=True, array_like=True, tag="said"):
    """Somebody's word on an incident, as the journal keeps it.

    `alerts` (canonical labels) are those to split off; `node` is whom to blame; `other` the incident to merge into this one.
    `key` is the client's own, "" for none. `how` is how the root was found, for an incident that memory has forgotten.
    """

    verb: Verb
    incident: str
    by: str
    comment: str = ""
    key: str = ""
    alerts: tuple[bytes, ...] = ()
    node: str = ""
    other: str = ""
    how: str = ""


class Words(msgspec.Struct, frozen=True):
    """All that is remembered, by canonical labels: a snapshot's part.

    `under` is the alert that an alert comes from, b"" for one that is a root; `apart` the group that it was split off with;
    `who` said the latest of these; `over` is when it was closed, wall time. `suspects` are the nodes that were
    blamed and have no alert, by incident. `record` counts roots that people confirmed, and blamed another for, by how they
    were found.
    """

    under: dict[bytes, bytes] = {}
    apart: dict[bytes, str] = {}
    who: dict[bytes, str] = {}
    over: dict[bytes, Micros] = {}
    suspects: dict[str, str] = {}
    gives_way: dict[str, str] = {}
    keys: dict[str, None] = {}
    record: dict[str, tuple[int, int]] = {}


class View(Protocol):
    """What has to be known of the engine."""

    now: Micros
    settings: Convergence

    @property
    def episodes(self) -> Mapping[bytes, Episode]: ...


class People:
    """People's words in force. `who` is empty while there is none that concerns an alert, so that it costs nothing then."""

    def __init__(self) -> None:
        self.under: dict[bytes, bytes] = {}
        self.apart: dict[bytes, str] = {}
        self.who: dict[bytes, str] = {}
        self.over: dict[bytes, Micros] = {}
        self.suspects: dict[str, str] = {}
        self.gives_way: dict[str, str] = {}
        self.keys: dict[str, None] = {}
        self.record: dict[str, tuple[int, int]] = {}
        self._on: dict[int, dict[Episode, None]] = {}
        self._causes: dict[bytes, dict[bytes, None]] = {}

    # --- asked by the rules

    def cause_of(self, symptom: Episode, view: View) -> Episode | None:
        """The unexplained alert that a person put this one beneath, directly or by way of others, while that holds."""
        named = self.under.get(symptom.labels)
        cause = view.episodes.get(named) if named else None
        if cause is None or is_gone(cause, view):
            return None
        top = cause if cause.place is not None else cause.by
        if top is None or top is symptom or top.place is None or is_gone(top, view):
            return None
        return top

    def alone(self, episode: Episode) -> bool:
        """Whether people say that nothing explains this alert."""
        labels = episode.labels
        return self.under.get(labels) == b"" or labels in self.apart

    def on(self, node: int) -> Iterable[Episode]:
        """The alerts on a node that people spoke of: each explains what is beneath it, in the name of its own cause."""
        return self._on.get(node, ())

    def beneath(self, cause: bytes) -> Iterable[bytes]:
        """The alerts that were put beneath this one."""
        return self._causes.get(cause, ())

    def is_beneath(self, labels: bytes, others: Container[bytes]) -> bool:
        """Whether an alert was put beneath one of these, directly or by way of others, be it that this holds now or not."""
        passed: set[bytes] = set()
        while labels not in passed:
            passed.add(labels)
            labels = self.under.get(labels, b"")
            if labels in others:
                return True
        return False

    def is_over(self, labels: bytes, starts_at: Micros) -> bool:
        """Whether a person closed this interval of an alert; a later one opens it again."""
        closed_at = self.over.get(labels)
        if closed_at is None:
            return False
        if starts_at <= closed_at:
            return True
        del self.over[labels]
        return False

    # --- told by `saying`

    def put(self, episode: Episode, under: bytes, by: str) -> None:
        """Put an alert beneath another, or (b"") beneath nothing."""
        self._unlink(episode.labels)
        self.under[episode.labels] = under
        if under:
            self._causes.setdefault(under, {})[episode.labels] = None
        self._remember(episode, by)

    def split(self, episode: Episode, group: str, by: str) -> None:
        """Put an alert into a group of its own."""
        self._unlink(episode.labels)
        self.apart[episode.labels] = group
        self._remember(episode, by)

    def rejoin(self, episode: Episode) -> None:
        """Take back that it was split off: a later word says where it belongs."""
        self.apart.pop(episode.labels, None)

    def close(self, episode: Episode, at: Micros) -> None:
        """It is over, whoever goes on repeating it."""
        self.over.pop(episode.labels, None)
        self.over[episode.labels] = at
        while len(self.over) > MAX_OVER:
            del self.over[next(iter(self.over))]

    def heard(self, key: str) -> bool:
        """Whether this client's key was heard before; from now on it was."""
        if not key:
            return False
        if key in self.keys:
            return True
        self.keys[key] = None
        while len(self.keys) > MAX_KEYS:
            del self.keys[next(iter(self.keys))]
        return False

    def count(self, how: str, right: int, wrong: int) -> None:
        """Roots that turned out right or wrong, by how they were found."""
        confirmed, blamed = self.record.get(how, (0, 0))
        self.record[how] = (max(confirmed + right, 0), max(blamed + wrong, 0))

    def forget(self, episode: Episode) -> bool:
        """Let go of what was said of an alert that is long over. Whether there was anything."""
        if self.who.pop(episode.labels, None) is None:
            return False
        self._unlink(episode.labels)
        self.apart.pop(episode.labels, None)
        there = self._on.get(episode.node)
        if there is not None:
            there.pop(episode, None)
            if not there:
                del self._on[episode.node]
        return True

    # --- going on elsewhere

    def freeze(self) -> Words:
        return Words(
            dict(self.under),
            dict(self.apart),
            dict(self.who),
            dict(self.over),
            dict(self.suspects),
            dict(self.gives_way),
            dict(self.keys),
            dict(self.record),
        )

    def thaw(self, words: Words, episodes: Mapping[bytes, Episode]) -> None:
        """Remember it all again; the alerts may sit on other nodes by now."""
        self.under, self.apart, self.who = dict(words.under), dict(words.apart), dict(words.who)
        self.over, self.suspects, self.gives_way = dict(words.over), dict(words.suspects), dict(words.gives_way)
        self.keys, self.record = dict(words.keys), dict(words.record)
        for labels, cause in self.under.items():
            if cause:
                self._causes.setdefault(cause, {})[labels] = None
        for labels in self.who:
            if (episode := episodes.get(labels)) is not None and episode.node >= 0:
                self._on.setdefault(episode.node, {})[episode] = None

    # --- inside

    def _remember(self, episode: Episode, by: str) -> None:
        self.who[episode.labels] = by
        if episode.node >= 0:
            self._on.setdefault(episode.node, {})[episode] = None

    def _unlink(self, labels: bytes) -> None:
        cause = self.under.pop(labels, b"")
        if cause and (others := self._causes.get(cause)) is not None:
            others.pop(labels, None)
            if not others:
                del self._causes[cause]


def is_gone(episode: Episode, view: View) -> bool:
    """Whether it ended so long ago that it explains nothing any more."""
    return bool(episode.ended_at) and view.now - episode.ended_at >= view.settings.settle
