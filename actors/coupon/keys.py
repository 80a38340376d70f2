"""The business keys of the coupon domain: what is known by something else than a user or a template."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from actors.coupon import inputs
from supervision.domain import Event
from supervision.envelope import rfc3339
from supervision.outputs import business_key

ISSUES_KEPT = 1_024
"""Each is asked for before a batch is folded, and again when it is issued."""


class Whose(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Of a coupon, by its serial: whose it is. `end` is empty while it is in the purse (a coupon that is not there has
    expired), else what became of it, and by what: the order it was used with, or the user who has it now.
    """

    user_id: str
    template: str
    end: str = ""
    by: str = ""


def serial(number: int) -> bytes:
    """Of a coupon of this segment: a Whose."""
    return business_key("coupon-serial", str(number))


def spelled(user_id: str, code: str) -> bytes:
    """Of an imported code that the user has used: a Whose, with an end as long as it is used."""
    return business_key("coupon-spelled", user_id, code)


@lru_cache(ISSUES_KEPT)
def issue(user_id: str, template: str, occasion: str) -> bytes:
    """Of an occasion: the serials that were issued for it."""
    return business_key("coupon-issue", user_id, template, occasion)


def order(user_id: str, order_id: str) -> bytes:
    """Of the user's order: the coupons used with it."""
    return business_key("coupon-order", user_id, order_id)


def occasion(body: inputs.IssueCoupons, event: Event) -> str:
    """The business occasion of an issue; only where there is none, the message that asked for it.

    Whatever is sent again for the same occasion, under whatever id, is the same issue. A birthday is once a year (of
    UTC), a registration once ever. Sources are anybody's words: their slashes are written otherwise, so that no two
    occasions read alike.
    """
    why = body.why.replace("%", "%25").replace("/", "%2F")
    named = (("order", body.order_id), ("activity", body.activity_id), ("job", body.job_id))
    for kind, value in named:
        if value:
            return f"{why}/{kind}/{value}"
    match body.why:
        case "new_user_register":
            return "new_user_register"
        case "birthday":
            return f"birthday/{rfc3339(event.at)[:4]}"
        case _:
            return f"message//{event.entry.root or event.place}"
