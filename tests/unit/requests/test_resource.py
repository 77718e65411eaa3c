"""What a `Remediation` object asks for, and what is refused of it."""

from typing import Any

import msgspec
import pytest

from healer.alerts.identity import labels_of
from healer.executors.kubernetes.settings import Requests
from healer.requests.resource import Asked, read

ANY = Requests()


def asked(spec: dict[str, Any], *, namespace: str = "shop", cluster: str = "", bounds: Requests = ANY) -> Asked:
    meta = {
        "name": "mine",
        "namespace": namespace,
        "uid": "841ca4b4-74e9-458b-a367-7d412644bf9f",
        "resourceVersion": "7",
        "generation": 2,
        "creationTimestamp": "2026-01-07T10:00:00Z",
    }
    found = {"apiVersion": "healer.internal/v1alpha1", "kind": "Remediation", "metadata": meta, "spec": spec}
    return read(msgspec.json.encode(found), cluster, bounds)


CART = {"kind": "Deployment", "name": "cart"}


def test_it_is_an_alert_that_rules_can_read() -> None:
    """Action, target, whose health counts, why, and parameters are labels."""
    found = asked({"action": "scale", "target": CART, "parameters": {"replicas": 3}, "reason": "it is Friday"})
    assert labels_of(found.labels) == {
        "alertname": "RemediationRequested",
        "severity": "info",
        "namespace": "shop",
        "remediation": "mine",
        "uid": "841ca4b4",
        "action": "scale",
        "target": "workload/shop/cart",
        "verify": "workload/shop/cart",
        "reason": "it is Friday",
        "replicas": "3",
    }
    assert (found.summary, found.generation, found.refused) == (
        "scale of Deployment cart was asked for: it is Friday",
        2,
        "",
    )


def test_of_a_cluster_with_a_name() -> None:
    """Its nodes have that name, and its pods may be verified by their workload."""
    found = asked({"action": "evict_pod", "target": {"kind": "Pod", "name": "cart-1"}, "verify": CART}, cluster="north")
    labels = labels_of(found.labels)
    assert (labels["target"], labels["verify"]) == ("pod/north:shop/cart-1", "workload/north:shop/cart")
    assert labels["cluster"] == "north"


def test_nodes_are_asked_for_where_the_settings_say_so() -> None:
    """Elsewhere a namespace's own people could empty everybody's machines."""
    spec = {"action": "cordon_node", "target": {"kind": "Node", "name": "web-1"}}
    assert "nodes may be named in these namespaces alone: none" in asked(spec).refused
    allowed = asked(spec, namespace="ops", bounds=Requests(of_the_cluster=("ops",)))
    assert labels_of(allowed.labels)["target"] == "host/web-1"


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"action": "x"}, "its spec cannot be read"),
        ({"action": "x", "target": {"kind": "Secret", "name": "a"}}, "Secret is none of the kinds"),
        ({"action": "x", "target": {"kind": "Pod", "name": "../a"}}, "is no name of an object"),
        ({"action": "x", "target": CART, "parameters": {"target": "host/web-1"}}, "no parameter is called target"),
        ({"action": "x", "target": CART, "parameters": {"a": "b" * 300}}, "is too long"),
        ({"action": "x", "target": CART, "parameters": {f"a{n}": "b" for n in range(20)}}, "at most 16"),
    ],
)
def test_what_is_no_request_is_refused_with_the_reason(spec: dict[str, Any], why: str) -> None:
    """Also where a server is asked that does not know the schema."""
    found = asked(spec)
    assert why in found.refused
    assert found.labels == b""
