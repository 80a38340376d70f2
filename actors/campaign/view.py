"""A user as conditions see them at one moment: the state, and the event that the campaign is because of."""

from __future__ import annotations

from typing import Any

from actors.campaign.facts import CartSeen
from actors.campaign.index import Index
from actors.campaign.state import Member, Origin
from actors.windows import counters


class View:
    """`facts.Facts` over a Member."""

    __slots__ = ("_index", "_member", "_origin", "at", "since")

    def __init__(self, member: Member, index: Index, origin: Origin, at: int) -> None:
        self._member = member
        self._index = index
        self._origin = origin
        self.at = at
        self.since = origin.at

    def field(self, name: str) -> Any:
        return self._origin.fields.get(name)

    def counter(self, key: str) -> int | None:
        """Of a version that is not the newest, a counter may not be kept any more: then nothing was counted."""
        spec, counter = self._index.specs.get(key), self._member.counters.get(key)
        if spec is None:
            return None
        return counters.value(counters.Counter() if counter is None else counter, spec, self.at)

    def cart(self) -> CartSeen:
        cart = self._member.knows.cart
        return CartSeen(cart.value, cart.lines, cart.pieces, cart.products, cart.categories)

    def tier(self) -> str:
        return self._member.knows.tier

    def points(self) -> int:
        return self._member.knows.points

    def coupons(self, template: str | None) -> int:
        held = self._member.knows.coupons
        return sum(held.values()) if template is None else held.get(template, 0)

    def profile(self, fact: str) -> Any:
        return self._member.knows.profile.get(fact)
