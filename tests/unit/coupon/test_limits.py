"""The largest there can be: purses, shelves, directories and templates fit where they must."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.coupon import directory, issuing, listing
from actors.coupon.directory import Directory, Listed
from actors.coupon.narrowing import CONDITION_BYTES_MAX
from actors.coupon.offer import BYTES_MAX, Offer, parse
from actors.coupon.state import COUPONS_MAX, PURSE_MAX, TEMPLATES_MAX, Coupon
from supervision.forms import STATE_BYTES_MAX
from tests.coupon_engine import TEMPLATE, CouponEngine, cart

DAY_S = 86_400


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[CouponEngine]:
    engine = CouponEngine(tmp_path / "data")
    yield engine
    engine.close()


def full(shop: CouponEngine, user: str, **fields: Any) -> list[str]:
    """The codes of a purse that is full."""
    shop.put(per_user={}, **fields)
    shop.settle()
    for order in range(COUPONS_MAX // 10):
        shop.say("coupon_issue", user, template="T1", source="purchase", order_id=f"o-{order}", quantity=10)
    shop.settle()
    assert len(shop.purse(user).coupons) == COUPONS_MAX
    return [body["code"] for body in shop.told("coupon.issued")]


def test_a_full_purse_takes_no_more_by_whatever_way_but_takes_back_what_was_used(shop: CouponEngine) -> None:
    codes = full(shop, "u")
    shop.put("PUBLIC", code={"public": "DOUBLE11"})
    shop.say("coupon_use", "u", code=codes[0], order=cart("used"))
    shop.settle()
    shop.say("coupon_issue", "u", template="T1", source="purchase", order_id="another")
    shop.say("coupon_issue", "u", template="T1", source="purchase", order_id="too-many")
    shop.say("coupon_hold", "u", code="DOUBLE11", order=cart("held"))
    shop.say("coupon_rollback", "u", code=codes[0], order_id="used")
    shop.settle()
    assert [body["code"] for body in shop.told("coupon.refused")] == ["purse_full", "purse_full"]
    assert shop.told("coupon.rolled_back") and len(shop.purse("u").coupons) == COUPONS_MAX + 1
    assert shop.parked() == []


def test_the_largest_purse_can_be_written(shop: CouponEngine) -> None:
    labels = [f"{n}" + "x" * 126 for n in range(CONDITION_BYTES_MAX // 128)]
    shop.put("T" * 64)
    shop.settle()
    shop.say(
        "coupon_issue", "u", template="T" * 64, source="s" * 64, quantity=1, conditions={"valid_categories": labels}
    )
    shop.settle()
    purse = shop.purse("u")
    (coupon,) = purse.coupons.values()
    assert isinstance(coupon, Coupon)
    more = dict.fromkeys(range(10**12, 10**12 + PURSE_MAX), coupon)
    uses = {f"{n:064}": purse.uses["T" * 64] for n in range(TEMPLATES_MAX + PURSE_MAX)}
    largest = msgspec.structs.replace(purse, coupons=more, uses=uses, waiting=dict.fromkeys(uses, 9))
    assert len(msgspec.msgpack.encode(largest)) < STATE_BYTES_MAX


def test_templates_that_are_over_make_room_for_others(shop: CouponEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "TEMPLATES_MAX", 3)
    for template in ("T1", "T2", "T3", "T4", "T5"):
        shop.put(template)
    shop.settle()
    for template in ("T1", "T2", "T3", "T4"):
        shop.say("coupon_issue", "u", template=template, source="test")
    shop.settle()
    assert [body["code"] for body in shop.told("coupon.refused")] == ["purse_full"]
    used = shop.told("coupon.issued", template="T1")[0]["code"]
    shop.say("coupon_use", "u", code=used, order=cart("o"))
    for template in ("T1", "T2"):
        shop.put(template, "closed")
    shop.settle()
    shop.say("coupon_issue", "u", template="T4", source="again")
    shop.settle()
    assert shop.purse("u").uses.keys() == {"T2", "T3", "T4"}, "a coupon of T2 is still there"
    shop.say("coupon_rollback", "u", code=used, order_id="o")
    shop.say("coupon_issue", "u", template="T5", source="test")
    shop.settle()
    assert shop.purse("u").uses.keys() == {"T1", "T2", "T3", "T4"} and shop.parked() == []
    assert [body["code"] for body in shop.told("coupon.refused")] == ["purse_full"] * 2
    assert used in [body["code"] for body in shop.told("coupon.rolled_back")]


def test_coupons_of_many_templates_that_end_at_one_moment_are_all_heard_of(shop: CouponEngine) -> None:
    templates = [f"T{n}" for n in range(20)]
    for template in templates:
        shop.put(template, valid={"days": 1})
    shop.settle()
    for template in templates:
        shop.say("coupon_issue", "u", template=template, source="test")
    shop.settle()
    shop.clock.advance(1.2 * DAY_S)
    shop.settle(60)
    shop.clock.advance(1.2 * DAY_S)
    shop.settle(60)
    assert sorted(body["template"] for body in shop.told("coupon.expiring")) == sorted(templates)
    assert sorted(body["template"] for body in shop.told("coupon.expired")) == sorted(templates)
    assert shop.said("engine.depth_exceeded") == []


def large(name: str) -> dict[str, Any]:
    """A template of nearly as many bytes as one may have."""
    products = [f"{n:0100}" for n in range(1_000)]
    categories = [f"{n:0128}" for n in range(1_000)]
    return {"name": name, "categories": categories, "products": products}


def test_versions_of_the_largest_template_do_not_stop_the_segment(shop: CouponEngine) -> None:
    for n in range(6):
        shop.put(**large(f"version {n}"), minimum_amount=n)
        shop.settle()
    shop.put("SMALL")
    shop.settle()
    shop.say("coupon_issue", "u", template="SMALL", source="test")
    shop.settle()
    assert shop.parked() == [] and shop.told("coupon.issued")


def test_a_template_that_was_accepted_is_read_whatever_its_defaults_add() -> None:
    labels = [f"{n:0127}" for n in range(1_000)]
    fields = TEMPLATE | {"categories": labels, "products": labels, "exclude": {"products": []}}
    rest = BYTES_MAX - len(msgspec.json.encode(fields))
    fields["exclude"] = {"products": [f"x{n:0126}" for n in range(rest // 130)]}
    found = parse(msgspec.json.encode(fields))
    assert isinstance(found, Offer), found
    _, stored = listing.read(listing.listed("active", found.template))
    assert len(stored) > BYTES_MAX and listing.compiled(stored).template == found.template


def test_the_fullest_directory_can_be_written_and_says_that_it_is_full() -> None:
    book = Directory()
    number = 0
    while not directory.full(book):
        listed = Listed(1_000_000 + number, "active", f"{number:019}", f"{number:0128}")
        directory.enter(book, f"{number:064}", listed)
        number += 1
    assert 1_000 < number <= directory.TEMPLATES_MAX
    directory.enter(book, "one more", Listed(1, "active", "ONE MORE", "one more"))
    assert "one more" not in book.templates, "who slips past the door is known by its id alone"
    assert len(msgspec.msgpack.encode(book)) < STATE_BYTES_MAX
