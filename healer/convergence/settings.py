"""What people may set about how alerts converge into incidents. Read by the engine, assembled by `healer.settings`."""

from typing import ClassVar

import msgspec

from healer.alerts.matchers import Matchers, parse_matchers
from healer.documents.fields import Duration
from healer.times import HOUR, MINUTE, SECOND, Micros, format_duration

LEVELS = ("info", "warning", "error", "critical")
"""Severities from the least to the most severe."""
IGNORE = "ignore"
"""A severity to map to: stored and shown, never a root, never told."""

SEVERITIES = {
    "none": IGNORE,
    "page": "critical",
    "P1": "critical",
    "P2": "error",
    "ticket": "warning",
}
"""What the severities of the real world mean."""


NEVER_SUPPRESS = (
    parse_matchers(['alertname=~".*(BurnRate|BudgetBurn).*"', 'severity=~"page|critical"']),
    parse_matchers(['page="always"']),
)
"""Pages about a burn rate, which speak of what users feel, and whatever asks for it by a label."""


class Hold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long, from its arrival, a new alert waits for a cause before people hear of it. One duration means all."""

    short: ClassVar[tuple[str, ...]] = ("default", "critical")

    default: Duration = 30 * SECOND
    """Two scrapes of 15s: symptoms and cause of one fault mostly arrive within that."""
    critical: Duration = 15 * SECOND
    """Shorter, because somebody may have to get up."""

    def __post_init__(self) -> None:
        if self.critical > self.default:
            critical, default = format_duration(self.critical), format_duration(self.default)
            raise ValueError(f"critical ({critical}) is longer than default ({default}): set it to {default} or less")


class Flap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When what comes and goes is told once and left alone, until it has been calm for as long."""

    changes: int = 4
    """How often an alert ends or fires again: twice there and back is no accident."""
    within: Duration = 10 * MINUTE
    """... within this time."""
    reopenings: int = 3
    """How often incidents of one node open again."""
    reopened_within: Duration = 15 * MINUTE
    """... within this time."""

    def __post_init__(self) -> None:
        for name, value in (("changes", self.changes), ("reopenings", self.reopenings)):
            if value < 2:
                raise ValueError(f"{name} is less than 2: everything would be flapping", name)


class Storm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When so many new roots are told as one, and nothing is repaired but by rules that say so."""

    roots: int = 20
    """How many incidents open, each with a root of its own: more messages than people read."""
    within: Duration = MINUTE
    """... within this time."""
    calm_within: Duration = 5 * MINUTE
    """It is over when fewer than half as many opened within this time."""

    def __post_init__(self) -> None:
        if self.roots < 2:
            raise ValueError("roots is less than 2: every incident would be a storm", "roots")


class Convergence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"for_": "for"}):
    """How far apart cause and symptom may be, and who may explain whom."""

    window: Duration = 10 * MINUTE
    """A cause explains a symptom whose onset is at most this much later than its own; covers the usual `for: 5m`."""
    slack: Duration = 2 * MINUTE
    """... or at most this much earlier: the phases of a 1m scrape and a 1m evaluation."""
    hold: Hold = Hold()
    """How long a new alert waits for its cause."""
    settle: Duration = 2 * MINUTE
    """After a root resolves, how long its descendants have to follow before they are judged afresh."""
    max_untold: Duration = 10 * MINUTE
    """However often its explanation changes, an alert without one firing root is told after this long (promise A2)."""
    hard: Matchers = parse_matchers(['alertname=~".*(Down|Unreachable|NotReady)"'])
    """Alerts that mean down, not degraded: they explain what begins beneath them for as long as they fire."""
    suppressors: Matchers | None = None
    """Which alerts may explain others, where their severity is not below their descendant's; unset: all."""
    never_suppress: tuple[Matchers, ...] = NEVER_SUPPRESS
    """Alerts that are told although another explains them, with that one beside them: those that any of these match."""
    max_suppress: Duration = 4 * HOUR
    """An incident beneath which alerts stay suppressed is said again whenever this much time has passed."""
    flap: Flap = Flap()
    """What comes and goes."""
    storm: Storm = Storm()
    """Too many new roots at once."""
    severities: dict[str, str] = msgspec.field(default_factory=lambda: dict(SEVERITIES))
    """The severities your rules use, as info, warning, error, critical or ignore; given, it replaces this table."""
    for_: dict[str, Duration] = {}
    """By alertname, the `for:` of its rule: the onset is this much earlier than startsAt."""
    join: bool = True
    """Whether degraded things that are connected become one incident with ranked candidates; else each root is its own."""
    group_by: tuple[str, ...] = ("alertname",)
    """Labels by whose values alerts without a node fall into one incident."""

    def __post_init__(self) -> None:
        for said, meant in self.severities.items():
            if meant not in (*LEVELS, IGNORE):
                expected = ", ".join(LEVELS)
                raise ValueError(f"{said}: expected {expected} or {IGNORE}, found {meant!r}", "severities")
        if self.max_suppress < MINUTE:
            raise ValueError("max_suppress is shorter than 1m: people would be told without end", "max_suppress")
        if self.max_untold < self.hold.default:
            raise ValueError("max_untold is shorter than hold: every alert would be told at once", "max_untold")

    def ahead(self, alertname: str) -> Micros:
        """How much earlier than its startsAt an alert of this name began, as far as that is set."""
        return self.for_.get(alertname, 0)
