"""What campaigns know of a user besides events: level, points, coupons, cart, and facts of the profile.

It is told by the other domains' own words, in the order of the user's log, so it is what those domains had said when
the entry that is judged came; never what they may have decided since. Levels and facts of the profile are followed
always; points and coupons, which most entries are about, while a campaign asks for them: the balance is known from the
next word about it on, coupons are counted from then on, and what was known of an earlier time is forgotten: it may be
wrong by now.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, cast

import msgspec

from actors.cart.messages import CartChanged
from actors.fields import rfc3339_ms

FACTS_MAX = 50
"""Of the profile, besides the known ones."""
FACT_CHARS_MAX = 256
"""A longer text, or an object, is not kept: no condition compares it. Nor is a list that is longer as JSON, or that
holds another.
"""
FACT_INT_MAX = 2**63 - 1
"""Either side of 0, as far as a state can hold them; beyond, it is no number that a condition compares."""
TEMPLATES_MAX = 200
"""Of which a user's coupons are counted."""
ENDS: Mapping[str, tuple[str, str]] = {
    "tier.will_drop": ("tier", "drop_at"), "coupon.issued": ("coupon", "valid_until")
}  # fmt: skip
"""Words that tell of an end -> (what ends, the field that says when)."""
LEVEL_MOVES = frozenset(("tier.upgraded", "tier.dropped"))
MEMBERSHIP_END = "membership_end"
"""A fact of the profile: the moment (RFC 3339) at which a paid membership ends, or the day (YYYY-MM-DD) that is its
last.
"""
ALWAYS = frozenset(("zone", "birthday", "locale", MEMBERSHIP_END))
"""Facts that have room whatever else there is."""
DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
YEARS = 1971, 2999
ENDS_MAX = 50
"""Of a user's coupons, those that end first."""


class CartKnown(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The live cart; `value` in minor units."""

    value: int = 0
    lines: int = 0
    pieces: int = 0
    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


class Knowledge(msgspec.Struct, array_like=True, gc=False):
    """`coupons`: how many can be used, by template. `ends`: moments at which something of the user's ends, by what.
    `asked`: since when points and coupons are followed, as directory.Directory has it.
    """

    tier: str = ""
    points: int = 0
    coupons: dict[str, int] = {}
    cart: CartKnown = CartKnown()
    profile: dict[str, Any] = {}
    ends: dict[str, list[int]] = {}
    asked: dict[str, int] = {}


def renew(knows: Knowledge, asked: Mapping[str, int]) -> None:
    """Forget what was not followed all the time since it was heard."""
    if knows.asked == asked:
        return
    if knows.asked.get("points") != asked.get("points"):
        knows.points = 0
    if knows.asked.get("coupons") != asked.get("coupons"):
        knows.coupons = {}
    knows.asked = dict(asked)


def of_cart(knows: Knowledge, said: CartChanged) -> None:
    knows.cart = CartKnown(said.value, said.lines, said.pieces, said.products, said.categories)


def of_points(knows: Knowledge, said: Mapping[str, Any]) -> bool:
    """Whether a word of the points domain changed anything. Of other wallets than the first nothing is known."""
    balance = said.get("balance")
    if not isinstance(balance, int) or "wallet" in said or balance == knows.points:
        return False
    knows.points = balance
    return True


def of_tier(knows: Knowledge, said: Mapping[str, Any]) -> bool:
    level = said.get("level")
    if not isinstance(level, str) or level == knows.tier:
        return False
    knows.tier = level
    return True


COUPON_MOVES: Mapping[str, int] = {
    "coupon.issued": 1, "coupon.redeemed": -1, "coupon.expired": -1, "coupon.rolled_back": 1, "coupon.transferred": -1,
}  # fmt: skip
"""What each word of the coupon domain does to the number that the user has."""


def of_coupon(knows: Knowledge, kind: str, said: Mapping[str, Any]) -> bool:
    move, template = COUPON_MOVES.get(kind, 0), said.get("template")
    if not move or not isinstance(template, str) or said.get("expired"):
        return False
    number = knows.coupons.pop(template, 0) + move
    if number > 0 and len(knows.coupons) < TEMPLATES_MAX:
        knows.coupons[template] = number
    return True


def of_ends(knows: Knowledge, kind: str, said: Mapping[str, Any], at: int) -> bool:
    """Whether a word says when something of the user's ends, or that it does not. Ends that have been are forgotten,
    and that of a level with the level: whoever reaches another one does not lose this one then.
    """
    if kind in LEVEL_MOVES:
        return knows.ends.pop("tier", None) is not None
    what, field = ENDS.get(kind, ("", ""))
    end = rfc3339_ms(said[field]) if isinstance(said.get(field), str) else None
    if end is None or end <= at:
        return False
    others = [other for other in knows.ends.get(what, []) if other > at] if what == "coupon" else []
    knows.ends[what] = sorted({*others, end})[:ENDS_MAX]
    return True


def of_profile(knows: Knowledge, changes: Mapping[str, Any]) -> bool:
    before = dict(knows.profile)
    for name, value in changes.items():
        if value is None or not _fits(value):
            knows.profile.pop(name, None)
        elif name in ALWAYS or name in knows.profile or _others(knows) < FACTS_MAX:
            knows.profile[name] = value
    end = knows.profile.get(MEMBERSHIP_END)
    moment = rfc3339_ms(end) if isinstance(end, str) else None
    if moment is not None:
        knows.ends["membership"] = [moment]
    else:
        knows.ends.pop("membership", None)
    return knows.profile != before


def day_of(fact: Any) -> date | None:
    """The day that a fact of the profile is; None: it is none, or one at the edge of what calendars have."""
    if not isinstance(fact, str) or not DAY.fullmatch(fact):
        return None
    try:
        day = date.fromisoformat(fact)
    except ValueError:
        return None
    return day if YEARS[0] <= day.year <= YEARS[1] else None


def _fits(value: Any) -> bool:
    match value:
        case int():
            return abs(value) <= FACT_INT_MAX
        case str():
            return len(value) <= FACT_CHARS_MAX
        case list():
            items = cast("list[Any]", value)
            flat = all(not isinstance(one, list) and _fits(one) for one in items)
            return flat and len(msgspec.json.encode(items)) <= FACT_CHARS_MAX
        case _:
            return isinstance(value, float)


def _others(knows: Knowledge) -> int:
    return sum(name not in ALWAYS for name in knows.profile)


def spoken(knows: Knowledge) -> dict[str, str | int]:
    """What texts may speak of: `tier`, of the cart `lines` and `pieces`, and `points` where they are followed: a text
    is rather refused than wrong.
    """
    points = {"points": knows.points} if "points" in knows.asked else {}
    return {"tier": knows.tier, "lines": knows.cart.lines, "pieces": knows.cart.pieces, **points}
