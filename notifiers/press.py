"""Somebody pressed a button under a message, or wrote a command: what a provider tells of it, the same for every channel."""

import msgspec

from notifiers.clock import Micros


class Press(msgspec.Struct, frozen=True):
    """One press. All of it comes from outside, and `data` may be on no button that was ever sent.

    `id` is the provider's own: the same when it is delivered again. `user` is who pressed, by the provider's number or code,
    `name` how people there call them. `chat` and `message_id` say under which message; `public` is the name of a public chat.
    """

    id: str
    user: str
    name: str
    chat: str
    public: str
    message_id: str
    data: str


class Word(msgspec.Struct, frozen=True):
    """A command that somebody wrote where the bot is. All of it comes from outside; `at` is when, by the provider's clock."""

    user: str
    name: str
    chat: str
    public: str
    message_id: str
    at: Micros
    text: str
