"""How much one user may give away in a day: so many gifts and so many points.

What a stolen account is emptied through is bounded by this, whoever receives. The day is the programme's, for all users
alike; it counts the giver's gifts and nobody's receipts. When the zone moves west and the day comes back, what was
given on the later date counts on.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.points.rules import Gifts
from actors.points.state import GiftDay


class GiftRefused(msgspec.Struct, frozen=True):
    """Nothing was given. What the giver may give today: `gifts_left`, with `points_left` in all."""

    code: Literal["gifts_off", "gift_limit", "gift_points_limit"]
    gifts_left: int
    points_left: int


def allow(given: GiftDay, rules: Gifts, points: int, day: int) -> GiftRefused | None:
    """None when `points` may be given on `day` (an ordinal). Changes nothing."""
    if not rules.per_day or not rules.points_per_day:
        return GiftRefused("gifts_off", 0, 0)
    today = given if given.day >= day else GiftDay()
    gifts_left, points_left = max(0, rules.per_day - today.gifts), max(0, rules.points_per_day - today.points)
    if not gifts_left:
        return GiftRefused("gift_limit", gifts_left, points_left)
    return GiftRefused("gift_points_limit", gifts_left, points_left) if points > points_left else None


def give(given: GiftDay, points: int, day: int) -> None:
    """Write down a gift that was allowed."""
    if day > given.day:
        given.day, given.gifts, given.points = day, 0, 0
    given.gifts += 1
    given.points += points


def check(given: GiftDay) -> None:
    """Raise AssertionError unless there are points exactly where there were gifts."""
    assert given.day >= 0 and given.gifts >= 0 and given.points >= given.gifts, given
