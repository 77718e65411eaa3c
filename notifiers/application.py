"""What the applications of WeCom and Feishu have in common: a token for each request, and keys for what was sent in doubt.

Used by `wecom_app` and `feishu_app`.
"""

from collections.abc import Awaitable, Callable
from hashlib import blake2b

import msgspec

from notifiers.exchange import Reply
from notifiers.message import Ambiguous, Answer, Transient
from notifiers.robot import Codes, Wall, code_of
from notifiers.tokens import Fetch, Token, Tokens

MOST_IN_DOUBT = 1_000
"""Messages of which it is not known whether they arrived, and whose keys are remembered."""

Attempt = Callable[[Token], Awaitable[Reply | Transient | Ambiguous]]


async def with_token(tokens: Tokens, key: str, fetch: Fetch, attempt: Attempt, codes: Codes) -> Reply | Answer:
    """One request. A token that the provider does not know any more is fetched anew, and the request made again, once."""
    token = await tokens.of(key, fetch)
    if not isinstance(token, Token):
        return token
    reply = await attempt(token)
    if not isinstance(reply, Reply) or code_of(reply) not in codes.stale:
        return reply
    await tokens.refused(key, token)
    token = await tokens.of(key, fetch)
    return await attempt(token) if isinstance(token, Token) else token


def unsent(answer: Answer) -> Answer:
    """Why there is no token: whatever became of that request, no message left."""
    if isinstance(answer, Ambiguous):
        return Transient(f"no token: {answer.why}", answer.reason, answer.retry_after)
    return answer


class MessageKeys:
    """The key by which a provider knows a message that it was given before.

    It follows from the message's own key and what it says, where whoever sends it gave one. Else each message has one of its own,
    but for one whose answer was lost: sent again it has the same, so that it cannot be there twice. That is remembered by this
    process alone.
    """

    def __init__(self, name: str, wall: Wall) -> None:
        self._name = name
        self._wall = wall
        self._in_doubt: dict[bytes, str] = {}
        self._last = 0

    def of(self, content: object, key: str = "") -> str:
        """32 hexadecimal digits."""
        if key:
            return _hex(f"{self._name}\0{key}\0{_digest(content).hex()}")
        return self._in_doubt.get(_digest(content)) or self._fresh()

    def settle(self, content: object, key: str, answer: Answer) -> None:
        """Remember the key for as long as it is not known what became of the message."""
        self._in_doubt.pop(_digest(content), None)
        if isinstance(answer, Ambiguous):
            self._in_doubt[_digest(content)] = key
        while len(self._in_doubt) > MOST_IN_DOUBT:
            del self._in_doubt[next(iter(self._in_doubt))]

    def is_doubtful(self, content: object) -> bool:
        """Whether it may have been sent before."""
        return _digest(content) in self._in_doubt

    def _fresh(self) -> str:
        self._last = max(self._last + 1, self._wall())
        return _hex(f"{self._name}\0{self._last}")


def _hex(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _digest(content: object) -> bytes:
    return blake2b(msgspec.json.encode(content), digest_size=16).digest()
