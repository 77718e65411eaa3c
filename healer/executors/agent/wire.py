"""What do healer and an agent say to one another? Values and their JSON; both sides read them from here. Pure.

The agent dials (`WORK`) and says how many orders it has room for; healer hands out at most so many. Nothing starts before
the agent said `Ready` and heard a `Go` that is True. A report is said again until it is `Heard`.
"""

import re
from typing import Literal

import msgspec

from healer.executors.target import Order, Result, Seen
from healer.times import MINUTE, SECOND, Micros

ENROL = "/agent/v1/enrol"
RENEW = "/agent/v1/renew"
TOKEN = "/agent/v1/token"  # noqa: S105 - a path
WORK = "/agent/v1/work"

BEAT: Micros = 5 * SECOND
MISSED = 3
"""An agent that missed so many beats is inactive."""
ROOM = 3
"""Orders that one agent carries out at once."""
TOKEN_LIFE: Micros = 5 * MINUTE
MESSAGE_BYTES = 8 << 20
"""Of one message: a mebibyte of output, as JSON writes it at worst."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/-]{0,199}")
"""What an agent may be called: a node's id, mostly."""

Verb = Literal["run", "probe", "observe"]


class Task(msgspec.Struct, frozen=True, tag="task", omit_defaults=True):
    """To the agent. A run takes one of its places; what only looks takes none."""

    id: str
    verb: Verb
    order: Order


class Go(msgspec.Struct, frozen=True, tag="go", omit_defaults=True):
    """To the agent: whether the run may start now."""

    id: str
    go: bool


class Heard(msgspec.Struct, frozen=True, tag="heard", omit_defaults=True):
    """To the agent: it need not keep this report any longer."""

    id: str


class Hello(msgspec.Struct, frozen=True, tag="hello", omit_defaults=True):
    """The first word of an agent: on which machine it is (machine-id), and which version."""

    machine: str = ""
    version: str = ""


class Running(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an agent is about: since when (microseconds ago), and the end of what it said so far."""

    intent: str
    age: Micros = 0
    output: str = ""


class Beat(msgspec.Struct, frozen=True, tag="beat", omit_defaults=True):
    """Every `BEAT`: it is alive, this loaded, and carries these out."""

    load: float
    tasks: int
    running: tuple[Running, ...] = ()
    paused: str = ""
    """Why it begins nothing now, whatever healer says."""


class Pull(msgspec.Struct, frozen=True, tag="pull", omit_defaults=True):
    """It takes so many more runs."""

    room: int


class Ready(msgspec.Struct, frozen=True, tag="ready", omit_defaults=True):
    """The run is on record in the machine's register and waits, for a second, for the go."""

    id: str


class Report(msgspec.Struct, frozen=True, tag="report", omit_defaults=True):
    """How it ended. Instants are ages here (microseconds ago), because the clocks are two."""

    id: str
    intent: str
    verb: Verb
    result: Result | None = None
    seen: Seen | None = None
    age: Micros = 0
    """How long ago `result.ended_at` was."""


class Fresh(msgspec.Struct, frozen=True, tag="fresh", omit_defaults=True):
    """A new token, before the old one ends."""

    token: str


ToAgent = Task | Go | Heard
FromAgent = Hello | Beat | Pull | Ready | Report | Fresh


class Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Asks for a first certificate: the one-time token of an invitation, and a request for a key of the agent's own (PEM)."""

    token: str
    request: str


class Renewal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Asks for the next certificate."""

    request: str


class Certificate(msgspec.Struct, frozen=True):
    """The answer to both, PEM, and for how long it is good."""

    certificate: str
    life: Micros


class Pass(msgspec.Struct, frozen=True):
    """A token, and for how long it is good."""

    token: str
    life: Micros


class Invitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator carries to the machine, as one file: who it will be, where to dial, whom to believe, and a token that
    works once."""

    name: str
    servers: tuple[str, ...]
    token: str
    authority: str
    """healer's own authority, PEM."""


_encode = msgspec.json.Encoder().encode
_to_agent = msgspec.json.Decoder(ToAgent)
_from_agent = msgspec.json.Decoder(FromAgent)


def write(message: ToAgent | FromAgent) -> bytes:
    return _encode(message)


def read_by_agent(data: bytes | str) -> ToAgent:
    """Raises msgspec.MsgspecError."""
    message: ToAgent = _to_agent.decode(data)
    return message


def read_by_healer(data: bytes | str) -> FromAgent:
    """Raises msgspec.MsgspecError."""
    message: FromAgent = _from_agent.decode(data)
    return message
