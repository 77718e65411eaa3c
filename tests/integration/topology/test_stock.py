"""The stock rules, with their own `for:`, evaluated by Prometheus: what they carry, and what becomes of three faults."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from healer.alerts.identity import canonical, labels_of
from healer.alerts.model import Alert
from healer.convergence.engine import Engine
from healer.convergence.outcome import Incident
from healer.convergence.settings import Convergence
from healer.settings import parse_settings
from healer.times import MINUTE, SECOND, Micros, parse_duration
from healer.topology.map import Map
from tests.stock import faults, promtool
from tests.stock.faults import ENDS_M, FAULTS, Fault
from tests.stock.promtool import Firing
from tests.stock.table import kept
from tests.stock.world import evaluated

START: Micros = 1_767_780_000_000_000
"""2026-01-07T10:00:00Z."""
MAPPINGS = "topology: {nodes: [{use: blackbox}, {use: kube-prometheus}]}"


def test_the_label_sets_that_are_kept_are_those_that_prometheus_makes(tmp_path: Path) -> None:
    assert evaluated(tmp_path) == kept(), "run python -m tests.stock docs/topology.md"


class Told:
    """What the engine made of a fault: the newest state of each incident, and which were open at their worst."""

    def __init__(self) -> None:
        self.incidents: dict[str, Incident] = {}

    def take(self, engine: Engine) -> None:
        for incident in engine.take().incidents:
            self.incidents[incident.id] = incident

    def open(self) -> list[Incident]:
        return [one for one in self.incidents.values() if one.status == "open"]


def converge(fired: list[Firing], lines: str = MAPPINGS) -> Iterator[tuple[int, Engine, Told]]:
    """The engine minute by minute over what fires, with the onsets that each rule's `for:` gives."""
    waits = {
        rule["alertname"]: parse_duration(rule.get("for") or "0s") for rule in [*promtool.stock_rules(), faults.PROBE]
    }
    graph = Map(faults.cluster(), parse_settings(lines, {}).topology.nodes, (), 10_000)
    engine, told = Engine(Convergence(for_=waits), graph, "test", "Watchdog"), Told()
    engine.advance(START)
    began: dict[bytes, int] = {}
    for minute in range(ENDS_M):
        firing = {canonical(one.labels) for one in fired if one.at_m == minute}
        for labels in firing - began.keys():
            began[labels] = minute
        at = START + minute * MINUTE
        gone = [labels for labels in began if labels not in firing]
        alerts = [Alert(labels, True, START + began[labels] * MINUTE, 0) for labels in sorted(firing)]
        alerts += [Alert(labels, False, START + began.pop(labels) * MINUTE, at) for labels in sorted(gone)]
        engine.advance(at)
        engine.deliver("prometheus", tuple(alerts), minute + 1, at)
        engine.advance(at + 50 * SECOND)
        told.take(engine)
        yield minute, engine, told


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_one_incident_with_the_right_root(fault: Fault, tmp_path: Path) -> None:
    """When all of its alerts have come, one incident is open, its root is what broke, and everything else is explained."""
    fired = promtool.firing(tmp_path, faults.series(fault), range(ENDS_M), [faults.PROBE])
    names = {one.labels["alertname"] for one in fired}
    assert {"KubeNodeNotReady", "KubeNodeUnreachable", "KubeletInstanceUnreachable", "KubePodNotReady"} <= names
    for minute, engine, told in converge(fired):
        if minute == faults.MENDED_M - 1:
            (incident,) = told.open()
            assert incident.root.node == fault.root
            explained = [one for one in engine.alerts() if labels_of(one.labels)["alertname"] != "Watchdog"]
            assert len(explained) >= len(fault.silent) * 6
            assert {one.incident for one in explained} == {incident.id}, msgspec.json.encode(explained)
    assert told.open() == [], "when it is mended, all of it ends"
    for minute, _, blind in converge(fired, "topology: {}"):
        if minute == faults.MENDED_M - 1:
            assert len(blind.open()) > 4, "without the lines each name of an alert is an incident of its own"
