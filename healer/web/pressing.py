"""Somebody pressed a button under a message: what is it to do, may they, and what are they answered?

Called by `healer.bootstrap` for whatever brings presses in. A press goes the way of the API's own orders (`saying`, `silences`,
`approvals`), so that it is judged, journalled and audited as these are, and a press that comes twice counts once.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec

from healer.accounts.model import Account
from healer.alerts import silences as quiet
from healer.alerts.identity import labels_of
from healer.alerts.silences import OWN, Silence, SilenceMatcher
from healer.convergence.outcome import Incident
from healer.journey.ports import StoreUnavailable
from healer.notification import buttons
from healer.notification.buttons import SILENCES, Keyboard, Wish
from healer.notification.story import Story, cut, one_line
from healer.notification.wording import Speech
from healer.remediation.approval import TWICE, destroyed
from healer.remediation.model import Remediation
from healer.times import DAY, Micros, format_duration
from healer.web import acting, approvals, saying, silences
from healer.web.auth import Access
from healer.web.orders import refuse
from healer.web.ports import Service
from healer.web.problems import Problem

log = logging.getLogger(__name__)

LONGEST: Micros = 7 * DAY
"""A silence that lasts as long as its incident ends after this in any case."""
ANSWER = 200
"""Characters of an answer: what Telegram shows."""


class Pressed(msgspec.Struct, frozen=True):
    """A press as it came in. `key` is the same when it comes again; `who` is who pressed, as in `chat` of `server.auth.users`."""

    key: str
    who: str
    data: str


class Reply(msgspec.Struct, frozen=True):
    """What whoever pressed is told; `loud` where it is not what they wanted. `rows` are the buttons that stand there from now on,
    None for those that there are."""

    text: str
    loud: bool = False
    rows: Keyboard | None = None


class _One(msgspec.Struct, frozen=True):
    """A press by somebody who is known."""

    account: Account
    wish: Wish
    key: str
    speech: Speech


class Pressing:
    """Does what was pressed. `story(incident)` is what people are told of it now, None where it is over."""

    def __init__(self, service: Service, access: Access, story: Callable[[str], Story | None]) -> None:
        self._service = service
        self._access = access
        self._story = story
        self._told = service.registry.counters(
            "healer_presses_total", "Buttons that people pressed.", ("verb", "result")
        )

    async def press(self, pressed: Pressed, speech: Speech) -> Reply:
        """What came of it, in the chat's language; never raises for what people do."""
        wish = buttons.read(pressed.data)
        if wish is None:
            self._told.of("none", "refused").inc()
            return Reply(speech.say("pressed nothing"), loud=True)
        account = self._access.in_chat(pressed.who)
        result = "refused"
        try:
            if account is None:
                log.warning("a stranger pressed a button", extra={"who": pressed.who, "button": str(wish)})
                return Reply(speech.say("pressed stranger", who=pressed.who), loud=True)
            reply = await self._ways[wish.verb](self, _One(account, wish, pressed.key, speech))
            result = "done"
        except Problem as problem:
            log.info("a press was refused", extra={"who": account.name if account else "", "why": problem.detail})
            reply = Reply("; ".join((problem.detail, *(fault.detail for fault in problem.errors))), loud=True)
        except StoreUnavailable as error:
            log.warning("a press could not be recorded: %s", error)
            reply, result = Reply(speech.say("pressed no store"), loud=True), "failed"
        finally:
            self._told.of(wish.verb, result).inc()
        return msgspec.structs.replace(reply, text=cut(one_line(reply.text), ANSWER))

    async def about(self, data: str) -> str:
        """The incident that a button is about, "" where it is about none. Raises StoreUnavailable."""
        wish = buttons.read(data)
        if wish is None:
            return ""
        if wish.verb not in buttons.OF_REMEDIATIONS:
            return wish.about
        found = await self._service.effects.remediation(wish.about)
        return found.plan.incident if found is not None else ""

    # --- by verb

    async def _ack(self, one: _One) -> Reply:
        found = await self._incident(one.wish.about, one.speech)
        await saying.speak(self._service, one.account, "ack", saying.Order(id=one.key), found)
        return Reply(one.speech.say("pressed ack"))

    async def _others(self, one: _One) -> Reply:
        found = await self._incident(one.wish.about, one.speech)
        self._may_read(one.account)
        return Reply(one.speech.say("pressed others"), rows=buttons.instead(found, one.speech))

    async def _blame(self, one: _One) -> Reply:
        found = await self._incident(one.wish.about, one.speech)
        meant = [each.node for each in found.candidates if buttons.mark(each.node) == one.wish.which]
        if not meant:
            raise Problem(409, one.speech.say("pressed nothing"))
        await saying.speak(self._service, one.account, "blame", saying.Order(id=one.key, node=meant[0]), found)
        return Reply(one.speech.say("pressed blame", node=meant[0]))

    async def _silence(self, one: _One) -> Reply:
        found = await self._incident(one.wish.about, one.speech)
        acting.allow(self._service, one.account, "respond", ())
        if self._service.view.heard(one.key):
            return Reply(one.speech.say("pressed before"))
        now, lasts = self._service.clock.now(), SILENCES[one.wish.which]
        labels = labels_of(found.root.labels)
        said = Silence(
            id="",
            source=OWN,
            matchers=tuple(SilenceMatcher(name, value) for name, value in labels.items()),
            starts_at=now,
            ends_at=now + (lasts or LONGEST),
            created_by=acting.name_of(one.account, ""),
            comment=f"pressed under the message of incident {found.id}",
            incident="" if lasts else found.id,
        )
        refuse(quiet.wrong(said, now), "the silence")
        await silences.hush(self._service, said, about=found.id, key=one.key)
        until = "pressed silence" if lasts else "pressed silence over"
        return Reply(one.speech.say(until, at=one.speech.clocks(said.ends_at)))

    async def _why(self, one: _One) -> Reply:
        found = await self._incident(one.wish.about, one.speech)
        self._may_read(one.account)
        root = self._service.view.alert((found.named or found.root).labels)
        reasons = [
            *(found.candidates[0].why if found.candidates else ()),
            *(self._service.view.why(root) if root else ()),
        ]
        return Reply("; ".join(dict.fromkeys(reasons)), loud=True)

    async def _back(self, one: _One) -> Reply:
        found = await self._incident(one.wish.about, one.speech)
        self._may_read(one.account)
        return Reply("", rows=self._rows(found.id, one.speech))

    async def _approve(self, one: _One) -> Reply:
        return await self._answer(one, await self._remediation(one.wish.about), ())

    async def _sure(self, one: _One) -> Reply:
        found = await self._remediation(one.wish.about)
        targets = destroyed(found.plan)
        if buttons.targets_mark(targets) != one.wish.which:
            raise Problem(409, one.speech.say("pressed nothing"))
        return await self._answer(one, found, targets, "run" if found.state == "suggested" else "approve")

    async def _run(self, one: _One) -> Reply:
        return await self._answer(one, await self._remediation(one.wish.about), (), "run")

    async def _reject(self, one: _One) -> Reply:
        found = await self._remediation(one.wish.about)
        await approvals.answer(self._service, self._access, one.account, "reject", approvals.Answer(), found)
        return Reply(one.speech.say("pressed reject", what=_what(found)))

    async def _answer(
        self, one: _One, found: Remediation, targets: tuple[str, ...], way: Literal["approve", "run"] = "approve"
    ) -> Reply:
        """Somebody says yes, or wants what was suggested."""
        order = approvals.Answer(targets=list(targets))
        after, once_more = await approvals.answer(self._service, self._access, one.account, way, order, found)
        if once_more:
            named = destroyed(found.plan)
            words = one.speech.say("pressed sure", targets=", ".join(named), within=format_duration(TWICE))
            return Reply(words, loud=True, rows=buttons.sure(found.id, named, found.plan.incident, one.speech))
        if after.state == "awaiting_approval":
            return Reply(one.speech.say("pressed approve more", detail=after.detail))
        return Reply(one.speech.say(f"pressed {way}", what=_what(found)))

    _ways: Mapping[str, Callable[["Pressing", _One], Awaitable[Reply]]] = {
        "ack": _ack,
        "others": _others,
        "blame": _blame,
        "silence": _silence,
        "why": _why,
        "back": _back,
        "approve": _approve,
        "sure": _sure,
        "reject": _reject,
        "run": _run,
    }

    # --- inside

    async def _incident(self, id: str, speech: Speech) -> Incident:
        """The open incident that is meant, or the one that speaks for it by now. Raises Problem 404, 409."""
        await self._service.view.settled()
        found = await self._service.projections.incident(id)
        if found is None:
            raise Problem(404, speech.say("pressed nothing"))
        if found.status != "open":
            raise Problem(409, speech.say("pressed over", status=found.status))
        return found

    async def _remediation(self, id: str) -> Remediation:
        found = await self._service.effects.remediation(id)
        if found is None:
            raise Problem(404, f"there is no remediation {id}")
        return found

    def _may_read(self, account: Account) -> None:
        acting.allow(self._service, account, "read", ())

    def _rows(self, incident: str, speech: Speech) -> Keyboard:
        story = self._story(incident)
        return buttons.under(story, speech) if story is not None else ()


def _what(found: Remediation) -> str:
    """A plan in a few words."""
    return ", ".join(f"{step.action} on {step.node}" for step in found.plan.steps if step.node) or found.plan.rule
