"""POST /api/v1/remediations/{id}/{approve,reject,cancel,run}: what people say of a plan. `id` may be its short code.

To `run` is to want what was only suggested.

What destroys something is approved twice: the first yes is answered 202 with the targets, the second has to name them within
60 s. Each yes is one person's; where two are asked, healer has to know both.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from healer.accounts.model import Account, Deed
from healer.accounts.rights import refuse_asked
from healer.remediation.approval import ANYBODY, NotAsked, all_steps, cancel, reject, run_suggested, say_yes
from healer.remediation.model import UNDER_WAY, Plan, Remediation
from healer.times import Micros
from healer.web import acting
from healer.web.auth import Access
from healer.web.body import Bodies
from healer.web.orders import BODY_BYTES, read_order
from healer.web.ports import Service
from healer.web.problems import Problem
from healer.web.query import as_json
from healer.web.remediations import find, shape

Name = Annotated[str, msgspec.Meta(max_length=1_000)]


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who answers, to which plan (its hash; without it, whichever is asked about now), what it is done to, and why not."""

    by: Annotated[str, msgspec.Meta(max_length=200)] = ""
    plan: Annotated[str, msgspec.Meta(max_length=64)] = ""
    targets: Annotated[list[Name], msgspec.Meta(max_length=1_000)] = []
    why: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    """People read it with the incident. Of a yes it is not kept: what speaks for it stands in the plan."""


_answer = msgspec.json.Decoder(Answer)


Say = Callable[[Remediation, str, Answer, Micros], Remediation]
Way = Literal["approve", "reject", "cancel", "run"]


def routes(service: Service, access: Access) -> list[web.RouteDef]:
    bodies = Bodies(service.bounds)

    async def answered(request: web.Request, way: Way) -> web.Response:
        body = await bodies.read(request, BODY_BYTES)
        try:
            order = read_order(body, _answer) if body.strip() else Answer()
        finally:
            bodies.free(len(body))
        found = await find(service, request)
        after, once_more = await answer(service, access, acting.account_of(request), way, order, found)
        response = as_json(await shape(service, after))
        if once_more:
            response.set_status(202)
        return response

    return [web.post(f"/api/v1/remediations/{{id}}/{way}", partial(answered, way=way)) for way in WAYS]


async def answer(
    service: Service, access: Access, account: Account, way: Way, order: Answer, found: Remediation
) -> tuple[Remediation, bool]:
    """Somebody's word on a plan, if they may say it; whether it has to be said once more, with the targets.

    Raises Problem: 403 where they may not, 409 where it is too late or about another plan.
    """
    try:
        acting.allow(service, account, "operate", deeds_of(found.plan))
        if way == "approve":
            check_asked(access, found, account)
    except Problem as refused:
        what = {"remediation": found.id, "incident": found.plan.incident, "plan": found.plan.hash}
        await acting.note_of(service, account, "answer refused", **what, why=refused.detail)
        raise
    if way == "run":
        await _check_free(service, found)
    by, now = acting.name_of(account, order.by) or acting.ANONYMOUS, service.clock.now()
    say = WAYS[way]
    try:
        after = await service.effects.answer(found.id, lambda stored: say(stored, by, order, now), now=now)
    except NotAsked as no:
        raise Problem(409, str(no)) from None
    if after is None:
        raise Problem(404, f"there is no remediation {found.id}")
    return after, by not in after.agreed and any(tap.who == by and tap.at == now for tap in after.tapped)


def check_asked(access: Access, found: Remediation, account: Account) -> None:
    """Raises Problem 403 unless this account is among those who are asked, and as well known as it takes."""
    asked = found.plan.approve[found.asked] if found.plan.approve else None
    if asked is None:
        return
    names = {account.name for account in access.accounts}
    teams = {team for account in access.accounts for team in account.teams}
    known = {*teams, *names} if teams else set[str]()
    if asked.who != ANYBODY and (refusal := refuse_asked(account, asked.who, known)):
        raise Problem(403, refusal)
    if asked.count > 1 and account.known != "person":
        why = f"{asked.count} people are asked, and healer does not know who you are: use a token of your own"
        raise Problem(403, f"{why} (server.auth.users)")


async def _check_free(service: Service, found: Remediation) -> None:
    """Raises Problem 409 where there is nothing left to repair, or somebody is at it."""
    incident = await service.projections.incident(found.plan.incident)
    if incident is None or incident.status != "open":
        raise Problem(409, f"incident {found.plan.incident} is over: there is nothing to run it for")
    others = await service.effects.remediations(incident=found.plan.incident)
    busy = [other.id for other in others if other.state in UNDER_WAY]
    if busy:
        raise Problem(409, f"remediation {busy[0]} is under way for this incident: wait for its end")


def deeds_of(plan: Plan) -> tuple[Deed, ...]:
    """What somebody's right has to cover: everything that the plan may do, now or later."""
    return tuple(Deed(step.action, step.node) for step in all_steps(plan))


def _yes(stored: Remediation, who: str, order: Answer, now: Micros) -> Remediation:
    return say_yes(stored, who, now, order.plan, order.targets)


def _no(stored: Remediation, who: str, order: Answer, now: Micros) -> Remediation:
    return reject(stored, who, now, order.plan, order.why)


def _stop(stored: Remediation, who: str, order: Answer, now: Micros) -> Remediation:
    if order.plan and order.plan != stored.plan.hash:
        raise NotAsked(f"the plan is another one by now: {stored.plan.hash}")
    del now
    return cancel(stored, who, order.why)


def _run(stored: Remediation, who: str, order: Answer, now: Micros) -> Remediation:
    return run_suggested(stored, who, now, order.plan, order.targets)


WAYS: dict[Way, Say] = {"approve": _yes, "reject": _no, "cancel": _stop, "run": _run}
"""What may be said; to stop something nobody has to be asked."""
