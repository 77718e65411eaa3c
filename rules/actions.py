"""What an action, a metric and a command are once compiled. Declared in rule files, carried by every step.

The catalogue that ships with healer is `rules/packs/actions.heal`, in the same words that anybody can use.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from rules.expressions import Template
from rules.parameters import Parameter
from rules.units import Type

Fence = Literal["target", "precondition", "key", "none"]
SHOWN: Final[Mapping[str, frozenset[str]]] = {
    "boot": frozenset(),
    "disk": frozenset({"below"}),
    "lease": frozenset(),
    "process": frozenset(),
    "service": frozenset(),
}
"""The kinds of state that can be read from what `observe:` brings, each with the parameters that reading it uses."""
TELLS: Final[Mapping[str, Type]] = {
    "boot": Type.STRING,
    "disk": Type.PERCENTAGE,
    "lease": Type.DURATION,
    "process": Type.NUMBER,
    "service": Type.STRING,
}
"""What `state(...)` is of each of them: a boot id, how much is used, how long it is good for, how many run, ActiveState."""


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    """How an action runs: an argv with `{parameter}` holes, a typed call by name, or the command a parameter names."""

    executor: str
    argv: tuple[str, ...] = ()
    call: str | None = None
    command_parameter: str | None = None


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of step. `accepts` empty means every kind of node; times are microseconds; `version` hashes its text.

    `fallback` is how it runs where the way of `run` is down. `observe` tells the present state; `shows` is the kind of state that
    it tells, one of SHOWN, or "" for mere text.
    """

    name: str
    path: str
    line: int
    version: str
    run: Invocation
    parameters: tuple[Parameter, ...] = ()
    accepts: tuple[str, ...] = ()
    idempotent: bool = False
    destructive: bool = True
    diagnostic: bool = False
    silences_source: bool = False
    closing: bool = False
    opposing: str | None = None
    undo: str | None = None
    timeout: int
    hard_timeout: int
    observe: Invocation | None = None
    shows: str = ""
    fallback: Invocation | None = None
    fence: Fence = "none"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A named query with a unit. A percentage is a ratio, a duration seconds, a size bytes, in what the query answers."""

    name: str
    path: str
    line: int
    version: str
    type: Type
    template: Template


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A fixed argv under a name, for `run_command`."""

    name: str
    path: str
    line: int
    version: str
    argv: tuple[str, ...]
