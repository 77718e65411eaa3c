"""How objects of clusters are called as nodes, and what an id of a node says of its object."""

import pytest

from healer.kubernetes.names import Name, node_id, parted


@pytest.mark.parametrize(
    ("node", "parts"),
    [
        ("pod/shop/cart-1", Name("pod", "", "shop", "cart-1")),
        ("host/web-1", Name("host", "", "", "web-1")),
        ("pod/north:shop/cart-1", Name("pod", "north", "shop", "cart-1")),
        ("host/north:web-1", Name("host", "north", "", "web-1")),
    ],
)
def test_there_and_back(node: str, parts: Name) -> None:
    """An id is its parts, with and without a cluster's name, in a namespace or in none."""
    assert parted(node) == parts
    assert node_id(parts.kind, parts.namespace, parts.name, parts.cluster) == node
