"""Why a coupon is not issued, not applied or not redeemed: every code there is, each with a sentence.

Programs read the code, people the sentence, and the table in the documents is made from what stands here; so a code
that is in no table cannot be given. A `Reason` also says which condition failed (`path`, in the template, the terms or
the order), what it wants and what it saw: amounts in minor units, moments in RFC 3339, lists cut to LABELS_SHOWN_MAX.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

LABELS_SHOWN_MAX = 20
"""Of the categories, products or codes of one reason: an answer stays short however long a template's lists are."""

Value = int | str | tuple[int | str, ...] | None


class Code(StrEnum):
    """Stable: codes are only added to."""

    UNKNOWN_CODE = "unknown_code"
    BAD_CHECK_CHARACTER = "bad_check_character"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    NOT_YOURS = "not_yours"
    ALREADY_REDEEMED = "already_redeemed"
    HELD_BY_OTHER_ORDER = "held_by_other_order"
    NOT_HELD = "not_held"
    NOT_REDEEMED = "not_redeemed"
    UNKNOWN_TEMPLATE = "unknown_template"
    TEMPLATE_PAUSED = "template_paused"
    TEMPLATE_CLOSED = "template_closed"
    SOLD_OUT = "sold_out"
    BUDGET_SPENT = "budget_spent"
    PER_USER_LIMIT = "per_user_limit"
    PURSE_FULL = "purse_full"
    WIDENS = "widens"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    WEEKDAY = "weekday"
    HOUR = "hour"
    CURRENCY = "currency"
    CATEGORY = "category"
    PRODUCT = "product"
    EXCLUDED_CATEGORY = "excluded_category"
    EXCLUDED_PRODUCT = "excluded_product"
    MINIMUM_AMOUNT = "minimum_amount"
    TOO_FEW_PIECES = "too_few_pieces"
    GIFT_NOT_IN_ORDER = "gift_not_in_order"
    NO_SHIPPING = "no_shipping"
    NOTHING_TO_DISCOUNT = "nothing_to_discount"
    NOT_COMBINABLE = "not_combinable"
    TOO_MANY_COUPONS = "too_many_coupons"
    NO_GAIN = "no_gain"
    NOT_TRANSFERABLE = "not_transferable"
    BEING_TRANSFERRED = "being_transferred"
    TRANSFERRED = "transferred"
    NOT_DELIVERED = "not_delivered"


SENTENCES: dict[Code, str] = {
    Code.UNKNOWN_CODE: "There is no coupon with this code.",
    Code.BAD_CHECK_CHARACTER: "The code is mistyped: its check characters do not fit.",
    Code.TOO_MANY_ATTEMPTS: "Too many wrong codes came from here; try again later.",
    Code.NOT_YOURS: "The coupon belongs to another user.",
    Code.ALREADY_REDEEMED: "The coupon has been used.",
    Code.HELD_BY_OTHER_ORDER: "The coupon is held for another order.",
    Code.NOT_HELD: "The coupon is not held for this order.",
    Code.NOT_REDEEMED: "The coupon was not used with this order.",
    Code.UNKNOWN_TEMPLATE: "There is no such template, or it is not active yet.",
    Code.TEMPLATE_PAUSED: "The shop has paused this kind of coupon.",
    Code.TEMPLATE_CLOSED: "The shop has ended this kind of coupon.",
    Code.SOLD_OUT: "All coupons of this kind have been given out.",
    Code.BUDGET_SPENT: "The money set aside for this kind of coupon is spent.",
    Code.PER_USER_LIMIT: "The user has had as many coupons of this kind as one may have.",
    Code.PURSE_FULL: "The user has as many coupons as one may have at a time.",
    Code.WIDENS: "The conditions asked for allow more than the template does.",
    Code.NOT_YET_VALID: "The coupon is not valid yet.",
    Code.EXPIRED: "The coupon is no longer valid.",
    Code.WEEKDAY: "The coupon is not valid on this day of the week.",
    Code.HOUR: "The coupon is not valid at this hour.",
    Code.CURRENCY: "The order is in another currency than the coupon.",
    Code.CATEGORY: "The coupon is not for the categories of these items.",
    Code.PRODUCT: "The coupon is not for these products.",
    Code.EXCLUDED_CATEGORY: "The categories of these items are excluded.",
    Code.EXCLUDED_PRODUCT: "These products are excluded.",
    Code.MINIMUM_AMOUNT: "The items that the coupon is for come to less than its minimum.",
    Code.TOO_FEW_PIECES: "There are too few pieces of what the coupon is for.",
    Code.GIFT_NOT_IN_ORDER: "The product that the coupon makes a gift is not in the order.",
    Code.NO_SHIPPING: "The order has no shipping to be free of.",
    Code.NOTHING_TO_DISCOUNT: "There is nothing that the coupon could take off.",
    Code.NOT_COMBINABLE: "The coupon cannot be combined with another one that is a better deal.",
    Code.TOO_MANY_COUPONS: "The order has as many coupons as one order may have.",
    Code.NO_GAIN: "Beside the others the coupon makes no better deal.",
    Code.NOT_TRANSFERABLE: "Coupons of this kind cannot be handed over.",
    Code.BEING_TRANSFERRED: "The coupon is on its way to another user.",
    Code.TRANSFERRED: "The coupon has been handed over to another user.",
    Code.NOT_DELIVERED: "The coupon could not be brought to the other user; it is here again.",
}
"""For people and for the documents."""


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One condition that failed."""

    code: Code
    path: str = ""
    want: Value = None
    saw: Value = None


def shown(values: Iterable[str]) -> tuple[str, ...]:
    """The first of them in order, each once."""
    return tuple(sorted(set(values))[:LABELS_SHOWN_MAX])
