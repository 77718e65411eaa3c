"""Does healer name the root? Labelled storms through the engine, and how often the truth was named.

    python -m bench.quality [--storms DIR] [--cases]

The recorded storms of bench/storms (their README has source and licence), and generated ones; or every folder of cases in
DIR, each an installation of its own, each case printed. `make bench-quality [STORMS=DIR]` calls it.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import msgspec

from healer.alerts.identity import canonical, labels_of
from healer.convergence.settings import Convergence
from healer.rehearsal.case import Case, read_case
from healer.rehearsal.generators import KINDS, storms
from healer.rehearsal.playback import Found, Played, play_all

STORMS = Path(__file__).parent / "storms"
OBSCURED = ("missing-edges", "noise")
"""Kinds of generated storms of which not all is known, or not all has to do with the fault."""
SEEDS = 4
"""Datacentres for each kind of generated storm."""
STORMS_EACH = 5
"""Storms in each of them."""


class Truth(msgspec.Struct, frozen=True):
    """What a file says was behind its alerts: per fault the nodes that count as its root, and what fired because of it."""

    faults: tuple[frozenset[str], ...]
    caused: tuple[frozenset[int], ...]
    identities: tuple[bytes, ...]


class Labelled(msgspec.Struct, frozen=True):
    case: Case
    truth: Truth


class Scored(msgspec.Struct, frozen=True):
    """One case: how many incidents people hear of, and how its faults were named. `over_merged`: two faults in one incident."""

    case: str
    alerts: int
    incidents: int
    faults: int
    first: int
    among_three: int
    wrong: int
    over_merged: bool
    named: str
    told: float


def read(file: Path) -> Labelled:
    """A case with its truth, which the engine never sees."""
    raw = file.read_bytes()
    return labelled(raw, str(file))


def labelled(raw: bytes, name: str) -> Labelled:
    said = json.loads(raw)
    case = read_case(raw, name)
    alerts = [canonical(alert["labels"]) for alert in said["alerts"]]
    if said.get("faults"):
        faults = tuple(frozenset({fault["node"]}) for fault in said["faults"])
        caused = tuple(frozenset(fault["alerts"]) for fault in said["faults"])
    else:
        faults = (frozenset([*said.get("root_causes", ()), *said.get("root_cause_members", ())]),)
        caused = (frozenset(range(len(alerts))),)
    return Labelled(case, Truth(faults, caused, tuple(alerts)))


def score(found: Played, truth: Truth) -> Scored:
    """How well one case came out. A fault is looked for in the incident that holds most of its alerts."""
    told = [one for one in found.incidents if one.incident.told]
    homes = [home(found, truth, number) for number in range(len(truth.faults))]
    first = three = 0
    for fault, there in zip(truth.faults, homes, strict=True):
        if there is None:
            continue
        first += named(there) in fault
        three += bool(fault & set(_first_three(there)))
    anyone = frozenset().union(*truth.faults)
    known = [there.incident.id for there in homes if there is not None]
    alerts = sum(len(one.alerts) for one in found.incidents) + len(found.untold)
    notices = sum(1 + len(one.absorbed) for one in told)
    return Scored(
        case=found.case,
        alerts=alerts,
        incidents=notices,
        faults=len(truth.faults),
        first=first,
        among_three=three,
        wrong=sum(named(one) not in anyone for one in told),
        over_merged=len(set(known)) < len(known),
        named=", ".join(f"{named(one)} ({one.incident.how})" for one in told[:3]),
        told=1 - notices / alerts if alerts else 0.0,
    )


def named(found: Found) -> str:
    """The node that an incident is named after."""
    incident = found.incident
    return (incident.named or incident.root).node


def _first_three(found: Found) -> list[str]:
    """Who is named, then the other candidates in their order."""
    return list(dict.fromkeys([named(found), *(one.node for one in found.incident.candidates)]))[:3]


def home(played: Played, truth: Truth, number: int) -> Found | None:
    """The incident of a fault's root; where that has no alert, the one that holds most of what the fault brought about."""
    where = {seen.view.labels: one for one in played.incidents if one.incident.told for seen in one.alerts}
    caused = [truth.identities[index] for index in truth.caused[number]]
    own = [one for one in caused if labels_of(one).get("node") in truth.faults[number]]
    count: dict[str, int] = {}
    found: dict[str, Found] = {}
    for identity in own or caused:
        one = where.get(identity)
        if one is not None:
            count[one.incident.id] = count.get(one.incident.id, 0) + 1
            found[one.incident.id] = one
    best = max(count, key=lambda one: (count[one], one), default=None)
    return found[best] if best is not None else None


class Line(msgspec.Struct, frozen=True):
    """One line of the table, in percent. `compression` is of all alerts together, `each` its mean over cases; `wrong` is how
    many incidents a case has that are named after no root.
    """

    name: str
    cases: int
    compression: float
    each: float
    first: float
    among_three: float
    wrong: float
    over_merge: float

    def __str__(self) -> str:
        return (
            f"{self.name:<22}{self.cases:>6}{self.compression:>13.1f}{self.each:>7.1f}{self.first:>8.1f}{self.among_three:>8.1f}"
            f"{self.wrong:>8.2f}{self.over_merge:>12.1f}"
        )


HEADING = (
    f"{'storms':<22}{'cases':>6}{'compression':>13}{'each':>7}{'first':>8}{'three':>8}{'wrong':>8}{'over-merge':>12}"
)


def line(name: str, scored: list[Scored]) -> Line:
    """What came out for many cases; one without alerts counts as one whose root was not named."""
    faults = max(sum(one.faults for one in scored), 1)
    with_alerts = [one for one in scored if one.alerts]
    several = [one for one in scored if one.faults > 1]
    return Line(
        name,
        len(scored),
        100 * (1 - sum(one.incidents for one in scored) / max(sum(one.alerts for one in scored), 1)),
        100 * sum(one.told for one in with_alerts) / max(len(with_alerts), 1),
        100 * sum(one.first for one in scored) / faults,
        100 * sum(one.among_three for one in scored) / faults,
        sum(one.wrong for one in scored) / max(len(scored), 1),
        100 * sum(one.over_merged for one in several) / max(len(several), 1),
    )


def run(cases: Iterable[Labelled], settings: Convergence) -> list[Scored]:
    """Cases as one installation's history, in this order."""
    listed = list(cases)
    played = play_all((one.case for one in listed), settings)
    return [score(found, one.truth) for found, one in zip(played, listed, strict=True)]


def recorded(folder: Path) -> Iterator[tuple[str, list[Labelled]]]:
    """Every folder of cases below `folder` (or itself) is one installation, its cases in the order of their names."""
    for one in sorted({file.parent for file in folder.rglob("*.json")}):
        yield (
            one.relative_to(folder).as_posix() if one != folder else folder.name,
            [read(file) for file in sorted(one.glob("*.json"))],
        )


def generated(kind: str, *, seeds: int = SEEDS, each: int = STORMS_EACH) -> list[Scored]:
    """Generated storms of one kind, each datacentre an installation of its own."""

    def of(seed: int) -> list[Scored]:
        made = (labelled(storm.encode(), storm.name) for storm in storms(kind, seed=seed, count=each))
        return run(made, Convergence())

    return list(chain.from_iterable(map(of, range(1, seeds + 1))))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--storms", type=Path, help="a folder of cases instead of the recorded and generated ones")
    parser.add_argument("--cases", action="store_true", help="print each case")
    arguments = parser.parse_args()
    folder = arguments.storms or STORMS
    if not any(folder.rglob("*.json")):
        print(f"{folder} has no cases: name a folder of JSON files as in bench/storms", file=sys.stderr)
        return 2
    print(HEADING)
    lines = []
    for name, cases in recorded(folder):
        scored = run(cases, Convergence())
        lines.append(line(name, scored))
        print(lines[-1], flush=True)
        if arguments.storms or arguments.cases:
            _cases(scored)
    if len(lines) > 1:
        print(mean(lines))
    if not arguments.storms:
        _generated(each=arguments.cases)
    return 0


def _generated(*, each: bool) -> None:
    """Generated storms of each kind, and together those in which all edges are known and nothing else is wrong."""
    complete: list[Scored] = []
    for kind in KINDS:
        scored = generated(kind)
        print(line(kind, scored), flush=True)
        if kind not in OBSCURED:
            complete += scored
        if each:
            _cases(scored)
    print(line("complete, together", complete))


def mean(lines: list[Line]) -> Line:
    """The mean over installations, each counting the same."""
    numbers = [[float(value) for value in msgspec.structs.astuple(one)[2:]] for one in lines]
    return Line(
        "macro mean",
        sum(one.cases for one in lines),
        *(sum(column) / len(lines) for column in zip(*numbers, strict=True)),
    )


def _cases(scored: list[Scored]) -> None:
    for one in scored:
        verdict = "first" if one.first == one.faults else "among three" if one.among_three == one.faults else "missed"
        over = ", two faults in one incident" if one.over_merged else ""
        print(
            f"  {one.case}: {one.alerts} alerts, {one.incidents} incidents, {verdict}: {one.named or 'nothing'}{over}"
        )


if __name__ == "__main__":
    sys.exit(main())
