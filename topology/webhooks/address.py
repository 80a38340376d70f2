"""Addresses that a webhook may go to: those of the internet, and no others.

An endpoint's name is an operator's, but what it resolves to is somebody else's, and a call from inside a network
reaches what outsiders cannot: a cloud's metadata, an unguarded port. So every address is looked at after it was
resolved, and those that carry another one within (mapped, 6to4, NAT64, Teredo) are judged by that one too.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_CARRIERS = (*_NAT64, IPv6Network("2002::/16"), IPv6Network("2001::/32"))
"""Of the internet as far as the addresses that they carry are."""


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
    carries = isinstance(address, IPv6Address) and any(address in network for network in _CARRIERS)
    return (address.is_global or carries) and not address.is_multicast


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
    if any(address in network for network in _NAT64):
        yield IPv4Address(int(address) & 0xFFFF_FFFF)
