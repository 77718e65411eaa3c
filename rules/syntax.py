"""The tree that reading a clause yields: what was written, before anybody asks what it means.

Offsets count characters from the start of the clause's body. Every node knows its depth and size, so that the limits
on nesting and nodes hold without a walk that could itself overflow.
"""

from typing import Final, TypeAlias

import msgspec

from rules.units import Type

MAX_NESTING: Final = 64
MAX_NODES_PER_RULE: Final = 10_000

Span: TypeAlias = tuple[int, int]


class _Written(msgspec.Struct, frozen=True, kw_only=True):
    span: Span
    depth: int = 1
    size: int = 1


class Literal(_Written, frozen=True, kw_only=True):
    """A value as written: its type and the value."""

    type: Type
    value: float | int | str | bool


class Name(_Written, frozen=True, kw_only=True):
    """A word, perhaps with dots: `severity`, `labels.env`."""

    path: str


class Listing(_Written, frozen=True, kw_only=True):
    """`[a, b]`."""

    items: tuple["Tree", ...]


class Argument(_Written, frozen=True, kw_only=True):
    """`name: value` inside parentheses; `name` is None for one given by position."""

    name: str | None
    value: "Tree"


class Call(_Written, frozen=True, kw_only=True):
    """`name(arguments)`."""

    name: str
    arguments: tuple[Argument, ...]


class Operation(_Written, frozen=True, kw_only=True):
    """An operator over its operands; AND and OR take any number of them, `-` also one."""

    operator: str
    operands: tuple["Tree", ...]


class Held(_Written, frozen=True, kw_only=True):
    """`X for 5m`, the duration in microseconds."""

    operand: "Tree"
    duration: int


Tree: TypeAlias = Literal | Name | Listing | Call | Operation | Held


class Verification(_Written, frozen=True, kw_only=True):
    """`X stable S within W`; None where it is not written, else microseconds."""

    condition: Tree
    stable: int | None
    within: int | None


class Step(_Written, frozen=True, kw_only=True):
    """`execute(...)` or `notify(...)` with what stands first and the named arguments."""

    word: str
    subject: Literal
    arguments: tuple[Argument, ...]


class Wait(_Written, frozen=True, kw_only=True):
    """`wait until X stable S within W`."""

    until: Verification


class LimitText(_Written, frozen=True, kw_only=True):
    """One limit: `form` is rate, at_once or share; `window` is microseconds."""

    form: str
    amount: Literal
    window: int | None = None
    per: Name | None = None


class ParameterText(_Written, frozen=True, kw_only=True):
    """`name: type` of an action, with its pattern, choices, bounds and default."""

    name: str
    type: Name
    pattern: Literal | None = None
    choices: tuple[Literal, ...] = ()
    lowest: Literal | None = None
    highest: Literal | None = None
    default: Literal | None = None


class Invocation(_Written, frozen=True, kw_only=True):
    """`ssh ["/bin/x", "{p}"]`, `kubernetes "scale"` or `ssh command {p}`: executor and what it is given."""

    executor: Name
    argv: tuple[Literal, ...] | None = None
    call: Literal | None = None
    command: str | None = None


class MetricText(_Written, frozen=True, kw_only=True):
    """`name: type = expression`."""

    name: str
    name_span: Span
    type: Name
    value: Tree


class CommandText(_Written, frozen=True, kw_only=True):
    """`"name": ["/bin/x", "argument"]`."""

    name: Literal
    argv: tuple[Literal, ...]


class Words(_Written, frozen=True, kw_only=True):
    """A list of plain names or strings, as in `accepts: host, vm`."""

    items: tuple[Name | Literal, ...]


class Steps(_Written, frozen=True, kw_only=True):
    """The steps of `then`, `otherwise`, `after success` or `on recovery`, in order."""

    items: tuple[Step | Wait, ...]


class ApproverText(_Written, frozen=True, kw_only=True):
    """`2 of "sre" within 10m`: whom to ask, how many of them must agree, and for how long (microseconds)."""

    who: Name | Literal
    count: Literal | None = None
    within: int | None = None


class RepetitionText(_Written, frozen=True, kw_only=True):
    """One mode of `repeat:`. `form` is running, success, beyond or again; `way` skip, wait, ask or summarize."""

    form: str
    way: str = ""
    way_span: Span = (0, 0)
    count: Literal | None = None
    window: int | None = None
    per: Name | None = None


class GivenTime(_Written, frozen=True, kw_only=True):
    """`time "2026-01-07T10:00:00+08:00"`."""

    at: Literal


class GivenCalendar(_Written, frozen=True, kw_only=True):
    """`calendar "cn-freeze" is free`, or `busy`."""

    name: Literal
    state: Name


class GivenNode(_Written, frozen=True, kw_only=True):
    """`node "host/a" {instance: "a"} below "rack/r1"`."""

    id: Literal
    attributes: tuple[tuple[str, str], ...] = ()
    below: tuple[Literal, ...] = ()


class GivenChange(_Written, frozen=True, kw_only=True):
    """`change "acme/shop" {kind: "deploy"} on "workload/shop/cart" from 0s`; microseconds after the test's start."""

    repo: Literal
    labels: tuple[tuple[str, str], ...] = ()
    on: Literal
    at: int = 0


class GivenAlert(_Written, frozen=True, kw_only=True):
    """`alert "X" {env: "prod"} from 0s to 1h`; microseconds after the test's start."""

    name: Literal
    labels: tuple[tuple[str, str], ...] = ()
    begins: int = 0
    ends: int | None = None


class Moment(_Written, frozen=True, kw_only=True):
    """A value from an instant on; None is no data."""

    value: Literal | None
    after: int = 0


class GivenQuery(_Written, frozen=True, kw_only=True):
    """`query("...") is 0, 1 after 4m`."""

    text: Literal
    values: tuple[Moment, ...]


class GivenMetric(_Written, frozen=True, kw_only=True):
    """`disk_used is 95%, 60% after 5m`."""

    name: Name
    values: tuple[Moment, ...]


class GivenAnswer(_Written, frozen=True, kw_only=True):
    """`"sre" approves after 1m`, or `rejects`."""

    who: Literal
    approves: bool
    after: int


class GivenFailure(_Written, frozen=True, kw_only=True):
    """`execute("reboot_node") on "host/a" fails`."""

    action: Literal
    on: Literal | None = None


class ExpectNothing(_Written, frozen=True, kw_only=True):
    """`nothing`."""


class ExpectApproval(_Written, frozen=True, kw_only=True):
    """`approval by "sre"`."""

    who: Literal


class ExpectOutcome(_Written, frozen=True, kw_only=True):
    """`outcome succeeded`."""

    state: Name


class ExpectStep(_Written, frozen=True, kw_only=True):
    """`execute("x") on "host/a" by "rule"`, `suggested execute("x")`, `no execute("x")`."""

    step: Step
    on: Literal | None = None
    by: Literal | None = None
    suggested: bool = False
    absent: bool = False


GivenText: TypeAlias = (
    GivenTime
    | GivenCalendar
    | GivenNode
    | GivenChange
    | GivenAlert
    | GivenQuery
    | GivenMetric
    | GivenAnswer
    | GivenFailure
)
ExpectText: TypeAlias = ExpectNothing | ExpectApproval | ExpectOutcome | ExpectStep
