"""What the web may ask of a running healer, handed over as values and functions."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from healer.alerts.limits import Limits as AlertLimits
from healer.assembly import Healer
from healer.notification.budget import Budget
from healer.notification.message import message_of
from healer.notification.story import Story
from healer.notification.wording import PLAIN
from healer.rehearsal import preview
from healer.rehearsal.foreseen import Present
from healer.rehearsal.record import COUNTED, records
from healer.remediation.nodes import node_fact
from healer.remediation.request import NAMED, Beneath
from healer.remediation.surroundings import Around
from healer.settings.model import Settings
from healer.telemetry.metrics import Registry
from healer.times import Micros
from healer.web.ports import Bounds, Service
from notifiers.cut import fit, plain_text, utf8_bytes, utf16_units
from notifiers.sender import Limits, Unit
from rules.permissions import touches


def service(settings: Settings, healer: Healer, registry: Registry) -> Service:
    """What the HTTP side needs."""
    limits = settings.server.labels
    store = healer.ports.store
    return Service(
        journal=store,
        view=healer.view,
        projections=store,
        effects=store,
        told=store,
        clock=healer.ports.clock,
        registry=registry,
        desk=healer.desk,
        foresee=partial(foresee, healer),
        preview=partial(previewed, healer),
        rules=partial(rule_records, healer),
        budget=partial(budget_of, healer),
        rota=lambda: healer.view.charter.rota,
        drills=healer.drilling,
        audit=store,
        converging=lambda: tenure.known() if (tenure := healer.ports.tenure) is not None else None,
        halted=healer.runner.observing.halted,
        doubt=healer.view.doubt,
        redact=lambda text: healer.ports.redact(text),
        installation=store.installation,
        auth=settings.server.auth,
        covers=partial(covers, healer),
        beneath=partial(beneath, healer),
        changes=settings.changes,
        bounds=Bounds(
            body=settings.server.max_body,
            max_lag=settings.journal.max_lag,
            alerts=AlertLimits(
                labels=limits.count,
                name_bytes=limits.name,
                value_bytes=limits.value,
                annotation_bytes=limits.annotations,
            ),
        ),
    )


def covers(healer: Healer, matchers: Sequence[str], node: str) -> bool:
    """Whether a node of the topology has what matchers of its attributes ask for; an unknown one has nothing."""
    topology = healer.view.topology
    number = topology.index.id(node)
    return number >= 0 and touches(matchers, node_fact(topology, number))


def beneath(healer: Healer, node: str) -> Beneath:
    """What a fault of a node reaches, of a hundred thousand nodes at most."""
    found = Around(healer.view.topology, lambda _: False).below(node, None)
    return Beneath(len(found), tuple(found[:NAMED]))


def previewed(healer: Healer, incident: str, channel: str) -> str | None:
    """What a channel's readers would read of an incident under way, cut as the channel cuts."""
    story, sender = story_of(healer, incident, channel), healer.ports.senders.get(channel)
    if story is None or sender is None:
        return None
    message = message_of(story, healer.plan.base_url, speech=healer.plan.speech.get(channel, PLAIN))
    limits = getattr(sender, "limits", Limits(0, Unit.NONE))
    return plain_text(fit(message, limits.size, utf8_bytes if limits.unit is Unit.BYTES else utf16_units, links=False))


async def budget_of(healer: Healer, duration: Micros) -> Budget:
    """The noise budget of so long a time up to now."""
    now = healer.ports.clock.now()
    return await healer.budget(now - duration, now)


def story_of(healer: Healer, incident: str, channel: str = "") -> Story | None:
    """What people are told of an incident now, in a channel or in any; None where it is over."""
    return healer.owner.fold.story(incident, channel)


async def foresee(healer: Healer, labels: Mapping[str, str], starts_at: Micros) -> dict[str, Any]:
    """What would happen for an alert now: by the rules in force, with answers of the real Prometheus. Runs nothing."""
    view, ports = healer.view, healer.ports
    now = ports.clock.now()
    present = Present(healer.runner.observing, ports.store.count, view.record, healer.runner.preview)
    return await preview.preview(labels, view.charter, now, starts_at=starts_at, ask=healer.ask, around=present)


async def rule_records(healer: Healer) -> list[dict[str, Any]]:
    """What each rule has done, and may do now."""
    view, ports = healer.view, healer.ports
    newest = await ports.store.remediations(limit=COUNTED)
    return records(view.charter, newest, view.record, ports.clock.now())
