"""The engine's own state: episodes of alerts, the places they sit in, the incidents that places have.

These objects change in place and never leave the engine; what leaves it are the frozen values of `outcome`.
"""

from typing import Final, Literal

import msgspec

from healer.convergence.outcome import Naming, People
from healer.convergence.outcome import Status as IncidentStatus
from healer.times import Micros


class Status:
    """A firing alert has exactly one of the first five; the order is that of promise A2. `NEW` is one not judged yet.

    Plain names for strings: an enum's members cost more to look up than all the rest of a small rule.
    """

    SILENCED: Final = "silenced"
    SUPPRESSED: Final = "suppressed"
    MEMBER: Final = "member"
    HELD: Final = "held"
    ROOT: Final = "root"
    RESOLVED: Final = "resolved"
    NEW: Final = "new"


StatusName = Literal["silenced", "suppressed", "member", "held", "root", "resolved", "new"]


class Code:
    """Why an alert has its status; put into words by `reasons`."""

    NOT_JUDGED: Final = "NOT_JUDGED"
    NOTHING_ABOVE: Final = "NOTHING_ABOVE"
    BELOW_ROOT: Final = "BELOW_ROOT"
    BELOW_LONG_LIVED: Final = "BELOW_LONG_LIVED"
    BELOW_SINCE_SPOKEN: Final = "BELOW_SINCE_SPOKEN"
    SAME_PLACE: Final = "SAME_PLACE"
    WAITING_FOR_CAUSE: Final = "WAITING_FOR_CAUSE"
    CONTESTED: Final = "CONTESTED"
    SILENCE: Final = "SILENCE"
    IGNORED_SEVERITY: Final = "IGNORED_SEVERITY"
    ROOT_WENT_AWAY: Final = "ROOT_WENT_AWAY"
    UNTOLD_TOO_LONG: Final = "UNTOLD_TOO_LONG"
    NEVER_SUPPRESSED: Final = "NEVER_SUPPRESSED"
    MORE_SEVERE: Final = "MORE_SEVERE"
    KEPT: Final = "KEPT"
    REDUNDANCY_HOLDS: Final = "REDUNDANCY_HOLDS"
    PERSON_SAID: Final = "PERSON_SAID"
    PERSON_NAMED: Final = "PERSON_NAMED"
    PERSON_SPLIT: Final = "PERSON_SPLIT"
    UNMAPPED: Final = "UNMAPPED"
    ENDED: Final = "ENDED"


class Traits(msgspec.Struct, frozen=True, gc=False):
    """What the settings say of all alerts with the same few label values; shared by their episodes.

    `level` orders severities (`ignored` ones are never told); `hard` means down, not degraded; `ahead` is how much earlier
    than `startsAt` the condition began (the rule's `for`); `hold` is how long a new alert waits for its cause;
    `always_told` ones are told although another explains them.
    """

    name: str
    severity: str
    level: int
    ignored: bool
    hard: bool
    suppressor: bool
    always_told: bool
    ahead: Micros
    hold: Micros


class Episode(msgspec.Struct, eq=False):
    """One interval in which an alert fires (or fired, less than `settle` ago). Instants are engine time but for
    `starts_at` and `onset`, which are event time.

    `by` is the episode that explains this one, None while nothing does; `place` is where an unexplained one sits.
    `expires` is 0 when its sender set no lifetime, `wakes` is when an expiry timer looks at it (0: none is set). `ended_at`
    is 0 while it fires. `untold_since` is its arrival, or when it was last put under another after people heard of it;
    `spoken_at` when its last silence ended (wall time, 0: none did).

    A Struct, because a million of them are made when a long journal is folded.
    """

    seq: int
    labels: bytes
    traits: Traits
    node: int
    sender: str
    starts_at: Micros
    onset: Micros
    held_until: Micros
    position: int
    index: int
    untold_since: Micros
    expires: Micros = 0
    wakes: Micros = 0
    by: "Episode | None" = None
    place: "Place | None" = None
    status: StatusName = Status.NEW
    code: str = Code.NOT_JUDGED
    distance: int = 0
    ended_at: Micros = 0
    judged_afresh: bool = False
    resolution: str = ""
    spoken_at: Micros = 0
    active_at: Micros = 0

    def __lt__(self, other: "Episode") -> bool:
        """Heaps compare episodes only when all that ranks them is equal, which is the same one twice."""
        return False


class Place:
    """A node of the topology, or a group of alerts without one, where something is unexplained (or was, lately).

    `unexplained` holds episodes that nothing explains, firing or ended less than `settle` ago, in the order they came;
    `explained` those that they explain, with stale entries that are skipped, and dropped when it is `tidy_at` long; `past`
    what ended longer ago, while there is an incident to show it in. `ranking` is a heap of those that could be the
    incident's face, most severe first. `firing` and `suppressed` count what fires, unexplained and explained; `ended` counts
    all that ended. `affected` are the owners whose critical alerts are, or were, explained from here. `recent` is what
    `strays` made of so much of `explained`.
    """

    __slots__ = (
        "affected",
        "ended",
        "explained",
        "face",
        "firing",
        "incident",
        "key",
        "named",
        "past",
        "ranking",
        "recent",
        "seq",
        "suppressed",
        "tidy_at",
        "unexplained",
    )

    def __init__(self, seq: int, key: "int | tuple[str, ...]") -> None:
        self.seq = seq
        self.key = key
        self.unexplained: dict[Episode, None] = {}
        self.explained: list[Episode] = []
        self.past: list[Episode] = []
        self.ranking: list[tuple[int, Micros, bytes, Episode]] = []
        self.face: Episode | None = None
        self.named = False
        self.firing = 0
        self.suppressed = 0
        self.ended = 0
        self.tidy_at = 64
        self.affected: dict[str, None] = {}
        self.incident: Case | None = None
        self.recent: tuple[list[Episode], int, dict[tuple[str, str], list[Episode]]] | None = None


class Case:
    """An incident under way, as the engine holds it. Instants are wall time, but where it is said.

    `silent` while its root is silenced; `began_at` is the first alert's arrival. `stirred_at` is when something last changed in
    it, `looks_at` when it is looked at again (0: no timer is set); both are engine time.
    """

    __slots__ = (
        "began_at",
        "face",
        "id",
        "in_storm",
        "looks_at",
        "lull",
        "merged_into",
        "naming",
        "opened_at",
        "people",
        "place",
        "quiet_since",
        "remind_at",
        "reopened",
        "resolution",
        "resolved_at",
        "returns",
        "revision",
        "said_again",
        "sides",
        "silent",
        "status",
        "stirred_at",
        "trace_id",
    )

    def __init__(
        self, id: str, trace_id: str, place: Place, face: Episode, began_at: Micros, opened_at: Micros
    ) -> None:
        self.id = id
        self.trace_id = trace_id
        self.place = place
        self.face = face
        self.began_at = began_at
        self.opened_at = opened_at
        self.resolved_at: Micros = 0
        self.quiet_since: Micros = 0
        self.status: IncidentStatus = "open"
        self.resolution = ""
        self.merged_into = ""
        self.reopened = 0
        self.revision = 0
        self.silent = False
        self.people = People()
        self.remind_at: Micros = 0
        self.said_again = 0
        self.returns: tuple[Micros, ...] = ()
        self.lull = False
        self.in_storm = False
        self.naming = Naming()
        self.sides: dict[Place, None] = {}
        self.stirred_at: Micros = 0
        self.looks_at: Micros = 0
