"""What people may set about who may do what. Part of `server.auth`, assembled by `healer.settings`."""

import re
from typing import Literal

import msgspec

from healer.alerts.matchers import parse_matchers

Role = Literal["sender", "viewer", "responder", "operator", "admin"]

_HASH = re.compile(r"sha256:[0-9a-f]{64}")
"""As `healer users token` prints it. The token itself stands nowhere."""
_IN_CHAT = re.compile(
    r"telegram:[1-9][0-9]{0,19}|wecom:[A-Za-z0-9_.@-]{1,64}:[a-z0-9_.@-]{1,64}|feishu:ou_[A-Za-z0-9_-]{1,128}"
)


class Grant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role that holds for some actions on some nodes alone."""

    role: Role
    """`responder`, `operator` or `admin`, as a rule."""
    actions: tuple[str, ...] | None = None
    """The kinds of action that it is about, such as `restart_service`; without it all."""
    nodes: tuple[str, ...] = ()
    """Matchers of the attributes of a node, all of which must hold, such as `owner="web"`; without any all nodes."""

    def __post_init__(self) -> None:
        parse_matchers(self.nodes)


class User(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person, or a program that acts under a name of its own."""

    role: Role = "viewer"
    """Everywhere: `sender` sends alerts and nothing else, `viewer` reads, `responder` says what is so and pauses, `operator`
    lets repairs run and resumes, `admin` may do all."""
    grants: tuple[Grant, ...] = ()
    """More than that, for some actions and some part of the topology."""
    teams: tuple[str, ...] = ()
    """The names under which rules ask (`approve: "sre" within 10m`), and owners of nodes."""
    tokens: tuple[str, ...] = ()
    """Hashes of tokens, `sha256:...`, as `healer users token NAME` prints them. Several: one can be replaced without a gap."""
    chat: tuple[str, ...] = ()
    """Who they are in chats, so that they may press buttons there: `telegram:` and their number, `wecom:` with the company's id
    and theirs in small letters, `feishu:` and their open id. healer answers it to whoever presses and is not known."""

    def __post_init__(self) -> None:
        for token in self.tokens:
            if not _HASH.fullmatch(token):
                # What stands there is not repeated: it may be the token itself.
                raise ValueError("expected sha256: and 64 digits, as `healer users token NAME` prints it", "tokens")
        for one in self.chat:
            if not _IN_CHAT.fullmatch(one):
                forms = "telegram:42, wecom:ww1234567890abcdef:ann or feishu:ou_7d8a6e6df7621556"
                raise ValueError(f"{one!r}: expected somebody in a chat, such as {forms}", "chat")
