"""docs/coupons.md says of messages, templates, effects, refusals and limits what the code says."""

from __future__ import annotations

from tests.house import coupon_page


def test_what_is_made_from_the_code_is_up_to_date() -> None:
    page = coupon_page.PATH.read_text()
    assert all(coupon_page.BEGIN.format(name) in page for name in coupon_page.sections())
    assert coupon_page.renewed(page) == page, "run python -m tests.house.coupon_page"
