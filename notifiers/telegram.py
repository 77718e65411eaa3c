"""Telegram: one message of a bot in a chat, and the same message edited as the story goes on.

Called by the channel that healer's bootstrap builds. What the Bot API's answers mean is in `telegram_answers`, how a
message looks in its HTML is in `telegram_html`.
"""

import logging
import re
from typing import Annotated, Any, Literal

import aiohttp
import msgspec

from notifiers import telegram_answers as answers
from notifiers import telegram_html as html
from notifiers import telegram_keyboard as keyboard
from notifiers.clock import SECOND, Micros
from notifiers.cut import fit, plain_text, utf16_units
from notifiers.exchange import JSON, Reply, Request, exchange
from notifiers.message import Answer, Message, Migrated, Ok, OkNoop, Permanent, Reason, Told, hidden
from notifiers.multipart import form
from notifiers.secret import Secret
from notifiers.sender import Limits, Rate, Unit

log = logging.getLogger(__name__)

TEXT_UNITS = 4096

_TOKEN = re.compile(r"[A-Za-z0-9:_-]{1,256}")
_CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{1,64}")
_SECRET_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,256}")


class TelegramConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bot and the one chat it writes to. A refused value names its key as the second argument of the ValueError."""

    token: Secret
    """The bot's token, as @BotFather gave it."""
    chat_id: int | str
    """A number (negative for a group or channel), or the "@name" of a public one."""
    thread_id: int | None = None
    """A topic of the chat."""
    api_url: Annotated[str, msgspec.Meta(extra={"written": "url"})] = "https://api.telegram.org"
    """Telegram, or a Bot API server of one's own."""
    timeout: Annotated[Micros, msgspec.Meta(extra={"written": "duration"})] = 10 * SECOND
    """How long to wait for an answer: microseconds inside, written 10s."""
    silent: bool = False
    """Deliver everything without a sound."""
    pictures: bool = False
    """Show the affected part of the topology below each new message. Needs the extra `pictures`."""
    buttons: Literal["none", "poll", "webhook"] = "none"
    """How presses of buttons come back: `poll` asks Telegram for them (nobody else may ask for this bot), `webhook` has
    Telegram send them to `server.base_url`; `none` shows no buttons."""
    secret_token: Secret | None = None
    """For `webhook`: what Telegram has to show, 16 to 256 letters, digits, - and _ of your choice."""

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.token.reveal()):
            raise ValueError("a bot's token looks like 123456:ABC-DEF, without blanks or line ends", "token")
        if isinstance(self.chat_id, str) and not _CHAT.fullmatch(self.chat_id):
            raise ValueError("expected a chat's number, or @name of a public one", "chat_id")
        if not self.api_url.startswith(("http://", "https://")):
            raise ValueError("expected a URL such as https://api.telegram.org", "api_url")
        if not SECOND // 10 <= self.timeout <= 120 * SECOND:
            raise ValueError("expected between 100ms and 120s", "timeout")
        if self.secret_token is not None and not _SECRET_TOKEN.fullmatch(self.secret_token.reveal()):
            raise ValueError("expected 16 to 256 letters, digits, - and _", "secret_token")
        if self.buttons == "webhook" and self.secret_token is None:
            raise ValueError("webhook needs a secret_token: without one anybody could press buttons", "buttons")


class TelegramSender:
    """`Sender` for one chat. The session is shared and stays the caller's."""

    type = "telegram"
    can_edit = True

    def __init__(self, name: str, config: TelegramConfig, session: aiohttp.ClientSession) -> None:
        self.name = name
        self.limits = Limits(size=TEXT_UNITS, unit=Unit.UTF16, rates=rates(config))
        self._config = config
        self._session = session
        self._chat = str(config.chat_id)

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        """Send once; where only the markup, the buttons or the topic are refused, once more without them."""
        markup, buttons, thread = True, bool(message.buttons), self._config.thread_id
        without: tuple[Reason, ...] = ()
        while True:
            body = self._text(message, markup) | {
                "chat_id": _chat(self._chat),
                "disable_notification": self._config.silent or message.silent,
            }
            if buttons and self._config.buttons != "none":
                body["reply_markup"] = keyboard.markup(message.buttons)
            if thread is not None:
                body["message_thread_id"] = thread
            answer = await self._call("sendMessage", body, trace_id)
            match answer:
                case Permanent(reason=Reason.BAD_MARKUP) if markup:
                    markup, without = False, (*without, answer.reason)
                case Permanent(reason=Reason.BAD_BUTTONS) if buttons:
                    buttons, without = False, (*without, answer.reason)
                case Permanent(reason=Reason.THREAD_NOT_FOUND) if thread is not None:
                    thread, without = None, (*without, answer.reason)
                case Migrated(chat_id=chat):
                    self._moved(chat)
                    return answer
                case Ok():
                    return msgspec.structs.replace(answer, without=without)
                case _:
                    return answer

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:
        """Make `reference` say `message`. `Permanent.send_anew` says when only a new message can."""
        if not reference.message_id.isdecimal():
            return Permanent(why="this is no message of Telegram", reason=Reason.MESSAGE_GONE)
        target = {"chat_id": _chat(reference.chat or self._chat), "message_id": int(reference.message_id)}
        without: tuple[Reason, ...] = ()
        markup, buttons = True, self._config.buttons != "none"
        while True:
            body = self._text(message, markup) | target
            if buttons:
                # None at all is said, too: what was there before is to go.
                body["reply_markup"] = keyboard.markup(message.buttons)
            answer = await self._call("editMessageText", body, trace_id)
            match answer:
                case Permanent(reason=Reason.BAD_MARKUP) if markup:
                    markup, without = False, (*without, answer.reason)
                case Permanent(reason=Reason.BAD_BUTTONS) if buttons:
                    buttons, without = False, (*without, answer.reason)
                case Migrated(chat_id=chat):
                    # The old chat's messages do not move to the new one.
                    self._moved(chat)
                    return Permanent(why=f"the chat moved to {chat}", reason=Reason.MESSAGE_GONE)
                case OkNoop():
                    return OkNoop(reference)
                case Ok():
                    return msgspec.structs.replace(answer, without=without)
                case _:
                    return answer

    @property
    def takes_pictures(self) -> bool:
        return self._config.pictures

    async def show(self, reference: Told, picture: bytes, *, trace_id: str) -> Answer:
        """A photo without a sound, as an answer to the message. A group that became another one loses it."""
        if not reference.message_id.isdecimal():
            return Permanent(why="this is no message of Telegram", reason=Reason.MESSAGE_GONE)
        answers_to = {"message_id": int(reference.message_id), "allow_sending_without_reply": True}
        fields = {
            "chat_id": reference.chat or self._chat,
            "disable_notification": "true",
            "reply_parameters": msgspec.json.encode(answers_to).decode(),
        }
        if self._config.thread_id is not None:
            fields["message_thread_id"] = str(self._config.thread_id)
        data, kind = form(fields, "photo", picture)
        return await self._post("sendPhoto", data, {"Content-Type": kind}, trace_id)

    async def close(self) -> None:
        """The session belongs to whoever handed it in."""

    def _moved(self, chat: str) -> None:
        log.warning("the chat of channel %s has a new id: put chat_id: %s into the configuration", self.name, chat)
        self._chat = chat

    def _text(self, message: Message, markup: bool) -> dict[str, Any]:
        body: dict[str, Any] = {"link_preview_options": {"is_disabled": True}}
        if markup:
            fitted = fit(message, TEXT_UNITS, utf16_units)
            return body | {"text": html.render(fitted), "parse_mode": "HTML"}
        return body | {"text": plain_text(fit(message, TEXT_UNITS, utf16_units, links=False))}

    async def _call(self, method: str, body: dict[str, Any], trace_id: str) -> Answer:
        return await self._post(method, msgspec.json.encode(body), JSON, trace_id)

    async def _post(self, method: str, data: bytes, headers: dict[str, str], trace_id: str) -> Answer:
        """One request. The token is in its URL, so what is said of it names the server only."""
        url = f"{self._config.api_url.rstrip('/')}/bot{self._config.token.reveal()}/{method}"
        request = Request(url, self._config.api_url, method, data, headers)
        reply = await exchange(self._session, request, timeout=self._config.timeout, trace_id=trace_id)
        if isinstance(reply, Reply):
            return hidden(answers.interpret(reply), self._config.token)
        return reply


def rates(config: TelegramConfig) -> tuple[Rate, ...]:
    """What Telegram puts up with: 1 message a second in a chat with short bursts, 20 a minute in a group, 30 a second
    for the bot, edits included. A twentieth is kept back, because messages do not arrive as evenly as they leave."""
    bot = f"telegram:{config.token.reveal().partition(':')[0]}" if ":" in config.token.reveal() else "telegram"
    chat = f"{bot}:{config.chat_id}"
    margin = SECOND // 20
    kept = [Rate(bot, 30, SECOND + margin, shared=True), Rate(chat, 3, 3 * (SECOND + margin))]
    if str(config.chat_id).startswith(("-", "@")):
        kept.append(Rate(f"{chat}:minute", 20, 60 * (SECOND + margin)))
    return tuple(kept)


def _chat(chat: str) -> int | str:
    return int(chat) if chat.removeprefix("-").isdecimal() else chat
