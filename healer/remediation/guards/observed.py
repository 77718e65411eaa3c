"""What observed guards decide by: an incident, a target and what stands around it, at most `FRESH` ago. Pure values.

Made by `healer.remediation.observing`.
"""

import msgspec

from healer.convergence.outcome import AlertView, AtWork, Incident
from healer.remediation.settings import Guards
from healer.times import SECOND, Micros

FRESH: Micros = 10 * SECOND
"""The oldest observation that a guard accepts."""


class Group(msgspec.Struct, frozen=True):
    """Nodes that stand in for one another. `unwell` are those on which an alert fires, and those of which nobody knows."""

    name: str
    nodes: frozenset[str]
    unwell: frozenset[str]


class Frozen(msgspec.Struct, frozen=True):
    """A calendar that has an entry now, and until when."""

    calendar: str
    until: Micros


class Held(msgspec.Struct, frozen=True):
    """Whether the rule's condition held (None: nobody could say) when it was looked at, and why."""

    value: bool | None
    why: str
    at: Micros


class Observed(msgspec.Struct, frozen=True):
    """What is known about an incident and a target at `now`. `silences_age` is None where no silence can be mirrored."""

    now: Micros
    incident: Incident | None
    root: AlertView | None
    on_target: tuple[AlertView, ...]
    above_target: tuple[AlertView, ...]
    silences_age: Micros | None
    silences_readable: bool = True
    at_work: AtWork | None = None
    """Maintenance that is under way on the target."""
    excepted: str = ""
    """The exception of its rule that holds now, and why."""
    doubtful: str = ""
    """The one of which nobody can say whether it does, and why."""
    bounds: Guards = Guards()
    halted: str = ""
    """Why nothing may be begun on the word of the machine that healer runs on: its pause file."""
    silent: str = ""
    """Why the word of those who send alerts is not to be acted on: they have gone silent."""
    known: bool = True
    """Whether the topology has the target."""
    own: str = ""
    """Why the target is one that healer cannot live without."""
    frozen: Frozen | None = None
    cordoned: str = ""
    """Who took the target out of service, where it was not healer."""
    deploying: str = ""
    """The deployment that is under way there, in a sentence."""
    held: Held | None = None
    """The rule's condition; None where nothing asks for it any more: the plan has had an effect, or tidies up."""
    floor: Group | None = None
    """The nodes of the target's kind; itself among them, which does not count."""
