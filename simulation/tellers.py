"""What is told of users where campaigns look at their carts and at moments of their own: the original's delayed checks,
and facts of profiles.

Moments lie within the few days that a world lasts, from just before it begins; few names, so that a check meets an
earlier one of its trigger, and a birthday another.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec

ACTIVITIES = ("marketing.activity.events", "activity.check")
"""Front door and key."""
PLAIN_CHECK, NAMED_CHECK = b'{"trigger_id"', b'{"event_type":"delayed_check"'
"""How the two shapes of a check begin here."""
BEGIN = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
MOMENTS_S = (-600, 2, 2, 1_600, 4_200, 9_000, 30_000, 100_000)
"""After the world begins."""
TOO_FAR = "2028-01-01T00:00:00Z"
TRIGGERS = ("t0", "t1")
DELAYS = (0, 0, 30, 1_500)
BIRTHDAYS = ("09-22", "1990-09-22", "09-23", "09-23", "09-24", "1988-09-25", "09-25", "09-26", "02-29", None)
FACTS_SHARE = 0.5
"""Of what is sent."""


class Tellers:
    """All who send such messages; of one world."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def message(self, user: int) -> bytes:
        return self._facts(user) if self._rng.random() < FACTS_SHARE else self._check(user)

    def _facts(self, user: int) -> bytes:
        rng = self._rng
        facts: dict[str, Any] = {"birthday": rng.choice(BIRTHDAYS)} if rng.random() < 0.9 else {}
        facts |= {} if facts and rng.random() < 0.6 else {"shoe": rng.choice((43, "43", None))}
        return msgspec.json.encode(
            {"event_type": "user_profile_update", "user_id": f"u{user}", "profile_changes": facts}
        )

    def _check(self, user: int) -> bytes:
        rng = self._rng
        items: list[Any] = rng.choice(([], [{"product_id": "p1", "quantity": 1}]))
        when = (BEGIN + timedelta(seconds=rng.choice(MOMENTS_S))).isoformat()
        check = {
            "trigger_id": rng.choice(TRIGGERS),
            "user_id": f"u{user}",
            "cart_snapshot": {"items": items, "total_value": 299.0},
            "check_time": when if rng.random() < 0.95 else TOO_FAR,
            "actions_if_match": [self._asked() for _ in range(rng.randint(1, 3))],
        }
        return msgspec.json.encode(check if rng.random() < 0.7 else {"event_type": "delayed_check", **check})

    def _asked(self) -> dict[str, Any]:
        rng = self._rng
        delay = {"delay": seconds} if (seconds := rng.choice(DELAYS)) else {}
        if rng.random() < 0.5:
            return {"type": "issue_coupon", "template": "save", **delay}
        return {"type": "send_notification", "template": "come_sms", **delay}
