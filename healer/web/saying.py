"""POST /api/v1/incidents/{id}/{ack,confirm,blame,split,merge,note,close}: what people say of an incident.

When one was answered 2xx the word is in the journal, and holds from there on. The answer is the incident as it stands then:
the new one after a split, and the one that speaks for it where it was merged. A word with an `id` that was heard before
changes nothing and is answered in the same way.
"""

import re
from collections.abc import Sequence
from typing import Annotated, get_args

import msgspec
from aiohttp import web

from healer.accounts.model import Account, Deed
from healer.alerts.identity import fingerprint
from healer.convergence.outcome import AlertView, Incident
from healer.convergence.people import Said, Verb
from healer.notification.own import ALERT
from healer.web import acting, incidents, shapes, words
from healer.web.body import Bodies
from healer.web.orders import BODY_BYTES, read_order, refuse
from healer.web.ports import Service
from healer.web.problems import Problem
from healer.web.query import as_json

VERBS: tuple[Verb, ...] = get_args(Verb)
MAX_SPLIT = 1_000
"""Alerts or nodes that one order may name."""
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_ALSO_WHEN_OVER = frozenset({"confirm", "blame", "note"})
"""What may be said of an incident that is resolved; of one that is merged, only a note may."""


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person says: who (`by`), and why; with an `id` of the client's own it counts once however often it is sent.

    `node` is whom to blame, `what` the alerts (fingerprints) or nodes (with all beneath them) to split off, `other` the
    incident to merge into this one.
    """

    by: Annotated[str, msgspec.Meta(max_length=200)] = ""
    comment: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    id: Annotated[str, msgspec.Meta(max_length=200)] = ""
    node: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    what: Annotated[list[Annotated[str, msgspec.Meta(max_length=1_000)]], msgspec.Meta(max_length=MAX_SPLIT)] = []
    other: Annotated[str, msgspec.Meta(max_length=100)] = ""


_order = msgspec.json.Decoder(Order)


_BELONGS = {"blame": "node", "split": "what", "merge": "other", "note": "comment"}
"""The field without which a word says nothing."""


def routes(service: Service) -> list[web.RouteDef]:
    """One for each verb."""
    bodies = Bodies(service.bounds)

    def saying(verb: Verb) -> web.RouteDef:
        async def said(request: web.Request) -> web.Response:
            body = await bodies.read(request, BODY_BYTES)
            try:
                order = read_order(body, _order) if body.strip() else Order()
            finally:
                bodies.free(len(body))
            return as_json(await _say(service, request, verb, order))

        return web.post(f"/api/v1/incidents/{{id}}/{verb}", said)

    return [saying(verb) for verb in VERBS]


async def _say(service: Service, request: web.Request, verb: Verb, order: Order) -> shapes.Json:
    """Into the journal, and what became of the incident."""
    await service.view.settled()
    found = await incidents.find(service, request)
    return await _as_it_stands(service, await speak(service, acting.account_of(request), verb, order, found))


async def speak(service: Service, account: Account, verb: Verb, order: Order, found: Incident) -> Incident:
    """Somebody's word on an incident into the journal, if they may say it; the incident that it is about by now. Raises
    Problem."""
    acting.allow(service, account, "respond", [Deed("", found.root.node)] if found.root.node else [])
    if order.id and service.view.heard(order.id):
        return found
    check(verb, order, found)
    by = acting.name_of(account, order.by) or acting.ANONYMOUS
    said = Said(verb, found.id, by, order.comment, order.id, how=found.people.how or found.how)
    if verb == "blame":
        said = msgspec.structs.replace(said, node=_node(service, order.node))
    elif verb == "merge":
        said = msgspec.structs.replace(said, other=await _other(service, order.other, found))
    elif verb == "split":
        said = msgspec.structs.replace(said, alerts=_going(service, order.what, found))
    await words.say(service, said)
    if said.alerts and (gone := service.view.alert(said.alerts[0])) is not None and gone.incident:
        found = await service.projections.incident(gone.incident) or found
    return found


def check(verb: Verb, order: Order, incident: Incident) -> None:
    """Raises Problem 409 where it is too late to say so, and 400 where something is missing or out of place."""
    if incident.status == "merged" and verb != "note":
        raise Problem(409, f"incident {incident.id} is part of incident {incident.merged_into}: say it there")
    if incident.status == "resolved" and verb not in _ALSO_WHEN_OVER:
        raise Problem(409, f"incident {incident.id} is over: a note, confirm and blame may still be said of it")
    needed = _BELONGS.get(verb, "")
    given = {"node": order.node, "what": order.what, "other": order.other}
    wrong = [(name, f"{verb} takes no {name}") for name, value in given.items() if value and name != needed]
    if needed and not getattr(order, needed):
        wrong.append((needed, f"{verb} says nothing without {needed}"))
    refuse(wrong, f"this {verb}")


def _node(service: Service, node: str) -> str:
    """A node of the topology. Raises Problem 400."""
    near = service.view.near(node)
    if near is not None:
        hint = f"did you mean {', '.join(near)}?" if near else "`healer topology show` lists what there is"
        refuse([("node", f"the topology has no node {node!r}; {hint}")], "this blame")
    return node


async def _other(service: Service, id: str, into: Incident) -> str:
    """An open incident that is another one. Raises Problem 400, 409."""
    if id == into.id:
        refuse([("other", "that is this incident itself")], "this merge")
    other = await service.projections.incident(id)
    if other is None:
        raise Problem(404, f"there is no incident {id[:100]} to merge")
    if other.status != "open":
        raise Problem(409, f"incident {other.id} is {other.status} already")
    for one in (into, other):
        if one.root.name == ALERT:
            raise Problem(409, f"incident {one.id} is about healer itself, and part of no other")
        if not one.firing:
            raise Problem(409, f"nothing fires in incident {one.id} now, so nothing of it can be merged")
    return other.id


def _going(service: Service, what: Sequence[str], incident: Incident) -> tuple[bytes, ...]:
    """The firing alerts that are meant, without the root. Raises Problem 400 for each text that means none, 409 for the root."""
    firing = [one for one in service.view.incident_alerts(incident.id) if one.status != "resolved"]
    wrong: words.Wrong = []
    going: dict[bytes, None] = {}
    root = False
    for number, text in enumerate(what):
        meant = _meant(service, text, firing)
        if not meant:
            wrong.append((f"what/{number}", f"{text!r} is no firing alert of this incident, and no node of one"))
        root = root or any(one.labels == incident.root.labels for one in meant)
        going.update((one.labels, None) for one in meant if one.labels != incident.root.labels)
    refuse(wrong, "this split")
    if not going:
        assert root, "every text means something"
        raise Problem(409, "the root cannot be split off: blame another node, and all else goes there")
    return tuple(sorted(going))


def _meant(service: Service, text: str, alerts: Sequence[AlertView]) -> list[AlertView]:
    """A fingerprint means one alert; a node those that sit on it, and beneath it."""
    if _FINGERPRINT.fullmatch(text.lower()):
        return [one for one in alerts if fingerprint(one.labels) == text.lower()]
    return [one for one in alerts if one.node and (one.node == text or service.view.is_beneath(one.node, text))]


async def _as_it_stands(service: Service, incident: Incident) -> shapes.Json:
    """The incident, or the one that speaks for it by now."""
    now = await service.projections.incident(incident.id) or incident
    while now.status == "merged" and (into := await service.projections.incident(now.merged_into)) is not None:
        now = into
    return await incidents.shape(service, now, incidents.LISTED_ALERTS)
