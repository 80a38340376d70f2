"""Addresses that a webhook may go to: those of the internet, and no others.

An endpoint's name is an operator's, but what it resolves to is somebody else's, and a call from inside a network
reaches what outsiders cannot: a cloud's metadata, an unguarded port. So every address is looked at after it was
resolved, and those that carry another one within (mapped, 6to4, NAT64, Teredo) are judged by that one too.

Python's own list of what is not global grows from release to release and names exceptions only. So what IANA has given
out at all (2000::/3) is asked for first, and what the lists lack is named here.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")
"""64:ff9b:1::/48 is a network's own: where in its addresses another one stands, that network alone knows."""
_CARRIERS = (_NAT64, IPv6Network("2002::/16"), IPv6Network("2001::/32"))
"""Of the internet as far as the addresses that they carry are."""
_GIVEN_OUT = IPv6Network("2000::/3")
_NOBODYS = (
    IPv4Network("192.0.0.0/24"),  # for protocols; a cloud has its metadata at .192
    IPv4Network("192.88.99.0/24"),
    IPv4Network("168.63.129.16/32"),  # a cloud's own, though it looks like anybody's
    IPv6Network("3fff::/20"),
)
"""Not the internet's, though not every Python says so."""


def is_public(text: str) -> bool:
    """Whether `text` is an address of the internet, of one machine. What is no address is none.

    >>> is_public("93.184.216.34"), is_public("::ffff:127.0.0.1"), is_public("169.254.169.254")
    (True, False, False)
    """
    try:
        return all(_is_public(address) for address in _within(ip_address(text.partition("%")[0])))
    except ValueError:
        return False


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        if any(address in network for network in _CARRIERS):
            return True
        if address not in _GIVEN_OUT:
            return False
    return address.is_global and not address.is_multicast and not any(address in network for network in _NOBODYS)


def _within(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """The address itself, but for a mapped one, and what it carries."""
    if isinstance(address, IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
        return
    yield address
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64:
        yield IPv4Address(int(address) & 0xFFFF_FFFF)
