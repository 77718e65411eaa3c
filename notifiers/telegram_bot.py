"""What a bot of Telegram is asked beside messages: who pressed which button, or wrote which command, and what they are answered.

Used by healer's bootstrap, one for each bot token; the messages themselves are `telegram`'s.
"""

from typing import Any

import aiohttp
import msgspec

from notifiers import telegram_keyboard as keyboard
from notifiers.clock import SECOND, Micros
from notifiers.exchange import ANSWER_BYTES, Reply, Request, exchange, seconds, wait
from notifiers.message import Rows
from notifiers.press import Press, Word
from notifiers.secret import Secret

ANSWER_CHARACTERS = 200
"""Of what somebody reads who pressed a button."""
POLL: Micros = 25 * SECOND
"""For so long Telegram keeps a question for presses open while there are none."""
ANSWER: Micros = 5 * SECOND
"""How long to wait for an answer to anything else."""
AT_ONCE = 20
"""Presses that are asked for together."""
UPDATES_BYTES = 1024 * 1024
"""Of so many: each comes with the whole message that it is about."""
MOST_NAME = 100
MOST_DATA = 200
MOST_TEXT = 1_000

_WANTED = ["callback_query", "message"]


class NotDone(Exception):
    """Telegram did not do it; the text says why, without the token. Not again before `wait` has passed."""

    def __init__(self, why: str, *, code: int = 0, wait: Micros = 5 * SECOND) -> None:
        super().__init__(why)
        self.code = code
        self.wait = wait


class Heard(msgspec.Struct, frozen=True):
    """What came in, and from where to ask on: to ask from there says that all before it was taken."""

    presses: tuple[Press, ...]
    after: int
    words: tuple[Word, ...] = ()


class TelegramBot:
    """One bot, by its token. The session stays the caller's."""

    def __init__(self, token: Secret, api_url: str, session: aiohttp.ClientSession) -> None:
        self.number = token.reveal().partition(":")[0] if ":" in token.reveal() else "bot"
        self._token = token
        self._api_url = api_url.rstrip("/")
        self._session = session

    async def presses(self, after: int, *, poll: Micros = POLL) -> Heard:
        """Presses since `after` (0: all that nobody took yet); waits for one for `poll`. Raises NotDone."""
        asked: dict[str, Any] = {"timeout": poll // SECOND, "limit": AT_ONCE, "allowed_updates": _WANTED}
        if after:
            asked["offset"] = after
        result = await self._call("getUpdates", asked, within=poll + ANSWER, most=UPDATES_BYTES)
        try:
            raw = _raw_items.decode(result)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise NotDone("an answer that cannot be read") from None
        updates = [update for one in raw if (update := _read(bytes(one))) is not None]
        if raw and not updates:
            raise NotDone("updates that cannot be read")
        newest = max((update.update_id for update in updates), default=after - 1)
        meant = [one for update in updates if (one := _meant(update)) is not None]
        presses = tuple(one for one in meant if isinstance(one, Press))
        return Heard(presses, newest + 1, tuple(one for one in meant if isinstance(one, Word)))

    async def answer(self, press: Press, text: str, *, alert: bool) -> None:
        """Tell whoever pressed what came of it; `alert` has to be closed by hand. Raises NotDone, also when it is too late."""
        asked = {"callback_query_id": press.id, "text": text[:ANSWER_CHARACTERS], "show_alert": alert, "cache_time": 0}
        await self._call("answerCallbackQuery", asked)

    async def show(self, press: Press, rows: Rows) -> None:
        """Put these buttons under the message in the place of those that are there. Raises NotDone."""
        where = {"chat_id": int(press.chat), "message_id": int(press.message_id)}
        try:
            await self._call("editMessageReplyMarkup", where | {"reply_markup": keyboard.markup(rows)})
        except NotDone as error:
            if "not modified" not in str(error):
                raise

    async def reply(self, word: Word, text: str) -> None:
        """Say something below what somebody wrote. Raises NotDone."""
        where = {"message_id": int(word.message_id), "allow_sending_without_reply": True}
        asked = {"chat_id": int(word.chat), "text": text[:MOST_TEXT], "reply_parameters": where}
        await self._call("sendMessage", asked)

    async def send_presses_to(self, url: str, secret: Secret) -> None:
        """Have Telegram send presses to an address, with this secret. Raises NotDone."""
        asked = {"url": url, "secret_token": secret.reveal(), "allowed_updates": _WANTED, "max_connections": 4}
        await self._call("setWebhook", asked, hide=secret)

    async def _call(
        self,
        method: str,
        body: dict[str, Any],
        *,
        within: Micros = ANSWER,
        most: int = ANSWER_BYTES,
        hide: Secret | None = None,
    ) -> bytes:
        """The `result` of an answer, as JSON."""
        url = f"{self._api_url}/bot{self._token.reveal()}/{method}"
        request = Request(url, self._api_url, method, msgspec.json.encode(body), most=most)
        reply = await exchange(self._session, request, timeout=within, trace_id="")
        if not isinstance(reply, Reply):
            raise NotDone(reply.why)
        said = _answer(reply)
        if said is None:
            raise NotDone(f"HTTP {reply.status}, not from the Bot API: is something on the way?")
        if said.ok:
            return bytes(said.result)
        why = self._token.hide_in(f"{said.error_code} {said.description}")[:ANSWER_CHARACTERS]
        asked_to_wait = said.parameters.retry_after or seconds(reply.retry_after)
        raise NotDone(hide.hide_in(why) if hide else why, code=said.error_code, wait=wait(asked_to_wait))


class _Parameters(msgspec.Struct):
    retry_after: int = 0


class _Said(msgspec.Struct):
    ok: bool
    result: msgspec.Raw = msgspec.Raw(b"null")
    error_code: int = 0
    description: str = ""
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)


class _User(msgspec.Struct):
    id: int
    username: str = ""
    first_name: str = ""


class _Chat(msgspec.Struct):
    id: int
    username: str = ""


class _Message(msgspec.Struct):
    message_id: int
    chat: _Chat


class _Query(msgspec.Struct, rename={"by": "from"}):
    id: str
    by: _User
    data: str = ""
    message: _Message | None = None


class _Written(msgspec.Struct, rename={"by": "from"}):
    message_id: int
    chat: _Chat
    by: _User | None = None
    date: int = 0
    text: str = ""


class _Update(msgspec.Struct):
    update_id: int
    callback_query: _Query | None = None
    message: _Written | None = None


class _Numbered(msgspec.Struct):
    update_id: int


_raw_items = msgspec.json.Decoder(list[msgspec.Raw])
_said = msgspec.json.Decoder(_Said)
_update = msgspec.json.Decoder(_Update)
_numbered = msgspec.json.Decoder(_Numbered)


def read_update(body: bytes) -> Press | Word | None:
    """The press, or the command, in an update that Telegram sent; None for whatever else it is. Raises ValueError for what is no
    update."""
    update = _read(body)
    if update is None:
        raise ValueError("this is no update of the Bot API")
    return _meant(update)


def _meant(update: _Update) -> Press | Word | None:
    return _press(update.callback_query) if update.callback_query is not None else _word(update.message)


def _read(raw: bytes) -> _Update | None:
    """An update; one of a kind that is not known still counts as taken."""
    try:
        return _update.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return _Update(_numbered.decode(raw).update_id)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _press(query: _Query) -> Press | None:
    if query.message is None:
        # Without a message of the bot's own in a chat there is nothing of healer's that could be meant.
        return None
    return Press(
        id=query.id,
        user=str(query.by.id),
        name=_name(query.by),
        chat=str(query.message.chat.id),
        public=_public(query.message.chat),
        message_id=str(query.message.message_id),
        data=query.data[:MOST_DATA],
    )


def _word(written: _Written | None) -> Word | None:
    if written is None or written.by is None or not written.text.startswith("/"):
        return None
    return Word(
        user=str(written.by.id),
        name=_name(written.by),
        chat=str(written.chat.id),
        public=_public(written.chat),
        message_id=str(written.message_id),
        at=written.date * SECOND,
        text=written.text[:MOST_TEXT],
    )


def _name(user: _User) -> str:
    return (user.username or user.first_name)[:MOST_NAME]


def _public(chat: _Chat) -> str:
    return f"@{chat.username}" if chat.username else ""


def _answer(reply: Reply) -> _Said | None:
    try:
        return _said.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
