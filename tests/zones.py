"""Zones whose clocks do what clocks do, and when: where tests of anything that reckons in days begin."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

HOUR = 3_600_000
DAY = 24 * HOUR

CHANGES = {
    "Europe/Berlin": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "America/New_York": ("2026-03-08T07:00", "2026-11-01T06:00"),
    "Asia/Shanghai": ("2026-02-28T16:00", "1991-09-14T16:00"),
    "America/St_Johns": ("2010-11-07T02:31", "2026-03-08T05:30"),
    "Pacific/Apia": ("2011-12-30T10:00", "2012-03-31T14:00"),
    "Australia/Lord_Howe": ("2026-04-04T15:00", "2026-10-03T15:30"),
}
"""When clocks are changed (UTC): by an hour, by half of one, by a minute past midnight, by the whole of a day; for
Shanghai, which has given it up, the end of a month, and the last time."""
ZONES = tuple(CHANGES)


def ms(text: str) -> int:
    """Of a time in UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def near_a_change(random: Random, zone: str, within: int) -> int:
    """A moment no more than `within` ms before a change of the zone's clocks."""
    return ms(random.choice(CHANGES[zone])) - random.randrange(within)
