"""The programmes of points that a world has: one to begin with, then what is put while it runs.

Small numbers, so that a hundred inputs reach caps, levels and debts.
"""

from __future__ import annotations

from random import Random
from typing import Any

from simulation.draw import Draw

ZONES = ("UTC", "Asia/Shanghai", "America/Havana")
"""In the last one clocks go back in the first hour of November, which worlds that begin in September come to see."""
CALENDAR = ("day", "week", "month", "lifetime")
"""Windows of a cap, by length: each takes over what a shorter one has counted."""
ROLLING = {"hours": 5, "days": 9}
"""Others, and how many of these."""
SHORTEST = {"days": 1, "sliding": 1, "months": 28, "quarters": 90, "years": 365}
"""Days: no owner may be reminded before that."""


def programmes(rng: Random, draw: Draw) -> list[dict[str, Any]]:
    """The one a world begins with, and those that are put. Any may follow any; often they differ in zone and levels,
    else only in what is quickly seen.
    """
    if not draw.ledger:
        return [_plain(draw.valid_days)]
    n = draw.switches + 1
    turns, moves = rng.random() < 0.5, rng.random() < 0.5
    tiers, zone = _tiers(rng), rng.choice(ZONES)
    caps: list[list[dict[str, Any]]] = [[]] * n
    if rng.random() < 0.7:
        caps = _caps_of_all(rng, n, draw.leap_days)
    drawn: list[dict[str, Any]] = []
    for i in range(n):
        if moves and i:
            zone = rng.choice([another for another in ZONES if another != zone])
        if turns and i:
            tiers = _tiers(rng)
        drawn.append(_rules(rng, draw) | {"tiers": tiers, "zone": zone, "caps": caps[i]})
    return drawn


def _tiers(rng: Random) -> dict[str, Any]:
    """Silver and gold, of whatever they are reckoned."""
    by = rng.choice(("points", "points", "money"))
    silver, gold = (rng.choice((30, 80)), 200) if by == "points" else (rng.choice((2_000, 5_000)), 10_000)
    tiers: dict[str, Any] = {
        "levels": [{"id": "silver", "at": silver}, {"id": "gold", "at": gold}],
        "by": by,
        "window": rng.choice(("month", "quarter", "days", "days")),
        "grace_days": rng.choice((0, 10, 30)),
        "notice_days": rng.choice((0, 7)),
    }
    if tiers["window"] == "days":
        tiers["n"] = rng.choice((1, 5, 30))
    return tiers


def _plain(valid_days: int) -> dict[str, Any]:
    """What settings alone say."""
    return {"expiry": {"kind": "days", "n": valid_days}, "reminder_days": 0}


def _rules(rng: Random, draw: Draw) -> dict[str, Any]:
    when = rng.choice(({"categories": ["food"]}, {"tiers": ["gold"]}, {}))
    expiry = _expiry(rng, draw.valid_days)
    longest = SHORTEST[expiry["kind"]] * max(expiry["n"], 1) - 1
    rules: dict[str, Any] = {
        "expiry": expiry,
        "reminder_days": min(longest, rng.choice((0, 1, 7))),
        "earn": {
            "rate": rng.choice(("1", "3/2", "0.7")),
            "multipliers": [{"id": "more", "factor": rng.choice(("2", "1.3")), "when": when}],
        },
        "refund": {
            "policy": rng.choice((*("allow_negative",) * 4, "within_balance", "only_pending")),
            "grace_days": rng.choice((0, 0, 2)),
            "wait_days": rng.choice((1, 7)),
        },
        "pending": rng.choice(({}, {}, {"until": "order_completed"}, {"until": "days", "days": 1})),
        "sign_in": {"points": 5, "streak": {"2": 7}},
        "lots_max": rng.choice((2_000, 3, 5)),
        "gifts": {"per_day": rng.choice((2, 10)), "points_per_day": rng.choice((40, 1_000))},
    }
    if rng.random() < 0.4:
        rules["wallets"] = {
            "promo": {
                "expiry": {"kind": rng.choice(("days", "sliding")), "n": rules["reminder_days"] + 1},
                "uses": ["game"],
                "reasons": ["campaign"],
            },
        }
    return rules


def _expiry(rng: Random, valid_days: int) -> dict[str, Any]:
    kind = rng.choice(("days", *("sliding",) * 3, *("months",) * 3, "quarters", "quarters", "years"))
    if kind in ("days", "sliding"):
        return {"kind": kind, "n": rng.choice((valid_days, valid_days, 3, 20))}
    return {"kind": kind, "n": rng.choice((0, 0, 1))}


def _caps_of_all(rng: Random, programmes: int, quiet_days: int) -> list[list[dict[str, Any]]]:
    """Names are of one window for ever; but what is called `turns` has any, often one that takes over the last."""
    if rng.random() < 0.5:
        turns = sorted(rng.sample(CALENDAR, programmes), key=CALENDAR.index)
    else:
        turns = rng.sample((*CALENDAR, *ROLLING), programmes)
    points = rng.choice((60, 150))
    return [
        [*_caps(rng, quiet_days), {"id": "turns", "points": points, "per": per, "n": ROLLING.get(per, 1)}]
        for per in turns
    ]


def _caps(rng: Random, quiet_days: int) -> list[dict[str, Any]]:
    over = rng.choice(("cut", "cut", "refuse"))
    long = (
        {"id": "weekly", "points": 90, "per": "week", "over": over},
        {"id": "monthly", "points": 250, "per": "month", "over": over},
        {"id": "games", "points": 20, "per": "month", "reasons": ["sign_in", "campaign"]},
        {"id": "yearly", "points": 300, "per": "year"},
        {"id": "ever", "points": rng.choice((200, 600)), "per": "lifetime", "over": over},
    )
    n = rng.choice((1, quiet_days, quiet_days))  # so that what came before a quiet time is just at the edge
    rolling = (
        {"id": "hours", "points": rng.choice((60, 120)), "per": "hours", "n": 5, "over": over},
        {"id": f"days{n}", "points": rng.choice((50, 90)), "per": "days", "n": n, "over": over},
        {"id": f"days{n}", "points": rng.choice((50, 90)), "per": "days", "n": n, "over": over},
    )
    caps: list[dict[str, Any]] = [
        {"id": "daily", "points": rng.choice((50, 150)), "per": "day", "over": rng.choice(("cut", "cut", "refuse"))},
        {"id": "each", "points": 40, "per": "order"},
        {"id": "campaigns", "points": 30, "per": "day", "reasons": ["campaign"], "over": "refuse"},
        rng.choice(long),
        rng.choice(rolling),
    ]
    return rng.sample(caps, rng.randint(1, 3))
