"""What an order earns, item by item, and why: against an oracle that does the sums with plain fractions."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from math import ceil, floor
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.commands import Refusal
from actors.orders import Order, OrderItem
from actors.points.conditions import Who
from actors.points.earning import Estimate, Passed, estimate
from actors.points.messages import POINTS_MAX
from actors.points.programme import Programme, parse

NOON = round(datetime(2025, 9, 20, 12, tzinfo=UTC).timestamp() * 1000)
"""A Saturday."""
NOBODY = Who()
PRODUCTS, CATEGORIES = ("p", "q", "r"), ("tea", "cups", "")


def programme(currency: str = "CNY", **earn: Any) -> Programme:
    levels = [{"id": "silver", "at": 10}, {"id": "gold", "at": 20}]
    parsed = parse(msgspec.json.encode({"earn": earn, "tiers": {"levels": levels}, "currency": currency}))
    assert isinstance(parsed, Programme), parsed
    return parsed


def order(*amounts: int, more: int = 0, currency: str = "CNY") -> Order:
    items = tuple(OrderItem(f"p{index}", "tea", 1, amount) for index, amount in enumerate(amounts))
    return Order("A", currency, sum(amounts) + more, items)


def earned(rules: Programme, what: Order, who: Who = NOBODY, at: int = NOON) -> Estimate:
    result = estimate(rules, what, who, at)
    assert isinstance(result, Estimate), result
    return result


def multiplied(**when: Any) -> Programme:
    return programme(multipliers=[{"id": "m", "factor": "2", "when": when}])


def test_a_point_for_each_whole_yuan_is_what_nothing_said_means() -> None:
    result = earned(programme(), order(199, 100))
    assert result.points == 2
    assert [item.points for item in result.items] == [1, 1]
    assert all(item.rules == ("base",) for item in result.items)


def test_the_sum_is_rounded_once_and_dealt_by_largest_remainder() -> None:
    # 0.40 + 0.70 + 0.95 + 0.95 = 3.00: rounded item by item it would be nothing.
    result = earned(programme(), order(40, 70, 95, 95))
    assert [item.points for item in result.items] == [0, 1, 1, 1]
    assert [item.points for item in earned(programme(), order(50, 50, 50)).items] == [1, 0, 0]


@pytest.mark.parametrize(("rounding", "points"), [("floor", [1, 1, 2]), ("half_up", [1, 2, 2]), ("ceil", [2, 2, 2])])
def test_rounding_is_what_the_programme_says(rounding: str, points: list[int]) -> None:
    rules = programme(rounding=rounding)
    assert [earned(rules, order(amount)).points for amount in (101, 150, 200)] == points


def test_the_rate_is_for_a_major_unit_of_the_currency() -> None:
    assert earned(programme("JPY", rate="1/100"), order(500, currency="JPY")).points == 5
    assert earned(programme("KWD", rate="10"), order(1_500, currency="KWD")).points == 15


def test_a_rate_of_a_third_has_no_rounding_of_its_own() -> None:
    assert earned(programme(rate="1/3"), order(100, 100, 100)).points == 1


def test_what_an_order_costs_beyond_its_items_earns_nothing() -> None:
    assert earned(programme(), order(100, more=900)).points == 1


def test_excluded_items_earn_nothing_and_say_so() -> None:
    rules = programme(exclude={"products": ["p1"], "categories": ["cups"]}, rounding="ceil")
    items = (OrderItem("p0", "tea", 1, 10), OrderItem("p1", "tea", 1, 999), OrderItem("p2", "cups", 1, 999))
    result = earned(rules, Order("A", "CNY", 2_008, items))
    assert [item.points for item in result.items] == [1, 0, 0]
    assert [item.rules for item in result.items] == [("base",), (), ()]
    assert result.items[1].passed == (Passed("base", "excluded_product"),)
    assert result.items[2].passed == (Passed("base", "excluded_category"),)


def test_of_several_multipliers_the_highest_counts_or_all_of_them() -> None:
    three = [{"id": id_, "factor": factor} for id_, factor in (("a", "2"), ("b", "3"), ("c", "3"))]
    highest = earned(programme(multipliers=three), order(100))
    assert (highest.points, highest.items[0].rules) == (3, ("base", "b"))
    assert highest.items[0].passed == (Passed("a", "not_highest"), Passed("c", "not_highest"))
    multiplied = earned(programme(multipliers=three, combine="multiply"), order(100))
    assert (multiplied.points, multiplied.items[0].rules) == (18, ("base", "a", "b", "c"))


def test_a_lone_multiplier_below_one_counts() -> None:
    assert earned(programme(multipliers=[{"id": "half", "factor": "1/2"}]), order(1_000)).points == 5


def test_a_multiplier_for_some_items_says_of_the_others_why_not() -> None:
    items = (OrderItem("p", "tea", 1, 100), OrderItem("q", "tea", 1, 100), OrderItem("p2", "cups", 1, 100))
    rules = programme(multipliers=[{"id": "m", "factor": "2", "when": {"products": ["p"], "categories": ["tea"]}}])
    result = earned(rules, Order("A", "CNY", 300, items))
    assert [item.points for item in result.items] == [2, 1, 1]
    assert [item.passed for item in result.items] == [(), (Passed("m", "product"),), (Passed("m", "product"),)]
    rules = multiplied(categories=["tea"])
    assert earned(rules, Order("A", "CNY", 300, items)).items[2].passed == (Passed("m", "category"),)


@pytest.mark.parametrize(
    ("when", "who", "why"),
    [
        ({"tiers": ["gold"]}, Who(tier="gold"), ""),
        ({"tiers": ["gold"]}, Who(tier="silver"), "tier"),
        ({"tiers": ["gold"]}, Who(), "tier"),
        ({"weekdays": [6]}, Who(), ""),
        ({"weekdays": [7]}, Who(), "weekday"),
        ({"hours": [12, 13]}, Who(), ""),
        ({"hours": [13, 12]}, Who(), "hour"),
        ({"hours": [22, 13]}, Who(), ""),
        ({"hours": [0, 24]}, Who(), ""),
        ({"amount_min": 100}, Who(), ""),
        ({"amount_min": 101}, Who(), "amount_min"),
        ({"first_order": True}, Who(first_order=True), ""),
        ({"first_order": True}, Who(), "not_first_order"),
        ({"birthday": "day"}, Who(), "birthday_unknown"),
        ({"birthday": "day"}, Who(birthday="09-20"), ""),
        ({"birthday": "day"}, Who(birthday="09-21"), "not_birthday"),
        ({"birthday": "day"}, Who(birthday="09-21", zone="Pacific/Kiritimati"), ""),
        ({"birthday": "day"}, Who(birthday="09-20", zone="No/Where"), ""),
        ({"birthday": "week"}, Who(birthday="09-17"), ""),
        ({"birthday": "week"}, Who(birthday="09-23"), ""),
        ({"birthday": "week"}, Who(birthday="09-24"), "not_birthday"),
        ({"birthday": "month"}, Who(birthday="09-01"), ""),
        ({"birthday": "month"}, Who(birthday="10-01"), "not_birthday"),
        ({"tiers": ["gold"], "weekdays": [6]}, Who(tier="gold"), ""),
        ({"tiers": ["gold"], "weekdays": [7]}, Who(tier="gold"), "weekday"),
    ],
)
def test_a_condition_of_the_order_holds_or_says_why_not(when: dict[str, Any], who: Who, why: str) -> None:
    result = earned(multiplied(**when), order(100), who)
    assert result.points == (1 if why else 2)
    assert [(passed.rule, passed.why) for passed in result.passed] == ([("m", why)] if why else [])


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("kind", "birthday", "moment", "holds"),
    [
        ("day", "02-29", "2024-02-29T12:00", True),
        ("day", "02-29", "2024-02-28T12:00", False),
        ("day", "02-29", "2025-02-28T12:00", True),
        ("day", "02-29", "2025-03-01T12:00", False),
        ("week", "02-29", "2025-03-03T12:00", True),
        ("week", "02-29", "2025-03-04T12:00", False),
        ("week", "01-01", "2024-12-29T12:00", True),
        ("week", "12-31", "2025-01-03T12:00", True),
        ("week", "12-31", "2025-01-04T12:00", False),
        ("month", "02-29", "2025-02-01T12:00", True),
    ],
)
def test_birthdays_of_29_february_and_around_new_year(kind: str, birthday: str, moment: str, holds: bool) -> None:
    result = earned(multiplied(birthday=kind), order(100), Who(birthday=birthday), at(moment))
    assert result.points == (2 if holds else 1)


def test_weekday_and_hour_are_those_of_the_programmes_zone() -> None:
    rules = parse(
        msgspec.json.encode(
            {
                "zone": "America/New_York",
                "earn": {"multipliers": [{"id": "m", "factor": "2", "when": {"weekdays": [7], "hours": [1, 2]}}]},
            }
        )
    )
    assert isinstance(rules, Programme)
    # On Sunday 3 November 2024 the hour from 1 came twice, at 5 and 6 o'clock of UTC.
    hours = [earned(rules, order(100), Who(), at(f"2024-11-03T0{hour}:30")).points for hour in (4, 5, 6, 7)]
    assert hours == [1, 2, 2, 1]


def test_bonuses_are_points_for_the_order_and_belong_to_no_item() -> None:
    rules = programme(
        bonuses=[
            {"id": "welcome", "points": 100, "when": {"first_order": True}},
            {"id": "tea", "points": 10, "when": {"categories": ["tea"]}},
            {"id": "cups", "points": 5, "when": {"categories": ["cups", "x"]}},
        ],
        exclude={"categories": ["cups"]},
    )
    items = (OrderItem("p", "tea", 1, 100), OrderItem("q", "tea", 1, 100), OrderItem("c", "cups", 1, 100))
    result = earned(rules, Order("A", "CNY", 300, items))
    assert (result.points, sum(item.points for item in result.items)) == (12, 2)
    assert [(bonus.rule, bonus.points) for bonus in result.bonuses] == [("tea", 10)]
    assert result.passed == (Passed("welcome", "not_first_order"), Passed("cups", "no_item"))


def test_an_order_in_another_currency_is_refused() -> None:
    refusal = estimate(programme(), order(100, currency="EUR"), Who(), NOON)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.field) == ("wrong_currency", "order.currency")
    assert refusal.message == "order.currency must be the programme's, CNY, not EUR"


def test_an_order_that_would_earn_more_than_the_limit_is_refused() -> None:
    assert earned(programme(), order(POINTS_MAX * 100)).points == POINTS_MAX
    refusal = estimate(programme(), order(POINTS_MAX * 100 + 100), Who(), NOON)
    assert isinstance(refusal, Refusal)
    assert str(POINTS_MAX) in refusal.message


ids = st.integers(0, 1_000).map(str)
rationals = st.builds(lambda a, b: f"{a}/{b}", st.integers(0, 50), st.integers(1, 12)) | st.sampled_from(["1", "1.5"])
whens = st.fixed_dictionaries(
    {},
    optional={
        "products": st.lists(st.sampled_from(PRODUCTS), min_size=1, max_size=2),
        "categories": st.lists(st.sampled_from(CATEGORIES[:2]), min_size=1, max_size=2),
        "tiers": st.just(["gold"]),
        "first_order": st.booleans(),
        "weekdays": st.sampled_from([[6], [7]]),
    },
)
earns = st.fixed_dictionaries(
    {
        "rate": rationals,
        "rounding": st.sampled_from(["floor", "half_up", "ceil"]),
        "combine": st.sampled_from(["highest", "multiply"]),
        "multipliers": st.lists(
            st.fixed_dictionaries({"id": ids.map("m{}".format), "factor": rationals, "when": whens}),
            max_size=4,
            unique_by=lambda multiplier: str(multiplier["id"]),
        ),
        "bonuses": st.lists(
            st.fixed_dictionaries({"id": ids.map("b{}".format), "points": st.integers(1, 50), "when": whens}),
            max_size=2,
            unique_by=lambda bonus: str(bonus["id"]),
        ),
        "exclude": st.sampled_from([{}, {"products": ["s"]}, {"categories": ["books"]}]),
    }
)
items = st.builds(
    OrderItem,
    st.sampled_from((*PRODUCTS, "s")),
    st.sampled_from((*CATEGORIES, "books")),
    st.just(1),
    st.integers(0, 100_000),
)
baskets = st.lists(items, min_size=1, max_size=6).map(tuple)
people = st.builds(Who, st.sampled_from(["", "gold"]), st.booleans())


def excluded(earn: dict[str, Any], item: OrderItem) -> bool:
    exclude = earn["exclude"]
    return item.product in exclude.get("products", []) or item.category in exclude.get("categories", [])


def fits(when: dict[str, Any], item: OrderItem) -> bool:
    return item.product in when.get("products", [item.product]) and item.category in when.get(
        "categories", [item.category]
    )


def holds(when: dict[str, Any], who: Who) -> bool:
    tier_fits = "tiers" not in when or who.tier in when["tiers"]
    return tier_fits and (who.first_order or not when.get("first_order")) and when.get("weekdays", [6]) == [6]


def oracle(earn: dict[str, Any], basket: tuple[OrderItem, ...], who: Who) -> tuple[Fraction, int, int]:
    """(exact sum of the items, rounded, bonuses), written apart from the rules."""
    exact = Fraction(0)
    for item in basket:
        if excluded(earn, item):
            continue
        counting = [m for m in earn["multipliers"] if holds(m["when"], who) and fits(m["when"], item)]
        factors = [Fraction(m["factor"]) for m in counting]
        if earn["combine"] == "highest":
            factors = sorted(factors)[-1:]
        worth = Fraction(earn["rate"]) * item.amount / 100
        for factor in factors:
            worth *= factor
        exact += worth
    rounded = {"floor": floor(exact), "ceil": ceil(exact), "half_up": floor(exact + Fraction(1, 2))}[earn["rounding"]]
    bonuses = sum(
        bonus["points"]
        for bonus in earn["bonuses"]
        if holds(bonus["when"], who)
        and (
            not {"products", "categories"} & bonus["when"].keys()
            or any(fits(bonus["when"], item) and not excluded(earn, item) for item in basket)
        )
    )
    return exact, rounded, bonuses


def basket_order(basket: tuple[OrderItem, ...]) -> Order:
    return Order("A", "CNY", sum(item.amount for item in basket), basket)


@given(earns, baskets, people)
def test_any_order_earns_what_the_oracle_says_and_the_items_come_to_it(
    earn: dict[str, Any], basket: tuple[OrderItem, ...], who: Who
) -> None:
    _, rounded, bonuses = oracle(earn, basket, who)
    result = earned(programme(**earn), basket_order(basket), who)
    assert result.points == rounded + bonuses
    assert sum(item.points for item in result.items) == rounded
    assert sum(bonus.points for bonus in result.bonuses) == bonuses


@given(earns, baskets, people)
def test_each_item_gets_its_own_share_within_a_point_and_an_excluded_one_nothing(
    earn: dict[str, Any], basket: tuple[OrderItem, ...], who: Who
) -> None:
    result = earned(programme(**earn), basket_order(basket), who)
    for item, line in zip(basket, result.items, strict=True):
        exact, _, _ = oracle(earn, (item,), who)
        assert line.points >= 0
        assert abs(line.points - exact) < 1
        if excluded(earn, item) or not item.amount:
            assert line.points == 0


@given(earns, baskets, people, st.integers(0, 5), st.integers(0, 10_000))
def test_whoever_pays_more_for_an_item_never_earns_less(
    earn: dict[str, Any], basket: tuple[OrderItem, ...], who: Who, index: int, more: int
) -> None:
    index %= len(basket)
    dearer = list(basket)
    dearer[index] = msgspec.structs.replace(dearer[index], amount=dearer[index].amount + more)
    rules = programme(**earn)
    assert earned(rules, basket_order(basket), who).points <= earned(rules, basket_order(tuple(dearer)), who).points


@given(earns, baskets, people)
def test_every_rule_counted_somewhere_or_says_why_not(
    earn: dict[str, Any], basket: tuple[OrderItem, ...], who: Who
) -> None:
    result = earned(programme(**earn), basket_order(basket), who)
    silent = {passed.rule for passed in result.passed}
    counted = {bonus.rule for bonus in result.bonuses}
    assert {bonus["id"] for bonus in earn["bonuses"]} <= silent | counted
    multipliers = {multiplier["id"] for multiplier in earn["multipliers"]}
    for item in result.items:
        said = {passed.rule for passed in item.passed}
        assert multipliers <= silent | said | set(item.rules) or said == {"base"}
