"""Which addresses may be called? All that are public, and others where the settings allow their network. Pure.

A name may lead anywhere by the time it is looked up, so `connecting` asks here about the very address that it connects to.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_PUBLIC = IPv6Network("2000::/3")
"""All of IPv6 that is given out to the public."""
_TRANSLATED = IPv6Network("64:ff9b::/96")
"""IPv4 addresses as a translator writes them (RFC 6052): it leads to the one in the last four bytes."""
_COMPATIBLE = IPv6Network("::/96")
"""An old way to write IPv4 addresses as IPv6 ones."""


def networks(written: Sequence[str]) -> tuple[Network, ...]:
    """`10.0.0.0/8`, `fd00::/8`, or one address. Raises ValueError."""
    return tuple(ip_network(one) for one in written)


def refusal(address: str, allowed: Sequence[Network]) -> str:
    """Why an address may not be called, in a sentence; "" where it may."""
    try:
        found = ip_address(address)
    except ValueError:
        return f"{address!r} is no address"
    meant = _meant(found)
    if any(one in network for one in (found, meant) for network in allowed):
        return ""
    if meant.is_global and not (meant.is_multicast or meant.is_reserved) and (meant.version == 4 or meant in _PUBLIC):
        return ""
    return f"{found} is no public address, and no network in executors.http.allow has it"


def _meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 one leads to, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _TRANSLATED or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
