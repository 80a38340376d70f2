"""A condition is judged as it reads, and says of each leaf what it wanted and what it saw."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.calendar import calendar
from actors.campaign.conditions import All, Condition, Not
from actors.campaign.conditions import Any as AnyOf
from actors.campaign.facts import CartSeen
from actors.campaign.judging import Judge
from actors.comparison import FieldTest, holds
from actors.fields import rfc3339_ms
from actors.windows.window_spec import Count, Days, DistinctDays, Ever, LastTime, Rolling, Sum, counter, key
from tests import any_campaign
from tests.campaign_world import Table

NOON = rfc3339_ms("2025-09-20T12:00:00Z") or 0
BOUGHT = counter("purchase_complete", LastTime(), Ever())


def judge(condition: dict[str, Any], trigger: str = "", zone: str = "UTC") -> Judge:
    return Judge(msgspec.convert(condition, Condition), "when", trigger, calendar(zone))


def met(condition: dict[str, Any], facts: Table, zone: str = "UTC") -> bool:
    return judge(condition, zone=zone).judge(facts).met


SILVER = {"type": "tier", "op": "=", "value": "silver"}
RICH = {"type": "points", "op": ">=", "value": 100}


def test_every_leaf_is_told_with_its_place_its_want_and_what_it_saw_even_where_the_rest_is_decided() -> None:
    condition = {"type": "all", "of": [SILVER, {"type": "not", "of": {"type": "any", "of": [RICH]}}]}
    judging = judge(condition)
    judgement = judging.judge(Table(tier="gold", points=120))
    assert not judgement.met
    told = [(seen.path, seen.want, seen.saw, seen.met) for seen in judging.trace(judgement)]
    assert told == [("when.of[0]", "tier = silver", "gold", False), ("when.of[1].of.of[0]", "points >= 100", 120, True)]


@pytest.mark.parametrize(
    ("condition", "tier", "points", "place"),
    [
        ({"type": "all", "of": [RICH, SILVER]}, "gold", 120, "when.of[1]"),
        ({"type": "all", "of": [RICH, SILVER]}, "gold", 5, "when.of[0]"),
        ({"type": "any", "of": [RICH, SILVER]}, "silver", 5, "when.of[1]"),
        ({"type": "any", "of": [RICH, SILVER]}, "gold", 5, "when.of[0]"),
        ({"type": "not", "of": {"type": "any", "of": [RICH, SILVER]}}, "silver", 5, "when.of.of[1]"),
        (SILVER, "gold", 5, "when"),
    ],
)
def test_the_cause_is_the_first_leaf_that_decided(
    condition: dict[str, Any], tier: str, points: int, place: str
) -> None:
    judging = judge(condition)
    assert judging.cause(judging.judge(Table(tier=tier, points=points))).path == place


def test_counters_are_asked_for_by_the_name_of_what_they_count() -> None:
    where = [{"field": "category", "op": "=", "value": "tea"}]
    test = (FieldTest("category", "=", "tea"),)
    condition = {
        "type": "all",
        "of": [
            {"type": "count", "event": "x", "where": where, "within": {"seconds": 60}, "op": ">=", "value": 3},
            {"type": "sum", "event": "x", "field": "v", "within": {"days": 30}, "net": True, "op": "<", "value": 10},
            {"type": "days", "event": "sign_in", "within": {"days": 7}, "op": "=", "value": 7},
        ],
    }
    judging = judge(condition, zone="Asia/Shanghai")
    specs = [
        counter("x", Count(), Rolling(60_000), test),
        counter("x", Sum("v"), Days(30, "Asia/Shanghai"), net=True),
        counter("sign_in", DistinctDays("Asia/Shanghai"), Days(7, "Asia/Shanghai")),
    ]
    assert list(judging.counters.values()) == specs
    facts = Table().count(specs[0], 3).count(specs[1], 9).count(specs[2], 7)
    assert judging.judge(facts).met
    assert not judging.judge(facts.count(specs[1], 10)).met


def test_who_never_bought_has_not_bought_long_ago() -> None:
    condition = {"type": "since", "event": "purchase_complete", "op": ">=", "seconds": 60}
    judging = judge(condition)
    for last, want, saw in ((None, False, None), (NOON - 60_000, True, 60), (NOON - 59_999, False, 59.999)):
        judgement = judging.judge(Table(NOON).count(BOUGHT, last))
        assert (judgement.met, judgement.saw) == (want, (saw,))


def test_added_and_not_bought_since_means_since_the_last_addition() -> None:
    condition = {"type": "did", "event": "add_to_cart", "but_not": [{"event": "purchase_complete"}]}
    added = counter("add_to_cart", LastTime(), Ever())
    facts = Table(NOON)
    for last_added, last_bought, want, saw in [
        (None, None, False, None),
        (1_000, None, True, "1970-01-01T00:00:01.000Z"),
        (1_000, 999, True, "1970-01-01T00:00:01.000Z"),
        (1_000, 1_000, False, "purchase_complete"),
        (1_000, 1_001, False, "purchase_complete"),
    ]:
        judgement = judge(condition).judge(facts.count(added, last_added).count(BOUGHT, last_bought))
        assert (judgement.met, judgement.saw) == (want, (saw,))


def test_what_was_done_and_what_was_not_are_looked_for_in_one_window() -> None:
    condition = {"type": "did", "event": "x", "but_not": [{"event": "y"}], "within": {"seconds": 60}}
    specs = [counter(event, LastTime(), Rolling(60_000)) for event in ("x", "y")]
    assert list(judge(condition).counters.values()) == specs


def test_a_purchase_at_the_moment_of_the_trigger_came_after_it_unless_it_is_the_trigger() -> None:
    condition = {"type": "after_trigger", "event": "purchase_complete"}
    facts = Table(NOON, since=NOON - 5).count(BOUGHT, NOON - 5)
    assert judge(condition, trigger="add_to_cart").judge(facts).met
    assert not judge(condition, trigger="purchase_complete").judge(facts).met
    assert judge(condition, trigger="purchase_complete").judge(facts.count(BOUGHT, NOON - 4)).met
    assert not judge(condition).judge(facts.count(BOUGHT, NOON - 6)).met
    assert not judge(condition).judge(facts.count(BOUGHT, None)).met


def test_the_cart_is_asked_for_its_value_and_for_what_is_in_it() -> None:
    cart = CartSeen(29_900, 2, 3, {"p1", "p2"}, {"tea"})
    facts = Table(cart=cart)
    assert met({"type": "cart", "of": "value", "op": ">=", "value": 29_900}, facts)
    assert met({"type": "cart", "of": "lines", "op": "=", "value": 2}, facts)
    assert met({"type": "cart", "of": "pieces", "op": "in", "value": [1, 3]}, facts)
    judging = judge({"type": "cart_has", "products": ["p0", "p2"], "categories": ["tea"]})
    assert judging.judge(facts).saw == ("p2",)
    assert met({"type": "cart_has", "categories": ["tea"]}, facts)
    assert not met({"type": "cart_has", "products": ["tea"]}, facts)
    assert judging.asks == {"cart"}


def test_coupons_are_those_of_a_template_or_all() -> None:
    facts = Table(coupons={"a": 1, "b": 2})
    assert met({"type": "coupons", "op": "=", "value": 3}, facts)
    assert met({"type": "coupons", "template": "a", "op": "=", "value": 1}, facts)
    assert met({"type": "coupons", "template": "c", "op": "=", "value": 0}, facts)


def test_the_clock_is_that_of_the_campaigns_zone() -> None:
    evening = {"type": "clock", "weekdays": [6], "hours": [20, 22]}
    assert met(evening, Table(NOON), "Asia/Shanghai")
    assert not met(evening, Table(NOON), "UTC")
    assert judge(evening, zone="Asia/Shanghai").judge(Table(NOON)).saw == ("Sat 20:00",)


def test_what_a_condition_asks_for_is_known_before_it_is_judged() -> None:
    vip = {"type": "profile", "fact": "vip", "op": "=", "value": True}
    none_held = {"type": "coupons", "op": "=", "value": 0}
    seen = {"type": "event", "field": "view_s", "op": ">", "value": 3}
    judging = judge({"type": "all", "of": [SILVER, RICH, vip, none_held, seen]})
    assert judging.asks == {"tier", "points", "profile", "coupons"}
    assert judging.fields == {"view_s"}
    assert judging.counters == {}


def oracle(condition: Any, facts: Table, zone: str, trigger: str) -> bool:
    """The same in the plainest way: nothing compiled, nothing remembered."""
    match condition:
        case All(of=of):
            return all(oracle(one, facts, zone, trigger) for one in of)
        case AnyOf(of=of):
            return any(oracle(one, facts, zone, trigger) for one in of)
        case Not(of=of):
            return not oracle(of, facts, zone, trigger)
        case _:
            return _oracle_of_leaf(condition, facts, zone, trigger)


def _oracle_of_leaf(leaf: Any, facts: Table, zone: str, trigger: str) -> bool:
    def last(match: Any) -> int | None:
        within = getattr(leaf, "within", None)
        return facts.counter(_key(match, LastTime(), within.spec(zone) if within else Ever()))

    match type(leaf).__struct_config__.tag:
        case "event":
            return holds(facts.field(leaf.field), leaf.op, leaf.value)
        case "count" | "sum" | "days":
            of = str(type(leaf).__struct_config__.tag)
            measure = {"count": Count(), "days": DistinctDays(zone)}.get(of, Sum("v"))
            name = _key(leaf, measure, leaf.within.spec(zone), getattr(leaf, "net", False))
            return holds(facts.counter(name), leaf.op, leaf.value)
        case "since":
            came = last(leaf)
            return came is not None and holds((facts.at - came) / 1000, leaf.op, leaf.seconds)
        case "did":
            came, others = last(leaf), [last(one) for one in leaf.but_not]
            return came is not None and all(other is None or other < came for other in others)
        case "after_trigger":
            came = last(leaf)
            return came is not None and (came > facts.since or (came == facts.since and leaf.event != trigger))
        case "cart":
            return holds(getattr(facts.cart(), leaf.of), leaf.op, leaf.value)
        case "cart_has":
            cart = facts.cart()
            held = [one in cart.products for one in leaf.products] + [one in cart.categories for one in leaf.categories]
            return any(held)
        case "tier":
            return holds(facts.tier(), leaf.op, leaf.value)
        case "points":
            return holds(facts.points(), leaf.op, leaf.value)
        case "coupons":
            return holds(facts.coupons(leaf.template), leaf.op, leaf.value)
        case "profile":
            return holds(facts.profile(leaf.fact), leaf.op, leaf.value)
        case _:
            wall = datetime.fromtimestamp(facts.at / 1000, ZoneInfo(zone))
            return (not leaf.weekdays or wall.isoweekday() in leaf.weekdays) and _hour_fits(wall.hour, leaf.hours)


def _hour_fits(hour: int, hours: Any) -> bool:
    if hours is None:
        return True
    begin, end = hours
    return begin <= hour < end if begin < end else hour >= begin or hour < end


def _key(match: Any, measure: Any, window: Any, net: bool = False) -> str:
    return key(counter(match.event, measure, window, match.where, net))


@given(any_campaign.conditions, st.data(), st.sampled_from(["UTC", "Asia/Shanghai"]))
def test_a_condition_is_met_exactly_when_the_plainest_reading_of_it_is(
    condition: dict[str, Any], data: st.DataObject, zone: str
) -> None:
    trigger = data.draw(st.sampled_from(["", "purchase_complete"]))
    judging = judge(condition, trigger, zone)
    at = NOON + data.draw(st.integers(0, 86_400)) * 1_000
    moments = st.none() | st.integers(0, 6).map(lambda ago: at - ago * 1_000)
    facts = Table(
        at, since=at - data.draw(st.integers(0, 5)) * 1_000, event={"a": data.draw(any_campaign.scalars)},
        tier=data.draw(st.sampled_from(["", "gold"])), points=data.draw(st.integers(0, 12)),
        coupons={"tea": 1, "cups": 2}, cart=CartSeen(data.draw(st.integers(0, 12)), 1, 2, {"tea"}, {"cups"}),
        profile={"vip": data.draw(any_campaign.scalars)},
    )  # fmt: skip
    for name, spec in judging.counters.items():
        facts.counting({name: data.draw(moments if isinstance(spec.measure, LastTime) else st.integers(0, 12))})
    judgement = judging.judge(facts)
    assert judgement.met is oracle(msgspec.convert(condition, Condition), facts, zone, trigger)
    assert judging.cause(judgement) in judging.trace(judgement)
