"""Somebody wrote a command to healer where people talk: what is it to do, may they, and what are they answered?

The kill switch as a word: `/pause WHY` stops every repair, `/resume` lets them start again. Called by `healer.bootstrap`'s `bots`
and `cards`; what is said goes the way of POST /api/v1/pause and /resume, so that it is judged and written down as these are.
"""

import logging
import re

import msgspec

from healer.accounts.model import Account
from healer.journey.ports import StoreUnavailable
from healer.notification.wording import Speech
from healer.times import SECOND, Micros
from healer.web import acting, pause
from healer.web.auth import Access
from healer.web.ports import Service
from healer.web.pressing import Reply
from healer.web.problems import Problem

log = logging.getLogger(__name__)

WHY = 400
"""Characters of a reason that are kept."""
_COMMAND = re.compile(r"/(pause|resume)(?:@\w{1,64})?(?:\s+(.*))?", re.DOTALL | re.ASCII)
_EVERYTHING = "all"


class Spoken(msgspec.Struct, frozen=True):
    """What was written: by whom, as in `chat` of `server.auth.users`, and when, by the provider's clock in whole seconds."""

    who: str
    text: str
    at: Micros


class Commands:
    """Does what was said."""

    def __init__(self, service: Service, access: Access) -> None:
        self._service = service
        self._access = access
        self._heard = service.registry.counters(
            "healer_commands_total", "Commands that people wrote in chats.", ("verb", "result")
        )

    async def hear(self, spoken: Spoken, speech: Speech) -> Reply | None:
        """What came of it, in the chat's language; None for what is no command of healer's. Never raises for what people do."""
        command = _COMMAND.fullmatch(spoken.text.strip())
        if command is None:
            return None
        verb, why = command[1], " ".join((command[2] or "").split())[:WHY]
        account = self._access.in_chat(spoken.who)
        result = "refused"
        try:
            if account is None:
                log.warning("a stranger wrote a command", extra={"who": spoken.who, "command": verb})
                return Reply(speech.say("pressed stranger", who=spoken.who), loud=True)
            reply = await (
                self._resume(account, spoken, why, speech) if verb == "resume" else self._pause(account, why, speech)
            )
            result = "refused" if reply.loud else "done"
        except Problem as problem:
            log.info("a command was refused", extra={"who": account.name if account else "", "why": problem.detail})
            return Reply(problem.detail, loud=True)
        except StoreUnavailable as error:
            log.warning("a command could not be recorded: %s", error)
            result = "failed"
            return Reply(speech.say("command no store"), loud=True)
        finally:
            self._heard.of(verb, result).inc()
        return reply

    async def _pause(self, account: Account, why: str, speech: Speech) -> Reply:
        """However late it comes, and however often: too much rest is the better mistake."""
        acting.allow(self._service, account, "respond", ())
        await pause.turn(self._service, _EVERYTHING, acting.name_of(account, ""), why, thrown=True)
        return Reply(speech.say("command paused"))

    async def _resume(self, account: Account, spoken: Spoken, why: str, speech: Speech) -> Reply:
        """Not what was said before somebody paused: providers deliver late, and again."""
        acting.allow(self._service, account, "operate", ())
        switches = await self._service.effects.switches()
        thrown = [one for one in switches if one.thrown and one.scope == _EVERYTHING]
        if any(spoken.at + SECOND <= one.at for one in thrown):
            return Reply(speech.say("command resume late", at=speech.clocks(thrown[0].at), who=thrown[0].by), loud=True)
        await pause.turn(self._service, _EVERYTHING, acting.name_of(account, ""), why, thrown=False)
        if file := self._service.halted():
            return Reply(speech.say("command file", why=file), loud=True)
        return Reply(speech.say("command resumed"))
