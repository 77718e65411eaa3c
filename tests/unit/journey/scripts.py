"""Random histories of everything a journal can hold. Used by the property tests of the fold.

What depends on decisions (which remediation progresses, which question is answered) is chosen by number and becomes a
record when the script is played once, one record a step.
"""

from dataclasses import dataclass
from typing import get_args

import msgspec
from hypothesis import strategies as st

from healer.alerts.maintenance import Maintenance
from healer.alerts.model import Alert
from healer.alerts.silences import OWN, Silence, identify
from healer.changes.model import State
from healer.convergence.lasting import Rule
from healer.convergence.people import Said, Verb
from healer.journey.charter import Charter
from healer.journey.records import (
    Answer,
    Answered,
    Began,
    Delivered,
    Extended,
    Hushed,
    Lasting,
    Lifted,
    Maintained,
    Progressed,
    Record,
    Resumed,
    Silenced,
    Switched,
    Troubled,
    Vanished,
)
from healer.remediation.model import UNDER_WAY
from healer.times import SECOND
from tests.unit.journey.world import (
    DECIDING,
    INSTALLATION,
    START,
    TREE,
    World,
    changed,
    chartered,
    deployed,
    ends,
    fires,
    labels,
    silenced,
)

WHO = tuple(
    f"{name}@{node}"
    for name in ("ServiceDown", "Hot", "Odd")
    for node in ("host/a", "host/b", "host/c", "rack/r", "switch/s", "")
)
STATES = (*sorted(UNDER_WAY), "succeeded", "failed", "not_verified")
CHARTERS: tuple[Charter, ...] = (
    chartered(),
    changed(window=5 * SECOND, settle=4 * SECOND),
    chartered(graph=msgspec.structs.replace(TREE, edges=())),
    chartered(rules='rule "just say"\n  on event: "Odd"\n  then: notify("boss")\n'),
    chartered(msgspec.structs.replace(DECIDING, dry_run=True)),
)
"""Other settings, topology, rules. All tell the same channels: who is told is another question."""


@dataclass(frozen=True)
class Event:
    """`gap` seconds after the one before; `who`, `number`, `seconds` mean what `what` makes of them."""

    gap: int
    what: str
    who: tuple[str, ...]
    number: int
    seconds: int


KINDS = (
    *("fires",) * 6,
    *("ends",) * 3,
    *("progress",) * 3,
    "answer",
    "silence",
    *("hush", "maintain", "extend", "lift"),
    *("say",) * 3,
    *("began", "lasting"),
    "vanish",
    "change",
    "trouble",
    "adopt",
    "resume",
    "poison",
    "switch",
)

scripts = st.lists(
    st.builds(
        Event,
        st.sampled_from((0, 0, 1, 2, 5, 16, 60)),
        st.sampled_from(KINDS),
        st.lists(st.sampled_from(WHO), min_size=1, max_size=3).map(tuple),
        st.integers(0, 5),
        st.integers(0, 30),
    ),
    min_size=1,
    max_size=25,
)


def played(script: list[Event]) -> World:
    """The script, one record a step; `entries` of the world are its records."""
    world = World(CHARTERS[0])
    at = 1
    for event in script:
        at += event.gap
        if event.what == "adopt":
            world.adopts(at, CHARTERS[event.number % len(CHARTERS)])
        else:
            record = _record(event, at, world)
            if record is not None:
                world.applied(at, record)
    return world


def _record(event: Event, at: int, world: World) -> Record | None:
    number, seconds = event.number, event.seconds
    match event.what:
        case "fires":
            return fires(*event.who, at=at - seconds, lives=seconds * 2 if number == 5 else 0)
        case "ends":
            return ends(*event.who, at=at)
        case "progress":
            return _progress(event, world)
        case "answer":
            asked = world.fold.questions()
            if not asked:
                return None
            question = asked[number % len(asked)]
            value = (0.99, 0.5, None)[number % 3]
            now = START + at * SECOND
            return Answered(
                question.incident, question.rule, tuple(Answer(one.key, value, now) for one in question.queries)
            )
        case "silence":
            return _silences(event, at)
        case "hush":
            return _hushes(event, at, world)
        case "maintain":
            return _maintains(event, at)
        case "extend":
            return Extended(identify(INSTALLATION, number + 1), START + (at + seconds) * SECOND, "ada")
        case "lift":
            return Lifted(identify(INSTALLATION, number + 1), "ada")
        case "say":
            return _said(event, world)
        case "began":
            return Began("prometheus", tuple((labels(one), START + (at - seconds) * SECOND) for one in event.who))
        case "lasting":
            return Lasting("prometheus", (Rule(event.who[0].partition("@")[0], {}, seconds * SECOND),))
        case "vanish":
            return Vanished(tuple(labels(one) for one in event.who))
        case "change":
            states: tuple[State, ...] = get_args(State)
            node = event.who[0].partition("@")[2] or "host/gone"
            return deployed(node, at - seconds, number=number, state=states[seconds % len(states)])
        case "trouble":
            return Troubled("no input", number % 2 == 0)
        case "resume":
            return Resumed(seconds * SECOND)
        case "switch":
            return Switched("*", number % 2 == 0, "ada")
        case _:
            return Delivered("am", (Alert(labels(event.who[0]), True, START, 0), Alert(b"no labels", True, START, 0)))


def _progress(event: Event, world: World) -> Progressed | None:
    planned = world.diary.planned
    if not planned:
        return None
    one = planned[event.number % len(planned)]
    return Progressed(one.remediation, one.plan.incident, STATES[event.seconds % len(STATES)])


def _said(event: Event, world: World) -> Said | None:
    """Somebody's word on one of the incidents that there were."""
    known = sorted(world.diary.incidents)
    if not known:
        return None
    verbs: tuple[Verb, ...] = get_args(Verb)
    return Said(
        verbs[event.seconds % len(verbs)],
        known[event.number % len(known)],
        "ada",
        key="once" if event.seconds == 30 else "",
        alerts=tuple(labels(one) for one in event.who),
        node=event.who[0].partition("@")[2] or "rack/r",
        other=known[event.seconds % len(known)],
    )


def _hushes(event: Event, at: int, world: World) -> Hushed:
    """healer's own silence: a new one, or one that was said before, changed."""
    node = event.who[0].partition("@")[2]
    said = silenced(node, at, at + event.seconds).silences[0]
    known = [one.id for one in world.fold.engine.silences() if one.source == OWN]
    id = known[event.number % len(known)] if known and event.number > 2 else ""
    return Hushed(msgspec.structs.replace(said, id=id, source=OWN))


def _maintains(event: Event, at: int) -> Maintained:
    """Of a node that may not be there; every fifth comes again and again, each time for some seconds."""
    node, begin = event.who[0].partition("@")[2] or "host/gone", START + at * SECOND
    once = Maintenance("", "ada", "new disks", begin, begin + event.seconds * SECOND, node, below=event.number > 1)
    if event.number:
        return Maintained(once)
    again = msgspec.structs.replace(
        once, ends_at=0, schedule="*/1 * * * *", zone="Europe/Berlin", lasts=event.seconds * SECOND
    )
    return Maintained(again)


def _silences(event: Event, at: int) -> Silenced:
    if event.number == 0:
        return Silenced("am", readable=False)
    said: tuple[Silence, ...] = ()
    if event.number > 1:
        node = event.who[0].partition("@")[2]
        said = silenced(node, at, at + event.seconds).silences
    return Silenced("am", True, said)
