"""Which addresses may be called."""

import pytest

from healer.executors.http.addresses import networks, refusal

INSIDE = networks(["10.1.0.0/16", "fd00:1::/32", "127.0.0.1"])


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_public(address: str) -> None:
    """What is public may be called without being allowed."""
    assert refusal(address, ()) == ""


@pytest.mark.parametrize(
    "address",
    [
        *(
            "10.1.2.3",
            "127.0.0.1",
            "169.254.169.254",
            "192.168.0.1",
            "172.16.0.1",
            "100.64.0.1",
            "0.0.0.0",
            "::",
            "::1",
        ),
        *("fd00:1::1", "fe80::1%1", "fec0::1", "ff02::1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1"),
        # Private addresses of IPv4 inside others.
        *("::ffff:10.1.2.3", "::ffff:169.254.169.254", "::10.1.2.3", "64:ff9b::a9fe:a9fe", "2002:0a01:0203::1"),
        *("2001:0:a9fe:a9fe::1", "nonsense"),
    ],
)
def test_not_public(address: str) -> None:
    """What is not public is refused, whichever way it is written, and the refusal says so."""
    assert refusal(address, ())


@pytest.mark.parametrize("address", ["10.1.2.3", "fd00:1::1", "127.0.0.1", "::ffff:10.1.2.3"])
def test_allowed(address: str) -> None:
    """What lies in a network that the settings allow may be called."""
    assert refusal(address, INSIDE) == ""


@pytest.mark.parametrize("address", ["10.2.0.1", "fd00:2::1", "127.0.0.2", "169.254.169.254", "::ffff:10.2.0.1"])
def test_beside(address: str) -> None:
    """A network that is allowed allows nothing beside it."""
    assert "executors.http.allow" in refusal(address, INSIDE)
