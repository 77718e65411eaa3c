"""A stand-in for a Kubernetes control plane, as far as somebody who changes objects meets it.

It answers as kube-apiserver 1.36.2 was seen to: each recorded exchange in tests/contracts/cluster is a test of it.
"""

from tests.standins.cluster.server import ADMIN, Cluster

__all__ = ["ADMIN", "Cluster"]
