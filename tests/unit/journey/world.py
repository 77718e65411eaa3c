"""A small installation to fold in: a switch above racks above hosts, short times, two rules; and what is asked of a fold.

Times are whole seconds, told as seconds after `START`, and the settings are short, so that a few entries meet every edge.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from healer.alerts.identity import canonical
from healer.alerts.model import Alert
from healer.alerts.silences import Silence, SilenceMatcher
from healer.changes.model import Change, State
from healer.changes.settings import Line
from healer.convergence.outcome import Happening, Incident
from healer.convergence.settings import Convergence, Hold
from healer.journey.charter import Charter, Deciding, Documents, RuleText, charter, documents
from healer.journey.fold import Fold
from healer.journey.ports import Closed, Planned, Step, Superseded, Wanted
from healer.journey.records import Adopted, Changed, Delivered, Entry, Record, Silenced
from healer.notification.story import Story
from healer.notification.wording import worded
from healer.times import SECOND, Micros
from healer.topology.graph import Node, Topology, topology

START: Micros = 1_767_780_000_000_000
"""2026-01-07T10:00:00Z."""
INSTALLATION = "test"
HOSTS = ("host/a", "host/b", "host/c")
QUIET = 4_000
"""Seconds after which every hold, settle, question and edition of these settings is over."""

SHORT = Convergence(
    window=40 * SECOND, slack=8 * SECOND, hold=Hold(default=5 * SECOND, critical=3 * SECOND), settle=15 * SECOND
)
DECIDING = Deciding(
    place="lead",
    dry_run=False,
    packs=(),
    convergence=SHORT,
    mappings=(),
    labels=(),
    max_nodes=1_000,
    health={"host": "up{instance='{{ node.id }}'}"},
    channels=("duty",),
    routes=(),
    heartbeat="Watchdog",
    changes=(Line(node="{env}"),),
    change_window=60 * SECOND,
)
TREE = topology(
    [Node("switch/s", "switch"), Node("rack/r", "rack"), *(Node(host, "host") for host in HOSTS)],
    [("switch/s", "rack/r"), ("rack/r", "host/a"), ("rack/r", "host/b")],
)
RULES = """rule "restart the shop"
  on event: "ServiceDown"
  then: execute("restart_service", unit: "shop.service")
  otherwise: notify("boss")
  mode: auto

rule "when it is hot"
  on event: "Hot"
  when: cpu_load > 95%
  then: execute("restart_service", unit: "shop.service")
  mode: auto
"""


def chartered(deciding: Deciding = DECIDING, graph: Topology = TREE, rules: str = RULES) -> Charter:
    """What decides, made from its documents, as the owner does."""
    kept = documents(deciding, graph, (RuleText("mine.heal", rules),))
    return charter(adopted_of(kept), kept)


def adopted_of(kept: Documents) -> Adopted:
    return Adopted(*(hashlib.sha256(each).hexdigest() for each in (kept.topology, kept.settings, kept.rules)))


def changed(**settings: Any) -> Charter:
    """A charter with other settings: of `Deciding`, or of `convergence`."""
    ours = {name: settings.pop(name) for name in list(settings) if name in Deciding.__struct_fields__}
    convergence = msgspec.structs.replace(ours.pop("convergence", SHORT), **settings)
    return chartered(msgspec.structs.replace(DECIDING, convergence=convergence, **ours))


def labels(who: str, severity: str = "critical") -> bytes:
    """`ServiceDown@host/a`: an alert's canonical labels."""
    name, _, node = who.partition("@")
    return canonical({"alertname": name, "severity": severity, **({"node": node} if node else {})})


def fires(*who: str, at: float = 0, severity: str = "critical", lives: int = 0) -> Delivered:
    """These alerts fire since `at`; `lives` is the seconds until they expire unless told again."""
    began = START + int(at * SECOND)
    ends = began + lives * SECOND if lives else 0
    return Delivered("am", tuple(Alert(labels(one, severity), True, began, ends) for one in who))


def ends(*who: str, at: float = 0, severity: str = "critical") -> Delivered:
    """These alerts are resolved."""
    ended = START + int(at * SECOND)
    return Delivered("am", tuple(Alert(labels(one, severity), False, START, ended) for one in who))


def silenced(node: str, begin: int, end: int) -> Silenced:
    """One silence is known: of a node."""
    silence = Silence(f"of {node}", "am", (SilenceMatcher("node", node),), START + begin * SECOND, START + end * SECOND)
    return Silenced("am", True, (silence,))


def deployed(node: str, at: float, *, number: int = 0, state: State = "succeeded", key: str = "") -> Changed:
    """News of a deployment onto a node: of the one with this number, or of one of its own."""
    key = key or f"{node} {at} {number} {state}"
    told = Change(
        "github", key, "acme/shop", "deploy", node, "main", "1a2b3c4d", state, "ada", (), START + int(at * SECOND), ""
    )
    return Changed(msgspec.structs.replace(told, deployment=str(number or ""), keys=(key,)))


class Diary:
    """What steps said, without how they were cut."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.incidents: dict[str, Incident] = {}
        self.timeline: list[Happening] = []
        self.planned: list[Planned] = []
        self.superseded: list[Superseded] = []
        self.closed: list[Closed] = []
        self.wanted: list[Wanted] = []

    def write(self, step: Step | None) -> None:
        if step is None:
            return
        self.steps.append(step)
        self.incidents.update((one.id, one) for one in step.incidents)
        self.timeline.extend(step.timeline)
        self.planned.extend(step.planned)
        self.superseded.extend(step.superseded)
        self.closed.extend(step.closed)
        self.wanted.extend(step.wanted)

    @property
    def told(self) -> dict[tuple[str, str], tuple[bytes, bool, bool]]:
        """What each recipient is to know of each incident in the end: the story, whether it is urgent, whether it opens."""
        return {
            (one.incident, one.channel): (one.story, one.urgent, one.opens) for one in self.wanted if not one.matter
        }

    @property
    def calls(self) -> list[tuple[str, str]]:
        """What people were called for beside the story: the channel and the matter."""
        return [(one.channel, one.matter) for one in self.wanted if one.matter and one.opens]

    def decided(self) -> dict[str, object]:
        """All that must not depend on how records were cut into steps."""
        return {
            "incidents": self.incidents,
            "timeline": self.timeline,
            "planned": self.planned,
            "superseded": self.superseded,
            "closed": self.closed,
            "told": {place: (read(story), urgent, opens) for place, (story, urgent, opens) in self.told.items()},
        }


def read(story: bytes) -> Story:
    """A story as people read it for the first time: its facts hold more than the words say, and what they were told before
    depends on where steps ended."""
    told = msgspec.msgpack.decode(story, type=Story)
    facts = msgspec.structs.replace(told.facts, first="") if told.facts is not None else None
    return msgspec.structs.replace(worded(msgspec.structs.replace(told, facts=facts)), facts=None, called="")


class World:
    """A fold under a charter, fed one record a step. `diary` is what it said."""

    def __init__(self, charter: Charter | None = None) -> None:
        self.charter = charter or chartered()
        self.charters = {self.charter.adopted: self.charter}
        self.fold = Fold(self.charter, INSTALLATION)
        self.diary = Diary()
        self.position = 0
        self.entries: list[Entry] = []
        self.applied(0, self.charter.adopted)

    def applied(self, at: float, record: Record, charter: Charter | None = None) -> Step:
        """One record, so many seconds after `START`, as a step of its own."""
        self.position += 1
        if charter is not None:
            self.charters[charter.adopted] = charter
        entry = Entry(self.position, START + int(at * SECOND), record)
        self.entries.append(entry)
        self.fold.apply(entry, self.charters.get(record) if isinstance(record, Adopted) else None)
        step = self._took(self.position, self.position)
        assert step is not None, "a record always makes a step"
        return step

    def adopts(self, at: float, charter: Charter) -> Step:
        """From here on these versions decide."""
        return self.applied(at, charter.adopted, charter)

    def until(self, at: float) -> Step | None:
        """Time passes, and no record comes."""
        self.fold.advance(START + int(at * SECOND))
        return self._took(self.position + 1, self.position)

    def _took(self, first: int, last: int) -> Step | None:
        step = self.fold.take(len(self.diary.steps) + 1, 1, first, last)
        self.diary.write(step)
        return step

    # --- what is known

    @property
    def open(self) -> list[Incident]:
        return [one for one in self.diary.incidents.values() if one.status == "open"]

    @property
    def incident(self) -> Incident:
        """The only incident there ever was."""
        (one,) = self.diary.incidents.values()
        return one

    def status(self, who: str, severity: str = "critical") -> str:
        view = self.fold.engine.alert(labels(who, severity))
        return view.status if view is not None else "forgotten"

    def story(self, incident: str, channel: str = "duty") -> Story:
        """What a recipient is to know by now."""
        return worded(msgspec.msgpack.decode(self.diary.told[incident, channel][0], type=Story))

    def codes(self) -> list[str]:
        return [one.code for one in self.diary.timeline]


def cut(entries: Sequence[Entry], charters: dict[Adopted, Charter], cuts: Iterable[int], fold: Fold) -> Diary:
    """The same entries in steps that end after each position in `cuts`, and a long quiet time at the end."""
    diary, ends, first = Diary(), {*cuts, entries[-1].position}, entries[0].position
    for entry in entries:
        fold.apply(entry, charters.get(entry.record) if isinstance(entry.record, Adopted) else None)
        if entry.position in ends:
            diary.write(fold.take(len(diary.steps) + 1, 1, first, entry.position))
            first = entry.position + 1
    fold.advance(entries[-1].at + QUIET * SECOND)
    diary.write(fold.take(len(diary.steps) + 1, 1, first, first - 1))
    return diary
