"""The commands about coupons over HTTP, a row for each; what they mean is the coupon domain's matter.

A body is the message of the same name without what the path says. Who releases a hold or rolls a use back need not say
whose the coupon is: its code leads there. Only a public code, which is nobody's, needs a `user_id`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from actors.coupon import results
from actors.coupon.actor import CouponIssuerActor
from gateway.commands import EntryAt
from gateway.message_schema import command
from gateway.routes_commands import ByCode, CommandRoute, Method, path_fields

_COUPON = "/v1/coupons/{code:str}"
_ORDER = "{order_id:str}"

_Result = results.Issued | results.Held | results.Redeemed | results.Released | results.RolledBack | results.Transferred


def _row(
    method: Method, path: str, event_type: str, summary: str, result: type[_Result], by_code: ByCode = "no"
) -> CommandRoute:
    answer = msgspec.defstruct(f"{result.__name__}Answer", [("entry", EntryAt), ("result", result)], frozen=True)
    may_be_left = ["user_id"] if by_code == "owner_is_found" else []
    body = command(event_type, path_fields(path), may_be_left)
    return CommandRoute(path, event_type, summary, body, answer, CouponIssuerActor.name, method, by_code)


COMMANDS: Sequence[CommandRoute] = (
    _row("POST", "/v1/users/{user_id:str}/coupons", "coupon_issue", "Give coupons of a template", results.Issued),
    _row("POST", f"{_COUPON}/holds", "coupon_hold", "Hold a coupon for an order", results.Held, "guarded"),
    _row(
        "DELETE", f"{_COUPON}/holds/{_ORDER}", "coupon_release", "Free a held coupon", results.Released,
        "owner_is_found",
    ),
    _row("POST", f"{_COUPON}/redemptions", "coupon_use", "Use a coupon with an order", results.Redeemed, "guarded"),
    _row(
        "POST", f"{_COUPON}/redemptions/{_ORDER}/rollback", "coupon_rollback", "Give a used coupon back",
        results.RolledBack, "owner_is_found",
    ),
    _row("POST", f"{_COUPON}/transfer", "coupon_transfer", "Hand a coupon over", results.Transferred, "guarded"),
)  # fmt: skip
"""All of them."""
