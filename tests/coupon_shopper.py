"""A shop full of people who ask for anything, and the books that must agree once they rest.

    lent to a segment = what its slice has left + what its users have of it

of stock the coupons issued there, of budget what is held and what was taken off.
"""

from __future__ import annotations

from random import Random
from typing import Any

from actors.coupon import shelf as shelves
from actors.coupon.listing import Status
from actors.coupon.pool import Pool
from actors.coupon.shelf import Slice, Tally
from actors.coupon.shelving import IDLE_MS
from supervision.entry import segment_of
from tests.coupon_engine import CouponEngine, cart
from tests.points_engine import SEGMENTS

USERS = [f"u{n}" for n in range(12)]
TEMPLATES: dict[str, dict[str, Any]] = {
    "FEW": {"stock": 30, "per_user": {}, "stacking": {"group": "a"}, "transferable": True},
    "MONEY": {"budget": 21_000, "per_user": {"per_day": 3}, "valid": {"days": 2}, "transferable": True},
    "PUBLIC": {
        "code": {"public": "DOUBLE11", "uses": 15},
        "budget": 19_000,
        "per_user": {},
        "stacking": {"group": "b"},
    },
}
MORE = {
    "FEW": ("stock", (10, 30, 60)),
    "MONEY": ("budget", (8_000, 21_000, 40_000)),
    "PUBLIC": ("budget", (9_000, 30_000)),
}
"""What of them is changed, and to what."""


class Shopper:
    """Asks for anything, drawn by `rng`."""

    def __init__(self, shop: CouponEngine, rng: Random) -> None:
        self.shop, self.rng = shop, rng
        self.status: dict[str, Status] = dict.fromkeys(TEMPLATES, "active")
        self.fields = {template: dict(fields) for template, fields in TEMPLATES.items()}
        self.codes: list[str] = ["DOUBLE11", "NOSUCH"]

    def ask(self) -> None:
        rng, user = self.rng, self.rng.choice(USERS)
        code, order = rng.choice(self.codes), f"o-{rng.randrange(4)}"
        match rng.randrange(13):
            case 0 | 1 | 2:
                say = {"quantity": rng.choice((1, 1, 2, 7))}
                self.shop.say("coupon_issue", user, template=rng.choice([*TEMPLATES, "NONE"]), order_id=order, **say)
            case 3 | 4:
                self._by_owner("coupon_use", code, user, order=self._cart(order))
            case 5 | 6:
                self._by_owner("coupon_hold", code, user, order=self._cart(order), ttl_s=rng.choice((1, 60, 200_000)))
            case 7:
                self._by_owner("coupon_release", code, user, order_id=order)
            case 8 | 9:
                self._by_owner("coupon_rollback", code, user, order_id=order)
            case 10:
                self._by_owner("coupon_transfer", code, user, to=rng.choice([name for name in USERS if name != user]))
            case 11 if rng.random() < 0.3:
                self._change()
            case _:
                self.shop.step(rng.randrange(40))

    def _by_owner(self, event_type: str, code: str, user: str, **fields: Any) -> None:
        whose = [body["user_id"] for body in self.shop.told("coupon.issued", code=code)]
        owner = whose[0] if whose and self.rng.random() < 0.9 else user
        if fields.get("to") != owner:
            self.shop.say(event_type, owner, code=code, **fields)

    def _cart(self, order: str) -> dict[str, Any]:
        return cart(order, self.rng.choice((500, 1_500, 10_000)))

    def _change(self) -> None:
        template = self.rng.choice(list(TEMPLATES))
        if self.status[template] != "closed":
            draw = self.rng.random()
            self.status[template] = "closed" if draw < 0.1 else "paused" if draw < 0.4 else "active"
            name, values = MORE[template]
            self.fields[template][name] = self.rng.choice(values)
        self.shop.put(template, self.status[template], **self.fields[template])

    def rest(self) -> None:
        self.shop.settle(IDLE_MS / 1_000 + 10)
        self.codes = ["DOUBLE11", "NOSUCH", *sorted({body["code"] for body in self.shop.told("coupon.issued")})]


def sound(shop: CouponEngine) -> None:
    """Raise AssertionError unless at rest nothing waits, and stock and budget are to the unit where they should be."""
    assert [(row.domain, row.subject, row.reason) for row in shop.parked()] == []
    assert shop.told("engine.depth_exceeded") == []
    purses = {user: shop.purse(user) for user in USERS}
    assert all(purse.waiting == {} and purse.leaving == {} for purse in purses.values())
    for template in TEMPLATES:
        held = [0] * SEGMENTS
        for user, purse in purses.items():
            for coupon in purse.coupons.values():
                if coupon.template == template and coupon.hold:
                    held[segment_of(f"user:{user}", SEGMENTS)] += coupon.hold.discount
        stock = shop.stock(template)
        for segment, shelf in enumerate(shop.shelves(template)):
            shelves.check(shelf)
            assert shelf.first == shelf.next and not shelf.serving, (template, segment, shelf)
            _lent(stock.stock, segment, shelf.stock, shelf.tally.issued)
            _lent(stock.budget, segment, shelf.budget, shelf.tally.discount + held[segment])
        for name in ("stock", "budget"):
            _none_lies(getattr(stock, name), [getattr(shelf, name) for shelf in shop.shelves(template)])
        _in_all(shop, template)


def _lent(pool: Pool | None, segment: int, slice: Slice | None, used: int) -> None:
    assert (pool is None) == (slice is None)
    if pool is not None and slice is not None:
        assert slice.promised == slice.queued == 0 and not slice.asked
        assert pool.lent.get(segment, 0) == slice.left + used, (pool, segment, slice, used)


def _none_lies(pool: Pool | None, slices: list[Slice | None]) -> None:
    """Who was told that there is nothing left was told the truth, or nobody would have asked for it."""
    dry = [slice for slice in slices if slice and slice.dry]
    if pool is not None and pool.dry and dry:
        assert pool.free <= 0 and all(slice.left == 0 for slice in slices if slice), (pool, slices)


def _in_all(shop: CouponEngine, template: str) -> None:
    """What was said comes to what is counted."""
    tallies = [shelf.tally for shelf in shop.shelves(template)]
    used = shop.told("coupon.usage", template=template)
    assert sum(tally.discount for tally in tallies) == sum(body["discount"] for body in used)
    assert sum(tally.revenue for tally in tallies) == sum(body["revenue"] for body in used)
    assert sum(tally.redeemed for tally in tallies) == len(shop.told("coupon.redeemed", template=template))
    assert sum(tally.expired for tally in tallies) == len(shop.told("coupon.expired", template=template)) + len(
        shop.told("coupon.rolled_back", template=template, expired=True)
    )
    _each_somewhere(shop, template, tallies)


def _each_somewhere(shop: CouponEngine, template: str, tallies: list[Tally]) -> None:
    """What was issued and not used up, over or given back is in one purse; nobody has got what nobody has given."""
    given, got = shop.told("coupon.transferred", template=template), shop.told("coupon.issued", template=template)
    handed = {(body["code"], body["to_user_id"]) for body in given}
    assert handed == {(body["origin"], body["user_id"]) for body in got if "origin" in body}
    assert len(handed) == len(given) == sum(tally.transferred for tally in tallies)
    here = [coupon for user in USERS for coupon in shop.purse(user).coupons.values() if coupon.template == template]
    gone = sum(tally.redeemed - tally.rolled_back + tally.expired for tally in tallies)
    assert len(here) + gone == sum(tally.issued for tally in tallies)
