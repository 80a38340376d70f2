"""Signing in: once for each calendar day of the user's zone, and more for many days in a row.

The day is the caller's, from the log's time and the zone the person lives in. One that is not later than the last is
the same sign-in again: whoever flies west, or changes the zone in their profile, meets the same date twice and is paid
once. A missed day begins the row anew, and so does the day after the longest row that the table rewards: it is a table
of laps, not of a life.
"""

from __future__ import annotations

import msgspec

from actors.points.rules import SignInRules
from actors.points.state import SignIns


class Signed(msgspec.Struct, frozen=True):
    """`points` for the day and `bonus` for `streak`, the days in a row with this one."""

    points: int
    streak: int
    bonus: int


class Already(msgspec.Struct, frozen=True):
    """This day, or a later one, has been signed in for: `day`."""

    day: int
    streak: int


def sign(sign_ins: SignIns, rules: SignInRules, day: int) -> Signed | Already:
    """Count `day` (an ordinal), once. O(rows of the table)."""
    if day <= sign_ins.day:
        return Already(sign_ins.day, sign_ins.streak)
    longest = max(map(int, rules.streak), default=0)
    goes_on = day == sign_ins.day + 1 and not 0 < longest <= sign_ins.streak
    sign_ins.day, sign_ins.streak = day, sign_ins.streak + 1 if goes_on else 1
    return Signed(rules.points, sign_ins.streak, rules.streak.get(str(sign_ins.streak), 0))


def check(sign_ins: SignIns) -> None:
    """Raise AssertionError unless there is a row exactly where there was a day."""
    assert (sign_ins.day > 0) == (sign_ins.streak > 0), sign_ins
    assert 0 <= sign_ins.streak <= max(sign_ins.day, 0), sign_ins
