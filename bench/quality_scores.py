"""How well did a storm come out, when its truth is known? What people heard of, and after what it was named. Pure.

Read by `bench.quality` and `bench.reliability`.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from healer.alerts.identity import canonical, labels_of
from healer.documents.problems import DocumentError, Problem
from healer.rehearsal.case import Case, read_case
from healer.rehearsal.playback import Found, Played


class Truth(msgspec.Struct, frozen=True):
    """What a file says was behind its alerts: per fault the nodes that count as its root, and what fired because of it."""

    faults: tuple[frozenset[str], ...]
    caused: tuple[frozenset[int], ...]
    identities: tuple[bytes, ...]


class Labelled(msgspec.Struct, frozen=True):
    case: Case
    truth: Truth


class Scored(msgspec.Struct, frozen=True):
    """One case: how many incidents people hear of, and how its faults were named.

    `first` and `among_three` look at the incident of a root's own alert, `most` at the one that holds most of what the fault
    brought about. `wrong` incidents hold alerts of a fault and are named after none; `noise` ones hold no fault's. `needed` is
    how few incidents would do: one for each fault, and one for each node with noise. `over_merged`: two faults in one incident.
    """

    case: str
    alerts: int
    incidents: int
    needed: int
    faults: int
    first: int
    among_three: int
    most: int
    wrong: int
    noise: int
    over_merged: bool
    named: str

    @property
    def told(self) -> float:
        """Compression of this case alone."""
        return 1 - self.incidents / self.alerts if self.alerts else 0.0


def read(file: Path) -> Labelled:
    """A case with its truth, which the engine never sees. Raises DocumentError with every mistake."""
    return labelled(file.read_bytes(), str(file))


class _Alert(msgspec.Struct, frozen=True):
    labels: dict[str, str]


class _Fault(msgspec.Struct, frozen=True):
    node: str
    alerts: tuple[int, ...]


class _Said(msgspec.Struct, frozen=True):
    """What a file says of the truth."""

    alerts: tuple[_Alert, ...]
    faults: tuple[_Fault, ...] = ()
    root_causes: tuple[str, ...] = ()
    root_cause_members: tuple[str, ...] = ()


def labelled(raw: bytes, name: str) -> Labelled:
    """A case with its truth; `name` is the file, for mistakes. Raises DocumentError with every mistake."""
    case = read_case(raw, name)
    try:
        said = msgspec.json.decode(raw, type=_Said)
    except msgspec.ValidationError as error:
        raise DocumentError([Problem(name, 0, 0, "", f"what it says of the truth cannot be read: {error}")]) from None
    alerts = tuple(canonical(one.labels) for one in said.alerts)
    if said.faults:
        faults = tuple(frozenset({fault.node}) for fault in said.faults)
        caused = tuple(frozenset(fault.alerts) for fault in said.faults)
    else:
        faults = (frozenset([*said.root_causes, *said.root_cause_members]),)
        caused = (frozenset(range(len(alerts))),)
    if not any(faults):
        raise DocumentError(
            [Problem(name, 0, 0, "root_causes", "is missing: which node was it? Names cannot be judged")]
        )
    if any(not 0 <= index < len(alerts) for some in caused for index in some):
        raise DocumentError([Problem(name, 0, 0, "faults", f"an alert beyond the {len(alerts)} that there are")])
    return Labelled(case, Truth(faults, caused, alerts))


def score(found: Played, truth: Truth) -> Scored:
    """How well one case came out."""
    told = [one for one in found.incidents if one.incident.told]
    homes = [home(found, truth, number) for number in range(len(truth.faults))]
    first = three = most = 0
    for number, (fault, there) in enumerate(zip(truth.faults, homes, strict=True)):
        largest = holder(found, truth, number)
        most += largest is not None and named(largest) in fault
        if there is not None:
            first += named(there) in fault
            three += bool(fault & set(first_three(there)))
    anyone = frozenset().union(*truth.faults)
    known = [there.incident.id for there in homes if there is not None]
    fault_alerts = {truth.identities[index] for caused in truth.caused for index in caused}
    stray = {labels_of(one).get("node") for one in truth.identities if one not in fault_alerts}
    astray = [one for one in told if named(one) not in anyone]
    wrong = sum(any(seen.view.labels in fault_alerts for seen in one.alerts) for one in astray)
    return Scored(
        case=found.case,
        alerts=sum(len(one.alerts) for one in found.incidents) + len(found.untold),
        incidents=sum(1 + len(one.absorbed) for one in told),
        needed=len(truth.faults) + len(stray),
        faults=len(truth.faults),
        first=first,
        among_three=three,
        most=most,
        wrong=wrong,
        noise=len(astray) - wrong,
        over_merged=len(set(known)) < len(known),
        named=", ".join(f"{named(one)} ({one.incident.how})" for one in told[:3]),
    )


def named(found: Found) -> str:
    """The node that an incident is named after."""
    incident = found.incident
    return (incident.named or incident.root).node


def first_three(found: Found) -> list[str]:
    """Who is named, then the other candidates in their order."""
    return list(dict.fromkeys([named(found), *(one.node for one in found.incident.candidates)]))[:3]


def home(played: Played, truth: Truth, number: int) -> Found | None:
    """The incident of a fault's root; where that has no alert, the one that holds most of what the fault brought about."""
    own = [
        identity
        for index in truth.caused[number]
        if labels_of(identity := truth.identities[index]).get("node") in truth.faults[number]
    ]
    return _with_most(played, own) if own else holder(played, truth, number)


def holder(played: Played, truth: Truth, number: int) -> Found | None:
    """The incident that holds most of what a fault brought about."""
    return _with_most(played, [truth.identities[index] for index in truth.caused[number]])


def _with_most(played: Played, alerts: list[bytes]) -> Found | None:
    where = {seen.view.labels: one for one in played.incidents if one.incident.told for seen in one.alerts}
    count: dict[str, int] = {}
    found: dict[str, Found] = {}
    for identity in alerts:
        one = where.get(identity)
        if one is not None:
            count[one.incident.id] = count.get(one.incident.id, 0) + 1
            found[one.incident.id] = one
    best = max(count, key=lambda one: (count[one], one), default=None)
    return found[best] if best is not None else None


class Line(msgspec.Struct, frozen=True):
    """One line of the table, in percent. `compression` is of all alerts together, `possible` what one incident for each fault
    and each node with noise would be, `each` the mean of compression over cases; `wrong` and `noise` are incidents of a case.
    """

    name: str
    cases: int
    compression: float
    possible: float
    each: float
    first: float
    among_three: float
    most: float
    wrong: float
    noise: float
    over_merge: float

    def __str__(self) -> str:
        numbers = [
            f"{value:>{width}.{digits}f}" for value, (_, width, digits) in zip(self.numbers, COLUMNS, strict=True)
        ]
        return f"{self.name:<22}{self.cases:>6}{''.join(numbers)}"

    @property
    def numbers(self) -> list[float]:
        return [float(value) for value in msgspec.structs.astuple(self)[2:]]


COLUMNS = (
    ("compression", 13, 1),
    ("possible", 10, 1),
    ("each", 7, 1),
    ("first", 8, 1),
    ("three", 8, 1),
    ("most", 8, 1),
    ("wrong", 8, 2),
    ("noise", 8, 2),
    ("over-merge", 12, 1),
)
"""Headings with their width and digits."""
HEADING = f"{'storms':<22}{'cases':>6}" + "".join(f"{name:>{width}}" for name, width, _ in COLUMNS)


def line(name: str, scored: list[Scored]) -> Line:
    """What came out for many cases; one without alerts counts as one whose root was not named."""
    faults = max(sum(one.faults for one in scored), 1)
    alerts = max(sum(one.alerts for one in scored), 1)
    cases = max(len(scored), 1)
    with_alerts = [one for one in scored if one.alerts]
    several = [one for one in scored if one.faults > 1]
    return Line(
        name,
        len(scored),
        compression=100 * (1 - sum(one.incidents for one in scored) / alerts),
        possible=100 * (1 - sum(min(one.needed, one.alerts) for one in scored) / alerts),
        each=100 * sum(one.told for one in with_alerts) / max(len(with_alerts), 1),
        first=100 * sum(one.first for one in scored) / faults,
        among_three=100 * sum(one.among_three for one in scored) / faults,
        most=100 * sum(one.most for one in scored) / faults,
        wrong=sum(one.wrong for one in scored) / cases,
        noise=sum(one.noise for one in scored) / cases,
        over_merge=100 * sum(one.over_merged for one in several) / max(len(several), 1),
    )


def mean(lines: Iterable[Line], name: str = "macro mean") -> Line:
    """The mean over installations, each counting the same."""
    listed = list(lines)
    columns = zip(*(one.numbers for one in listed), strict=True)
    return Line(name, sum(one.cases for one in listed), *(sum(column) / len(listed) for column in columns))
