"""Conditions that are understood: every name resolved, every type agreed. `rules.evaluation` gives them a value.

Built by `rules.checking` and frozen; nothing here refers back to the text but the words that explain a decision.
"""

from typing import Literal, TypeAlias

import msgspec

from rules.parameters import Parameter
from rules.units import Type
from rules.windows import Window


class _Kept(msgspec.Struct, frozen=True, tag=True, tag_field="which_of_all", array_like=True):
    """Says which one of all it is where it is written down, for `rules.kept`."""


class Target(_Kept, frozen=True):
    """Which one node is meant: the incident's own, its owner, the nearest ancestor of a kind, or the one that is found.

    `where` is what a found node must be: `alias` or an attribute, and its value.
    """

    which: Literal["node", "owner", "nearest", "find"] = "node"
    kind: str | None = None
    where: tuple[tuple[str, "Expression"], ...] = ()

    def __str__(self) -> str:
        if self.which == "find":
            return f"find({', '.join(('kind', *(name for name, _ in self.where)))})"
        return f"nearest({self.kind})" if self.which == "nearest" else self.which


class Const(_Kept, frozen=True):
    """A value that was written out."""

    type: Type
    value: float | int | str | bool


class Read(_Kept, frozen=True):
    """A name of the language, read from the facts: `severity`, `labels.env`, `node.rack`."""

    type: Type
    path: str


class Hole(msgspec.Struct, frozen=True):
    """A `{{ name }}`: in a query the quote it stands in, and whether a regular expression is expected there."""

    name: Read
    quote: str = ""
    regex: bool = False


class Template(_Kept, frozen=True):
    """Text with holes."""

    parts: tuple[str | Hole, ...]


class Ask(_Kept, frozen=True):
    """A query whose one sample is the value; `label` is what people call it."""

    type: Type
    template: Template
    label: str


class Probe(_Kept, frozen=True):
    """`http("URL")`: the status that a URL answers with."""

    type: Type
    template: Template
    label: str


class Glance(_Kept, frozen=True):
    """`state("ACTION", ...)` and `exit_code("ACTION", ...)`: what a command that changes nothing tells of one node.

    `shows` is the kind of state, "" for the exit code; `given` are the values of the `parameters` that stand in `argv`.
    `accepts` and `nodes` are which nodes the action takes, and which the rule's folder may touch.
    """

    type: Type
    label: str
    action: str
    executor: str
    argv: tuple[str, ...]
    shows: str
    target: Target
    parameters: tuple[Parameter, ...] = ()
    given: tuple[tuple[str, "Expression"], ...] = ()
    accepts: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


class Healthy(_Kept, frozen=True):
    """`healthy(n)`."""

    target: Target


class Arithmetic(_Kept, frozen=True):
    """`left operator right` over numbers with units."""

    type: Type
    operator: str
    left: "Expression"
    right: "Expression"


class Comparison(_Kept, frozen=True):
    """`left operator right`, as written in `text`."""

    operator: str
    left: "Expression"
    right: "Expression"
    text: str


class Matching(_Kept, frozen=True):
    """`left =~ pattern`, or `!~` when negated."""

    left: "Expression"
    pattern: str
    negated: bool
    text: str


class Membership(_Kept, frozen=True):
    """`left in [items]`."""

    left: "Expression"
    items: tuple["Expression", ...]
    text: str


class AllOf(_Kept, frozen=True):
    """AND over any number of conditions."""

    items: tuple["Expression", ...]


class AnyOf(_Kept, frozen=True):
    """OR over any number of conditions."""

    items: tuple["Expression", ...]


class Not(_Kept, frozen=True):
    """NOT."""

    item: "Expression"


class HeldFor(_Kept, frozen=True):
    """`item for duration` (microseconds); `key` names its history in `Facts.held_since`."""

    item: "Expression"
    duration: int
    key: str
    text: str


class Default(_Kept, frozen=True):
    """`left ?? right`: the right one where the left is unknown."""

    type: Type
    left: "Expression"
    right: "Expression"


class Known(_Kept, frozen=True):
    """`known(item)`: never unknown itself."""

    item: "Expression"
    text: str


class Convert(_Kept, frozen=True):
    """`number(x)`, `host(x)`, `lower(x)`."""

    type: Type
    function: str
    item: "Expression"


class Relatives(_Kept, frozen=True):
    """`ancestors(kind)` or `descendants(kind)`: the nodes above or below the incident's; of any kind without one."""

    way: Literal["ancestors", "descendants"]
    kind: str | None
    text: str


class Alerting(_Kept, frozen=True):
    """`alerting(n)`: whether an alert fires on that node; of a list, those of its nodes on which one does."""

    of: Target | Relatives
    text: str


class Count(_Kept, frozen=True):
    """`count(list)`."""

    item: "Expression"
    text: str


class IsAncestor(_Kept, frozen=True):
    """`is_ancestor(above, below)`: whether a fault of the one reaches the other."""

    above: Target
    below: Target
    text: str


class ChangedWithin(_Kept, frozen=True):
    """`changed_within(duration)`: whether the newest change that touches the node is at most so old (microseconds)."""

    duration: int
    text: str


class InWindow(_Kept, frozen=True):
    """`window("Fri 18:00 - Mon 08:00 Asia/Shanghai")`."""

    window: Window
    text: str


class InCalendar(_Kept, frozen=True):
    """`calendar("name")`: whether that calendar has an entry now."""

    name: str
    text: str


class Broken(_Kept, frozen=True):
    """Stands where a mistake was reported; never reaches a compiled rule."""


Expression: TypeAlias = (
    Const
    | Read
    | Ask
    | Probe
    | Glance
    | Healthy
    | Arithmetic
    | Comparison
    | Matching
    | Membership
    | AllOf
    | AnyOf
    | Not
    | HeldFor
    | Default
    | Known
    | Convert
    | Template
    | Relatives
    | Alerting
    | Count
    | IsAncestor
    | ChangedWithin
    | InWindow
    | InCalendar
    | Broken
)


def type_of(expression: Expression) -> Type:
    """The type of its value."""
    match expression:
        case Const() | Read() | Ask() | Probe() | Glance() | Arithmetic() | Default() | Convert():
            return expression.type
        case Template():
            return Type.STRING
        case Count():
            return Type.NUMBER
        case Relatives() | Alerting(of=Relatives()):
            return Type.LIST
        case Broken():
            return Type.BROKEN
        case _:
            return Type.BOOLEAN


def children(expression: Expression) -> tuple[Expression, ...]:
    """The expressions right below."""
    match expression:
        case Arithmetic() | Comparison() | Default():
            return expression.left, expression.right
        case Matching():
            return (expression.left,)
        case Membership():
            return expression.left, *expression.items
        case AllOf() | AnyOf():
            return expression.items
        case Not() | HeldFor() | Known() | Convert() | Count():
            return (expression.item,)
        case Alerting(of=Relatives() as relatives):
            return (relatives,)
        case Glance():
            return tuple(value for _, value in expression.given)
        case _:
            return ()


def walk(expression: Expression) -> list[Expression]:
    """The expression and all below it."""
    found = [expression]
    for item in found:
        found.extend(children(item))
    return found


def asks(expression: Expression) -> bool:
    """Whether its value depends on a query, so that it is worth asking again."""
    return any(isinstance(item, Ask | Probe | Glance | Healthy) or _is_asked(item) for item in walk(expression))


def _is_asked(item: Expression) -> bool:
    return isinstance(item, Read) and item.path in {"value", "burn_rate"}
