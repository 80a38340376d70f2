"""A year of real campaigns on the virtual clock: coupons are mailed, some are used, the others expire.

dunnhumby "Complete Journey", 2017 (CC0). A campaign is a template of as many coupons as it mailed, not one more, so
that the last slice of stock has to find its way to the last household. A mailing is an issue for the occasion that the
campaign is, a redemption a use with an order of its own, since two coupons of one template never go together. The data
do not say what a coupon takes off; one dollar does, of which an order of less leaves the rest.

Every coupon's end is that of its campaign, and nobody asks for it: what expires does so because a timer fired. What
must come out is counted from the frames alone, and compared with what the engine said to the world, with its statistics
and with its stock.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from actors.rule_words import LABELS_MAX
from supervision.clock import VirtualClock
from supervision.envelope import rfc3339
from tests.coupon_engine import CouponEngine
from tests.journey import FACE_CENTS, Campaign, Journey, Redemption, part, whole
from tests.points_engine import SEGMENTS
from tests.real_data import moment

ZONE = "America/New_York"
AT_ONCE = 10
"""Coupons in one message."""
DAY = timedelta(days=1)


class Books(NamedTuple):
    """Of one campaign, in coupons and cents. `refused`: uses."""

    issued: int = 0
    redeemed: int = 0
    refused: int = 0
    expiring: int = 0
    expired: int = 0
    discount: int = 0


def counted(journey: Journey) -> dict[int, Books]:
    """What must come out, from the frames alone."""
    mailed = Counter(campaign for campaign, _ in journey.mailings)
    used: Counter[tuple[int, int]] = Counter()
    redeemed, refused, early, discount = Counter[int](), Counter[int](), Counter[int](), Counter[int]()
    for use in journey.redemptions:
        campaign = journey.campaigns[use.campaign]
        used[use.household, campaign.id] += 1
        if used[use.household, campaign.id] > campaign.book:
            refused[campaign.id] += 1
            continue
        redeemed[campaign.id] += 1
        early[campaign.id] += use.day < campaign.last
        discount[campaign.id] += min(FACE_CENTS, use.cents)
    found: dict[int, Books] = {}
    for id, campaign in journey.campaigns.items():
        issued = mailed[id] * campaign.book
        reminded, expired = issued - early[id], issued - redeemed[id]
        found[id] = Books(issued, redeemed[id], refused[id], reminded, expired, discount[id])
    return found


class Heard:
    """What the engine says to the world, read day by day since its log is trimmed: the books, and the codes as their
    owners got them.
    """

    def __init__(self, engine: CouponEngine) -> None:
        self._engine = engine
        self._upto = [0] * SEGMENTS
        self.codes: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._counts: Counter[tuple[str, str]] = Counter()

    def listen(self) -> None:
        with closing(self._engine.store.reader()) as reader:
            for segment, upto in enumerate(self._upto):
                for entry in reader.read_log(segment, upto, 1 << 40, 1 << 20):
                    assert entry.offset == self._upto[segment] + 1, "the log was trimmed before it was read"
                    self._upto[segment] = entry.offset
                    if entry.kind.startswith("coupon.") and entry.kind.removeprefix("coupon.") in Books._fields:
                        self._hear(entry.kind.removeprefix("coupon."), msgspec.json.decode(entry.body))

    def _hear(self, what: str, body: dict[str, str]) -> None:
        template = body["template"]
        self._counts[template, what] += 1
        if what == "issued":
            self.codes[body["user_id"], template].append(body["code"])
        elif what == "redeemed":
            self._counts[template, "discount"] += int(body["discount"])

    def books(self, template: str) -> Books:
        return Books(*(self._counts[template, what] for what in Books._fields))


class Year:
    """The engine on the days of the campaigns."""

    def __init__(self, folder: Path, journey: Journey) -> None:
        self._journey = journey
        self._first = min(campaign.first for campaign in journey.campaigns.values())
        self._last = max(campaign.last for campaign in journey.campaigns.values()) + DAY
        self.engine = CouponEngine(folder, VirtualClock(_at(self._first, 0)))
        self.heard = Heard(self.engine)
        self._mailings: dict[date, list[tuple[Campaign, int]]] = defaultdict(list)
        for campaign, household in journey.mailings:
            self._mailings[journey.campaigns[campaign].first].append((journey.campaigns[campaign], household))
        self._redemptions: dict[date, list[Redemption]] = defaultdict(list)
        for redemption in journey.redemptions:
            self._redemptions[redemption.day].append(redemption)
        self._used: Counter[tuple[int, int]] = Counter()
        self._orders = 0
        self._begun = True

    def run(self) -> None:
        for campaign in self._journey.campaigns.values():
            self._print(campaign)
        for day in self._days():
            self._pass(day, 6)
            for campaign, household in self._mailings[day]:
                self._mail(campaign, household)
            if self._redemptions[day] or self._mailings[day]:
                self._pass(day, 12)
            for redemption in self._redemptions[day]:
                self._use(redemption)
        self._pass(self._last + DAY, 6)

    def _days(self) -> Iterator[date]:
        return (self._first + n * DAY for n in range((self._last - self._first).days + 1))

    def _pass(self, day: date, hour: int) -> None:
        """Whatever was begun is done; then it is that hour, and what is due is done as well."""
        if self._begun:
            self.engine.settle(1)
        self._begun = False
        self.engine.clock.advance((_at(day, hour) - self.engine.clock.now_ms()) / 1_000)
        self.engine.settle(1)
        self.heard.listen()

    def _say(self, event_type: str, household: int, **fields: Any) -> None:
        self._begun = True
        self.engine.say(event_type, str(household), **fields)

    def _print(self, campaign: Campaign) -> None:
        mailed = sum(id == campaign.id for id, _ in self._journey.mailings)
        products = campaign.products if len(campaign.products) <= LABELS_MAX else ()
        self.engine.put(
            template_of(campaign.id),
            name=f"campaign {campaign.id}",
            kind={"type": "fixed", "amount": FACE_CENTS},
            currency="USD",
            zone=ZONE,
            valid={"begins": rfc3339(_at(campaign.first, 0)), "ends": rfc3339(_at(campaign.last + DAY, 0))},
            stock=mailed * campaign.book,
            per_user={"total": campaign.book},
            products=[str(product) for product in sorted(products)],
        )

    def _mail(self, campaign: Campaign, household: int) -> None:
        for sent in range(0, campaign.book, AT_ONCE):
            number = min(AT_ONCE, campaign.book - sent)
            self._say(
                "coupon_issue", household, template=template_of(campaign.id), source="activity",
                activity_id=f"campaign {campaign.id}, from coupon {sent}", quantity=number,
            )  # fmt: skip

    def _use(self, redemption: Redemption) -> None:
        """The next coupon of the household's; when there is none any more, the last one again."""
        owner = str(redemption.household), template_of(redemption.campaign)
        codes, used = self.heard.codes[owner], self._used[redemption.household, redemption.campaign]
        self._used[redemption.household, redemption.campaign] += 1
        self._orders += 1
        item = {"product_id": str(redemption.product), "quantity": 1, "amount": redemption.cents}
        order = {"order_id": f"o-{self._orders}", "currency": "USD", "items": [item]}
        self._say("coupon_use", redemption.household, code=codes[min(used, len(codes) - 1)], order=order)


def template_of(campaign: int) -> str:
    return f"campaign-{campaign}"


def _at(day: date, hour: int) -> int:
    return moment(f"{day}T{hour:02}:00:00", ZONE)


def replayed(folder: Path, journey: Journey) -> dict[int, Books]:
    """What the engine told, by campaign."""
    year = Year(folder, journey)
    try:
        year.run()
        found = {id: year.heard.books(template_of(id)) for id in journey.campaigns}
        for id, books in found.items():
            agrees(year.engine, template_of(id), books)
        assert not any(year.engine.purse(str(household)).coupons for _, household in journey.mailings)
        return found
    finally:
        year.engine.close()


def agrees(engine: CouponEngine, template: str, told: Books) -> None:
    """The statistics are what was told, and every coupon of the stock went out."""
    shelves = engine.shelves(template)
    for what in ("issued", "redeemed", "expired", "discount"):
        assert getattr(told, what) == sum(getattr(shelf.tally, what) for shelf in shelves), (template, what)
    pool = engine.stock(template).stock
    assert pool is not None and pool.total == told.issued and pool.free == 0, template
    assert all(shelf.stock is not None and shelf.stock.left == 0 for shelf in shelves), template


def disagreements(journey: Journey) -> dict[str, int]:
    """Where the data are at odds: uses by a household to which that campaign was not mailed, out of the campaign's
    time, of more coupons than it sends; and those of which nothing tells that was bought on that day.
    """
    mailed = set(journey.mailings)
    uses = Counter((use.campaign, use.household) for use in journey.redemptions)
    during = [(use.day, journey.campaigns[use.campaign]) for use in journey.redemptions]
    return {
        "not mailed": sum(number for owner, number in uses.items() if owner not in mailed),
        "out of time": sum(not campaign.first <= day <= campaign.last for day, campaign in during),
        "too many": sum(max(0, number - journey.campaigns[id].book) for (id, _), number in uses.items()),
        "nothing bought": sum(not use.fits for use in journey.redemptions),
    }


def together(books: dict[int, Books]) -> Books:
    return Books(*(sum(column) for column in zip(*books.values(), strict=True)))


def said(journey: Journey, books: Books) -> str:
    """In one line, for whoever runs the test with `-s`."""
    households = len({household for _, household in journey.mailings})
    return (
        f"{len(journey.campaigns)} campaigns, {len(journey.mailings):,} mailings to {households:,} households: "
        f"{books.issued:,} coupons issued, {books.redeemed:,} redeemed, {books.expired:,} expired, "
        f"{books.refused:,} uses refused, {books.discount / 100:,.2f} USD off"
    )


def test_a_year_of_campaigns_to_200_households_comes_out_as_counted_by_hand(tmp_path: Path) -> None:
    journey = part()
    books = replayed(tmp_path / "data", journey)
    assert books == counted(journey)
    print(said(journey, together(books)))
    assert together(books) == Books(15_312, 743, 0, 14_577, 14_569, 74_300)
    assert disagreements(journey) == {"not mailed": 0, "out of time": 0, "too many": 0, "nothing bought": 743}


@pytest.mark.long
def test_a_year_of_campaigns_to_all_households_comes_out_as_counted_by_hand(tmp_path: Path) -> None:
    """One household used 17 coupons of a campaign that sends 16; the seventeenth is refused."""
    journey = whole()
    books = replayed(tmp_path / "data", journey)
    assert books == counted(journey)
    print(said(journey, together(books)))
    assert together(books) == Books(108_590, 2_101, 1, 106_517, 106_489, 208_094)
    assert disagreements(journey) == {"not mailed": 0, "out of time": 0, "too many": 1, "nothing bought": 510}
