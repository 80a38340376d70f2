"""Where a server listens, as people write it: `host:port`, an IPv6 address in brackets.

Read in one place, so that what a setting accepts is what will be bound and what is printed can be pasted into a URL.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

PORT_MAX = 65_535

_WRITTEN = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+(?:%[^\s\]]+)?)\]|(?P<host>[^\s:\[\]]+)):(?P<port>[0-9]{1,5})")


def parsed(text: str) -> tuple[str, int] | None:
    """(host without brackets, port), None when `text` is no address.

    >>> parsed("127.0.0.1:8420"), parsed("[::1]:8420")
    (('127.0.0.1', 8420), ('::1', 8420))
    >>> parsed("8420"), parsed("127.0.0.1:70000"), parsed("::1:8420")
    (None, None, None)
    """
    found = _WRITTEN.fullmatch(text)
    if found is None or int(found["port"]) > PORT_MAX:
        return None
    return found["v6"] or found["host"], int(found["port"])


def is_loopback(host: str) -> bool:
    """Nobody but this machine reaches `host`. A name other than `localhost` may mean anything.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def in_url(host: str) -> str:
    """`host` as a URL has it."""
    return f"[{host}]" if ":" in host else host
