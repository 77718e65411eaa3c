"""Which alerts does a node raise when it fails, and with which labels? Pure."""

from typing import NamedTuple

from healer.rehearsal.generators.chance import Chance
from healer.times import HOUR, MINUTE, SECOND, Micros
from healer.topology.graph import kind_of


class Alarm(NamedTuple):
    """An alert rule: its condition must hold for `waits`; of a hundred failing nodes, `seen` raise it."""

    name: str
    severity: str
    waits: Micros
    seen: int
    says: str


Rules = dict[str, tuple[Alarm, ...]]
"""By kind of node, what alerts on it."""

QUICK: Rules = {
    "cooling": (Alarm("CoolingUnitDown", "critical", 0, 100, "does not cool"),),
    "rack": (Alarm("RackPowerDown", "critical", 0, 100, "has no power"),),
    "switch": (Alarm("SwitchDown", "critical", 30 * SECOND, 95, "does not answer SNMP"),),
    "host": (
        Alarm("HostDown", "critical", MINUTE, 97, "cannot be scraped"),
        Alarm("HostPingLost", "warning", 30 * SECOND, 60, "does not answer ping"),
    ),
    "pod": (
        Alarm("PodNotReady", "warning", MINUTE, 80, "is not ready"),
        Alarm("PodProbeFailed", "warning", 30 * SECOND, 40, "fails its probe"),
    ),
    "workload": (Alarm("DeploymentBroken", "critical", 30 * SECOND, 100, "has no working replica of its new version"),),
    "service": (
        Alarm("ServiceErrorsHigh", "error", MINUTE, 70, "answers with errors"),
        Alarm("ServiceSlow", "warning", MINUTE, 50, "is slow"),
    ),
    "database": (
        Alarm("DatabaseDown", "critical", 30 * SECOND, 98, "takes no connections"),
        Alarm("DatabaseReplicationBroken", "error", MINUTE, 40, "does not replicate"),
    ),
    "dns": (Alarm("DNSDown", "critical", 30 * SECOND, 100, "answers no query"),),
}
"""What people write who want to hear of it within a minute or two."""

STOCK: Rules = {
    "cooling": (Alarm("CoolingUnitDown", "critical", MINUTE, 100, "does not cool"),),
    "rack": (Alarm("RackPowerDown", "critical", 0, 100, "has no power"),),
    "switch": (Alarm("SwitchDown", "critical", MINUTE, 95, "does not answer SNMP"),),
    "host": (
        Alarm("KubeNodeNotReady", "warning", 15 * MINUTE, 100, "has not been ready for more than 15 minutes"),
        Alarm("KubeNodeUnreachable", "warning", 15 * MINUTE, 90, "is unreachable"),
        Alarm("TargetDown", "warning", 10 * MINUTE, 70, "is a target that is down"),
    ),
    "pod": (
        Alarm("KubePodNotReady", "warning", 15 * MINUTE, 90, "has been in a non-ready state for 15 minutes"),
        Alarm("KubeContainerWaiting", "warning", HOUR, 30, "has waited for more than an hour"),
    ),
    "workload": (Alarm("KubeDeploymentRolloutStuck", "warning", 15 * MINUTE, 100, "does not progress"),),
    "service": (
        Alarm("ServiceErrorsHigh", "warning", MINUTE, 70, "answers with errors"),
        Alarm("ServiceSlow", "warning", 5 * MINUTE, 50, "is slow"),
    ),
    "database": (Alarm("DatabaseDown", "critical", 5 * MINUTE, 98, "takes no connections"),),
    "dns": (Alarm("DNSDown", "critical", 15 * MINUTE, 100, "answers no query"),),
}
"""The same with the `for:` of the rules that most users of Kubernetes run (kube-prometheus)."""

GREY: Rules = {
    "switch": (
        Alarm("SwitchPacketsLost", "error", MINUTE, 80, "loses packets"),
        Alarm("SwitchPortErrorsHigh", "warning", 30 * SECOND, 60, "counts errors on its ports"),
    ),
    "host": (
        Alarm("HostDiskLatencyHigh", "error", MINUTE, 85, "waits for its disks"),
        Alarm("HostLoadHigh", "warning", MINUTE, 50, "has too much to do"),
    ),
    "pod": (
        Alarm("PodCPUThrottled", "warning", MINUTE, 50, "gets less CPU than it wants"),
        Alarm("PodRequestsQueued", "warning", 30 * SECOND, 30, "does not keep up"),
    ),
    "workload": (Alarm("DeploymentErrorsHigh", "error", MINUTE, 85, "has errors in its new version"),),
    "service": (
        Alarm("ServiceSlowAnswers", "warning", MINUTE, 70, "is slow"),
        Alarm("ServiceFailsOften", "error", MINUTE, 45, "answers with errors"),
    ),
    "database": (
        Alarm("DatabaseConnectionsExhausted", "critical", MINUTE, 75, "has no connection left"),
        Alarm("DatabaseLatencyHigh", "warning", 30 * SECOND, 80, "answers late"),
    ),
    "dns": (Alarm("DNSLatencyHigh", "warning", MINUTE, 90, "answers late"),),
}
"""What people see of what does not go down but works badly."""

LATER: Rules = {
    "host": (Alarm("HostClockNotSynchronised", "warning", 10 * MINUTE, 100, "has lost its time source"),),
    "pod": (Alarm("PodCrashLooping", "warning", 15 * MINUTE, 100, "restarts again and again"),),
    "service": (Alarm("ServiceBacklogGrowing", "error", 5 * MINUTE, 100, "does not keep up"),),
    "database": (Alarm("DatabaseBackupMissing", "warning", 0, 100, "was not backed up"),),
}
"""What a long outage brings about besides."""

NOISE: Rules = {
    "host": (
        Alarm("HostFilesystemFillingUp", "warning", HOUR, 100, "runs full within a day"),
        Alarm("HostCPUHighUsage", "info", 15 * MINUTE, 100, "has little CPU left"),
    ),
    "pod": (
        Alarm("PodCPUThrottlingHigh", "info", 15 * MINUTE, 100, "is throttled"),
        Alarm("PodRestarted", "warning", 0, 100, "was restarted"),
    ),
    "service": (Alarm("ServiceCertificateExpiring", "warning", 0, 100, "has a certificate that expires soon"),),
    "database": (Alarm("DatabaseSlowQueries", "warning", 5 * MINUTE, 100, "has slow queries"),),
}
"""What is always wrong somewhere, and has nothing to do with it."""

JOBS = {
    "host": "node-exporter",
    "pod": "kube-state-metrics",
    "workload": "kube-state-metrics",
    "service": "blackbox",
    "database": "mysqld-exporter",
    "dns": "coredns",
    "switch": "snmp",
    "rack": "snmp",
    "cooling": "snmp",
}
PORTS = {"host": 9100, "database": 9104, "dns": 9153, "service": 8080}


def raised(rules: Rules, node: str, chance: Chance) -> list[Alarm]:
    """What this node's failure sets off; perhaps nothing, for not every node that fails is watched."""
    return [alarm for alarm in rules.get(kind_of(node), ()) if chance.happens(alarm.seen)]


def labels_of(alarm: Alarm, node: str) -> dict[str, str]:
    """The labels of an alert on a node. `node` is the node's id, so that no mapping is needed to place it."""
    kind, _, name = node.partition("/")
    labels = {"alertname": alarm.name, "severity": alarm.severity, "node": node, "job": JOBS[kind]}
    if kind in ("pod", "workload", "service"):
        labels["namespace"], _, name = name.partition("/")
        labels["deployment" if kind == "workload" else kind] = name
        labels["region"] = name.partition("-")[0]
    else:
        labels["region"] = name.partition("-")[0]
    if kind == "host":
        labels["rack"] = name.rpartition("-")[0]
    if kind in PORTS:
        labels["instance"] = f"{name}:{PORTS[kind]}"
    elif kind in ("switch", "rack", "cooling"):
        labels["instance"] = f"{name}-mgmt:161"
    else:
        labels["instance"] = f"kube-state-metrics-{labels['region']}:8080"
    return labels
