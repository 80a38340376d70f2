"""A template is read, checked and named by what it says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import normal_form
from actors.commands import Refusal
from actors.coupon.checks import problems
from actors.coupon.offer import BYTES_MAX, Offer, parse
from actors.coupon.template import (
    PIECES_MAX,
    PRIORITY_MAX,
    STEPS_MAX,
    STOCK_MAX,
    TAGS_MAX,
    TIMES_MAX,
    VALID_DAYS_MAX,
    Fixed,
    Template,
    Valid,
)
from actors.money import AMOUNT_MAX
from actors.rule_words import LABELS_MAX
from tests.coupon_world import words

TEN_OFF: dict[str, Any] = {"type": "fixed", "amount": 1_000}
FULL: dict[str, Any] = {
    "name": "双十一 满减",
    "kind": {"type": "full_reduction", "steps": [{"at_least": 20_000, "off": 3_000}], "times_max": 3},
    "valid": {
        "begins": "2025-11-01T00:00:00+08:00", "ends": "2025-11-12T00:00:00+08:00", "days": 7,
        "weekdays": [7, 6], "hours": [8, 22],
    },
    "currency": "CNY",
    "zone": "Asia/Shanghai",
    "minimum_amount": 10_000,
    "categories": ["tea", "cups"],
    "products": ["p1", "p2"],
    "exclude": {"categories": ["gift card"], "products": ["p3"]},
    "stock": 99_990,
    "budget": 10_000_000,
    "per_user": {"total": 10, "per_day": 1, "per_month": 5},
    "stacking": {"group": "season", "priority": 5},
    "transferable": True,
    "code": {"prefix": "D11", "public": "DOUBLE11", "uses": 1_000},
    "activity_id": "DOUBLE11_2025",
    "tags": ["autumn", "big"],
}  # fmt: skip


def put(template: Any) -> Offer:
    found = parse(msgspec.json.encode(template))
    assert isinstance(found, Offer), found
    return found


def refused(template: Any) -> Refusal:
    found = parse(msgspec.json.encode(template))
    assert isinstance(found, Refusal)
    return found


def test_the_same_template_in_other_words_is_the_same_version() -> None:
    other = msgspec.json.decode(msgspec.json.encode(FULL, order="sorted"))
    other["categories"] = ["cups", "tea", "tea"]
    other["valid"]["weekdays"] = [6, 7]
    other["valid"]["begins"] = "2025-10-31T16:00:00Z"
    other["stacking"]["exclusive"] = False
    other["tags"] = ["big", "autumn"]
    assert put(other).version == put(FULL).version
    assert len(put(FULL).version) == 16


def test_percentages_of_the_same_worth_are_the_same_version() -> None:
    one, other = (put(words({"type": "percent", "percent": percent})) for percent in ("12.5", "25/2"))
    assert one.version == other.version


@pytest.mark.parametrize("name", sorted(FULL))
def test_templates_that_differ_in_anything_have_different_versions(name: str) -> None:
    changed: dict[str, Any] = {
        "name": "other", "kind": TEN_OFF, "valid": {"days": 7}, "currency": "JPY", "zone": "UTC", "stock": 99_991,
        "code": {"prefix": "D11"},
    }  # fmt: skip
    other = {key: value for key, value in FULL.items() if key != name}
    if name in changed:
        other[name] = changed[name]
    assert put(other).version != put(FULL).version


def test_kinds_with_the_same_fields_are_different_versions() -> None:
    assert put(words({"type": "free_shipping"})).version != put(words({"type": "nth_item", "n": 2})).version
    one, other = {"type": "percent", "percent": "50"}, {"type": "nth_item", "n": 2, "percent": "50"}
    assert put(words(one)).version != put(words(other)).version


def test_a_template_is_named_alike_for_ever() -> None:
    assert put(FULL).version == "4e72b3b6bad75447"


def test_a_field_that_says_its_default_says_nothing() -> None:
    assert put(words(TEN_OFF, stock=None, minimum_amount=0, exclude={}, code={})).version == put(words(TEN_OFF)).version


STEPS = {"type": "full_reduction", "steps": [{"at_least": 300, "off": 50}, {"at_least": 500, "off": 100}]}


def steps(*pairs: tuple[int, int], **more: Any) -> dict[str, Any]:
    return {"type": "full_reduction", "steps": [{"at_least": a, "off": off} for a, off in pairs]} | more


@pytest.mark.parametrize(
    ("template", "field", "says"),
    [
        ([], "", "expected `object`, got `array`"),
        ({}, "name", "is missing"),
        (words({}), "kind.type", "is missing"),
        (words({"type": "cashback"}), "kind.type", "one of fixed, free_shipping, full_reduction, gift, nth_item, perc"),
        (words(TEN_OFF | {"percent": "5"}), "kind.percent", "is not a known field"),
        (words({"type": "fixed", "amount": 0}), "kind.amount", "expected `int` >= 1"),
        (words({"type": "fixed", "amount": 1.5}), "kind.amount", "expected `int`"),
        (words({"type": "percent", "percent": "0"}), "kind.percent", "more than 0 and at most 100, not 0"),
        (words({"type": "percent", "percent": "100.1"}), "kind.percent", "at most 100, not 100.1"),
        (words({"type": "percent", "percent": 10}), "kind.percent", "expected `str`"),
        (words({"type": "nth_item", "n": 1}), "kind.n", "expected `int` >= 2"),
        (words({"type": "nth_item", "n": 2, "percent": "101"}), "kind.percent", "at most 100"),
        (words({"type": "gift", "product": "\t"}), "kind.product", "control characters"),
        (words(steps()), "kind.steps", "length >= 1"),
        (words(steps((100, 101))), "kind.steps[0].off", "at most its at_least, 100, not 101"),
        (words(steps((300, 50), (300, 60))), "kind.steps[1].at_least", "more than 300, that of the step before"),
        (words(steps((300, 50), (500, 50))), "kind.steps[1].off", "more than 50"),
        (words(steps((300, 50), (500, 60), times_max=2)), "kind.times_max", "1 with several steps, not 2"),
        (words(STEPS, minimum_amount=500), "minimum_amount", "less than 500, or the first step is never"),
        (words(TEN_OFF, zone="Asia/Atlantis"), "zone", "not 'Asia/Atlantis'"),
        (words(TEN_OFF, currency="XYZ"), "currency", "ISO 4217 such as CNY, not 'XYZ'"),
        (words(TEN_OFF, categories=["a"], exclude={"categories": ["a"]}), "categories", "other categories too"),
        (words(TEN_OFF, products=["a"], exclude={"products": ["a"]}), "products", "other products too"),
        (words(TEN_OFF, products=["茶" * 43]), "products[0]", "1 to 128 bytes"),
        (words(TEN_OFF, name="茶" * 43), "name", "1 to 128 bytes"),
        (words(TEN_OFF, valid={}), "valid.ends", "there, or else valid.days"),
        (words(TEN_OFF, valid={"ends": "tomorrow"}), "valid.ends", "an RFC 3339 time"),
        (words(TEN_OFF, valid={"ends": "3000-01-01T00:00:00Z"}), "valid.ends", "of the years 1970 to 2999"),
        (words(TEN_OFF, valid={"days": 1, "begins": "1969-12-31T23:59:59Z"}), "valid.begins", "the years 1970 to"),
        (words(TEN_OFF, valid={"days": 0}), "valid.days", "expected `int` >= 1"),
        (words(TEN_OFF, valid={"days": 1, "hours": [5, 5]}), "valid.hours", "two different hours"),
        (words(TEN_OFF, valid={"days": 1, "weekdays": [8]}), "valid.weekdays[0]", "expected `int` <= 7"),
        (
            words(TEN_OFF, valid={"begins": "2025-11-11T00:00:00Z", "ends": "2025-11-11T00:00:00Z"}),
            "valid.ends", "after valid.begins, 2025-11-11T00:00:00Z",
        ),
        (
            words(TEN_OFF, valid={
                "begins": "2025-11-11T00:00:00+08:00", "ends": "2025-11-12T00:00:00+08:00", "weekdays": [1, 3]
            }),
            "valid.weekdays", "days that lie between",
        ),
        (words(TEN_OFF, budget=999), "budget", "what one coupon may take off, 1000, not 999"),
        (words(steps((100, 30), times_max=4), budget=119), "budget", "may take off, 120, not 119"),
        (words(TEN_OFF, per_user={"per_day": 6, "per_month": 5}), "per_user.per_day", "at most per_user.per_month, 5"),
        (words(TEN_OFF, per_user={"per_day": 6, "total": 5}), "per_user.per_day", "at most per_user.total, 5, not 6"),
        (words(TEN_OFF, per_user={"total": 6}, stock=5), "per_user.total", "at most stock, 5, not 6"),
        (words(TEN_OFF, per_user={"total": 0}), "per_user.total", "expected `int` >= 1"),
        (words(TEN_OFF, stacking={"group": "g", "exclusive": True}), "stacking.group", "absent with exclusive"),
        (words(TEN_OFF, code={"uses": 5}), "code.uses", "absent without code.public"),
        (words(TEN_OFF, code={"public": "D11", "uses": 6}, stock=5), "code.uses", "at most stock, 5, not 6"),
        (words(TEN_OFF, code={"prefix": "d11"}), "code.prefix", "matching regex"),
        (words(TEN_OFF, code={"public": "DOUBLE11\n"}), "code.public", "matching regex"),
        (words(TEN_OFF, code={"public": "DOUBLE_11"}), "code.public", "matching regex"),
        (words(TEN_OFF, code={"public": "x" * 20}), "code.public", "matching regex"),
        (words(TEN_OFF, code={"public": "double11"}), "code.public", "in capitals, DOUBLE11"),
        (words(TEN_OFF, activity_id="a\tb"), "activity_id", "control characters"),
        (words(TEN_OFF, tags=["a\tb"]), "tags[0]", "control characters"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_the_limit(template: Any, field: str, says: str) -> None:
    refusal = refused(template)
    assert refusal.field == field
    assert says in refusal.message


def test_a_public_code_may_be_of_any_script() -> None:
    assert put(words(TEN_OFF, code={"public": "双11"})).template.code.public == "双11"


def test_all_problems_are_told_at_once() -> None:
    template = Template("\t", Fixed(1_000), Valid(), zone="Nowhere", currency="XXX", budget=1)
    assert [problem.field for problem in problems(template)] == ["zone", "currency", "name", "valid.ends", "budget"]


def many(count: int) -> list[str]:
    return [f"x{index}" for index in range(count)]


@pytest.mark.parametrize(
    ("most", "make"),
    [
        (STEPS_MAX, lambda n: words(steps(*((10 * k, k) for k in range(1, n + 1))))),
        (TIMES_MAX, lambda n: words(steps((10, 1), times_max=n))),
        (PIECES_MAX, lambda n: words({"type": "nth_item", "n": n})),
        (PIECES_MAX, lambda n: words({"type": "gift", "product": "p", "quantity": n})),
        (AMOUNT_MAX, lambda n: words({"type": "fixed", "amount": n})),
        (STOCK_MAX, lambda n: words(TEN_OFF, stock=n)),
        (VALID_DAYS_MAX, lambda n: words(TEN_OFF, valid={"days": n})),
        (PRIORITY_MAX, lambda n: words(TEN_OFF, stacking={"priority": n})),
        (TAGS_MAX, lambda n: words(TEN_OFF, tags=many(n))),
        (LABELS_MAX, lambda n: words(TEN_OFF, products=many(n))),
    ],
)
def test_of_everything_the_largest_is_taken_and_one_more_refused_with_the_limit(most: int, make: Any) -> None:
    put(make(most))
    assert str(most) in refused(make(most + 1)).message


def test_a_template_is_bounded_in_bytes() -> None:
    template = msgspec.json.encode(words(TEN_OFF))
    assert isinstance(parse(template + b" " * (BYTES_MAX - len(template))), Offer)
    refusal = parse(template + b" " * (BYTES_MAX + 1 - len(template)))
    assert isinstance(refusal, Refusal)
    assert str(BYTES_MAX) in refusal.message


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.sampled_from(sorted(FULL)), st.data())
def test_no_small_change_makes_the_reader_raise(name: str, data: st.DataObject) -> None:
    template = msgspec.json.decode(msgspec.json.encode(FULL))
    inside = template
    while isinstance(inside.get(name), dict) and data.draw(st.booleans()):
        inside, name = inside[name], data.draw(st.sampled_from(sorted(inside[name])))
    inside[name] = data.draw(json)
    assert isinstance(parse(msgspec.json.encode(template)), Offer | Refusal)


def test_a_normal_form_leaves_defaults_out_and_keeps_the_kind() -> None:
    assert normal_form.encoded(Template("n", Fixed(5), Valid(days=3)), {}) == (
        b'{"kind":{"amount":5,"type":"fixed"},"name":"n","valid":{"days":3}}'
    )
