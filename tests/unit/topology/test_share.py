"""How many alerts have a node: those that a line says are about none, and those that nobody is told of, are no loss."""

from healer.alerts.identity import canonical
from healer.alerts.model import Alert
from healer.convergence.engine import Engine
from healer.convergence.settings import Convergence
from healer.convergence.state import ASIDE
from healer.settings import parse_settings
from healer.times import MINUTE, Micros
from healer.topology import mapping
from healer.topology.graph import topology
from healer.topology.map import Map

START: Micros = 1_767_780_000_000_000
LINES = """
topology:
  nodes:
    - {match: ['alertname="BudgetExceeded"'], node: none}
    - {match: ['host!=""'], node: "host/{host}"}
"""


def engine() -> Engine:
    graph = Map(topology([], []), parse_settings(LINES, {}).topology.nodes, (), 100)
    here = Engine(Convergence(), graph, "test", "Watchdog")
    here.advance(START)
    return here


def tell(here: Engine, at: Micros, *, firing: bool) -> None:
    labels = (
        {"alertname": "Watchdog", "severity": "none"},
        {"alertname": "BudgetExceeded", "severity": "warning"},
        {"alertname": "HostDown", "host": "a", "severity": "critical"},
        {"alertname": "Odd", "severity": "warning"},
    )
    ends = 0 if firing else at
    here.deliver("prometheus", tuple(Alert(canonical(one), firing, START, ends) for one in labels), 1, at)


def test_the_engine_means_the_same_by_aside_as_the_mapping() -> None:
    assert ASIDE == mapping.ASIDE


def test_what_is_about_no_node_is_counted_apart() -> None:
    here = engine()
    tell(here, START, firing=True)
    assert (len(here), here.state.mapped, here.state.aside) == (4, 1, 2), "only Odd is left without a word"


def test_the_counts_survive_a_snapshot_and_go_with_the_alerts() -> None:
    here = engine()
    tell(here, START, firing=True)
    here.take()
    graph = Map(topology([], []), parse_settings(LINES, {}).topology.nodes, (), 100)
    again = Engine.thawed(here.freeze(), Convergence(), graph, "test", "Watchdog")
    assert (again.state.mapped, again.state.aside) == (1, 2)
    tell(again, START + MINUTE, firing=False)
    again.advance(START + 60 * MINUTE)
    assert (len(again), again.state.mapped, again.state.aside) == (0, 0, 0)
