"""A year of 200 real households on the virtual clock: who reaches which tier, who is warned, who loses it.

dunnhumby "Complete Journey", 2017 (CC0): each basket is an order in USD. Tiers go by money in calendar quarters, with
two weeks of grace and a week's notice. Nobody asks the ledger for anything but to take the orders; all that is lost is
lost because a timer fired. What each household is told of its tier is then worked out by hand, from local dates and
sums by quarter alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import msgspec

from actors.points import tiers
from actors.points.programme import Programme, parse
from actors.points.state import Tier
from tests.points_world import PointsWorld
from tests.real_data import lines, moment

ZONE = "America/New_York"
LEVELS = ("silver", "gold", "platinum")
AT = (40_000, 80_000, 150_000)
"""Cents in a quarter."""
GRACE, NOTICE = timedelta(days=14), timedelta(days=7)
END = datetime(2018, 2, 1)
"""A month after the last basket: what the third quarter held up has fallen by then."""


class Basket(NamedTuple):
    at: datetime
    number: str
    household: str
    cents: int


@cache
def baskets() -> tuple[Basket, ...]:
    """In order of time."""
    first: dict[str, dict[str, str]] = {}
    cents: Counter[str] = Counter()
    for line in lines("completejourney-200-transactions.csv.gz"):
        first.setdefault(line["basket_id"], line)
        cents[line["basket_id"]] += round(float(line["sales_value"]) * 100)
    found = [
        Basket(datetime.fromisoformat(line["transaction_timestamp"]), number, line["household_id"], cents[number])
        for number, line in first.items()
    ]
    return tuple(sorted(found))


def programme() -> Programme:
    levels = [{"id": name, "at": at} for name, at in zip(LEVELS, AT, strict=True)]
    rules: dict[str, Any] = {
        "zone": ZONE,
        "currency": "USD",
        "expiry": {"kind": "never"},
        "reminder_days": 0,
        "tiers": {
            "levels": levels, "by": "money", "window": "quarter", "grace_days": GRACE.days, "notice_days": NOTICE.days
        },
    }  # fmt: skip
    parsed = parse(msgspec.json.encode(rules))
    assert isinstance(parsed, Programme), parsed
    return parsed


def quarter(at: datetime) -> int:
    return at.year * 4 + (at.month - 1) // 3


def begins(number: int) -> datetime:
    return datetime(number // 4, number % 4 * 3 + 1, 1)


class ByHand:
    """One household's tier: `rank` -1 = none. `told` is what it must have heard."""

    def __init__(self) -> None:
        self.sums: Counter[int] = Counter()
        self.rank = -1
        self.lost = self.warned = datetime.max
        self.told: list[tuple[str, str]] = []

    def spends(self, at: datetime, cents: int) -> None:
        self.passes(at)
        self.sums[quarter(at)] += cents
        supported = self.supported(at)
        if supported > self.rank:
            self.becomes(supported, at, "upgraded")
        elif self.rank >= 0:
            self.lost = max(self.lost, self.held_until())

    def passes(self, at: datetime) -> None:
        """Warn and drop, whatever is due by `at`, each at its moment."""
        while self.rank >= 0:
            if self.lost != self.warned and self.lost - NOTICE <= at:
                self.warned = self.lost
                self.told.append(("will_drop", LEVELS[self.rank]))
            if self.lost > at:
                return
            self.becomes(self.supported(self.lost), self.lost, "dropped")

    def becomes(self, rank: int, at: datetime, kind: str) -> None:
        self.rank, self.warned = rank, datetime.max
        self.told.append((kind, LEVELS[rank] if rank >= 0 else ""))
        self.lost = max(self.held_until(), begins(quarter(at) + 1) + GRACE) if rank >= 0 else datetime.max

    def supported(self, at: datetime) -> int:
        """By this quarter or the one before."""
        most = max(self.sums[quarter(at)], self.sums[quarter(at) - 1])
        return sum(most >= level for level in AT) - 1

    def held_until(self) -> datetime:
        """A quarter that comes to the level holds it up to the end of the next, and the grace after it."""
        supporting = [number for number, cents in self.sums.items() if cents >= AT[self.rank]]
        return begins(max(supporting) + 2) + GRACE if supporting else datetime.min


def replayed() -> PointsWorld:
    world = PointsWorld(programme(), at=moment("2017-01-01T00:00:00", ZONE))
    for basket in baskets():
        world.advance(moment(basket.at.isoformat(), ZONE))
        order = {"order_id": basket.number, "currency": "USD", "amount": basket.cents}
        assert world.ask("points_accrue", basket.household, order=order).ok, basket
    world.advance(moment(END.isoformat(), ZONE))
    world.check()
    return world


def test_a_year_of_real_households_is_told_of_its_tiers_what_is_worked_out_by_hand() -> None:
    households: dict[str, ByHand] = defaultdict(ByHand)
    for basket in baskets():
        households[basket.household].spends(basket.at, basket.cents)
    world = replayed()
    rules = world.actor.programme(world.shared).rules.tiers
    told: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for subject, kind, body in world.effects:
        if kind.startswith("tier."):
            told[subject.removeprefix("user:")].append((kind.removeprefix("tier."), body.level))
    ends: Counter[str] = Counter()
    for name, household in households.items():
        household.passes(END)
        assert told[name] == household.told, name
        level = tiers.holds(world.account(name).tier or Tier(), rules)
        assert level == (LEVELS[household.rank] if household.rank >= 0 else ""), name
        ends[level] += 1
    kinds = Counter(kind for heard in told.values() for kind, _ in heard)
    assert (len(baskets()), len(households)) == (19_393, 200)
    assert kinds == {"upgraded": 356, "will_drop": 97, "dropped": 97}
    assert ends == {"": 60, "silver": 51, "gold": 67, "platinum": 22}
