"""On which node does each stock alert sit? The table in docs/topology.md, made from the label sets and the lines that ship."""

import json
from pathlib import Path

from healer.topology.graph import Node, Topology, topology
from healer.topology.index import Index
from healer.topology.lines import compile_mapping
from healer.topology.mapped import Mapped
from healer.topology.mapping import Mapper
from healer.topology.shipped import shipped
from tests.stock.promtool import Labels, stock_rules

KEPT = Path(__file__).parent / "labels.json"
NEVER = {
    "AlertmanagerClusterFailedToSendAlerts/warning": "integration!~`.*` matches nothing: it cannot fire as it ships"
}
"""Stock rules that no series can make fire, and why."""
BEGIN = "<!-- stock alerts: written by `python -m tests.stock docs/topology.md` -->"
END = "<!-- end of stock alerts -->"


def kept() -> list[Labels]:
    """The label sets of all stock alerts, as Prometheus made them."""
    found: list[Labels] = json.loads(KEPT.read_text())
    return found


def known() -> Topology:
    """What sources say of the cluster in `world`."""
    hosts = [Node(f"host/worker-{one}", attributes={"address": f"10.0.0.1{one}"}) for one in (1, 2)]
    names = ("pod/shop/cart-7d9f8b6c5d-x2x8z", "workload/shop/cart", "workload/shop/db", "service/default/kubernetes")
    return topology([*hosts, *(Node(name) for name in names)], [])


def mapper(graph: Topology | None = None) -> Mapper:
    """With the lines for kube-prometheus alone, which is all that its rules need."""
    lines = [compile_mapping(line, number) for number, line in enumerate(shipped("kube-prometheus"))]
    return Mapper(lines, Index(known() if graph is None else graph))


def placed() -> list[tuple[Labels, Mapped]]:
    here = mapper()
    return [(labels, here.map(labels)) for labels in kept()]


def markdown() -> str:
    """One row for each name of an alert and each node it sits on."""
    waits: dict[str, dict[str, None]] = {}
    for rule in stock_rules():
        waits.setdefault(rule["alertname"], {})[rule.get("for") or "0s"] = None
    rows = dict.fromkeys(
        (labels["alertname"], found.node or "none", found.by.partition("/")[2], "" if found.explains else "no")
        for labels, found in placed()
    )
    lines = ["| alert | `for:` | node | line of the mapping | explains others |", "| --- | --- | --- | --- | --- |"]
    for name, node, line, explains in sorted(rows):
        lines.append(
            f"| {name} | {', '.join(waits[name])} | {f'`{node}`' if node != 'none' else node} | {line} | {explains} |"
        )
    return "\n".join(lines) + "\n"


def rewritten(page: str) -> str:
    """The page with today's table between its markers. Raises ValueError when it has no markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{markdown()}\n{END}{after}"
