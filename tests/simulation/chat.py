"""A chat where people read what healer tells: it keeps every message, gives out ids, and refuses what a provider refuses.

`Chat` is the provider, and the truth about what people were told; `Line` is one incarnation's way to it.
"""

import asyncio
from collections.abc import Callable

import msgspec

from healer.times import SECOND, Micros
from notifiers.message import Ambiguous, Answer, Message, Ok, OkNoop, Permanent, RateLimited, Reason, Told, Transient
from notifiers.sender import Limits, Rate, Unit
from tests.simulation.faults import Faults, Kind, land, land_later
from tests.simulation.incarnation import Incarnation
from tests.simulation.world import SimClock

NAME = "oncall"
LONGEST_S = 8.0
"""Seconds that the provider takes at most, while anybody waits for its answer."""
PATIENCE_S = 10.0
"""Seconds that a sender waits for an answer."""
SENDING: tuple[Kind, ...] = ("black hole", "refused")
EDITING: tuple[Kind, ...] = ("refused",)
"""An edit that lands after the next one is not the provider's to show: it knows the order of what it accepted."""


class Post(msgspec.Struct, frozen=True):
    """Something that reached people: a new message, or a change of one. `life` is who sent it."""

    at: Micros
    kind: str
    message_id: str
    incident: str
    text: str
    life: Incarnation
    heard: list[bool]
    """Filled in later: whether the sender heard that it was accepted."""
    swallowed: bool = False
    """It was under way when its sender had given up, and others were sent."""


class Chat:
    """The provider."""

    def __init__(self, clock: SimClock) -> None:
        self.posts: list[Post] = []
        self.texts: dict[str, str] = {}
        self.watchers: list[Callable[[Post], None]] = []
        self._clock = clock

    def send(self, message: Message, life: Incarnation, *, swallowed: bool = False) -> tuple[Answer, Post]:
        id = str(len(self.texts) + 1)
        self.texts[id] = text_of(message)
        return Ok(Told(id, "chat")), self._post("send", id, message, life, swallowed)

    def edit(self, reference: Told, message: Message, life: Incarnation) -> tuple[Answer, Post | None]:
        before = self.texts.get(reference.message_id)
        if before is None or reference.chat != "chat":
            return Permanent("there is no such message", Reason.MESSAGE_GONE), None
        text = text_of(message)
        if text == before:
            return OkNoop(reference), None
        self.texts[reference.message_id] = text
        return Ok(reference), self._post("edit", reference.message_id, message, life)

    def _post(self, kind: str, id: str, message: Message, life: Incarnation, swallowed: bool = False) -> Post:
        post = Post(self._clock.now(), kind, id, incident_of(message), text_of(message), life, [], swallowed)
        for watcher in self.watchers:
            watcher(post)
        self.posts.append(post)
        return post


class Watcher:
    """Sees each post just before it counts."""

    def __call__(self, post: Post) -> None:
        raise NotImplementedError


class Line:
    """`notifiers.sender.Sender` for one incarnation."""

    name = NAME
    type = "chat"
    can_edit = True
    edits_once = False
    limits = Limits(4096, Unit.UTF16, (Rate(NAME, 30, 60 * SECOND),))

    def __init__(self, chat: Chat, faults: Faults, life: Incarnation) -> None:
        self._chat = chat
        self._faults = faults
        self._life = life

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        return await self._reach(None, message, trace_id)

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:
        return await self._reach(reference, message, trace_id)

    async def close(self) -> None:
        """Nothing is held."""

    async def _reach(self, reference: Told | None, message: Message, trace_id: str) -> Answer:
        assert message.title, "a message without line 1"
        assert len(trace_id) == 32, "a message without its trace"
        call = "chat.edit" if reference else "chat.send"
        kind = await self._faults.before(self._life, call, also=EDITING if reference else SENDING)
        if kind == "lost call":
            return Transient("connection refused", Reason.CONNECT)
        if kind == "refused":
            return self._refuse()
        if kind == "black hole":
            land_later(self._appear(message, self._faults.hole() / SECOND), call)
            await asyncio.sleep(PATIENCE_S)
            return Ambiguous("there was no answer in time")
        takes = min(self._faults.delay() / SECOND, LONGEST_S) if kind == "delay" else 0.05
        answer, post = await land(self._arrive(reference, message, takes), call)
        await self._faults.after(self._life, kind)
        if kind == "lost answer":
            return Ambiguous("the connection broke before the answer")
        if post is not None:
            post.heard.append(True)
        return answer

    async def _appear(self, message: Message, takes: float) -> None:
        await asyncio.sleep(takes)
        self._chat.send(message, self._life, swallowed=True)

    def _refuse(self) -> Answer:
        if self._faults.toss():
            return RateLimited(7 * SECOND, why=f"too many requests to {self._faults.secrets.of_channel()}")
        return Transient(f"502 of {self._faults.secrets.of_channel()}", Reason.SERVER_ERROR)

    async def _arrive(self, reference: Told | None, message: Message, takes: float) -> tuple[Answer, Post | None]:
        await asyncio.sleep(takes)
        if reference is None:
            return self._chat.send(message, self._life)
        return self._chat.edit(reference, message, self._life)


def text_of(message: Message) -> str:
    return "\n".join([message.title, *("".join(span.text for span in line) for line in message.lines)])


def incident_of(message: Message) -> str:
    """Which incident a message says it is about."""
    return message.lines[-1][1].text
