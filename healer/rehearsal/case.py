"""A storm in a file: the topology and the alerts of one case, read and checked. Pure: bytes in, a case out.

Read by `healer converge` and the quality bench. What a file says of its true root is never looked at.
"""

from typing import Any

import msgspec

from healer.alerts.identity import canonical
from healer.alerts.instants import BadTime, read_instant
from healer.documents.problems import DocumentError, Problem, dotted
from healer.times import Micros, parse_duration
from healer.topology.graph import Topology
from healer.topology.node_link import Reading

MAX_ALERTS = 1_000_000
"""Alerts of one case."""
MAX_TOLD = 20
"""Mistakes of one file that are told."""


class Interval(msgspec.Struct, frozen=True, order=True):
    """One alert while it fires. `ends_at` is 0 when the file does not say when it ended.

    It reaches healer `late` after it says that it began; less than nothing where its sender's clock is ahead.
    """

    starts_at: Micros
    ends_at: Micros
    labels: bytes
    late: Micros = 0


class Case(msgspec.Struct, frozen=True):
    """What failed together, as a file has it. Intervals are in the order in which they began."""

    name: str
    topology: Topology
    alerts: tuple[Interval, ...]
    waits: dict[str, Micros] = {}
    """By alertname, the `for:` of its rule."""


def read_case(raw: bytes, file: str) -> Case:
    """The case in `raw`; `file` names it where the text does not. Raises DocumentError with every mistake."""
    try:
        said = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DocumentError([Problem(file, 0, 0, "", f"is not JSON: {error}")]) from None
    return _Reading(file).case(said)


class _Reading:
    """Reads one file and gathers what is wrong with it."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._problems: list[Problem] = []

    def case(self, said: Any) -> Case:
        if not isinstance(said, dict) or "alerts" not in said:
            self._wrong((), 'expected a case: {"topology": {"nodes": [...], "edges": [...]}, "alerts": [...]}')
            raise DocumentError(self._problems)
        name = said.get("case", self._file)
        if not isinstance(name, str):
            self._wrong(("case",), "expected a text: the name of the case")
        topology = self._topology(said.get("topology"))
        alerts = self._alerts(said["alerts"])
        waits = self._waits(said.get("for"))
        if self._problems:
            raise DocumentError(self._problems[:MAX_TOLD])
        return Case(name, topology, tuple(sorted(alerts)), waits)

    def _waits(self, said: Any) -> dict[str, Micros]:
        try:
            return {name: parse_duration(wait) for name, wait in msgspec.convert(said or {}, dict[str, str]).items()}
        except (msgspec.ValidationError, ValueError) as error:
            self._wrong(("for",), f'{error}; expected durations by alertname, such as {{"HostDown": "1m"}}')
            return {}

    def _topology(self, said: Any) -> Topology:
        """Nodes and edges; other keys say where the graph is from. An edge from a node to itself says nothing."""
        if said is not None and not isinstance(said, dict):
            self._wrong(("topology",), 'expected {"nodes": [...], "edges": [[parent, child], ...]}')
            return Topology()
        graph = {key: value for key, value in (said or {}).items() if key in ("nodes", "edges", "links")}
        for key in ("edges", "links"):
            if isinstance(graph.get(key), list):
                graph[key] = [edge for edge in graph[key] if not _to_itself(edge)]
        reading = Reading()
        reading.add(graph)
        topology = reading.finish()
        for fault in reading.faults:
            self._wrong(("topology", *fault.way), fault.message)
        return topology

    def _alerts(self, said: Any) -> list[Interval]:
        if not isinstance(said, list):
            self._wrong(("alerts",), "expected a list of alerts with labels and startsAt")
            return []
        if len(said) > MAX_ALERTS:
            self._wrong(("alerts",), f"{len(said)} alerts; a case has at most {MAX_ALERTS}")
            return []
        read = [self._alert(alert, ("alerts", at)) for at, alert in enumerate(said)]
        return [alert for alert in read if alert is not None]

    def _alert(self, said: Any, way: tuple[str | int, ...]) -> Interval | None:
        if not isinstance(said, dict):
            self._wrong(way, "expected an alert: a mapping with labels and startsAt")
            return None
        labels = said.get("labels")
        if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
            self._wrong((*way, "labels"), 'expected labels such as {"alertname": "HostDown", "node": "host/a"}')
            return None
        if not any(labels.values()):
            self._wrong((*way, "labels"), "an alert needs at least one label with a value")
            return None
        starts_at = self._instant(said.get("startsAt"), (*way, "startsAt"))
        ends_at = self._instant(said.get("endsAt"), (*way, "endsAt"))
        if not starts_at:
            self._wrong((*way, "startsAt"), "is missing: when did it begin? 2026-01-07T10:00:00Z")
            return None
        if ends_at and ends_at < starts_at:
            self._wrong((*way, "endsAt"), "is before startsAt: an alert ends after it began")
            return None
        try:
            arrives_at = self._instant(said.get("arrivesAt"), (*way, "arrivesAt"))
            return Interval(starts_at, ends_at, canonical(labels), arrives_at - starts_at if arrives_at else 0)
        except UnicodeEncodeError:
            self._wrong((*way, "labels"), "has a text that is no UTF-8")
            return None

    def _instant(self, said: Any, way: tuple[str | int, ...]) -> Micros:
        try:
            return read_instant(said if isinstance(said, str) else "" if said is None else repr(said))
        except BadTime as error:
            self._wrong(way, str(error))
            return 0

    def _wrong(self, way: tuple[str | int, ...], message: str) -> None:
        self._problems.append(Problem(self._file, 0, 0, dotted(way), message))


def _to_itself(edge: Any) -> bool:
    if isinstance(edge, dict):
        return "source" in edge and edge["source"] == edge.get("target")
    return isinstance(edge, list) and len(edge) == 2 and edge[0] == edge[1]
