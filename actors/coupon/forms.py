"""What each of the coupon domain's commands must look like to be taken: the whole contract, as one table of forms."""

from __future__ import annotations

from typing import Any

from actors import orders
from actors.commands import Refusal
from actors.coupon import inputs, narrowing
from actors.forms import EVENT_TYPE, TIMESTAMP, Field, Form, Named, about_a_user, maybe_number, maybe_text, text
from actors.orders import ORDER_ID_BYTES_MAX
from actors.points.messages import USER_ID_BYTES_MAX

TEMPLATE_ID_BYTES_MAX = 64
SOURCE_BYTES_MAX = 64
OCCASION_BYTES_MAX = 128
CODE_BYTES_MAX = 128
"""As it was typed, with dashes and blanks."""
QUANTITY_MAX = 10
EXPIRE_DAYS_MAX = 3_650
EXTEND_DAYS_MAX = 365
HOLD_S_MAX = 7 * 24 * 3600
FRONT_DOOR = "marketing.coupon.events"


_EVENT = {
    "event_type": EVENT_TYPE,
    "user_id": text(USER_ID_BYTES_MAX),
    "timestamp": TIMESTAMP,
}
_CODE = text(CODE_BYTES_MAX)
_ORDER = Field("an object with order_id, currency, amount and items")
_ORDER_ID = text(ORDER_ID_BYTES_MAX)
_TWICE = (("template", "coupon_template_id"), ("source", "trigger_source"), ("quantity", "issue_quantity"))


def _issue(message: inputs.IssueCoupons) -> Refusal | None:
    for ours, seeds in _TWICE:
        if getattr(message, ours) is not None and getattr(message, seeds) is not None:
            return Refusal("exclusive", ours, f"{ours} must not be given beside {seeds}, which is the same")
    if not message.of:
        return Refusal("missing", "template", "template (or coupon_template_id) is missing")
    problem = narrowing.read(bytes(message.conditions))
    return problem if isinstance(problem, Refusal) else None


def _ordered(message: inputs.UseCoupon | inputs.HoldCoupon) -> Refusal | None:
    order = orders.parse_cart(bytes(message.order))
    if isinstance(order, Refusal):
        return order
    said = message.order_id if isinstance(message, inputs.UseCoupon) else None
    if said is not None and said != order.order_id:
        return Refusal("contradiction", "order_id", "order_id must be absent or the order's own")
    return None if order.order_id else Refusal("missing", "order.order_id", "order.order_id is missing")


def _handed_over(message: inputs.TransferCoupon) -> Refusal | None:
    if message.to == message.user_id:
        return Refusal("own_coupon", "to", "to must be another user than user_id")
    return None


_TEMPLATE = maybe_text(TEMPLATE_ID_BYTES_MAX)
_SOURCE = maybe_text(SOURCE_BYTES_MAX)
_NUMBERS = maybe_number(1, QUANTITY_MAX)
ISSUE = Form(
    inputs.IssueCoupons,
    {
        **_EVENT, "template": _TEMPLATE, "coupon_template_id": _TEMPLATE,
        "source": _SOURCE, "trigger_source": _SOURCE,
        "quantity": _NUMBERS, "issue_quantity": _NUMBERS, "expire_days": maybe_number(1, EXPIRE_DAYS_MAX),
        "conditions": Field("absent, null or an object with min_amount, valid_categories or valid_products"),
        "order_id": maybe_text(ORDER_ID_BYTES_MAX), "activity_id": maybe_text(OCCASION_BYTES_MAX),
        "job_id": maybe_text(OCCASION_BYTES_MAX),
    },
    _issue,
)  # fmt: skip
USE = Form(
    inputs.UseCoupon,
    {**_EVENT, "code": _CODE, "order": _ORDER, "order_id": maybe_text(ORDER_ID_BYTES_MAX)},
    _ordered,
)
HOLD = Form(
    inputs.HoldCoupon, {**_EVENT, "code": _CODE, "order": _ORDER, "ttl_s": maybe_number(1, HOLD_S_MAX)}, _ordered
)
RELEASE = Form(inputs.ReleaseCoupon, {**_EVENT, "code": _CODE, "order_id": _ORDER_ID})
ROLL_BACK = Form(
    inputs.RollBackCoupon,
    {**_EVENT, "code": _CODE, "order_id": _ORDER_ID, "extend_days": maybe_number(0, EXTEND_DAYS_MAX)},
)

TRANSFER = Form(inputs.TransferCoupon, {**_EVENT, "code": _CODE, "to": text(USER_ID_BYTES_MAX)}, _handed_over)


def _named(event_type: str, kind: str, key: str, form: Form[Any]) -> Named:
    return about_a_user(event_type, kind, FRONT_DOOR, (key,), form)


PUBLIC = (
    _named("coupon_issue", inputs.ISSUE, "coupon.issue.*", ISSUE),
    _named("coupon_use", inputs.USE, "coupon.usage.*", USE),
    _named("coupon_hold", inputs.HOLD, "coupon.usage.hold", HOLD),
    _named("coupon_release", inputs.RELEASE, "coupon.usage.release", RELEASE),
    _named("coupon_rollback", inputs.ROLL_BACK, "coupon.usage.rollback", ROLL_BACK),
    _named("coupon_transfer", inputs.TRANSFER, "coupon.transfer", TRANSFER),
)
"""What both doors take."""
