"""How are a cluster's objects called as nodes? `KIND/NAMESPACE/NAME`, or `KIND/NAME` of what is in no namespace. Pure.

Where several clusters have names, an object of one begins with that of its cluster: `pod/north:shop/cart-1`, `host/north:web-1`.
A colon is in no name of Kubernetes. Made by the topology's source, read by the kubernetes executor.
"""

from typing import NamedTuple

GROUP = "healer.internal"
"""The API group of what people write for healer; `.internal` belongs to nobody else."""
VERSION = "v1alpha1"
REMEDIATIONS = "remediations"
"""The resource by which somebody asks for a remediation."""


class Name(NamedTuple):
    """A node's id in its parts; `cluster` and `namespace` are "" where there are none."""

    kind: str
    cluster: str
    namespace: str
    name: str


def node_id(kind: str, namespace: str, name: str, cluster: str = "") -> str:
    """The node of an object."""
    within = f"{cluster}:" if cluster else ""
    return f"{kind}/{within}{namespace}/{name}" if namespace else f"{kind}/{within}{name}"


def parted(node: str) -> Name:
    """The object of a node, whether or not one of its parts is a name that Kubernetes would allow."""
    kind, _, rest = node.partition("/")
    before, colon, after = rest.partition(":")
    cluster, within = (before, after) if colon else ("", rest)
    namespace, _, name = within.rpartition("/")
    return Name(kind, cluster, namespace, name)
