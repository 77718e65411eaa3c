"""Which sources and lines suit what a Prometheus has? Clues are series that exporters leave; each says what to write. Pure.

`healer topology init` asks which clues there are and writes the snippet; the ids are those of the mappings that ship.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

_HOST = '"host", "$1", "instance", "(?:[a-z]+://)?([^:/]+).*"'
"""label_replace's tail: the host of an instance becomes a label of its own."""


class Rows(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One source to write: the rows of a query as edges. As `topology.sources[].prometheus` has it."""

    query: str
    parent: str = ""
    child: str
    aliases: tuple[str, ...] = ()
    attributes: dict[str, str] = {}


class Clue(msgspec.Struct, frozen=True, kw_only=True):
    """Series by which something is known to be there. `needs` names a clue without which it says nothing."""

    name: str
    series: str
    says: str
    rows: tuple[Rows, ...] = ()
    use: str = ""
    line: dict[str, Any] = {}
    needs: str = ""

    @property
    def question(self) -> str:
        """The query whose one value is how many series there are."""
        return f"count({self.series})"


CLUES = (
    Clue(
        name="nodes of Kubernetes",
        series="kube_node_info",
        says="hosts, with their addresses",
        rows=(Rows(query="kube_node_info", child="host/{node}", attributes={"address": "{internal_ip}"}),),
        use="kube-prometheus",
    ),
    Clue(
        name="pods",
        series='kube_pod_info{node!=""}',
        says="which host a pod runs on",
        rows=(
            Rows(
                query='group by (node, namespace, pod) (kube_pod_info{node!=""})',
                parent="host/{node}",
                child="pod/{namespace}/{pod}",
            ),
        ),
        use="kube-prometheus",
    ),
    Clue(
        name="owners of pods",
        series='kube_pod_owner{owner_name!=""}',
        says="which workload a pod belongs to",
        rows=(
            Rows(
                query=(
                    'group by (namespace, pod, workload) (label_replace(kube_pod_owner{owner_kind="ReplicaSet"},'
                    ' "workload", "$1", "owner_name", "(.+)-[^-]+") or label_replace('
                    'kube_pod_owner{owner_kind=~"StatefulSet|DaemonSet|Job"}, "workload", "$1", "owner_name", "(.+)"))'
                ),
                parent="pod/{namespace}/{pod}",
                child="workload/{namespace}/{workload}",
            ),
        ),
        use="kube-prometheus",
    ),
    Clue(
        name="services that are scraped",
        series='up{service!="",namespace!=""}',
        says="which pods, or hosts, a service is made of",
        rows=(
            Rows(
                query='group by (namespace, pod, service) (up{service!="",namespace!="",pod!=""})',
                parent="pod/{namespace}/{pod}",
                child="service/{namespace}/{service}",
            ),
            Rows(
                query='group by (node, namespace, service) (up{service!="",namespace!="",pod="",node!=""})',
                parent="host/{node}",
                child="service/{namespace}/{service}",
            ),
        ),
        needs="pods",
    ),
    Clue(
        name="machines",
        series="node_uname_info",
        says="hosts, and the addresses by which they are scraped",
        rows=(
            Rows(
                query="group by (nodename, instance) (node_uname_info)",
                child="host/{nodename}",
                aliases=("{instance|host}",),
            ),
        ),
        use="node-exporter",
    ),
    Clue(
        name="MySQL",
        series="mysql_up",
        says="database servers",
        rows=(Rows(query="group by (instance) (mysql_up)", child="mysql/{instance|host}"),),
        use="mysqld",
    ),
    Clue(
        name="MySQL on machines",
        series=f"group by (host) (label_replace(mysql_up, {_HOST})) and on (host) label_replace(node_uname_info, {_HOST})",
        says="which host a database runs on",
        rows=(
            Rows(
                query=(
                    f"group by (host, nodename) (label_replace(mysql_up, {_HOST}) * on (host) group_left (nodename)"
                    f" group by (host, nodename) (label_replace(node_uname_info, {_HOST})))"
                ),
                parent="host/{nodename}",
                child="mysql/{host}",
            ),
        ),
        needs="machines",
    ),
    Clue(
        name="MySQL replication",
        series='{__name__=~"mysql_slave_status_(slave|replica)_io_running"}',
        says="which server a replica follows",
        rows=(
            Rows(
                query='group by (master_host, instance) ({__name__=~"mysql_slave_status_(slave|replica)_io_running"})',
                parent="mysql/{master_host|host}",
                child="mysql/{instance|host}",
            ),
        ),
        use="mysqld",
    ),
    Clue(
        name="Redis",
        series="redis_instance_info",
        says="Redis servers",
        rows=(
            Rows(
                query="group by (instance, role) (redis_instance_info)",
                child="redis/{instance|host}",
                attributes={"role": "{role}"},
            ),
        ),
        use="redis",
    ),
    Clue(
        name="Redis replication",
        series='redis_slave_info{master_host!=""}',
        says="which server a replica follows",
        rows=(
            Rows(
                query='group by (master_host, instance) (redis_slave_info{master_host!=""})',
                parent="redis/{master_host|host}",
                child="redis/{instance|host}",
            ),
        ),
        use="redis",
    ),
    Clue(
        name="Kafka brokers",
        series="kafka_broker_info",
        says="which broker leads partitions of a topic",
        rows=(
            Rows(
                query=(
                    'group by (address, topic) (count_values by (topic) ("id", kafka_topic_partition_leader)'
                    " * on (id) group_left (address) group by (id, address) (kafka_broker_info))"
                ),
                parent="kafka/{address|host}",
                child="kafka-topic/{topic}",
            ),
        ),
        use="kafka",
    ),
    Clue(
        name="Kafka consumers",
        series="kafka_consumergroup_current_offset",
        says="which topics a group reads",
        rows=(
            Rows(
                query="group by (topic, consumergroup) (kafka_consumergroup_current_offset)",
                parent="kafka-topic/{topic}",
                child="kafka-group/{consumergroup}",
            ),
        ),
        use="kafka",
    ),
    Clue(
        name="etcd",
        series="etcd_server_has_leader",
        says="the members of a cluster",
        rows=(
            Rows(
                query="group by (instance, job) (etcd_server_has_leader)",
                parent="etcd/{instance|host}",
                child="etcd-cluster/{job}",
            ),
        ),
        use="etcd",
    ),
    Clue(name="probes", series="probe_success", says="what is looked at from outside", use="blackbox"),
    Clue(
        name="calls between services",
        series='traces_service_graph_request_total{client!="",server!=""}',
        says="who calls whom: a fault of the server reaches its client",
        rows=(
            Rows(
                query=(
                    "group by (client, server)"
                    ' (rate(traces_service_graph_request_total{client!="",server!="",client!="user"}[1h]) > 0)'
                ),
                parent="service/{server}",
                child="service/{client}",
            ),
        ),
        line={"match": ['service!=""', 'namespace=""'], "node": "service/{service}"},
    ),
    Clue(
        name="neighbours of switches",
        series='lldpRemSysName{lldpRemSysName!=""}',
        says="what hangs on a switch (LLDP, by snmp_exporter)",
        rows=(
            Rows(
                query='group by (instance, lldpRemSysName) (lldpRemSysName{lldpRemSysName!=""})',
                parent="switch/{instance|host}",
                child="host/{lldpRemSysName}",
            ),
        ),
    ),
)
ORDER = ("mysqld", "redis", "kafka", "etcd", "blackbox", "kube-prometheus", "node-exporter")
"""In a cluster, the series of an exporter carry its own pod: those for one program come before kube-prometheus."""


class Suggestion(msgspec.Struct, frozen=True):
    """What to write: the clues that were found with their counts, sources and lines."""

    clues: tuple[tuple[Clue, int], ...]
    sources: tuple[Rows, ...]
    nodes: tuple[dict[str, Any], ...]

    def settings(self, url: str) -> dict[str, Any]:
        """As a configuration has it; `url` is where the queries are asked."""
        sources = [{"prometheus": msgspec.to_builtins(rows)} for rows in self.sources]
        return {"prometheus": [url], "topology": {"sources": sources, "nodes": list(self.nodes)}}


def suggest(counts: Mapping[str, int]) -> Suggestion:
    """What suits a Prometheus that has so many series of each clue, by the clue's name."""
    found = [clue for clue in CLUES if counts.get(clue.name) and (not clue.needs or counts.get(clue.needs))]
    uses = {clue.use for clue in found}
    lines = [clue.line for clue in found if clue.line]
    nodes: Sequence[dict[str, Any]] = [*({"use": name} for name in ORDER if name in uses), *lines]
    return Suggestion(
        tuple((clue, counts[clue.name]) for clue in found),
        tuple(rows for clue in found for rows in clue.rows),
        tuple(nodes),
    )
