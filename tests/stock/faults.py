"""Three faults in a small cluster, as the stock rules see them: a dead node, a dead kubelet, a dead rack.

Four workers in two racks, a Deployment, a StatefulSet, two DaemonSets. The fault comes at BREAKS_M and is mended at
MENDED_M; the controllers notice a minute later, as they do. `topology` is what sources would say of this cluster.
"""

from collections.abc import Collection, Iterator

from healer.topology.graph import Node, Topology, topology
from tests.stock.promtool import INTERVAL_S, Labels, Series
from tests.stock.world import API, CONTROLLERS, KSM, SCHEDULER, kubelet, node_exporter, one

BREAKS_M, MENDED_M, ENDS_M = 20, 60, 70
"""Minutes after the beginning."""
WORKERS = (1, 2, 3, 4)
RACKS = {1: "r1", 2: "r1", 3: "r2", 4: "r2"}
PODS = {
    "cart-7d9f8b6c5d-x2x8z": ("cart", 1),
    "cart-7d9f8b6c5d-q4m9t": ("cart", 3),
    "db-0": ("db", 1),
    "db-1": ("db", 4),
    "agent-x2x8b": ("agent", 1),
    "agent-x2x8c": ("agent", 2),
    "agent-x2x8d": ("agent", 3),
    "agent-x2x8f": ("agent", 4),
}
"""Each with its workload and its worker."""
SWITCH = {"job": "blackbox-icmp", "instance": "tor-r1.example"}
PROBE = {
    "alertname": "SwitchUnreachable",
    "expr": 'probe_success{job="blackbox-icmp"} == 0',
    "for": "2m",
    "severity": "critical",
    "labels": {},
    "group": "blackbox",
}
"""Not a stock rule: the stock ones know nothing of switches, so a rack needs somebody who looks at its switch."""


class Fault:
    """What breaks. `machines`: dead with all that runs on them; `kubelets`: only nobody hears of them any more."""

    def __init__(
        self,
        name: str,
        root: str,
        machines: Collection[int] = (),
        kubelets: Collection[int] = (),
        *,
        switch: bool = False,
    ) -> None:
        self.name = name
        self.root = root
        self.machines = set(machines)
        self.silent = {*machines, *kubelets}
        self.switch = switch


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("dead node", "host/worker-1", machines={1}),
        Fault("dead kubelet", "host/worker-2", kubelets={2}),
        Fault("dead rack", "switch/tor-r1", machines={1, 2}, switch=True),
    )
}


def series(fault: Fault) -> list[Series]:
    """The cluster from the beginning to ENDS_M, with this fault in it."""
    there = [one("up", target, _turns(1, 1)) for target in (API, SCHEDULER, CONTROLLERS)]
    probe = one("probe_success", SWITCH, _turns(1, 0, when=fault.switch))
    return [*there, *_machines(fault), *_pods(fault), *_workloads(fault), probe]


def cluster() -> Topology:
    """Racks, hosts, pods, workloads and services, with the edges that Kubernetes and Prometheus tell of."""
    nodes = [Node("switch/tor-r1", "switch", ("tor-r1.example",)), Node("service/kube-system/kubelet")]
    nodes.append(Node("service/monitoring/node-exporter"))
    edges = [("switch/tor-r1", "rack/r1")]
    nodes += [Node(f"rack/{rack}") for rack in ("r1", "r2")]
    for worker in WORKERS:
        host = f"host/worker-{worker}"
        exporter = f"pod/monitoring/{node_exporter(worker)['pod']}"
        nodes += [Node(host, attributes={"address": f"10.0.0.1{worker}"}), Node(exporter)]
        edges += [(f"rack/{RACKS[worker]}", host), (host, "service/kube-system/kubelet"), (host, exporter)]
        edges.append((exporter, "service/monitoring/node-exporter"))
    nodes += [Node(f"workload/shop/{name}") for name in ("cart", "db", "agent")]
    for pod, (workload, worker) in PODS.items():
        nodes.append(Node(f"pod/shop/{pod}"))
        edges += [(f"host/worker-{worker}", f"pod/shop/{pod}"), (f"pod/shop/{pod}", f"workload/shop/{workload}")]
    return topology(nodes, edges)


def _turns(well: float, ill: float, *, when: bool = True, after_m: int = 0) -> str:
    """A value that is another one while the fault lasts; `after_m` later where a controller has to notice."""
    each = 60 // INTERVAL_S
    if not when:
        return f"{well:g}x{ENDS_M * each}"
    before, during = (BREAKS_M + after_m) * each, (MENDED_M - BREAKS_M) * each
    return f"{well:g}x{before} {ill:g}x{during} {well:g}x{(ENDS_M - MENDED_M) * each}"


def _machines(fault: Fault) -> Iterator[Series]:
    for worker in WORKERS:
        node, silent = f"worker-{worker}", worker in fault.silent
        yield one("up", kubelet(worker), _turns(1, 0, when=silent))
        yield one("up", node_exporter(worker), _turns(1, 0, when=worker in fault.machines))
        yield one("kube_node_info", KSM, _turns(1, 1), node=node)
        yield one("kube_node_spec_unschedulable", KSM, _turns(0, 0), node=node)
        ready = {"node": node, "condition": "Ready", "status": "true"}
        yield one("kube_node_status_condition", KSM, _turns(1, 0, when=silent, after_m=1), **ready)
        if silent:
            taint = {"node": node, "key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}
            yield one("kube_node_spec_taint", KSM, _turns(0, 1, after_m=1), **taint)


def _pods(fault: Fault) -> Iterator[Series]:
    for pod, (workload, worker) in PODS.items():
        labels: Labels = {**KSM, "namespace": "shop", "pod": pod, "uid": pod}
        ready = _turns(1, 0, when=worker in fault.silent, after_m=1)
        yield one("kube_pod_status_phase", labels, _turns(1, 1), phase="Running")
        yield one("kube_pod_status_ready", labels, ready, condition="true")
        yield one("kube_pod_owner", labels, _turns(1, 1), owner_kind="X", owner_name=workload)


def _workloads(fault: Fault) -> Iterator[Series]:
    shop = {**KSM, "namespace": "shop"}
    lost = {
        name: sum(1 for workload, worker in PODS.values() if workload == name and worker in fault.silent)
        for name in ("cart", "db", "agent")
    }
    yield one("kube_deployment_spec_replicas", shop, _turns(2, 2), deployment="cart")
    yield one("kube_deployment_status_replicas_updated", shop, _turns(2, 2), deployment="cart")
    yield one(
        "kube_deployment_status_replicas_available", shop, _turns(2, 2 - lost["cart"], after_m=1), deployment="cart"
    )
    yield one("kube_statefulset_replicas", shop, _turns(2, 2), statefulset="db")
    yield one("kube_statefulset_status_replicas_updated", shop, _turns(2, 2), statefulset="db")
    yield one("kube_statefulset_status_replicas_ready", shop, _turns(2, 2 - lost["db"], after_m=1), statefulset="db")
    for status in ("current_number_scheduled", "desired_number_scheduled", "updated_number_scheduled"):
        yield one(f"kube_daemonset_status_{status}", shop, _turns(4, 4), daemonset="agent")
    available = _turns(4, 4 - lost["agent"], after_m=1)
    yield one("kube_daemonset_status_number_available", shop, available, daemonset="agent")
    yield one("kube_daemonset_status_number_misscheduled", shop, _turns(0, 0), daemonset="agent")
