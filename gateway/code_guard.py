"""Who tries out coupon codes over HTTP must wait ever longer, by API key or by address (actors/coupon/guard.py).

Who comes with a key is guarded by that: his address is that of a shop's server, behind which all its customers stand,
and one who mistypes must not shut out the others. Who comes without one is guarded by his address.

The domain guards each user; here are those who ask in the names of many. It is kept in memory: a restart forgets it,
which gives a guesser some ten thousand tries more, of 2⁵⁷ and up. An address of IPv6 is the network of 64 bits that it
is in, since whoever has one has all of them.

Bounded: of more than GUARDED_MAX the one whose last mistake is longest ago is forgotten.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Literal

from actors.coupon.finding import WEIGHTS
from actors.coupon.guard import LIMITS, SECOND_MS, Guard, judge, missed
from gateway.access import caller
from gateway.coupon_codes import too_many_attempts
from supervision.clock import Clock
from supervision.counters import Counters

GUARDED_MAX = 10_000
NETWORK_BITS = 64

By = Literal["key", "address"]
Who = tuple[By, str]


class CodeGuard:
    """Used by the HTTP loop only. `behind_proxy`: the address is what the proxy says it is, and else nobody's."""

    def __init__(self, clock: Clock, counters: Counters, behind_proxy: bool = False) -> None:
        self._clock = clock
        self._counters = counters
        self._behind_proxy = behind_proxy
        self._guards: OrderedDict[Who, Guard] = OrderedDict()

    def admit(self, scope: Mapping[str, Any]) -> None:
        """Raises Problem `too_many_attempts` when no code of theirs is looked at now."""
        waits = [(judge(self._guards.get(who, Guard()), self._now_ms()), who[0]) for who in self._asking(scope)]
        wait_ms, by = max(waits, default=(0, ""))
        if wait_ms:
            self._counters.count("coupon_codes_unread", by=by)
            raise too_many_attempts(wait_ms)

    def heard(self, scope: Mapping[str, Any], codes: Iterable[str]) -> None:
        """What was said to each code that was looked at: the code of the refusal, anything else for a right one."""
        for code in codes:
            if weight := WEIGHTS.get(code):
                self._counters.count("coupon_codes_wrong", code=code)
                for who in self._asking(scope):
                    self._note(who, weight)

    def _note(self, who: Who, weight: int) -> None:
        self._guards[who] = missed(self._guards.get(who, Guard()), self._now_ms(), weight, LIMITS[who[0]])
        self._guards.move_to_end(who)
        if len(self._guards) > GUARDED_MAX:
            self._guards.popitem(last=False)

    def _asking(self, scope: Mapping[str, Any]) -> Iterator[Who]:
        if key := caller(scope):
            yield "key", key
        elif address := self._address(scope):
            yield "address", address

    def _address(self, scope: Mapping[str, Any]) -> str:
        if not self._behind_proxy:
            client = scope.get("client")
            return network(client[0]) if client else ""
        said = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        return network(said[-1].decode("latin-1").rpartition(",")[2].strip()) if said else ""

    def _now_ms(self) -> int:
        return int(self._clock.monotonic_s() * SECOND_MS)


def network(text: str) -> str:
    """What an address counts as; empty for what is none.

    >>> network("192.0.2.7"), network("2001:db8::7"), network("unix:")
    ('192.0.2.7', '2001:db8::/64', '')
    """
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(IPv6Network((int(address), NETWORK_BITS), strict=False))
    return str(address)
