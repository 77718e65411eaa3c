"""What a rule may know about an incident, and what evaluating it says. Plain frozen values, made by the runner."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, Protocol

import msgspec

from rules.names import DEFAULT_SEVERITIES

DEFAULT_HEALTH: Final[Mapping[str, str]] = {"host": "min(up{instance='{{ node.instance }}'})"}
"""The health query of each kind of node: 1 is healthy, anything else is not, no data is unknown."""
OBJECT: Final = "object status"
"""In the place of a health query: the status of the node's object is asked, of whoever keeps it."""


class NodeFact(msgspec.Struct, frozen=True):
    """A node of the topology: `host/web-1`, `web-1`, `host`, and its attributes."""

    id: str
    name: str
    kind: str
    attributes: Mapping[str, str] = {}

    @property
    def namespace(self) -> str:
        """Of `service/shop/cart` that is `shop`, also beneath a cluster's name; "" of `service/cart`."""
        return self.name.rpartition("/")[0].rpartition("/")[2]

    @property
    def base(self) -> str:
        """Of `service/shop/cart`, and of `service/cart`, that is `cart`."""
        return self.name.rpartition("/")[2]

    @property
    def address(self) -> str:
        """Where it is reached."""
        return self.attributes.get("address") or self.name

    @property
    def identity(self) -> str:
        """What it has to prove there; "" where nothing is known of it."""
        return self.attributes.get("machine_id") or self.attributes.get("uid", "")


class Surroundings(Protocol):
    """What stands around a node, looked up only where a rule asks. Nodes are named by their ids."""

    def above(self, node: str, kind: str | None) -> Sequence[str]:
        """The ancestors of a node, nearest first; of one kind where it is given."""
        ...

    def below(self, node: str, kind: str | None) -> Sequence[str]:
        """The descendants of a node, nearest first; of one kind where it is given."""
        ...

    def alerting(self, node: str) -> bool:
        """Whether an alert fires on the node."""
        ...

    def siblings(self, node: str) -> Sequence[str]:
        """The nodes of the same kind below the same nearest node, itself among them; none where nothing is above."""
        ...

    def find(self, kind: str | None, where: Mapping[str, str]) -> Sequence[NodeFact]:
        """The nodes of a kind with these attributes (`alias` is any of a node's other names); two are enough to know."""
        ...


class Answer(msgspec.Struct, frozen=True):
    """What was said to one query: one fresh sample, or a text of the alert's; or why there is none.

    `sampled_at` is microseconds.
    """

    value: float | None = None
    sampled_at: int | None = None
    why_unknown: str | None = None
    text: str | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """One incident at one instant. Instants are microseconds since 1970; what is not known is None or missing.

    `ancestors` maps a kind to the nearest ancestor of it, or to None where there are several as near. `answers` is by
    `Query.key`, `held_since` by `Held.key`. `samples_after` makes every older sample unknown: verification sets it to
    the end of the effect. `calendars` maps a calendar's name to its entries, (from, to) each; `confidence` is a ratio.
    """

    now: int
    alertname: str = ""
    severity: str | None = None
    severities: tuple[str, ...] = DEFAULT_SEVERITIES
    status: str = "firing"
    labels: Mapping[str, str] = {}
    node: NodeFact | None = None
    ancestors: Mapping[str, NodeFact | None] = {}
    starts_at: int | None = None
    onset: int | None = None
    suppressed: int | None = None
    resolved: bool | None = None
    answers: Mapping[str, Answer] = {}
    held_since: Mapping[str, int] = {}
    health: Mapping[str, str] = msgspec.field(default_factory=lambda: dict(DEFAULT_HEALTH))
    samples_after: int | None = None
    annotations: Mapping[str, str] = {}
    owner: NodeFact | None = None
    value: float | None = None
    confidence: float | None = None
    root_is: str | None = None
    burn_rate: float | None = None
    objective: str | None = None
    change: str | None = None
    change_facts: Mapping[str, str] = {}
    changed_at: int | None = None
    calendars: Mapping[str, Sequence[tuple[int, int]]] = {}
    around: Surroundings | None = None


class Look(msgspec.Struct, frozen=True):
    """A look at one node: what its executor needs. `shows` is the kind of state that the argv tells, "" for its exit code."""

    executor: str
    node: str
    address: str
    identity: str
    argv: tuple[str, ...]
    shows: str = ""


class Query(msgspec.Struct, frozen=True):
    """A question, and the key under which its answer is expected.

    Prometheus is asked a finished PromQL text; of the alert a name is asked that only whoever told of it can answer:
    `value`, or `annotations.X`. Of `http` the text is a URL, and the answer's value the status. Of `node` it is what
    people call the look, and the answer what that brought.
    """

    key: str
    text: str
    of: Literal["prometheus", "alert", "http", "node"] = "prometheus"
    look: Look | None = None


class Held(msgspec.Struct, frozen=True):
    """What stands before a `for` right now; see `remember`."""

    key: str
    value: bool | None


class Verdict(msgspec.Struct, frozen=True):
    """The value of a condition (None is unknown), why, what to ask, and when it could turn by time alone."""

    value: bool | None
    because: tuple[str, ...] = ()
    needs: tuple[Query, ...] = ()
    next_at: int | None = None
    held: tuple[Held, ...] = ()


def remember(held_since: Mapping[str, int], verdict: Verdict, now: int) -> dict[str, int]:
    """The history for the next evaluation: since when each condition before a `for` has held without a gap."""
    return {held.key: held_since.get(held.key, now) for held in verdict.held if held.value is True}
