"""The terms of a coupon: a message may narrow what its template says, and never widen it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.commands import Refusal
from actors.coupon.discount import judge
from actors.coupon.narrowing import CONDITION_LABELS_MAX, Terms, terms
from actors.coupon.offer import Offer
from actors.coupon.reasons import Code
from actors.coupon.taking import Discount
from actors.coupon.template import VALID_DAYS_MAX
from actors.fields import rfc3339_ms
from actors.orders import Order
from tests.coupon_world import CATEGORIES, NOON, PRODUCTS, issued, offer, orders

TEN_OFF: dict[str, Any] = {"type": "fixed", "amount": 1_000}


def ms(text: str) -> int:
    return rfc3339_ms(f"{text}+08:00") or 0


def refused(one: Offer, days: int | None = None, conditions: Any = None, at: int = NOON) -> Refusal:
    found = terms(one, at, days, msgspec.json.encode(conditions))
    assert isinstance(found, Refusal), found
    return found


def test_a_message_that_says_nothing_has_the_templates_terms() -> None:
    one = offer(TEN_OFF, minimum_amount=5_000, categories=["tea"])
    assert issued(one) == Terms(NOON, ms("2025-12-12T00:00:00"), 5_000)


def test_the_seeds_message_narrows_days_minimum_and_categories() -> None:
    conditions = {"min_amount": 100, "valid_categories": ["electronics", "books", "books"]}
    assert issued(offer(TEN_OFF), days=7, conditions=conditions) == Terms(
        NOON, ms("2025-11-19T00:00:00"), 10_000, ("books", "electronics")
    )


def test_days_end_with_the_day_in_the_templates_zone() -> None:
    late = rfc3339_ms("2025-11-11T23:59:59+08:00") or 0
    assert issued(offer(TEN_OFF), late, days=1).valid_until == ms("2025-11-13T00:00:00")
    assert issued(offer(TEN_OFF), late + 1_000, days=1).valid_until == ms("2025-11-14T00:00:00")


def test_a_window_bounds_the_days_and_a_later_beginning_starts_them() -> None:
    begins, ends = "2025-12-01T00:00:00+08:00", "2025-12-24T18:00:00+08:00"
    window = offer(TEN_OFF, valid={"begins": begins, "ends": ends})
    assert issued(window) == Terms(ms("2025-12-01T00:00:00"), ms("2025-12-24T18:00:00"), 0)
    both = offer(TEN_OFF, valid={"begins": begins, "ends": ends, "days": 10})
    assert issued(both).valid_until == ms("2025-12-12T00:00:00")
    assert issued(both, ms("2025-12-20T12:00:00")).valid_until == ms("2025-12-24T18:00:00")
    assert issued(both, ms("2025-12-20T12:00:00"), days=10).valid_until == ms("2025-12-24T18:00:00")


def test_after_the_window_none_is_issued() -> None:
    gone = offer(TEN_OFF, valid={"ends": "2025-11-11T12:00:00+08:00"})
    assert refused(gone).code == Code.EXPIRED
    assert issued(gone, NOON - 1).valid_until == NOON


def test_more_days_than_the_templates_widen() -> None:
    refusal = refused(offer(TEN_OFF), 31)
    assert (refusal.code, refusal.field) == (Code.WIDENS, "expire_days")
    assert refusal.message == "expire_days must be at most the template's valid.days, 30, not 31"


def test_days_beyond_the_templates_window_widen() -> None:
    window = offer(TEN_OFF, valid={"ends": "2025-11-14T00:00:00+08:00"})
    assert issued(window, days=2).valid_until == ms("2025-11-14T00:00:00")
    refusal = refused(window, 3)
    assert (refusal.code, refusal.field) == (Code.WIDENS, "expire_days")
    assert "valid.ends, 2025-11-13T16:00:00.000Z, not 3" in refusal.message


@pytest.mark.parametrize(
    ("conditions", "code", "field", "says"),
    [
        ({"min_amount": 49.99}, Code.WIDENS, "conditions.min_amount", "minimum_amount, 50.00 CNY"),
        ({"min_amount": 100.001}, "too_precise", "conditions.min_amount", "at most 2 decimal places"),
        ({"min_amount": "100"}, "wrong_type", "conditions.min_amount", "must be a JSON number"),
        ({"valid_categories": ["tea", "pots"]}, Code.WIDENS, "conditions.valid_categories[1]", "cups, tea, not pots"),
        ({"valid_products": ["x"]}, Code.WIDENS, "conditions.valid_products[0]", "none that the template excludes"),
        ({"valid_categories": []}, "out_of_range", "conditions.valid_categories", "length >= 1"),
        ({"valid_categories": ["a\n"]}, "control_characters", "conditions.valid_categories[0]", "control characters"),
        ({"max_amount": 5}, "unknown_field", "conditions.max_amount", "is not a known field"),
        ([], "wrong_type", "conditions", "expected `object"),
    ],
)
def test_what_would_widen_or_is_not_understood_is_refused_with_its_place_and_the_limit(
    conditions: Any, code: str, field: str, says: str
) -> None:
    one = offer(TEN_OFF, minimum_amount=5_000, categories=["tea", "cups"], exclude={"products": ["x"]})
    refusal = refused(one, conditions=conditions)
    assert (refusal.code, refusal.field) == (code, field)
    assert says in refusal.message


@pytest.mark.parametrize("days", [0, -1, VALID_DAYS_MAX + 1])
def test_days_are_bounded(days: int) -> None:
    assert str(VALID_DAYS_MAX) in refused(offer(TEN_OFF), days).message


def test_as_many_labels_as_a_coupon_keeps_are_taken_and_no_more() -> None:
    labels = [f"c{n}" for n in range(CONDITION_LABELS_MAX + 1)]
    assert len(issued(offer(TEN_OFF), conditions={"valid_categories": labels[1:]}).categories) == CONDITION_LABELS_MAX
    assert str(CONDITION_LABELS_MAX) in refused(offer(TEN_OFF), conditions={"valid_categories": labels}).message


@pytest.mark.parametrize("conditions", [b"", b"{", b'"\xff"'])
def test_conditions_that_are_no_json_are_refused(conditions: bytes) -> None:
    assert isinstance(terms(offer(TEN_OFF), NOON, None, conditions), Refusal)


asked = st.fixed_dictionaries(
    {},
    optional={
        "min_amount": st.integers(0, 40),
        "valid_categories": st.lists(st.sampled_from(CATEGORIES[:2]), min_size=1, max_size=2),
        "valid_products": st.lists(st.sampled_from(PRODUCTS), min_size=1, max_size=3),
    },
)
offers = st.builds(
    lambda fields, days, window: offer(
        TEN_OFF, **fields, valid={"days": days, "ends": f"2025-11-{11 + window}T18:00:00+08:00" if window else None}
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "minimum_amount": st.integers(0, 2_000),
            "categories": st.just(["tea"]),
            "products": st.just(["p", "q"]),
            "exclude": st.just({"products": ["r"]}),
        },
    ),
    st.integers(1, 5),
    st.integers(0, 4),
)


@given(offers, st.none() | st.integers(1, 6), asked, orders(), st.integers(-1, 150))
def test_whatever_is_asked_a_coupon_is_good_for_nothing_that_the_template_is_not(
    one: Offer, days: int | None, conditions: dict[str, Any], cart: Order, hours: int
) -> None:
    narrowed = terms(one, NOON, days, msgspec.json.encode(conditions))
    if isinstance(narrowed, Refusal):
        return
    own, at = issued(one), NOON + hours * 3_600_000
    narrow, wide = judge(narrowed, one, cart, at), judge(own, one, cart, at)
    assert own.valid_from <= narrowed.valid_from
    assert narrowed.valid_until <= own.valid_until
    if isinstance(narrow, Discount):
        assert isinstance(wide, Discount)
        assert narrow.total <= wide.total
