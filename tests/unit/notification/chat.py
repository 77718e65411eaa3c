"""A chat as a provider keeps it: messages with ids, edits of what is there, and answers that can go wrong."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from notifiers.message import Answer, Message, Ok, OkNoop, Permanent, Reason, Told

Trouble = Callable[[], Awaitable[Answer | None]]
"""What happens to the next request instead; None lets it through after all."""


class Chat:
    """`Sender` for one chat. A message once sent stays until it is deleted; what is not there cannot be edited."""

    can_edit = True
    edits_once = False

    def __init__(self) -> None:
        self.messages: dict[str, str] = {}
        self.requests: list[str] = []
        self.traces: list[str] = []
        self.keys: list[str] = []
        """By which a provider would know what it was sent before."""
        self.silent: list[bool] = []
        self.troubles: deque[Trouble] = deque()
        self.lost: deque[Answer] = deque()

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        self.traces.append(trace_id)
        self.keys.append(message.key)
        self.requests.append(f"send {message.title}")
        if (trouble := await self._trouble()) is not None:
            return trouble
        self.silent.append(message.silent)
        id = str(len(self.requests))
        self.messages[id] = message.title
        return self.lost.popleft() if self.lost else Ok(Told(id, "chat"))

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:
        self.traces.append(trace_id)
        self.requests.append(f"edit {message.title}")
        if (trouble := await self._trouble()) is not None:
            return trouble
        if reference.message_id not in self.messages:
            return Permanent("message to edit not found", Reason.MESSAGE_GONE)
        if self.messages[reference.message_id] == message.title:
            return OkNoop(reference)
        self.messages[reference.message_id] = message.title
        return self.lost.popleft() if self.lost else Ok(reference)

    async def _trouble(self) -> Answer | None:
        return await self.troubles.popleft()() if self.troubles else None

    def answers(self, *answers: Answer) -> None:
        """The next requests are answered so, and nothing is stored."""
        for answer in answers:
            self.troubles.append(lambda answer=answer: _at_once(answer))  # type: ignore[misc] # bound now, not later

    def waits_for(self, event: asyncio.Event) -> None:
        """The next request is let through when the event comes."""

        async def wait() -> Answer | None:
            await event.wait()
            return None

        self.troubles.append(wait)


async def _at_once(answer: Answer) -> Answer:
    return answer
