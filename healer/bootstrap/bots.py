"""Bots whose readers press buttons and write commands: asks Telegram for them, or takes those that it sends, and answers.

What a press does is `healer.web.pressing`'s, what a command does `healer.web.spoken`'s. Made by `healer.bootstrap.starting`, told
of changed settings by `renewal`.
"""

import asyncio
import hmac
import logging
from collections.abc import Callable, Mapping

import msgspec

from healer.bootstrap.pacing import in_turn
from healer.bootstrap.ways import Ways
from healer.documents import fields
from healer.notification.wording import Speech
from healer.seams import Spawn
from healer.settings.model import Settings
from healer.times import SECOND
from healer.web.presses import TELEGRAM
from healer.web.pressing import Pressed, Pressing, Reply
from healer.web.spoken import Commands, Spoken
from notifiers.limiter import Limiter
from notifiers.press import Press, Word
from notifiers.secret import Secret
from notifiers.sender import Rate
from notifiers.telegram import TelegramConfig, rates
from notifiers.telegram_bot import NotDone, TelegramBot, read_update

log = logging.getLogger(__name__)

ANSWER_S = 2.0
"""Seconds until whoever pressed is answered in any case: people press again where nothing happens, and Telegram forgets."""
CONFLICT_S = 30.0
"""Seconds until a bot is asked again for which somebody else asks as well."""
AGAIN_S = 5.0
"""Seconds between looks whether this healer is the one that may ask."""


class Chat(msgspec.Struct, frozen=True):
    """A channel of a bot: how people are spoken to there, and which rates it keeps."""

    speech: Speech
    rates: tuple[Rate, ...]


class Heard(msgspec.Struct, frozen=True):
    """A bot by the settings: those of its first channel, its proxy, where presses are sent to, and all its chats."""

    config: TelegramConfig
    proxy: fields.Secret | None
    url: str
    chats: dict[str, Chat]


class Bot:
    """One bot, with its channels by chat."""

    def __init__(self, api: TelegramBot, secret: Secret | None, chats: Mapping[str, Chat]) -> None:
        self.api = api
        self.secret = secret
        self._chats = chats

    def chat(self, where: Press | Word) -> Chat:
        """Where it was pressed, or written; for a chat that got another number by now the first of the bot's."""
        return self.own(where) or next(iter(self._chats.values()))

    def own(self, where: Press | Word) -> Chat | None:
        """The chat, if it is one of those that a channel tells."""
        return self._chats.get(where.chat) or self._chats.get(where.public)


class Bots:
    """All of them. `leads()`: whether this healer, of several on one store, is the one that asks. Telegram lets one at a time."""

    def __init__(
        self,
        ways: Ways,
        spawn: Spawn,
        limiter: Limiter,
        leads: Callable[[], bool],
        answer_s: float = ANSWER_S,
    ) -> None:
        self.pressing: Pressing | None = None
        self.commands: Commands | None = None
        self._ways = ways
        self._spawn = spawn
        self._limiter = limiter
        self._leads = leads
        self._answer_s = answer_s
        self._hooks: list[Bot] = []
        self._jobs: dict[str, tuple[object, asyncio.Task[None]]] = {}

    def use(self, settings: Settings) -> None:
        """Go on by these settings; a bot of which nothing changed is not interrupted."""
        wanted = bots_in(settings)
        for token in [token for token, (depends, _) in self._jobs.items() if wanted.get(token) != depends]:
            self._jobs.pop(token)[1].cancel()
        self._hooks = []
        for token, heard in wanted.items():
            config = heard.config
            api = TelegramBot(config.token, config.api_url, self._ways.by(heard.proxy))
            bot = Bot(api, config.secret_token, heard.chats)
            if config.buttons == "webhook":
                self._hooks.append(bot)
            if token not in self._jobs:
                self._jobs[token] = heard, self._start(bot, config, heard.url)

    def _start(self, bot: Bot, config: TelegramConfig, url: str) -> asyncio.Task[None]:
        name = f"buttons of bot {bot.api.number}"
        if config.buttons == "webhook":
            return self._spawn.start(name, self._announce(bot, url))
        return self._spawn.keep(name, lambda: self._poll(bot))

    # --- healer.web.ports.Hook

    def admits(self, secret: str) -> bool:
        return self._of(secret) is not None

    async def take(self, secret: str, body: bytes) -> bool:
        bot = self._of(secret)
        try:
            meant = read_update(body)
        except ValueError:
            return False
        if bot is None:
            return True
        if isinstance(meant, Word):
            await self._obey(bot, meant)
        elif meant is not None:
            await self._serve(bot, meant)
        return True

    def _of(self, secret: str) -> Bot | None:
        given = secret.encode(errors="surrogateescape")
        # Not the first that is equal: to stop there would say which one it was.
        found = [bot for bot in self._hooks if bot.secret and hmac.compare_digest(bot.secret.reveal().encode(), given)]
        return found[0] if found and given else None

    # --- one bot

    async def _announce(self, bot: Bot, url: str) -> None:
        """Tell Telegram where to send presses, until it knows; it keeps one address, that of whoever leads."""
        assert bot.secret is not None, "the settings refuse a webhook without one"
        while True:
            if not self._leads():
                await asyncio.sleep(AGAIN_S)
                continue
            try:
                await bot.api.send_presses_to(url, bot.secret)
            except NotDone as error:
                log.error("Telegram does not know where to send buttons that are pressed (%s): %s", url, error)
                await asyncio.sleep(max(error.wait / SECOND, CONFLICT_S))
            else:
                log.info("Telegram sends buttons that are pressed to %s", url)
                return

    async def _poll(self, bot: Bot) -> None:
        """Ask for presses and serve them, all of one answer at once; what was not served yet comes again after a restart."""
        after, trouble = 0, ""
        while True:
            if not self._leads():
                await asyncio.sleep(AGAIN_S)
                continue
            try:
                heard = await bot.api.presses(after)
            except NotDone as error:
                conflict = error.code == 409
                hint = ": another program asks for this bot, or a webhook is set for it" if conflict else ""
                if trouble != str(error):
                    log.warning("Telegram is asked in vain which buttons were pressed: %s%s", error, hint)
                trouble = str(error)
                await asyncio.sleep(CONFLICT_S if conflict else error.wait / SECOND)
                continue
            if trouble:
                log.info("Telegram says again which buttons were pressed")
                trouble = ""
            for word in heard.words:  # in their order: the last one counts
                await self._obey(bot, word)
            if heard.presses:
                await asyncio.wait([self._spawn.start("press", self._serve(bot, press)) for press in heard.presses])
            after = heard.after

    async def _serve(self, bot: Bot, press: Press) -> None:
        """Do what was pressed, and answer in time, also where the store takes longer."""
        assert self.pressing is not None, "set before any bot is asked"
        pressing, chat, replies = self.pressing, bot.chat(press), list[Reply]()
        pressed = Pressed(f"telegram:{bot.api.number}:{press.id}", f"telegram:{press.user}", press.data)

        async def do() -> None:
            replies.append(await pressing.press(pressed, chat.speech))

        doing = self._spawn.start("pressed", do())
        await asyncio.wait([doing], timeout=self._answer_s)
        reply = replies[0] if replies else Reply(chat.speech.say("pressed later"))
        try:
            await bot.api.answer(press, reply.text, alert=reply.loud)
        except NotDone as error:
            log.info("whoever pressed a button was not answered: %s", error)
        await asyncio.wait([doing])
        if replies and replies[0].rows is not None:
            await self._show(bot, press, chat, replies[0])

    async def _obey(self, bot: Bot, word: Word) -> None:
        """Do what was written, and say below it what came of it. Elsewhere than in the bot's own chats only whoever may is
        answered: anybody can write to a bot."""
        assert self.commands is not None, "set before any bot is asked"
        chat = bot.chat(word)
        reply = await self.commands.hear(Spoken(f"telegram:{word.user}", word.text, word.at), chat.speech)
        if reply is None or (reply.loud and bot.own(word) is None):
            return
        if not await in_turn(self._limiter, chat.rates):
            log.warning("the chat is at its rate limit: a command is not answered")
            return
        try:
            await bot.api.reply(word, reply.text)
        except NotDone as error:
            log.info("whoever wrote a command was not answered: %s", error)

    async def _show(self, bot: Bot, press: Press, chat: Chat, reply: Reply) -> None:
        """Other buttons under the message, within the chat's rates."""
        if not await in_turn(self._limiter, chat.rates):
            log.warning("the chat is at its rate limit: other buttons are not shown")
            return
        try:
            await bot.api.show(press, reply.rows or ())
        except NotDone as error:
            log.warning("other buttons could not be shown: %s", error)


def bots_in(settings: Settings) -> Mapping[str, Heard]:
    """The bots whose buttons are heard, by token."""
    found: dict[str, Heard] = {}
    url = f"{settings.server.url}{TELEGRAM}"
    for channel in settings.channels.values():
        config = channel.config
        if isinstance(config, TelegramConfig) and config.buttons != "none":
            heard = found.setdefault(config.token.reveal(), Heard(config, channel.proxy, url, {}))
            heard.chats[str(config.chat_id)] = Chat(channel.speech, rates(config))
    return found
