"""What the shop's programs ask for with coupons: issues that come again, holds, uses, releases, roll-backs, and
hand-overs where there are any.

Customers know the codes that were said to them on `marketing.effects`, and take notice of others' too. Orders are few
and named by small numbers, so that what is asked meets what was asked before: again, too late, for another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec

from topology.ports import Outgoing

ORDERS = 3
"""Names of one user's."""
HEARD_MAX = 8
"""Codes that a customer remembers."""
ISSUED = b'"event_type":"coupon_issued"'
REDEEMED = b'"event_type":"coupon_redeemed"'


class CouponShoppers:
    """Of one world, for all who send. `templates` has what the shop offers."""

    def __init__(
        self, rng: Random, users: int, templates: Sequence[str], public: Sequence[str], hands: float,
        other: Random,
    ) -> None:  # fmt: skip
        """`hands`: the share of hand-overs, drawn from `other`."""
        self._hands, self._other = hands, other
        self._given: dict[str, dict[str, Any]] = {}
        """User -> his last hand-over."""
        self._rng, self._users = rng, users
        self._templates, self._public = templates, public
        self._codes: dict[str, list[str]] = {}
        """User -> codes that he was told."""
        self._asked: dict[str, list[tuple[str, str]]] = {}
        """User -> the code and the order of each use and hold that he asked for,"""
        self._used: dict[str, list[tuple[str, str]]] = {}
        """and of each use that he heard of."""

    def heard(self, outgoing: Outgoing) -> None:
        """An effect."""
        if ISSUED in outgoing.body:
            body = msgspec.json.decode(outgoing.body)
            mine = self._codes.setdefault(body["user_id"], [])
            if body["code"] not in mine:
                mine.append(body["code"])
                del mine[:-HEARD_MAX]
        elif REDEEMED in outgoing.body:
            body = msgspec.json.decode(outgoing.body)
            self._used.setdefault(body["user_id"], []).append((body["code"], body["order_id"]))

    def message(self, user: int) -> dict[str, Any]:
        """One about the user."""
        rng, name = self._rng, f"u{user}"
        if self._hands and self._other.random() < self._hands and (given := self._hand_over(name)):
            return given
        if rng.random() < 0.35:
            return self._issue(name)
        if not (code := self._code(name)):
            return self._issue(name)
        order_id = f"o{rng.randrange(ORDERS)}"
        kinds = ("coupon_use", "coupon_hold", "coupon_release", "coupon_rollback")
        kind = rng.choices(kinds, (10, 6, 1, 9))[0]
        before = self._asked.setdefault(name, [])
        back = kind in ("coupon_release", "coupon_rollback")
        if before and rng.random() < (0.85 if back else 0.3):
            code, order_id = before[-1] if rng.random() < 0.4 else rng.choice(before)
        if kind == "coupon_rollback" and (used := self._used.get(name)) and rng.random() < 0.95:
            code, order_id = used.pop(0) if rng.random() < 0.9 else rng.choice(used)
        body: dict[str, Any] = {"event_type": kind, "user_id": name, "code": code}
        if not back:
            before.append((code, order_id))
            body["order"] = _order(order_id)
            if kind == "coupon_hold" and rng.random() < 0.9:
                body["ttl_s"] = rng.choice((1, 60, *(250_000,) * 6))
            return body
        body["order_id"] = order_id
        if kind == "coupon_rollback" and rng.random() < 0.15:
            body["extend_days"] = rng.randint(1, 3)
        return body

    def _hand_over(self, user: str) -> dict[str, Any] | None:
        """Of a code that he was told, seldom of somebody else's; now and then once more, or to another. None when there
        is nobody else, or no code.
        """
        rng = self._other
        if (before := self._given.get(user)) and rng.random() < 0.3:
            return dict(before)
        whose = user if rng.random() < 0.9 else f"u{rng.randrange(self._users)}"
        codes = [*self._codes.get(whose, [])[-3:], *(self._public if rng.random() < 0.1 else ())]
        others = [name for name in (f"u{n}" for n in range(self._users)) if name != user]
        if not codes or not others:
            return None
        body = {"event_type": "coupon_transfer", "user_id": user, "code": rng.choice(codes), "to": rng.choice(others)}
        self._given[user] = body
        return dict(body)

    def _issue(self, user: str) -> dict[str, Any]:
        rng = self._rng
        body: dict[str, Any] = {"event_type": "coupon_issue", "user_id": user, "template": rng.choice(self._templates)}
        match rng.randrange(6):
            case 0:
                body |= {"trigger_source": "new_user_register"}
            case 1:
                body |= {"trigger_source": "birthday"}
            case 2:
                body |= {"trigger_source": "activity", "activity_id": f"a{rng.randrange(2)}"}
            case 3 | 4:
                body |= {"trigger_source": "purchase", "order_id": f"o{rng.randrange(ORDERS)}"}
            case _:
                pass
        if rng.random() < 0.2:
            body["quantity"] = rng.randint(1, 3)
        if rng.random() < 0.1:
            body["expire_days"] = rng.randint(1, 3)
        return body

    def _code(self, user: str) -> str:
        """Empty when he has been told of none."""
        rng = self._rng
        roll = rng.random()
        if self._public and roll < 0.3:
            return rng.choice(self._public)
        whose = user if roll < 0.88 else f"u{rng.randrange(self._users)}"
        codes = self._codes.get(whose, [])
        if roll > 0.965:
            return "NOSUCHCODE"
        if not codes:
            return ""
        code = rng.choice(codes)
        if roll > 0.95:
            return code[:-1] + ("A" if code[-1] != "A" else "B")
        return code.replace("-", "").lower() if rng.random() < 0.1 else code


def _order(order_id: str) -> dict[str, Any]:
    """The same each time."""
    n = int(order_id[1:]) + 1
    items = [
        {"product_id": "tea", "category": "food", "quantity": n, "amount": 3_333 * n},
        {"product_id": "cup", "category": "ware", "quantity": 1, "amount": 1_200},
    ]
    return {"order_id": order_id, "currency": "CNY", "items": items[: 1 + n % 2]}
