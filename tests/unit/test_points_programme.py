"""A programme is read, checked, named by what it says, and answers for every event."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.commands import Refusal
from actors.points.programme import BYTES_MAX, Programme, from_settings, parse
from actors.points.rules import (
    BONUSES_MAX,
    CAPS_MAX,
    DAYS_MAX,
    LEVELS_MAX,
    LOTS_MAX_MAX,
    MULTIPLIERS_MAX,
    STREAKS_MAX,
    TTL_S_MAX,
    VALID_DAYS_MAX,
    WALLETS_MAX,
    Refund,
    Rules,
)
from actors.points.state import MAIN, NEVER, SLIDES
from actors.registry import domains
from actors.routes import effect_route
from actors.rule_words import LABELS_MAX

FULL: dict[str, Any] = {
    "zone": "Asia/Shanghai",
    "currency": "CNY",
    "earn": {
        "rate": "1/2",
        "rounding": "half_up",
        "combine": "multiply",
        "multipliers": [
            {"id": "gold", "factor": "1.5", "when": {"tiers": ["gold", "silver"], "weekdays": [7, 6]}},
            {"id": "night", "factor": "2", "when": {"hours": [22, 2], "categories": ["tea"]}},
        ],
        "bonuses": [{"id": "welcome", "points": 100, "when": {"first_order": True, "amount_min": 9900}}],
        "exclude": {"categories": ["gift card"]},
    },
    "expiry": {"kind": "months", "n": 12},
    "reminder_days": 14,
    "pending": {"until": "days", "days": 14},
    "refund": {"policy": "allow_negative", "grace_days": 30},
    "wallets": {
        "promo": {"expiry": {"kind": "days", "n": 30}, "uses": ["checkout"], "reasons": ["campaign"]},
        "club": {"expiry": {"kind": "sliding", "n": 90}, "refund": {"policy": "only_pending"}},
        "main": {"uses": []},
    },
    "caps": [{"id": "daily", "points": 500, "reasons": ["sign_in"]}, {"id": "r", "points": 5, "per": "hours", "n": 3}],
    "sign_in": {"points": 1, "streak": {"7": 10}},
    "tiers": {"levels": [{"id": "silver", "at": 1000}, {"id": "gold", "at": 5000}], "window": "quarter"},
    "reserve": {"ttl_s_default": 60, "ttl_s_max": 600},
}


def ms(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def put(rules: Any) -> Programme:
    programme = parse(msgspec.json.encode(rules))
    assert isinstance(programme, Programme), programme
    return programme


def refused(rules: Any) -> Refusal:
    refusal = parse(msgspec.json.encode(rules))
    assert isinstance(refusal, Refusal)
    return refusal


def test_nothing_said_is_the_default_programme() -> None:
    assert put({}).rules == Rules()
    assert put({}).canonical == b"{}"
    assert put({}).version == from_settings().version


def test_the_same_rules_in_other_words_are_the_same_version() -> None:
    version = put(FULL).version
    other = msgspec.json.decode(msgspec.json.encode(FULL, order="sorted"))
    other["earn"]["rate"] = "0.50"
    other["earn"]["multipliers"][0]["factor"] = "3/2"
    other["earn"]["multipliers"][0]["when"]["tiers"] = ["silver", "gold", "gold"]
    other["earn"]["multipliers"][0]["when"]["weekdays"] = [6, 7]
    other["gifts"] = {"per_day": 10}
    other["tiers"]["n"] = 365
    assert put(other).version == version
    assert len(version) == 16


def test_a_version_comes_back_from_its_canonical_form() -> None:
    programme = put(FULL)
    again = parse(programme.canonical)
    assert isinstance(again, Programme)
    assert (again.canonical, again.version) == (programme.canonical, programme.version)


def test_defaults_written_out_are_the_default_version() -> None:
    written_out = msgspec.to_builtins(Rules())
    assert put(written_out).version == put({}).version
    assert put({"earn": {"rate": "1.000"}, "expiry": {}}).version == put({}).version


@pytest.mark.parametrize(
    "change",
    [
        {"earn": {"rate": "2"}},
        {"wallets": {"promo": {}}},
        {"wallets": {"promo": {"expiry": {}}}},
        {"wallets": {"promo": {"refund": {}}}},
        {"lots_max": 1_999},
    ],
)
def test_rules_that_differ_have_different_versions(change: dict[str, Any]) -> None:
    others = [{}, {"wallets": {"promo": {}}}, {"wallets": {"promo": {"expiry": {}, "refund": {}}}}]
    assert put(change).version not in {put(other).version for other in others if other != change}


def test_the_order_of_multipliers_is_part_of_the_rules() -> None:
    rules = {"earn": {"multipliers": [{"id": "a", "factor": "2"}, {"id": "b", "factor": "2"}]}}
    turned = {"earn": {"multipliers": [{"id": "b", "factor": "2"}, {"id": "a", "factor": "2"}]}}
    assert put(rules).version != put(turned).version


def multiplier(**when: Any) -> dict[str, Any]:
    return {"earn": {"multipliers": [{"id": "ok", "factor": "1"}, {"id": "m", "factor": "2", "when": when}]}}


@pytest.mark.parametrize(
    ("rules", "field", "says"),
    [
        ([], "", "expected `object`, got `array`"),
        ({"earm": {}}, "earm", "is not a known field"),
        ({"earn": {"multipliers": [{"id": "a", "factor": "1", "wen": {}}]}}, "earn.multipliers[0].wen", "not a known"),
        ({"earn": {"multipliers": [{"id": "a"}]}}, "earn.multipliers[0].factor", "is missing"),
        ({"earn": {"multipliers": [{"id": "a", "factor": 1.5}]}}, "earn.multipliers[0].factor", "expected `str`"),
        ({"earn": {"multipliers": [{"id": "a", "factor": "1/0"}]}}, "earn.multipliers[0].factor", "matching regex"),
        ({"earn": {"multipliers": [{"id": "a", "factor": "-1"}]}}, "earn.multipliers[0].factor", "matching regex"),
        ({"earn": {"multipliers": [{"id": "a", "factor": "1001"}]}}, "earn.multipliers[0].factor", "0 to 1000, not"),
        ({"earn": {"multipliers": [{"id": "a\n", "factor": "1"}]}}, "earn.multipliers[0].id", "matching regex"),
        ({"earn": {"multipliers": [{"id": "base", "factor": "1"}]}}, "earn.multipliers[0].id", "'base' is taken"),
        ({"earn": {"rate": "1000001"}}, "earn.rate", "from 0 to 1000000, not 1000001"),
        ({"earn": {"rounding": "up"}}, "earn.rounding", "one of ceil, floor, half_up"),
        ({"earn": {"bonuses": [{"id": "a", "points": 0}]}}, "earn.bonuses[0].points", "expected `int` >= 1"),
        (
            {"earn": {"multipliers": [{"id": "a", "factor": "2"}], "bonuses": [{"id": "a", "points": 1}]}},
            "earn.bonuses[0].id",
            "'a' is taken",
        ),
        (multiplier(tiers=["gold"]), "earn.multipliers[1].when.tiers[0]", "tiers.levels, not 'gold'"),
        (multiplier(hours=[5, 5]), "earn.multipliers[1].when.hours", "two different hours, not [5, 5]"),
        (multiplier(hours=[0, 0]), "earn.multipliers[1].when.hours", "two different hours"),
        (multiplier(hours=[0, 25]), "earn.multipliers[1].when.hours[1]", "expected `int` <= 24"),
        (multiplier(weekdays=[0]), "earn.multipliers[1].when.weekdays[0]", "expected `int` >= 1"),
        (multiplier(categories=["茶" * 43]), "earn.multipliers[1].when.categories[0]", "1 to 128 bytes"),
        (multiplier(products=["a\tb"]), "earn.multipliers[1].when.products[0]", "control characters"),
        (multiplier(birthday="hour"), "earn.multipliers[1].when.birthday", "one of day, month, week"),
        (
            {"earn": {"exclude": {"products": ["p", "q"]}, "bonuses": [
                {"id": "a", "points": 1, "when": {"products": ["p"]}}
            ]}},
            "earn.bonuses[0].when.products", "other products too than those that earn.exclude names",
        ),
        ({"zone": "Asia/Atlantis"}, "zone", "not 'Asia/Atlantis'"),
        ({"currency": "XYZ"}, "currency", "ISO 4217 such as CNY, not 'XYZ'"),
        ({"expiry": {"n": 0}}, "expiry.n", "from 1 to 36500 with kind days, not 0"),
        ({"expiry": {"kind": "months"}}, "expiry.n", "from 0 to 120 with kind months, not 365"),
        ({"expiry": {"kind": "never", "n": 5}}, "expiry.n", "absent with kind never"),
        ({"expiry": {"kind": "months", "n": 0}, "reminder_days": 28}, "reminder_days", "from 0 to 27, shorter than"),
        ({"expiry": {"n": 5}}, "reminder_days", "from 0 to 4, shorter than expiry, not 7"),
        ({"wallets": {"a": {"expiry": {"n": 5}}}}, "reminder_days", "shorter than wallets.a.expiry, not 7"),
        ({"pending": {"until": "days"}}, "pending.days", "at least 1 with until days"),
        ({"pending": {"days": 3}}, "pending.days", "absent with until now"),
        ({"wallets": {"Promo": {}}}, "wallets.Promo", "matching regex"),
        ({"wallets": {"a": {}, "b": {"expiry": {"n": "x"}}}}, "wallets.b.expiry.n", "expected `int`, got `str`"),
        ({"wallets": {"a": {}, "b": {"policy": 1}}}, "wallets.b.policy", "is not a known field"),
        ({"wallets": {"b": {"refund": {"policy": "no"}}}}, "wallets.b.refund.policy", "one of allow_negative, only_pe"),
        ({"wallets": {"a": {"reasons": ["x"]}, "b": {"reasons": ["y", "x"]}}}, "wallets.b.reasons[1]", "is in a too"),
        ({"caps": [{"id": "a", "points": 1}, {"id": "a", "points": 2}]}, "caps[1].id", "'a' is taken"),
        ({"caps": [{"id": "a", "points": 1, "n": 2}]}, "caps[0].n", "from 1 to 1 with per day, not 2"),
        ({"caps": [{"id": "a", "points": 1, "per": "days", "n": 367}]}, "caps[0].n", "from 1 to 366 with per days"),
        ({"sign_in": {"streak": {"7": 1, "x": 2}}}, "sign_in.streak.x", "matching regex"),
        ({"sign_in": {"streak": {"0": 1}}}, "sign_in.streak.0", "matching regex"),
        ({"sign_in": {"streak": {"7": 1, "8": 0}}}, "sign_in.streak.8", "expected `int` >= 1"),
        ({"tiers": {"levels": [{"id": "a", "at": 5}, {"id": "b", "at": 5}]}}, "tiers.levels[1].at", "more than 5"),
        ({"tiers": {"levels": [{"id": "a", "at": 5}, {"id": "a", "at": 6}]}}, "tiers.levels[1].id", "'a' is taken"),
        ({"tiers": {"n": 30}}, "tiers.n", "absent with window year"),
        ({"reserve": {"ttl_s_default": 99, "ttl_s_max": 98}}, "reserve.ttl_s_default", "at most reserve.ttl_s_max, 98"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_the_limit(rules: Any, field: str, says: str) -> None:
    refusal = refused(rules)
    assert refusal.field == field
    assert says in refusal.message
    assert refusal.message.startswith(field or "the body")


def many(count: int) -> list[str]:
    return [f"x{index}" for index in range(count)]


@pytest.mark.parametrize(
    ("most", "make"),
    [
        (MULTIPLIERS_MAX, lambda n: {"earn": {"multipliers": [{"id": one, "factor": "2"} for one in many(n)]}}),
        (BONUSES_MAX, lambda n: {"earn": {"bonuses": [{"id": one, "points": 2} for one in many(n)]}}),
        (LABELS_MAX, lambda n: {"earn": {"exclude": {"products": many(n)}}}),
        (WALLETS_MAX, lambda n: {"wallets": {one: {} for one in many(n)}}),
        (CAPS_MAX, lambda n: {"caps": [{"id": one, "points": 2} for one in many(n)]}),
        (LEVELS_MAX, lambda n: {"tiers": {"levels": [{"id": one, "at": i} for i, one in enumerate(many(n))]}}),
        (STREAKS_MAX, lambda n: {"sign_in": {"streak": {str(day + 1): 1 for day in range(n)}}}),
        (DAYS_MAX, lambda n: {"refund": {"wait_days": n}}),
        (LOTS_MAX_MAX, lambda n: {"lots_max": n}),
        (TTL_S_MAX, lambda n: {"reserve": {"ttl_s_max": n}}),
        (VALID_DAYS_MAX, lambda n: {"expiry": {"n": n}}),
    ],
)
def test_of_everything_the_largest_is_taken_and_one_more_refused_with_the_limit(most: int, make: Any) -> None:
    put(make(most))
    assert str(most) in refused(make(most + 1)).message


def test_a_programme_is_bounded_in_bytes() -> None:
    padded = b"{" + b" " * (BYTES_MAX - 2) + b"}"
    assert isinstance(parse(padded), Programme)
    refusal = parse(padded + b" ")
    assert isinstance(refusal, Refusal)
    assert str(BYTES_MAX) in refusal.message


@pytest.mark.parametrize("data", [b"", b"{", b'{"zone": "\xff"}', b'{"a":' * 10_000])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    refusal = parse(data)
    assert isinstance(refusal, Refusal)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(sorted(FULL)), json))
def test_no_json_makes_the_reader_raise(rules: dict[str, Any]) -> None:
    assert isinstance(parse(msgspec.json.encode(rules)), Programme | Refusal)


@given(st.sampled_from(sorted(FULL)), st.data())
def test_no_small_change_makes_the_reader_raise(name: str, data: st.DataObject) -> None:
    rules = msgspec.json.decode(msgspec.json.encode(FULL))
    inside = rules
    while isinstance(inside.get(name), dict) and data.draw(st.booleans()):
        inside, name = inside[name], data.draw(st.sampled_from(sorted(inside[name])))
    inside[name] = data.draw(json)
    assert isinstance(parse(msgspec.json.encode(rules)), Programme | Refusal)


def test_wallets_have_their_own_rules_and_the_programmes_where_they_have_none() -> None:
    programme = put(FULL)
    at = ms("2025-09-20T12:00:00")
    assert programme.expiry(MAIN, at) == ms("2026-10-01T00:00:00", "Asia/Shanghai")
    assert programme.expiry("promo", at) == ms("2025-10-21T00:00:00", "Asia/Shanghai")
    assert programme.expiry("club", at) == SLIDES
    assert programme.slides_end(at, "club") == ms("2025-12-20T00:00:00", "Asia/Shanghai")
    assert programme.refund("club") == Refund("only_pending")
    assert programme.refund("promo") == programme.refund(MAIN) == Refund("allow_negative", 30)
    assert programme.wallet_for("campaign") == "promo"
    assert programme.wallet_for("purchase_order") == MAIN
    assert [programme.may_use("promo", reason) for reason in ("checkout", "raffle")] == [True, False]
    assert programme.may_use(MAIN, "raffle")
    assert [programme.has_wallet(name) for name in (MAIN, "promo", "main", "gone")] == [True, True, False, False]


def test_the_main_wallet_may_be_configured_by_its_name() -> None:
    programme = put({"wallets": {"main": {"expiry": {"kind": "never"}, "reasons": ["x"]}, "other": {}}})
    assert programme.expiry(MAIN, 0) == NEVER
    assert programme.expiry("other", ms("2025-09-20T12:00:00")) == ms("2026-09-21T00:00:00")
    assert programme.wallet_for("x") == MAIN


def test_a_wallet_of_an_earlier_programme_goes_on_by_the_main_rules() -> None:
    programme = put({"expiry": {"n": 10}})
    assert programme.expiry("gone", 0) == programme.expiry(MAIN, 0)


def test_the_day_is_that_of_the_programmes_zone() -> None:
    programme = from_settings(zone="Asia/Shanghai")
    assert programme.day(ms("2025-09-20T15:59:59")) + 1 == programme.day(ms("2025-09-20T16:00:00"))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"valid_days": 0}, f"points_valid_days must be from 1 to {VALID_DAYS_MAX} .*, not 0"),
        ({"valid_days": 36_501}, f"points_valid_days: expected `int` <= {VALID_DAYS_MAX}"),
        ({"reminder_days": 365}, "points_reminder_days must be from 0 to 364, .* not 365"),
        ({"lots_max": 1}, "lots_max: expected `int` >= 2"),
        ({"lots_max": LOTS_MAX_MAX + 1}, f"lots_max: expected `int` <= {LOTS_MAX_MAX}"),
        ({"zone": "Asia/Atlantis"}, "zone must be .* not 'Asia/Atlantis'"),
        ({"zone": "../etc/passwd"}, "zone must be"),
        ({"zone": ""}, "zone must be"),
        ({"currency": "XYZ"}, "default_currency must be .* not 'XYZ'"),
    ],
)
def test_a_programme_that_makes_no_sense_is_refused_with_the_settings_name(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        from_settings(**settings)


def test_the_registry_lists_each_domain_once() -> None:
    assert [domain.name for domain in domains(from_settings(), 16)] == [
        "points",
        "notification",
        "profile",
        "behaviour",
        "cart",
        "programmes",
        "coupon",
        "coupon_stock",
        "coupon_codes",
        "coupon_jobs",
        "campaign",
        "delay",
        "watch",
    ]


def test_a_reason_becomes_one_safe_word_of_the_routing_key() -> None:
    assert effect_route("points.earned", "purchase_order") == "points.earned.purchase_order"
    assert effect_route("points.earned", "下单.a#*b c") == "points.earned.___a__b_c"
    assert effect_route("points.refused", "x" * 128) == "points.refused." + "x" * 64
