"""What people may set about the topology: where it comes from, and which alert sits on which node.

Assembled by `healer.settings`; a mapping's texts are compiled, and thereby checked, by `healer.topology.mapping`.
"""

from pathlib import Path
from typing import Annotated, ClassVar

import msgspec

from healer.alerts.matchers import Matchers
from healer.documents.fields import OR_TEXT, Duration, Secret, Size, Url
from healer.times import MINUTE, SECOND, Micros

CLUSTER_NAME = r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$"
PUT = "put"
"""The name of what came by PUT /api/v1/topology: a source like the others, after all of them."""


class PrometheusRows(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Edges from the rows of a query. Templates over a row's labels; a row for which one of the ends has no id is left out."""

    query: Annotated[str, msgspec.Meta(min_length=1)]
    """An instant query; every row of its answer is an edge."""
    parent: str = ""
    """Template of the id whose fault reaches the child, such as `host/{node}`; without one a row only describes the child."""
    child: Annotated[str, msgspec.Meta(min_length=1)]
    """Template of the id that it reaches, such as `pod/{namespace}/{pod}`."""
    aliases: tuple[str, ...] = ()
    """Templates of other names of the child, such as `{instance|host}`."""
    attributes: dict[str, str] = {}
    """Templates of attributes of the child, by name."""
    every: Duration = MINUTE
    """Between two queries."""
    url: Url | None = None
    """Which server of `prometheus` is asked; unset: the first."""
    max_rows: Annotated[int, msgspec.Meta(ge=1)] = 1_000_000
    """Rows of one answer; a longer one counts as none."""

    def __post_init__(self) -> None:
        _at_least_a_second(self.every)


class HttpGraph(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A CMDB, or anything else that gives node-link JSON. A plain text is the URL."""

    short: ClassVar[tuple[str, ...]] = ("url",)

    url: Url
    """Where it is fetched; asked with `If-None-Match` and `If-Modified-Since` when it gave what they need."""
    every: Duration = 5 * MINUTE
    """Between two polls."""
    timeout: Duration = 30 * SECOND
    """For the whole answer."""
    max_size: Size = 512 << 20
    """Bytes of an answer after decompression; a million nodes with a few attributes are about 150 MiB."""
    headers: dict[str, Annotated[Secret, OR_TEXT]] = {}
    """Sent with each request, such as Authorization; plain, or a secret."""

    def __post_init__(self) -> None:
        _at_least_a_second(self.every)


class Cluster(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Kubernetes cluster, watched: `host/NODE` above `pod/NS/POD` above `workload/NS/OWNER` and `service/NS/SERVICE`."""

    cluster: Annotated[str, msgspec.Meta(max_length=63, pattern=CLUSTER_NAME)] = ""
    """One of several, by its name in `executors.kubernetes.clusters`: it is reached as is said there, and its nodes are called
    `pod/NAME:NS/POD` and have the attribute `cluster`."""
    kubeconfig: Path | None = None
    """Unset: the account of the pod that healer runs in, else `$KUBECONFIG`. Of a cluster that has a name: as is said there."""
    context: str = ""
    """Of the kubeconfig; empty: its current one."""
    namespaces: tuple[str, ...] = ()
    """Only these; none: all."""
    timeout: Duration = 30 * SECOND
    """For one answer; a watch is begun again after five minutes."""


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place the topology comes from: exactly one of file, labels, prometheus, kubernetes, http."""

    name: Annotated[str, msgspec.Meta(max_length=64, pattern="^[a-z0-9_.-]*$")] = ""
    """How it is called; empty: its kind, with a number from the second on. All files together are `file`."""
    file: Path | None = None
    """topology.yaml, or node-link JSON as networkx writes it; read again when it changes."""
    labels: tuple[str, ...] = ()
    """Labels of alerts from the outermost in, such as region, rack, host: nodes `rack/r17`, and edges inwards."""
    prometheus: PrometheusRows | None = None
    """Edges from the rows of a query."""
    kubernetes: Cluster | None = None
    """The objects of a cluster, watched; `{}` for the one that healer runs in."""
    http: HttpGraph | None = None
    """A CMDB, polled."""

    def __post_init__(self) -> None:
        given = (self.file, self.labels or None, self.prometheus, self.kubernetes, self.http)
        if sum(one is not None for one in given) != 1:
            raise ValueError("a source has exactly one of: file, labels, prometheus, kubernetes, http")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("a label is named twice", "labels")
        if self.name and (self.file is not None or self.labels):
            raise ValueError("files and labels have no name of their own", "name")

    @property
    def kind(self) -> str:
        """What it is: its key."""
        given = ("file", "labels", "prometheus", "kubernetes", "http")
        return next(key for key in given if getattr(self, key) not in (None, ()))


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line that says on which node matching alerts sit; the first line that matches decides."""

    name: str = ""
    """How reasons call this line; unset: its place in `topology.nodes`."""
    use: str = ""
    """Instead of all else: the lines that ship with healer under this name, such as `kube-prometheus`, at this place."""
    cluster: str = ""
    """Beside `use`: the label that names one of several Kubernetes clusters; the lines are about alerts that have it."""
    match: Matchers = Matchers()
    """Matchers on the alert's labels; none match every alert."""
    node: str | tuple[str, ...] = ()
    """`host/{node}`; a list: the first that exists; `none`: on no node. Filters: lower, host, port, owner, default:X."""
    extract: dict[str, str] = {}
    """By label, a regular expression (RE2) that must match its whole value; named groups may be used like labels."""
    find: dict[str, str] | tuple[dict[str, str], ...] = ()
    """Templates by `kind`, `alias` or attribute that exactly one node has; a list: the first that finds. `node`, beside
    it, counts where nothing is found."""
    explains: str | tuple[str, ...] = "always"
    """Whether these alerts may explain others: `always`, `never`, or matchers on them."""

    def __post_init__(self) -> None:
        if self.use:
            if self.node or self.find or self.extract or len(self.match) or self.explains != "always" or self.name:
                raise ValueError("use stands alone: it takes all lines that ship under this name", "use")
        elif self.cluster:
            raise ValueError("cluster stands beside use alone: write {cluster} into node and find", "cluster")
        elif not self.node and not self.find:
            raise ValueError("a mapping has node, or find, or both, or use alone")
        elif self.find and self.node == "none":
            raise ValueError("none is what counts anyway where nothing is found: leave it out", "node")


class TopologySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can fail, and what fails with it."""

    sources: tuple[Source, ...] = ()
    """Read together as one graph; where two disagree about a node, the one that stands first decides."""
    nodes: tuple[Mapping, ...] = ()
    """Mappings, the first that matches decides; after them the label `node` counts where its value is a node's full id."""
    max_nodes: Annotated[int, msgspec.Meta(ge=1)] = 2_000_000
    """Nodes at most, those that alerts' labels bring in included: about 300 bytes each."""

    kinds: tuple[str, ...] = ()
    """Kinds of node that only `http` sources or PUT bring: rules may name no kind that is not known when they are read."""
    shrink: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.3
    """A larger share of a source's nodes or edges that would go at once is refused, whatever the source; from ten on."""
    confirm: Duration = 10 * MINUTE
    """When such an answer is still so after this time it is believed; sooner when a person says so."""
    trouble_after: Duration = 5 * MINUTE
    """A source that could not be read for this long is an incident of healer's own; what it said last stays."""

    def __post_init__(self) -> None:
        given = [name for name in self.names if name and name != "file"]
        for name in given:
            if given.count(name) > 1 or name in (PUT, "file"):
                raise ValueError(f"two sources would be called {name!r}: give one of them another name", "sources")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of `sources` in their order; "" for a labels source, whose nodes come with the alerts."""
        count: dict[str, int] = {}
        names = []
        for source in self.sources:
            kind = source.kind
            count[kind] = count.get(kind, 0) + 1
            number = f"-{count[kind]}" if count[kind] > 1 and kind != "file" else ""
            names.append("" if kind == "labels" else source.name or f"{kind}{number}")
        return tuple(names)

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(source.file for source in self.sources if source.file is not None)

    @property
    def labels(self) -> tuple[tuple[str, ...], ...]:
        return tuple(source.labels for source in self.sources if source.labels)


def _at_least_a_second(every: Micros) -> None:
    if every < SECOND:
        raise ValueError("expected at least 1s", "every")
