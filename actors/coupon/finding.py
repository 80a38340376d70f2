"""Finding the coupon that a code means, for one user, and guarding against who tries codes out.

A generated code says where its coupon is (codes.py); the purse has it, or what became of it stands under its serial. A
public code names a template, and the user's coupon of it is made when it is first held or used. So is that of an
imported code, which says nothing but itself: what the user has by it is in his purse, or stands under its spelling, and
for anything else the code must be asked (imported.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec

from actors.commands import Refusal
from actors.coupon import guard, keys
from actors.coupon.clerk import Clerk
from actors.coupon.code_keys import CodeKeys
from actors.coupon.codes import MISTYPED, UNKNOWN, Located, locate
from actors.coupon.directory import Directory
from actors.coupon.guard import LIMITS, MISTYPED_WEIGHT, UNKNOWN_WEIGHT, Guard
from actors.coupon.order_coupons import OrderCoupons, Used
from actors.coupon.reasons import SENTENCES, Code
from actors.coupon.spelling import FIELD, IMPORTED, is_generated, normal
from actors.coupon.state import Coupon, Purse

READ_KEPT = 1_024
"""Codes read last: each is asked for when a batch is loaded, when its shelf is, and when it is used."""

_located = lru_cache(READ_KEPT)(locate)
_whose = msgspec.msgpack.Decoder(keys.Whose).decode

WEIGHTS: Mapping[str, int] = {MISTYPED.code: MISTYPED_WEIGHT, UNKNOWN.code: UNKNOWN_WEIGHT}
"""What a refusal of a code counts for the guard; others count nothing."""


ENDS: Mapping[str, Code] = {"redeemed": Code.ALREADY_REDEEMED, "transferred": Code.TRANSFERRED}
"""What is said of a coupon that is in its owner's purse no more."""


class Spelled(msgspec.Struct, frozen=True):
    """A code, in normal form, that may be an imported one."""

    code: str


Read = Located | str | Spelled
"""What a code means: a place, the template whose public code it is, or what only the code itself knows."""
ANY = Directory(codes={IMPORTED: ""})
"""For who does not know which templates there are: a code that is not generated is taken for an imported one."""


def declined(code: Code) -> Refusal:
    """Because of the code that was sent."""
    return Refusal(code, FIELD, SENTENCES[code])


def read(code: str, code_keys: CodeKeys, segments: int, directory: Directory) -> Read | Refusal:
    """What `code` means, by itself. O(1)."""
    plain = normal(code)
    if isinstance(plain, Refusal):
        return Refusal(MISTYPED.code, plain.field, plain.message)
    if is_generated(plain):
        return _located(plain, code_keys, segments)
    return directory.codes.get(plain) or (Spelled(plain) if IMPORTED in directory.codes else UNKNOWN)


def whose_key(meant: Located | Spelled, user_id: str) -> bytes:
    """The business key under which stands what became of the user's coupon."""
    return keys.serial(meant.serial) if isinstance(meant, Located) else keys.spelled(user_id, meant.code)


def template_of(purse: Purse, meant: Read | Refusal, segment: int, whose: bytes | None) -> str:
    """The template of the coupon that is meant; empty when there is none."""
    if isinstance(meant, str):
        return meant
    if isinstance(meant, Refusal) or (isinstance(meant, Located) and meant.segment != segment):
        return ""
    coupon = purse.coupons.get(meant.serial) if isinstance(meant, Located) else _by_imported(purse, meant)
    if coupon is not None:
        return coupon.template
    return _whose(whose).template if whose else ""


def _by_imported(purse: Purse, meant: Spelled) -> Coupon | None:
    return next((coupon for coupon in purse.coupons.values() if coupon.imported == meant.code), None)


def wait_ms(clerk: Clerk) -> int:
    """How long the user must wait before another code of his is looked at."""
    return guard.judge(clerk.purse.guard or Guard(), clerk.at)


def strange(clerk: Clerk, why: Refusal) -> Refusal:
    """What is said of a code that means nothing of the user's: while he must wait, not even that."""
    if wait := wait_ms(clerk):
        return guard.too_many_attempts(wait)
    missed(clerk, why)
    return why


def again(clerk: Clerk, why: Refusal) -> Mapping[str, int]:
    """When the user may try again, where that is why he was refused."""
    wait = wait_ms(clerk) if why.code == Code.TOO_MANY_ATTEMPTS else 0
    return {"wait_s": guard.wait_s(wait)} if wait else {}


def missed(clerk: Clerk, why: Refusal) -> None:
    """The user's code was wrong in this way."""
    if weight := WEIGHTS.get(why.code):
        clerk.purse.guard = guard.missed(clerk.purse.guard or Guard(), clerk.at, weight, LIMITS["user"])


def found(clerk: Clerk, meant: Read, order_id: str) -> Coupon | Refusal | None:
    """The user's coupon; None for a public code that he has not taken yet for this order, or an imported one that he
    does not have.
    """
    if isinstance(meant, str):
        mine = [coupon for coupon in clerk.purse.coupons.values() if _by_public(coupon, meant)]
        return next((coupon for coupon in mine if coupon.hold and coupon.hold.order_id == order_id), None)
    if isinstance(meant, Spelled):
        value = clerk.claimed(whose_key(meant, clerk.user_id))
        spent = value is not None and _whose(value).end == "redeemed"
        return declined(Code.ALREADY_REDEEMED) if spent else _by_imported(clerk.purse, meant)
    if meant.segment != clerk.segment:
        return declined(Code.NOT_YOURS)
    coupon = clerk.purse.coupons.get(meant.serial)
    if coupon is not None:
        return coupon if coupon.key == meant.key_id else UNKNOWN
    value = clerk.claimed(keys.serial(meant.serial))
    if value is None:
        return UNKNOWN
    whose = _whose(value)
    if whose.user_id != clerk.user_id:
        return declined(Code.NOT_YOURS)
    return declined(ENDS.get(whose.end, Code.EXPIRED))


def handed_over(clerk: Clerk, meant: Read | Refusal) -> str:
    """Whom the user has handed the coupon over to; empty when he has not."""
    if not isinstance(meant, Located) or meant.segment != clerk.segment:
        return ""
    value = clerk.claimed(whose_key(meant, clerk.user_id))
    whose = _whose(value) if value else None
    return whose.by if whose and (whose.user_id, whose.end) == (clerk.user_id, "transferred") else ""


def _by_public(coupon: Coupon, template: str) -> bool:
    return coupon.public and not coupon.imported and coupon.template == template


def used(book: OrderCoupons, meant: Read, segment: int) -> Used | None:
    """The use of the coupon that is meant, if it was used with the order already. Serials are those of `segment`."""
    for each in book.used:
        coupon = each.coupon
        if isinstance(meant, str):
            if _by_public(coupon, meant):
                return each
        elif isinstance(meant, Spelled):
            if coupon.imported == meant.code:
                return each
        elif (segment, coupon.serial, coupon.key) == (meant.segment, meant.serial, meant.key_id) and not coupon.public:
            return each
    return None
